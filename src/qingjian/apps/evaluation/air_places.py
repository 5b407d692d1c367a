"""Which region a page of air is about."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air, queries


def place_of(request: HttpRequest) -> tuple[air.Assessed | None, list[air.Assessed]]:
    """Return the region asked for, else the first in reach, and all in reach."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    places = queries.air_regions(request.user)
    wanted = request.GET.get("region")
    if wanted:
        chosen = next((one for one in places if one.region.code == wanted), None)
        if chosen is None:
            raise Http404
        return chosen, places
    return (places[0] if places else None), places

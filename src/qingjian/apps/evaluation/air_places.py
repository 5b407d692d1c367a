"""Which region and which year a page of air is about."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air, queries
from qingjian.apps.evaluation.drafts import day_of
from qingjian.contracts.current import now

MOST_YEARS = 10


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


def year_of(request: HttpRequest, place: air.Assessed) -> tuple[int, list[int]]:
    """Return the year asked for, the newest with data when none is, and the years to choose from."""
    years = queries.air_years(place.region)
    try:
        year = int(request.GET.get("year") or (years[0] if years else day_of(now()).year))
        date(year, 1, 1)
    except ValueError as error:
        raise BadRequest(_("A year is a number.")) from error
    return year, years[:MOST_YEARS]

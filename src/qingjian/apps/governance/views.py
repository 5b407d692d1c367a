"""Pages of governance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from qingjian.apps.governance import queries, tables
from qingjian.apps.matters.views.lists import openable


def corrective_actions(request: HttpRequest) -> HttpResponse:
    rows = queries.corrective_actions_visible_to(request.user)
    own = [one for one in openable(request) if one is tables.CorrectiveActionListing.process]
    return tables.CorrectiveActionListing(request, rows).response({"openable": own})


def alert_handlings(request: HttpRequest) -> HttpResponse:
    return tables.AlertHandlingListing(request, queries.alert_handlings_visible_to(request.user)).response()

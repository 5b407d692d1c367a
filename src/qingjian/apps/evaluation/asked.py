"""What the address of a page of evaluation asks for: region, year, days, item. What cannot be is refused and said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air, queries
from qingjian.apps.evaluation.drafts import day_of
from qingjian.contracts import periods
from qingjian.contracts.current import now
from qingjian.contracts.periods import SPANS, YEAR, Period
from qingjian.ui import asked

MOST_YEARS = 10


def item_of(request: HttpRequest, items: Collection[str]) -> str:
    """Return the item asked for, empty when none is. Raises Http404 for one that is not among them."""
    wanted = request.GET.get("item", "")
    if wanted and wanted not in items:
        raise Http404
    return wanted


def days(request: HttpRequest, usual: tuple[date, date] | None = None) -> tuple[date, date]:
    """Return the days `from` and `to`; the usual ones, or the year so far, when none are asked for. Raises BadRequest."""
    today = day_of(now())
    usual_first, usual_last = usual or (date(today.year, 1, 1), today)
    first = asked.day(request, "from") or usual_first
    last = asked.day(request, "to") or (usual_last if first <= usual_last else today)
    if last < first:
        raise BadRequest(_("The end must lie after the beginning."))
    return first, last


def period_of(request: HttpRequest, newest: date | None, usual: str = YEAR) -> Period:
    """Return the period asked for: `span` (`usual` when none is) and any day `at` in it, the newest with data when none is.

    Raises BadRequest.
    """
    year = request.GET.get("year")
    span = asked.one_of(request, "span", SPANS, usual)
    day = asked.day(request, "at")
    if day is None:
        day = date(asked.year(request, 0), 1, 1) if year else newest or day_of(now())
    return periods.period_of(span, day)


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
    return asked.year(request, years[0] if years else day_of(now()).year), years[:MOST_YEARS]

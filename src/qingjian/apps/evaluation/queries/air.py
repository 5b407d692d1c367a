"""Air of now, of days and years, by station and region."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, Min

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    air,
    air_rules,
    explanation,
)
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.models import (
    Evaluation,
)
from qingjian.apps.evaluation.queries.reach import points_visible_to
from qingjian.apps.evaluation.queries.results import current, label_of
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now

TREND_HOURS = 24
LOOKED_BACK = timedelta(hours=48)
PRESENT = timedelta(hours=3)
"""A station whose newest hour is older has no present index."""


def air_regions(user: Any) -> list[air.Assessed]:
    """Return the counties and cities in reach that have air stations, smallest first."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return [one for one in air.assessed(air.stations()) if one.region.pk in reach.regions]


def air_now(user: Any, place: air.Assessed | None) -> dict[str, Any]:
    """Return the newest hour of a region and of every station in reach there."""
    moment = now()
    recent = current("air_hour").filter(start__gte=moment - LOOKED_BACK)
    points = points_visible_to(user, air.STATION_KINDS).filter(status="running")
    if place is not None:
        points = points.filter(region_id__in=account_rules.subtree({place.region.pk}))
    points = list(points)
    newest: dict[int, Evaluation] = {}
    for since in (moment - 2 * PRESENT, moment - LOOKED_BACK):
        silent = [one.pk for one in points if one.pk not in newest]
        if silent:
            rows = current("air_hour").filter(point__in=silent, start__gte=since)
            newest.update({row.point_id: row for row in rows.defer("trace").order_by("start")})
    series = air.series_of(points)
    assessed = {one.pk for one in place.points} if place else set()
    cards = [
        {
            "point": point,
            "row": newest.get(point.pk),
            "present": point.pk in newest and moment - newest[point.pk].start < PRESENT,
            "label": label_of(series[point.pk].values()),
            "assessed": point.pk in assessed,
            "series": series[point.pk],
        }
        for point in points
    ]
    row = (
        recent.filter(point=None, region=place.region).defer("trace").order_by("-start").first()
        if place
        else None
    )
    index = explanation.air_index(row, rulebook()) if row is not None and row.aqi is not None else None
    labels = [card["label"]["text"] for card in cards if card["assessed"] and card["label"]]
    return {
        "row": row,
        "index": index,
        "cards": cards,
        "labels": sorted(set(labels)),
        "valid": max(row.values["stations"].values(), default=0) if row else 0,
    }


def air_trend(place: air.Assessed) -> list[Evaluation]:
    """Return the last hours of a region."""
    first = now() - timedelta(hours=TREND_HOURS + 1)
    return list(
        current("air_hour")
        .filter(point=None, region=place.region, start__gte=first)
        .defer("trace")
        .order_by("start")
    )


def air_hours_until(newest: datetime, count: int, region: Region) -> list[Evaluation]:
    """Return so many hours of a region up to one, that one included."""
    first = newest - timedelta(hours=count - 1)
    rows = current("air_hour").filter(point=None, region=region, start__gte=first, start__lte=newest)
    return list(rows.only("start", "values"))


def air_days(region: Region, year: int) -> list[Evaluation]:
    """Return the days of a region in a year."""
    rows = current("air_day").filter(
        point=None,
        region=region,
        start__gte=midnight(date(year, 1, 1)),
        start__lt=midnight(date(year + 1, 1, 1)),
    )
    return list(rows.defer("trace", "result").order_by("start"))


def air_years(region: Region) -> list[int]:
    bounds = current("air_day").filter(point=None, region=region).order_by("start")
    first, last = bounds.first(), bounds.last()
    return [] if first is None else list(range(day_of(last.start).year, day_of(first.start).year - 1, -1))


def air_bounds(region: Region) -> tuple[date, date] | None:
    """Return the first and the last day of a region with a result; None without any."""
    rows = current("air_day").filter(point=None, region=region).order_by("start")
    first, last = rows.first(), rows.last()
    return None if first is None else (day_of(first.start), day_of(last.start))


def station_days(
    points: Iterable[Point], first: date, last: date
) -> list[tuple[int, date, dict[str, float]]]:
    """Return (point, day, daily values) of stations."""
    rows = current("air_day").filter(
        point__in=list(points), start__gte=midnight(first), start__lte=midnight(last)
    )
    return [
        (point, day_of(start), values["used"])
        for point, start, values in rows.values_list("point_id", "start", "values")
    ]


def region_days(
    regions: Iterable[Region], first: date, last: date
) -> list[tuple[int, date, dict[str, float]]]:
    """Return (region, day, daily values) of regions as a whole."""
    rows = current("air_day").filter(
        point=None, region__in=list(regions), start__gte=midnight(first), start__lte=midnight(last)
    )
    return [
        (region, day_of(start), values["used"])
        for region, start, values in rows.values_list("region_id", "start", "values")
    ]


def air_span(points: Iterable[Point]) -> tuple[date, date] | None:
    """Return the first and the last day with a result of some stations; None without one."""
    found = current("air_day").filter(point__in=list(points)).aggregate(first=Min("start"), last=Max("start"))
    return (day_of(found["first"]), day_of(found["last"])) if found["first"] else None


def air_place(region: Region, since: date | None = None) -> air.Assessed | None:
    """Return a region with the stations that speak for it, also those in service on a day or later."""
    return next((one for one in air.assessed(air.stations(since)) if one.region.pk == region.pk), None)


def air_shown(pollutant: str, value: float | None) -> float | int | None:
    """Return a stored concentration with the decimals that are shown."""
    return air_rules.shown(pollutant, value)


def air_places() -> list[air.Assessed]:
    """Return every county and city with air stations."""
    return air.assessed(air.stations())

"""Sections, their months and samples, rivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import (
    laboratory,
    rivers,
    water,
)
from qingjian.apps.evaluation.drafts import day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.models import (
    Evaluation,
)
from qingjian.apps.evaluation.queries.reach import points_visible_to
from qingjian.apps.evaluation.queries.results import current, label_of, stored
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.quantity import Given
from qingjian.standards.surface_water.classification import SectionClass

HISTORY_MONTHS = 13


def sections_of(region: Region, since: date | None = None) -> list[Point]:
    """Return the surface-water sections of a region and those below it, also those in service on a day or later."""
    inside = account_rules.subtree({region.pk})
    return [one for one in water.sections(since) if one.region_id in inside]


def sections_over(
    points: Iterable[Point], first: date, last: date, rule: rivers.Rule
) -> list[rivers.SectionPeriod]:
    """Return the sections with a month in a stretch, judged by the means of their months."""
    points = list(points)
    months: dict[int, list[Evaluation]] = {}
    for row in stored("water_month", first, last, points=points):
        months.setdefault(row.point_id, []).append(row)
    book = rulebook()
    judged = (rivers.over(one, months[one.pk], last, rule, book) for one in points if one.pk in months)
    return [one for one in judged if one is not None]


def rate_rivers(
    entries: Iterable[tuple[Point, Mapping[str, Given | None]]], on: date
) -> list[dict[str, Any]]:
    """Rate every river by the items that made the classes of its sections."""
    return rivers.rate(entries, on, rulebook())


def made_class(row: Evaluation) -> dict[str, float]:
    """Return the items that made the class of a stored result."""
    return water.entering(row)


def plain_items(found: SectionClass) -> list[dict[str, Any]]:
    """Return the items of a class as results hold them."""
    return water.plain_items(found)


def is_lake(point: Point) -> bool:
    return laboratory.water_body(point) == "lake"


def water_sections(user: Any, only: Point | None = None) -> list[dict[str, Any]]:
    """Return every running section in reach with its newest day, its present month and its last months.

    `only`: one section the reader may see, whether or not it runs: its history stays.
    """
    if only is not None:
        points = [only]
    else:
        kinds = {one.kind for one in water.sections()} or {"water_station"}
        points = list(points_visible_to(user, kinds).filter(status="running"))
    today = day_of(now())
    month = month_of(today)
    first = month
    for _step in range(HISTORY_MONTHS - 1):
        first = month_of(first - timedelta(days=1))
    months = [first]
    while months[-1] < month:
        months.append(next_month(months[-1]))
    days: dict[int, Evaluation] = {}
    for row in (
        current("water_station_day")
        .filter(point__in=points, start__gte=midnight(today - timedelta(days=7)))
        .defer("trace")
        .order_by("start")
    ):
        days[row.point_id] = row
    monthly: dict[tuple[int, date], Evaluation] = {}
    for row in current("water_month").filter(point__in=points, start__gte=midnight(first)).defer("trace"):
        monthly[row.point_id, day_of(row.start)] = row
    series = water.series_of(points)
    return [
        {
            "point": point,
            "day": days.get(point.pk),
            "month": monthly.get((point.pk, month)),
            "history": [(one, monthly.get((point.pk, one))) for one in months],
            "label": label_of(series[point.pk].values()),
            "items": sorted(item for item in series[point.pk] if item != "T"),
        }
        for point in points
    ]


def river_ratings(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rate every river in reach by the present month of its sections."""
    months = [(one["point"], one["month"]) for one in sections if one["month"] is not None]
    return rate_rivers(((point, water.entering(row)) for point, row in months), day_of(now()))


def section_history(point: Point, year: int) -> list[Evaluation]:
    rows = current("water_station_day").filter(
        point=point, start__gte=midnight(date(year, 1, 1)), start__lt=midnight(date(year + 1, 1, 1))
    )
    return list(rows.defer("trace").order_by("start"))


def section_samples(point: Point) -> list[Evaluation]:
    """Return the newest samples of a section."""
    return list(
        current("water_sample").filter(point=point, start__lte=now()).defer("trace").order_by("-start")[:24]
    )


def section_months(point: Point) -> list[Evaluation]:
    return list(current("water_month").filter(point=point).defer("trace").order_by("-start")[:36])

"""Trend warnings of air stations and river sections: towards the limits of grade II, and of the target class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal

import numpy as np

from qingjian.apps.evaluation import air, laboratory, water
from qingjian.apps.evaluation.approaches import LENGTHS, Track, began, follow
from qingjian.apps.evaluation.bounds import Bound
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point, Series
from qingjian.contracts.current import now
from qingjian.rulebook import Rulebook
from qingjian.standards.editions import Basis
from qingjian.standards.emissions.approach import warning_rules
from qingjian.standards.limits import applicable
from qingjian.standards.surface_water.items import ASSESSED, class_index, item_limits

KINDS: tuple[tuple[Literal["hour", "day"], str], ...] = (("hour", "air_hour"), ("day", "air_day"))
GRADE = "二级"
HOURLY = "1小时平均"
DAILY = {"O3": "日最大8小时平均"}
Bounds = Mapping[str, tuple[Bound, str]]
"""By item: the limit it is held against, and the unit of both."""


def rebuild_air(points: set[int] | None, book: Rulebook) -> None:
    """Work out the warnings of air stations by hours and by days."""
    chosen = [one for one in air.stations() if points is None or one.pk in points]
    series = air.series_of(chosen)
    today = day_of(now())
    for averaging, kind in KINDS:
        held = _air_bounds(today, averaging, book)
        _rebuild(chosen, averaging, kind, {one.pk: held for one in chosen}, series, book)


def rebuild_water(points: set[int] | None, book: Rulebook) -> None:
    """Work out the warnings of stations at sections by days, where a target class is registered.

    Dissolved oxygen is watched as it falls towards its limit, pH towards either end of its range.
    """
    chosen = [
        one
        for one in water.sections()
        if one.attributes.get("target_class") and (points is None or one.pk in points)
    ]
    today = day_of(now())
    held = {one.pk: _water_bounds(one, today, book) for one in chosen}
    _rebuild(chosen, "day", "water_station_day", held, water.series_of(chosen), book)


def _air_bounds(today: date, averaging: str, book: Rulebook) -> dict[str, tuple[Bound, str]]:
    found = {}
    for name in air.POLLUTANTS:
        period = HOURLY if averaging == "hour" else DAILY.get(name, "日平均")
        limits = applicable("air", name, on=today, category=GRADE, averaging_period=period, rulebook=book)
        if limits and limits[0].upper is not None:
            found[name] = (Bound(float(limits[0].upper), None, row=limits[0].row), limits[0].unit)
    return found


def _water_bounds(point: Point, today: date, book: Rulebook) -> dict[str, tuple[Bound, str]]:
    target = class_index(point.attributes["target_class"])
    limits = item_limits(book, Basis(today), laboratory.water_body(point))
    found = {}
    for item, one in limits.items():
        if item not in ASSESSED or target >= len(one.rows):
            continue
        row = one.rows[target]
        if one.low is not None and one.high is not None:
            bound = Bound(float(one.high), float(one.low), row=row)
        elif one.direction == "<=":
            bound = Bound(float(one.limits[target]), None, row=row)
        else:
            bound = Bound(None, float(one.limits[target]), row=row)
        found[item] = (bound, one.unit)
    return found


def _rebuild(
    chosen: Sequence[Point],
    averaging: Literal["hour", "day"],
    kind: str,
    held: Mapping[int, Bounds],
    series: Mapping[int, Mapping[str, Series]],
    book: Rulebook,
) -> None:
    if not chosen:
        return
    rules = warning_rules(averaging, rulebook=book.on(day_of(now())))
    begin = began(chosen, averaging)
    length = LENGTHS[averaging]
    first = midnight(day_of(begin - (rules.window + rules.in_a_row) * length))
    # The running day is no mean yet; a later one may look like a fall.
    last = now() if averaging == "hour" else midnight(day_of(now()))
    count = int((last - first) / length)
    lines: dict[tuple[int, str], np.ndarray] = {}
    rows = Evaluation.objects.filter(
        kind=kind, superseded_at=None, point__in=chosen, start__gte=first, start__lt=first + count * length
    )
    for point, start, values in rows.values_list("point_id", "start", "values"):
        for item, value in values.get("used", {}).items():
            if item in held[point] and item in series[point] and value is not None:
                line = lines.setdefault((point, item), np.full(count, np.nan))
                line[_place(start, first, averaging)] = value
    for point in chosen:
        tracks = [
            Track(series[pk][item], held[pk][item][0], averaging, first, line, line, held[pk][item][1])
            for (pk, item), line in lines.items()
            if pk == point.pk
        ]
        follow(point, averaging, tracks, rules, begin, book)


def _place(start: datetime, first: datetime, averaging: str) -> int:
    return int((start - first) / LENGTHS[averaging])

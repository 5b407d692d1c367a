"""Automatic water stations: the class of a week straight from its readings, and days that stand out from those before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from qingjian.apps.evaluation import laboratory, queries, water
from qingjian.apps.evaluation.drafts import day_of, midnight
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, Trace, TraceBuilder
from qingjian.standards.rounding import legible
from qingjian.standards.surface_water.stations import (
    ASSESSED,
    Fluctuation,
    StationClass,
    fluctuation,
    station_class,
)

WEEKS = 26
WEEK = timedelta(days=7)
OUTSTANDING_DAYS = 30
WATCHED = (*(item for item in ASSESSED if item != "pH"), "TN")
"""Items held against the median of the days before; pH is a logarithm, of which no multiple can be formed."""


@dataclass(frozen=True)
class Week:
    """Class of a station from Monday to Sunday; `hours` valid readings by item, `running` while the week goes on."""

    monday: date
    sunday: date
    running: bool
    found: StationClass
    hours: Mapping[str, int]
    trace: Trace


@dataclass(frozen=True)
class Outstanding:
    """A daily value held against the median of the seven days before."""

    day: date
    found: Fluctuation

    @property
    def ratio(self) -> Decimal:
        return self.found.ratio.quantize(Decimal("0.01"))

    @property
    def median(self) -> Decimal:
        return legible(self.found.median).normalize()


def is_automatic(point: Point) -> bool:
    return point.kind in water.AUTOMATIC


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def weeks(point: Point) -> list[date]:
    """Return the Mondays of the weeks of half a year that have results, newest first."""
    since = monday_of(day_of(now())) - (WEEKS - 1) * WEEK
    starts = (
        queries.current("water_station_day")
        .filter(point=point, start__gte=midnight(since))
        .values_list("start", flat=True)
    )
    return sorted({monday_of(day_of(start)) for start in starts}, reverse=True)


def usual_week(found: list[date]) -> date | None:
    """Return the newest week that is over, else the running one."""
    this = monday_of(day_of(now()))
    return next((one for one in found if one < this), found[0] if found else None)


def week(point: Point, monday: date) -> Week | None:
    """Return the class of a week; None when no reading counts. Kept until one of its days has another result."""
    days = (
        queries.current("water_station_day")
        .filter(point=point, start__gte=midnight(monday), start__lt=midnight(monday + WEEK))
        .order_by("start")
        .values_list("start", "inputs_digest", "target")
    )
    return _week(point, monday, day_of(now()), (rulebook().version, *days))


@lru_cache(maxsize=64)
def _week(point: Point, monday: date, today: date, stamp: tuple[Any, ...]) -> Week | None:
    book = rulebook()
    sunday = monday + timedelta(days=6)
    block = water.Block(book, [point], monday, sunday)
    readings: list[dict[str, Any]] = [{} for _hour in range(block.hours.count)]
    trace = TraceBuilder(Text("水质自动站周评价", "automatic water station, week"))
    hours: dict[str, int] = {}
    for item, values, left_out in block.valid(point, slice(0, block.hours.count)):
        if left_out is not None:
            trace.reject(item, left_out["value"], left_out["zh"], left_out["en"])
        for place, value in enumerate(values.tolist()):
            if value == value:
                readings[place][item] = repr(value)
                hours[item] = hours.get(item, 0) + 1
    readings = [one for one in readings if one]
    try:
        found = station_class(
            readings,
            sunday,
            water_body=laboratory.water_body(point),
            target=point.attributes.get("target_class") or None,
            rulebook=book,
        )
    except EvaluationError:
        return None
    trace.step(
        f"{monday}（周一）至 {sunday}（周日）有读数的小时 {len(readings)} 个；直接由小时读数求均值",
        f"{len(readings)} hours with readings from Monday {monday} to Sunday {sunday}; means are formed of the readings",
    )
    left_out_items = sorted(set(hours) - set(ASSESSED) - {"TN"})
    for item in left_out_items:
        trace.reject(
            item, "", "自动站评价只用五项（湖库另报总氮）", "stations are judged on five items (TN apart)"
        )
    # The readings themselves, hundreds of them, stand on the page of the point; their means are the inputs here.
    trace.include(replace(found.means.trace, inputs=()))
    trace.include(found.result.trace)
    return Week(monday, sunday, sunday >= today, found, hours, trace.done())


def fluctuations(point: Point) -> list[Outstanding]:
    """Return every watched item of the days of a month that are over, newest day first, held against the week before."""
    today = day_of(now())
    first = today - timedelta(days=OUTSTANDING_DAYS)
    rows = queries.current("water_station_day").filter(
        point=point, start__gte=midnight(first - WEEK), start__lt=midnight(today)
    )
    days = {day_of(start): values.get("used", {}) for start, values in rows.values_list("start", "values")}
    found = []
    for day in sorted((one for one in days if one >= first), reverse=True):
        for item in WATCHED:
            one = _against(days, day, item)
            if one is not None:
                found.append(Outstanding(day, one))
    return found


def _against(days: Mapping[date, Mapping[str, float]], day: date, item: str) -> Fluctuation | None:
    value = days[day].get(item)
    before = [
        str(days[earlier][item])
        for back in range(7, 0, -1)
        if (earlier := day - timedelta(days=back)) in days and days[earlier].get(item) is not None
    ]
    if value is None:
        return None
    try:
        return fluctuation(item, str(value), before, rulebook=rulebook().on(day))
    except EvaluationError:
        return None

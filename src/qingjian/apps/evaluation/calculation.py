"""How results are worked out, by version: what each correction of the program changed in them.

A corrected calculation changes no row of the rulebook, so nothing else would tell that earlier results and reports rest on
another one. Reports carry the version they were made with; stored results that a correction touches are evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from qingjian.apps.evaluation import air, inputs, outlets, water
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards import names
from qingjian.standards.editions import resolve
from qingjian.standards.explanation import Text
from qingjian.standards.surface_water.classification import STANDARD
from qingjian.standards.surface_water.items import item_limits

FIRST = 1


@dataclass(frozen=True)
class Calculation:
    """One correction. `points` tells whose stored results become others; without it only what is made of them does."""

    number: int
    elements: tuple[str, ...]
    text: Text
    since: date | None = None
    """Data before this day are not concerned."""
    points: Callable[[str], set[int]] | None = None


def in_other_units(element: str) -> set[int]:
    """Return the points with a series, or a permit limit, in another unit than that of the standard."""
    return {"air": _air, "water": _water, "outlets": _outlets}[element]()


def _air() -> set[int]:
    book = rulebook()
    if not _any_differs("air", names.AIR, {name: air.unit_of(book, name) for name in air.POLLUTANTS}):
        return set()
    return {
        point
        for point, own in air.series_of(air.stations()).items()
        if any(_differs(inputs.scaling(one, air.unit_of(book, name))) for name, one in own.items())
    }


def _water() -> set[int]:
    book = rulebook()
    limits = item_limits(book, resolve(book, "surface_water_limits", STANDARD, day_of(now()), None))
    if not _any_differs("water", names.SURFACE_WATER, {item: one.unit for item, one in limits.items()}):
        return set()
    return {
        point
        for point, own in water.series_of(water.sections()).items()
        if any(
            _differs(inputs.scaling(one, limits[item].unit)) for item, one in own.items() if item in limits
        )
    }


def _any_differs(element: str, items: Mapping[str, str], units: Mapping[str, str]) -> bool:
    """Say at little cost whether any series at all has another unit than that of its item."""
    rows = Series.objects.filter(point__kind__in=kinds_of(element), factor__wire_code__in=items).order_by()
    return any(
        _differs(inputs.scaling(Series(unit=unit), units[items[code]]))
        for code, unit in rows.values_list("factor__wire_code", "unit").distinct()
        if items[code] in units
    )


def _differs(scaling: inputs.Scaling) -> bool:
    return scaling.factor != 1 or scaling.refused is not None


def _outlets() -> set[int]:
    return {
        outlet.point.pk
        for outlet in outlets.outlets()
        for limit in outlet.limits
        if (series := outlet.series.get(limit.factor.wire_code)) is not None
        and limit.sides(series.unit) != (limit.upper, limit.lower)
    }


CALCULATIONS = (
    Calculation(
        2,
        ("air",),
        Text(
            "AQI 为 NA 的日（HJ 633-2026：缺项且其余项目不超过 100）不再计入优良天数",
            "days whose AQI is NA (HJ 633-2026: an item is missing and the rest is not above 100) no longer count as good days",
        ),
        since=date(2026, 3, 1),
    ),
    Calculation(
        3,
        ("air", "water", "outlets"),
        Text(
            "监测序列和许可限值的单位与标准不同时先换算再评价，不能换算的不参加评价",
            "series and permit limits in another unit than that of the standard are converted first, and left out where they cannot be",
        ),
        points=in_other_units,
    ),
)


def present(element: str) -> int:
    """Return the version by which an element is worked out now."""
    return max((one.number for one in CALCULATIONS if element in one.elements), default=FIRST)


def newest() -> int:
    return max(one.number for one in CALCULATIONS)


def later_than(
    number: int, element: str | None = None, last: date | None = None, points: Iterable[int] | None = None
) -> list[Calculation]:
    """Return the corrections after a version that concern an element, data up to a day, and any of some points."""
    chosen = None if points is None else set(points)
    return [
        one
        for one in CALCULATIONS
        if one.number > number
        and (element is None or element in one.elements)
        and (last is None or one.since is None or last >= one.since)
        and (
            chosen is None
            or element is None
            or one.points is None
            or not chosen.isdisjoint(one.points(element))
        )
    ]

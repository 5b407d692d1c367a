"""An outlet on another basis: its hours and days by the limits of another edition, class or document than those that apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np
from django.utils.translation import get_language

from qingjian.apps.evaluation import inputs, outlets, queries
from qingjian.apps.evaluation.bounds import ITEMS, Bound, at_temperature, in_unit, strictest_first
from qingjian.apps.evaluation.drafts import midnight, settled, short
from qingjian.apps.network.models import Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.emissions.judgement import is_of, period_of
from qingjian.standards.emissions.oxygen import reference_oxygen
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import EVERY_CLASS, limit_of
from qingjian.standards.phrases import chinese

AVERAGINGS = ("hour", "day")
MOST_PERIODS = 100
ByDay = dict[date, dict[bool, list[Bound]]]
"""The limits of each day, strictest first, of values at reference oxygen (True) and of others."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One set of limits: a document in an edition, one of its classes, and the condition it is written for."""

    name: str
    document: str
    category: str
    condition: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        return f"{self.document} · {self.subtitle}" if self.subtitle else self.document

    @property
    def subtitle(self) -> str:
        english = (get_language() or "").startswith("en")
        condition = self.condition if english else chinese(self.condition)
        return " · ".join(one for one in (self.category, condition) if one and one != EVERY_CLASS)

    @property
    def reference_oxygen(self) -> Decimal | None:
        """The oxygen content (%) its limits refer to, where it names one."""
        return reference_oxygen(self.condition)


def choices(outlet: outlets.Outlet, book: Rulebook) -> list[Choice]:
    """Return every set of limits in the rulebook, of any edition, that speaks of something the outlet measures."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in book.rows("emission_limits"):
        condition = row.values.get("condition", "")
        groups.setdefault((row.document, row.values.get("class", ""), condition), []).append(row)
    found = []
    for (document, category, condition), rows in groups.items():
        if any(True for _one in _bounds(outlet, rows)):
            name = "|".join((document, category, condition))
            found.append(Choice(name, document, category, condition, tuple(rows)))
    return found


def _bounds(outlet: outlets.Outlet, rows: Sequence[Row]) -> Iterator[tuple[Series, str, Bound]]:
    """Yield (series, averaging period, limit in its unit) for rows of limits."""
    for row in rows:
        limit = limit_of(row)
        try:
            period = period_of(row["averaging_period"])
        except EvaluationError:
            continue
        for code, series in outlet.series.items():
            item = ITEMS[outlet.medium].get(code, series.factor.name_zh)
            if not is_of(row, item):
                continue
            bound = in_unit(limit, series.unit, item)
            for averaging in AVERAGINGS if bound is not None else ():
                if period in (averaging, None):
                    yield series, averaging, bound


@dataclass(frozen=True, slots=True)
class Differing:
    """A period that exceeds on one basis and not on the other; both have a limit of it."""

    start: datetime
    value: float
    present: bool
    other: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Periods of one series against one set of limits: how many were judged, how many exceed, the highest multiple."""

    limits: tuple[str, ...]
    judged: int
    exceeding: int
    multiple: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One factor and averaging period on both bases; None where a basis has no limit of it."""

    series: Series
    averaging: str
    present: Held | None
    other: Held | None
    differing: tuple[Differing, ...]
    remark: Decimal | None
    """Reference oxygen (%) that the values were brought to for the other basis, where it is not the registered one."""
    lacking: bool
    """The other basis refers to an oxygen content, and the register names none for the values: nothing is compared."""


def over(outlet: outlets.Outlet, period: Period, last: date, choice: Choice) -> list[Compared]:
    """Return each factor of an outlet over a period up to a day on the limits that apply and on a choice.

    `present`: permit limits and assigned standards in force on each day; the strictest decides on both sides.
    """
    return list(_over(_Key(outlet), period, last, choice, _stamp(outlet), rulebook()))


class _Key:
    """An outlet as a key of the cache: what it is held against is part of the stamp."""

    def __init__(self, outlet: outlets.Outlet) -> None:
        self.outlet = outlet

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.outlet.point.pk == self.outlet.point.pk

    def __hash__(self) -> int:
        return hash(self.outlet.point.pk)


def _stamp(outlet: outlets.Outlet) -> tuple[object, ...]:
    limits = tuple(
        (one.pk, one.upper, one.lower, one.unit, one.averaging, one.converted, one.valid_from, one.valid_to)
        for one in outlet.limits
    )
    oxygen = tuple((one.pk, one.value, one.valid_from, one.valid_to) for one in outlet.oxygen)
    return (queries.stamp_of_point("outlet_day", outlet.point), limits, oxygen)


@lru_cache(maxsize=32)
def _over(
    key: _Key, period: Period, last: date, choice: Choice, stamp: tuple[object, ...], book: Rulebook
) -> tuple[Compared, ...]:
    outlet = key.outlet
    block = outlets.Block(book, [outlet], period.first, last)
    volume = block.volume(outlet)
    other: dict[tuple[int, str], list[Bound]] = {}
    series_of = {}
    for series, averaging, bound in _bounds(outlet, choice.rows):
        other.setdefault((series.pk, averaging), []).append(bound)
        series_of[series.pk] = series
    days = [period.first + timedelta(days=place) for place in range(block.count)]
    present: dict[tuple[int, str], ByDay] = {}
    for day in days:
        for averaging in AVERAGINGS:
            for series, converted, held in block.held(outlet, (day - period.first).days, averaging):
                series_of[series.pk] = series
                present.setdefault((series.pk, averaging), {}).setdefault(day, {})[converted] = held
    found = []
    for pk, averaging in sorted({*present, *other}, key=lambda one: (series_of[one[0]].code, one[1])):
        series, limits = series_of[pk], other.get((pk, averaging), [])
        second = _by_day(block, outlet, series, limits, days)
        sides = (present.get((pk, averaging), {}), second)
        found.append(
            _compared(block, outlet, series, averaging, sides, volume, lacking=bool(limits) and not second)
        )
    return tuple(found)


def _by_day(
    block: outlets.Block,
    outlet: outlets.Outlet,
    series: Series,
    limits: Sequence[Bound],
    days: Sequence[date],
) -> ByDay:
    """Return limits of another basis as values can be held against them on each day, by the path of those that apply."""
    found: ByDay = {}
    for day in days:
        groups: dict[bool, list[Bound]] = {}
        for limit in limits:
            fitted = outlet.fitted(limit, series, day)
            if fitted is not None:
                groups.setdefault(fitted[0], []).append(fitted[1])
        if groups:
            temperature = block.temperature(outlet, (day - block.first).days)
            found[day] = {
                converted: strictest_first(at_temperature(one, temperature))
                for converted, one in groups.items()
            }
    return found


def _compared(
    block: outlets.Block,
    outlet: outlets.Outlet,
    series: Series,
    averaging: str,
    sides: tuple[ByDay, ByDay],
    volume: np.ndarray,
    *,
    lacking: bool,
) -> Compared:
    judged: list[tuple[datetime, float, tuple[bool | None, bool | None]]] = []
    multiples: list[list[float]] = [[], []]
    for start, values, day in _values(block, outlet, series, averaging, volume, sides):
        verdicts: list[bool | None] = [None, None]
        for side, by_day in enumerate(sides):
            for converted, held in by_day.get(day, {}).items():
                value = values[converted]
                if value is None:
                    continue
                exceeds = any(one.exceeded(value) for one in held)
                verdicts[side] = bool(verdicts[side]) or exceeds
                multiple = held[0].multiple(held[0].brought(value)) if exceeds else None
                multiples[side] += [] if multiple is None else [multiple]
        if verdicts != [None, None]:
            shown = next(one for one in values.values() if one is not None)
            judged.append((start, shown, (verdicts[0], verdicts[1])))
    bounds = [[one for day in by_day.values() for held in day.values() for one in held] for by_day in sides]
    held_sides = [
        Held(
            tuple(dict.fromkeys(one.text for one in bounds[side])),
            sum(verdicts[side] is not None for _start, _value, verdicts in judged),
            sum(verdicts[side] is True for _start, _value, verdicts in judged),
            max(multiples[side], default=None),
        )
        if bounds[side]
        else None
        for side in (0, 1)
    ]
    differing = tuple(
        Differing(start, float(short(settled(value))), first, second)
        for start, value, (first, second) in judged
        if first is not None and second is not None and first != second
    )
    brought = next((one.oxygen.of_limit for one in bounds[1] if one.oxygen), None)
    return Compared(series, averaging, held_sides[0], held_sides[1], differing, brought, lacking)


def _values(
    block: outlets.Block,
    outlet: outlets.Outlet,
    series: Series,
    averaging: str,
    volume: np.ndarray,
    sides: tuple[ByDay, ByDay],
) -> Iterator[tuple[datetime, dict[bool, float | None], date]]:
    """Yield (start, value that counts by whether it is at reference oxygen, day); only what a side asks for."""
    wanted = sorted({converted for by_day in sides for one in by_day.values() for converted in one})
    hours = {one: block.judged(outlet, series, one)[1] for one in wanted}
    for place in range(block.count):
        day = block.first + timedelta(days=place)
        part = slice(place * 24, place * 24 + 24)
        if averaging == "day":
            means = {one: block.mean_of(outlet, series, one, part, volume)[0] for one in wanted}
            if any(one is not None for one in means.values()):
                yield midnight(day), means, day
            continue
        known = np.any([np.isfinite(one[part]) for one in hours.values()], axis=0)
        for hour in np.flatnonzero(known).tolist():
            pair = {
                one: float(values[part][hour]) if np.isfinite(values[part][hour]) else None
                for one, values in hours.items()
            }
            yield midnight(day) + hour * inputs.HOUR, pair, day

"""An outlet on another basis: its hours and days by the limits of another edition, class or document than those that apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from qingjian.apps.evaluation import inputs, outlets, queries
from qingjian.apps.evaluation.bounds import ITEMS, Bound, in_unit, strictest_first
from qingjian.apps.evaluation.drafts import midnight, settled, short
from qingjian.apps.network.models import Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.emissions.judgement import period_of
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import limit_of

AVERAGINGS = ("hour", "day")
MOST_PERIODS = 100
_REFERENCE = re.compile(r"O2ref=([\d.]+)%")
_AIR_OXYGEN = 21.0


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
        more = " · ".join(one for one in (self.category, self.condition) if one and one != "all")
        return f"{self.document} · {more}" if more else self.document

    @property
    def reference_oxygen(self) -> float | None:
        """The oxygen content (%) its limits refer to, where it names one."""
        found = _REFERENCE.search(self.condition)
        return float(found[1]) if found else None


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
            if item not in (row.values.get("symbol"), row["pollutant_cn"]):
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
    remark: float | None
    """Reference oxygen (%) that the values were brought to for the other basis, where it is not the registered one."""


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
    limits = tuple((one.pk, one.upper, one.lower, one.valid_from, one.valid_to) for one in outlet.limits)
    return (queries.stamp_of_point("outlet_day", outlet.point), limits)


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
    present: dict[tuple[int, str], dict[date, tuple[bool, list[Bound]]]] = {}
    for place in range(block.count):
        day = period.first + timedelta(days=place)
        for averaging in AVERAGINGS:
            for series, converted, held in outlet.held(day, averaging, book):
                series_of[series.pk] = series
                present.setdefault((series.pk, averaging), {})[day] = (converted, held)
    found = []
    for pk, averaging in sorted({*present, *other}, key=lambda one: (series_of[one[0]].code, one[1])):
        found.append(
            _compared(
                block,
                outlet,
                series_of[pk],
                averaging,
                present.get((pk, averaging), {}),
                strictest_first(other.get((pk, averaging), ())),
                choice,
                volume,
            )
        )
    return tuple(found)


def _compared(
    block: outlets.Block,
    outlet: outlets.Outlet,
    series: Series,
    averaging: str,
    present: dict[date, tuple[bool, list[Bound]]],
    other: list[Bound],
    choice: Choice,
    volume: np.ndarray,
) -> Compared:
    converts = outlet.converts(series)
    factor = _to_reference(outlet, series, choice, converts)
    sides: list[tuple[datetime, float, bool | None, bool | None]] = []
    texts: dict[str, None] = {}
    multiples: list[list[float]] = [[], []]
    for start, value, day in _values(block, outlet, series, averaging, volume, present, converts):
        own = present.get(day)
        first = None
        if own is not None and value[0] is not None:
            texts.update(dict.fromkeys(one.text for one in own[1]))
            first = any(one.exceeded(value[0]) for one in own[1])
            multiples[0] += [one for one in (own[1][0].multiple(value[0]),) if first and one is not None]
        second, brought = None, value[1]
        if other and brought is not None:
            brought = settled(brought * factor)
            second = any(one.exceeded(brought) for one in other)
            multiples[1] += [one for one in (other[0].multiple(brought),) if second and one is not None]
        if first is not None or second is not None:
            sides.append((start, value[0] if value[0] is not None else brought or 0.0, first, second))
    held = [
        Held(
            tuple(limits),
            sum(one[place] is not None for one in sides),
            sum(one[place] is True for one in sides),
            max(many, default=None),
        )
        if limits
        else None
        for place, limits, many in (
            (2, tuple(texts), multiples[0]),
            (3, tuple(dict.fromkeys(one.text for one in other)), multiples[1]),
        )
    ]
    differing = tuple(
        Differing(start, float(short(settled(value))), first, second)
        for start, value, first, second in sides
        if first is not None and second is not None and first != second
    )
    return Compared(
        series, averaging, held[0], held[1], differing, choice.reference_oxygen if factor != 1 else None
    )


def _values(
    block: outlets.Block,
    outlet: outlets.Outlet,
    series: Series,
    averaging: str,
    volume: np.ndarray,
    present: dict[date, tuple[bool, list[Bound]]],
    converts: bool,
) -> Iterator[tuple[datetime, tuple[float | None, float | None], date]]:
    """Yield (start, (value as the limits that apply want it, value as a standard wants it), day) for what counts."""
    usual = next((converted for converted, _held in present.values()), converts)
    for place in range(block.count):
        day = block.first + timedelta(days=place)
        own = present[day][0] if day in present else usual
        part = slice(place * 24, place * 24 + 24)
        if averaging == "day":
            means = [block.mean_of(outlet, series, one, part, volume)[0] for one in (own, converts)]
            if any(one is not None for one in means):
                yield midnight(day), (means[0], means[1]), day
            continue
        hours = [block.judged(outlet, series, one)[1][part] for one in (own, converts)]
        for hour in np.flatnonzero(np.isfinite(hours[0]) | np.isfinite(hours[1])).tolist():
            pair = [float(one[hour]) if np.isfinite(one[hour]) else None for one in hours]
            yield midnight(day) + hour * inputs.HOUR, (pair[0], pair[1]), day


def _to_reference(outlet: outlets.Outlet, series: Series, choice: Choice, converts: bool) -> float:
    """Return what values at the registered reference oxygen are multiplied by to stand at that of another basis."""
    own, wanted = outlet.reference.get(series.pk), choice.reference_oxygen
    if not converts or own is None or wanted is None or own == wanted:
        return 1.0
    return (_AIR_OXYGEN - wanted) / (_AIR_OXYGEN - own)

"""Air of a day, month, quarter or year on another basis: the same days by the limits and the index of another edition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import numpy as np

from qingjian.apps.evaluation import air, air_rules, queries, words
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import YEAR, Period
from qingjian.rulebook import Row, Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.means import site_mean
from qingjian.standards.air.statistics import (
    LIMITS,
    STANDARD,
    Attainment,
    PeriodStatistics,
    PeriodValue,
    above_daily_limit,
    attainment,
    daily_limit,
    period_value,
    yearly,
)
from qingjian.standards.editions import Phase, phases
from qingjian.standards.errors import EvaluationError

INDEX = "HJ 633"
GRADE = "二级"
GOOD = ("优", "良")


def choices(book: Rulebook) -> tuple[Phase, ...]:
    """Return what the six pollutants have been, or will be, held against: one entry for each set of limits."""
    return phases(book, "ambient_air_limits", LIMITS, _concerns)


def _concerns(row: Row) -> bool:
    return row["symbol"] in POLLUTANTS and row["class"] == GRADE


def documents(book: Rulebook, phase: Phase) -> list[str]:
    """Return the documents of a basis: limits, index, and how a period is evaluated."""
    index, period = (
        book.rows("aqi_levels", phase.day),
        book.rows("data_validity", phase.day, standard=STANDARD),
    )
    return [phase.document, *(row.document for row in (*index[:1], *period[:1]))]


@dataclass(frozen=True, slots=True)
class Grade:
    """A day by its index: None and no category where nothing is published."""

    aqi: int | None
    category: str
    primary: str
    row: int = 0
    """The stored result, where it is that of the date."""


@dataclass(frozen=True, slots=True)
class Item:
    """One pollutant over a period: its value, the daily limit, and how many days lie above it."""

    value: PeriodValue
    limit: Decimal | None
    """None where the days of the period have different limits."""
    above: int
    days: int
    year: PeriodStatistics | None
    """Judged against the annual limits; None for periods that are no year."""


@dataclass(frozen=True)
class OnBasis:
    """A period on one basis; `phase` is None where every day follows the edition of its date."""

    phase: Phase | None
    grades: dict[date, Grade]
    not_published: int
    items: dict[str, Item]
    composite: CompositeIndex | None
    attainment: Attainment | None
    problem: tuple[str, str]
    """Why the composite index, or a year, cannot be told."""

    @property
    def categories(self) -> dict[str, int]:
        counts = dict.fromkeys(words.CATEGORY_LEVELS, 0)
        for one in self.grades.values():
            if one.category:
                counts[one.category] += 1
        return counts

    @property
    def days(self) -> int:
        return sum(self.categories.values())

    @property
    def good(self) -> int:
        return sum(self.categories[name] for name in GOOD)


def over(place: air.Assessed, period: Period, phase: Phase | None) -> OnBasis:
    """Return a period of a region on a basis (None: of the date); kept until a new result or rule arrives."""
    return _over(place, period, phase, queries.stamp("air_day", place.region))


@lru_cache(maxsize=64)
def _over(place: air.Assessed, period: Period, phase: Phase | None, stamp: str) -> OnBasis:
    book = rulebook()
    rows = list(queries.stored("air_day", period.first, period.last, region=place.region))
    used = {day_of(row.start): row.values["used"] for row in rows}
    if phase is None:
        grades = {day_of(row.start): _stored(row) for row in rows}
        not_published = sum(row.aqi is not None and not row.publishable for row in rows)
    else:
        peaks = _ozone_peaks(place, rows, phase, book)
        grades, not_published = graded(_with_peaks(used, peaks), phase.day, book)
    on = phase.day if phase is not None else period.last
    items: dict[str, Item] = {}
    problem = ("", "")
    for name in POLLUTANTS:
        values = {day: Decimal(repr(one[name])) for day, one in used.items() if one.get(name) is not None}
        if not values:
            continue
        try:
            items[name] = _item(name, values, period, phase, on, book)
        except EvaluationError as error:
            problem = (error.zh, error.en)
    years = {name: one.year for name, one in items.items() if one.year is not None}
    composite = None
    try:
        composite = composite_index(
            {name: one.value.rounded for name, one in items.items()}, on=on, rulebook=book
        )
    except EvaluationError as error:
        problem = (error.zh, error.en)
    return OnBasis(
        phase, grades, not_published, items, composite, attainment(years) if years else None, problem
    )


def _stored(row: Evaluation) -> Grade:
    return Grade(row.published_aqi, row.published_category, row.published_primary, row.pk)


def _item(
    name: str, values: Mapping[date, Decimal], period: Period, phase: Phase | None, on: date, book: Rulebook
) -> Item:
    days = (phase.day,) if phase is not None else tuple(values)
    limits = {daily_limit(name, day, grade=GRADE, rulebook=book) for day in days}
    limit = next(iter(limits)) if len(limits) == 1 else None
    return Item(
        period_value(name, list(values.values()), on, rulebook=book),
        limit,
        above_daily_limit(
            name, values, grade=GRADE, on=phase.day if phase is not None else None, rulebook=book
        ),
        len(values),
        yearly(
            name,
            dict(values),
            period.first.year,
            grade=GRADE,
            edition=None if phase is None else phase.name,
            rulebook=book,
        )
        if period.span == YEAR
        else None,
    )


def graded(
    days: Mapping[date, Mapping[str, float]], on: date, book: Rulebook
) -> tuple[dict[date, Grade], int]:
    """Grade days by the index in force on another day; return them and how many have an index that is not published.

    `days`: daily values by pollutant, and `O3_1h`, the highest hour of ozone, which HJ 633-2012 judges too.
    """
    if not days:
        return {}, 0
    rules = air_rules.rules_of(book, on)
    values = {name: _column(days.values(), name) for name in POLLUTANTS}
    one_hour = _column(days.values(), "O3_1h") if rules.incomplete_is_published else None
    found = air_rules.index_of(book, rules, values, air_rules.DAILY_PERIODS, one_hour)
    aqi = found.aqi.tolist()
    published = (found.aqi >= 0) & (rules.incomplete_is_published | found.result.complete | (found.aqi > 100))
    grades = {}
    for place, day in enumerate(days):
        if not published[place]:
            grades[day] = Grade(None, "", "")
            continue
        primary = [
            name for bit, name in enumerate(found.result.pollutants) if int(found.primary[place]) >> bit & 1
        ]
        grades[day] = Grade(aqi[place], air_rules.category_of(rules, aqi[place]), ",".join(primary))
    return grades, int(((found.aqi >= 0) & ~published).sum())


def _column(days: Iterable[Mapping[str, float]], name: str) -> np.ndarray:
    return np.asarray([one.get(name, np.nan) for one in days], np.float64)


def _with_peaks(
    used: Mapping[date, Mapping[str, float]], peaks: Mapping[date, float]
) -> dict[date, Mapping[str, float]]:
    return {
        day: {**one, "O3_1h": peaks[day]} if "O3_1h" not in one and day in peaks else one
        for day, one in used.items()
    }


def _ozone_peaks(
    place: air.Assessed, rows: Sequence[Evaluation], phase: Phase, book: Rulebook
) -> dict[date, float]:
    """Return the highest hour of ozone of days that were evaluated without it, as the region's mean of its stations.

    Editions from 2026 on do not judge it, so that results of their days do not hold it; that of 2012 asks for it.
    """
    if not air_rules.rules_of(book, phase.day).incomplete_is_published:
        return {}
    wanted = [
        day_of(row.start) for row in rows if "O3" in row.values["used"] and "O3_1h" not in row.values["used"]
    ]
    if not wanted:
        return {}
    first, last = min(wanted), max(wanted)
    block = air.Block(book, place.points, first, last, pollutants=("O3",))
    hours = block.used["O3"].reshape(len(place.points), len(block.days), 24)
    line_of = {point.pk: line for line, point in enumerate(place.points)}
    peaks = np.full(hours.shape[:2], np.nan)
    for point, day, values in queries.station_days(place.points, first, last):
        own = hours[line_of[point], (day - first).days]
        if values.get("O3") is not None and np.isfinite(own).any():
            peaks[line_of[point], (day - first).days] = np.nanmax(own)
    share = air_rules.rules_of(book, phase.day).validity.site_share
    means = site_mean(peaks, share=share)
    return {day: float(means[(day - first).days]) for day in wanted if np.isfinite(means[(day - first).days])}


def used_on(place: air.Assessed, rows: Sequence[Evaluation], day: date, phase: Phase) -> dict[str, float]:
    """Return the daily values of a region on a day, with what the index of a basis asks for besides."""
    peaks = _ozone_peaks(place, rows, phase, rulebook())
    return dict(_with_peaks({day: rows[0].values["used"]}, peaks)[day])


def stations_on(place: air.Assessed, day: date, phase: Phase) -> list[tuple[str, Grade | None, Grade | None]]:
    """Return (station, its day by the date, its day on a basis) of the stations that speak for a region."""
    book = rulebook()
    rows = {row.point_id: row for row in queries.stored("air_day", day, day, points=place.points)}
    found = []
    for point in place.points:
        row = rows.get(point.pk)
        if row is None:
            found.append((point.name, None, None))
            continue
        used = used_on(air.Assessed(place.region, (point,)), [row], day, phase)
        grades, _na = graded({day: used}, phase.day, book)
        found.append((point.name, _stored(row), grades[day]))
    return found

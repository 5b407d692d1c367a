"""A year of air so far, against last year, and the ranking of stations and townships."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import deducting, queries, words
from qingjian.apps.evaluation.drafts import day_of, month_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.models import Point
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.events import Event, taken_on
from qingjian.standards.air.ranking import Place, change_rate, improvement, rank
from qingjian.standards.air.statistics import (
    Attainment,
    PeriodStatistics,
    ThreeYearMean,
    attainment,
    by_day,
    percentile,
    percentile_rank,
    three_year_mean,
    three_year_rule,
    yearly,
)
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Trace
from qingjian.standards.rounding import round_places

GOOD = ("优", "良")
HEAVY = ("重度污染", "严重污染")
COMPARABLE_SHARE = 0.75
"""Two periods are compared only when the shorter has this share of the days of the longer."""


@dataclass(frozen=True)
class Year:
    """One year (or its part up to a day) of a region."""

    year: int
    last: date
    days: int
    """Days with an AQI."""
    good: int
    categories: dict[str, int]
    pollutants: dict[str, PeriodStatistics]
    attainment: Attainment | None
    composite: CompositeIndex | None
    problem: str = ""
    deduction: tuple[Trace, ...] = ()
    """How the days of events count, where some were taken out."""
    not_published: int = 0
    """Days on which an item is missing and the index of the rest is not above 100: NA by HJ 633-2026, not counted."""

    @property
    def heavy(self) -> int:
        """Days heavily polluted or worse."""
        return sum(self.categories[name] for name in HEAVY)

    @property
    def rate(self) -> Decimal | None:
        """Share of days with AQI up to 100, %, one decimal."""
        return round_places(Decimal(self.good * 100) / self.days, 1) if self.days else None


def year_of(
    region: Region,
    year: int,
    last: date | None = None,
    without: tuple[Event, ...] = (),
    variant: str | None = None,
) -> Year:
    """Return the statistics of a region from 1 January to a day; kept until a new result arrives.

    `without`: events whose pollutants leave the statistics of their days; the days count with what is left of them.
    `variant`: the composite index by this rule instead of that of the year, so that two years can be compared.
    """
    last = min(last or day_of(now()), date(year, 12, 31))
    return _year(region, year, last, without, variant, queries.stamp("air_day", region))


@lru_cache(maxsize=64)
def _year(
    region: Region, year: int, last: date, without: tuple[Event, ...], variant: str | None, stamp: str
) -> Year:
    book = rulebook()
    reduced = deducting.deducted(
        [row for row in queries.air_days(region, year) if day_of(row.start) <= last], without, book
    )
    rows = reduced.rows
    categories = dict.fromkeys(words.CATEGORY_LEVELS, 0)
    for row in rows:
        if row.published_category:
            categories[row.published_category] += 1
    counted = sum(categories.values())
    pollutants: dict[str, PeriodStatistics] = {}
    daily = {
        name: by_day((day_of(row.start), row.values["used"].get(name)) for row in rows) for name in POLLUTANTS
    }
    for name, values in daily.items():
        if any(value is not None for value in values.values()):
            pollutants[name] = yearly(name, values, year, rulebook=book)
    judged = attainment(pollutants) if pollutants else None
    problem = ""
    composite = None
    try:
        composite = (
            composite_index(
                _composite_inputs(pollutants),
                on=None if variant else date(year, 12, 31),
                variant=variant,
                rulebook=book,
            )
            if pollutants
            else None
        )
    except EvaluationError as error:
        problem = getattr(error, queries.language())
    return Year(
        year,
        last,
        counted,
        sum(categories[name] for name in GOOD),
        categories,
        pollutants,
        judged,
        composite,
        problem,
        reduced.traces,
        sum(row.aqi is not None and not row.publishable for row in rows),
    )


@dataclass(frozen=True)
class ThreeYears:
    """The annual means of a pollutant in three years in a row; `found` is None where one of them has no data."""

    name: str
    means: tuple[Decimal | None, ...]
    found: ThreeYearMean | None


def three_years(region: Region, year: int, last: date) -> tuple[list[int], list[ThreeYears], str]:
    """Return (the years, one line per pollutant with an annual limit, why there is none) for the mean that ends with a year."""
    book = rulebook()
    try:
        length = int(three_year_rule(year, rulebook=book)[0]["value"])
    except EvaluationError as error:
        return [], [], getattr(error, queries.language())
    span = list(range(year - length + 1, year + 1))
    by_year = {one: year_of(region, one, last if one == year else date(one, 12, 31)) for one in span}
    lines = []
    for name in POLLUTANTS:
        own = {one: held.pollutants[name] for one, held in by_year.items() if name in held.pollutants}
        if not own or all(one.mean_limit is None for one in own.values()):
            continue
        found = three_year_mean(own, year, rulebook=book) if len(own) == length else None
        means = tuple(own[one].mean_rounded if one in own else None for one in span)
        lines.append(ThreeYears(name, means, found))
    return span, lines, ""


def _composite_inputs(pollutants: dict[str, PeriodStatistics]) -> dict[str, Decimal]:
    return {
        name: one.percentile_rounded if name in ("CO", "O3") else one.mean_rounded
        for name, one in pollutants.items()
    }


def change(present: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Return the change in %, None where it cannot be formed."""
    if present is None or before is None or before <= 0:
        return None
    return change_rate(present, before)


def comparable(present: Year, before: Year) -> bool:
    """Say whether two parts of years have enough days in common to be compared."""
    return _enough(present.days, before.days)


def _enough(days: int, other: int) -> bool:
    return bool(days and other) and min(days, other) >= COMPARABLE_SHARE * max(days, other)


@dataclass(frozen=True)
class Ranked:
    """One line of a ranking."""

    name: str
    place: Place
    index: CompositeIndex
    days: int
    before: CompositeIndex | None
    whole: CompositeIndex | None = None
    """The index with every day, where approved events were taken out of `index`."""
    improved: Place | None = None
    """Change in % against the same days of last year and the place by it, where both have enough days in common."""


Days = Callable[[date, date, bool], Iterable[tuple[str, date, Mapping[str, float]]]]
"""Daily values by place from a day to a day, with or without what approved events take out."""
Ranking = tuple[list[Ranked], list[str], tuple[date, date]]
Indices = dict[str, tuple[CompositeIndex, int]]
"""Composite index of each place and the days behind it."""


def ranking(points: list[Point], by: str, period: str) -> Ranking:
    """Rank stations or townships by composite index; return (lines, places without all six items, the period)."""
    groups = {point.pk: point.region.name if by == "township" else point.name for point in points}

    def days(first: date, last: date, deduction: bool) -> Iterable[tuple[str, date, Mapping[str, float]]]:
        events = deducting.of_points(points, first, last) if deduction else {}
        for point, day, used in queries.station_days(points, first, last):
            yield groups[point], day, _left(used, day, events.get(point, ()))

    return _ranked(days, set(groups.values()), period)


def region_ranking(regions: list[Region], period: str) -> Ranking:
    """Rank counties or cities by the composite index of their own days; otherwise as `ranking`."""

    def days(first: date, last: date, deduction: bool) -> Iterable[tuple[str, date, Mapping[str, float]]]:
        for region in regions:
            rows = deducting.approved(first, last, region) if deduction else ()
            events = tuple(deducting.as_event(one) for one in rows)
            for row in queries.stored("air_day", first, last, region=region):
                day = day_of(row.start)
                yield region.name, day, _left(row.values["used"], day, events)

    return _ranked(days, {one.name for one in regions}, period)


def _left(used: Mapping[str, float], day: date, events: tuple[Event, ...]) -> Mapping[str, float]:
    gone = taken_on(day, events, rulebook=rulebook())[0] if events else ()
    return {name: value for name, value in used.items() if name not in gone}


def _ranked(days: Days, names: set[str], period: str) -> Ranking:
    """Rank places by their daily values.

    What approved events take out of the days does not count in the ranking (环办监测〔2016〕120号); the index with every day
    stands beside.
    """
    today = day_of(now())
    if period == "year":
        first = date(today.year, 1, 1)
        earlier = (date(today.year - 1, 1, 1), same_day(today, today.year - 1))
    else:
        first = month_of(today)
        end = first - timedelta(days=1)
        earlier = (month_of(end), end)
    book = rulebook()
    present = _indices(days(first, today, True), today, None, book)
    variant = next(iter(present.values()))[0].variant if present else None
    before = _indices(days(*earlier, True), earlier[1], variant, book)
    year_ago = (same_day(first, today.year - 1), same_day(today, today.year - 1))
    past = before if earlier == year_ago else _indices(days(*year_ago, True), year_ago[1], variant, book)
    improved = _improved(present, past)
    touched = deducting.approved(first, today)
    whole = _indices(days(first, today, False), today, variant, book) if touched else {}
    placed = rank(
        {name: index.value for name, (index, _days) in present.items()},
        earlier={name: index.value for name, (index, _days) in before.items()},
    )
    lines = [
        Ranked(
            one.name,
            one,
            present[one.name][0],
            present[one.name][1],
            before[one.name][0] if one.name in before else None,
            whole[one.name][0] if one.name in whole else None,
            improved.get(one.name),
        )
        for one in placed
    ]
    return lines, sorted(names - set(present)), (first, today)


def _improved(present: Indices, past: Indices) -> dict[str, Place]:
    """Return places by change of their index, most improved first; those without comparable days are left out."""
    base = {
        name: index.value
        for name, (index, days) in past.items()
        if name in present and index.value > 0 and _enough(days, present[name][1])
    }
    return {
        one.name: one
        for one in improvement({name: index.value for name, (index, _days) in present.items()}, base)
    }


def same_day(day: date, year: int) -> date:
    return day.replace(year=year, day=28) if day.month == 2 and day.day == 29 else day.replace(year=year)


def _indices(
    days: Iterable[tuple[str, date, Mapping[str, float]]], last: date, variant: str | None, book: Rulebook
) -> Indices:
    collected: dict[str, dict[str, dict[date, list[float]]]] = {}
    for place, day, used in days:
        held = collected.setdefault(place, {})
        for name in POLLUTANTS:
            if used.get(name) is not None:
                held.setdefault(name, {}).setdefault(day, []).append(used[name])
    found = {}
    for place, items in collected.items():
        values = {
            name: [_mean([Decimal(str(one)) for one in given]) for given in days.values()]
            for name, days in items.items()
        }
        inputs = {name: _statistic(name, given, last, book) for name, given in values.items()}
        try:
            found[place] = (
                composite_index(inputs, on=None if variant else last, variant=variant, rulebook=book),
                max(len(given) for given in values.values()),
            )
        except EvaluationError:
            continue
    return found


def _mean(values: list[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def _statistic(name: str, values: list[Decimal], on: date, book: Rulebook) -> Decimal:
    if name in ("CO", "O3"):
        return percentile(values, percentile_rank(book, Basis(on), name)[0])
    return _mean(values)


def calendar(rows: list[Evaluation]) -> list[list[Any]]:
    """Return (day, level, AQI, category, primary, id) for the calendar."""
    return [
        [
            day_of(row.start).isoformat(),
            words.level(row.published_category),
            row.published_aqi,
            words.category(row.published_category),
            row.published_primary,
            row.pk,
        ]
        for row in rows
    ]

"""A year of air so far, against last year, and the ranking of stations and townships."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from qingjian.apps.accounts.models import Region
from qingjian.apps.evaluation import deducting, queries, words
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.events import Event
from qingjian.standards.air.ranking import change_rate
from qingjian.standards.air.statistics import (
    Attainment,
    PeriodStatistics,
    ThreeYearMean,
    attainment,
    by_day,
    three_year_mean,
    three_year_rule,
    yearly,
)
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
    editions: tuple[str, ...] = ()
    """Editions of HJ 633 by which the days were graded."""
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
    return _year(region, year, last, without, variant, queries.language(), queries.stamp("air_day", region))


@lru_cache(maxsize=64)
def _year(
    region: Region,
    year: int,
    last: date,
    without: tuple[Event, ...],
    variant: str | None,
    language: str,
    stamp: str,
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
        problem = getattr(error, language)
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
        tuple(sorted({row.edition for row in rows if row.published_category})),
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
    return enough_in_common(present.days, before.days)


def enough_in_common(days: int, other: int) -> bool:
    """Say whether the shorter of two counts of days has three quarters of the longer."""
    return bool(days and other) and min(days, other) >= COMPARABLE_SHARE * max(days, other)


def same_day(day: date, year: int) -> date:
    return day.replace(year=year, day=28) if day.month == 2 and day.day == 29 else day.replace(year=year)


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

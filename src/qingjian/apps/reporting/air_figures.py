"""Figures of a period of air: statistics of the pollutants, composite index, days by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting.air_words import GOOD
from qingjian.contracts.periods import day_of
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.statistics import above_daily_limit, period_value
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import applicable
from qingjian.standards.rounding import round_places

Statistics = dict[str, tuple[Decimal, int, int, int]]
"""By pollutant (period value rounded by the edition, valid days, days above the daily limit, percentile or 0)."""
HEAVY = ("重度污染", "严重污染")


@dataclass(frozen=True)
class Figures:
    """What a report says of the days of a period."""

    counts: Counter[str]
    found: Statistics
    index: CompositeIndex | None
    editions: tuple[str, ...] = ()
    """Editions of HJ 633 by which the days were graded."""

    @property
    def days(self) -> int:
        return self.counts.total()

    @property
    def valid(self) -> int:
        """Valid days of the pollutant that has fewest; 0 where one is missing."""
        return min((self.found[name][1] if name in self.found else 0) for name in POLLUTANTS)

    @property
    def good(self) -> int:
        return sum(self.counts[name] for name in GOOD)

    @property
    def heavy(self) -> int:
        return sum(self.counts[name] for name in HEAVY)

    @property
    def rate(self) -> Decimal | None:
        """Share of good days in %, one decimal; None without a day."""
        return rate_of(self.counts)


def figures(rows: Sequence[Evaluation], on: date, book: Rulebook, variant: str | None = None) -> Figures:
    """Return the figures of daily results, by the rules of a day; `variant` names the rule of the index."""
    found = statistics(rows, on, book)
    return Figures(
        Counter(row.published_category for row in rows if row.published_category),
        found,
        index_of(found, on, book, variant),
        tuple(sorted({row.edition for row in rows if row.published_category})),
    )


def statistics(rows: Sequence[Evaluation], on: date, book: Rulebook) -> Statistics:
    found: Statistics = {}
    for name in POLLUTANTS:
        values = {
            day_of(row.start): Decimal(str(row.values["used"][name]))
            for row in rows
            if row.values["used"].get(name) is not None
        }
        if not values:
            continue
        one = period_value(name, list(values.values()), on, rulebook=book)
        above = above_daily_limit(name, values, rulebook=book)
        found[name] = (one.rounded, len(values), above, one.rank)
    return found


def yearly_limit(name: str, on: date, book: Rulebook) -> Decimal | None:
    rows = applicable("air", name, on=on, category="二级", averaging_period="年平均", rulebook=book)
    return rows[0].upper if rows else None


def index_of(
    found: Statistics, on: date, book: Rulebook, variant: str | None = None
) -> CompositeIndex | None:
    try:
        return composite_index(
            {name: one[0] for name, one in found.items()},
            on=None if variant else on,
            variant=variant,
            rulebook=book,
        )
    except EvaluationError:
        return None


def rate_of(counts: Counter[str]) -> Decimal | None:
    """Return the share of good days in %, one decimal; None without a day."""
    if not counts.total():
        return None
    return round_places(Decimal(100 * sum(counts[name] for name in GOOD)) / counts.total(), 1)

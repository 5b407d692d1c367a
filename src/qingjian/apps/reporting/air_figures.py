"""Figures of a period of air: statistics of the pollutants, composite index, days by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting.air_words import GOOD
from qingjian.rulebook import Rulebook
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.air.composite import CompositeIndex, composite_index
from qingjian.standards.air.statistics import decimals, percentile, percentile_rank
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EvaluationError
from qingjian.standards.limits import applicable
from qingjian.standards.rounding import round_places

Statistics = dict[str, tuple[Decimal, int, int, int]]
"""By pollutant (period value rounded by the edition, valid days, days above the daily limit, percentile or 0)."""
HEAVY = ("重度污染", "严重污染")
RANKED = ("CO", "O3")
"""Pollutants whose period value is a percentile of the daily values."""
DAILY = {"O3": "日最大8小时平均"}


@dataclass(frozen=True)
class Figures:
    """What a report says of the days of a period."""

    counts: Counter[str]
    found: Statistics
    index: CompositeIndex | None

    @property
    def days(self) -> int:
        return self.counts.total()

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
    )


def statistics(rows: Sequence[Evaluation], on: date, book: Rulebook) -> Statistics:
    found: Statistics = {}
    for name in POLLUTANTS:
        values = [
            Decimal(str(row.values["used"][name])) for row in rows if row.values["used"].get(name) is not None
        ]
        if not values:
            continue
        places = decimals(book, Basis(on), name)[0]
        ranked = percentile_rank(book, Basis(on), name)[0] if name in RANKED else 0
        value = percentile(values, ranked) if ranked else sum(values, Decimal(0)) / len(values)
        limit = daily_limit(name, on, book)
        above = sum(value > limit for value in values) if limit is not None else 0
        found[name] = (round_places(value, places), len(values), above, ranked)
    return found


def daily_limit(name: str, on: date, book: Rulebook) -> Decimal | None:
    return limit_of(name, DAILY.get(name, "日平均"), on, book)


def limit_of(name: str, averaging: str, on: date, book: Rulebook) -> Decimal | None:
    rows = applicable("air", name, on=on, category="二级", averaging_period=averaging, rulebook=book)
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

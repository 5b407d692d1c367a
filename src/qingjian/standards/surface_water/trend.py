"""Trends of water quality: two periods compared, and Spearman's rank correlation over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.rounding import round_places
from qingjian.standards.words import english

Direction = Literal["better", "same", "worse"]
_RATINGS = ("优", "良好", "轻度污染", "中度污染", "重度污染")
_LEAST_PERIODS = 5


@dataclass(frozen=True, slots=True)
class PeriodShares:
    """Share of classes Ⅰ–Ⅲ and of 劣Ⅴ in % and the rating of one period."""

    good: Decimal
    worst: Decimal
    rating: str


@dataclass(frozen=True, slots=True)
class TwoPeriodTrend:
    """`label`: 无明显变化, 有所好转, 明显好转, 有所变差 or 明显变差."""

    direction: Direction
    label: str
    difference: Decimal
    trace: Trace


def two_periods(
    earlier: PeriodShares, later: PeriodShares, *, rulebook: Rulebook | None = None
) -> TwoPeriodTrend:
    """Compare two periods: by the change of rating, and where it is equal by ΔG-ΔD (rule unverified).

    ΔG and ΔD are the changes of the shares of Ⅰ–Ⅲ and 劣Ⅴ in percentage points. Raises InputError.
    """
    book = rulebook or packaged()
    for period in (earlier, later):
        if period.rating not in _RATINGS:
            raise InputError(f"不认识的评价等级: {period.rating}", f"unknown rating: {period.rating}")
        if not (0 <= period.good <= 100 and 0 <= period.worst <= 100 and period.good + period.worst <= 100):
            raise InputError("占比不可能", "impossible shares")
    bounds = [
        book.rows("evaluation_parameters", subject="water_trend", item=item)[-1]
        for item in ("slight", "marked")
    ]
    slight, marked = (Decimal(row["value"]) for row in bounds)
    steps = _RATINGS.index(earlier.rating) - _RATINGS.index(later.rating)
    difference = (later.good - earlier.good) - (later.worst - earlier.worst)
    if steps:
        strength = 1 if abs(steps) == 1 else 2
        sign = steps
    else:
        strength = 0 if abs(difference) <= slight else (1 if abs(difference) <= marked else 2)
        sign = 1 if difference > 0 else -1
    direction: Direction = "same" if strength == 0 else ("better" if sign > 0 else "worse")
    words = {"better": "好转", "worse": "变差", "same": ""}
    label = "无明显变化" if strength == 0 else ("有所" if strength == 1 else "明显") + words[direction]
    trace = TraceBuilder(Text("两时段变化", "change between two periods"))
    trace.step(
        f"{earlier.rating} → {later.rating}；ΔG-ΔD = {plain(difference)}；结论: {label}",
        f"{english(earlier.rating)} → {english(later.rating)}; ΔG-ΔD = {plain(difference)}: {direction}",
        bounds,
    )
    return TwoPeriodTrend(direction, label, difference, trace.done())


@dataclass(frozen=True, slots=True)
class SpearmanTrend:
    """Rank correlation of values with time. `significant` at the 95 % level, `highly` at 99 %."""

    coefficient: Decimal
    periods: int
    critical: Decimal
    significant: bool
    highly: bool
    direction: Literal["rising", "falling", "none"]
    trace: Trace


def spearman(values: Sequence[Decimal], *, rulebook: Rulebook | None = None) -> SpearmanTrend:
    """Spearman coefficient 1-6Σd²/(N³-N) of values in order of time against the tabulated critical value.

    Ties get mean ranks. Needs 5 periods. Between tabulated N the next smaller one (stricter) is used; above the last the
    last. Raises InputError.
    """
    count = len(values)
    if count < _LEAST_PERIODS:
        raise InputError(f"至少需要 {_LEAST_PERIODS} 个时段", f"at least {_LEAST_PERIODS} periods are needed")
    book = rulebook or packaged()
    total = sum(((rank - place) ** 2 for place, rank in enumerate(_ranks(values), start=1)), Fraction(0))
    exact = 1 - 6 * total / (count**3 - count)
    coefficient = round_places(Decimal(exact.numerator) / Decimal(exact.denominator), 4)
    row = _critical_row(book, count)
    five, one = Fraction(row["p05"]), Fraction(row["p01"]) if row["p01"] else None
    significant = abs(exact) >= five
    highly = one is not None and abs(exact) >= one
    trace = TraceBuilder(Text("秩相关系数趋势", "rank correlation trend"))
    direction: Literal["rising", "falling", "none"] = "none"
    if significant:
        direction = "rising" if exact > 0 else "falling"
    words = {"rising": "显著上升", "falling": "显著下降", "none": "无显著变化"}[direction]
    trace.step(
        f"r_s = {plain(coefficient)}，N = {count}，临界值 W_p = {row['p05']}（N = {row['n']}）: {words}",
        f"r_s = {plain(coefficient)}, N = {count}, critical {row['p05']} (N = {row['n']}): {direction}",
        [row],
    )
    return SpearmanTrend(
        coefficient, count, Decimal(row["p05"]), significant, highly, direction, trace.done()
    )


def _ranks(values: Sequence[Decimal]) -> list[Fraction]:
    ordered = sorted(values)
    ranks = {}
    for value in set(values):
        first = ordered.index(value) + 1
        ranks[value] = Fraction(2 * first + ordered.count(value) - 1, 2)
    return [ranks[value] for value in values]


def _critical_row(book: Rulebook, count: int) -> Row:
    rows = [row for row in book.rows("spearman_critical") if int(row["n"]) <= count]
    return max(rows, key=lambda row: int(row["n"]))

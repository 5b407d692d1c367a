"""Time and space means of water items (环办〔2011〕22号): samples to months, quarters and years, sections to rivers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import Basis, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured
from qingjian.standards.surface_water.items import item_limits, item_name, measured_item, non_detect_row

Period = Literal["week", "ten_days", "month", "quarter", "year", "space"]
_FINE = Decimal("1e-6")
_SETTLED = Decimal("1e-12")
"""A mean pH is no decimal: so many of its digits stand above the error of the logarithm."""


@dataclass(frozen=True, slots=True)
class ItemMean:
    """Mean of one item; `below_detection` counts the non-detects among the `count` values."""

    item: str
    value: Decimal
    unit: str
    count: int
    below_detection: int


@dataclass(frozen=True, slots=True)
class WaterMeans:
    """Means by item. `valid` is False with `reasons` when the rule asks for more values than there are."""

    items: Mapping[str, ItemMean]
    count: int
    valid: bool
    reasons: tuple[Text, ...]
    trace: Trace

    def values(self) -> dict[str, Decimal]:
        """Means as inputs for `classify`."""
        return {name: mean.value for name, mean in self.items.items()}


def mean_ph(values: Sequence[Decimal]) -> Decimal:
    """Mean pH: the hydrogen ion activities are averaged. Twelve decimals, so that none that decides is lost."""
    if not values:
        raise InputError("没有 pH 值", "no pH value")
    activity = math.fsum(10.0 ** -float(value) for value in values) / len(values)
    return Decimal(repr(-math.log10(activity))).quantize(_SETTLED)


def mean(
    samples: Sequence[Mapping[str, Given | None]],
    period: Period = "month",
    *,
    on: date | None = None,
    edition: str | None = None,
    samples_behind: int | None = None,
    rulebook: Rulebook | None = None,
) -> WaterMeans:
    """Means by item of samples (for `year`: of monthly values; for `space`: of sections).

    Non-detects count the share of their limit that the rulebook says, pH is averaged as activity. A quarter needs 2 samples, a year 6 months.
    `samples_behind`: how many samples the values of a quarter stand for, where those are means themselves (months).
    Raises InputError, UnitError, EditionError.
    """
    if not samples:
        raise InputError("没有样品", "no sample")
    book = rulebook or packaged()
    basis = resolve(book, "surface_water_limits", "GB 3838", on, edition)
    limits = item_limits(book, basis)
    trace = TraceBuilder(Text("水质均值", "water quality means"))
    collected: dict[str, list[Measured]] = {}
    for sample in samples:
        seen: set[str] = set()
        for name, given in sample.items():
            symbol = item_name(name)
            if symbol in seen:
                raise InputError(f"同一样品项目重复: {name}", f"item given twice in a sample: {name}")
            seen.add(symbol)
            if given is None or symbol == "T":
                continue
            collected.setdefault(symbol, []).append(
                measured_item(given, symbol, limits[symbol].unit, book, basis.day)
            )
    share = non_detect_row(book, basis.day)
    items = {symbol: _item_mean(symbol, values, share, trace) for symbol, values in collected.items()}
    count = len(samples) if samples_behind is None else samples_behind
    reasons = _reasons(book, basis, period, count, trace)
    return WaterMeans(items, len(samples), not reasons, reasons, trace.done())


def _item_mean(symbol: str, values: list[Measured], share: Row, trace: TraceBuilder) -> ItemMean:
    for value in values:
        trace.use(value)
    numbers = [value.value for value in values]
    result = mean_ph(numbers) if symbol == "pH" else sum(numbers, Decimal(0)) / len(numbers)
    hidden = sum(value.is_below_detection for value in values)
    how = ("氢离子活度平均", "mean of activities") if symbol == "pH" else ("算术平均", "arithmetic mean")
    trace.step(
        f"{symbol}: {len(values)} 个值（未检出 {hidden}）{how[0]} = {plain(result.quantize(_FINE))}",
        f"{symbol}: {how[1]} of {len(values)} values ({hidden} non-detects) = {plain(result.quantize(_FINE))}",
        [share] if hidden else (),
    )
    return ItemMean(symbol, result, values[0].unit, len(values), hidden)


def _reasons(
    book: Rulebook, basis: Basis, period: Period, count: int, trace: TraceBuilder
) -> tuple[Text, ...]:
    item = {"quarter": "quarter samples", "year": "year months"}.get(period)
    if item is None:
        return ()
    rows = book.on(basis.day).rows("evaluation_parameters", subject="time_mean", item=item)
    needed = int(rows[-1]["value"])
    trace.step(
        f"至少需要 {needed} 个值，有 {count} 个",
        f"at least {needed} values are needed, {count} given",
        rows[-1:],
    )
    if count >= needed:
        return ()
    return (Text(f"仅 {count} 个值，少于 {needed} 个", f"{count} values, fewer than {needed}"),)

"""Amounts discharged, and how they stand against the permitted amount."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places

Medium = Literal["water", "gas"]
Standing = Literal["within", "warning", "exceeded"]
_GRAMS_PER_KILOGRAM = Decimal(1000)
_UNITS: dict[Medium, tuple[str, Decimal]] = {
    # mg/L = g/m³; mg/m³ = 0.001 g/m³
    "water": ("mg/L", Decimal(1)),
    "gas": ("mg/m³", Decimal("0.001")),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """Sum over the periods in kg; `skipped` periods had no valid pair and are not filled."""

    kilograms: Decimal
    periods: int
    skipped: int
    trace: Trace


def amount(pairs: Iterable[tuple[Given | None, Given | None]], *, medium: Medium) -> Amount:
    """Σ concentration × volume. Water: mg/L and m³; gas: measured mg/m³ and dry m³ of the same state.

    Use measured concentrations, not those at reference oxygen. Raises InputError, UnitError.
    """
    if medium not in _UNITS:
        raise InputError(f"介质应为 water 或 gas: {medium}", f"medium is water or gas, not {medium}")
    unit, grams = _UNITS[medium]
    total, used, skipped = Decimal(0), 0, 0
    for concentration, volume in pairs:
        if concentration is None or volume is None:
            skipped += 1
            continue
        total += (
            measured(concentration, "浓度", unit).value * measured(volume, "排放体积", "m³").value * grams
        )
        used += 1
    kilograms = total / _GRAMS_PER_KILOGRAM
    trace = TraceBuilder(Text("排放量", "amount discharged"))
    trace.step(
        f"Σ(C·Q) = {plain(round_places(kilograms, 4))} kg（{used} 个时段，{skipped} 个无有效数据未计）",
        f"sum = {plain(round_places(kilograms, 4))} kg ({used} periods, {skipped} without valid data left out)",
    )
    return Amount(kilograms, used, skipped, trace.done())


@dataclass(frozen=True, slots=True)
class PermitStanding:
    """Share of the permitted amount used, in % with one decimal, and its projection to the end of the period."""

    used: Decimal
    projected: Decimal | None
    standing: Standing
    trace: Trace


def against_permit(
    discharged: Given,
    permitted: Given,
    *,
    elapsed_days: int | None = None,
    period_days: int = 365,
    rulebook: Rulebook | None = None,
) -> PermitStanding:
    """How much of the permitted amount (t; other mass units as Quantity) is used.

    Warning above the share in the rulebook (80 %, house rule) or if the projection by days exceeds the permit.
    Raises InputError, UnitError.
    """
    book = rulebook or packaged()
    row = book.rows("evaluation_parameters", subject="amount_warning")[-1]
    done, allowed = measured(discharged, "排放量", "t"), measured(permitted, "许可排放量", "t")
    if allowed.value == 0:
        raise InputError("许可排放量为 0", "the permitted amount is 0")
    projected = None
    if elapsed_days is not None:
        if not 0 < elapsed_days <= period_days:
            raise InputError("已过天数不合理", "impossible number of days")
        projected = round_places(done.value * period_days * 100 / elapsed_days / allowed.value, 1)
    exact = done.value * 100 / allowed.value
    early = exact >= Decimal(row["value"]) or (projected is not None and projected > 100)
    standing: Standing = "exceeded" if exact > 100 else ("warning" if early else "within")
    used = round_places(exact, 1)
    words = {"exceeded": "超许可", "warning": "预警", "within": "正常"}
    trace = TraceBuilder(Text("许可排放量使用情况", "use of the permitted amount"))
    trace.use(done)
    trace.use(allowed)
    trace.step(
        f"已用 {used}%{'' if projected is None else f'，按天数推算全期 {projected}%'}: {words[standing]}",
        f"{used}% used{'' if projected is None else f', projected {projected}%'}: {standing}",
        [row],
    )
    return PermitStanding(used, projected, standing, trace.done())

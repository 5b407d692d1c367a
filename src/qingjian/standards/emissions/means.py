"""Means the emission standards judge: flow-weighted days of waste water, days of flue gas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured, measured
from qingjian.standards.rounding import round_places


@dataclass(frozen=True, slots=True)
class WaterHour:
    """One hour of an outlet: mean concentration (mg/L) and volume discharged (m³). None = not valid."""

    concentration: Given | None
    volume: Given | None


@dataclass(frozen=True, slots=True)
class DayMean:
    """Daily mean; `value` is None where `reason` says why it is not valid. `due` hours were discharging or running."""

    value: Decimal | None
    valid_hours: int
    due_hours: int
    reason: Text | None
    trace: Trace


def water_day(hours: Sequence[WaterHour], *, rulebook: Rulebook | None = None) -> DayMean:
    """Flow-weighted daily mean Σ C·Q / Σ Q over the hours that discharged (HJ 356, unverified).

    Hours with a known volume of 0 are not due. Valid with 75 % of the due hours; an hour without valid volume is due.
    Raises InputError, UnitError.
    """
    book = rulebook or packaged()
    row = book.rows("evaluation_parameters", subject="water_day")[-1]
    trace = TraceBuilder(Text("废水日均值", "daily mean of waste water"))
    pairs: list[tuple[Measured, Measured]] = []
    due = 0
    for place, hour in enumerate(hours):
        volume = None if hour.volume is None else measured(hour.volume, f"水量[{place}]", "m³")
        if volume is not None and volume.value == 0:
            continue
        due += 1
        if volume is None or hour.concentration is None:
            trace.reject(f"第{place}个小时", "—", "浓度或水量无效", "no valid concentration or volume")
            continue
        pairs.append((measured(hour.concentration, f"浓度[{place}]", "mg/L"), volume))
    needed = Decimal(row["value"])
    if due == 0:
        reason: Text | None = Text("当日未排放", "no discharge on the day")
    elif Decimal(len(pairs)) * 100 < needed * due:
        reason = Text(
            f"有效小时 {len(pairs)}/{due}，少于 {needed}%",
            f"{len(pairs)} of {due} hours valid, {needed}% needed",
        )
    else:
        reason = None
    if reason is not None:
        trace.step(f"日均值无效: {reason.zh}", f"not valid: {reason.en}", [row])
        return DayMean(None, len(pairs), due, reason, trace.done())
    total = sum((volume.value for _, volume in pairs), Decimal(0))
    load = sum((concentration.value * volume.value for concentration, volume in pairs), Decimal(0))
    value = load / total
    trace.step(
        f"Σ(C·Q)/ΣQ = {plain(round_places(load, 4))} / {plain(round_places(total, 4))} = {plain(round_places(value, 4))} mg/L"
        f"（有效小时 {len(pairs)}/{due}）",
        f"flow-weighted mean {plain(round_places(value, 4))} mg/L ({len(pairs)} of {due} hours)",
        [row],
    )
    return DayMean(value, len(pairs), due, None, trace.done())


def gas_day(
    hours: Sequence[Given | None], *, operating_hours: int, rulebook: Rulebook | None = None
) -> DayMean:
    """Daily mean of valid hourly means (mg/m³, already at reference oxygen); None = not valid.

    Valid with 75 % of the operating hours (HJ 75, unverified). Raises InputError, UnitError.
    """
    if not 0 <= operating_hours <= 24 or len(hours) > 24:
        raise InputError("运行小时数不合理", "impossible number of operating hours")
    book = rulebook or packaged()
    row = book.rows("evaluation_parameters", subject="gas_day")[-1]
    trace = TraceBuilder(Text("废气日均值", "daily mean of flue gas"))
    values = [
        measured(hour, f"小时[{place}]", "mg/m³") for place, hour in enumerate(hours) if hour is not None
    ]
    needed = Decimal(row["value"])
    if operating_hours == 0 or not values or Decimal(len(values)) * 100 < needed * operating_hours:
        reason = Text(
            f"有效小时 {len(values)}/{operating_hours}，少于 {needed}%",
            f"{len(values)} of {operating_hours} hours valid, {needed}% needed",
        )
        trace.step(f"日均值无效: {reason.zh}", f"not valid: {reason.en}", [row])
        return DayMean(None, len(values), operating_hours, reason, trace.done())
    value = sum((item.value for item in values), Decimal(0)) / len(values)
    shown = plain(round_places(value, 4))
    trace.step(
        f"{len(values)} 个小时均值的平均 = {shown} mg/m³",
        f"mean of {len(values)} hours = {shown} mg/m³",
        [row],
    )
    return DayMean(value, len(values), operating_hours, None, trace.done())

"""Gamma dose rate in air: against the local background and the history of the station (HJ 1157, unverified)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, decimal_of, measured
from qingjian.standards.rounding import round_places

UNIT = "nGy/h"
_HOURS_OF_YEAR = 8760


@dataclass(frozen=True, slots=True)
class History:
    """Mean and standard deviation (sample) of a station's valid hours without rain, nGy/h."""

    hours: int
    mean: Decimal
    deviation: Decimal


@dataclass(frozen=True, slots=True)
class DoseRate:
    """Judgement of one hourly value. `alert` is None while the history is too short.

    `within_background`: inside the range of the local natural background, None if no range was given.
    """

    value: Decimal
    threshold: Decimal | None
    alert: bool | None
    rain: bool
    within_background: bool | None
    trace: Trace


def history(values: Sequence[Decimal | float | int | str]) -> History:
    """Statistics of hourly values. Raises InputError with fewer than two."""
    numbers = [decimal_of(value, "dose rate") for value in values]
    if len(numbers) < 2 or min(numbers) < 0:
        raise InputError("历史小时值不足或为负", "too few or negative hourly values")
    mean = sum((Fraction(n) for n in numbers), Fraction(0)) / len(numbers)
    variance = sum(((Fraction(n) - mean) ** 2 for n in numbers), Fraction(0)) / (len(numbers) - 1)
    return History(
        hours=len(numbers),
        mean=round_places(Decimal(mean.numerator) / Decimal(mean.denominator), 4),
        deviation=round_places(Decimal(repr(math.sqrt(variance))), 4),
    )


def history_days(*, rulebook: Rulebook | None = None) -> int:
    """How many days before the judged month make the history of a station (house rule, unverified)."""
    book = rulebook or packaged()
    return int(book.rows("evaluation_parameters", subject="dose_rate", item="history days")[-1]["value"])


def judge(
    value: Given,
    past: History,
    *,
    rain: bool = False,
    background: tuple[Given, Given] | None = None,
    rulebook: Rulebook | None = None,
) -> DoseRate:
    """Judge an hourly γ dose rate (nGy/h) against mean + 3σ of the station and the local background range.

    Rain raises the rate by washed-out radon progeny: a value in rain is flagged, the alert says so. Raises InputError,
    UnitError.
    """
    book = rulebook or packaged()
    rules = {row["item"]: row for row in book.rows("evaluation_parameters", subject="dose_rate")}
    trace = TraceBuilder(Text("环境γ辐射剂量率", "gamma dose rate in air"))
    now = measured(value, "剂量率", UNIT)
    trace.use(now)
    needed, factor = int(rules["history hours"]["value"]), Decimal(rules["alert deviations"]["value"])
    threshold = alert = None
    if past.hours >= needed:
        threshold = past.mean + factor * past.deviation
        alert = now.value > threshold
        trace.step(
            f"阈值 = 均值 {plain(past.mean)} + {factor}σ({plain(past.deviation)}) = {plain(threshold)} nGy/h: "
            f"{'超过' if alert else '未超过'}{'（降雨时段）' if rain else ''}",
            f"threshold = mean {plain(past.mean)} + {factor}σ({plain(past.deviation)}) = {plain(threshold)} nGy/h: "
            f"{'above' if alert else 'not above'}{' (in rain)' if rain else ''}",
            [rules["alert deviations"]],
        )
    else:
        trace.step(
            f"历史数据 {past.hours} 小时，少于 {needed} 小时，不判定",
            f"{past.hours} hours of history, {needed} needed: not judged",
            [rules["history hours"]],
        )
    inside = None
    if background is not None:
        low, high = (measured(given, "本底", UNIT).value for given in background)
        if high < low:
            raise InputError("本底范围上下限颠倒", "the background range is upside down")
        inside = low <= now.value <= high
        trace.step(
            f"当地天然本底 {plain(low)}–{plain(high)} nGy/h: {'范围内' if inside else '范围外'}",
            f"local natural background {plain(low)}–{plain(high)} nGy/h: {'inside' if inside else 'outside'}",
        )
    return DoseRate(now.value, threshold, alert, rain, inside, trace.done())


@dataclass(frozen=True, slots=True)
class AnnualDose:
    """Annual effective dose of an artificial increment, mSv, against the public limit."""

    dose: Decimal
    limit: Decimal
    within: bool
    trace: Trace


@dataclass(frozen=True, slots=True)
class DoseRange:
    """Annual dose against both ends of the range of the local natural background.

    `highest`: everything above the lower end counts as artificial; `lowest`: only what lies above the upper end.
    `within` the public limit is None where the two ends do not agree.
    """

    lowest: AnnualDose
    highest: AnnualDose
    within: bool | None
    trace: Trace


def annual_dose_range(
    mean_rate: Given,
    background: tuple[Given, Given],
    *,
    occupancy: Given = 1,
    rulebook: Rulebook | None = None,
) -> DoseRange:
    """Annual dose where the natural background is known as a range (lower end, upper end).

    A mean inside the range shows no artificial increment: `lowest` is 0 then. Raises InputError, UnitError.
    """
    low, high = (measured(given, "本底", UNIT).value for given in background)
    if high < low:
        raise InputError("本底范围上下限颠倒", "the background range is upside down")
    highest, lowest = (
        annual_dose(mean_rate, end, occupancy=occupancy, rulebook=rulebook) for end in (low, high)
    )
    within = True if highest.within else (None if lowest.within else False)
    trace = TraceBuilder(Text("年有效剂量与公众限值", "annual effective dose and the public limit"))
    trace.step(
        f"本底取下限 {plain(low)} nGy/h（高出部分全部算作人工增量，偏保守）:",
        f"against the lower end of the background, {plain(low)} nGy/h (all above it counts as artificial, cautious):",
    )
    trace.include(highest.trace)
    trace.step(
        f"本底取上限 {plain(high)} nGy/h:", f"against the upper end of the background, {plain(high)} nGy/h:"
    )
    trace.include(Trace(lowest.trace.title, (), lowest.trace.steps, lowest.trace.rows))
    words = {True: ("不超过", "not above"), False: ("超过", "above"), None: ("不能判定", "open against")}
    zh, en = words[within]
    trace.step(f"与公众限值比较: {zh}", f"{en} the public limit")
    return DoseRange(lowest, highest, within, trace.done())


def annual_dose(
    mean_rate: Given, natural_background: Given, *, occupancy: Given = 1, rulebook: Rulebook | None = None
) -> AnnualDose:
    """Annual dose from the increment of the mean dose rate over the natural background (both nGy/h).

    The public limit (GB 18871) applies to artificial increments only. `occupancy` 0–1. Raises InputError, UnitError.
    """
    book = rulebook or packaged()
    rules = {row["item"]: row for row in book.rows("evaluation_parameters", subject="dose_rate")}
    rate, natural = measured(mean_rate, "剂量率", UNIT), measured(natural_background, "本底", UNIT)
    share = measured(occupancy, "居留因子", "", highest=Decimal(1))
    trace = TraceBuilder(Text("人工增量年有效剂量", "annual dose of the artificial increment"))
    for item in (rate, natural, share):
        trace.use(item)
    factor: Row = rules["effective dose per absorbed dose"]
    increment = max(rate.value - natural.value, Decimal(0))
    dose = increment * _HOURS_OF_YEAR * share.value * Decimal(factor["value"]) * Decimal("0.000001")
    limit = Decimal(rules["public limit"]["value"])
    trace.step(
        f"增量 {plain(increment)} nGy/h × {_HOURS_OF_YEAR} h × {factor['value']} = {plain(round_places(dose, 4))} mSv，"
        f"公众限值 {plain(limit)} mSv/a（仅对人工增量）",
        f"increment {plain(increment)} nGy/h over the year = {plain(round_places(dose, 4))} mSv, public limit {plain(limit)}",
        [factor, rules["public limit"]],
    )
    return AnnualDose(dose, limit, dose <= limit, trace.done())

"""Automatic water stations: class of a period from pH, DO, CODMn, NH3-N, TP (lakes: TN apart), and fluctuations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, decimal_of
from qingjian.standards.rounding import legible
from qingjian.standards.surface_water.classification import SectionClass, classify
from qingjian.standards.surface_water.items import WaterBody, item_name
from qingjian.standards.surface_water.means import WaterMeans, mean

ASSESSED = ("pH", "DO", "CODMn", "NH3-N", "TP")
_LEAST_DAYS = 3


@dataclass(frozen=True, slots=True)
class StationClass:
    """Class of a station over a period, from the means of the items it measures."""

    result: SectionClass
    means: WaterMeans
    trace: Trace


def station_class(
    readings: Sequence[Mapping[str, Given | None]],
    on: date,
    *,
    water_body: WaterBody = "river",
    target: str | None = None,
    rulebook: Rulebook | None = None,
) -> StationClass:
    """Class from valid readings (each a mapping of items in mg/L). Other items than the five (and TN) are left out.

    Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    trace = TraceBuilder(Text("水质自动站评价", "automatic water station"))
    kept: list[dict[str, Given | None]] = []
    left_out: set[str] = set()
    for reading in readings:
        names = {name: item_name(name) for name in reading}
        kept.append({name: reading[name] for name, item in names.items() if item in ASSESSED or item == "TN"})
        left_out.update(item for item in names.values() if item not in ASSESSED and item != "TN")
    for item in sorted(left_out):
        trace.reject(
            item, "", "自动站评价只用五项（湖库另报总氮）", "stations are judged on five items (TN apart)"
        )
    means = mean(kept, "week", on=on, rulebook=book)
    result = classify(means.values(), on, water_body=water_body, target=target, rulebook=book)
    trace.include(means.trace)
    trace.include(result.trace)
    return StationClass(result, means, trace.done())


@dataclass(frozen=True, slots=True)
class Fluctuation:
    """A daily value far from the median of the seven days before (worse direction only)."""

    item: str
    value: Decimal
    median: Decimal
    ratio: Decimal
    abnormal: bool
    trace: Trace


def fluctuation(
    item: str,
    value: Given,
    before: Sequence[Decimal | float | int | str],
    *,
    rulebook: Rulebook | None = None,
) -> Fluctuation:
    """Hold a daily value against the median of up to seven days before (threshold: house rule, unverified).

    For dissolved oxygen the ratio is median/value. Raises InputError with fewer than 3 days before.
    """
    book = rulebook or packaged()
    symbol = item_name(item)
    row = book.rows("evaluation_parameters", subject="fluctuation")[-1]
    if isinstance(value, Decimal | int | float | str):
        now = decimal_of(value, symbol)
    else:
        now = decimal_of(value.value, symbol)
    history = [decimal_of(given, symbol) for given in before][-7:]
    if len(history) < _LEAST_DAYS:
        raise InputError(f"此前至少需要 {_LEAST_DAYS} 天", f"at least {_LEAST_DAYS} days before are needed")
    median = Decimal(statistics.median(history))
    over, under = (median, now) if symbol == "DO" else (now, median)
    if under <= 0 or over < 0:
        raise InputError(f"{symbol} 无法计算倍数", f"no ratio can be formed for {symbol}")
    ratio = over / under
    abnormal = ratio > Decimal(row["value"])
    trace = TraceBuilder(Text("异常波动", "abnormal fluctuation"))
    read_now, read_median = plain(legible(now)), plain(legible(median))
    shown, times = plain(ratio.quantize(Decimal("0.01"))), row["value"]
    over_zh, over_en = (
        ("中位数/日值", "median by value") if symbol == "DO" else ("日值/中位数", "value by median")
    )
    trace.step(
        f"{symbol} {read_now}，前 {len(history)} 天中位数 {read_median}，{over_zh} = {shown}",
        f"{symbol} {read_now} against the median {read_median} of {len(history)} days, {over_en} = {shown}",
    )
    trace.step(
        f"超过 {times} 倍为异常波动（内部规则）: {'是' if abnormal else '否'}",
        f"abnormal above {times} times (house rule): {'yes' if abnormal else 'no'}",
        [row],
    )
    return Fluctuation(symbol, now, median, ratio, abnormal, trace.done())

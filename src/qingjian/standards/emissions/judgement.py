"""Judgement of an emission against every limit that applies; the strictest decides, all are shown."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from qingjian.rulebook import Confidence, Row, Rulebook, packaged
from qingjian.standards import averaging
from qingjian.standards.editions import explain_caveats
from qingjian.standards.emissions.oxygen import at_other_reference, reference_oxygen
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.limits import EVERY_CLASS, Limit, limit_of
from qingjian.standards.phrases import chinese
from qingjian.standards.quantity import Given, Measured, convert, measured
from qingjian.standards.rounding import round_places

_REMARK = re.compile(r"[(（][^()（）]*[)）]$")
Period = Literal["instant", "hour", "day", "determination", "month", "quarter", "year"]


def period_of(text: str) -> Period | None:
    """Kind of an averaging period as written in a limit; None where the standard names none."""
    if not text.strip():
        return None
    kind = averaging.kind_of(text)
    if kind not in get_args(Period):
        raise InputError(f"不认识的统计时段: {text}", f"unknown averaging period: {text}")
    return cast(Period, kind)


def period_known(text: str) -> Period | Literal["unknown"] | None:
    """Kind of an averaging period as `period_of`, `unknown` for what nobody can read."""
    try:
        return period_of(text)
    except InputError:
        return "unknown"


def is_of(row: Row, item: str) -> bool:
    """Whether a limit is one of an item: by its symbol or its Chinese name, a remark in brackets left aside."""
    return item in (row.values.get("symbol"), row["pollutant_cn"]) or item == bare_name(row["pollutant_cn"])


def is_of_class(limit: Limit, category: str) -> bool:
    """Whether a limit holds for an outlet of a class of its standard; empty: of any. Some limits hold for all of them."""
    return category in ("", limit.category) or limit.category == EVERY_CLASS


@functools.lru_cache(maxsize=1024)
def bare_name(name: str) -> str:
    """A Chinese name without the remarks in its brackets: 磷酸盐(以P计) is 磷酸盐; 苯并(a)芘 stays what it is."""
    short = _REMARK.sub("", name)
    return short or name


def limits_for(
    item: str,
    period: Period,
    on: date,
    *,
    standards: Sequence[tuple[str, str, str]] = (),
    outlet: str | None = None,
    rulebook: Rulebook | None = None,
) -> tuple[Limit, ...]:
    """Concentration limits of an item and period in force on a day.

    `standards`: (standard, class, text the condition must contain) the outlet is subject to, `""` = any.
    `outlet`: number whose permit limits apply too. A limit without a named period applies to every period.
    """
    book = rulebook or packaged()
    found: list[Limit] = []
    for row in (*book.rows("emission_limits", on), *book.rows("permit_limits", on)):
        if not is_of(row, item):
            continue
        limit = limit_of(row)
        if row.table == "permit_limits":
            wanted = outlet is not None and row["outlet"] == outlet
        else:
            wanted = any(
                row.standard == standard and is_of_class(limit, category) and text in limit.condition
                for standard, category, text in standards
            )
        # Asked last: a period that nobody can read must not stop what another document is held against.
        if wanted and period_of(row["averaging_period"]) in (period, None):
            found.append(limit)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Value against the limits: above any of them it exceeds. `decided_by` is the strictest; multiples refer to it alone.

    `multiple` = (C-C0)/C0 where exceeded, None for ranges and lower limits; `ratio` = C/C0.
    `others` are the other limits that are exceeded too. `confidence` is that of the deciding limit.
    """

    exceeds: bool
    decided_by: Limit
    multiple: Decimal | None
    ratio: Decimal | None
    others: tuple[Limit, ...]
    confidence: Confidence
    trace: Trace


def judge(
    value: Given,
    limits: Iterable[Limit],
    *,
    places: int | None = None,
    on: date | None = None,
    reference: Decimal | None = None,
    rulebook: Rulebook | None = None,
) -> Judgement:
    """Judge a value against several limits at once; the strictest applies (lowest upper limit).

    `reference`: oxygen content (%) the value stands at; for a limit whose condition names another it is brought there.
    `places`: compare the rounded value; default every digit counts. `on`: day of the data, to name what is not known of
    the standards on that day (e.g. the amendment of GB 18918 in force since 2026-03-01). Ranges (pH) are judged before numbers.
    Raises InputError without a usable limit, UnitError.
    """
    usable = [limit for limit in limits if limit.upper is not None or limit.lower is not None]
    if not usable:
        raise InputError("没有适用的限值", "no limit applies")
    decisive = min(usable, key=lambda limit: _strictness(limit, reference, usable[0].unit))
    highest = Decimal(14) if decisive.item == "pH" else None
    item = measured(value, decisive.item, decisive.unit, highest=highest)
    trace = TraceBuilder(Text("排放评价", "emission against its limits"))
    trace.use(item, used=item.value if places is None else round_places(item.value, places))
    values = {id(limit): _compared(item.value, limit, reference, places) for limit in usable}
    for limit in usable:
        _explain_reference(item, limit, reference, trace)
    exceeded = [limit for limit in usable if _exceeds(item, values[id(limit)], limit)]
    compared = values[id(decisive)]
    exceeds = bool(exceeded)
    multiple = ratio = None
    if decisive.upper is not None and decisive.lower is None and decisive.upper > 0:
        ratio = compared / decisive.upper
        multiple = ratio - 1 if decisive in exceeded else None
    for limit in usable:
        verdict = "超标" if limit in exceeded else "达标"
        mark = "（最严，作为判定依据）" if limit is decisive else ""
        trace.step(
            f"{limit.label.zh} {chinese(limit.condition)}: {verdict}{mark}",
            f"{limit.label.en}: {'exceeds' if limit in exceeded else 'met'}{' (strictest, decides)' if mark else ''}",
            [limit.row],
        )
    if any(not limit.averaging_period for limit in usable):
        trace.step(
            "部分限值未写明统计时段，按所评时段比较",
            "a limit names no averaging period: held against the one judged",
        )
    if on is not None:
        for standard in dict.fromkeys(limit.row.standard for limit in usable):
            explain_caveats(rulebook or packaged(), standard, on, trace)
    if multiple is not None:
        shown = plain(round_places(multiple, 2))
        trace.step(f"超标 {shown} 倍（基准 {decisive.label.zh}）", f"{shown} times above {decisive.label.en}")
    return Judgement(
        exceeds=exceeds,
        decided_by=decisive,
        multiple=multiple,
        ratio=ratio,
        others=tuple(limit for limit in exceeded if limit is not decisive),
        confidence=decisive.row.confidence,
        trace=trace.done(),
    )


def _compared(value: Decimal, limit: Limit, reference: Decimal | None, places: int | None) -> Decimal:
    other = _other_reference(limit, reference)
    if other is not None and reference is not None:
        value = at_other_reference(value, reference, other)
    return value if places is None else round_places(value, places)


def _other_reference(limit: Limit, reference: Decimal | None) -> Decimal | None:
    """Return the reference oxygen of a limit where it is another than that of the value."""
    named = reference_oxygen(limit.condition)
    return None if reference is None or named is None or named == reference else named


def _explain_reference(item: Measured, limit: Limit, reference: Decimal | None, trace: TraceBuilder) -> None:
    other = _other_reference(limit, reference)
    if other is None or reference is None:
        return
    brought = plain(round_places(at_other_reference(item.value, reference, other), 4))
    formula = f"{plain(item.value)} × (21-{plain(other)}) / (21-{plain(reference)}) = {brought} {item.unit}"
    trace.step(
        f"{limit.row.citation} 的基准含氧量为 {plain(other)}%，登记的为 {plain(reference)}%: {formula}",
        f"{limit.row.citation} refers to {plain(other)}% oxygen, the value to the {plain(reference)}% registered: {formula}",
        [limit.row],
    )


def _strictness(limit: Limit, reference: Decimal | None, unit: str) -> tuple[int, Decimal]:
    """Order of a limit among others, all of them in one unit. Raises UnitError where it cannot be expressed in it."""
    if limit.upper is not None and limit.lower is not None:
        return (0, limit.upper - limit.lower)
    if limit.upper is not None:
        upper = convert(limit.upper, limit.unit, unit, limit.item)
        other = _other_reference(limit, reference)
        if other is not None and reference is not None:
            upper = at_other_reference(upper, other, reference)
        return (1, upper)
    return (2, -convert(limit.lower or Decimal(0), limit.unit, unit, limit.item))


def _exceeds(item: Measured, value: Decimal, limit: Limit) -> bool:
    if limit.row["op"] == "not_detected":
        return not item.is_below_detection
    compared = convert(value, item.unit, limit.unit, limit.item)
    return (limit.upper is not None and compared > limit.upper) or (
        limit.lower is not None and compared < limit.lower
    )


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive exceeding periods: places `start` … `stop`-1, their number and the largest multiple."""

    start: int
    stop: int
    periods: int
    largest_multiple: float


def runs(values: npt.ArrayLike, limit: float, *, usable: npt.ArrayLike | None = None) -> tuple[Run, ...]:
    """Runs of values above an upper limit. `values`: (periods,), NaN = missing.

    `usable` False marks periods the rules leave out (start-up, maintenance marks): they neither exceed nor join a run.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not limit > 0:
        raise InputError("应为一维序列和正限值", "a one-dimensional series and a positive limit are needed")
    above = array > limit
    if usable is not None:
        above &= np.asarray(usable, dtype=np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    return tuple(
        Run(int(start), int(stop), int(stop - start), float(array[start:stop].max() / limit - 1))
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    )

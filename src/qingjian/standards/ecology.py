"""Ecological quality index (EQI): tree, class and class of change (环监测〔2021〕99号, unverified)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.ecology_tree import PartIndex
from qingjian.standards.editions import newest_first
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places
from qingjian.standards.words import english

HIGHEST = Decimal(100)
_STRESS = "生态胁迫"


@dataclass(frozen=True, slots=True)
class EcologicalQuality:
    """EQI 0–100 and its class 一类 (best) … 五类; `parts` are the weighted contributions."""

    value: Decimal
    cls: str
    parts: dict[str, Decimal]
    trace: Trace


@dataclass(frozen=True, slots=True)
class EcologicalChange:
    """Class of ΔEQI, from 明显变好 to 明显变差."""

    difference: Decimal
    label: str
    trace: Trace


def quality(
    *,
    structure: Given,
    function: Given,
    diversity: Given,
    stress: Given,
    computed: Iterable[PartIndex] = (),
    rulebook: Rulebook | None = None,
) -> EcologicalQuality:
    """EQI from 生态格局, 生态功能, 生物多样性 and 生态胁迫 (0–100 each; stress counts as 100-x). Raises InputError.

    `computed`: parts that were worked out from an office's own indicators (`ecology_tree`), for the explanation.
    """
    book = rulebook or packaged()
    trace = TraceBuilder(Text("生态质量指数", "ecological quality index"))
    given = {"生态格局": structure, "生态功能": function, "生物多样性": diversity, _STRESS: stress}
    trees = {one.part: one for one in computed}
    for one in trees.values():
        trace.include(one.trace)
    rows = {row["item"].split(" ")[0]: row for row in book.rows("eqi", kind="weight")}
    parts: dict[str, Decimal] = {}
    for name, value in given.items():
        item = measured(value, name, "", highest=HIGHEST)
        trace.use(item)
        used = HIGHEST - item.value if name == _STRESS else item.value
        parts[name] = used * Decimal(rows[name]["value"])
    total = sum(parts.values(), Decimal(0))
    listing = " + ".join(
        f"{rows[name]['value']}×{plain(part / Decimal(rows[name]['value']))}" for name, part in parts.items()
    )
    trace.step(f"EQI = {listing} = {plain(total)}", f"EQI = {listing} = {plain(total)}", rows.values())
    entered = [name for name in given if name not in trees]
    if entered:
        names = "、".join(entered)
        trace.step(
            f"{names} 按录入值使用：11 项二级、18 项三级指标的名称与权重未取得原文，本机关也未录入指标表",
            f"{names} are taken as entered: names and weights of the 11 and 18 indicators below are not known here, and this office has entered none",
        )
    cls, row = class_of(total, rulebook=book)
    trace.step(f"{plain(total)} → {cls}", f"{plain(total)} → {english(cls)}", [row])
    return EcologicalQuality(total, cls, parts, trace.done())


def class_of(value: Given, *, rulebook: Rulebook | None = None) -> tuple[str, Row]:
    """Class of an EQI (lower bound included) and the row that decided. Raises InputError outside 0–100."""
    book = rulebook or packaged()
    index = measured(value, "EQI", "", highest=HIGHEST)
    for row in newest_first(book.rows("eqi", kind="class")):
        top = Decimal(row["hi"])
        if Decimal(row["lo"]) <= index.value and (index.value < top or index.value == top == HIGHEST):
            return row["label"].split(" ")[0], row
    raise InputError(f"EQI {index.value} 没有对应类别", f"no class for EQI {index.value}")


def change(now: Given, base: Given, *, rulebook: Rulebook | None = None) -> EcologicalChange:
    """Class of the change between two EQI: steps at 1, 2 and 4, the bound belongs to the larger change."""
    book = rulebook or packaged()
    first, second = (measured(value, "EQI", "", highest=HIGHEST) for value in (now, base))
    trace = TraceBuilder(Text("生态质量变化", "change of ecological quality"))
    trace.use(first)
    trace.use(second)
    difference = first.value - second.value
    row = change_row(book, difference)
    shown = plain(round_places(difference, 2))
    trace.step(f"ΔEQI = {shown} → {row['label']}", f"ΔEQI = {shown} → {english(row['label'])}", [row])
    return EcologicalChange(difference, row["label"], trace.done())


def change_row(book: Rulebook, difference: Decimal) -> Row:
    """The row that decides about a change. Raises InputError where there is none."""
    for row in newest_first(book.rows("eqi", kind="change")):
        low = Decimal(row["lo"]) if row["lo"] else None
        high = Decimal(row["hi"]) if row["hi"] else None
        stable = low is not None and high is not None and low == -high
        if stable:
            fits = abs(difference) < abs(high or Decimal(0))
        elif low is not None and low > 0:
            fits = difference >= low and (high is None or difference < high)
        else:
            fits = difference <= (high or Decimal(0)) and (low is None or difference > low)
        if fits:
            return row
    raise InputError(f"ΔEQI {difference} 没有对应等级", f"no class for ΔEQI {difference}")

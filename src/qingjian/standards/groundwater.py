"""Groundwater class by its worst item (GB/T 14848-2017: 39 regular and 54 other items)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import Basis, in_force, of_standard, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured, Quantity, measured

STANDARD = "GB/T 14848"
CLASSES = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ")
_CLASS_III = 2
_OTHER_NAMES = {
    "pH值": "pH",
    "NH3-N": "氨氮",
    "CODMn": "耗氧量",
    "F-": "氟化物",
    "Cl-": "氯化物",
    "SO4": "硫酸盐",
    "SO42-": "硫酸盐",
    "NO3-N": "硝酸盐",
    "NO2-N": "亚硝酸盐",
    "I-": "碘化物",
    "CN-": "氰化物",
    "S2-": "硫化物",
    "VP": "挥发性酚类",
    "LAS": "阴离子表面活性剂",
    "TDS": "溶解性总固体",
    "Fe": "铁",
    "Mn": "锰",
    "Cu": "铜",
    "Zn": "锌",
    "Al": "铝",
    "Na": "钠",
    "Hg": "汞",
    "As": "砷",
    "Se": "硒",
    "Cd": "镉",
    "Cr(VI)": "铬(六价)",
    "六价铬": "铬(六价)",
    "Pb": "铅",
    "BaP": "苯并(a)芘",
}


@dataclass(frozen=True, slots=True)
class ItemClass:
    """Class of one item; `multiple` over the class Ⅲ limit, None if met or without a number."""

    item: str
    received: str
    cls: str
    multiple: Decimal | None


@dataclass(frozen=True, slots=True)
class GroundwaterClass:
    """Class of a well by its worst item; `worse_than_iii` in order of class."""

    cls: str
    decided_by: tuple[str, ...]
    items: tuple[ItemClass, ...]
    worse_than_iii: tuple[str, ...]
    not_measured_regular: tuple[str, ...]
    trace: Trace


def classify(
    items: Mapping[str, Given | None],
    on: date | None = None,
    *,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> GroundwaterClass:
    """Class from any of the 93 items, by Chinese name or symbol, in the unit of the table (most mg/L or μg/L).

    Smell and visible matter are `无` or `有`. Equal limits give the better class. Non-detects (`0.002L`) count half.
    Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "groundwater_limits", STANDARD, on, edition)
    table = _table(book, basis.day)
    trace = TraceBuilder(Text("地下水质量类别", "groundwater class"))
    basis.explain(trace)
    results: dict[str, ItemClass] = {}
    for name, given in items.items():
        item = _OTHER_NAMES.get(name.strip(), name.strip())
        if item not in table:
            raise InputError(f"不是地下水指标: {name}", f"not an item of GB/T 14848: {name}")
        if item in results:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        if given is not None:
            results[item] = _item(table[item], item, given, trace)
    if not results:
        raise InputError("没有测定项目", "nothing was measured")
    worst = max(CLASSES.index(result.cls) for result in results.values())
    decided = tuple(name for name, result in results.items() if CLASSES.index(result.cls) == worst)
    worse = sorted(
        (name for name, result in results.items() if CLASSES.index(result.cls) > _CLASS_III),
        key=lambda name: -CLASSES.index(results[name].cls),
    )
    trace.step(
        f"类别由最差指标决定: {'、'.join(decided)} → {CLASSES[worst]}类",
        f"the worst item decides: {', '.join(decided)} → class {CLASSES[worst]}",
    )
    regular = regular_items(basis.day, rulebook=book)
    return GroundwaterClass(
        CLASSES[worst],
        decided,
        tuple(results.values()),
        tuple(worse),
        tuple(name for name in regular if name not in results),
        trace.done(),
    )


def qualitative_items(on: date | None = None, *, rulebook: Rulebook | None = None) -> tuple[str, ...]:
    """Items that are `无` or `有` instead of a number. Raises EditionError."""
    book = rulebook or packaged()
    basis = resolve(book, "groundwater_limits", STANDARD, on, None)
    return tuple(name for name, rows in _table(book, basis.day).items() if rows[0]["op"] == "text")


def regular_items(on: date | None = None, *, rulebook: Rulebook | None = None) -> tuple[str, ...]:
    """The 39 regular items (table 1). Raises EditionError."""
    book = rulebook or packaged()
    basis = resolve(book, "groundwater_limits", STANDARD, on, None)
    return tuple(name for name, rows in _table(book, basis.day).items() if rows[0].clause == "表1")


@functools.lru_cache(maxsize=16)
def _table(book: Rulebook, day: date) -> Mapping[str, tuple[Row, ...]]:
    groups: dict[str, list[Row]] = {}
    for row in of_standard(in_force(book, "groundwater_limits", Basis(day)), STANDARD):
        if row["class"] in CLASSES:
            groups.setdefault(row["pollutant_cn"], []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: CLASSES.index(row["class"]))
    return MappingProxyType(
        {
            name: tuple(rows)
            for name, rows in groups.items()
            if tuple(row["class"] for row in rows) == CLASSES  # no ladder, no class
        }
    )


def _item(rows: tuple[Row, ...], name: str, given: Given, trace: TraceBuilder) -> ItemClass:
    if rows[0]["op"] == "text":
        return _text_item(rows, name, given, trace)
    highest = Decimal(14) if name == "pH" else None
    value = measured(given, name, rows[0]["unit"], highest=highest)
    trace.use(value)
    place = next((place for place, row in enumerate(rows) if _meets(row, value)), len(rows) - 1)
    row = rows[place]
    limit = rows[_CLASS_III]
    multiple = None
    if place > _CLASS_III and limit["op"] == "<=":
        multiple = (value.value - Decimal(limit["limit"])) / Decimal(limit["limit"])
    shown = f"{CLASSES[place]}类 {row['op'] if row['op'] in ('<=', '>') else ''}{row['limit']}".replace(
        "<=", "≤"
    )
    trace.step(
        f"{name} {plain(value.value)} 属 {shown}", f"{name} {plain(value.value)}: class {shown}", [row]
    )
    if row["op"] == "not_detected" and limit["op"] == "<=":
        _explain_coarse(name, value, Decimal(limit["limit"]), limit, trace)
    return ItemClass(name, value.received, CLASSES[place], multiple)


def _explain_coarse(name: str, value: Measured, bound: Decimal, row: Row, trace: TraceBuilder) -> None:
    """Say where a method is too coarse: what it does not detect may still lie above class Ⅲ."""
    limit = value.detection_limit
    if limit is not None and limit > bound:
        trace.step(
            f"{name} 未检出，但检出限 {plain(limit)} 高于Ⅲ类限值 {plain(bound)}: 方法灵敏度不足，未检出不能证明优于Ⅲ类",
            f"{name} was not detected, but the detection limit {plain(limit)} is above the limit {plain(bound)} of class Ⅲ: "
            "the method is too coarse to prove it",
            [row],
        )


def _meets(row: Row, value: Measured) -> bool:
    if row["op"] == "not_detected":
        return value.is_below_detection
    if row["op"] == "range":
        numbers = [Decimal(text) for text in re.findall(r"\d+(?:\.\d+)?", row["limit"])]
        outside = row["limit"].lstrip().startswith("<")
        return outside or min(numbers) <= value.value <= max(numbers)
    limit = Decimal(row["limit"])
    return value.value <= limit if row["op"] == "<=" else value.value > limit


def _text_item(rows: tuple[Row, ...], name: str, given: Given, trace: TraceBuilder) -> ItemClass:
    text = "" if isinstance(given, Quantity) else str(given).strip()
    place = next((place for place, row in enumerate(rows) if row["limit"] == text), None)
    if place is None:
        raise InputError(f"{name} 应为 无 或 有", f"{name} is 无 (none) or 有 (present)")
    trace.use(Measured(name, text, Decimal(place), ""), remark=Text("定性指标", "qualitative item"))
    trace.step(
        f"{name} {text} → {CLASSES[place]}类", f"{name} {text} → class {CLASSES[place]}", [rows[place]]
    )
    return ItemClass(name, text, CLASSES[place], None)

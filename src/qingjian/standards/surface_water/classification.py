"""Class of a section or lake point by its worst item (GB 3838-2002, 环办〔2011〕22号)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import Basis, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, Measured, measured
from qingjian.standards.rounding import legible, round_places
from qingjian.standards.surface_water.items import (
    ASSESSED,
    CLASSES,
    REPORTED_APART,
    STANDARD,
    WORSE_THAN_V,
    ItemLimits,
    WaterBody,
    class_index,
    item_limits,
    item_name,
    measured_item,
    non_detect_row,
)
from qingjian.standards.words import english

RULE = "环办〔2011〕22号"
Comparison = Literal["full", "rounded"]


@dataclass(frozen=True, slots=True)
class ItemClass:
    """Class of one item. `multiple` is the exceedance multiple over the limit of `baseline`, None if it has none.

    `shown` is the value as a person reads it: never so short that it would stand on the other side of a limit.
    """

    item: str
    name_zh: str
    value: Decimal
    shown: Decimal
    unit: str
    cls: str
    below_detection: bool
    multiple: Decimal | None
    baseline: str


@dataclass(frozen=True, slots=True)
class SectionClass:
    """Class of a section; `decided_by` are the items that have the worst class.

    `main`: items worse than the baseline class, worst first (highly toxic items before others of the same class);
    `main_first` the first three of them. `apart`: total nitrogen and faecal coliforms, which do not decide the class.
    `reached`: is the target class met (None without target).
    """

    cls: str
    rating: str
    color: str
    decided_by: tuple[str, ...]
    items: tuple[ItemClass, ...]
    main: tuple[str, ...]
    main_first: tuple[str, ...]
    apart: tuple[ItemClass, ...]
    not_measured: tuple[str, ...]
    target: str | None
    reached: bool | None
    trace: Trace


def classify(
    items: Mapping[str, Given | None],
    on: date | None = None,
    *,
    edition: str | None = None,
    water_body: WaterBody = "river",
    baseline: str = "Ⅲ",
    target: str | None = None,
    oxygen_saturation: Given | None = None,
    comparison: Comparison = "full",
    standard: str = STANDARD,
    rulebook: Rulebook | None = None,
) -> SectionClass:
    """Class from any of the 21 items (mg/L, pH without unit; `0.002L` = below the detection limit).

    `baseline`: class whose limits exceedance multiples refer to. `oxygen_saturation` in %: 90 % or more is class Ⅰ for
    dissolved oxygen. `standard`: whose classes (a local one in the rulebook instead of GB 3838). `comparison`: `full` holds every digit against the limit (published live classes follow that),
    `rounded` first rounds pH, DO, CODMn, COD, BOD5 to the assessment decimals of the rulebook. Raises InputError (negative, pH outside 0–14, unknown or repeated item, nothing measured),
    UnitError, EditionError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "surface_water_limits", standard, on, edition)
    limits = item_limits(book, basis, water_body, standard)
    trace = TraceBuilder(Text("地表水水质类别", "surface water class"))
    basis.explain(trace)
    results: dict[str, ItemClass] = {}
    base = class_index(baseline)
    places = _assessment_places(book, basis, trace) if comparison == "rounded" else {}
    for name, given in items.items():
        symbol = item_name(name)
        if symbol in results:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        if given is None:
            continue
        if symbol not in limits and symbol != "T":
            trace.reject(name, given, f"{standard} 没有该项目的限值", f"{standard} has no limit of it")
            continue
        if symbol == "T":
            trace.reject(
                name, given, "水温不参加类别评价", "water temperature does not take part in the class"
            )
            continue
        results[symbol] = _item_class(
            limits[symbol],
            measured_item(given, symbol, limits[symbol].unit, book, basis.day),
            base,
            places.get(symbol),
            trace,
            oxygen_saturation,
            non_detect_row(book, basis.day),
        )
    assessed = tuple(results[symbol] for symbol in ASSESSED if symbol in results)
    if not assessed:
        raise InputError("没有参加评价的项目", "no item that takes part in the class was measured")
    worst = max(CLASSES.index(item.cls) for item in assessed)
    decided_by = tuple(item.item for item in assessed if CLASSES.index(item.cls) == worst)
    missing = tuple(symbol for symbol in ASSESSED if symbol not in results)
    cls = CLASSES[worst]
    trace.step(
        f"类别由最差项目决定: {'、'.join(decided_by)} → {cls}类（参评 {len(assessed)} 项）",
        f"the worst item decides: {', '.join(decided_by)} → class {cls} ({len(assessed)} items assessed)",
    )
    if missing:
        trace.step(f"未测: {'、'.join(missing)}", f"not measured: {', '.join(missing)}")
    rating, color = rating_of_class(book, cls, basis.day, trace)
    main = _main_pollutants(book, basis, assessed, limits, base, trace)
    reached = None if target is None else worst <= class_index(target)
    if target is not None:
        trace.step(
            f"目标 {CLASSES[class_index(target)]}类: {'达标' if reached else '未达标'}",
            f"target class {CLASSES[class_index(target)]}: {'met' if reached else 'not met'}",
        )
    return SectionClass(
        cls=cls,
        rating=rating,
        color=color,
        decided_by=decided_by,
        items=assessed,
        main=main,
        main_first=main[: int(main_rule(book, basis.day)["value"])],
        apart=tuple(results[symbol] for symbol in REPORTED_APART if symbol in results),
        not_measured=missing,
        target=target,
        reached=reached,
        trace=trace.done(),
    )


def rating_of_class(
    book: Rulebook, cls: str, day: date, trace: TraceBuilder | None = None
) -> tuple[str, str]:
    """Qualitative rating and colour of a section of that class (环办〔2011〕22号)."""
    row = _rating_row(book, cls, day)
    if trace is not None:
        trace.step(
            f"断面水质状况: {row['rating']}（{row['color']}）",
            f"section rating: {english(row['rating'])}",
            [row],
        )
    return row["rating"], row["color"]


def _rating_row(book: Rulebook, cls: str, day: date) -> Row:
    rule = "class Ⅰ~Ⅱ" if cls in ("Ⅰ", "Ⅱ") else f"class {cls}"
    rows = book.rows("water_rating", day, level="section", rule=rule)
    return (rows or book.rows("water_rating", level="section", rule=rule))[0]


def _parameter(book: Rulebook, basis: Basis, subject: str, item: str) -> Row:
    rows = book.rows("evaluation_parameters", basis.day, standard=RULE, subject=subject, item=item)
    return (rows or book.rows("evaluation_parameters", standard=RULE, subject=subject, item=item))[0]


def main_rule(book: Rulebook, on: date) -> Row:
    """The row that says how many main pollutants are named."""
    return _parameter(book, Basis(on), "main_pollutants", "count")


def _assessment_places(book: Rulebook, basis: Basis, trace: TraceBuilder) -> dict[str, int]:
    rows = book.rows("evaluation_parameters", basis.day, standard=STANDARD, subject="assessment_decimals")
    listing = ", ".join(f"{row['item']} {row['value']}" for row in rows)
    trace.step(
        f"先修约再比较（小数位: {listing}）",
        f"values are rounded before comparison (decimals: {listing})",
        rows,
    )
    return {row["item"]: int(row["value"]) for row in rows}


def _item_class(
    limits: ItemLimits,
    value: Measured,
    base: int,
    places: int | None,
    trace: TraceBuilder,
    saturation: Given | None,
    share: Row,
) -> ItemClass:
    if value.is_below_detection and limits.symbol == "pH":
        raise InputError(f"pH 没有检出限: {value.received}", f"pH has no detection limit: {value.received}")
    number = value.value if places is None else round_places(value.value, places)
    trace.use(value, used=number)
    place, row = limits.class_of(number)
    if limits.symbol == "DO" and saturation is not None and place > 0:
        percent = measured(saturation, "DO saturation", "%", highest=Decimal(500))
        if percent.value >= 90:
            place, row = 0, limits.rows[0]
            trace.use(percent)
    cls = CLASSES[place]
    multiple = limits.multiple(number, base)
    unit = "" if limits.unit == "无量纲" else f" {limits.unit}"
    sign = {"<=": "≤", ">=": "≥", "range": ""}[limits.direction]
    bound = f"{sign}{row['limit']}{unit}"
    suffix = f"，超{CLASSES[base]}类 {plain(multiple.quantize(Decimal('0.01')))} 倍" if multiple else ""
    suffix_en = (
        f", {plain(multiple.quantize(Decimal('0.01')))} times above class {CLASSES[base]}" if multiple else ""
    )
    broken = cls == WORSE_THAN_V
    sides = (*limits.limits, *(one for one in (limits.low, limits.high) if one is not None))
    shown = legible(number, sides)
    trace.step(
        f"{limits.name_zh} {plain(shown)}{unit} {'不满足' if broken else '满足'} {row['class']}类 {bound} → {cls}类{suffix}",
        f"{limits.symbol} {plain(shown)}{unit} {'breaks' if broken else 'meets'} {row['class']} {bound} → class {cls}{suffix_en}",
        [row],
    )
    if value.is_below_detection and place > 0 and limits.class_of(Decimal(0))[0] < place:
        trace.step(
            f"{limits.name_zh} 未检出，但检出限偏高，类别由检出限 × {share['value']} 决定",
            f"{limits.symbol} was not detected, but its detection limit is too high: {share['value']} of it decides the class",
            [share],
        )
    return ItemClass(
        item=limits.symbol,
        name_zh=limits.name_zh,
        value=number,
        shown=shown,
        unit=limits.unit,
        cls=cls,
        below_detection=value.is_below_detection,
        multiple=multiple,
        baseline=CLASSES[base],
    )


def _main_pollutants(
    book: Rulebook,
    basis: Basis,
    items: tuple[ItemClass, ...],
    limits: Mapping[str, ItemLimits],
    base: int,
    trace: TraceBuilder,
) -> tuple[str, ...]:
    rows = [_parameter(book, basis, "main_pollutants", name) for name in ("count", "priority")]
    toxic = rows[1]["value"].split()
    worse = [item for item in items if CLASSES.index(item.cls) > base]

    def order(item: ItemClass) -> tuple[bool, int, Decimal]:
        return (item.item not in toxic, -CLASSES.index(item.cls), -(item.multiple or Decimal(0)))

    ordered = sorted(worse, key=order)
    names = tuple(item.item for item in ordered)
    if names:
        bounds = [_limit_of_class(limits[item.item], base) for item in ordered]
        listing = "；".join(
            f"{item.name_zh} {item.cls}类，{row.citation} {row['class']}类限值 {row['limit']}{_times(item)}"
            for item, row in zip(ordered, bounds, strict=True)
        )
        listing_en = "; ".join(
            f"{item.item} class {item.cls}, {row.citation} class {row['class']} {row['limit']}{_times(item)}"
            for item, row in zip(ordered, bounds, strict=True)
        )
        documents = "、".join(dict.fromkeys(row.citation for row in rows))
        # The rows of the order decide a list of names, never the class: they are named, and do not weaken the result.
        trace.step(
            f"主要污染指标（劣于{CLASSES[base]}类；依据 {documents}，排序规则未核实）: {listing}",
            f"main pollutants (worse than class {CLASSES[base]}; {documents}, order of naming unverified): {listing_en}",
            bounds,
        )
    return names


def _times(item: ItemClass) -> str:
    return "" if item.multiple is None else f" ×{plain(item.multiple.quantize(Decimal('0.01')))}"


def _limit_of_class(limits: ItemLimits, place: int) -> Row:
    """Return the limit of a class; one range stands for all classes of pH."""
    return limits.rows[min(place, len(limits.rows) - 1)]

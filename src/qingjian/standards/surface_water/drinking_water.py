"""Centralised drinking-water sources: single-factor evaluation and attainment by number and by volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards import groundwater
from qingjian.standards.editions import of_standard, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.items import (
    STANDARD,
    WaterBody,
    item_limits,
    item_name,
    measured_item,
    non_detect_row,
)

SourceKind = Literal["surface", "ground"]
_CLASS_III = 2
_SUPPLEMENTARY = "表2"
"""Clause of the supplementary items of surface sources; table 3 (specific items) is chosen by each region."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """Evaluation of one source and period. `exceeding`: multiple over the limit by item (None for pH and oxygen).

    `basic`: how many basic items there are (surface: tables 1 and 2 without those for reference; ground: the regular ones);
    `not_measured`: those of them that are missing. `attained` speaks of what was measured alone.
    """

    attained: bool
    exceeding: Mapping[str, Decimal | None]
    assessed: tuple[str, ...]
    reference_only: tuple[str, ...]
    basic: int
    not_measured: tuple[str, ...]
    trace: Trace


def evaluate_source(
    values: Mapping[str, Given | None],
    on: date,
    *,
    kind: SourceKind = "surface",
    water_body: WaterBody = "river",
    rulebook: Rulebook | None = None,
) -> SourceResult:
    """Does a source attain? Surface: GB 3838 table 1 at class Ⅲ, tables 2 and 3 at their limits; ground: class Ⅲ.

    Water temperature, TN and faecal coliforms are for reference (unverified). Items in mg/L by symbol or Chinese name.
    Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    if kind == "ground":
        return _ground(values, on, book)
    basis = resolve(book, "surface_water_limits", STANDARD, on, None)
    limits = item_limits(book, basis, water_body)
    special = {
        row["pollutant_cn"]: row
        for row in of_standard(book.rows("surface_water_limits", basis.day, class_="标准限值"), STANDARD)
    }
    skipped = reference_items(basis.day, rulebook=book)
    trace = TraceBuilder(Text("饮用水水源评价", "drinking-water source"))
    basis.explain(trace)
    exceeding: dict[str, Decimal | None] = {}
    assessed: list[str] = []
    reference: list[str] = []
    for name, given in values.items():
        if given is None:
            continue
        if name in special:
            row = special[name]
            item = measured_item(given, name, row["unit"], book, basis.day)
            limit = Decimal(row["limit"])
            multiple = (item.value - limit) / limit if item.value > limit else None
            broken = multiple is not None
            label = name
        else:
            label = item_name(name)
            table = limits.get(label)
            if label in skipped or table is None:
                trace.reject(name, given, "不参评，仅供参考", "for reference, not assessed")
                reference.append(label)
                continue
            item = measured_item(given, label, table.unit, book, basis.day)
            place, _ = table.class_of(item.value)
            broken = place > _CLASS_III
            multiple = table.multiple(item.value, _CLASS_III)
            row = table.rows[_CLASS_III]
        if label in assessed:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        trace.use(item)
        assessed.append(label)
        if broken:
            exceeding[label] = multiple
        verdict = "超标" if broken else "达标"
        trace.step(
            f"{label} {plain(item.value)}，限值 {row['limit']} {row['unit']}: {verdict}",
            f"{label} {plain(item.value)} against {row['limit']} {row['unit']}: {'exceeds' if broken else 'attains'}",
            [row, non_detect_row(book, basis.day)] if item.is_below_detection else [row],
        )
    if not assessed:
        raise InputError("没有参评项目", "no assessed item")
    supplementary = [
        name for name, row in special.items() if row.values.get("clause", "").startswith(_SUPPLEMENTARY)
    ]
    basic = [*(item for item in limits if item not in skipped), *supplementary]
    missing = tuple(item for item in basic if item not in assessed)
    _explain_missing(trace, len(basic), missing, len(assessed))
    return SourceResult(
        not exceeding, exceeding, tuple(assessed), tuple(reference), len(basic), missing, trace.done()
    )


def _explain_missing(trace: TraceBuilder, basic: int, missing: tuple[str, ...], assessed: int) -> None:
    if missing:
        trace.step(
            f"{basic} 项基本项目中缺 {len(missing)} 项（{'、'.join(missing)}）: 结论只代表已测的 {assessed} 项",
            f"{len(missing)} of {basic} basic items missing ({', '.join(missing)}): the verdict stands for the {assessed} measured",
        )


def reference_items(on: date, *, rulebook: Rulebook | None = None) -> frozenset[str]:
    """Symbols of table 1 that are reported for reference and not assessed."""
    book = rulebook or packaged()
    row = book.on(on).rows("evaluation_parameters", subject="drinking_water", item="not assessed")[-1]
    return frozenset(row["value"].split())


def _ground(values: Mapping[str, Given | None], on: date, book: Rulebook) -> SourceResult:
    result = groundwater.classify(values, on, rulebook=book)
    exceeding = {item.item: item.multiple for item in result.items if item.cls in ("Ⅳ", "Ⅴ")}
    assessed = tuple(item.item for item in result.items)
    missing = result.not_measured_regular
    basic = len(groundwater.regular_items(on, rulebook=book))
    trace = TraceBuilder(Text("饮用水水源评价（地下水）", "drinking-water source, groundwater"))
    trace.include(result.trace)
    _explain_missing(trace, basic, missing, len(assessed))
    return SourceResult(not exceeding, exceeding, assessed, (), basic, missing, trace.done())


@dataclass(frozen=True, slots=True)
class SourceRates:
    """Attainment in % with one decimal, by number of sources and by volume of water taken."""

    by_number: Decimal
    by_volume: Decimal
    sources: int
    attained: int


def rates(results: Sequence[tuple[bool, Given]]) -> SourceRates:
    """Rates from (attained, volume taken in m³) of each source. Raises InputError without sources or volume."""
    if not results:
        raise InputError("没有水源", "no source")
    volumes = [measured(volume, "取水量", "m³").value for _, volume in results]
    total = sum(volumes, Decimal(0))
    if total == 0:
        raise InputError("取水量合计为 0", "the volumes add up to 0")
    good = sum(volume for (attained, _), volume in zip(results, volumes, strict=True) if attained)
    number = sum(attained for attained, _ in results)
    return SourceRates(
        by_number=round_places(Decimal(number) * 100 / len(results), 1),
        by_volume=round_places(good * 100 / total, 1),
        sources=len(results),
        attained=number,
    )

"""Soil: risk control of agricultural land (GB 15618-2018) and construction land (GB 36600-2018)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import in_force, of_standard, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured

FARMLAND, LAND = "GB 15618", "GB 36600"
FarmUse = Literal["水田", "果园", "其他"]
LandClass = Literal["第一类用地", "第二类用地"]
FARM_CATEGORIES = ("优先保护", "安全利用", "严格管控")
LAND_CATEGORIES = ("不超过筛选值", "超过筛选值", "超过管制值")
_ENGLISH = {
    "优先保护": "protected first",
    "安全利用": "safe use",
    "严格管控": "strict control",
    "不超过筛选值": "not above the screening value",
    "超过筛选值": "above the screening value",
    "超过管制值": "above the control value",
}
_BACKGROUND_ITEMS = {"砷", "钴", "钒"}


@dataclass(frozen=True, slots=True)
class SoilItem:
    """One item against its screening and control value (mg/kg); the control value is None where the standard has none."""

    item: str
    value: Decimal
    screening: Decimal
    control: Decimal | None
    category: str
    multiple: Decimal | None


@dataclass(frozen=True, slots=True)
class SoilResult:
    """Category by the worst item of those measured; `not_measured` of the `basic` items of table 1 are missing."""

    category: str
    decided_by: tuple[str, ...]
    items: tuple[SoilItem, ...]
    basic: int
    not_measured: tuple[str, ...]
    trace: Trace


def agricultural(
    values: Mapping[str, Given | None],
    *,
    ph: Given,
    use: FarmUse,
    on: date | None = None,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> SoilResult:
    """Farmland by pH and crop: Cd, Hg, As, Pb, Cr, Cu, Ni, Zn, HCHs, DDTs, BaP in mg/kg (symbol or Chinese name).

    At or below the screening value 优先保护, above it 安全利用, above the control value 严格管控.
    Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    if use not in ("水田", "果园", "其他"):
        raise InputError(f"利用方式应为 水田、果园、其他: {use}", f"use is 水田, 果园 or 其他, not {use}")
    basis = resolve(book, "soil_limits_agri", FARMLAND, on, edition)
    trace = TraceBuilder(Text("农用地土壤环境质量", "agricultural soil"))
    basis.explain(trace)
    acidity = measured(ph, "pH", "无量纲", highest=Decimal(14))
    trace.use(acidity)
    rows = of_standard(in_force(book, "soil_limits_agri", basis), FARMLAND)

    def limits(name: str) -> tuple[Row, Row | None]:
        mine = [row for row in rows if name in (row["symbol"], row["pollutant_cn"])]
        if not mine:
            raise InputError(f"不是农用地项目: {name}", f"not an item of GB 15618: {name}")
        fitting = [row for row in mine if _fits_acidity(row["condition"], acidity.value)]
        screening = _by_use([row for row in fitting if row["class"] == "风险筛选值"], use)
        control = next((row for row in fitting if row["class"] == "风险管制值"), None)
        return screening, control

    return _judge(values, limits, FARM_CATEGORIES, {}, _basic(rows), trace)


def construction(
    values: Mapping[str, Given | None],
    *,
    land: LandClass,
    background: Mapping[str, Given] | None = None,
    on: date | None = None,
    edition: str | None = None,
    rulebook: Rulebook | None = None,
) -> SoilResult:
    """Construction land by class: any of the 85 items in mg/kg by Chinese name or CAS number.

    `background`: local background of As, Co, V; above screening but at or below it counts as not above.
    Raises InputError, UnitError, EditionError.
    """
    book = rulebook or packaged()
    if land not in ("第一类用地", "第二类用地"):
        raise InputError(
            f"用地类型应为第一类或第二类用地: {land}", f"land is 第一类用地 or 第二类用地, not {land}"
        )
    basis = resolve(book, "soil_limits_construction", LAND, on, edition)
    trace = TraceBuilder(Text("建设用地土壤污染风险", "construction land"))
    basis.explain(trace)
    rows = of_standard(in_force(book, "soil_limits_construction", basis), LAND)

    def limits(name: str) -> tuple[Row, Row | None]:
        cas = name if name.startswith("CAS ") else f"CAS {name}"
        mine = {row["class"]: row for row in rows if name == row["pollutant_cn"] or cas == row["symbol"]}
        if not mine:
            raise InputError(f"不是建设用地项目: {name}", f"not an item of GB 36600: {name}")
        screening = mine.get(f"风险筛选值|{land}")
        if screening is None:
            raise InputError(f"{name} 没有{land}的筛选值", f"no screening value of {name} for {land}")
        return screening, mine.get(f"风险管制值|{land}")

    natural = {name: measured(given, name, "mg/kg").value for name, given in (background or {}).items()}
    if set(natural) - _BACKGROUND_ITEMS:
        raise InputError("背景值只用于砷、钴、钒", "a background applies to 砷, 钴 and 钒 only")
    return _judge(values, limits, LAND_CATEGORIES, natural, _basic(rows), trace)


def _basic(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the basic items: those of table 1 of either standard."""
    return tuple(
        dict.fromkeys(row["pollutant_cn"] for row in rows if row.values.get("clause", "").startswith("表1"))
    )


def _judge(
    values: Mapping[str, Given | None],
    limits: Callable[[str], tuple[Row, Row | None]],
    categories: tuple[str, str, str],
    background: Mapping[str, Decimal],
    basic: tuple[str, ...],
    trace: TraceBuilder,
) -> SoilResult:
    items: dict[str, SoilItem] = {}
    for name, given in values.items():
        if given is None:
            continue
        screening_row, control_row = limits(name)
        label = screening_row["pollutant_cn"]
        if label in items:
            raise InputError(f"项目重复: {name}", f"item given twice: {name}")
        value = measured(given, name, screening_row["unit"])
        trace.use(value)
        screening = Decimal(screening_row["limit"])
        control = None if control_row is None else Decimal(control_row["limit"])
        place = 2 if control is not None and value.value > control else int(value.value > screening)
        if place == 1 and label in background and value.value <= background[label]:
            place = 0
            trace.step(
                f"{label} 超过筛选值但不高于背景值 {plain(background[label])}，不纳入污染地块管理",
                f"{label} is above screening but not above the background {plain(background[label])}",
            )
        category = categories[place]
        multiple = (value.value - screening) / screening if value.value > screening else None
        items[label] = SoilItem(label, value.value, screening, control, category, multiple)
        shown = plain(control) if control is not None else "—"
        trace.step(
            f"{label} {plain(value.value)} mg/kg，筛选值 {plain(screening)}，管制值 {shown} → {category}",
            f"{label} {plain(value.value)} mg/kg, screening {plain(screening)}, control {shown} → {_ENGLISH[category]}",
            [row for row in (screening_row, control_row) if row is not None],
        )
    if not items:
        raise InputError("没有测定项目", "nothing was measured")
    worst = max(categories.index(item.category) for item in items.values())
    decided = tuple(name for name, item in items.items() if categories.index(item.category) == worst)
    trace.step(
        f"按最差项目 {'、'.join(decided)}: {categories[worst]}",
        f"by the worst item ({', '.join(decided)}): {_ENGLISH[categories[worst]]}",
    )
    missing = tuple(item for item in basic if item not in items)
    if missing:
        trace.step(
            f"{len(basic)} 项基本项目中缺 {len(missing)} 项（{'、'.join(missing)}）: 类别只代表已测的 {len(items)} 项",
            f"{len(missing)} of {len(basic)} basic items missing ({', '.join(missing)}): the category stands for the {len(items)} measured",
        )
    return SoilResult(categories[worst], decided, tuple(items.values()), len(basic), missing, trace.done())


def _by_use(rows: list[Row], use: FarmUse) -> Row:
    for wanted in (use, "其他", "全部"):
        for row in rows:
            if f"; {wanted};" in f"{row['condition']};":
                return row
    return rows[0]


def _fits_acidity(condition: str, ph: Decimal) -> bool:
    """Does a pH lie in the band of a condition such as `表1; 水田; 5.5<pH≤6.5`? True where it names none."""
    if "pH" not in condition:
        return True
    low = re.search(r"(?:pH>(\d+\.\d+)|(\d+\.\d+)<pH)", condition)
    high = re.search(r"pH≤(\d+\.\d+)", condition)
    above = low is None or ph > Decimal(low[1] or low[2])
    return above and (high is None or ph <= Decimal(high[1]))

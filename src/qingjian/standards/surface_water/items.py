"""The items of GB 3838-2002 table 1, the names people write for them, and their limits by class."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from qingjian.rulebook import Row, Rulebook
from qingjian.standards.editions import Basis, in_force
from qingjian.standards.errors import InputError
from qingjian.standards.quantity import Given, Measured, measured

STANDARD = "GB 3838"
WaterBody = Literal["river", "lake"]
CLASSES = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")
WORSE_THAN_V = CLASSES[-1]
# The 21 items of 环办〔2011〕22号: table 1 without water temperature, total nitrogen and faecal coliforms.
ASSESSED = (
    "pH DO CODMn COD BOD5 NH3-N TP Cu Zn F- Se As Hg Cd Cr(VI) Pb CN- VP Oils LAS S2-".split()  # noqa: SIM905
)
REPORTED_APART = ("TN", "FC")
_OTHER_NAMES = {
    "NH3N": "NH3-N",
    "NH₃-N": "NH3-N",
    "CODCr": "COD",
    "F": "F-",
    "F⁻": "F-",
    "Cr6": "Cr(VI)",
    "Cr6+": "Cr(VI)",
    "Cr(Ⅵ)": "Cr(VI)",
    "CN": "CN-",
    "CN⁻": "CN-",
    "S": "S2-",
    "S²⁻": "S2-",
    "Oil": "Oils",
    "石油类": "Oils",
    "溶解氧": "DO",
    "高锰酸盐指数": "CODMn",
    "化学需氧量": "COD",
    "五日生化需氧量": "BOD5",
    "氨氮": "NH3-N",
    "总磷": "TP",
    "总氮": "TN",
    "铜": "Cu",
    "锌": "Zn",
    "氟化物": "F-",
    "硒": "Se",
    "砷": "As",
    "汞": "Hg",
    "镉": "Cd",
    "六价铬": "Cr(VI)",
    "铬(六价)": "Cr(VI)",
    "铅": "Pb",
    "氰化物": "CN-",
    "挥发酚": "VP",
    "阴离子表面活性剂": "LAS",
    "硫化物": "S2-",
    "粪大肠菌群": "FC",
    "pH值": "pH",
    "水温": "T",
}


def item_name(name: str) -> str:
    """The symbol of table 1 for a name in use. Raises InputError for a name that is none of its 24 items."""
    symbol = _OTHER_NAMES.get(name.strip(), name.strip())
    if symbol not in ASSESSED and symbol not in REPORTED_APART and symbol != "T":
        raise InputError(f"不是地表水基本项目: {name}", f"not an item of GB 3838 table 1: {name}")
    return symbol


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Limits of one item from class Ⅰ to Ⅴ. `direction`: `<=`, `>=` (dissolved oxygen) or `range` (pH)."""

    symbol: str
    name_zh: str
    unit: str
    direction: str
    limits: tuple[Decimal, ...]
    low: Decimal | None
    high: Decimal | None
    rows: tuple[Row, ...]

    def class_of(self, value: Decimal) -> tuple[int, Row]:
        """Index into CLASSES and the row that decided (the limit met, or the class Ⅴ limit that is broken).

        Equal limits give the better class.
        """
        for place, row in enumerate(self.rows):
            if self._meets(value, place):
                return place, row
        return len(self.rows), self.rows[-1]

    def _meets(self, value: Decimal, place: int) -> bool:
        if self.low is not None and self.high is not None:
            return self.low <= value <= self.high
        limit = self.limits[place]
        return value <= limit if self.direction == "<=" else value >= limit

    def multiple(self, value: Decimal, place: int) -> Decimal | None:
        """Exceedance multiple over the limit of class `place`; None for pH and dissolved oxygen, which have none."""
        if self.direction != "<=" or value <= self.limits[place]:
            return None
        return (value - self.limits[place]) / self.limits[place]


_ACIDITY = Decimal(14)
# A litre of water weighs a kilogram: more than that many mg/L of anything is a slip of the unit.
_MILLIGRAMS_IN_A_LITRE = Decimal(1_000_000)


@functools.lru_cache(maxsize=1024)
def non_detect_row(book: Rulebook, day: date | None = None) -> Row:
    """The row of a day that says which share of the detection limit a non-detect counts (环办〔2011〕22号).

    Without a day the newest of the snapshot, which `Rulebook.on` has cut.
    """
    held = book if day is None else book.on(day)
    return held.rows("evaluation_parameters", subject="class_evaluation", item="non-detect factor")[-1]


def non_detect_share(book: Rulebook, day: date | None = None) -> Decimal:
    return Decimal(non_detect_row(book, day)["value"])


@functools.lru_cache(maxsize=4096)
def highest_possible(book: Rulebook, symbol: str, unit: str, day: date | None = None) -> Decimal | None:
    """The highest value of an item that can be a measurement; None where nothing says so.

    pH ends at 14, and water holds no more dissolved oxygen than the rulebook says (house rule, unverified).
    """
    if symbol == "pH":
        return _ACIDITY
    if unit != "mg/L":
        return None
    held = book if day is None else book.on(day)
    rows = held.rows("evaluation_parameters", subject="possible_value", item=symbol)
    return Decimal(rows[-1]["value"]) if rows else _MILLIGRAMS_IN_A_LITRE


def measured_item(given: Given, symbol: str, unit: str, book: Rulebook, day: date | None = None) -> Measured:
    """Understand a value of an item by the rules of a day. Raises InputError (impossible value), UnitError."""
    return measured(
        given,
        symbol,
        unit,
        highest=highest_possible(book, symbol, unit, day),
        below_detection=non_detect_share(book, day),
    )


@functools.lru_cache(maxsize=64)
def _table(rulebook: Rulebook, day: date, body: WaterBody, standard: str) -> Mapping[str, ItemLimits]:
    other = "湖、库" if body == "river" else "河流"
    newest: dict[tuple[str, str], Row] = {}
    for row in in_force(rulebook, "surface_water_limits", Basis(day), standard=standard):
        special = other in row["condition"] and row["symbol"] == "TP"
        if row["class"] in CLASSES and not special:
            key = (row["symbol"], row["class"])
            if key not in newest or _rank(row) > _rank(newest[key]):
                newest[key] = row
    groups: dict[str, list[Row]] = {}
    for (symbol, _class), row in newest.items():
        groups.setdefault(symbol, []).append(row)
    table: dict[str, ItemLimits] = {}
    for symbol, rows in groups.items():
        rows.sort(key=lambda row: CLASSES.index(row["class"]))
        low = high = None
        limits: tuple[Decimal, ...] = ()
        if rows[0]["op"] == "range":
            low, high = (Decimal(part) for part in rows[0]["limit"].split("-"))
        else:
            limits = tuple(Decimal(row["limit"]) for row in rows)
        table[symbol] = ItemLimits(
            symbol, rows[0]["pollutant_cn"], rows[0]["unit"], rows[0]["op"], limits, low, high, tuple(rows)
        )
    return MappingProxyType(table)


def _rank(row: Row) -> tuple[date, bool]:
    """A newer edition may word its conditions otherwise: of two limits for one class the later begun counts."""
    return (row.valid_from or date.min, row.override)


def item_limits(
    rulebook: Rulebook, basis: Basis, body: WaterBody = "river", standard: str = STANDARD
) -> Mapping[str, ItemLimits]:
    """Limits by item symbol; total phosphorus by kind of water body. Raises EditionError.

    Of one `standard` only: a local one beside GB 3838 is another basis, and never mixed with it.
    """
    if body not in ("river", "lake"):
        raise InputError(
            f"水体类型只能是 river 或 lake: {body}", f"a water body is river or lake, not {body}"
        )
    return _table(rulebook, basis.day, body, standard)


def class_index(name: str) -> int:
    """Place of a class name in CLASSES (also `III`, `3`, `V`). Raises InputError."""
    spellings = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "劣V": 5, "劣5": 5, ">V": 5}
    text = name.strip().removesuffix("类")
    if text in CLASSES:
        return CLASSES.index(text)
    if text in spellings:
        return spellings[text]
    if text in {"1", "2", "3", "4", "5"}:
        return int(text) - 1
    raise InputError(f"不认识的水质类别: {name}", f"unknown water class: {name}")

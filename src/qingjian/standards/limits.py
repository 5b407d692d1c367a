"""Limits that apply to an item on a day: limit lines for charts, tables and reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text

Medium = Literal["air", "surface_water", "groundwater", "noise", "emission", "permit"]
EVERY_CLASS = "all"
"""In the column of classes: a limit that holds for each of them."""
_TABLES: dict[str, tuple[str, str]] = {
    "air": ("ambient_air_limits", "GB 3095"),
    "surface_water": ("surface_water_limits", "GB 3838"),
    "groundwater": ("groundwater_limits", "GB/T 14848"),
    "noise": ("noise_limits", "GB 3096"),
    "emission": ("emission_limits", ""),
    "permit": ("permit_limits", ""),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `upper` and `lower` bound the allowed values (None = unbounded); text limits have neither."""

    item: str
    name_zh: str
    unit: str
    category: str
    averaging_period: str
    upper: Decimal | None
    lower: Decimal | None
    condition: str
    row: Row

    @property
    def label(self) -> Text:
        """Short label for a chart line, with the mark when the row is not verified."""
        mark = "" if self.row.confidence.value == "V" else f" [{self.row.confidence.value}]"
        parts = " ".join(
            part
            for part in (self.category, self.averaging_period, self.row["limit"], self.unit)
            if part and part != EVERY_CLASS
        )
        return Text(f"{self.row.citation} {parts}{mark}", f"{self.row.citation} {parts}{mark}")


def applicable(
    medium: Medium,
    item: str,
    *,
    on: date | None = None,
    edition: str | None = None,
    standard: str | None = None,
    category: str | None = None,
    averaging_period: str | None = None,
    outlet: str | None = None,
    rulebook: Rulebook | None = None,
) -> tuple[Limit, ...]:
    """Limits of an item (symbol or Chinese name) in force on the day of the data, or of the edition named.

    `category`: grade, class or zone (`二级`, `Ⅲ`, `2类`). `outlet` selects permit limits. An item without limits gives
    an empty tuple. Raises InputError for an unknown medium, EditionError for an unknown edition or no date.
    """
    if medium not in _TABLES:
        raise InputError(f"不认识的要素: {medium}", f"unknown medium: {medium}")
    table, default = _TABLES[medium]
    book = rulebook or packaged()
    name = standard or default
    basis = resolve(book, table, name, on, edition)
    wanted = "PM2.5" if item == "PM25" else item
    return tuple(
        limit_of(row)
        for row in book.rows(table, basis.day)
        if wanted in (row["symbol"], row["pollutant_cn"])
        and (not name or row.standard == name)
        and (category is None or row.values.get("class", "") == category)
        and (averaging_period is None or row.values.get("averaging_period", "") == averaging_period)
        and (outlet is None or row.values.get("outlet", "") == outlet)
    )


def limit_of(row: Row) -> Limit:
    """The bounds a limit row sets."""
    operator, text = row["op"], row["limit"]
    upper = lower = None
    if operator in ("<=", "<"):
        upper = Decimal(text)
    elif operator in (">=", ">"):
        lower = Decimal(text)
    elif operator == "range" and text.count("-") == 1:
        lower, upper = (Decimal(part) for part in text.split("-"))
    elif operator == "not_detected":
        upper = Decimal(0)
    return Limit(
        item=row.values.get("symbol") or row["pollutant_cn"],
        name_zh=row["pollutant_cn"],
        unit=row["unit"],
        category=row.values.get("class", ""),
        averaging_period=row.values.get("averaging_period", ""),
        upper=upper,
        lower=lower,
        condition=row.values.get("condition", ""),
        row=row,
    )

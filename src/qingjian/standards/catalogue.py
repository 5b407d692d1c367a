"""What can be measured for each element: proposed factors with name and unit, so that nobody has to type them.

Codes of surface water are those of HJ 212; where that standard has no row for an item the code is our own (`x` in it).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from qingjian.hj212.policy import EDITIONS
from qingjian.hj212.profiles import profile
from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards import names
from qingjian.standards.emissions.judgement import bare_name
from qingjian.standards.item_names import ITEM_NAMES

ELEMENTS = ("water", "groundwater", "drinking", "soil", "noise", "ecology", "outlets")
"""Elements of which samples or manual measurements are entered."""


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """A factor as the registry would have it; `regular` items are those measured as a rule."""

    medium: str
    code: str
    name_zh: str
    name_en: str
    unit: str
    decimals: int
    regular: bool = True


def items(element: str, *, rulebook: Rulebook | None = None) -> tuple[CatalogueItem, ...]:
    """Items of an element (see ELEMENTS). Raises KeyError for another one."""
    return _MAKERS[element](rulebook or packaged())


def _item(medium: str, code: str, name: str, unit: str, decimals: int, regular: bool = True) -> CatalogueItem:
    return CatalogueItem(medium, code, name, ITEM_NAMES[name], unit, decimals, regular)


def _decimals(limits: Iterable[str]) -> int:
    """Decimals that show a tenth of the smallest limit."""
    places = [len(limit.partition(".")[2]) for limit in limits if limit.replace(".", "").isdigit()]
    return min(8, max(places, default=1) + 1)


def _first_rows(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["pollutant_cn"], []).append(row)
    return found


def _water(book: Rulebook) -> tuple[CatalogueItem, ...]:
    codes = {item: code for code, item in names.SURFACE_WATER.items()}
    found = []
    for name, rows in _first_rows(book.rows("surface_water_limits")).items():
        if rows[0]["class"] == "标准限值" or rows[0]["symbol"] not in codes or rows[0]["symbol"] == "T":
            continue
        label = "六价铬" if rows[0]["symbol"] == "Cr(VI)" else name
        decimals = 2 if rows[0]["symbol"] == "pH" else _decimals(row["limit"] for row in rows)
        found.append(_item("surface_water", codes[rows[0]["symbol"]], label, rows[0]["unit"], decimals))
    return (
        *found,
        _item("surface_water", "w01x16", "叶绿素a", "mg/m³", 2, False),
        _item("surface_water", "w01x04", "透明度", "m", 2, False),
        _item("surface_water", "w01x05", "水深", "cm", 0, False),
    )


def _special(book: Rulebook) -> tuple[CatalogueItem, ...]:
    """Tables 2 and 3 of GB 3838, for drinking-water sources."""
    rows = [row for row in book.rows("surface_water_limits") if row["class"] == "标准限值"]
    return tuple(
        _item(
            "drinking_water",
            f"dx{place:03d}",
            name,
            own[0]["unit"],
            _decimals(row["limit"] for row in own),
            own[0].clause == "表2",
        )
        for place, (name, own) in enumerate(_first_rows(rows).items(), start=1)
    )


def _groundwater(book: Rulebook) -> tuple[CatalogueItem, ...]:
    found = []
    for place, (name, rows) in enumerate(_first_rows(book.rows("groundwater_limits")).items(), start=1):
        decimals = (
            0 if rows[0]["op"] == "text" else 2 if name == "pH" else _decimals(row["limit"] for row in rows)
        )
        found.append(
            _item(
                "groundwater",
                f"gx{place:03d}",
                name,
                rows[0]["unit"].split(" 或 ")[0],
                decimals,
                rows[0].clause == "表1",
            )
        )
    return tuple(found)


def _drinking(book: Rulebook) -> tuple[CatalogueItem, ...]:
    volume = _item("drinking_water", "dx000", "取水量", "m³", 0)
    table_1 = tuple(one for one in _water(book) if one.regular)
    return (volume, *table_1, *_special(book), *_groundwater(book))


def _soil(book: Rulebook) -> tuple[CatalogueItem, ...]:
    farm = _first_rows(book.rows("soil_limits_agri"))
    land = _first_rows(book.rows("soil_limits_construction"))
    found = [_item("soil", "sx000", "pH", "无量纲", 2)]
    for place, (name, rows) in enumerate({**land, **farm}.items(), start=1):
        regular = name in farm or rows[0].clause == "表1"
        found.append(
            _item(
                "soil",
                f"sx{place:03d}",
                name,
                rows[0]["unit"],
                _decimals(row["limit"] for row in rows),
                regular,
            )
        )
    return tuple(found)


def _noise(book: Rulebook) -> tuple[CatalogueItem, ...]:
    return (
        _item("noise", "Ld", "昼间等效声级", "dB(A)", 1),
        _item("noise", "Ln", "夜间等效声级", "dB(A)", 1),
        _item("noise", "LMx", "最大的瞬时声级", "dB(A)", 1, False),
    )


def _ecology(book: Rulebook) -> tuple[CatalogueItem, ...]:
    """The four parts, and the indicators of the office's own table that are measured."""
    parts = [row["item"].split(" ")[0] for row in book.rows("eqi", kind="weight")]
    rows = book.rows("eqi_indicators")
    above = {row["parent"] for row in rows}
    own = {row["item"]: row for row in rows if row["item"] not in above}
    return (
        *(_item("ecology", f"ex{place:02d}", name, "无量纲", 2) for place, name in enumerate(parts, 1)),
        *(
            CatalogueItem(
                "ecology",
                # From the name alone: a further row must not move the codes of the others.
                f"ey{hashlib.sha256(name.encode()).hexdigest()[:6]}",
                name,
                ITEM_NAMES.get(name, name),
                row.values.get("unit") or "无量纲",
                4,
            )
            for name, row in own.items()
        ),
    )


def _outlets(book: Rulebook) -> tuple[CatalogueItem, ...]:
    """Items of the emission standards, by the code of HJ 212 where there is one; those without are measured in samples only."""
    water = {row.standard for row in book.rows("emission_limits") if row["unit"].endswith("/L")}
    found: dict[tuple[str, str], CatalogueItem] = {}
    for row in book.rows("emission_limits"):
        medium = "waste_water" if row.standard in water else "flue_gas"
        codes = names.WASTE_WATER if medium == "waste_water" else names.FLUE_GAS
        name = bare_name(row["pollutant_cn"])
        code = next((key for key, item in codes.items() if item in (row["symbol"], name)), "")
        code = code or _codes_by_name("w" if medium == "waste_water" else "a").get(name, "")
        # From the name alone: a further row must not move the codes of the others.
        own = f"ox{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        item = CatalogueItem(
            medium, code or own, name, ITEM_NAMES.get(name, name), row["unit"], _decimals([row["limit"]])
        )
        found.setdefault((medium, item.code), item)
    return tuple(found.values())


@functools.cache
def _codes_by_name(letter: str) -> dict[str, str]:
    """HJ 212 codes of one medium (`w` water, `a` air) by Chinese name."""
    factors = {code: one for edition in EDITIONS for code, one in profile(edition).factors.items()}
    return {one.name_zh: code for code, one in factors.items() if code.startswith(letter)}


_MAKERS = {
    "outlets": _outlets,
    "water": _water,
    "groundwater": _groundwater,
    "drinking": _drinking,
    "soil": _soil,
    "noise": _noise,
    "ecology": _ecology,
}

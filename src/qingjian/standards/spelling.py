"""Units, classes and averaging periods of an office's own rows, written as the tables write them."""

from __future__ import annotations

import functools
import re
import unicodedata

from qingjian.rulebook import Row, packaged
from qingjian.standards import averaging
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import one_unit

QUALITY_LIMITS = (
    "ambient_air_limits",
    "surface_water_limits",
    "groundwater_limits",
    "soil_limits_agri",
    "soil_limits_construction",
    "noise_limits",
)
"""Tables of limits of environmental quality: searched by class, the rows of one document and item read in one unit.

Outlets are assigned to whatever classes an emission standard has, and their limits are converted one by one.
"""
_ENDING = re.compile(r"(类声环境功能区|类功能区|类区|类标准|级标准|类水质|类水|类|级)$")
_NUMBERS = dict(zip(("i", "ii", "iii", "iv", "v", "一", "二", "三", "四", "五"), "1234512345", strict=True))


def respelled(row: Row) -> Row:
    """The row with its unit, class and period as the tables write them, where they are only spelled otherwise."""
    changes: dict[str, str] = {}
    unit, category = row.values.get("unit", ""), row.values.get("class", "")
    known = _values(row.table, "unit", "") if unit else ()
    if unit and unit not in known:
        same = [one for one in known if one_unit(one) == one_unit(unit)]
        changes["unit"] = same[0] if same else one_unit(unit)
    if row.values.get(averaging.COLUMN):
        changes[averaging.COLUMN] = averaging.written(row)
    if row.table == "soil_limits_agri" and row.values.get("condition"):
        changes["condition"] = _condition(row)
    if row.table in QUALITY_LIMITS and category:
        changes |= {"class": _class(row) or category}
    if all(row.values.get(name) == value for name, value in changes.items()):
        return row
    return Row.from_values(row.table, {**row.values, **changes}, override=row.override)


def class_problem(row: Row) -> tuple[str, Text] | None:
    """Return (column, why) for a class that no evaluation of the table looks for."""
    if row.table not in QUALITY_LIMITS or _class(row) == row.values.get("class", ""):
        return None
    listing = "、".join(_known(row))
    given = row.values.get("class", "")
    name = f"{row.document} {row['pollutant_cn']}"
    return (
        "class",
        Text(
            f"{name}: 没有评价读取类别“{given}”（可用 {listing}）",
            f"{name}: no evaluation reads the class “{given}” (known: {listing})",
        ),
    )


def _class(row: Row) -> str | None:
    """The class of the table that a text means; None where it means none of them."""
    given, known = row.values.get("class", ""), _known(row)
    if given in known:
        return given
    found = [one for one in known if _folded(one) == _folded(given)]
    return found[0] if len(found) == 1 else None


def _condition(row: Row) -> str:
    """The condition of the table that a text means (`水田，5.5＜pH≤6.5`); as it is where it means none."""
    given = _bare(row["condition"])
    same = [
        one["condition"]
        for one in packaged().rows(row.table, pollutant_cn=row["pollutant_cn"])
        if one["class"] == (_class(row) or row["class"])
    ]
    for fold in (_bare, lambda text: _bare(text).partition(";")[2]):
        found = [one for one in same if fold(one) == given]
        if len(found) == 1:
            return found[0]
    return row["condition"]


def _bare(text: str) -> str:
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace("<=", "≤").replace(">=", "≥")
    return re.sub(r"[,，；;、]", ";", plain)


def _known(row: Row) -> tuple[str, ...]:
    return _values(row.table, "class", row.standard) or _values(row.table, "class", "")


@functools.cache
def _values(table: str, column: str, standard: str) -> tuple[str, ...]:
    """What packaged rows have in a column, of one standard or of all."""
    rows = packaged().rows(table, standard=standard) if standard else packaged().rows(table)
    return tuple(dict.fromkeys(one.values.get(column, "") for one in rows))


def folded_class(text: str) -> str:
    """A class as it is compared: 一级A标准 and 1级A are 一级A."""
    plain = re.sub(r"(标准|限值)$", "", _folded(text))
    return re.sub(r"^([一二三四五])级?", lambda found: _NUMBERS[found[1]], re.sub(r"^(\d)级", r"\1", plain))


def _folded(text: str) -> str:
    plain = _ENDING.sub("", re.sub(r"\s", "", unicodedata.normalize("NFKC", text))).casefold()
    return _NUMBERS.get(plain, plain)

"""Targets of regions for the year of air: what they may be of, and how people write it."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from qingjian.rulebook import Row
from qingjian.standards import names
from qingjian.standards.air.breakpoints import POLLUTANTS
from qingjian.standards.explanation import Text
from qingjian.standards.quantity import one_unit

TABLE = "regional_targets"
GOOD_DAYS, HEAVY_DAYS, COMPOSITE = "优良天数比例", "重污染天数", "综合指数"
ITEMS = (GOOD_DAYS, HEAVY_DAYS, COMPOSITE, *POLLUTANTS)
"""What the column `item` may name: nothing reads another one."""
_WRITTEN = {
    "优良率": GOOD_DAYS,
    "优良天数率": GOOD_DAYS,
    "优良天数比率": GOOD_DAYS,
    "空气质量优良天数比例": GOOD_DAYS,
    "空气质量优良率": GOOD_DAYS,
    "重度及以上污染天数": HEAVY_DAYS,
    "重污染天气天数": HEAVY_DAYS,
    "重度及以上污染天数比例": "",
    "环境空气质量综合指数": COMPOSITE,
    "空气质量综合指数": COMPOSITE,
    "细颗粒物": "PM2.5",
    "可吸入颗粒物": "PM10",
    "二氧化硫": "SO2",
    "二氧化氮": "NO2",
    "一氧化碳": "CO",
    "臭氧": "O3",
}
_HIGHEST = {GOOD_DAYS: Decimal(100), HEAVY_DAYS: Decimal(366), COMPOSITE: Decimal(50)}
_UNITS = {GOOD_DAYS: ("%",), HEAVY_DAYS: ("天", "d", "日"), COMPOSITE: ("无量纲",), "CO": ("mg/m³",)}


def completed(row: Row) -> Row:
    """The row with its item as it is read, where only one can be meant."""
    if row.table != TABLE or row["item"] in ITEMS:
        return row
    item = _read(row["item"])
    return (
        row if not item else Row.from_values(row.table, {**row.values, "item": item}, override=row.override)
    )


def problems(row: Row) -> list[tuple[str, Text]]:
    """Return (column, what is wrong) for a target that nothing reads or that cannot be."""
    if row.table != TABLE:
        return []
    item = row["item"]
    if item not in ITEMS:
        listing = "、".join(ITEMS)
        return [
            (
                "item",
                Text(
                    f"没有页面读取“{item}”的目标（可用 {listing}）",
                    f"no page reads a target of “{item}” (known: {listing})",
                ),
            )
        ]
    found = []
    try:
        value = Decimal(row["value"])
    except InvalidOperation:
        value = Decimal(-1)  # refused by the file before
    highest = _HIGHEST.get(item, Decimal(1000))
    if not 0 <= value <= highest:
        found.append(
            (
                "value",
                Text(
                    f"{item} 的目标应在 0–{highest} 之间，不能是 {row['value']}",
                    f"a target of {item} lies in 0–{highest}, not {row['value']}",
                ),
            )
        )
    unit = row.values.get("unit", "").strip()
    wanted = _UNITS.get(item, ("μg/m³",))
    if unit and one_unit(unit) not in wanted:
        found.append(
            (
                "unit",
                Text(
                    f"{item} 的目标以 {wanted[0]} 为单位，不能写 {unit}",
                    f"a target of {item} is in {wanted[0]}, not in {unit}",
                ),
            )
        )
    return found


def _read(text: str) -> str:
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    plain = re.sub(r"(年均|平均)?浓度$|年均值$", "", plain)
    if plain in _WRITTEN:
        return _WRITTEN[plain]
    code = names.AIR.get(plain, plain)
    same = [one for one in POLLUTANTS if one.replace(".", "").casefold() == code.replace(".", "").casefold()]
    return same[0] if same else ""

"""How the collector PM25.in worked out the city values it published in 2013: a practice, not HJ 633-2012.

HJ 633-2012 interpolates between the points of its table 1 (IAQI 0, 50, 100, 150 …) and rounds up: PM10 of 50 μg/m³ gives 50.
The published city values follow segments that begin one above the index below them (0–50, 51–100, 101–150 …), with a
concentration on a point in the segment above: PM10 of 50 gives 51, PM2.5 of 115 gives 151. All six published values with their
inputs known to us are reproduced; three of them are not by the text. It never decides an index here; it stands beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.air.breakpoints import HIGHEST_INDEX, Scale, scale
from qingjian.standards.air.index import STANDARD, ItemIndex
from qingjian.standards.editions import in_force, resolve
from qingjian.standards.errors import InputError

_EDITION = "2012"
_FROM_PRIMARY = 50


@dataclass(frozen=True, slots=True)
class Published:
    """Index, category and items with the highest index above 50, as that collector would have published them."""

    aqi: int
    category: str
    primary_items: tuple[str, ...]


def as_published(items: Iterable[ItemIndex], *, rulebook: Rulebook | None = None) -> Published:
    """The published value from items of HJ 633-2012 (`AirIndex.items`). Raises InputError without any."""
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", STANDARD, None, _EDITION)
    indices = {
        one.item: _index(scale(book, basis, one.pollutant, one.period), one.concentration) for one in items
    }
    if not indices:
        raise InputError("没有可用于计算的项目", "no item is left to calculate from")
    aqi = max(indices.values())
    category = next(
        row["category"]
        for row in in_force(book, "aqi_levels", basis)
        if int(row["aqi_lo"]) <= aqi <= int(row["aqi_hi"])
    )
    primary = tuple(item for item, index in indices.items() if index == aqi > _FROM_PRIMARY)
    return Published(aqi, category, primary)


def _index(table: Scale, concentration: Decimal) -> int:
    place = max(place for place, (_index, point) in enumerate(table.points) if point <= concentration)
    if place == len(table.points) - 1:
        return min(HIGHEST_INDEX, table.points[-1][0])
    (low_index, low), (high_index, high) = table.points[place], table.points[place + 1]
    first = low_index + 1 if low_index else 0
    return math.ceil((high_index - first) * Fraction(concentration - low) / Fraction(high - low) + first)

"""City water quality index (CWQI) and its ranking (环办监测〔2017〕51号)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.editions import resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given
from qingjian.standards.rounding import round_places
from qingjian.standards.surface_water.items import ASSESSED, WaterBody, item_limits
from qingjian.standards.surface_water.means import mean

_CLASS_III = 2
_NEUTRAL = Decimal(7)


@dataclass(frozen=True, slots=True)
class WaterIndex:
    """CWQI with four decimals; `parts` by item; `missing` items are not in the sum."""

    value: Decimal
    exact: Decimal
    parts: Mapping[str, Decimal]
    missing: tuple[str, ...]
    trace: Trace


def body_index(
    sections: Sequence[Mapping[str, Given | None]],
    on: date,
    *,
    water_body: WaterBody = "river",
    allow_missing: bool = False,
    rulebook: Rulebook | None = None,
) -> WaterIndex:
    """CWQI of the rivers or of the lakes of a city: items averaged over the sections, then Σ C/Cs at class Ⅲ.

    All 21 items are needed unless `allow_missing` (an index of fewer items cannot be compared). Raises InputError.
    """
    book = rulebook or packaged()
    basis = resolve(book, "surface_water_limits", "GB 3838", on, None)
    limits = item_limits(book, basis, water_body)
    means = mean(sections, "space", on=on, rulebook=book)
    missing = tuple(name for name in ASSESSED if name not in means.items)
    if missing and not allow_missing:
        raise InputError(f"CWQI 缺少项目: {'、'.join(missing)}", f"CWQI lacks items: {', '.join(missing)}")
    trace = TraceBuilder(Text("城市水质指数", "city water quality index"))
    trace.include(means.trace)
    rows = book.on(basis.day).rows("cwqi")
    parts: dict[str, Decimal] = {}
    for name in ASSESSED:
        if name not in means.items:
            continue
        value = means.items[name].value
        item = limits[name]
        if item.low is not None and item.high is not None:
            parts[name] = abs(value - _NEUTRAL) / abs(
                (item.low if value <= _NEUTRAL else item.high) - _NEUTRAL
            )
            bound = f"7, {item.low}–{item.high}"
        elif item.direction == ">=":
            if value == 0:
                raise InputError("溶解氧为 0，指数无意义", "dissolved oxygen is 0: the index is undefined")
            parts[name] = item.limits[_CLASS_III] / value
            bound = plain(item.limits[_CLASS_III])
        else:
            parts[name] = value / item.limits[_CLASS_III]
            bound = plain(item.limits[_CLASS_III])
        shown = f"{name}: {plain(round_places(value, 6))} / {bound} → {plain(round_places(parts[name], 4))}"
        trace.step(shown, shown, [item.rows[_CLASS_III]])
    exact = sum(parts.values(), Decimal(0))
    value = round_places(exact, 4)
    trace.step(f"CWQI = Σ = {value}", f"CWQI = sum = {value}", rows)
    return WaterIndex(value, exact, parts, missing, trace.done())


def city_index(
    river: Decimal | None, river_sections: int, lake: Decimal | None = None, lake_points: int = 0
) -> Decimal:
    """CWQI of a city: rivers and lakes weighted by their number of sections and points (unverified), four decimals."""
    weights = [
        (index, count) for index, count in ((river, river_sections), (lake, lake_points)) if index is not None
    ]
    total = sum(count for _, count in weights)
    if total <= 0 or any(count < 0 for _, count in weights):
        raise InputError("没有断面或点位", "no section or point")
    return round_places(sum((index * count for index, count in weights), Decimal(0)) / total, 4)

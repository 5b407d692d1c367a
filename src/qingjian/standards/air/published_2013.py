"""How the collector PM25.in worked out the city values it published in 2013: a practice, not HJ 633-2012.

HJ 633-2012 interpolates between the points of its table 1 (IAQI 0, 50, 100, 150 …) and rounds up: PM10 of 50 μg/m³ gives 50.
The published city values follow segments that begin one above the index below them (0–50, 51–100, 101–150 …), with a
concentration on a point in the segment above: PM10 of 50 gives 51, PM2.5 of 115 gives 151. All six published values with their
inputs known to us are reproduced; three of them are not by the text. The rule is a row of the rulebook (confidence S). It serves
to reproduce what was published; the text counts in evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.air.breakpoints import HIGHEST_INDEX, Scale, scale
from qingjian.standards.air.index import STANDARD, ItemIndex, level_of
from qingjian.standards.editions import governing, in_force, resolve
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.words import english

_EDITION = "2012"
_FROM_PRIMARY = 50
_EXCEEDING = 100


@dataclass(frozen=True, slots=True)
class Published:
    """An index as that collector would have published it; the names are those of `AirIndex`."""

    aqi: int
    level: str
    category: str
    color: str
    primary_items: tuple[str, ...]
    exceeding: tuple[str, ...]
    items: tuple[ItemIndex, ...]
    trace: Trace


def as_published(items: Iterable[ItemIndex], *, rulebook: Rulebook | None = None) -> Published:
    """The published value from items of HJ 633-2012 (`AirIndex.items`). Raises InputError without any."""
    book = rulebook or packaged()
    basis = resolve(book, "aqi_breakpoints", STANDARD, None, _EDITION)
    rule = governing(in_force(book, "evaluation_parameters", basis, subject="published_index_2013"))
    trace = TraceBuilder(
        Text("空气质量指数（2013 年实时发布的算法）", "air quality index as published live in 2013")
    )
    trace.step(
        f"分段自表1 各点的指数加 {rule['value']} 起（51、101、151…），恰在点上的浓度归上一段",
        f"segments begin {rule['value']} above the index of a point of table 1 (51, 101, 151 …); a concentration on a point belongs to the segment above",
        [rule],
    )
    judged = []
    for one in items:
        exact, rows = _index(
            scale(book, basis, one.pollutant, one.period), one.concentration, int(rule["value"])
        )
        raw = Decimal(exact.numerator) / Decimal(exact.denominator)
        judged.append(replace(one, iaqi=math.ceil(exact), raw=raw))
        shown = (
            f"{one.item}: {plain(one.concentration)} {one.unit} → {plain(raw.quantize(Decimal('0.0001')))}"
        )
        trace.step(f"{shown}，进位为 {judged[-1].iaqi}", f"{shown}, rounded up to {judged[-1].iaqi}", rows)
    if not judged:
        raise InputError("没有可用于计算的项目", "no item is left to calculate from")
    aqi = max(one.iaqi for one in judged)
    level = level_of(book, basis, aqi)
    primary = tuple(one.item for one in judged if one.iaqi == aqi > _FROM_PRIMARY)
    trace.step(
        f"发布值 = {aqi}，{level['level']}（{level['category']}），首要污染物: {'、'.join(primary) or '无'}",
        f"published value = {aqi}, {english(level['category'])}; primary pollutant: {', '.join(primary) or 'none'}",
        [level],
    )
    return Published(
        aqi=aqi,
        level=level["level"],
        category=level["category"],
        color=level["color"],
        primary_items=primary,
        exceeding=tuple(dict.fromkeys(one.pollutant for one in judged if one.iaqi > _EXCEEDING)),
        items=tuple(judged),
        trace=trace.done(),
    )


def _index(table: Scale, concentration: Decimal, above_point: int) -> tuple[Fraction, tuple[Row, ...]]:
    place = max(place for place, (_index, point) in enumerate(table.points) if point <= concentration)
    if place == len(table.points) - 1:
        return Fraction(min(HIGHEST_INDEX, table.points[-1][0])), table.rows[-1:]
    (low_index, low), (high_index, high) = table.points[place], table.points[place + 1]
    first = low_index + above_point if low_index else 0
    exact = (high_index - first) * Fraction(concentration - low) / Fraction(high - low) + first
    return exact, table.rows[place : place + 2]

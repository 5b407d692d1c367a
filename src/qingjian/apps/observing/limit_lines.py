"""Limit lines of charts: permit limits of an outlet, standards of air and surface water, each for as long as it held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from qingjian.apps.network.models import PermitLimit, Series
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Confidence, Row, Rulebook
from qingjian.standards import names
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EditionError, UnitError
from qingjian.standards.limits import limit_of
from qingjian.standards.quantity import convert
from qingjian.standards.surface_water.items import CLASSES, item_limits

AIR_GRADE = "二级"
"""Grade of the zones in which people live; a station says nothing of its own."""
AIR_PERIODS = {"hour": "1小时平均", "day": "日平均"}
WATER_STATISTICS = ("hour", "day", "month")
Line = dict[str, Any]


def lines(series: Series, statistic: str, start: datetime, end: datetime, book: Rulebook) -> list[Line]:
    """Return the limits that held somewhere in [start, end), in the unit of the series.

    `from` and `to` (milliseconds) are None where a limit held already before or still held after.
    """
    if series.point.outlet_id is not None:
        return list(_permitted(series, statistic, start, end))
    table = {"air": "ambient_air_limits", "water": "surface_water_limits"}.get(series.point.element)
    if table is None:
        return []
    found: list[Line] = []
    for first, last in _stretches(book, table, start, end):
        day = max(first, start).astimezone(CHINA).date()
        for value, row in _standard(series, statistic, day, book):
            mark = "" if row.confidence is Confidence.V else f" [{row.confidence.value}]"
            line = _line(value, row.citation, False, first, last, start, end)
            line["note"] = f"{row['class']}{mark}"
            before = next(
                (one for one in found if one["to"] == line["from"] is not None and _same(one, line)), None
            )
            if before is None:
                found.append(line)
            else:
                before["to"] = line["to"]
    return found


def _same(one: Line, other: Line) -> bool:
    return all(one[name] == other[name] for name in ("value", "basis", "note"))


def _line(
    value: Decimal, basis: str, converted: bool, first: Any, last: Any, start: datetime, end: datetime
) -> Line:
    return {
        "value": float(value),
        "basis": basis,
        "converted": converted,
        "note": "",
        "from": None if first is None or first <= start else int(first.timestamp() * 1000),
        "to": None if last is None or last >= end else int(last.timestamp() * 1000),
    }


def _permitted(series: Series, statistic: str, start: datetime, end: datetime) -> Iterator[Line]:
    rows = PermitLimit.objects.filter(
        outlet_id=series.point.outlet_id, factor=series.factor, averaging=statistic
    )
    for limit in rows:
        first, last = limit.valid_from, limit.valid_to
        if (first is not None and first >= end) or (last is not None and last <= start):
            continue
        for value in limit.sides(series.unit) or ():
            if value is not None:
                yield _line(value, limit.basis, limit.converted, first, last, start, end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)


def _stretches(book: Rulebook, table: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Cut [start, end) where rows of a table begin or end."""
    days = {row.valid_from for row in book.rows(table) if row.valid_from is not None}
    days |= {row.valid_to + timedelta(days=1) for row in book.rows(table) if row.valid_to is not None}
    cuts = [start, *sorted(one for one in map(_midnight, days) if start < one < end), end]
    return list(pairwise(cuts))


def _standard(series: Series, statistic: str, day: date, book: Rulebook) -> list[tuple[Decimal, Row]]:
    """Return the limits of a standard on a day with their rows; nothing where it has none for the item and statistic."""
    found: list[tuple[Decimal | None, Row]] = []
    if series.point.element == "air" and statistic in AIR_PERIODS:
        item = names.AIR.get(series.factor.wire_code)
        period = AIR_PERIODS[statistic]
        for row in book.rows("ambient_air_limits", day, symbol=item or "", class_=AIR_GRADE):
            if row["averaging_period"] == period and row.standard == "GB 3095":
                limit = limit_of(row)
                found += [(limit.upper, row), (limit.lower, row)]
    target = series.point.attributes.get("target_class", "")
    if series.point.element == "water" and statistic in WATER_STATISTICS and target in CLASSES[:5]:
        item = names.SURFACE_WATER.get(series.factor.wire_code)
        lake = series.point.kind == "reservoir" or series.point.attributes.get("water_body") == "lake"
        body = "lake" if lake else "river"
        try:
            known = item_limits(book, Basis(day), body)
        except EditionError:
            known = {}
        if item in known:
            row = known[item].rows[CLASSES.index(target)]
            limit = limit_of(row)
            found += [(limit.upper, row), (limit.lower, row)]
    converted = []
    for value, row in found:
        if value is not None:
            try:
                converted.append((convert(value, row["unit"], series.unit, series.factor.wire_code), row))
            except UnitError:
                if item == "pH":  # has no unit, whatever is written beside it
                    converted.append((value, row))
    return converted

"""Simulated samples and manual measurements of the demo county, for the elements that no public data set serves.

Deterministic like the other signals: level = limit × share × (1 ± a fifth), by a hash of series and day. The limit is
only what gives a figure a plausible size. Everything is of origin `simulated`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa

from qingjian.contracts.clock import CHINA
from qingjian.rulebook import packaged
from qingjian.simulator.demo.county import SIMULATED, Row, degrees
from qingjian.simulator.synthesis import key_of, lattice
from qingjian.standards import catalogue
from qingjian.standards.catalogue import CatalogueItem

NOTICE = "模拟数据，不是测量值\nsimulated data, not measured"
_DAY = timedelta(days=1)
_FIXED = {
    "pH": 7.3,
    "pH值": 7.6,
    "溶解氧": 7.5,
    "透明度": 1.4,
    "水深": 160.0,
    "叶绿素a": 12.0,
    "取水量": 620_000.0,
    "昼间等效声级": 58.0,
    "夜间等效声级": 48.5,
    "最大的瞬时声级": 64.0,
    "嗅和味": 0.0,
    "肉眼可见物": 0.0,
}
"""Usual levels of what has no limit to take the size from."""
_FOUND = 0.2
"""Share of trace items that are found; the rest is below the detection limit."""


@cache
def _document() -> Row:
    text = (files("qingjian.simulator.demo") / "laboratory.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _expanded() -> Row:
    factors: dict[str, CatalogueItem] = {}
    points: list[Row] = []
    series: list[Row] = []
    for row in _document()["point"]:
        longitude, latitude = degrees(row["place"])
        points.append(
            {
                **{name: row[name] for name in ("code", "name", "name_en", "kind", "level", "region")},
                "organisation": "99DEMO000STATION001",
                "longitude": longitude,
                "latitude": latitude,
                "attributes": row["attributes"],
                "notice": NOTICE,
            }
        )
        for item in _items(row):
            factors[f"{item.medium}.{item.code}"] = item
            series.append(
                {
                    "code": f"{row['code']}.{item.code}.{SIMULATED}",
                    "point": row["code"],
                    "factor": f"{item.medium}.{item.code}",
                    "name_zh": item.name_zh,
                    "unit": item.unit,
                    "decimals": item.decimals,
                    "medium": item.medium,
                    "origin": SIMULATED,
                    "notice": NOTICE,
                }
            )
    return {
        "factors": [
            {
                "code": code,
                "medium": one.medium,
                "wire_code": one.code,
                "name_zh": one.name_zh,
                "name_en": one.name_en,
                "unit": one.unit,
                "decimals": one.decimals,
            }
            for code, one in factors.items()
        ],
        "points": points,
        "series": series,
    }


def _items(row: Row) -> list[CatalogueItem]:
    """Return what is measured at a point: the regular items of its element, or those named."""
    known = catalogue.items(row["items"])
    wanted = set(row.get("only", [one.name_zh for one in known if one.regular])) | set(row.get("extra", ()))
    chosen = [one for one in known if one.name_zh in wanted]
    if row["kind"].startswith("drinking"):
        names = {one.name_zh for one in chosen}
        chosen += [
            one
            for one in catalogue.items("drinking")
            if one.medium == "drinking_water" and one.name_zh in wanted - names
        ]
    return chosen


def sampled() -> Row:
    """Return factors, points and series of sampling as plain dictionaries; each call gives an own copy."""
    return deepcopy(_expanded())


@cache
def _limits() -> dict[tuple[str, str], float]:
    """Return a limit by (medium, Chinese name): class Ⅲ, the screening value, or 100 for the parts of an index."""
    book = packaged()
    found: dict[tuple[str, str], float] = {}
    tables = (
        ("surface_water", "surface_water_limits", ("Ⅲ",)),
        ("drinking_water", "surface_water_limits", ("标准限值",)),
        ("groundwater", "groundwater_limits", ("Ⅲ",)),
        ("soil", "soil_limits_agri", ("风险筛选值",)),
        ("soil", "soil_limits_construction", ("风险筛选值|第二类用地",)),
    )
    for medium, table, classes in tables:
        for row in book.rows(table):
            if row["class"] in classes and row["op"] == "<=":
                name = (
                    "六价铬"
                    if row["symbol"] == "Cr(VI)" and medium == "surface_water"
                    else row["pollutant_cn"]
                )
                found.setdefault((medium, name), float(row["limit"]))
    return found


def _days(row: Row, start: date, end: date) -> Iterator[date]:
    if row.get("years"):
        yield from (date(year, 1, 1) for year in range(start.year - 3, end.year) if date(year, 1, 1) < end)
        return
    day = start
    while day < end:
        if day.month in row["months"] and day.day == row["day"]:
            yield day
        day += _DAY


def _value(row: Row, item: CatalogueItem, code: str, day: date) -> str:
    """Return what the laboratory would have written."""
    scatter = float(lattice(key_of(code), np.array([day.toordinal()], np.int64))[0])
    share = row.get("raised", {}).get(item.name_zh, row["share"])
    limit = _limits().get((item.medium, item.name_zh), 100.0 if item.medium == "ecology" else None)
    if item.medium == "noise":
        value = _FIXED[item.name_zh] * row["share"] / 0.93 + 1.5 * scatter
    elif item.name_zh in _FIXED:
        fixed = _FIXED[item.name_zh] * row.get("raised", {}).get(item.name_zh, 1.0)
        wander = 0.25 if item.medium == "surface_water" and item.name_zh != "pH值" else 0.03
        value = fixed * (1.0 + wander * scatter)
    elif limit is None:
        return f"{10.0**-item.decimals:.{item.decimals}f}L"
    else:
        width = 0.03 if item.medium == "ecology" else 0.2
        value = limit * share * (1.0 + width * scatter)
        trace = item.unit == "μg/L" or item.name_zh in (
            "氰化物",
            "硫化物",
            "挥发酚",
            "挥发性酚类",
            "汞",
            "镉",
            "六价铬",
        )
        if (
            trace
            and item.name_zh not in row.get("raised", {})
            and item.medium != "soil"
            and scatter > 2 * _FOUND - 1
        ):
            return f"{limit / 20:.{item.decimals}f}L"
    return f"{value:.{item.decimals}f}"


def samples(start: datetime, end: datetime) -> dict[str, pa.Table]:
    """Return the samples with a day in [start, end) by statistic (day, year): series, time, value (texts).

    Years of the ecological index begin three years earlier, so that a change can be told.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a zone")
    first, last = start.astimezone(CHINA).date(), end.astimezone(CHINA).date()
    rows: dict[str, list[tuple[str, str, str]]] = {"day": [], "year": []}
    for row in _document()["point"]:
        items = [(one, f"{row['code']}.{one.code}.{SIMULATED}") for one in _items(row)]
        for day in _days(row, first, last):
            for item, code in items:
                rows["year" if row.get("years") else "day"].append(
                    (code, day.isoformat(), _value(row, item, code, day))
                )
    names: tuple[str, ...] = ("series", "time", "value")
    return {
        statistic: pa.table({name: [one[place] for one in found] for place, name in enumerate(names)})
        for statistic, found in rows.items()
        if found
    }

"""The demo county as plain dictionaries, expanded from `county.toml` (schema: docs/simulator.md)."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

from qingjian.simulator.demo.datasets import Dataset, datasets

PASSWORD = "123456"  # noqa: S105 - published on purpose: the demo's devices guard nothing
REPLAYED = "replayed"
SIMULATED = "simulated"
_KILOMETRES_PER_DEGREE = 111.32

Row = dict[str, Any]


def _package_text(name: str) -> str:
    return (files("qingjian.simulator.demo") / name).read_text("utf-8")


def base_map() -> Row:
    """Return the hand-made map of the county as a GeoJSON FeatureCollection (CGCS2000, no national boundary).

    Every feature has the properties `kind` (county, township, river, road, zone), `name`, `name_en` and `code`.
    """
    document: Row = json.loads(_package_text("base_map.geojson"))
    return document


def county() -> Row:
    """Return the demo county; each call gives an own copy made of dict, list, str, int, float, bool and None."""
    return deepcopy(_expanded())


@cache
def _expanded() -> Row:
    table = _table()
    points = [*_own_points(table), *_source_points(table)]
    devices: list[Row] = []
    series: list[Row] = []
    for point, rows in points:
        for row in rows:
            device, found = _device(table, point, row)
            devices.append(device)
            series.extend(found)
    return {
        "format": table["format"],
        "name": table["name"],
        "name_en": table["name_en"],
        "valid_from": table["valid_from"],
        "centre": table["centre"],
        "regions": table["region"],
        "organisations": table["organisation"],
        "users": table["user"],
        "certificates": table["certificate"],
        "factors": [_factor(row) for row in table["factor"]],
        "sources": [_source(table, row) for row in table["source"]],
        "points": [point for point, _ in points],
        "duties": list(_duties(table, [point for point, _ in points])),
        "devices": devices,
        "series": series,
        "routes": [_route(one) for one in series],
        "instruments": list(_instruments(devices, series)),
        "settings": list(_settings(table, devices, series)),
    }


def _factor(row: Row) -> Row:
    return {
        "medium": row["medium"],
        "code": row["code"],
        "code_2005": row.get("code_2005", ""),
        "key": row["key"],
        "name_zh": row["name_zh"],
        "name_en": row["name_en"],
        "unit": row["unit"],
        "total_unit": row.get("total_unit", ""),
        "decimals": row["decimals"],
        "averaging": row.get("averaging", "arithmetic"),
        "confidence": row["confidence"],
    }


def _degrees(table: Row, place: list[float]) -> tuple[float, float]:
    longitude, latitude = table["centre"]
    east, north = place
    scale = _KILOMETRES_PER_DEGREE * math.cos(math.radians(latitude))
    return round(longitude + east / scale, 5), round(latitude + north / _KILOMETRES_PER_DEGREE, 5)


def degrees(place: list[float]) -> tuple[float, float]:
    """Return longitude and latitude of a place given in kilometres east and north of the county's centre."""
    return _degrees(_table(), place)


@cache
def _table() -> Row:
    return tomllib.loads(_package_text("county.toml"))


def _own_points(table: Row) -> Iterator[tuple[Row, list[Row]]]:
    for row in table["point"]:
        longitude, latitude = _degrees(table, row["place"])
        point = {
            "code": row["code"],
            "name": row["name"],
            "name_en": row["name_en"],
            "medium": row["medium"],
            "level": row["level"],
            "region": row["region"],
            "source": "",
            "outlet": "",
            "organisation": "99DEMO000STATION001",
            "longitude": longitude,
            "latitude": latitude,
            "target_class": row.get("target_class", ""),
            "attributes": row.get("attributes", {}),
            "valid_from": table["valid_from"],
        }
        yield point, row["devices"]


def _source_points(table: Row) -> Iterator[tuple[Row, list[Row]]]:
    for row in table["source"]:
        longitude, latitude = _degrees(table, row["outlet"]["place"])
        point = {
            "code": row["point"]["code"],
            "name": f"{row['name']}{row['point']['name']}",
            "name_en": row["point"]["name_en"],
            "medium": row["point"]["medium"],
            "level": "enterprise",
            "region": row["region"],
            "source": row["code"],
            "outlet": row["outlet"]["code"],
            "organisation": row["organisation"],
            "longitude": longitude,
            "latitude": latitude,
            "target_class": "",
            "attributes": {},
            "valid_from": table["valid_from"],
        }
        yield point, row["point"]["devices"]


def _source(table: Row, row: Row) -> Row:
    longitude, latitude = _degrees(table, row["place"])
    outlet = dict(row["outlet"])
    outlet["longitude"], outlet["latitude"] = _degrees(table, outlet.pop("place"))
    return {
        "code": row["code"],
        "name": row["name"],
        "name_en": row["name_en"],
        "organisation": row["organisation"],
        "region": row["region"],
        "longitude": longitude,
        "latitude": latitude,
        "industry": row["industry"],
        "lists": row["lists"],
        "facilities": row["facilities"],
        "permit": row["permit"],
        "outlets": [outlet],
        "limits": [{"outlet": outlet["code"], "point": row["point"]["code"], **one} for one in row["limits"]],
    }


def _notice(dataset: Dataset | None, follows: Dataset | None) -> str:
    """Say what a series is, in two lines: Chinese, then English."""
    if dataset is not None:
        zh, en = f"回放真实数据：{dataset.place_zh}", f"replayed real data: {dataset.place_en}"
        if dataset.timed:
            span = f"{dataset.span.start:%Y-%m-%d}..{dataset.span.end:%Y-%m-%d}"
            zh += f"；日期整年平移，原始时段 {span}，到头后从头重放"
            en += f"; dates moved by whole years, original period {span}, played again from its beginning after its end"
        else:
            zh += "；来源没有时间，自 1 月 1 日起按行逐时排列，到头后从头重放"
            en += "; the source has no times, rows run hourly from 1 January, again from the first after the last"
        if dataset.kind == "waste_water":
            zh += "；因子未注明"
            en += "; factor not named in the source"
        return f"{zh}\n{en}"
    if follows is not None:
        return (
            "模拟实时信号：围绕本小时真实均值加随机扰动，不是测量值\n"
            "simulated: noise around the hour's replayed mean, not measured"
        )
    return "模拟数据，不是测量值\nsimulated data, not measured"


def _device(table: Row, point: Row, row: Row) -> tuple[Row, list[Row]]:
    kind = table["kind"][row["kind"]]
    dataset = datasets()[row["dataset"]] if "dataset" in row else None
    follows = datasets()[row["follows"]] if "follows" in row else None
    factors = {f"{one['medium']}.{one['key']}": _factor(one) for one in table["factor"]}
    edition = row.get("edition", "2017")
    expected = {
        name: seconds
        for name, seconds in (
            ("realtime", kind.get("realtime_seconds", 0)),
            ("minute", 60 * kind.get("minute_interval", 0)),
            ("hour", 3600 if kind.get("hour") else 0),
            ("day", 86400 if kind.get("day") else 0),
        )
        if seconds
    }
    origin = "device" if dataset is not None else SIMULATED
    notice = _notice(dataset, follows)
    series = []
    for name in kind["factors"]:
        factor = factors[name]
        code = f"{point['code']}.{factor['code']}" + ("" if origin == "device" else f".{SIMULATED}")
        flow = next((one for one in kind["factors"] if one == "waste_water.flow"), "")
        weighted = factor["averaging"] == "flow_weighted"
        series.append(
            {
                "code": code,
                "point": point["code"],
                "factor": factor["code"],
                "name_zh": factor["name_zh"],
                "name_en": factor["name_en"],
                "unit": factor["unit"],
                "total_unit": factor["total_unit"],
                "decimals": factor["decimals"],
                "medium": factor["medium"],
                "origin": origin,
                "position": 1,
                "device": row["mn"],
                "wire_factor": factor["code_2005"] if edition == "2005" else factor["code"],
                "averaging": factor["averaging"],
                "flow_series": f"{point['code']}.{factors[flow]['code']}.{SIMULATED}"
                if weighted and flow
                else "",
                "expected": dict(expected),
                "converted": factor["key"] in kind.get("converted", ()),
                "notice": notice,
                "treatment": REPLAYED if dataset is not None else SIMULATED,
                "dataset": row.get("dataset", ""),
                "signal": row.get("signal", ""),
                "follows": row.get("follows", ""),
                "parameter": factor["key"],
                "valid_from": table["valid_from"],
            }
        )
    minutes = kind.get("minute_interval", 0)
    device = {
        "code": f"{point['code']}-D{1 if origin == 'device' or not follows else 2}",
        "mn": row["mn"],
        "password": PASSWORD,
        "name": f"{point['name']}{'模拟实时通道' if follows else '数采仪'}",
        "point": point["code"],
        "system_code": kind["system_code"],
        "edition": edition,
        "policy": {"minute_interval": minutes} if minutes not in (0, 10) else {},
        "sm4_key_hex": row.get("sm4_key_hex", ""),
        "addresses": [],
        "silence_seconds": row.get("silence_seconds", max(300, 2 * min(expected.values()) + 600)),
        "clock_tolerance_seconds": 300,
        "synthetic": row.get("synthetic", False),
        "valid_from": table["valid_from"],
        "valid_to": None,
        "kind": row["kind"],
        "expected": expected,
    }
    return device, series


def _route(series: Row) -> Row:
    return {
        "mn": series["device"],
        "wire_factor": series["wire_factor"],
        "series": series["code"],
        "scale": "1",
        "valid_from": series["valid_from"],
        "valid_to": None,
    }


def _duties(table: Row, points: list[Row]) -> Iterator[Row]:
    for duty in table["duty"]:
        for point in points:
            if point["medium"] not in duty["medium"] or point["code"] in duty["except"]:
                continue
            for role in ("monitors", "assesses", "protects", "maintains"):
                organisation = point["organisation"] if duty[role] == "holder" else duty[role]
                yield {
                    "point": point["code"],
                    "role": role,
                    "organisation": organisation,
                    "valid_from": table["valid_from"],
                    "valid_to": None,
                }


_INSTRUMENTS = {
    "air": ("环境空气自动监测分析仪", "QJ-AQ100"),
    "weather": ("五参数气象仪", "QJ-MET5"),
    "surface_water": ("多参数水质仪", "QJ-SW600"),
    "waste_water": ("水质在线分析仪", "QJ-WW300"),
    "flue_gas": ("烟气排放连续监测系统", "QJ-CEMS800"),
    "process": ("工况参数采集单元", "QJ-PRC20"),
    "noise": ("噪声自动监测仪", "QJ-NM10"),
    "radiation": ("高压电离室剂量率仪", "QJ-RM20"),
}
_RANGES = {
    ("air", "a34004"): "1000",
    ("air", "a34002"): "1000",
    ("air", "a21026"): "500",
    ("air", "a21004"): "500",
    ("air", "a21005"): "50",
    ("air", "a05024"): "500",
    ("flue_gas", "a21026"): "100",
    ("flue_gas", "a21002"): "150",
    ("flue_gas", "a21005"): "50",
    ("flue_gas", "a34013"): "30",
    ("flue_gas", "a19001"): "25",
    ("waste_water", "w01018"): "200",
    ("waste_water", "w21003"): "30",
    ("waste_water", "w21011"): "2",
    ("waste_water", "w21001"): "50",
    ("waste_water", "w01001"): "14",
}


def _instruments(devices: list[Row], series: list[Row]) -> Iterator[Row]:
    """One instrument per device and medium; models are invented, and replayed series had other instruments."""
    for device in devices:
        if device["synthetic"]:
            continue
        own = [one for one in series if one["device"] == device["mn"]]
        for number, medium in enumerate(dict.fromkeys(one["medium"] for one in own), 1):
            name, model = _INSTRUMENTS[medium]
            yield {
                "code": f"{device['code']}-I{number}",
                "name": name,
                "model": model,
                "serial": f"DEMO-{device['mn'][-6:]}-{number}",
                "maker": "虚构厂家",
                "device": device["mn"],
                "point": device["point"],
                "series": [one["code"] for one in own if one["medium"] == medium],
                "valid_from": device["valid_from"],
                "valid_to": None,
            }


def _settings(table: Row, devices: list[Row], series: list[Row]) -> Iterator[Row]:
    def setting(subject: str, name: str, value: str, unit: str) -> Row:
        return {
            "subject": subject,
            "name": name,
            "value": value,
            "unit": unit,
            "source": "register",
            "valid_from": table["valid_from"],
            "valid_to": None,
        }

    for one in series:
        upper = _RANGES.get((one["medium"], one["factor"]))
        if upper is not None:
            yield setting(one["code"], "range_upper", upper, one["unit"])
            yield setting(one["code"], "slope", "1", "")
            yield setting(one["code"], "intercept", "0", one["unit"])
    for source in table["source"]:
        for row in source["settings"]:
            for one in series:
                wanted = row["factor"] in ("", one["factor"]) and one["point"] == source["point"]["code"]
                if wanted and (row["factor"] or one["converted"]):
                    yield setting(one["code"], row["name"], row["value"], row["unit"])
    for device in devices:
        for name, seconds in device["expected"].items():
            yield setting(device["code"], f"{name}_interval", str(seconds), "s")

"""The demo county's registry hangs together and fits the contracts."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from qingjian.contracts.directory import ORIGINS, STATISTICS, Device, Directory, Route, Series, Setting
from qingjian.simulator import demo


@pytest.fixture(scope="module")
def county() -> dict[str, Any]:
    return demo.county()


def codes(rows: list[dict[str, Any]], name: str = "code") -> list[str]:
    return [row[name] for row in rows]


def test_is_plain_json_and_each_caller_gets_an_own_copy(county: dict[str, Any]) -> None:
    assert json.loads(json.dumps(county, ensure_ascii=False)) == county
    demo.county()["regions"].clear()
    assert demo.county()["regions"]


def test_references_lead_somewhere(county: dict[str, Any]) -> None:
    regions, organisations = set(codes(county["regions"])), set(codes(county["organisations"]))
    points, series = set(codes(county["points"])), set(codes(county["series"]))
    mns = set(codes(county["devices"], "mn"))
    assert all(row["parent"] in regions or row["level"] == "province" for row in county["regions"])
    assert {
        row["region"] for name in ("organisations", "users", "points", "sources") for row in county[name]
    } <= regions
    assert {
        row["organisation"] for name in ("users", "points", "sources", "duties") for row in county[name]
    } <= organisations
    assert {
        row["point"] for name in ("devices", "series", "duties", "instruments") for row in county[name]
    } <= points
    assert {row["device"] for row in county["series"]} == mns
    assert {row["series"] for row in county["routes"]} == series
    assert {code for row in county["instruments"] for code in row["series"]} <= series
    assert {row["flow_series"] for row in county["series"]} - {""} <= series
    assert {row["subject"] for row in county["settings"]} <= series | set(codes(county["devices"]))
    for source in county["sources"]:
        own = {
            row["factor"]
            for row in county["series"]
            for limit in source["limits"]
            if row["point"] == limit["point"]
        }
        assert {limit["factor"] for limit in source["limits"]} <= own


@pytest.mark.parametrize(
    "name", ["regions", "organisations", "sources", "points", "devices", "series", "instruments"]
)
def test_codes_are_unique(county: dict[str, Any], name: str) -> None:
    found = codes(county[name])
    assert len(found) == len(set(found))


def test_no_code_belongs_to_a_real_region_or_organisation(county: dict[str, Any]) -> None:
    assert all(code.startswith("99") for code in codes(county["regions"]))
    assert all(code.startswith("99DEMO") for code in codes(county["organisations"]))
    assert not any("password" in row for row in county["users"])


def test_fits_the_directory_contract(county: dict[str, Any]) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    ids = {code: n for n, code in enumerate(codes(county["series"]), 1)}

    def dated(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
        kept = {key: value for key, value in row.items() if key in names}
        kept["valid_from"] = datetime.fromisoformat(kept["valid_from"])
        return kept

    devices = [
        Device(**{**dated(row, set(Device.__dataclass_fields__)), "addresses": ()})
        for row in county["devices"]
    ]
    series = [
        Series(
            id=ids[row["code"]],
            **{
                **dated(row, set(Series.__dataclass_fields__) - {"id"}),
                "flow_series": ids.get(row["flow_series"]),
            },
        )
        for row in county["series"]
    ]
    routes = [
        Route(**{**dated(row, set(Route.__dataclass_fields__)), "series": ids[row["series"]]})
        for row in county["routes"]
    ]
    settings = [Setting(**dated(row, set(Setting.__dataclass_fields__))) for row in county["settings"]]
    directory = Directory(
        version=1, published_at=at, devices=devices, series=series, routes=routes, settings=settings
    )
    assert Directory.from_json(directory.to_json()) == directory
    for row in county["routes"]:
        assert directory.route(row["mn"], row["wire_factor"], at) is not None


def test_real_and_simulated_are_told_apart_per_series(county: dict[str, Any]) -> None:
    for row in county["series"]:
        assert row["origin"] in ORIGINS
        assert set(row["expected"]) <= set(STATISTICS)
        assert bool(row["dataset"]) == (row["origin"] == "device")
        assert row["notice"]
        assert ("回放真实数据" in row["notice"]) == (row["origin"] == "device")
        if row["dataset"]:
            assert "realtime" not in row["expected"], "real sources are never cut finer than they are"
            assert demo.datasets()[row["dataset"]].decimals[row["parameter"]] == row["decimals"]
    notices = {row["code"]: row["notice"] for row in county["series"]}
    assert "来源没有时间" in notices["FG01.a21002"]
    assert "未注明" in notices["WW01.w99x01"]


def test_has_what_the_demo_promises(county: dict[str, Any]) -> None:
    media = [row["medium"] for row in county["points"]]
    assert media.count("air") == 8
    assert media.count("surface_water") == 3
    assert {row["edition"] for row in county["devices"]} == {"2005", "2017", "2025"}
    assert sum(row["synthetic"] for row in county["devices"]) == 1
    assert any(row["sm4_key_hex"] for row in county["devices"])
    assert {row["role"] for row in county["users"]} >= {
        "leader",
        "data_manager",
        "permit_holder",
        "upper_bureau",
        "system_administrator",
        "security_administrator",
        "audit_administrator",
    }
    covered = {(row["point"], row["role"]) for row in county["duties"]}
    gaps = [
        row["code"]
        for row in county["points"]
        if (row["code"], "monitors") not in covered and row["medium"] != "synthetic"
    ]
    assert gaps == ["WW03"], "one gap is left on purpose"


def test_map_holds_every_point(county: dict[str, Any]) -> None:
    features = demo.base_map()["features"]
    kinds = [feature["properties"]["kind"] for feature in features]
    assert kinds.count("county") == 1
    assert kinds.count("township") == sum(row["level"] == "township" for row in county["regions"])
    assert {"river", "road"} <= set(kinds)
    outlines = {
        feature["properties"]["code"]: feature["geometry"]["coordinates"][0]
        for feature in features
        if feature["geometry"]["type"] == "Polygon"
    }
    for row in county["points"]:
        assert inside((row["longitude"], row["latitude"]), outlines["990121"]), row["code"]
        assert inside((row["longitude"], row["latitude"]), outlines[row["region"]]), row["code"]


def inside(place: tuple[float, float], ring: list[list[float]]) -> bool:
    """Ray casting."""
    x, y = place
    crossings = 0
    for (x0, y0), (x1, y1) in pairwise(ring):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            crossings += 1
    return crossings % 2 == 1

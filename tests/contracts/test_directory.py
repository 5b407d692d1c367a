from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from qingjian.contracts.directory import Device, Directory, FileDirectoryStore, Route, Series, Setting, Target

START = datetime(2026, 1, 1, tzinfo=UTC)
CHANGE = START + timedelta(days=30)


def snapshot(version: int) -> Directory:
    return Directory(
        version=version,
        published_at=START,
        devices=[
            Device("d1", "MN1", "123456", "数采仪一", "p1", "31", valid_to=CHANGE, addresses=("10.0.0.0/8",)),
            Device("d2", "MN1", "654321", "数采仪二", "p1", "31", valid_from=CHANGE),
        ],
        series=[
            Series(
                1,
                "p1.a21026",
                "p1",
                "a21026",
                "二氧化硫",
                "SO2",
                "mg/m3",
                1,
                "flue_gas",
                expected={"hour": 3600},
            )
        ],
        routes=[Route("MN1", "a21026", 1, scale="1000", valid_from=START)],
        settings=[Setting("p1.a21026", "range", "200", "mg/m3", valid_from=START)],
        targets=[Target("t", "省平台", "127.0.0.1", 9000, ("*",))],
        without={"hj212:2025:mark:Td"},
    )


def test_a_snapshot_answers_for_any_moment() -> None:
    directory = snapshot(1)
    assert directory.device("MN1", START).code == "d1"  # type: ignore[union-attr]
    assert directory.device("MN1", CHANGE).code == "d2"  # type: ignore[union-attr]
    assert directory.route("MN1", "a21026", START - timedelta(seconds=1)) is None
    assert directory.route("MN1", "a21026", START).scale == "1000"  # type: ignore[union-attr]
    assert directory.setting("p1.a21026", "range", CHANGE).value == "200"  # type: ignore[union-attr]
    assert directory.series_by_code("p1.a21026") is directory.series_by_id(1)


def test_json_keeps_everything() -> None:
    directory = snapshot(3)
    again = Directory.from_json(directory.to_json())
    assert again == directory
    assert again.devices == directory.devices
    assert again.targets == directory.targets
    assert again.without == {"hj212:2025:mark:Td"}
    assert again.register == directory.register == 0


def test_two_snapshots_say_the_same_whatever_the_order_and_way_of_writing() -> None:
    one, other = snapshot(3), snapshot(4)
    other.register = 9
    assert one.says_the_same(other)
    content = json.loads(other.to_json())
    content["devices"].reverse()
    content["series"][0]["expected"]["decade"] = 1
    assert one.says_the_same(Directory.from_json(json.dumps(content).encode()))
    for name, change in (
        ("devices", {"silence_seconds": 7}), ("series", {"unit": "g"}), ("routes", {"scale": "1"}), ("settings", {"value": "100"}),
        ("targets", {"enabled": False}),
    ):  # fmt: skip
        content = json.loads(one.to_json())
        content[name][0].update(change)
        assert not one.says_the_same(Directory.from_json(json.dumps(content).encode()))
    content = json.loads(one.to_json()) | {"without": []}
    assert not one.says_the_same(Directory.from_json(json.dumps(content).encode()))


def test_a_snapshot_of_an_earlier_program_switches_nothing_off() -> None:
    content = json.loads(snapshot(3).to_json())
    del content["without"]
    assert Directory.from_json(json.dumps(content).encode()).without == frozenset()


def test_publishing_is_in_order_and_older_versions_stay(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = FileDirectoryStore(tmp_path / "directory")
    assert store.current() is None
    store.publish(snapshot(1))
    with pytest.raises(ValueError, match="2 expected"):
        store.publish(snapshot(3))
    store.publish(snapshot(2))
    assert store.current() == snapshot(2)
    assert FileDirectoryStore(tmp_path / "directory").version(1) == snapshot(1)


def test_a_series_id_is_never_used_twice() -> None:
    one = snapshot(1).series[0]
    with pytest.raises(ValueError, match="twice"):
        Directory(version=1, published_at=START, series=[one, one])

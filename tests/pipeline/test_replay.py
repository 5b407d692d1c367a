"""Kept frames read again: after a registration, a change of the policy, or when a factor gets its series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import MN, START, Node, make_directory, minutes

from qingjian.contracts.directory import Device, Directory, Route
from qingjian.hj212.profiles import facts
from qingjian.journal import Code, Kind, NewFrame
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.replay import order_replay
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

END = START + timedelta(days=60)
OTHER = "B" * 24
PEER = "10.1.0.7:40123"


@pytest.fixture
def running(node: Node) -> tuple[Node, Engine, Work]:
    engine = node.engine()
    return node, engine, Work(engine, PipelineSettings(node.folder.root), node.clock)


def keep(node: Node, contents: Iterable[bytes], kind: Kind, reason: str, mn: str = OTHER) -> None:
    """Write into the journal what the gateway did not accept."""
    node.journal([node.upload(START - timedelta(days=1), {"a21026": 0})])  # opens the journal
    now = int(node.clock.now().timestamp() * 1_000_000)
    node.writers["gateway-1"].append_many(
        [NewFrame(now, PEER, 1, mn, kind, one, (Code(reason),), "", 1) for one in contents]
    )


def sent(node: Node, values: Iterable[int], password: str = "654321", first: int = 0) -> list[bytes]:
    node.sender = replace(node.sender, mn=OTHER, pw=password)
    frames = [
        node.upload(at, {"a21002": value}) for at, value in zip(minutes(99, first), values, strict=False)
    ]
    node.sender = replace(node.sender, mn=MN, pw="123456")
    return frames


def registered(**changes: Any) -> Directory:
    """The directory in which the other device is registered, its SO2 being that of the station."""
    before = make_directory()
    device = Device("D2", OTHER, "654321", "新站", "P1", "22", policy={"minute_interval": 1})
    return make_directory(
        2,
        devices=[*before.devices, replace(device, **changes)],
        routes=[*before.routes, Route(OTHER, "a21002", 2)],
    )


def again(node: Node, work: Work, mn: str = OTHER, end: datetime = END) -> None:
    order_replay(PipelineSettings(node.folder.root).replay_folder, mn, START - timedelta(days=2), end)
    assert work.take_orders() == 1


def values(engine: Engine, series: int = 2) -> list[float]:
    return engine.lake.series([series], "minute", START, END)["value"].to_pylist()


def test_quarantined_frames_count_after_the_registration(running: tuple[Node, Engine, Work]) -> None:
    node, engine, work = running
    keep(node, sent(node, [1, 2, 3]), Kind.UNREGISTERED, "unregistered")
    engine.step(idle=True)
    again(node, work)
    assert values(engine) == [], "nobody is registered under this MN yet"
    node.directory.publish(registered())
    again(node, work)
    assert values(engine) == [1, 2, 3]
    rows = engine.lake.series([2], "minute", START, END).to_pylist()
    assert {row["directory_version"] for row in rows} == {2}
    assert {row["journal"] for row in rows} == {"gateway-1"}, "each value still leads to its frame"
    again(node, work)
    assert values(engine) == [1, 2, 3]
    assert engine.totals.repeated == 3


def test_what_was_switched_off_since_takes_no_value_of_a_kept_frame_away(
    running: tuple[Node, Engine, Work],
) -> None:
    node, engine, work = running
    keep(node, sent(node, [1, 2]), Kind.UNREGISTERED, "unregistered")
    engine.step(idle=True)
    before = registered(edition="2025")
    everything = frozenset(one.id for one in facts())
    node.directory.publish(
        make_directory(2, devices=before.devices, routes=before.routes, without=everything)
    )
    again(node, work)
    assert values(engine) == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": START + timedelta(days=9)},
        {"valid_to": START - timedelta(days=9)},
        {"addresses": ("10.2.0.0/16",)},
        {"addresses": ("nonsense",)},
        {"password": "111111"},
    ],
    ids=["registered later", "no longer registered", "from elsewhere", "unreadable network", "another password"],
)  # fmt: skip
def test_what_would_be_refused_today_is_not_read_in_by_a_replay(
    running: tuple[Node, Engine, Work], changes: dict[str, Any]
) -> None:
    node, engine, work = running
    keep(node, sent(node, [1, 2]), Kind.UNREGISTERED, "unregistered")
    engine.step(idle=True)
    node.directory.publish(registered(**changes))
    again(node, work)
    assert values(engine) == []


def test_who_only_says_the_mn_gets_nothing_in_by_a_replay(running: tuple[Node, Engine, Work]) -> None:
    node, engine, work = running
    keep(node, sent(node, [1]), Kind.UNREGISTERED, "unregistered")
    keep(node, sent(node, [666], password="000000", first=1), Kind.UNREGISTERED, "password_wrong")
    engine.step(idle=True)
    node.directory.publish(registered(addresses=("10.1.0.0/16",)))
    again(node, work)
    assert values(engine) == [1]


def test_refused_bytes_count_once_the_policy_names_the_variant(running: tuple[Node, Engine, Work]) -> None:
    node, engine, work = running
    node.directory.publish(registered())
    wrong = [b"##%04d" % (int(one[2:6]) + 6) + one[6:] for one in sent(node, [1, 2])]
    keep(node, [*wrong, b"##0012nothing at all"], Kind.REFUSED, "length_wrong")
    engine.step(idle=True)
    again(node, work)
    assert values(engine) == []
    open_policy = {"minute_interval": 1, "accept": ["length_wrong"]}
    now_open = registered(policy=open_policy)
    node.directory.publish(
        make_directory(3, devices=now_open.devices, routes=now_open.routes, series=now_open.series)
    )
    again(node, work)
    assert values(engine) == [1, 2]


def test_a_factor_that_gets_its_series_is_read_from_the_frames_before(
    running: tuple[Node, Engine, Work],
) -> None:
    node, engine, work = running
    node.journal([node.upload(START, {"a99999": 4})])
    engine.step(idle=True)
    assert values(engine, 1) == []
    node.directory.publish(make_directory(2, routes=[Route(MN, "a99999", 1)]))
    again(node, work, MN)
    assert values(engine, 1) == [4]


def test_an_order_that_cannot_be_read_is_set_aside(running: tuple[Node, Engine, Work]) -> None:
    node, _, work = running
    folder = PipelineSettings(node.folder.root).replay_folder
    folder.mkdir(parents=True)
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"mn": "x", "start": "soon", "end": ""}')):
        (folder / f"{name}.json").write_text(text)
    assert work.take_orders() == 0
    assert sorted(one.suffix for one in folder.iterdir()) == [".unreadable"] * 3

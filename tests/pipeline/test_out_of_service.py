"""What is registered later is searched from its own beginning; what goes out of service owes nothing any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import FACTORS, START, Node, make_directory, minutes

from qingjian.contracts.directory import Directory
from qingjian.contracts.findings import Finding
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

HOUR = timedelta(hours=1)


@pytest.fixture
def made(node: Node) -> tuple[Node, Engine, Work]:
    engine = node.engine()
    return node, engine, Work(engine, PipelineSettings(node.folder.root, gap_window_days=35), node.clock)


def retired(at: datetime, version: int, code: str = "", **more: Any) -> Directory:
    plain = make_directory()
    (device,) = plain.devices
    devices = [replace(device, valid_to=at)]
    if code:
        devices.append(replace(device, code=code, valid_from=at))
    return make_directory(version, devices=devices, **more)


def stated(engine: Engine, rule: str) -> list[Finding]:
    newest = {one.id: one for _, one in engine.findings.read(0, 10_000) if one.rule == rule}
    return list(newest.values())


def test_a_series_registered_later_is_searched_from_its_own_beginning(
    made: tuple[Node, Engine, Work],
) -> None:
    node, engine, work = made
    plain = make_directory()
    node.directory.publish(make_directory(2, series=plain.series[:2]))
    node.clock.advance(6 * 3600 + 1000)
    node.journal([node.upload(at, dict.fromkeys(FACTORS[:2], 1)) for at in minutes(360)])
    engine.step(idle=True)
    work.look_for_gaps()
    third = replace(plain.series[2], valid_from=START + 2 * HOUR)
    node.directory.publish(make_directory(3, series=[*plain.series[:2], third]))
    work.look_for_gaps()
    gaps = [one for one in stated(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert [(one.subject, one.start, one.end) for one in gaps] == [
        (third.code, START + 2 * HOUR, START + 6 * HOUR)
    ]
    # Registered from an earlier hour on: what is open stays, only the rest is new. A restart forgets nothing of it.
    node.directory.publish(
        make_directory(4, series=[*plain.series[:2], replace(third, valid_from=START + HOUR)])
    )
    again = Work(engine, PipelineSettings(node.folder.root), node.clock)
    node.clock.advance(900)
    again.look_for_gaps()
    gaps = [one for one in stated(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert sorted((one.start, one.end) for one in gaps) == [
        (START + HOUR, START + 2 * HOUR), (START + 2 * HOUR, START + 6 * HOUR),
    ]  # fmt: skip
    assert again.look_for_gaps() == 0


def test_a_silence_ends_when_its_device_goes_out_of_service_and_none_begins(
    made: tuple[Node, Engine, Work],
) -> None:
    node, engine, work = made
    node.journal([node.upload(START, {"a21026": 1})])
    engine.step(idle=True)
    node.clock.advance(2 * 3600)
    assert work.watch_silence() == 1
    node.directory.publish(retired(START + HOUR, 2))
    assert work.watch_silence() == 1
    (finding,) = stated(engine, "device-silent")
    assert (finding.end, finding.evidence["out_of_service"]) == (START + HOUR, True)
    node.clock.advance(90 * 86_400)
    assert work.watch_silence() == 0
    # Back in service under the same number: silent only after its own time.
    back = node.clock.now()
    plain = make_directory()
    node.directory.publish(
        make_directory(
            3,
            devices=[
                replace(plain.devices[0], valid_to=START + HOUR),
                replace(plain.devices[0], valid_from=back),
            ],
        )
    )
    assert work.watch_silence() == 0
    node.clock.advance(3601)
    assert work.watch_silence() == 1
    assert engine.findings.open_findings("device-silent")[0].start == back


def test_a_silence_ends_with_the_device_that_another_one_replaces(made: tuple[Node, Engine, Work]) -> None:
    node, engine, work = made
    node.clock.advance(2 * 3600)
    work.watch_silence()
    node.directory.publish(retired(node.clock.now(), 2, code="D2"))
    work.watch_silence()
    (finding,) = stated(engine, "device-silent")
    assert (finding.subject, finding.end) == ("D1", node.clock.now())
    assert not engine.findings.open_findings("device-silent")


@pytest.mark.parametrize("how", ["device", "series", "nothing owed"])
def test_a_gap_ends_where_its_series_goes_out_of_service_and_none_begins(
    made: tuple[Node, Engine, Work], how: str
) -> None:
    node, engine, work = made
    node.clock.advance(5 * 3600 + 1000)
    node.journal([node.upload(at, dict.fromkeys(FACTORS, 1)) for at in minutes(60)])
    engine.step(idle=True)
    work.look_for_gaps()
    lasting = engine.findings.open_findings("gap")
    assert {one.start for one in lasting if one.evidence["statistic"] == "minute"} == {START + HOUR}
    left = START + 3 * HOUR
    plain = make_directory()
    if how == "device":
        node.directory.publish(retired(left, 2))
    else:
        change: dict[str, Any] = {"valid_to": left} if how == "series" else {"expected": {}}
        node.directory.publish(make_directory(2, series=[replace(one, **change) for one in plain.series]))
    work.look_for_gaps()
    assert not engine.findings.open_findings("gap")
    ended = [one for one in stated(engine, "gap") if one.evidence["statistic"] == "minute"]
    assert {one.end for one in ended} == {left if how != "nothing owed" else START + 5 * HOUR}
    assert all(one.evidence["out_of_service"] for one in ended)
    node.clock.advance(3 * 86_400)
    assert work.look_for_gaps() == 0


def test_marks_and_clocks_of_what_is_out_of_service_are_no_longer_open(
    made: tuple[Node, Engine, Work],
) -> None:
    node, engine, work = made
    node.journal([node.upload(START, {"a21026": 1}, flag="M")])
    node.clock.set_wall(START + timedelta(seconds=400))
    ahead = node.upload(node.clock.now(), {"a21026": 1}, command="2011")
    node.clock.set_wall(START)
    node.journal([ahead])
    engine.step(idle=True)
    assert engine.findings.open_findings("flag-not-normal")
    assert engine.findings.open_findings("clock-drift")
    node.directory.publish(retired(START + HOUR, 2))
    node.clock.advance(7200)
    work.watch_silence()
    assert not engine.findings.open_findings("flag-not-normal")
    assert not engine.findings.open_findings("clock-drift")
    for rule in ("flag-not-normal", "clock-drift"):
        assert stated(engine, rule)[0].evidence["out_of_service"] is True

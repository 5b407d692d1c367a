"""What a device is asked for when values are missing, in the words the device itself uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import MN, START, Node, make_directory

from qingjian.contracts.clock import CHINA
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.pipeline.asking import history_command
from qingjian.pipeline.gaps import GapFinder


@pytest.mark.parametrize(
    ("policy", "statistic", "seconds", "asked"),
    [
        ({}, "hour", 3600, ("2061", "20260301090000", "20260301100000")),
        ({"datatime": "end"}, "hour", 3600, ("2061", "20260301100000", "20260301110000")),
        ({"datatime": "end"}, "minute", 600, ("2051", "20260301091000", "20260301110000")),
        ({"datatime": "end", "minute_interval": 5}, "minute", 300, ("2051", "20260301090500", "20260301110000")),
    ],
    ids=["by the start", "by the end", "ten minutes by the end", "five minutes by the end"],
)  # fmt: skip
def test_a_device_is_asked_for_the_times_it_writes(
    node: Node, policy: dict[str, Any], statistic: str, seconds: int, asked: tuple[str, str, str]
) -> None:
    """Missing are 01:00 to 03:00 UTC; a device that names a period by its end writes the later time into DataTime."""
    directory = make_directory(2)
    (device,) = directory.devices
    series = replace(directory.series[0], expected={statistic: seconds})
    directory = make_directory(2, devices=[replace(device, policy=policy)], series=[series])
    engine = node.engine()
    command = {"hour": "2061", "minute": "2051"}[statistic]
    past = [START + timedelta(seconds=number * seconds) for number in range(4 * 3600 // seconds)]
    node.directory.publish(
        make_directory(2, devices=[replace(device, policy={"minute_interval": seconds // 60})])
    )
    kept = [at for at in past if not START + timedelta(hours=1) <= at < START + timedelta(hours=3)]
    node.journal([node.upload(at, {"a21026": 1}, command=command) for at in kept])
    engine.step(idle=True)
    node.clock.advance(4 * 3600 + 1000)
    finder = GapFinder(engine.lake, {})
    finder.look(directory, node.clock.now(), START)
    (request,) = finder.ask(directory, SqliteCommandQueue(node.folder.commands), node.clock.now())
    assert (request.code, request.parameters["BeginTime"], request.parameters["EndTime"]) == asked
    assert request.purpose == "gap 2026-03-01T01:00:00+00:00/2026-03-01T03:00:00+00:00"


@pytest.mark.parametrize(
    ("factor", "statistic", "command"),
    [
        ("SB1", "day", "2041"),
        ("w01018", "day", "2031"),
        ("SB1", "hour", "2061"),
        ("w01018", "minute", "2051"),
    ],
)
def test_running_hours_have_a_command_of_their_own(factor: str, statistic: str, command: str) -> None:
    assert history_command(factor, statistic) == command


def test_a_device_that_was_away_for_days_is_asked_for_them_when_it_is_back(node: Node) -> None:
    """A request that expired because nobody was there to take it is none of the tries."""
    plain = make_directory(2)
    directory = make_directory(2, series=[replace(plain.series[0], expected={"hour": 3600})])
    node.directory.publish(directory)
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 1}, command="2061")])
    engine.step(idle=True)
    queue = SqliteCommandQueue(node.folder.commands)
    finder = GapFinder(engine.lake, {})
    put = []
    for _ in range(10):
        node.clock.advance(6 * 3600)
        queue.expire(node.clock.now())
        finder.look(directory, node.clock.now(), START)
        put += finder.ask(directory, queue, node.clock.now())
        finder = GapFinder(engine.lake, finder.memory())
    assert len(put) == 10
    (taken,) = queue.claim("gateway-1", [MN], node.clock.now())
    assert taken.id == put[-1].id
    hour = node.clock.now().replace(minute=0)
    node.clock.advance(2 * 3600)
    node.journal([node.upload(hour, {"a21026": 1}, command="2061")])
    engine.step(idle=True)
    finder.look(directory, node.clock.now(), START)
    assert [one["lasts"] for one in finder.open_gaps()] == [False]
    tried = 0
    for _ in range(6):  # back, but it leaves every request unanswered
        queue.update(taken.id, node.clock.now(), state="sent", qn=f"2026030{tried + 1}080000000")
        node.clock.advance(7 * 3600)
        queue.expire(node.clock.now())
        tried += 1
        asked = finder.ask(directory, queue, node.clock.now())
        if not asked:
            break
        (taken,) = queue.claim("gateway-1", [MN], node.clock.now())
    assert tried == 1 + 3, "what was asked for while the gap grew, and three times the whole of it"


@pytest.mark.parametrize(
    ("state", "result"),
    [
        ("succeeded", "ExeRtn=100"),
        ("failed", "no_answer"),
        ("failed", "execution_timeout"),
        ("refused", "QnRtn=2"),
    ],
)
def test_what_goes_missing_while_a_device_stalls_is_asked_for_when_it_sends_again(
    node: Node, state: str, result: str
) -> None:
    """Tries made while a gap still grew, or on a dead link, do not use up those for the whole of it."""
    plain = make_directory(2)
    directory = make_directory(2, series=[replace(plain.series[0], expected={"hour": 3600})])
    node.directory.publish(directory)
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 1}, command="2061")])
    engine.step(idle=True)
    queue = SqliteCommandQueue(node.folder.commands)
    finder = GapFinder(engine.lake, {})

    def asked_in(hours: int, *, sending: bool) -> list[dict[str, str]]:
        nonlocal finder
        put = []
        for number in range(hours * 6):
            node.clock.advance(600)
            now = node.clock.now()
            if sending and number % 6 == 0:
                hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
                node.journal([node.upload(hour, {"a21026": 1}, command="2061")])
                engine.step(idle=True)
            finder.look(directory, now, START)
            for one in finder.ask(directory, queue, now):
                queue.update(one.id, now, state="sent", qn=now.strftime("%Y%m%d%H%M%S000"))
                queue.update(one.id, now, state=state, result_code=result)
                put.append(dict(one.parameters))
            finder = GapFinder(engine.lake, finder.memory())
        return put

    node.clock.advance(3600)
    stalled = asked_in(10, sending=False)
    assert 3 <= len(stalled) <= 10, "again and again, but less and less often"
    again = asked_in(30, sending=True)
    (gap,) = finder.open_gaps()
    whole = {"BeginTime": "20260301090000", "EndTime": _hour(gap["end"] - 3600)}
    assert whole in again
    tries = again.count(whole)
    if (state, result) in (("succeeded", "ExeRtn=100"), ("failed", "execution_timeout")):
        assert tries == 3, "a device that was asked three times has nothing"
    elif state == "refused":
        assert tries == 1, "a device that refuses is not asked for the same again"
    else:
        assert 3 <= tries <= 12, "a dead link is tried on, ever less often"


def _hour(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, CHINA).strftime("%Y%m%d%H%M%S")


def test_a_gap_that_joins_one_tried_in_vain_is_asked_for(node: Node) -> None:
    """One answer carries all factors: what another factor lacks is not lost behind the tries of a dead one."""
    plain = make_directory(2)
    both = [replace(one, expected={"hour": 3600}) for one in plain.series[:2]]
    directory = make_directory(2, series=both)
    node.directory.publish(directory)
    engine = node.engine()
    first, second = (one.factor for one in both)
    hours = [START + timedelta(hours=number) for number in range(30)]
    node.journal([node.upload(at, {first: 1}, command="2061") for at in hours[:20]])
    engine.step(idle=True)
    queue = SqliteCommandQueue(node.folder.commands)
    finder = GapFinder(engine.lake, {})
    node.clock.advance(20 * 3600)
    for _ in range(20):
        node.clock.advance(1200)
        now = node.clock.now()
        finder.look(directory, now, START)
        for one in finder.ask(directory, queue, now):
            queue.update(one.id, now, state="succeeded", result_code="ExeRtn=100", qn="20260301000000000")
    node.journal([node.upload(hours[28], {first: 1, second: 1}, command="2061")])
    engine.step(idle=True)
    node.clock.set_wall(hours[29] + timedelta(minutes=30))
    finder.look(directory, node.clock.now(), START)
    assert finder.ask(directory, queue, node.clock.now()), (
        "hours 20 to 28 are missing of the living factor too"
    )

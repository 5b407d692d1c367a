"""What a device is asked for when values are missing, in the words the device itself uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.pipeline.node import START, Node, make_directory

from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.pipeline.gaps import GapFinder, history_command


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

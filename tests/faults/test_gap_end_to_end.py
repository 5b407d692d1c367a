"""A gap, from the missing minutes through a real gateway to the device's memory and back into the lake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.gateway.support import Link, PatientClock, raw, until
from tests.pipeline.node import MN, START, make_directory, wire

from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import CommandState
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.findings import Finding
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.process import open_gateway
from qingjian.gateway.server import Gateway
from qingjian.gateway.settings import GatewaySettings
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.hj212.times import parse
from qingjian.pipeline.gaps import GapFinder
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.settings import GapSettings, PipelineSettings

pytestmark = [pytest.mark.faults]
MINUTE = timedelta(minutes=1)
LOST = range(10, 25)
"""Minutes that never arrived, though the device has them."""


def minute(number: int, flag: int = 5) -> bytes:
    at = START + number * MINUTE
    qn = f"{wire(at + MINUTE)}{number % 1000:03d}"
    cp = f"DataTime={wire(at)};a21026-Avg={number}.5,a21026-Flag=N;a21002-Avg=1,a21002-Flag=N;a34004-Avg=2,a34004-Flag=N"
    return raw(f"QN={qn};ST=22;CN=2051;PW=123456;MN={MN};Flag={flag};CP=&&{cp}&&")


class Logger:
    """A data logger with a memory, which answers requests for its history."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.requests: list[Message] = []

    async def report(self, number: int) -> None:
        await self._link.send(minute(number))
        assert b"CN=9014;" in await self._link.receive()

    async def serve(self, gateway: Gateway) -> None:
        """Answer one request: 9011, the periods asked for (both ends included), 9012."""
        request = decode_frame(await self._link.receive())
        assert isinstance(request, Message)
        self.requests.append(request)
        begin, end = (parse(str(request.parameters[name])) for name in ("BeginTime", "EndTime"))
        assert begin is not None
        assert end is not None
        await self._link.send(self._answer("9011", request, "QnRtn=1"))
        at = begin
        while at <= end:
            await self.report(int((at - START.astimezone(CHINA)) / MINUTE))
            at += MINUTE
        await self._link.send(self._answer("9012", request, "ExeRtn=1"))

    def _answer(self, code: str, request: Message, result: str) -> bytes:
        return raw(f"QN={request.qn};ST=91;CN={code};PW=123456;MN={MN};Flag=4;CP=&&{result}&&")


def stated(node: PipelineNode) -> list[Finding]:
    return [finding for _, finding in node.engine.findings.read(0) if finding.rule == "gap"]


def test_what_was_lost_is_found_asked_for_and_filled(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.make()
    series = [replace(one, expected={"minute": 60}) for one in make_directory().series]
    FileDirectoryStore(folder.directory).publish(make_directory(series=series))
    clock = PatientClock(START)
    node = PipelineNode(PipelineSettings(tmp_path, ask_for_history=True), clock)
    node.start()
    queue = SqliteCommandQueue(folder.commands)
    node.work.gaps = GapFinder(node.engine.lake, {}, GapSettings(most_periods=10, pause=timedelta(minutes=1)))

    async def play() -> None:
        gateway = open_gateway(
            GatewaySettings(tmp_path, host="127.0.0.1", port=0, minimum_free_bytes=0), clock
        )
        await gateway.start()
        link = await Link.open(gateway)
        device = Logger(link)
        for number in range(60):
            if number not in LOST:
                await device.report(number)
        clock.advance(3_600 + 16 * 60)
        node.engine.step(idle=True)
        node.work.look_for_gaps()
        (found,) = [one for one in stated(node) if one.subject == "P1:a21026"]
        assert (found.start, found.end) == (START + 10 * MINUTE, START + 25 * MINUTE)
        assert found.evidence["missing"] == len(LOST)
        for _ in range(2):  # ten periods at most are asked for at once
            await gateway.tick()
            await device.serve(gateway)
            await until(lambda: all(one.state.is_final for one in queue.recent(MN)))
            node.engine.step(idle=True)
            clock.advance(61)
            node.work.look_for_gaps()
        assert {one.state for one in queue.recent(MN)} == {CommandState.SUCCEEDED}
        assert [one.cn for one in device.requests] == ["2051", "2051"]
        link.close()
        await gateway.drain()

    asyncio.run(play())
    rows = node.engine.lake.series([1], "minute", START, START + timedelta(hours=1))
    assert rows["value"].to_pylist() == [number + 0.5 for number in range(60)]
    newest = {finding.subject: finding for finding in stated(node)}
    assert all(finding.evidence["filled"] for finding in newest.values())
    assert node.work.gaps.open_gaps() == []
    node.stop()

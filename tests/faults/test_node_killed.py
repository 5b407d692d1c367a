"""kill -9 of gateway and pipeline under load: what was acknowledged is once in the lake."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.faults.senders import DEVICES, load, mn_of, position, start_pipeline
from tests.gateway.process_support import Process
from tests.gateway.support import PatientClock, Site, device
from tests.pipeline.node import everything

from qingjian.contracts.clock import SystemClock
from qingjian.contracts.folders import DataFolder
from qingjian.journal import JournalReader
from qingjian.lake import Lake
from qingjian.pipeline.settings import PipelineSettings

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]
PATIENCE_SECONDS = 200.0


def last_sequence(root: Path) -> int:
    with JournalReader(DataFolder(root).journal / "g1") as reader:
        last = 0
        while page := reader.read(last, 10_000):
            last = page[-1].sequence
        return last


def name_of(content: bytes) -> str:
    fields = dict(part.split("=", 1) for part in content[6:90].decode().split(";") if "=" in part)
    return f"{fields['MN']} {fields['QN']}"


def test_what_the_gateway_acknowledged_is_once_in_the_lake_whoever_was_killed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    Site(root, PatientClock()).publish(*(device(mn_of(number)) for number in range(DEVICES)))
    settings = PipelineSettings(root, batch_seconds=0.05, idle_seconds=0.01, compact_seconds=0.3)
    log = tmp_path / "pipeline.log"
    chance = random.Random(2026)
    sent: Counter[str] = Counter()
    acknowledged: Counter[str] = Counter()

    async def round_of(number: int) -> None:
        before = position(settings, "g1")
        pipeline = start_pipeline(settings, log)
        gateway = Process(root)
        working = asyncio.ensure_future(
            load(gateway.port, number * 20_000, asyncio.Event(), sent, acknowledged)
        )
        end = time.monotonic() + PATIENCE_SECONDS
        while position(settings, "g1") <= before:
            assert pipeline.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            await asyncio.sleep(0.02)
        await asyncio.sleep(chance.uniform(0.05, 0.5))
        one, other = chance.sample([pipeline, gateway], 2)
        one.kill()
        await asyncio.sleep(chance.uniform(0, 0.2))
        other.kill()
        pipeline.wait()
        await asyncio.wait_for(working, PATIENCE_SECONDS)

    for number in range(4):
        asyncio.run(round_of(number))
    assert Process(root).stop() == 0
    last = last_sequence(root)
    pipeline = start_pipeline(settings, log)
    end = time.monotonic() + PATIENCE_SECONDS
    while position(settings, "g1") < last:
        assert pipeline.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    pipeline.send_signal(signal.SIGTERM)
    assert pipeline.wait(timeout=PATIENCE_SECONDS) == 0, log.read_text()
    lake = Lake(DataFolder(root).lake, SystemClock())
    frames = everything(lake)["frames"]
    lake.close()
    assert [row["sequence"] for row in frames] == list(range(1, last + 1))
    kept = Counter(name_of(row["content"]) for row in frames if row["kind"] == "accepted")
    assert len(acknowledged) > 200, "there was load"
    assert [one for one in acknowledged if one not in kept] == []
    assert all(kept[one] <= sent[one] for one in kept), "nothing is there more often than it was sent"

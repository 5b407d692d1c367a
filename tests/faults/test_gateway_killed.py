"""kill -9 under load: what was acknowledged is in the journal, once per time it was sent."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.faults.senders import DEVICES, load, mn_of
from tests.gateway.process_support import Process
from tests.gateway.support import PatientClock, Site, device

from qingjian.contracts.folders import DataFolder
from qingjian.gateway.process import read_status
from qingjian.journal import JournalReader, Kind, damages, journals

pytestmark = pytest.mark.faults


@pytest.fixture
def root(tmp_path: Path) -> Path:
    site = Site(tmp_path / "data", PatientClock())
    site.publish(*(device(mn_of(number)) for number in range(DEVICES)))
    return tmp_path / "data"


def stored(root: Path, name: str = "g1") -> Counter[str]:
    found: Counter[str] = Counter()
    with JournalReader(DataFolder(root).journal / name) as reader:
        after = 0
        sequences = []
        while page := reader.read(after, 10_000):
            for one in page:
                sequences.append(one.sequence)
                if one.kind is Kind.ACCEPTED:
                    fields = dict(
                        part.split("=", 1) for part in one.content[6:90].decode().split(";") if "=" in part
                    )
                    found[f"{fields['MN']} {fields['QN']}"] += 1
            after = page[-1].sequence
        assert sequences == list(range(1, len(sequences) + 1))
    return found


def test_kill_at_random_moments_loses_nothing_acknowledged(root: Path) -> None:
    chance = random.Random(212)
    sent: Counter[str] = Counter()
    acknowledged: Counter[str] = Counter()

    async def round_of(number: int) -> None:
        gateway = Process(root)
        assert gateway.seconds_to_start < 30
        stop = asyncio.Event()
        working = asyncio.ensure_future(load(gateway.port, number * 20_000, stop, sent, acknowledged))
        await asyncio.sleep(chance.uniform(0.1, 0.9))
        gateway.kill()
        await asyncio.wait_for(working, 120)

    for number in range(6):
        asyncio.run(round_of(number))
    gateway = Process(root)
    assert gateway.stop() == 0
    kept = stored(root)
    assert len(acknowledged) > 200, "there was load"
    lost = [one for one in acknowledged if one not in kept]
    assert lost == []
    assert all(kept[one] <= sent[one] for one in kept), (
        "nothing stands in the journal more often than it was sent"
    )
    assert damages(DataFolder(root).journal / "g1") == (), "a kill is no damage"


def test_sigterm_drains_under_load(root: Path) -> None:
    sent: Counter[str] = Counter()
    acknowledged: Counter[str] = Counter()

    async def play() -> None:
        gateway = Process(root)
        working = asyncio.ensure_future(load(gateway.port, 0, asyncio.Event(), sent, acknowledged))
        await asyncio.sleep(0.5)
        gateway.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(working, 120)
        assert gateway.process.wait(120) == 0
        assert not gateway.settings.ready_path.exists()
        status = read_status(gateway.settings)
        assert status is not None
        assert (status["state"], status["frames_waiting"]) == ("stopped", 0)

    asyncio.run(play())
    kept = stored(root)
    assert set(kept) == set(acknowledged), "all that was read was acknowledged before the end"


def test_two_processes_share_a_port_and_one_is_killed(root: Path) -> None:
    sent: Counter[str] = Counter()
    acknowledged: Counter[str] = Counter()

    async def play() -> None:
        first = Process(root, "g1", share_port=True)
        settings = json.loads(first.settings.to_json()) | {"name": "g2", "port": first.port}
        second = subprocess.Popen(
            [sys.executable, "-m", "qingjian.gateway", json.dumps(settings)],
            env={**os.environ, "PYTHONPATH": "src"}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ready = DataFolder(root).presence.parent / "g2.ready.json"
        while not ready.exists():
            assert second.poll() is None
            await asyncio.sleep(0.02)
        stop = asyncio.Event()
        working = asyncio.ensure_future(load(first.port, 0, stop, sent, acknowledged))
        await asyncio.sleep(0.5)
        first.kill()
        await asyncio.sleep(0.2)
        again = asyncio.ensure_future(load(first.port, 100_000, stop, sent, acknowledged))
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.wait_for(asyncio.gather(working, again), 120)
        second.send_signal(signal.SIGTERM)
        assert second.wait(120) == 0

    asyncio.run(play())
    assert journals(DataFolder(root).journal) == ["g1", "g2"]
    kept = stored(root, "g1") + stored(root, "g2")
    assert [one for one in acknowledged if one not in kept] == []
    assert all(kept[one] <= sent[one] for one in kept)
    assert stored(root, "g2"), "the other process went on"

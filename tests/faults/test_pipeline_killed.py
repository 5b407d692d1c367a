"""kill -9 of the pipeline at random points: nothing lost, nothing twice, the same content as without."""

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.senders import position, start_pipeline
from tests.pipeline.node import START, Node, everything, minutes, open_node

from qingjian.contracts.clock import ManualClock
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

RESTART_SECONDS = 30
"""Seconds, not minutes, as for the gateway: also on a small, busy machine."""
BACKLOG = 10_000
"""Frames that a thousand devices send in ten minutes."""

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path) as made:
        yield made


def test_killed_at_random_points_the_lake_has_every_frame_once(node: Node, tmp_path: Path) -> None:
    settings = PipelineSettings(node.folder.root, batch_seconds=0.05, idle_seconds=0.01, compact_seconds=0.3)
    chance = random.Random(20261121)
    log = tmp_path / "pipeline.log"
    sent = 0
    for round_number in range(6):
        before = position(settings, "gateway-1")
        process = start_pipeline(settings, log)
        begun = time.monotonic()
        until = None
        while until is None or time.monotonic() < until:
            if until is None and position(settings, "gateway-1") > before:
                until = time.monotonic() + 0.2 + chance.random()
            assert until is not None or time.monotonic() < begun + 200, log.read_text()
            node.journal(
                [
                    node.upload(at, {"a21026": (n + sent) % 7, "a21002": n})
                    for n, at in enumerate(minutes(20, chance.randrange(0, 300)))
                ]
            )
            sent += 20
            time.sleep(0.1 if until is None else 0.01)
        if round_number < 5:
            process.kill()
            process.wait()
    deadline = time.monotonic() + 200
    while position(settings, "gateway-1") < sent and time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, log.read_text()
    assert position(settings, "gateway-1") == sent
    assert json.loads(settings.status_path.read_bytes())["state"] == "stopped"
    killed = node.engine(recovering=False)
    frames = everything(killed.lake)["frames"]
    assert [row["sequence"] for row in frames] == list(range(1, sent + 1))
    again = node.engine("lake-2", "exchange-2", recovering=False, batches=BatchLog(settings.batches_path))
    Work(again, settings, ManualClock(START))
    again.recover()
    assert everything(again.lake) == everything(killed.lake)
    assert {row["series"] for row in everything(killed.lake)["observations"]} == {1, 2}


def test_killed_with_a_backlog_it_stores_again_within_seconds(node: Node, tmp_path: Path) -> None:
    settings = PipelineSettings(node.folder.root, batch_seconds=0.05, idle_seconds=0.01)
    log = tmp_path / "pipeline.log"
    day = 0
    for _ in range(4):
        for _ in range(BACKLOG // 1000):
            node.journal([node.upload(at, {"a21026": day, "a21002": 1}) for at in minutes(1000, 1440 * day)])
            day += 1
        before = position(settings, "gateway-1")
        process = start_pipeline(settings, log)
        begun = time.monotonic()
        while position(settings, "gateway-1") <= before:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < begun + 200, log.read_text()
            time.sleep(0.02)
        assert time.monotonic() - begun < RESTART_SECONDS
        process.kill()  # while it stores, or just after
        process.wait()

"""kill -9 of the pipeline at random points: nothing lost, nothing twice, the same content as without."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipeline.node import START, Node, everything, minutes, open_node

from qingjian.contracts.clock import ManualClock
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

_PROGRAM = """
import sys
from pathlib import Path
from qingjian.pipeline.process import main
from qingjian.pipeline.settings import PipelineSettings
main(PipelineSettings.from_json(sys.argv[1]))
"""


def start(settings: PipelineSettings, log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with log.open("ab") as handle:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, settings.to_json()],
            env=environment,
            stderr=handle,
            stdout=handle,
        )


def stored(settings: PipelineSettings) -> int:
    try:
        status = json.loads(settings.status_path.read_bytes())
    except FileNotFoundError:
        return 0
    return int(status["position"].get("gateway-1", 0))


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
        before = stored(settings)
        process = start(settings, log)
        begun = time.monotonic()
        until = None
        while until is None or time.monotonic() < until:
            if until is None and stored(settings) > before:
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
    while stored(settings) < sent and time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, log.read_text()
    assert stored(settings) == sent
    assert json.loads(settings.status_path.read_bytes())["state"] == "stopped"
    killed = node.engine(recovering=False)
    frames = everything(killed.lake)["frames"]
    assert [row["sequence"] for row in frames] == list(range(1, sent + 1))
    again = node.engine("lake-2", "exchange-2", recovering=False, batches=BatchLog(settings.batches_path))
    Work(again, settings, ManualClock(START))
    again.recover()
    assert everything(again.lake) == everything(killed.lake)
    assert {row["series"] for row in everything(killed.lake)["observations"]} == {1, 2}

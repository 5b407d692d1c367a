"""A disk on which the pipeline can write no more: nothing of the journal is lost, nothing is twice once it can again."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.senders import position, start_pipeline
from tests.pipeline.node import everything, minutes, open_node

from qingjian.pipeline.settings import PipelineSettings

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]
PATIENCE_SECONDS = 200.0
FRAMES = 400


def start_limited(settings: PipelineSettings, log: Path, limit_bytes: int) -> subprocess.Popen[bytes]:
    """A pipeline no file of which may grow beyond a limit; Python ignores SIGXFSZ, so a write then fails as on a full disk."""
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
        "import sys\n"
        "from qingjian.pipeline.process import main\n"
        "from qingjian.pipeline.settings import PipelineSettings\n"
        "main(PipelineSettings.from_json(sys.argv[1]))\n"
    )
    with log.open("ab") as handle:
        return subprocess.Popen(
            [sys.executable, "-c", program, settings.to_json()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=handle,
            stdout=handle,
        )


@pytest.mark.parametrize("limit_bytes", [4096, 40_960])
def test_a_full_disk_delays_frames_and_loses_none(tmp_path: Path, limit_bytes: int) -> None:
    with open_node(tmp_path / "data") as node:
        settings = PipelineSettings(
            node.folder.root, batch_seconds=0.05, idle_seconds=0.01, compact_seconds=0.3
        )
        log, limited_log = tmp_path / "pipeline.log", tmp_path / "limited.log"
        node.journal([node.upload(at, {"a21026": n % 7}) for n, at in enumerate(minutes(FRAMES))])
        limited = start_limited(settings, limited_log, limit_bytes)
        end = time.monotonic() + PATIENCE_SECONDS
        while limited.poll() is None:
            assert time.monotonic() < end, limited_log.read_text()
            time.sleep(0.05)
        # It ends with the reason, and the supervisor starts it again: what a full disk left half done is done anew.
        assert limited.returncode != 0
        assert re.search(b"disk I/O error|File too large|disk is full", limited_log.read_bytes())
        assert position(settings, "gateway-1") < FRAMES
        healthy = start_pipeline(settings, log)
        while position(settings, "gateway-1") < FRAMES:
            assert healthy.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        healthy.send_signal(signal.SIGTERM)
        assert healthy.wait(timeout=PATIENCE_SECONDS) == 0, log.read_text()
        engine = node.engine(recovering=False)
        assert [row["sequence"] for row in everything(engine.lake)["frames"]] == list(range(1, FRAMES + 1))

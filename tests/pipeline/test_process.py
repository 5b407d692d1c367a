"""The process: status, metrics, a clean stop, chores that fail."""

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from tests.pipeline.node import START, Node, minutes

from qingjian.contracts.clock import SystemClock
from qingjian.lake import Lake, LakeBusyError
from qingjian.pipeline.metrics import registry_of
from qingjian.pipeline.process import PipelineNode, read_status, run
from qingjian.pipeline.settings import PipelineSettings


def test_it_runs_tells_its_state_and_stops(node: Node) -> None:
    settings = PipelineSettings(node.folder.root, batch_seconds=0.05, idle_seconds=0.01)
    assert read_status(settings) is None
    node.journal([node.upload(at, {"a21026": 1}) for at in minutes(5)])
    stop = threading.Event()
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(run(settings, SystemClock(), stop)))
    thread.start()
    reader = Lake(node.folder.lake)
    for _ in range(2_400):
        if reader.batch() and reader.position("gateway-1") == 5:
            break
        stop.wait(0.05)
    with Lake(node.folder.lake) as other, pytest.raises(LakeBusyError):
        other.open_for_writing()
    stop.set()
    thread.join(timeout=120)
    assert ended == [0]
    status = read_status(settings)
    assert status is not None
    assert status["state"] == "stopped"
    assert status["position"] == {"gateway-1": 5}
    assert (status["frames"], status["new"], status["behind_frames"], status["behind_seconds"]) == (
        5,
        5,
        0,
        0,
    )
    assert reader.series([1], "minute", START, minutes(6)[-1])["value"].to_pylist() == [1] * 5


MAIN = """
import sys
from pathlib import Path
from qingjian.pipeline.process import main
from qingjian.pipeline.settings import PipelineSettings
main(PipelineSettings(Path(sys.argv[1]), batch_seconds=0.05, idle_seconds=0.01))
"""


def test_its_log_ends_with_its_own_words(node: Node) -> None:
    node.journal([node.upload(at, {"a21026": 1}) for at in minutes(5)])
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, str(node.folder.root)], stderr=subprocess.PIPE, text=True
    )
    reader = Lake(node.folder.lake)
    waiting = threading.Event()
    for _ in range(2_400):
        if process.poll() is not None or (reader.batch() and reader.position("gateway-1") == 5):
            break
        waiting.wait(0.05)
    process.send_signal(signal.SIGTERM)
    _out, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert [line for line in log.splitlines() if not line.startswith("{")] == []
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["started", "stopped"]


def test_how_far_it_is_behind_counts_from_the_oldest_frame_not_stored(node: Node) -> None:
    pipeline = PipelineNode(PipelineSettings(node.folder.root), node.clock)
    pipeline.start()
    node.journal([node.upload(START, {"a21026": 1})])
    pipeline.turn()
    node.clock.advance(4)
    status = pipeline.status()
    assert (status["behind_frames"], status["behind_seconds"]) == (1, 4)
    node.clock.advance(2)
    pipeline.turn()
    assert pipeline.status()["behind_frames"] == 0
    pipeline.stop()


def test_a_chore_that_fails_is_counted_and_the_rest_goes_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PipelineSettings(node.folder.root)
    pipeline = PipelineNode(settings, node.clock)
    pipeline.start()

    def fail(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(pipeline.engine.lake, "compact", fail)
    node.clock.advance(60)
    node.journal([node.upload(START, {"a21026": 1})])
    pipeline.turn()
    assert pipeline.work.errors == 1
    assert pipeline.engine.latest.read([1])[0].value == 1
    pipeline.stop()


def test_metrics_are_served(node: Node, tmp_path: Path) -> None:
    from prometheus_client import start_http_server

    pipeline = PipelineNode(PipelineSettings(node.folder.root), node.clock)
    pipeline.start()
    node.journal([node.upload(START, {"a21026": 1})])
    pipeline.engine.step(idle=True)
    pipeline.write_status()
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry_of(pipeline.numbers))
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics").read().decode()
    server.shutdown()
    assert "qingjian_pipeline_frames_total 1.0" in text
    assert "qingjian_pipeline_behind_seconds 0.0" in text
    pipeline.stop()


def test_settings_survive_the_way_to_another_process(tmp_path: Path) -> None:
    settings = PipelineSettings(tmp_path, batch_seconds=1.5, metrics_port=0)
    assert PipelineSettings.from_json(settings.to_json()) == settings
    with pytest.raises(TypeError):
        PipelineSettings.from_json(json.dumps({"data": "x", "unknown": 1}))

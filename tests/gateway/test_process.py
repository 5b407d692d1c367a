from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.gateway.process_support import Process, read_ready
from tests.gateway.support import MN, PatientClock, Site, acknowledgement, device, upload

from qingjian.contracts.commands import Command
from qingjian.contracts.directory import Target
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.forwarding import progress
from qingjian.gateway.process import read_status


def test_a_process_listens_tells_and_stops(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", PatientClock())
    target = Target("t1", "省厅", "127.0.0.1", 9, ("*",))
    site.publish(device(), targets=(target,))
    gateway = Process(site.folder.root, metrics_port=0)
    ready = read_ready(gateway.settings)
    assert ready is not None

    async def play() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(upload())
        assert await asyncio.wait_for(reader.readline(), 60) == acknowledgement()

        now = datetime.now(UTC)
        SqliteCommandQueue(site.folder.commands).put(
            Command("c1", MN, "1011", {}, "张三", "by hand", now, now + timedelta(minutes=1))
        )
        assert b"CN=1011;" in await asyncio.wait_for(reader.readline(), 60), "the process ticks"
        writer.close()

    asyncio.run(play())
    page = urllib.request.urlopen(f"http://127.0.0.1:{ready['metrics_port']}/metrics").read().decode()
    assert re.search(r'qingjian_gateway_frames_accepted_total\{gateway="g1"\} 1\.0', page)
    assert 'qingjian_gateway_journal_failing{gateway="g1"} 0.0' in page
    for _ in range(200):
        rows = progress(site.folder, [target])
        if rows and rows[0].state == "waiting":
            break
        time.sleep(0.05)
    assert (rows[0].target, rows[0].state) == ("t1", "waiting")
    assert gateway.stop() == 0
    status = read_status(gateway.settings)
    assert status is not None
    assert (status["state"], status["name"], status["journal"]) == ("stopped", "g1", "ok")
    assert status["counters"]["frames_accepted"] == 1
    assert read_ready(gateway.settings) is None


def test_a_second_process_of_the_same_name_does_not_start(tmp_path: Path) -> None:
    site = Site(tmp_path / "data", PatientClock())
    gateway = Process(site.folder.root)
    try:
        second = subprocess.run(
            [sys.executable, "-m", "qingjian.gateway", gateway.settings.to_json()],
            capture_output=True, text=True, timeout=240, env={"PYTHONPATH": "src"}, check=False,
        )  # fmt: skip
        assert second.returncode != 0
        assert "another process writes the journal g1" in second.stderr
        assert read_ready(gateway.settings) is not None, "the first one's ready file stays"
    finally:
        gateway.stop()

"""Devices that send as fast as they are acknowledged, and a pipeline in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.gateway.support import raw

from qingjian.pipeline.settings import PipelineSettings

DEVICES = 20


def mn_of(number: int) -> str:
    return f"{number:024X}"


def frame(number: int, sequence: int) -> tuple[str, bytes]:
    qn = f"20261121{12 + sequence // 3_600_000:02d}{sequence // 60_000 % 60:02d}{sequence // 1_000 % 60:02d}{sequence % 1_000:03d}"
    cp = f"DataTime=20261121120000;a21026-Rtd={sequence}.0,a21026-Flag=N"
    return qn, raw(f"QN={qn};ST=31;CN=2011;PW=123456;MN={mn_of(number)};Flag=5;CP=&&{cp}&&")


async def load(
    port: int, start: int, until: asyncio.Event, sent: Counter[str], acknowledged: Counter[str]
) -> None:
    """Every device sends, waits for its acknowledgement, sends again, until the connection breaks."""

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sequence = start
        try:
            while not until.is_set():
                qn, content = frame(number, sequence)
                sent[f"{mn_of(number)} {qn}"] += 1
                writer.write(content)
                line = await reader.readline()
                if not line:
                    return
                assert f"QN={qn};".encode() in line
                acknowledged[f"{mn_of(number)} {qn}"] += 1
                sequence += 1
        except ConnectionError:
            return
        finally:
            writer.close()

    await asyncio.gather(*(one(number) for number in range(DEVICES)))


_PROGRAM = """
import sys
from pathlib import Path
from qingjian.pipeline.process import main
from qingjian.pipeline.settings import PipelineSettings
main(PipelineSettings.from_json(sys.argv[1]))
"""


def start_pipeline(settings: PipelineSettings, log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with log.open("ab") as handle:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, settings.to_json()],
            env=environment,
            stderr=handle,
            stdout=handle,
        )


def position(settings: PipelineSettings, journal: str) -> int:
    """How far the pipeline has stored a journal, as it says itself."""
    try:
        status = json.loads(settings.status_path.read_bytes())
    except FileNotFoundError:
        return 0
    return int(status["position"].get(journal, 0))

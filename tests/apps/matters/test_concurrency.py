"""Eight people at the same moment, on both databases: one wins, the others are told, nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import postgresql

ROOT = Path(__file__).resolve().parents[3]


def race(folder: Path, database: str) -> dict:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "QINGJIAN_DATA": str(folder),
        "QINGJIAN_DATABASE": database,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.apps.matters.race"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(found: dict) -> None:
    assert found["numbers"] == [f"{number:04d}" for number in range(1, 9)]
    assert found["take"] == ["1", *["refused stale"] * 7]
    assert (found["trail after take"], found["in charge"]) == (2, True)
    assert found["double click"] == ["2"] * 8
    assert (found["trail after double click"], found["receipts"], found["double opening"]) == (2, 1, 1)
    assert found["notes"] == sorted(str(number) for number in range(3, 11))


@pytest.mark.any_database
def test_eight_people_at_once_on_sqlite(tmp_path) -> None:
    check(race(tmp_path, "sqlite"))


@pytest.mark.postgresql
@pytest.mark.any_database
def test_eight_people_at_once_on_postgresql(tmp_path) -> None:
    server = postgresql.Server()
    try:
        check(race(tmp_path, server.address))
    finally:
        server.stop()

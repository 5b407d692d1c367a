from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qingjian.contracts.clock import ManualClock
from qingjian.journal import JournalLimits, JournalWriter, Kind, NewFrame

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


@pytest.fixture
def open_writer(folder: Path, clock: ManualClock) -> Callable[..., JournalWriter]:
    def make(name: str = "g1", **limits: float) -> JournalWriter:
        return JournalWriter.open(folder, name, clock, JournalLimits(minimum_free_bytes=0, **limits))  # type: ignore[arg-type]

    return make


@pytest.fixture
def frame() -> Callable[..., NewFrame]:
    def make(content: bytes = b"##0000", mn: str = "MN1", **fields: object) -> NewFrame:
        kind = fields.pop("kind", Kind.ACCEPTED)
        return NewFrame(1_700_000_000_000_000, "10.0.0.1:5000", 7, mn, kind, content, **fields)  # type: ignore[arg-type]

    return make

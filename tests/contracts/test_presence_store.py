"""What every presence store must do; a new back end is one more entry in BACK_ENDS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qingjian.contracts.presence import Presence, PresenceStore
from qingjian.gateway.presence import SqlitePresenceStore

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
BACK_ENDS: dict[str, Callable[[Path], PresenceStore]] = {
    "sqlite": lambda folder: SqlitePresenceStore(folder / "exchange" / "presence.sqlite3"),
}


@pytest.fixture(params=sorted(BACK_ENDS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PresenceStore:
    return BACK_ENDS[request.param](tmp_path)


ROW = Presence(
    mn="MN1",
    gateway="g1",
    peer="10.0.0.1:5000",
    registered=True,
    connected_at=NOW,
    disconnected_at=None,
    last_frame_at=NOW + timedelta(microseconds=1),
    accepted=3,
    refused=1,
    last_refusal="check_wrong",
    last_deviations=("lower_case_check", "no_terminator"),
    clock_offset_seconds=-1.5,
)


def test_rows_come_back_whole(store: PresenceStore) -> None:
    other = replace(ROW, mn="MN2", registered=False, connected_at=None, clock_offset_seconds=None)
    store.write([ROW, other])
    assert store.read() == [ROW, other]
    assert store.read("MN2") == [other]
    assert store.read("MN3") == []


def test_the_newest_connection_wins(store: PresenceStore) -> None:
    moved = replace(ROW, gateway="g2", connected_at=NOW + timedelta(seconds=5), accepted=0)
    store.write([moved])
    store.write([replace(ROW, disconnected_at=NOW + timedelta(seconds=6))])
    assert store.read("MN1") == [moved], "the process that lost the device cannot speak for it"
    gone = replace(moved, disconnected_at=NOW + timedelta(seconds=9))
    store.write([gone])
    assert store.read("MN1") == [gone]


def test_a_connection_after_a_clock_was_set_back_is_seen(store: PresenceStore) -> None:
    store.write([replace(ROW, disconnected_at=NOW + timedelta(seconds=6))])
    again = replace(ROW, gateway="g2", connected_at=NOW - timedelta(days=1))
    store.write([again])
    assert store.read("MN1") == [again]


def test_online_is_what_the_row_says() -> None:
    assert ROW.online
    assert not replace(ROW, disconnected_at=NOW + timedelta(seconds=1)).online
    assert not replace(ROW, connected_at=None).online
    assert replace(ROW, disconnected_at=NOW - timedelta(seconds=1)).online

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from qingjian.journal import JournalReader, JournalWriter, NewFrame, RetentionError, delete_segments

Open = Callable[..., JournalWriter]
Make = Callable[..., NewFrame]


def filled(open_writer: Open, frame: Make) -> JournalWriter:
    """Segments 1-4, 5-8, 9-12 and an open one from 13."""
    writer = open_writer(segment_frames=4)
    for _ in range(13):
        writer.append_many([frame()])
    return writer


def test_segments_go_only_when_lake_and_ledger_have_them(
    folder: Path, open_writer: Open, frame: Make
) -> None:
    writer = filled(open_writer, frame)
    here = folder / "g1"
    with JournalReader(here) as reader:
        assert len(reader.read()) == 13
        for wrong in (
            {"lake_position": 7, "ledger_position": 9},
            {"lake_position": 9, "ledger_position": 7},
            {"lake_position": 9, "ledger_position": 9, "forwarding_position": 3},
        ):
            with pytest.raises(RetentionError):
                delete_segments(here, 8, **wrong)
        assert reader.first() == 1
        assert delete_segments(here, 3, lake_position=20, ledger_position=20) == []
        gone = delete_segments(here, 9, lake_position=9, ledger_position=10, forwarding_position=9)
        assert [path.name for path in gone] == [
            "segment-000000000000000001.sqlite3",
            "segment-000000000000000005.sqlite3",
        ]
        assert reader.first() == 9
        assert reader.frame(3) is None
        assert [one.sequence for one in reader.read(0)] == [9, 10, 11, 12, 13]
    assert writer.append_many([frame()]) == (14, 14)
    writer.close()


def test_the_last_segment_stays(folder: Path, open_writer: Open, frame: Make) -> None:
    filled(open_writer, frame).close()
    delete_segments(folder / "g1", 100, lake_position=100, ledger_position=100)
    with open_writer(segment_frames=4) as writer:
        assert writer.last_sequence == 13
        assert writer.append_many([frame()]) == (14, 14)


def test_a_damaged_segment_stays(folder: Path, open_writer: Open, frame: Make) -> None:
    with open_writer() as writer:
        writer.append_many([frame()])
    path = next((folder / "g1").glob("segment-*.sqlite3"))
    path.write_bytes(b"no database")
    with open_writer() as writer:
        writer.append_many([frame()])
    assert delete_segments(folder / "g1", 1 << 60, lake_position=1 << 60, ledger_position=1 << 60) == []
    assert path.read_bytes() == b"no database"


def test_reading_is_by_plain_sqlite_too(folder: Path, open_writer: Open, frame: Make) -> None:
    """The format is open: a stranger with sqlite3 finds the bytes."""
    with open_writer() as writer:
        writer.append_many([frame(b"open")])
    connection = sqlite3.connect(next((folder / "g1").glob("segment-*.sqlite3")))
    assert connection.execute("SELECT sequence, content FROM frames").fetchall() == [(1, b"open")]
    connection.close()

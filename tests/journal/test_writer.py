from __future__ import annotations

import itertools
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qingjian.contracts.clock import ManualClock
from qingjian.journal import (
    Code,
    JournalError,
    JournalInUseError,
    JournalLimits,
    JournalReader,
    JournalTooNewError,
    JournalUnavailableError,
    JournalWriter,
    Kind,
    NewFrame,
    journals,
)

Open = Callable[..., JournalWriter]
Make = Callable[..., NewFrame]


def test_what_was_appended_is_read_back_whole(folder: Path, open_writer: Open, frame: Make) -> None:
    rows = [
        frame(b"\x00\xff##binary", "MN1", codes=(Code("lower_case_check", "ab12"),), policy="p1"),
        frame(b"", "", kind=Kind.REFUSED, directory_version=9),
    ]
    with open_writer() as writer:
        assert writer.append_many(rows) == (1, 2)
    got = JournalReader(folder / "g1").read()
    assert [(one.sequence, one.content, one.mn, one.kind) for one in got] == [
        (1, b"\x00\xff##binary", "MN1", Kind.ACCEPTED),
        (2, b"", "", Kind.REFUSED),
    ]
    assert got[0].codes == (Code("lower_case_check", "ab12"),)
    assert (got[0].policy, got[1].directory_version, got[1].id) == ("p1", 9, ("g1", 2))
    assert got[0].received_us == 1_700_000_000_000_000
    assert got[0].received_at.isoformat() == "2023-11-14T22:13:20+00:00"
    assert len(got[0].nonce) == 16
    assert got[0].nonce != got[1].nonce


def test_appended_frames_are_on_disk_when_the_call_returns(
    folder: Path, open_writer: Open, frame: Make
) -> None:
    """A copy of the files taken right after the call, as a power cut would leave them, holds the frames."""
    writer = open_writer()
    writer.append_many([frame(b"promised")])
    copy = folder / "copy"
    copy.mkdir()
    for path in (folder / "g1").iterdir():
        if not path.name.endswith("-shm"):
            (copy / path.name).write_bytes(path.read_bytes())
    assert [one.content for one in JournalReader(copy).read()] == [b"promised"]
    synchronous = writer._ready().execute("PRAGMA synchronous").fetchone()[0]
    assert synchronous == 2
    writer.close()


def test_sequences_go_on_after_a_restart(folder: Path, open_writer: Open, frame: Make) -> None:
    with open_writer() as writer:
        writer.append_many([frame()] * 3)
    with open_writer() as writer:
        assert writer.last_sequence == 3
        assert writer.append_many([frame()]) == (4, 4)
    assert journals(folder) == ["g1"]
    assert journals(folder / "nothing") == []


def test_there_is_one_writer(open_writer: Open, frame: Make) -> None:
    first = open_writer()
    with pytest.raises(JournalInUseError):
        open_writer()
    other = open_writer("g2")
    other.close()
    first.close()
    open_writer().close()
    with pytest.raises(JournalError, match="closed"):
        first.append_many([frame()])


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b"])
def test_a_name_cannot_leave_the_folder(open_writer: Open, name: str) -> None:
    with pytest.raises(JournalError, match="name"):
        open_writer(name)


def test_segments_end_by_size_age_and_count(
    folder: Path, open_writer: Open, frame: Make, clock: ManualClock
) -> None:
    with open_writer(segment_bytes=100_000) as writer:
        for _ in range(30):
            writer.append_many([frame(b"x" * 10_000)])
    by_size = len(list((folder / "g1").glob("segment-*.sqlite3")))
    assert 3 <= by_size <= 5
    with open_writer("g2", segment_frames=10) as writer:
        for _ in range(7):
            writer.append_many([frame()] * 4)
    assert len(list((folder / "g2").glob("segment-*.sqlite3"))) == 4
    with open_writer("g3", segment_seconds=60) as writer:
        writer.append_many([frame()])
        clock.advance(59)
        writer.append_many([frame()])
        clock.advance(2)
        writer.append_many([frame()])
    assert [path.name for path in sorted((folder / "g3").glob("segment-*.sqlite3"))] == [
        "segment-000000000000000001.sqlite3",
        "segment-000000000000000003.sqlite3",
    ]
    for name, count in (("g1", 30), ("g2", 28), ("g3", 3)):
        reader = JournalReader(folder / name)
        assert [one.sequence for one in reader.read(0, 100)] == list(range(1, count + 1))
        closed = sorted((folder / name).glob("segment-*.sqlite3"))[:-1]
        assert not [one for one in closed if one.with_name(one.name + "-wal").exists()], "one file each"


def test_an_empty_segment_does_not_end(
    open_writer: Open, frame: Make, clock: ManualClock, folder: Path
) -> None:
    with open_writer(segment_seconds=60) as writer:
        clock.advance(3_600)
        writer.append_many([frame()])
    assert len(list((folder / "g1").glob("segment-*.sqlite3"))) == 1


def test_a_newer_format_is_refused_and_left_alone(folder: Path, open_writer: Open, frame: Make) -> None:
    with open_writer() as writer:
        writer.append_many([frame()])
    path = next((folder / "g1").glob("segment-*.sqlite3"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=2")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalTooNewError, match="format 2"):
        open_writer()
    with pytest.raises(JournalTooNewError):
        JournalReader(folder / "g1").read()
    assert path.read_bytes() == before


def test_disk_low_accepts_nothing_and_recovers(
    folder: Path, clock: ManualClock, frame: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter.open(folder, "g1", clock, JournalLimits(minimum_free_bytes=1_000))
    free = {"bytes": 999}
    monkeypatch.setattr(
        "qingjian.journal.writer.shutil.disk_usage", lambda _: type("Usage", (), {"free": free["bytes"]})
    )
    with pytest.raises(JournalUnavailableError, match="disk low"):
        writer.append_many([frame()])
    free["bytes"] = 1_000
    assert writer.append_many([frame()]) == (1, 1)
    writer.close()


def test_nothing_to_append_is_an_error(open_writer: Open) -> None:
    with open_writer() as writer, pytest.raises(ValueError, match="nothing"):
        writer.append_many([])


@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=6), reopen=st.booleans())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_grouping_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, clock: ManualClock, frame: Make, sizes: list[int], reopen: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    limits = JournalLimits(minimum_free_bytes=0, segment_frames=1_000)
    writer = JournalWriter.open(folder, "g", clock, limits)
    total = 0
    for size in sizes:
        rows = [frame(str(total + i).encode()) for i in range(size)]
        assert writer.append_many(rows) == (total + 1, total + size)
        total += size
        if reopen:
            writer.close()
            writer = JournalWriter.open(folder, "g", clock, limits)
    writer.close()
    with JournalReader(folder / "g") as reader:
        got = reader.read(0, 10_000)
        assert [(one.sequence, one.content) for one in got] == [
            (i + 1, str(i).encode()) for i in range(total)
        ]
        batches = reader.batches()
    assert batches[0].first == 1
    assert batches[-1].last == total
    assert all(
        one.last + 1 == two.first and one.number + 1 == two.number for one, two in itertools.pairwise(batches)
    )
    ranges = {one.number: (one.first, one.last) for one in batches}
    assert all(ranges[one.batch][0] <= one.sequence <= ranges[one.batch][1] for one in got)
    assert all(one.last - one.first < 1_024 for one in batches)


def _child(folder: str, ready: object, go: object) -> None:
    from qingjian.contracts.clock import SystemClock

    writer = JournalWriter.open(Path(folder), "g1", SystemClock(), JournalLimits(minimum_free_bytes=0))
    for number in range(50):
        writer.append_many([NewFrame(number, "p", 1, "M", Kind.ACCEPTED, b"%d" % number)])
        if number == 10:
            ready.set()  # type: ignore[attr-defined]
            go.wait()  # type: ignore[attr-defined]
    os.kill(os.getpid(), 9)


def test_another_process_reads_while_one_writes_and_after_it_was_killed(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, go = context.Event(), context.Event()
    child = context.Process(target=_child, args=(str(folder), ready, go))
    child.start()
    assert ready.wait(60)
    with JournalReader(folder / "g1") as reader:
        assert len(reader.read(0, 100)) == 11
        assert reader.last() == 11
        go.set()
        child.join(60)
        assert child.exitcode == -9
        assert [one.content for one in reader.read(11, 100)] == [b"%d" % i for i in range(11, 50)]

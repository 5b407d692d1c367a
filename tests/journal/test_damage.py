from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qingjian.journal import JournalReader, JournalWriter, NewFrame, damages, wal
from qingjian.journal.segment import CAPACITY

Open = Callable[..., JournalWriter]
Make = Callable[..., NewFrame]


def crashed(folder: Path, open_writer: Open, frame: Make, commits: int = 5) -> Path:
    """A journal as a kill leaves it: log not yet moved into the file. Returns the log."""
    writer = open_writer()
    for number in range(commits):
        writer.append_many([frame(b"%03d" % number * 500)])
    aside = folder / "aside"
    shutil.copytree(folder / "g1", aside, ignore=shutil.ignore_patterns("*-shm"))
    writer.close()
    shutil.rmtree(folder / "g1")
    aside.rename(folder / "g1")
    return next((folder / "g1").glob("*-wal"))


def readable(folder: Path) -> list[int]:
    with JournalReader(folder / "g1") as reader:
        return [one.sequence for one in reader.read(0, 10_000)]


def test_a_clean_crash_loses_nothing_and_is_no_damage(folder: Path, open_writer: Open, frame: Make) -> None:
    log = crashed(folder, open_writer, frame)
    state = wal.inspect(log)
    assert state is not None
    assert not state.torn
    assert state.committed == state.pages > 0
    open_writer().close()
    assert readable(folder) == [1, 2, 3, 4, 5]
    assert damages(folder / "g1") == ()


def test_a_torn_last_commit_is_diagnosed_kept_and_costs_only_itself(
    folder: Path, open_writer: Open, frame: Make
) -> None:
    log = crashed(folder, open_writer, frame)
    content = log.read_bytes()
    log.write_bytes(content[:-1_000] + bytes(1_000))
    torn = log.read_bytes()
    with open_writer() as writer:
        assert writer.last_sequence == 4
        assert writer.append_many([frame()]) == (5, 5)
    assert readable(folder) == [1, 2, 3, 4, 5]
    (damage,) = damages(folder / "g1")
    assert "torn" in damage.reason
    assert (damage.readable_up_to, damage.continues_at) == (4, 5)
    assert (folder / "g1" / damage.kept).read_bytes() == torn


def test_a_log_damaged_in_the_middle_is_told_apart(folder: Path, open_writer: Open, frame: Make) -> None:
    log = crashed(folder, open_writer, frame)
    content = bytearray(log.read_bytes())
    content[len(content) // 3] ^= 0xFF
    log.write_bytes(content)
    open_writer().close()
    (damage,) = damages(folder / "g1")
    assert "promised frames stood behind" in damage.reason
    assert (folder / "g1" / damage.kept).read_bytes() == bytes(content)


@pytest.mark.parametrize("how", ["header", "middle", "cut", "empty"])
def test_a_damaged_last_segment_is_kept_and_a_new_one_begun(
    folder: Path, open_writer: Open, frame: Make, how: str
) -> None:
    with open_writer() as writer:
        writer.append_many([frame(b"x" * 3_000) for _ in range(200)])
    path = next((folder / "g1").glob("segment-*.sqlite3"))
    content = bytearray(path.read_bytes())
    if how == "header":
        content[:100] = b"\xff" * 100
    elif how == "middle":
        middle = len(content) // 2 // 4_096 * 4_096
        content[middle : middle + 8_192] = b"\xaa" * 8_192
    elif how == "cut":
        del content[len(content) // 2 // 4_096 * 4_096 :]
    else:
        content.clear()
    path.write_bytes(content)
    with open_writer() as writer:
        first, last = writer.append_many([frame(b"after"), frame(b"damage")])
    assert first == 1 + CAPACITY
    assert path.read_bytes() == bytes(content), "the damaged bytes are evidence"
    (damage,) = damages(folder / "g1")
    assert damage.segment == path.name
    assert damage.continues_at == first
    got = readable(folder)
    assert got[-2:] == [first, last]
    if how == "middle":
        assert len(got) > 100, "what can be read of a damaged segment is read"
    open_writer().close()
    assert len(damages(folder / "g1")) == 1
    with JournalReader(folder / "g1") as reader:
        batches = reader.batches(limit=10_000)
        numbers = [one.number for one in batches]
        assert numbers == sorted(set(numbers))
        assert batches[-1].first == first
        assert reader.last() == last


def test_a_log_that_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "x-wal"
    assert wal.inspect(path) is None
    path.write_bytes(b"")
    assert wal.inspect(path) is None
    for content in (b"short", b"\x00" * 40, b"\x37\x7f\x06\x82" + b"\x00" * 60):
        path.write_bytes(content)
        state = wal.inspect(path)
        assert state is not None
        assert state.torn

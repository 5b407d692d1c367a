"""A power cut as the journal sees it: flushed bytes stay, what was written after the last flush stays in part or not.

The files are put into the state a cut could leave: the log up to the flush of an acknowledged commit as it was, and
behind it any part of what was written later, some of it never written. That SQLite flushes each commit is its promise
for `synchronous=FULL`, which is asserted; that the disk keeps what was flushed is the disk's.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.support import PatientClock

from qingjian.journal import JournalLimits, JournalReader, JournalWriter, Kind, NewFrame, damages

pytestmark = pytest.mark.faults
LIMITS = JournalLimits(minimum_free_bytes=0)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    acknowledged=st.integers(0, 7),
    extra=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=20, deadline=None)
def test_what_was_acknowledged_survives_and_no_number_is_given_twice(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], acknowledged: int, extra: float, seed: int
) -> None:
    chance = random.Random(seed)
    before, after = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
    clock = PatientClock()
    writer = JournalWriter.open(before, "g1", clock, LIMITS)
    connection = writer._ready()
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.execute("PRAGMA wal_autocheckpoint=0")
    folder = before / "g1"
    log = next(folder.glob("*.sqlite3")).with_suffix(".sqlite3-wal")
    flushed: list[tuple[int, int]] = [(0, 0)]
    total = 0
    for size in sizes:
        rows = [
            NewFrame(total + n, "p", 1, "M", Kind.ACCEPTED, b"%06d" % (total + n) * 100) for n in range(size)
        ]
        writer.append_many(rows)
        total += size
        flushed.append((log.stat().st_size, total))
    kept_bytes, kept_frames = flushed[min(acknowledged, len(sizes))]
    content = log.read_bytes()
    later = bytearray(content[kept_bytes : kept_bytes + int((len(content) - kept_bytes) * extra)])
    for place in range(0, len(later), 4_096):
        if chance.random() < 0.3:  # this block never reached the disk
            later[place : place + 4_096] = bytes(len(later[place : place + 4_096]))
    database = next(folder.glob("*.sqlite3"))
    target = after / "g1"
    target.mkdir()
    (target / database.name).write_bytes(database.read_bytes())
    (target / log.name).write_bytes(content[:kept_bytes] + bytes(later))
    writer.close()

    with JournalWriter.open(after, "g1", clock, LIMITS) as reopened:
        survived = reopened.last_sequence
        assert survived >= kept_frames
        assert survived in [frames for _, frames in flushed], "a commit is there whole or not at all"
        first, last = reopened.append_many([NewFrame(0, "p", 1, "M", Kind.ACCEPTED, b"new")])
        assert first == last == survived + 1
    with JournalReader(target) as reader:
        got = reader.read(0, 10_000)
    assert [one.sequence for one in got] == list(range(1, survived + 2))
    assert [one.content[:6] for one in got[:-1]] == [b"%06d" % n for n in range(survived)]
    assert all((target / one.kept).exists() for one in damages(target))

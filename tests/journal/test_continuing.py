"""A restored journal gives no number that can stand for another frame elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from qingjian.journal import (
    JournalReader,
    JournalWriter,
    NewFrame,
    continuations,
    continue_above,
)
from qingjian.journal.segment import NUMBERS_APART


def test_numbers_go_on_behind_what_others_know_and_stay_there(
    folder: Path, open_writer: Callable[..., JournalWriter], frame: Callable[..., NewFrame]
) -> None:
    with open_writer() as writer:
        writer.append_many([frame() for _ in range(5)])
    decided = continue_above(folder / "g1", 9)
    assert (decided.readable_up_to, decided.known_up_to, decided.continues_at) == (5, 9, NUMBERS_APART)
    for expected in (0, 2):
        with open_writer() as writer:
            first, _ = writer.append_many([frame(), frame()])
        assert first == NUMBERS_APART + expected
    with JournalReader(folder / "g1") as reader:
        assert [one.sequence for one in reader.read()][4:6] == [5, NUMBERS_APART]
        assert [(one.number, one.first) for one in reader.batches()][1] == (NUMBERS_APART, NUMBERS_APART)
        assert [reader.waiting(after) for after in (0, 3, 5, 9, NUMBERS_APART, NUMBERS_APART + 3)] == [
            9, 6, 4, 4, 3, 0,
        ]  # fmt: skip
    assert continue_above(folder / "g1", 0).continues_at == 2 * NUMBERS_APART, "each restore leaves room"
    assert [one.continues_at for one in continuations(folder / "g1")] == [NUMBERS_APART, 2 * NUMBERS_APART]


def test_the_batch_a_backup_cut_in_two_is_closed_before_the_numbers_go_on(
    folder: Path, open_writer: Callable[..., JournalWriter], frame: Callable[..., NewFrame], tmp_path: Path
) -> None:
    writer = open_writer()
    writer.append_many([frame() for _ in range(3)])
    copy = tmp_path / "restored" / "g1"
    copy.mkdir(parents=True)
    for path in (folder / "g1").glob("segment-*.sqlite3"):
        with sqlite3.connect(path) as source, sqlite3.connect(copy / path.name) as target:
            source.backup(target)
    writer.close()
    continue_above(copy, 3)
    with JournalWriter.open(copy.parent, "g1", writer._clock) as again:
        again.append_many([frame()])
    with JournalReader(copy) as reader:
        assert [(one.first, one.last) for one in reader.batches()] == [(1, 3), (NUMBERS_APART, NUMBERS_APART)]


def test_a_journal_that_is_not_there_begins_behind_what_others_have(
    folder: Path, open_writer: Callable[..., JournalWriter], frame: Callable[..., NewFrame]
) -> None:
    continue_above(folder / "g1", 7)
    with open_writer() as writer:
        assert writer.append_many([frame()]) == (NUMBERS_APART, NUMBERS_APART)

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from qingjian.contracts.clock import ManualClock
from qingjian.journal import JournalReader, JournalWriter, NewFrame

Open = Callable[..., JournalWriter]
Make = Callable[..., NewFrame]


def ranges(folder: Path) -> list[tuple[int, int, int]]:
    with JournalReader(folder / "g1") as reader:
        return [(one.number, one.first, one.last) for one in reader.batches()]


def test_a_batch_ends_after_1024_frames(folder: Path, open_writer: Open, frame: Make) -> None:
    with open_writer() as writer:
        writer.append_many([frame()] * 1_500)
        assert ranges(folder) == [(1, 1, 1_024)]
        writer.append_many([frame()] * 1_000)
    assert ranges(folder) == [(1, 1, 1_024), (2, 1_025, 2_048), (3, 2_049, 2_500)]


def test_a_batch_ends_after_a_second(
    folder: Path, open_writer: Open, frame: Make, clock: ManualClock
) -> None:
    with open_writer() as writer:
        writer.append_many([frame()])
        clock.advance(0.9)
        writer.append_many([frame()])
        assert writer.close_batch_if_due() is None
        clock.advance(0.2)
        assert writer.close_batch_if_due() == 1
        assert writer.close_batch_if_due() is None
        writer.append_many([frame()])
        clock.advance(1.1)
        writer.append_many([frame()])
        assert ranges(folder) == [(1, 1, 2), (2, 3, 3)]
        assert writer.close_batch() == 3
        assert writer.close_batch() is None
    assert ranges(folder) == [(1, 1, 2), (2, 3, 3), (3, 4, 4)]


def test_a_clock_set_back_does_not_keep_a_batch_open(
    open_writer: Open, frame: Make, clock: ManualClock
) -> None:
    with open_writer() as writer:
        writer.append_many([frame()])
        clock.set_wall(clock.now() - timedelta(days=1))
        assert writer.close_batch_if_due() == 1


def test_a_batch_left_open_by_a_crash_is_fixed_at_the_next_start(
    folder: Path, open_writer: Open, frame: Make
) -> None:
    writer = open_writer()
    writer.append_many([frame()] * 3)
    writer._release()  # as a kill leaves it: no batch row
    assert ranges(folder) == []
    with open_writer() as writer:
        assert ranges(folder) == [(1, 1, 3)]
        writer.append_many([frame()])
    assert ranges(folder) == [(1, 1, 3), (2, 4, 4)]


def test_batches_do_not_cross_segments(folder: Path, open_writer: Open, frame: Make) -> None:
    with open_writer(segment_frames=5) as writer:
        for _ in range(4):
            writer.append_many([frame()] * 3)
    assert ranges(folder) == [(1, 1, 3), (2, 4, 6), (3, 7, 9), (4, 10, 12)]
    with JournalReader(folder / "g1") as reader:
        assert [one.number for one in reader.batches(after=2, limit=1)] == [3]

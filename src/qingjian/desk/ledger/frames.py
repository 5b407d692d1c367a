"""Stored frames with their batches, from the journal and, once its segment is gone, from the lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from qingjian.journal import JournalReader, journals
from qingjian.journal.frame import EPOCH, Frame, codes_from_text
from qingjian.lake import Lake
from qingjian.ledger.frames import MAX_BATCH
from qingjian.notary.contents import StoredFrame

ONE = timedelta(microseconds=1)
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class LakeFrame:
    """A frame as the lake holds it."""

    journal: str
    sequence: int
    received_us: int
    peer: str
    mn: str
    kind: str
    content: bytes
    codes: Sequence[Sequence[str]]
    policy: str
    nonce: bytes
    batch: int

    @property
    def received_at(self) -> datetime:
        return EPOCH + self.received_us * ONE

    @classmethod
    def of(cls, row: dict[str, Any]) -> LakeFrame:
        received = row["received_at"]
        received = received if received.tzinfo else received.replace(tzinfo=UTC)
        return cls(
            row["journal"],
            row["sequence"],
            (received - EPOCH) // ONE,
            row["peer"],
            row["mn"],
            row["kind"],
            bytes(row["content"]),
            codes_from_text(row["codes"]),
            row["policy"],
            bytes(row["nonce"]),
            row["batch"],
        )


class StoredFrames:
    """Reads frames of a node; use as a context manager, from one thread."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        """`folder` is DataFolder.journal."""
        self._folder = folder
        self._lake = lake
        self._names = journals(folder)
        self._readers: dict[str, JournalReader] = {}
        self._stack = ExitStack()

    def __enter__(self) -> StoredFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _reader(self, journal: str) -> JournalReader | None:
        if journal not in self._names:
            return None
        if journal not in self._readers:
            self._readers[journal] = self._stack.enter_context(JournalReader(self._folder / journal))
        return self._readers[journal]

    def kept(self, journal: str, sequence: int) -> tuple[LakeFrame | None, Frame | None]:
        """Return a frame as the lake has it and as the journal has it."""
        reader = self._reader(journal)
        return self.one(journal, sequence), (reader.frame(sequence) if reader else None)

    def batch_around(self, frame: StoredFrame, number: int) -> list[StoredFrame]:
        """Return all frames of a closed batch that a frame belongs to, [] while the batch is open."""
        reader = self._reader(frame.journal)
        for batch in reader.batches(number - 1, 1) if reader else ():
            if batch.number == number and batch.first <= frame.sequence <= batch.last:
                rows = reader.read(batch.first - 1, batch.last - batch.first + 1) if reader else []
                return [one for one in rows if one.sequence <= batch.last]
        if reader is not None and frame.sequence >= reader.first():
            return []
        first, last = frame.sequence - MAX_BATCH + 1, frame.sequence + MAX_BATCH - 1
        rows = self._lake.frame_range(frame.journal, first, last).to_pylist()
        return [LakeFrame.of(row) for row in rows if row["batch"] == number]

    def batches_of(self, frames: Iterable[LakeFrame]) -> Iterator[tuple[list[LakeFrame], list[StoredFrame]]]:
        """Return, batch by batch, the frames as the lake has them (what pages show) and their whole batch.

        The batch is [] while it is open.
        """
        ordered = sorted(frames, key=lambda one: (one.journal, one.sequence))
        for (_journal, number), group in groupby(ordered, key=lambda one: (one.journal, one.batch)):
            members = list(group)
            yield members, self.batch_around(members[0], number)

    def received(self, mn: str, start: datetime, end: datetime) -> list[LakeFrame]:
        """Return what was received from a device and is in the lake, in order of journal and sequence."""
        after: tuple[str, int] | None = None
        result: list[LakeFrame] = []
        while True:
            rows = self._lake.frames(start, end, mn=mn, after=after, limit=AT_ONCE).to_pylist()
            result += [LakeFrame.of(row) for row in rows]
            if len(rows) < AT_ONCE:
                return result
            after = (result[-1].journal, result[-1].sequence)

    def one(self, journal: str, sequence: int) -> LakeFrame | None:
        """Return a frame from the lake."""
        row = self._lake.frame(journal, sequence)
        return LakeFrame.of(row) if row else None

"""Frame batches: what the notary itself puts into the ledger of every frame that was received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from qingjian.ledger.commitments import canonical_json
from qingjian.ledger.entries import Frames, parse_entry
from qingjian.ledger.frames import MAX_BATCH, FrameBatch, FrameRow, build_batch
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.subjects import frames_subject


class StoredFrame(Protocol):
    """A frame as the journal (or the lake's table of frames) returns it."""

    @property
    def journal(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def received_us(self) -> int: ...
    @property
    def peer(self) -> str: ...
    @property
    def mn(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def content(self) -> bytes: ...
    @property
    def codes(self) -> Sequence[Sequence[str]]: ...
    @property
    def policy(self) -> str: ...
    @property
    def nonce(self) -> bytes: ...


def frame_context(frame: StoredFrame) -> bytes:
    """Canonical JSON of what the journal keeps with a frame, committed together with its bytes."""
    return canonical_json(
        {
            "kind": str(frame.kind),
            "mn": frame.mn,
            "peer": frame.peer,
            "policy": frame.policy,
            "codes": [list(code) for code in frame.codes],
        }
    )


def frame_row(frame: StoredFrame) -> FrameRow:
    """What a batch commits of a stored frame."""
    return FrameRow.of(
        frame.journal, frame.sequence, frame.received_us, frame.content, frame.nonce, frame_context(frame)
    )


def batch_of(frames: Iterable[StoredFrame]) -> FrameBatch:
    """The batch over all frames of one closed journal range, in order of sequence."""
    return build_batch(frame_row(frame) for frame in frames)


def runs_of(frames: Sequence[StoredFrame]) -> list[list[StoredFrame]]:
    """Frames of one journal as runs without holes, in order of sequence; a sequence that appears twice is its own run."""
    runs: list[list[StoredFrame]] = []
    for frame in frames:
        if runs and frame.sequence == runs[-1][-1].sequence + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


def enter_batch(notary: Notary, rows: Iterable[FrameRow]) -> str:
    """Let the root of a closed batch wait for the ledger; returns its subject. Repeating changes nothing.

    A restored journal may hold only the beginning of a batch that was entered whole; that beginning is entered beside it.
    Raises NotaryError when the same range was entered with another root.
    """
    batch = build_batch(rows)
    subject = frames_subject(batch.journal, batch.first)
    held = notary.state.queued(subject)
    if held is not None and _last(held) != batch.last:
        subject = frames_subject(batch.journal, batch.first, batch.last)
    notary.enqueue(subject, Frames(batch.journal, batch.first, batch.last, batch.root))
    return subject


def batch_entry(notary: Notary, journal: str, first: int, last: int) -> bytes | None:
    """What was entered of a batch, None when nothing was yet."""
    return notary.state.queued(_subject(notary, journal, first, last))


def batch_place(notary: Notary, journal: str, first: int, last: int) -> Place | None:
    """Where a batch stands, None while it waits: its journal segment must not be deleted before."""
    return notary.state.place(_subject(notary, journal, first, last))


def entered_over(notary: Notary, journal: str, first: int, last: int) -> Frames | None:
    """A batch that was entered and has frames of this range in it, None when there is none."""
    starts = range(max(first - MAX_BATCH + 1, 0), last + 1)
    for data in notary.state.queued_any([frames_subject(journal, one) for one in starts]):
        entry = parse_entry(data)
        if isinstance(entry, Frames) and entry.last >= first:
            return entry
    return None


def newest_entered(notary: Notary, journal: str) -> tuple[int, int]:
    """First and last sequence of the batch of a journal that was entered last, (0, 0) when none was."""
    subject = notary.state.newest_subject(f"frames/{journal}/")
    held = notary.state.queued(subject) if subject is not None else None
    entry = parse_entry(held) if held is not None else None
    return (entry.first, entry.last) if isinstance(entry, Frames) else (0, 0)


def _subject(notary: Notary, journal: str, first: int, last: int) -> str:
    shorter = frames_subject(journal, first, last)
    return frames_subject(journal, first) if notary.state.queued(shorter) is None else shorter


def _last(held: bytes) -> int:
    entry = parse_entry(held)
    return entry.last if isinstance(entry, Frames) else 0

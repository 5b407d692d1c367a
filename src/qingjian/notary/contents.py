"""Frame batches: what the notary itself puts into the ledger of every frame that was received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from qingjian.ledger.commitments import canonical_json
from qingjian.ledger.entries import Frames
from qingjian.ledger.frames import FrameBatch, FrameRow, build_batch
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


def enter_batch(notary: Notary, rows: Iterable[FrameRow]) -> str:
    """Let the root of a closed batch wait for the ledger; returns its subject. Repeating changes nothing.

    Raises NotaryError when the same range was entered with another root.
    """
    batch = build_batch(rows)
    subject = frames_subject(batch.journal, batch.first)
    notary.enqueue(subject, Frames(batch.journal, batch.first, batch.last, batch.root))
    return subject


def batch_place(notary: Notary, journal: str, first: int) -> Place | None:
    """Where a batch stands, None while it waits: its journal segment must not be deleted before."""
    return notary.state.place(frames_subject(journal, first))

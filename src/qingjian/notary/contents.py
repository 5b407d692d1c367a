"""What the notary itself puts into the ledger: frame batches and sealed days."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from qingjian.ledger.commitments import SALT_SIZE, canonical_json
from qingjian.ledger.entries import Day, Frames, encode_entry
from qingjian.ledger.frames import FrameBatch, FrameRow, build_batch
from qingjian.ledger.seals import DaySeal, SeriesDay, series_day, series_day_salt
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.subjects import day_subject, frames_subject


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


@dataclass(frozen=True)
class Sealed:
    """Outcome of sealing a day: its subject, revision, root, and the root it replaces."""

    subject: str
    revision: int
    root: bytes
    supersedes: bytes | None
    changed: bool


def seal_day(notary: Notary, day: datetime.date, series_days: Iterable[tuple[str, bytes]]) -> Sealed:
    """Seal a day from (series code, canonical rows) pairs; sealing unchanged rows again changes nothing.

    After late data the new seal names the root of the old one.
    """
    name = day.isoformat()
    with notary.locked():
        with notary.state.transaction():
            secret = notary.state.day_secret(name, secrets.token_bytes(SALT_SIZE))
        seal = DaySeal(day, (series_day(secret, series, day, data) for series, data in series_days))
        old = notary.state.seal(name)
        if old is not None and old[1] == seal.root:
            return Sealed(day_subject(name, old[0]), old[0], seal.root, None, changed=False)
        revision, supersedes = (1, None) if old is None else (old[0] + 1, old[1])
        series = json.dumps([item.series for item in seal.series_days], ensure_ascii=False).encode()
        digests = b"".join(item.digest for item in seal.series_days)
        subject = day_subject(name, revision)
        entry = encode_entry(Day(day, revision, seal.root, seal.size, supersedes))
        with notary.state.transaction():
            notary.state.add_seal(name, revision, seal.root, series, digests)
            notary.state.enqueue(subject, entry)
    return Sealed(subject, revision, seal.root, supersedes, changed=True)


@dataclass(frozen=True)
class SeriesDayProof:
    """What opens one series-day of a seal: salt, place in the day's tree, path, and the seal's place."""

    series: str
    day: datetime.date
    salt: bytes
    index: int
    size: int
    path: tuple[bytes, ...]
    root: bytes
    place: Place


def prove_series_day(notary: Notary, day: datetime.date, series: str) -> SeriesDayProof:
    """Proof of one series under the latest seal of a day; NotaryError when there is none in the ledger yet."""
    name = day.isoformat()
    found = notary.state.seal(name)
    if found is None:
        raise NotaryError(f"{name} 尚未封存 / the day is not sealed")
    revision, root, names, digests = found
    items = [SeriesDay(code, digests[i * 32 : i * 32 + 32]) for i, code in enumerate(json.loads(names))]
    seal = DaySeal(day, items)
    place = notary.state.place(day_subject(name, revision))
    if place is None:
        raise NotaryError(f"{name} 的封存尚未入账 / the seal is not in the ledger yet")
    with notary.state.transaction():
        secret = notary.state.day_secret(name, secrets.token_bytes(SALT_SIZE))
    index = seal.place(series)
    salt = series_day_salt(secret, series, day)
    return SeriesDayProof(series, day, salt, index, seal.size, tuple(seal.proof(series)), root, place)

"""The rows of a journal: frames and the batches that group them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from qingjian.contracts.clock import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What a row is."""

    ACCEPTED = "accepted"
    """A frame of a registered device that was acknowledged or needs no acknowledgement."""
    REFUSED = "refused"
    """Bytes of a registered device that are not a frame under its policy."""
    UNREGISTERED = "unregistered"
    """A sample of what an unknown sender sent; never acknowledged."""
    SENT = "sent"
    """Bytes the platform sent to the device."""


class Code(NamedTuple):
    """A typed deviation or the reason of a refusal."""

    code: str
    detail: str = ""


class NewFrame(NamedTuple):
    """A frame on its way into the journal; the writer adds sequence, nonce and batch."""

    received_us: int
    """Microseconds since 1970-01-01 UTC."""
    peer: str
    connection: int
    mn: str
    kind: Kind
    content: bytes
    codes: tuple[Code, ...] = ()
    policy: str = ""
    """Digest of the decoding policy that was in force."""
    directory_version: int = 0


class Frame(NamedTuple):
    """A frame as it stands in the journal; (journal, sequence) is its identity for ever.

    A named tuple, because the pipeline makes thousands a second and these are made several times faster.
    """

    journal: str
    sequence: int
    received_us: int
    """Microseconds since 1970-01-01 UTC."""
    peer: str
    connection: int
    mn: str
    kind: Kind
    content: bytes
    codes: tuple[Code, ...]
    policy: str
    directory_version: int
    nonce: bytes
    """16 random bytes, so that a published hash of the frame cannot be guessed from its content."""
    batch: int

    @property
    def received_at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.received_us)

    @property
    def id(self) -> tuple[str, int]:
        return (self.journal, self.sequence)


@dataclass(frozen=True, slots=True)
class Batch:
    """A closed range of a journal: first ≤ sequence ≤ last, at most 1,024 frames or one second."""

    number: int
    first: int
    last: int
    closed_us: int


def now_microseconds(clock: Clock) -> int:
    """Return the clock's wall time as whole microseconds since 1970."""
    passed = clock.now() - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def codes_to_text(codes: Iterable[Code]) -> str:
    """Return JSON text, or nothing for no code (the usual case)."""
    rows = [[one.code, one.detail] for one in codes]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def codes_from_text(text: str) -> tuple[Code, ...]:
    return tuple(Code(code, detail) for code, detail in json.loads(text)) if text else ()

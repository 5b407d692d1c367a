"""Roots of frame batches: which bytes were received when, in which order.

A batch is a fixed range of one journal. Its leaf for a frame is ``nonce || digest``, where the digest
covers the frame's identity, its time of receipt, its bytes and its context (peer, state, policy, ... as
canonical JSON), and the 16-byte nonce keeps short, guessable frames private.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import HASH_SIZE, leaf_hash
from qingjian.ledger.tree import MemoryTree

NONCE_SIZE = 16
MAX_BATCH = 1024
NO_CONTEXT = sha256(b"{}").digest()
_LABEL = b"qingjian/frame/v1\n"


@dataclass(frozen=True)
class FrameRow:
    """What a batch commits of one frame.

    ``received_at`` is microseconds since 1970 UTC, ``content_digest`` SHA-256 of the frame's bytes,
    ``context_digest`` SHA-256 of the canonical JSON of what else the journal keeps with it.
    """

    journal: str
    sequence: int
    received_at: int
    content_digest: bytes
    nonce: bytes
    context_digest: bytes = NO_CONTEXT

    @classmethod
    def of(
        cls,
        journal: str,
        sequence: int,
        received_at: int,
        content: bytes,
        nonce: bytes,
        context: bytes = b"{}",
    ) -> FrameRow:
        """Row of a frame whose bytes and canonical context are at hand."""
        digests = sha256(content).digest(), sha256(context).digest()
        return cls(journal, sequence, received_at, digests[0], nonce, digests[1])

    def leaf(self) -> bytes:
        """Leaf hash of the frame in its batch."""
        name = self.journal.encode()
        digests = (self.content_digest, self.context_digest)
        if any(len(item) != HASH_SIZE for item in digests) or len(self.nonce) != NONCE_SIZE:
            raise MalformedError("a frame needs 32-byte digests and a 16-byte nonce")
        if (
            not name
            or len(name) > 255
            or not 0 <= self.sequence < 1 << 63
            or not 0 <= self.received_at < 1 << 63
        ):
            raise MalformedError(f"not a frame identity: {self.journal!r} {self.sequence} {self.received_at}")
        digest = sha256(
            _LABEL
            + bytes([len(name)])
            + name
            + self.sequence.to_bytes(8, "big")
            + self.received_at.to_bytes(8, "big")
            + self.content_digest
            + self.context_digest
        ).digest()
        return leaf_hash(self.nonce + digest)


@dataclass(frozen=True)
class FrameBatch:
    """A batch: journal, first and last sequence (inclusive, without holes), and the tree over its frames."""

    journal: str
    first: int
    last: int
    tree: MemoryTree

    @property
    def root(self) -> bytes:
        return self.tree.root()

    def proof(self, sequence: int) -> list[bytes]:
        """Path from one frame to the batch root."""
        if not self.first <= sequence <= self.last:
            raise MalformedError(f"frame {sequence} is not in the batch {self.first} to {self.last}")
        return self.tree.inclusion_proof(sequence - self.first)


def build_batch(frames: Iterable[FrameRow]) -> FrameBatch:
    """Batch over 1 to 1,024 frames of one journal in order of sequence, without holes."""
    rows = list(frames)
    if not 1 <= len(rows) <= MAX_BATCH:
        raise MalformedError(f"a batch holds 1 to {MAX_BATCH} frames, not {len(rows)}")
    first = rows[0]
    for offset, row in enumerate(rows):
        if row.journal != first.journal or row.sequence != first.sequence + offset:
            raise MalformedError(f"frame {row.journal}/{row.sequence} does not follow in its batch")
    return FrameBatch(first.journal, first.sequence, rows[-1].sequence, MemoryTree([r.leaf() for r in rows]))

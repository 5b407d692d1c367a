"""Load on a ledger: reads that verify on the real one, and durable writes on a scratch one beside it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from qingjian.contracts.clock import Clock
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.tree import verify_consistency, verify_inclusion
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import OutboxRow, Place, RowId
from qingjian.notary.reading import ShardReader


@dataclass(frozen=True)
class Rate:
    """How many of something in how many seconds."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0


class LoadOutbox:
    """An endless outbox in memory."""

    def __init__(self, rows: int) -> None:
        self._rows = deque(OutboxRow(i, encode_entry(Event(os.urandom(32)))) for i in range(rows))

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        return list(islice(self._rows, limit))

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        for _ in ids:
            self._rows.popleft()


def hammer_reads(notary: Notary, clock: Clock, proofs: int, seed: int = 0) -> Rate:
    """Prove and verify random leaves and consistency from random sizes of the newest shard.

    Raises ProofError on the first that does not hold.
    """
    chance = random.Random(seed)
    reader_shard = notary.state.shards()[-1].name
    begin = clock.monotonic()
    for _ in range(proofs):
        reader = ShardReader(notary, reader_shard)
        head = reader.checkpoint
        found = reader.prove(chance.randrange(head.size))
        verify_inclusion(leaf_hash(found.data), found.place.index, head.size, found.proof.path, head.root)
        old = chance.randint(1, head.size)
        older = ShardReader(notary, reader_shard)
        verify_consistency(old, older.root_at(old), head.size, head.root, reader.consistency(old))
    return Rate(proofs, clock.monotonic() - begin)


def hammer_writes(folder: Path, clock: Clock, leaves: int, batch: int) -> Rate:
    """Sequence leaves durably in a scratch ledger on the disk of ``folder``, removed afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix=".hammer-", dir=folder))
    try:
        notary = Notary(scratch / "ledger", clock, origin="hammer.invalid/scratch")
        outbox = LoadOutbox(leaves)
        begin = clock.monotonic()
        while notary.sequence([outbox], batch).added:
            pass
        seconds = clock.monotonic() - begin
        notary.close()
    finally:
        shutil.rmtree(scratch)
    return Rate(leaves, seconds)

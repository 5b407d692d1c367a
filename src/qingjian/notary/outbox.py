"""Where entries wait for the ledger.

A business transaction writes its record and its outbox row together; the notary later gives the row a
place in the ledger. Rows are taken as "not yet sequenced", never by the order of ids, because a
transaction with a smaller id may commit later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from qingjian.ledger.hashing import leaf_hash

RowId = int | str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry stands: name of the shard and zero-based index in it."""

    shard: str
    index: int


class OutboxRow(NamedTuple):
    """A waiting row and its entry: the exact bytes from ``qingjian.ledger.entries.encode_entry``."""

    id: RowId
    entry: bytes


class Outbox(Protocol):
    """Durable rows of one database. Both methods are called while the notary holds its lock."""

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        """Up to ``limit`` committed rows without a place, whatever their ids."""
        ...

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        """Store the places durably. May be called again with the same rows after a crash."""
        ...


class BusinessRecords(Protocol):
    """Answers whether the record behind an entry still exists, for ``fsck``."""

    def known(self, leaf_hashes: Sequence[bytes]) -> set[bytes]:
        """Those of the leaf hashes whose record (and outbox row) still exists."""
        ...


class MemoryOutbox:
    """An outbox in memory, for trials and tests; it also answers as ``BusinessRecords``."""

    def __init__(self) -> None:
        self.entries: dict[RowId, bytes] = {}
        self.places: dict[RowId, Place] = {}

    def add(self, entry: bytes, id: RowId | None = None) -> RowId:
        """Commit a row."""
        row_id = len(self.entries) + 1 if id is None else id
        self.entries[row_id] = entry
        return row_id

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        rows = [OutboxRow(i, entry) for i, entry in self.entries.items() if i not in self.places]
        return rows[:limit]

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        self.places.update(zip(ids, places, strict=True))

    def known(self, leaf_hashes: Sequence[bytes]) -> set[bytes]:
        return {leaf_hash(entry) for entry in self.entries.values()} & set(leaf_hashes)

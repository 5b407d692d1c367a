"""All writes of ledger events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from qingjian.apps.records import kinds
from qingjian.apps.records.models import LedgerCheck, LedgerEvent
from qingjian.contracts.current import now
from qingjian.ledger.hashing import leaf_hash
from qingjian.notary.outbox import OutboxRow, Place, RowId

ROWS_AT_ONCE = 500


def commit(kind: str, identifier: object, content: Mapping[str, Any]) -> LedgerEvent:
    """Commit to a business event in the transaction that writes its record; RuntimeError outside of one.

    `content` is plain JSON. It stays here; the ledger gets a salted hash of it. NotaryError for an unknown kind or a
    missing field.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a ledger event belongs into the transaction of its record")
    event = kinds.events.prepare(kind, str(identifier), now(), content)
    return LedgerEvent.objects.create(
        kind=kind,
        identifier=str(identifier),
        canonical=event.canonical,
        salt=event.salt,
        entry=event.entry,
        leaf=leaf_hash(event.entry).hex(),
        created_at=now(),
    )


class RecordsOutbox:
    """The outbox of this database; called by the notary under its lock."""

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        """Return committed rows without a place."""
        rows = LedgerEvent.objects.filter(position=None).values_list("pk", "entry")[:limit]
        return [OutboxRow(pk, bytes(entry)) for pk, entry in rows]

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        """Store places; repeating it after a crash changes nothing."""
        rows = [
            LedgerEvent(pk=pk, shard=place.shard, position=place.index)
            for pk, place in zip(ids, places, strict=True)
        ]
        with transaction.atomic():
            LedgerEvent.objects.bulk_update(rows, ("shard", "position"), batch_size=ROWS_AT_ONCE)


def store_check(entries: int, batches: int, days: int, problems: Sequence[str], frozen: str) -> LedgerCheck:
    """Keep the result of a check of the ledger, for workbench and doctor."""
    return LedgerCheck.objects.create(
        at=now(), entries=entries, batches=batches, days=days, problems=list(problems), frozen=frozen
    )

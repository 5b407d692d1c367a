"""Rows for the ledger, written with the step they commit to; the notary takes them from here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.db import transaction

from qingjian.apps.matters.models import LedgerEntry, TrailEntry
from qingjian.ledger.hashing import leaf_hash
from qingjian.notary.kinds import standard_kinds
from qingjian.notary.outbox import OutboxRow, Place, RowId

KINDS = standard_kinds()


def commit(trail: TrailEntry, kind: str) -> LedgerEntry:
    """Commit to a step of the trail in the same transaction."""
    actor = trail.actor.username if trail.actor else "system"
    text = json.dumps(trail.data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    content = {
        "actor": actor,
        "on_behalf_of": trail.on_behalf_of.username if trail.on_behalf_of else "",
        "number": trail.matter.number,
        "sequence": trail.sequence,
        "decision": trail.action,
        "state": trail.after,
        "data": hashlib.sha256(text.encode()).hexdigest(),
        "note": trail.note,
    }
    if kind == "sign-off":
        content["document"] = trail.data.get("digest", "")
    made = KINDS.prepare(kind, f"matter/{trail.matter.number}/{trail.sequence}", trail.at, content)
    return LedgerEntry.objects.create(
        trail=trail,
        kind=kind,
        canonical=made.canonical,
        salt=made.salt,
        entry=made.entry,
        leaf_hash=leaf_hash(made.entry).hex(),
    )


class MatterOutbox:
    """`qingjian.notary.outbox.Outbox` and `BusinessRecords` over the people's database."""

    def unsequenced(self, limit: int) -> Sequence[OutboxRow]:
        rows = LedgerEntry.objects.filter(index=None).order_by("id").values_list("id", "entry")[:limit]
        return [OutboxRow(row_id, bytes(entry)) for row_id, entry in rows]

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        with transaction.atomic():
            for row_id, place in zip(ids, places, strict=True):
                LedgerEntry.objects.filter(pk=row_id).update(shard=place.shard, index=place.index)

    def known(self, leaf_hashes: Sequence[bytes]) -> set[bytes]:
        wanted = [one.hex() for one in leaf_hashes]
        found: set[bytes] = set()
        for begin in range(0, len(wanted), 500):
            part = wanted[begin : begin + 500]
            found |= {
                bytes.fromhex(one)
                for one in LedgerEntry.objects.filter(leaf_hash__in=part).values_list("leaf_hash", flat=True)
            }
        return found

"""All reads of ledger events, and the comparison of records with what was committed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Max, QuerySet

from qingjian.apps.records import kinds
from qingjian.apps.records.models import LedgerCheck, LedgerEvent
from qingjian.ledger.commitments import canonical_json
from qingjian.ledger.entries import Event, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import leaf_hash
from qingjian.notary.bundle import EventEvidence
from qingjian.notary.kinds import opens
from qingjian.notary.outbox import Place

LEAVES_AT_ONCE = 500


def holds(row: LedgerEvent) -> bool:
    """Say whether the kept bytes still open the entry they were kept for."""
    try:
        entry = parse_entry(bytes(row.entry))
        return (
            leaf_hash(bytes(row.entry)).hex() == row.leaf
            and isinstance(entry, Event)
            and opens(entry, bytes(row.canonical), bytes(row.salt))
        )
    except LedgerError:
        return False


class Records:
    """Answers for `fsck` which leaves can still be opened."""

    def known(self, leaf_hashes: Sequence[bytes]) -> set[bytes]:
        """Return the leaves whose event is kept and opens its commitment."""
        found: set[bytes] = set()
        for first in range(0, len(leaf_hashes), LEAVES_AT_ONCE):
            part = [item.hex() for item in leaf_hashes[first : first + LEAVES_AT_ONCE]]
            rows = LedgerEvent.objects.filter(leaf__in=part)
            found |= {bytes.fromhex(row.leaf) for row in rows if holds(row)}
        return found


def content(row: LedgerEvent) -> dict[str, Any]:
    """Return what an event committed to."""
    committed: dict[str, Any] = json.loads(bytes(row.canonical))["content"]
    return committed


def differences() -> Iterator[str]:
    """Return a sentence (Chinese and English) for each record that differs from what was committed, is gone, or has no event."""
    for kind in kinds.kinds():
        yield from _differences_of(kind)
    for compare in kinds.comparisons():
        yield from compare()


def _differences_of(kind: kinds.RecordKind) -> Iterator[str]:
    code, title = kind.event.code, kind.event.title
    rows = LedgerEvent.objects.filter(kind=code).order_by()
    newest = dict(rows.values_list("identifier").annotate(newest=Max("pk")))
    numbers = sorted(newest.values())
    for first in range(0, len(numbers), LEAVES_AT_ONCE):
        found = list(LedgerEvent.objects.filter(pk__in=numbers[first : first + LEAVES_AT_ONCE]))
        now = kind.records([row.identifier for row in found])
        for row in found:
            if problem := _difference(row, now.get(row.identifier)):
                yield f"{title} {row.identifier}：{problem}"
    for identifier in kind.made() if kind.made else ():
        if identifier not in newest:
            yield f"{title} {identifier}：没有入账记录 / was not made through the program"


def _difference(row: LedgerEvent, now: kinds.Content | None) -> str:
    if not holds(row):
        return "承诺的内容被改动 / what was committed to was changed"
    if now is None:
        return "业务记录已不存在 / the record is gone"
    then = content(row)
    changed = [
        name
        for name in now
        # People may change their names, never their logins.
        if not name.endswith("_name") and canonical_json(now[name]) != canonical_json(then.get(name))
    ]
    return f"业务记录被改动 / the record was changed: {', '.join(changed)}" if changed else ""


def waiting() -> int:
    """Return how many events have no place in the ledger yet."""
    return LedgerEvent.objects.filter(position=None).count()


def events_about(code: str, identifiers: Iterable[object]) -> QuerySet[LedgerEvent]:
    """Return the events of a kind about some records."""
    return LedgerEvent.objects.filter(kind=code, identifier__in=[str(one) for one in identifiers])


def events_of(code: str) -> QuerySet[LedgerEvent]:
    """Return all events of a kind, oldest first."""
    return LedgerEvent.objects.filter(kind=code)


def events_below(kinds_begin: str, identifiers_begin: str) -> QuerySet[LedgerEvent]:
    """Return the events whose kind and identifier begin with two texts, oldest first."""
    return LedgerEvent.objects.filter(kind__startswith=kinds_begin, identifier__startswith=identifiers_begin)


def evidence(row: LedgerEvent) -> EventEvidence | None:
    """Return what opens an event in a bundle, None while it waits for its place."""
    if row.position is None:
        return None
    title = f"{kinds.kind(row.kind).event.title} {row.identifier}"
    return EventEvidence(title, bytes(row.canonical), bytes(row.salt), Place(row.shard, row.position))


def last_check() -> LedgerCheck | None:
    return LedgerCheck.objects.first()

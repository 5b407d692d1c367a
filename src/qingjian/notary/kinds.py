"""Kinds of business events that go into the ledger. A kind is added by registration.

The ledger shows a commitment only; kind, time and content are inside it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qingjian.ledger.commitments import SALT_SIZE, canonical_json, commitment, parse_canonical_json
from qingjian.ledger.entries import Event, encode_entry
from qingjian.notary.errors import NotaryError


@dataclass(frozen=True)
class EventKind:
    """A kind of event: its code, its name for people, and the fields its content must have."""

    code: str
    title: str
    required: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PreparedEvent:
    """An event ready for the same transaction as its record.

    Keep ``canonical`` and ``salt`` with the business record (they open the commitment), and put
    ``entry`` into the outbox.
    """

    kind: EventKind
    canonical: bytes
    salt: bytes
    entry: bytes


class EventKinds:
    """Registered kinds."""

    def __init__(self) -> None:
        self._kinds: dict[str, EventKind] = {}

    def register(self, code: str, title: str, required: set[str] | frozenset[str] = frozenset()) -> EventKind:
        """Add a kind; a code can be registered once, or again with exactly the same declaration."""
        kind = EventKind(code, title, frozenset(required))
        if self._kinds.setdefault(code, kind) != kind:
            raise NotaryError(f"the kind {code} is registered with another declaration")
        return kind

    def get(self, code: str) -> EventKind:
        if code not in self._kinds:
            raise NotaryError(f"未登记的事件种类 {code} / no such kind of event is registered")
        return self._kinds[code]

    def __iter__(self) -> Iterator[EventKind]:
        return iter(self._kinds.values())

    def prepare(
        self, code: str, identity: str, at: datetime, content: Mapping[str, Any], salt: bytes | None = None
    ) -> PreparedEvent:
        """Commit to an event. ``identity`` names the record, ``at`` is aware; salt is random unless given."""
        kind = self.get(code)
        if missing := sorted(kind.required - content.keys()):
            raise NotaryError(f"{kind.title} 缺少字段 {', '.join(missing)} / fields are missing")
        moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        canonical = canonical_json(
            {"v": 1, "kind": code, "id": identity, "at": moment, "content": dict(content)}
        )
        salt = secrets.token_bytes(SALT_SIZE) if salt is None else salt
        return PreparedEvent(kind, canonical, salt, encode_entry(Event(commitment(canonical, salt))))


def opens(entry: Event, canonical: bytes, salt: bytes) -> bool:
    """Whether canonical bytes and salt open the commitment of an entry."""
    parse_canonical_json(canonical)
    return commitment(canonical, salt) == entry.commitment

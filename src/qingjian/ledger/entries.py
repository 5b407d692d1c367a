"""Entries of the ledger: canonical JSON objects, public, without anything private in them.

=========  ===========================================================================
``start``  first leaf of every shard: its origin, why it starts, its keys, and the last
           checkpoint of the log before it
``frames`` a batch of frames: journal, first and last sequence, root
``day``    a sealed day: root over its series-days, their number, the seal it replaces
``event``  a commitment to a business event; even its kind is inside the commitment
``key``    a key of this log that is added or retired, or the key of the log that follows
=========  ===========================================================================
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qingjian.ledger.checkpoint import Checkpoint
from qingjian.ledger.commitments import canonical_json, parse_canonical_json
from qingjian.ledger.errors import MalformedError
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import MAX_ENTRY

VERSION = 1
_HASH = re.compile(r"[0-9a-f]{64}")


class StartReason(enum.StrEnum):
    """Why a log starts."""

    FIRST = "first"
    NEW_YEAR = "new-year"
    KEY_LOST = "key-lost"
    KEY_COMPROMISED = "key-compromised"
    HISTORY_LOST = "history-lost"


class KeyAction(enum.StrEnum):
    """What happens to a key."""

    ADD = "add"
    RETIRE = "retire"
    SUCCESSOR = "successor"


@dataclass(frozen=True)
class Start:
    """First leaf of a log. ``previous`` is the last known head of the log before, None for the first."""

    origin: str
    reason: StartReason
    keys: tuple[VerifierKey, ...]
    previous: Checkpoint | None = None

    kind = "start"

    def fields(self) -> dict[str, Any]:
        previous = self.previous and {
            "origin": self.previous.origin,
            "size": self.previous.size,
            "root": self.previous.root.hex(),
        }
        keys = [key.encode() for key in self.keys]
        return {"origin": self.origin, "reason": self.reason.value, "keys": keys, "previous": previous}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Start:
        previous = fields["previous"]
        if previous is not None:
            previous = Checkpoint(previous["origin"], previous["size"], _hash(previous["root"]))
        keys = tuple(VerifierKey.parse(key) for key in fields["keys"])
        return cls(fields["origin"], StartReason(fields["reason"]), keys, previous)


@dataclass(frozen=True)
class Frames:
    """A frame batch."""

    journal: str
    first: int
    last: int
    root: bytes

    kind = "frames"

    def fields(self) -> dict[str, Any]:
        return {"journal": self.journal, "first": self.first, "last": self.last, "root": self.root.hex()}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Frames:
        return cls(str(fields["journal"]), int(fields["first"]), int(fields["last"]), _hash(fields["root"]))


@dataclass(frozen=True)
class Day:
    """A sealed day. ``revision`` counts from 1; ``supersedes`` is the root of the seal it replaces."""

    day: datetime.date
    revision: int
    root: bytes
    series_days: int
    supersedes: bytes | None = None

    kind = "day"

    def fields(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "revision": self.revision,
            "root": self.root.hex(),
            "series_days": self.series_days,
            "supersedes": self.supersedes and self.supersedes.hex(),
        }

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Day:
        old = fields["supersedes"]
        return cls(
            datetime.date.fromisoformat(fields["day"]),
            int(fields["revision"]),
            _hash(fields["root"]),
            int(fields["series_days"]),
            None if old is None else _hash(old),
        )


@dataclass(frozen=True)
class Event:
    """Commitment to a business event (see ``commitments``)."""

    commitment: bytes

    kind = "event"

    def fields(self) -> dict[str, Any]:
        return {"commitment": self.commitment.hex()}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Event:
        return cls(_hash(fields["commitment"]))


@dataclass(frozen=True)
class KeyChange:
    """A key is added, retired, or announced as that of the log that follows."""

    action: KeyAction
    key: VerifierKey

    kind = "key"

    def fields(self) -> dict[str, Any]:
        return {"action": self.action.value, "key": self.key.encode()}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> KeyChange:
        return cls(KeyAction(fields["action"]), VerifierKey.parse(fields["key"]))


Entry = Start | Frames | Day | Event | KeyChange
_KINDS: dict[str, type[Start] | type[Frames] | type[Day] | type[Event] | type[KeyChange]] = {
    item.kind: item for item in (Start, Frames, Day, Event, KeyChange)
}


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise MalformedError(f"not a hash: {text!r}")
    return bytes.fromhex(text)


def encode_entry(entry: Entry) -> bytes:
    """Canonical bytes of an entry; these are what the leaf hash covers."""
    data = canonical_json({"v": VERSION, "kind": entry.kind, **entry.fields()})
    if len(data) > MAX_ENTRY:
        raise MalformedError(f"an entry of {len(data)} bytes is longer than {MAX_ENTRY}")
    return data


def parse_entry(data: bytes) -> Entry:
    """Entry from its bytes; MalformedError when they are not the one spelling of a known entry."""
    fields = parse_canonical_json(data)
    if not isinstance(fields, dict) or fields.get("v") != VERSION or fields.get("kind") not in _KINDS:
        raise MalformedError("not an entry of a known kind")
    try:
        entry = _KINDS[fields["kind"]].of(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"not a readable {fields['kind']} entry: {error}") from error
    if encode_entry(entry) != data:
        raise MalformedError(f"a {fields['kind']} entry with unknown fields")
    return entry

"""Sub-packets put together again, in both styles found in the field, bounded in number, size and time.

*Standing alone* (2017 tables C.49 and C.50): every sub-packet has its own QN and a complete CP that starts with
``DataTime=``. It is passed on as it is; whoever stores it merges the factors of one (MN, CN, DataTime).

*Joined text* (seen in open code): the CP texts of PNO 1..n make one CP. Only PNO 1 starts with ``DataTime=``.

A first packet fits both styles, so it is held until the next one tells them apart, or until the timeout. One that comes
after a sibling with its own DataTime (sent again because it arrived damaged, or because its answer was lost) stands
alone like that sibling.
"""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from qingjian.hj212.content import Data, parse_data
from qingjian.hj212.message import Message


class Key(NamedTuple):
    """What belongs together."""

    mn: str
    cn: str
    pnum: int


class Kin(NamedTuple):
    """What sub-packets that stand alone have in common."""

    key: Key
    datatime: bytes


class Whole(NamedTuple):
    """A data area to use. ``messages``: its sub-packets by PNO, one when nothing was joined.

    ``reason`` is the one of `Dropped` for a first packet whose followers never came: its last value may be cut off.
    """

    messages: tuple[Message, ...]
    data: Data
    reason: str = ""

    @property
    def complete(self) -> bool:
        return not self.reason


class Dropped(NamedTuple):
    """Pieces of text given up; ``reason``: ``timeout``, ``replaced`` (a PNO came again with other text), ``crowded``."""

    key: Key
    messages: tuple[Message, ...]
    reason: str


class Outcome(NamedTuple):
    """What a step yields: data areas to use, pieces given up, and sub-packets that had come before with the same text."""

    wholes: list[Whole]
    dropped: list[Dropped]
    repeated: list[Message]


@dataclass(slots=True)
class _Collection:
    begun: datetime
    parts: dict[int, Message] = field(default_factory=dict)
    size: int = 0

    def put(self, pno: int, message: Message) -> bool:
        """Keep a part; False when it is there already."""
        if pno in self.parts:
            return False
        self.parts[pno] = message
        self.size += len(message.cp)
        return True


class Reassembler:
    """Collects sub-packets. Time is passed in; nothing is read from a clock.

    At most ``maximum_open`` collections of at most ``maximum_bytes`` of CP text each are held; of at most
    ``maximum_alone`` sub-packets it is remembered, for the time ``remember``, that they stood alone.
    """

    __slots__ = (
        "_alone",
        "_collections",
        "_maximum_alone",
        "_maximum_bytes",
        "_maximum_open",
        "_remember",
        "_timeout",
    )

    def __init__(
        self,
        timeout: timedelta = timedelta(minutes=2),
        maximum_open: int = 16,
        maximum_bytes: int = 256 * 1024,
        remember: timedelta = timedelta(minutes=10),
        maximum_alone: int = 2_000,
    ) -> None:
        self._timeout = timeout
        self._maximum_open = maximum_open
        self._maximum_bytes = maximum_bytes
        self._remember = remember
        self._maximum_alone = maximum_alone
        self._collections: dict[Key, _Collection] = {}
        self._alone: dict[Kin, datetime] = {}

    @property
    def open(self) -> int:
        """Number of collections that wait for more."""
        return len(self._collections)

    def add(self, message: Message, now: datetime) -> Outcome:
        """Take the next message of the connection, sub-packet or not."""
        outcome = self.expire(now)
        pnum, pno = message.pnum, message.pno
        if pnum is None or pno is None or not 1 <= pno <= pnum or pnum == 1:
            outcome.wholes.append(_alone(message))
            return outcome
        key = Key(message.mn, message.cn, pnum)
        kin = kin_of(message)
        if kin is not None and pno > 1:
            self._give_up(key, "replaced", outcome, first_stands_alone=True)
            self._alone.pop(kin, None)
            self._alone[kin] = now
            if len(self._alone) > self._maximum_alone:
                del self._alone[next(iter(self._alone))]
            outcome.wholes.append(_alone(message))
            return outcome
        if kin is not None and kin in self._alone:
            outcome.wholes.append(_alone(message))
            return outcome
        collection = self._collections.get(key)
        if collection is not None:
            known = collection.parts.get(pno)
            if known is not None and known.cp != message.cp:
                self._give_up(key, "replaced", outcome)
                collection = None
        if collection is None:
            if len(self._collections) >= self._maximum_open:
                self._give_up(next(iter(self._collections)), "crowded", outcome)
            collection = self._collections[key] = _Collection(now)
        if not collection.put(pno, message):
            outcome.repeated.append(message)
        elif len(collection.parts) == pnum:
            del self._collections[key]
            messages = tuple(collection.parts[number] for number in range(1, pnum + 1))
            joined = b"".join(part.cp for part in messages)
            data = parse_data(joined, message.edition, message.cn, message.without)
            outcome.wholes.append(Whole(messages, data))
        elif collection.size > self._maximum_bytes:
            self._give_up(key, "crowded", outcome)
        return outcome

    def expire(self, now: datetime) -> Outcome:
        """Settle what has waited longer than the timeout."""
        outcome = Outcome([], [], [])
        # Collections stand in the order in which they were begun, so the first one in time ends the search.
        while self._collections:
            key = next(iter(self._collections))
            if now - self._collections[key].begun <= self._timeout:
                break
            self._give_up(key, "timeout", outcome)
        while self._alone:
            kin = next(iter(self._alone))
            if now - self._alone[kin] <= self._remember:
                break
            del self._alone[kin]
        return outcome

    def stood_alone(self) -> KeysView[Kin]:
        """Of which sub-packets it is remembered that one of them, not the first, stood alone; longest remembered first."""
        return self._alone.keys()

    def waiting(self) -> list[Message]:
        """The messages held back, collection by collection in the order in which these were begun."""
        return [message for collection in self._collections.values() for message in collection.parts.values()]

    def _give_up(self, key: Key, reason: str, outcome: Outcome, *, first_stands_alone: bool = False) -> None:
        collection = self._collections.pop(key, None)
        if collection is None:
            return
        first = collection.parts.get(1)
        if len(collection.parts) == 1 and first is not None and first.cp.startswith(b"DataTime="):
            outcome.wholes.append(Whole((first,), first.data, "" if first_stands_alone else reason))
            return
        messages = tuple(collection.parts[number] for number in sorted(collection.parts))
        outcome.dropped.append(Dropped(key, messages, reason))


def _alone(message: Message) -> Whole:
    return Whole((message,), message.data)


def kin_of(message: Message) -> Kin | None:
    """What a sub-packet has in common with its siblings if it stands alone; None when it has no DataTime of its own."""
    if not message.cp.startswith(b"DataTime="):
        return None
    return Kin(Key(message.mn, message.cn, message.pnum or 0), message.cp.partition(b";")[0])

"""Sub-packets of one journal put together before they are decoded, in both styles found in the field.

What waits for its siblings, and of what it is remembered that it stood alone, is a function of the journal alone, so the
sequences of these frames (they stand in the batch log) are enough to go on after a restart with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from qingjian.hj212.message import Message
from qingjian.hj212.reassembly import Dropped, Kin, Outcome, Reassembler, kin_of
from qingjian.journal import Frame

TIMEOUT = timedelta(minutes=2)
_MOST_OPEN = 20_000
_MOST_BYTES = 64 * 1024


class Part(NamedTuple):
    """A message to decode: the frame its values are ascribed to, and all frames it was put together from."""

    message: Message
    frame: Frame
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Sub-packets given up: what came, what did not, and why."""

    journal: str
    mn: str
    command: str
    packets: int
    came: tuple[int, ...]
    reason: str
    """timeout, replaced (a number came again with another text) or crowded; as in `hj212.reassembly.Dropped`."""
    first_us: int
    """When the first of them was received, microseconds since 1970."""
    sequences: tuple[int, ...]


class Parts:
    """The sub-packets of one journal that wait. Frames go in in the order of the journal."""

    def __init__(self) -> None:
        self._reassembler = Reassembler(TIMEOUT, _MOST_OPEN, _MOST_BYTES)
        self._frames: dict[int, Frame] = {}
        """Id of a waiting message → its frame; the reassembler keeps the message alive as long."""
        self._alone: dict[Kin, int] = {}
        """What stood alone → sequence of its frame, as long as the reassembler remembers it."""

    @property
    def open(self) -> bool:
        """Whether there is anything that time settles."""
        return bool(self._reassembler.open or self._reassembler.stood_alone())

    def add(self, message: Message, frame: Frame) -> tuple[list[Part], list[Missing]]:
        """Take a sub-packet; returns what can be decoded now and what was given up."""
        self._frames[id(message)] = frame
        settled = self._settle(self._reassembler.add(message, frame.received_at), frame)
        kin = kin_of(message)
        if kin is not None and (message.pno or 0) > 1 and kin in self._reassembler.stood_alone():
            self._alone[kin] = frame.sequence
        return settled

    def expire(self, frame: Frame) -> tuple[list[Part], list[Missing]]:
        """Give up what had waited too long when a frame was received."""
        return self._settle(self._reassembler.expire(frame.received_at), frame)

    def sequences(self) -> list[int]:
        """Return the sequences of the frames that wait or stood alone, in the order in which they must be added again."""
        self._alone = {kin: self._alone[kin] for kin in self._reassembler.stood_alone()}
        waiting = [self._frames[id(one)].sequence for one in self._reassembler.waiting()]
        return sorted([*waiting, *self._alone.values()])

    def _settle(self, outcome: Outcome, last: Frame) -> tuple[list[Part], list[Missing]]:
        parts = []
        missing = [self._missing(dropped) for dropped in outcome.dropped]
        for whole in outcome.wholes:
            frames = tuple(self._frames.pop(id(message)) for message in whole.messages)
            message = whole.messages[0]
            if len(frames) > 1:
                message = message.with_data_area(b"".join(one.cp for one in whole.messages))
            elif not whole.complete:
                missing.append(_of_one(message, frames[0], whole.reason))
                message = message.with_data_area(_without_last_group(message.cp))
            parts.append(Part(message, last if len(frames) > 1 else frames[0], frames))
        for message in outcome.repeated:
            del self._frames[id(message)]
        return parts, missing

    def _missing(self, dropped: Dropped) -> Missing:
        frames = [self._frames.pop(id(message)) for message in dropped.messages]
        return Missing(
            frames[0].journal,
            frames[0].mn,
            dropped.key.cn,
            dropped.key.pnum,
            tuple(sorted(_numbers(dropped.messages))),
            dropped.reason,
            min(frame.received_us for frame in frames),
            tuple(sorted(frame.sequence for frame in frames)),
        )


def _numbers(messages: Iterable[Message]) -> list[int]:
    return [one.pno for one in messages if one.pno is not None]


def _of_one(message: Message, frame: Frame, reason: str) -> Missing:
    """A first sub-packet whose followers never came."""
    return Missing(
        frame.journal,
        frame.mn,
        message.cn,
        message.pnum or 0,
        (message.pno or 1,),
        reason,
        frame.received_us,
        (frame.sequence,),
    )


def _without_last_group(cp: bytes) -> bytes:
    """Leave out all of the last factor: where the texts were to be joined a value may be cut off, or stand without its mark."""
    cp, last = _cut(cp)
    before = _factor(_cut(cp)[1])
    # The text may be cut within a name: of w01018 only w01 is there.
    if before.startswith(_factor(last)):
        while cp and _factor(_cut(cp)[1]) == before:
            cp, _ = _cut(cp)
    return cp


def _cut(cp: bytes) -> tuple[bytes, bytes]:
    """Return a data area without its last field, and that field."""
    place = max(cp.rfind(b";"), cp.rfind(b","))
    return cp[: max(place, 0)], cp[place + 1 :]


def _factor(field: bytes) -> bytes:
    return field.partition(b"=")[0].partition(b"-")[0]

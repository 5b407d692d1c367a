"""Sub-packets of one journal put together before they are decoded, in both styles found in the field.

What waits for its siblings is a function of the journal alone, so the sequences of the waiting frames (they stand in
the batch log) are enough to go on after a restart with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from qingjian.hj212.message import Message
from qingjian.hj212.reassembly import Dropped, Outcome, Reassembler
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

    @property
    def open(self) -> bool:
        return bool(self._reassembler.open)

    def add(self, message: Message, frame: Frame) -> tuple[list[Part], list[Missing]]:
        """Take a sub-packet; returns what can be decoded now and what was given up."""
        self._frames[id(message)] = frame
        return self._settle(self._reassembler.add(message, frame.received_at), frame)

    def expire(self, frame: Frame) -> tuple[list[Part], list[Missing]]:
        """Give up what had waited too long when a frame was received."""
        return self._settle(self._reassembler.expire(frame.received_at), frame)

    def sequences(self) -> list[int]:
        """Return the sequences of the frames that wait, in the order in which they must be added again."""
        return sorted(self._frames[id(one)].sequence for one in self._reassembler.waiting())

    def _settle(self, outcome: Outcome, last: Frame) -> tuple[list[Part], list[Missing]]:
        parts = []
        missing = [self._missing(dropped) for dropped in outcome.dropped]
        for whole in outcome.wholes:
            frames = tuple(self._frames.pop(id(message)) for message in whole.messages)
            message = whole.messages[0]
            if len(frames) > 1:
                message = message.with_data_area(b"".join(one.cp for one in whole.messages))
            elif not whole.complete:
                missing.append(_of_one(message, frames[0]))
                message = message.with_data_area(_without_last(message.cp))
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


def _of_one(message: Message, frame: Frame) -> Missing:
    """A first sub-packet whose followers never came."""
    return Missing(
        frame.journal,
        frame.mn,
        message.cn,
        message.pnum or 0,
        (message.pno or 1,),
        "timeout",
        frame.received_us,
        (frame.sequence,),
    )


def _without_last(cp: bytes) -> bytes:
    """Leave out the last value: where the texts were to be joined it may be cut off."""
    return cp[: max(cp.rfind(b";"), cp.rfind(b","), 0)]

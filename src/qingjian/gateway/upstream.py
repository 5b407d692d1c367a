"""A connection to an upper platform in the role of a field device."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qingjian.contracts.clock import Clock
from qingjian.contracts.directory import Target
from qingjian.gateway.keepalive import keep_alive
from qingjian.gateway.waiting import within
from qingjian.hj212 import encoder
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy

PolicyOf = Callable[[str], Policy | None]
KEEPALIVE_SECONDS = 60.0
"""A target that vanished is noticed within one and a half minutes, also while there is nothing to send."""
_REFUSED = 2
"""QnRtn 2: commands of the upper platform are not passed on."""


@dataclass(slots=True)
class Outgoing:
    """A frame on its way to a target."""

    sequence: int
    content: bytes
    qn: str
    mn: str
    cn: str
    asked: bool
    """Whether the frame asks for a 9014."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the target acknowledged it; of a frame that asks for nothing once the target's system confirmed its bytes."""


def outgoing(sequence: int, message: Message, target: Target, policy: Policy | None) -> Outgoing:
    """Return a stored frame in the form the target is to get.

    MN and password are exchanged where the target wants it, and length and check are made anew, so that a device's
    own way of writing them does not reach the target; everything else stays as it came. EncodingError when the header
    cannot be written.
    """
    fields = dict(message.fields)
    own = message.mn
    if own:
        fields["MN"] = target.mn.get(own, own)
    if target.password and "PW" in fields:
        fields["PW"] = target.password
    segment = encoder.segment_of(fields.items(), message.cp)
    key = policy.sm4_key if policy is not None else None
    if message.encrypted and key is not None:
        content = encoder.encrypted_frame(segment, key, message.encrypted)
    else:
        content = encoder.frame(segment)
    return Outgoing(
        sequence, content, message.qn or "", fields.get("MN", ""), message.cn, message.need_answer
    )


class Upstream:
    """One open connection; raises ConnectionError or OSError when it fails."""

    def __init__(
        self, target: Target, clock: Clock, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._target = target
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._waiting: list[Outgoing] = []
        self._listening: asyncio.Future[Any] = asyncio.ensure_future(self._listen())

    @classmethod
    async def open(cls, target: Target, clock: Clock, seconds: float) -> Upstream:
        """Connect; TimeoutError when nobody answers in time."""
        connecting = asyncio.ensure_future(asyncio.open_connection(target.host, target.port))
        if not await within(clock, seconds, connecting):
            raise TimeoutError(f"no connection within {seconds:.0f} s")
        reader, writer = connecting.result()
        keep_alive(writer.get_extra_info("socket"), KEEPALIVE_SECONDS)
        return cls(target, clock, reader, writer)

    async def deliver(self, frames: list[Outgoing], *, seconds: float, resends: int) -> list[Outgoing]:
        """Send frames together and return those that were not acknowledged although they asked for it.

        A frame that asks for nothing counts as delivered once the target's system has confirmed its bytes.
        """
        self._waiting = [one for one in frames if one.asked]
        for attempt in range(resends + 1):
            todo = frames if attempt == 0 else [one for one in self._waiting if not one.answered.is_set()]
            for one in todo:
                self._writer.write(one.content)
            await self._writer.drain()
            if await within(self._clock, seconds, self._all_answered()):
                break
            if self.is_closed:
                break
        if self.is_closed and not any(one.answered.is_set() for one in self._waiting):
            raise ConnectionResetError("the target closed the connection")
        if any(not one.asked for one in frames) and not await within(self._clock, seconds, self._confirmed()):
            raise TimeoutError("the target's system confirms nothing")
        for one in frames:
            if not one.asked:
                one.answered.set()
        return [one for one in self._waiting if not one.answered.is_set()]

    @property
    def is_closed(self) -> bool:
        """Whether the target ended the connection."""
        return self._listening.done()

    async def _all_answered(self) -> None:
        for one in self._waiting:
            while not one.answered.is_set() and not self.is_closed:
                answer: asyncio.Future[Any] = asyncio.ensure_future(one.answered.wait())
                try:
                    await asyncio.wait({answer, self._listening}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    answer.cancel()

    async def _confirmed(self) -> None:
        """Wait until no byte is left in the system's send queue."""
        socket = self._writer.get_extra_info("socket")
        while True:
            if self.is_closed:
                raise ConnectionResetError("the target closed the connection")
            left = struct.unpack("i", fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
            if not left:
                return
            await self._clock.sleep(0.02)

    async def _listen(self) -> None:
        framer = Framer()
        try:
            while content := await self._reader.read(65_536):
                for stretch in framer.feed(content):
                    if stretch.message is not None:
                        self._heard(stretch.message)
        except OSError:
            return

    def _heard(self, message: Message) -> None:
        if message.cn == "9014":
            qn = message.answered_qn or ""
            for one in self._waiting:
                if one.qn == qn and message.mn in ("", one.mn) and not one.answered.is_set():
                    one.answered.set()
                    break
        elif not message.cn.startswith("901") and message.need_answer and message.qn:
            sender = encoder.Sender(message.edition, message.st, message.pw, message.mn)
            try:
                self._writer.write(sender.request_answer(message.qn, _REFUSED))
            except encoder.EncodingError:
                return  # a request that cannot be answered in a form the target reads is left alone

    async def close(self) -> None:
        self._listening.cancel()
        self._writer.close()
        await asyncio.gather(self._listening, return_exceptions=True)

"""Simulated data loggers on real sockets: connect, reconnect with growing pauses, misbehave when told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from qingjian.contracts.clock import Clock
from qingjian.simulator.logger import FieldLogger
from qingjian.simulator.quirks import QUIRKS, misbehave
from qingjian.simulator.synthesis import key_of

LOG = structlog.get_logger("qingjian.simulator")

TICK = 0.25
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
CONNECT_SECONDS = 10.0
_UNREAD = 256 * 1024
"""Bytes the host has not taken; beyond it a link does not produce more."""


class UnreachedError(OSError):
    """Nobody ever answered at the host's address, as often as it was tried."""


class _Socket(asyncio.Protocol):
    """One TCP connection of a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            self._link.on_open(self)

    def data_received(self, data: bytes) -> None:
        self._link.on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._link.on_lost(self)


class Link:
    """The connection of one logger to one host."""

    def __init__(
        self, logger: FieldLogger, host: str, port: int, clock: Clock, quirks: Sequence[str] = ()
    ) -> None:
        """KeyError for an unknown quirk; ValueError for quirks on a logger that encrypts."""
        for code in quirks:
            QUIRKS[code]
        if quirks and logger.identity.sm4_key is not None:
            raise ValueError(
                f"加密设备不能加怪癖 / quirks need a device that does not encrypt: {logger.identity.mn}"
            )
        self.logger = logger
        self.connects = 0
        self.failures = 0
        """Times the host could not be reached since it was reached last."""
        self.problem = ""
        """Why the host could not be reached the last time it was tried; "" once it was."""
        self._host = host
        self._port = port
        self._clock = clock
        self._quirks = tuple(quirks)
        self._sockets: list[_Socket] = []
        self._connecting: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self._next_try = clock.monotonic()
        self._pieces: deque[bytes] = deque()
        self._turn = 0
        self._closing = False

    def on_open(self, socket: _Socket) -> None:
        self.connects += 1
        self.failures = 0
        self.problem = ""
        self._pause = FIRST_PAUSE
        self._sockets.append(socket)
        if len(self._sockets) == 1:
            self._write(self.logger.on_connect(self._clock.now()))

    def on_data(self, data: bytes) -> None:
        self._write(self.logger.on_bytes(data, self._clock.now()))

    def on_lost(self, socket: _Socket) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
        if not self._sockets and self.logger.connected:
            self.logger.on_disconnect()
            self._pieces.clear()
            self._wait_longer()

    def on_time(self) -> None:
        """Let time pass: connect when it is time, deliver what is due."""
        now = self._clock.now()
        if self._unread() > _UNREAD:
            return
        self._write(self.logger.on_time(now))
        if self._pieces:
            self._send(self._pieces.popleft())
        if self.logger.link_unusable:
            self.close()
        wanted = 2 if "second_connection" in self._quirks else 1
        ready = self._connecting is None or self._connecting.done()
        if len(self._sockets) < wanted and ready and self._clock.monotonic() >= self._next_try:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def close(self) -> None:
        """Close every connection of this link."""
        self.logger.link_unusable = False
        for socket in tuple(self._sockets):
            if socket.transport is not None:
                socket.transport.close()

    async def stop(self) -> None:
        """Close and wait until nothing is connecting any more."""
        self._closing = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        self.close()

    async def _connect(self) -> None:
        if self._closing:
            return
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: _Socket(self), self._host, self._port)
        except OSError as error:  # TimeoutError is one of them
            self.failures += 1
            self.problem = f"{self._host}:{self._port}: {error.strerror or type(error).__name__}"
            self._wait_longer()

    def _wait_longer(self) -> None:
        # Loggers of one fleet must not come back all at once; the share differs by MN and stays the same.
        spread = 0.75 + key_of(f"{self.logger.identity.mn}{self.connects}") % 500 / 1000
        self._next_try = self._clock.monotonic() + self._pause * spread
        self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _unread(self) -> int:
        return max(
            (one.transport.get_write_buffer_size() for one in self._sockets if one.transport is not None),
            default=0,
        )

    def _write(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            writes = misbehave(frame, self._quirks) if self._quirks else [frame]
            for piece in writes:
                # Pieces of a cut frame go out one a tick, or the operating system would join them again.
                if "halves" in self._quirks:
                    self._pieces.append(piece)
                else:
                    self._send(piece)

    def _send(self, data: bytes) -> None:
        if self._sockets:
            self._turn += 1
            transport = self._sockets[self._turn % len(self._sockets)].transport
            if transport is not None:
                transport.write(data)


@dataclass(frozen=True, slots=True)
class FleetState:
    """Sums over a fleet."""

    loggers: int
    connected: int
    uploaded: int
    acknowledged: int
    waiting: int
    dropped: int


class Fleet:
    """Runs links until told to stop, or until every logger has delivered all it will ever have.

    `tries`: after so many failed tries of each link, when no link was ever connected, it gives up (0: never). `say` is
    told once that nobody gets through, and once that somebody does; without it the log is.
    """

    def __init__(
        self,
        links: Sequence[Link],
        clock: Clock,
        *,
        tries: int = 0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.links = tuple(links)
        self._clock = clock
        self._problem = ""
        self._tries = tries
        self._say = say

    def state(self) -> FleetState:
        loggers = [link.logger for link in self.links]
        return FleetState(
            len(loggers),
            sum(one.connected for one in loggers),
            sum(one.uploaded for one in loggers),
            sum(one.acknowledged for one in loggers),
            sum(one.waiting for one in loggers),
            sum(one.dropped for one in loggers),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set or all is delivered; then close every connection.

        UnreachedError when nobody ever answered in as many tries as were set.
        """
        try:
            while not stop.is_set() and not all(link.logger.idle for link in self.links):
                for link in self.links:
                    link.on_time()
                self._tell()
                self._give_up_unreached()
                await self._clock.sleep(TICK)
        finally:
            await asyncio.gather(*(link.stop() for link in self.links))

    def _tell(self) -> None:
        """Say once that nobody gets through, and once that somebody does again."""
        reached = any(link.logger.connected for link in self.links)
        problem = "" if reached else next((link.problem for link in self.links if link.problem), "")
        if problem and not self._problem:
            if self._say is None:
                LOG.warning("no device reaches the host; they go on trying", reason=problem)
            else:
                self._say(f"连不上 {problem}；继续尝试 / cannot reach {problem}; trying on")
        elif reached and self._problem:
            if self._say is None:
                LOG.info("the host is reached again")
            else:
                self._say("已连上 / reached")
        if problem or reached:
            self._problem = problem

    def _give_up_unreached(self) -> None:
        if self._tries and all(link.connects == 0 and link.failures >= self._tries for link in self.links):
            raise UnreachedError(self._problem)

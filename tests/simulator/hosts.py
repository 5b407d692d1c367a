"""A small host for tests: listens on loopback, answers through the protocol library, remembers what came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from qingjian.contracts.clock import Clock, ManualClock, SystemClock
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Message
from qingjian.hj212.model import Refusal
from qingjian.hj212.policy import Policy
from qingjian.hj212.sessions import host
from qingjian.hj212.sessions.actions import Acknowledge, Action, Command, Send


class SteppedClock(ManualClock):
    """A manual clock whose sleepers let the event loop carry bytes over loopback before time moves on."""

    async def sleep(self, seconds: float) -> None:
        for _ in range(30):
            await asyncio.sleep(0)
        self.advance(seconds)


@dataclass
class Station:
    """What the host keeps of one MN."""

    state: host.HostState
    messages: list[Message] = field(default_factory=list)
    events: list[Action] = field(default_factory=list)
    writer: asyncio.Transport | None = None


class Host(asyncio.Protocol):
    """One instance per connection; `stations` is shared."""

    def __init__(self, shared: Listening) -> None:
        self._shared = shared
        self._framer = Framer(policy_for=shared.policies.get)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._shared.transports.append(transport)

    def data_received(self, data: bytes) -> None:
        for stretch in self._framer.feed(data):
            if stretch.message is None:
                assert stretch.refusal is not None
                self._shared.refusals.append(stretch.refusal)
                continue
            self._shared.on_message(stretch.message, self._transport)


class Listening:
    """The listening host."""

    def __init__(self, clock: Clock, policies: dict[str, Policy] | None = None) -> None:
        self.policies = policies or {}
        self.stations: dict[str, Station] = {}
        self.refusals: list[Refusal] = []
        self.transports: list[asyncio.Transport] = []
        self.answers = True
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.get_running_loop().create_server(lambda: Host(self), "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for transport in self.transports:
            transport.abort()
        await asyncio.sleep(0)

    def station(self, mn: str) -> Station:
        if mn not in self.stations:
            policy = self.policies.get(mn, Policy())
            self.stations[mn] = Station(host.new(mn, policy=policy))
        return self.stations[mn]

    def on_message(self, message: Message, transport: asyncio.Transport | None) -> None:
        station = self.station(message.mn)
        station.messages.append(message)
        station.writer = transport
        station.state, actions = host.on_message(station.state, message, self._clock.now())
        self._carry_out(station, actions)

    def command(self, mn: str, command: Command) -> None:
        station = self.station(mn)
        station.state, actions = host.on_command(station.state, command, self._clock.now())
        self._carry_out(station, actions)

    def _carry_out(self, station: Station, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                assert station.writer is not None
                station.writer.write(action.data)
            elif isinstance(action, Acknowledge):
                if self.answers and station.writer is not None:
                    station.writer.write(action.data)
            else:
                station.events.append(action)


async def until(condition: Callable[[], bool], clock: Clock, limit: int = 4000) -> None:
    """Wait in steps of the tested clock's own pace; fails the test instead of hanging."""
    for _ in range(limit):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"nothing happened by {clock.now():%H:%M:%S}")


def items(message: Message) -> dict[str, str]:
    """Return factor-suffix → value of a message."""
    return {f"{one.factor}-{one.suffix}": one.value for one in message.items}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def listening() -> Iterator[tuple[Listening, int]]:
    """Run a host in a thread of its own."""
    found: dict[str, object] = {}
    ready, stop = threading.Event(), threading.Event()

    async def work() -> None:
        host = Listening(SystemClock())
        found["port"] = await host.start()
        found["host"] = host
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.02)
        await host.stop()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(120)
    try:
        yield found["host"], found["port"]  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(120)

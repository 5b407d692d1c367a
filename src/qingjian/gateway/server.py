"""The gateway of one process: listeners, connections, and the work done once a second."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import sqlite3
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.directory import DirectoryStore
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.commit import GroupCommit
from qingjian.gateway.connection import Connection
from qingjian.gateway.devices import Devices
from qingjian.gateway.dialogue import Dialogue
from qingjian.gateway.exchange import Exchange, Turn
from qingjian.gateway.link import Link
from qingjian.gateway.metrics import Counters
from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.gateway.quarantine import Quarantine, QuarantineStore
from qingjian.gateway.registry import HARDWARE, Network, Registered, Registry, contains
from qingjian.gateway.settings import GatewaySettings
from qingjian.gateway.store import to_us
from qingjian.gateway.waiting import within
from qingjian.hj212.message import Message
from qingjian.journal import JournalWriter, Kind, NewFrame, now_microseconds

LOG = structlog.get_logger("qingjian.gateway")


class Gateway:
    """Everything of one gateway process that lives in its event loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        directory: DirectoryStore,
        journal: JournalWriter,
        presence: SqlitePresenceStore,
        quarantine: QuarantineStore,
        commands: SqliteCommandQueue,
        first_connection: int = 1,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.registry = Registry(directory, clock)
        self.counters = Counters()
        self.quarantine = Quarantine(settings.limits, clock)
        self.commit = GroupCommit(journal, clock, on_flow=self._flow)
        self.devices = Devices(settings.name, presence.read())
        self._exchange = Exchange(settings.name, presence, quarantine, commands)
        self._dialogues: dict[str, Dialogue] = {}
        self._arrived: set[str] = set()
        self._gone: set[str] = set()
        self._connections: dict[Connection, None] = {}
        self._strangers: dict[Connection, None] = {}
        self._per_address: dict[str, int] = {}
        self._numbers = itertools.count(first_connection)
        self._held: set[Connection] = set()
        self._allowed: tuple[Network, ...] = networks(settings.allow)
        self._servers: list[asyncio.Server] = []
        self._draining = False
        self._all_lost = asyncio.Event()
        self._all_lost.set()
        self.stopped = False

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Listen; `port` and `tls_port` then name the ports."""
        settings = self.settings
        await self._exchange.release(self.clock.now())  # what a killed predecessor had claimed
        loop = asyncio.get_running_loop()
        wanted: list[tuple[int, ssl.SSLContext | None]] = [(settings.port, None)]
        if settings.tls_port is not None:
            wanted.append((settings.tls_port, tls_context(settings)))
        for port, context in wanted:
            self._servers.append(
                await loop.create_server(
                    lambda: Connection(self),
                    settings.host,
                    port,
                    ssl=context,
                    backlog=1_024,
                    reuse_port=settings.share_port or None,
                    ssl_handshake_timeout=settings.limits.half_frame_seconds if context else None,
                )
            )
        LOG.info("listening", gateway=settings.name, port=self.port, tls_port=self.tls_port)

    @property
    def port(self) -> int:
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int | None:
        return int(self._servers[1].sockets[0].getsockname()[1]) if len(self._servers) > 1 else None

    async def drain(self) -> int:
        """Take nothing new, finish what was received, close; returns how many frames could not be written."""
        self._draining = True
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.hold("drain")
        left = await self.commit.close(self.settings.drain_seconds)
        for connection in list(self._connections):
            connection.close("the gateway stops")
        if not await within(self.clock, self.settings.drain_seconds, self._all_lost.wait()):
            for connection in list(self._connections):
                connection.abort("the gateway stops")
            await asyncio.sleep(0)
        self._gone.update(self._dialogues)
        await self._take_turn()
        self._exchange.close()
        self.stopped = True
        LOG.info("stopped", gateway=self.settings.name, unwritten=left)
        return left

    async def tick(self) -> None:
        """Do what has to be done about once a second."""
        now = self.clock.monotonic()
        directory = await asyncio.get_running_loop().run_in_executor(None, self.registry.load)
        if self.registry.take(directory):
            self._directory_changed()
        for connection in list(self._connections):
            connection.tick(now)
        self.commit.tick()
        await self._take_turn()
        wall = self.clock.now()
        for dialogue in list(self._dialogues.values()):
            dialogue.tick(wall)

    # ------------------------------------------------------------------ connections

    def admit(self, connection: Connection) -> bool:
        """Register a new connection, or turn it away."""
        limits = self.settings.limits
        address = connection.address
        if (
            self._draining
            or (self._allowed and not any(contains(network, address) for network in self._allowed))
            or self._per_address.get(address, 0) >= limits.connections_per_address
            or (len(self._connections) >= limits.connections and not self._make_room())
        ):
            self.counters.connections_refused += 1
            return False
        self.counters.connections_opened += 1
        connection.number = next(self._numbers)
        self._connections[connection] = None
        self._all_lost.clear()
        self._per_address[address] = self._per_address.get(address, 0) + 1
        return True

    def _make_room(self) -> bool:
        """Close the oldest connection on which no registered device spoke; False when all are devices."""
        oldest = next((one for one in self._connections if not one.mns and one.is_open), None)
        if oldest is not None:
            oldest.abort("room for another connection")
        return oldest is not None

    def strange(self, connection: Connection) -> None:
        """A connection without a registered device sent something; only so many of these are kept."""
        self._strangers[connection] = None
        if len(self._strangers) > self.settings.limits.unregistered_connections:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.abort("too many unregistered connections")

    def lost(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        if self._connections.pop(connection, self) is self:
            return
        self._held.discard(connection)
        self._strangers.pop(connection, None)
        left = self._per_address[connection.address] - 1
        if left:
            self._per_address[connection.address] = left
        else:
            del self._per_address[connection.address]
        now = self.clock.now()
        for mn in connection.mns:
            state = self.devices.state(mn)
            if state.connection is connection:
                state.disconnect(now)
                self._give_back(mn)
            if mn.startswith(HARDWARE):
                self._dialogues.pop(mn, None)
        connection.mns.clear()
        if not self._connections:
            self._all_lost.set()

    def bind(self, mn: str, connection: Connection) -> None:
        """A registered device has shown itself on a connection; the newest connection wins."""
        state = self.devices.state(mn)
        holder = state.connection
        if holder is not None and holder.number > connection.number:
            return
        if holder is not None:
            holder.mns.discard(mn)
            if not holder.mns:
                self.counters.connections_replaced += 1
                holder.close("the device connected anew")
        connection.mns.add(mn)
        self._strangers.pop(connection, None)
        state.connect(connection, self.clock.now())
        self._arrived.add(mn)

    def connection_of(self, mn: str) -> Link | None:
        """Return the connection on which a device is spoken to."""
        state = self.devices.find(mn)
        return None if state is None else state.connection

    def stored(
        self, connection: Connection, mn: str, registered: Registered, message: Message, sequence: int
    ) -> None:
        """A frame is on disk: go on with the dialogue."""
        dialogue = self._dialogues.get(mn)
        if dialogue is None:
            dialogue = self._dialogues[mn] = Dialogue(self, mn, registered)
        dialogue.heard(connection, registered, message, sequence)

    def record_sent(self, mn: str, content: bytes, then: Callable[[int], None]) -> None:
        """Write down what a device is about to be sent."""
        connection = self.connection_of(mn)
        self.commit.submit(
            NewFrame(
                now_microseconds(self.clock),
                connection.peer if connection is not None else "",
                connection.number if connection is not None else 0,
                mn,
                Kind.SENT,
                content,
                directory_version=self.registry.version,
            ),
            then,
        )

    def report(self, command_id: str, then: Callable[[bool], None], **changes: Any) -> None:
        """Write a command's progress to the queue; `then` hears whether this process still holds the command."""
        self._exchange.report(command_id, self.clock.now(), then, changes)

    def _give_back(self, mn: str) -> None:
        dialogue = self._dialogues.get(mn)
        if dialogue is not None and dialogue.disconnected():
            self._gone.add(mn)

    def _directory_changed(self) -> None:
        now = self.clock.now()
        for state in self.devices.connected():
            if self.registry.find(state.mn) is None and state.connection is not None:
                state.connection.mns.discard(state.mn)
                state.disconnect(now)
                self._give_back(state.mn)

    # ------------------------------------------------------------------ flow

    def watch_flow(self, connection: Connection) -> None:
        """Hold a connection while too many frames of all wait for the disk."""
        if self.commit.waiting >= self.settings.limits.unflushed_frames_total:
            self._held.add(connection)
            connection.hold("all")

    def _flow(self) -> None:
        if self._held and self.commit.waiting * 2 <= self.settings.limits.unflushed_frames_total:
            for connection in self._held:
                connection.release("all")
            self._held.clear()

    # ------------------------------------------------------------------ exchange

    async def _take_turn(self) -> None:
        """Exchange with the other processes; what cannot be written now is written at the next turn."""
        turn = Turn(
            now=self.clock.now(),
            presence=self.devices.changes(),
            counts=self.quarantine.flush(),
            idle=[] if self._draining else self._idle_devices(),
            arrived=sorted(self._arrived),
            gone=sorted(self._gone),
        )
        self._arrived.clear()
        self._gone.clear()
        try:
            news = await self._exchange.turn(turn)
        except sqlite3.Error as error:
            LOG.error("the exchange folder cannot be written", reason=str(error))
            self.devices.changed_again(turn.presence)
            self.quarantine.give_back(turn.counts)
            self._arrived.update(turn.arrived)
            self._gone.update(turn.gone)
            return
        self.registry.take_secrets(news.secrets)
        self._yield_to_others(news.held_elsewhere)
        for mn, sent in itertools.groupby(news.sent, key=lambda one: one.mn):
            if mn in self._dialogues:
                self._dialogues[mn].know(sent)
        for command in news.adopted:
            holder = self._holder(command.mn)
            if holder is not None:
                holder.adopt(command)
        for command in news.claimed:
            holder = self._holder(command.mn)
            if holder is not None:
                holder.give(command)

    def _holder(self, mn: str) -> Dialogue | None:
        """Return the dialogue of a connected device; what was claimed for any other is given back."""
        if self.connection_of(mn) is None:
            self._gone.add(mn)
            return None
        return self._dialogues.get(mn)

    def _idle_devices(self) -> list[str]:
        return [
            mn
            for mn, dialogue in self._dialogues.items()
            if dialogue.wants_commands and self.connection_of(mn) is not None
        ]

    def _yield_to_others(self, held: Mapping[str, int]) -> None:
        """Let go of devices that have connected to another process since."""
        now = self.clock.now()
        for mn, connected_us in held.items():
            state = self.devices.find(mn)
            if state is None or state.connected_at is None or (to_us(state.connected_at) or 0) > connected_us:
                continue
            dialogue = self._dialogues.get(mn)
            if dialogue is not None:
                dialogue.forget()
            connection = state.connection
            if connection is not None:
                connection.mns.discard(mn)
                state.disconnect(now)
                if not connection.mns:
                    self.counters.connections_replaced += 1
                    connection.close("the device connected to another process")

    def gauges(self) -> Mapping[str, float]:
        """Numbers that go up and down."""
        health = self.commit.health
        return {
            "connections": len(self._connections),
            "devices_connected": len(self.devices.connected()),
            "frames_waiting": self.commit.waiting,
            "journal_failing": float(health.failing_since is not None),
            "journal_commits": health.commits,
            "directory_version": self.registry.version,
        }

    def status(self) -> dict[str, Any]:
        """Plain values for `qingjian status`."""
        health = self.commit.health
        since = health.failing_since
        return {
            "port": self.port if not self.stopped else None,
            "connections": len(self._connections),
            "devices_connected": len(self.devices.connected()),
            "directory_version": self.registry.version,
            "frames_waiting": self.commit.waiting,
            "journal": "failing" if since is not None else "ok",
            "journal_reason": health.reason,
            "journal_failing_from": health.failing_from.isoformat() if health.failing_from else None,
            "journal_failing_seconds": None if since is None else self.clock.monotonic() - since,
            "policy_problems": dict(self.registry.problems),
            "counters": asdict(self.counters),
        }


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse networks in CIDR form."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def tls_context(settings: GatewaySettings) -> ssl.SSLContext:
    """Return a server context of TLS 1.2 or newer."""
    if settings.tls_certificate is None:
        raise ValueError("TLS needs a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context

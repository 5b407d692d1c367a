"""What the processes of a node tell each other: presence, counters, commands. One thread does it, in order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from qingjian.contracts.commands import Command
from qingjian.contracts.presence import Presence
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.gateway.quarantine import QuarantineStore, Sender

LOG = structlog.get_logger("qingjian.gateway")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one process brings once a second."""

    now: datetime
    presence: Sequence[Presence]
    counts: Sequence[Sender]
    idle: Sequence[str]
    """Connected devices that could be given a command."""
    arrived: Sequence[str]
    """Devices that connected since the last turn."""
    gone: Sequence[str]
    """Devices whose claimed commands are to be given back."""


@dataclass(frozen=True, slots=True)
class News:
    """What it takes home."""

    held_elsewhere: dict[str, int]
    """MN → microseconds of its connection, of the devices other processes hold."""
    claimed: Sequence[Command]
    adopted: Sequence[Command]
    sent: Sequence[Command]
    """What the devices that connected were sent last."""
    secrets: Sequence[Command]
    """Successful changes of passwords and keys."""


class Exchange:
    """The stores of the exchange folder behind one thread."""

    def __init__(
        self,
        gateway: str,
        presence: SqlitePresenceStore,
        quarantine: QuarantineStore,
        commands: SqliteCommandQueue,
    ) -> None:
        self._gateway = gateway
        self._presence = presence
        self._quarantine = quarantine
        self._commands = commands
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="exchange")

    async def turn(self, turn: Turn) -> News:
        """Write and read; sqlite3.Error when the exchange folder cannot be written."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._turn, turn)

    def _turn(self, turn: Turn) -> News:
        if turn.presence:
            self._presence.write(turn.presence)
        if turn.counts:
            self._quarantine.add(turn.counts)
        commands = self._commands
        if turn.gone:
            commands.release(self._gateway, turn.now, turn.gone)
        if commands.has_overdue(turn.now):
            commands.expire(turn.now)
        adopted = commands.adopt(self._gateway, turn.arrived, turn.now) if turn.arrived else ()
        sent = commands.sent_before(turn.arrived) if turn.arrived else ()
        claimed: Sequence[Command] = ()
        if turn.idle and commands.has_queued():
            claimed = commands.claim(self._gateway, turn.idle, turn.now)
        return News(
            self._presence.held_elsewhere(self._gateway), claimed, adopted, sent, commands.changed_secrets()
        )

    def report(
        self, command_id: str, now: datetime, then: Callable[[bool], None], changes: dict[str, Any]
    ) -> None:
        """Write a command's progress; `then` hears in the event loop whether this process still holds it."""
        loop = asyncio.get_running_loop()

        def write() -> bool:
            try:
                return self._commands.report(command_id, self._gateway, now, **changes)
            except sqlite3.Error as error:
                LOG.error("a command's progress cannot be written", command=command_id, reason=str(error))
                return False

        waiting = loop.run_in_executor(self._executor, write)
        waiting.add_done_callback(lambda done: then(done.result()) if not done.cancelled() else None)

    async def release(self, now: datetime, mns: Iterable[str] | None = None) -> None:
        """Give claimed commands back, of some devices or of all."""
        names = None if mns is None else list(mns)
        await asyncio.get_running_loop().run_in_executor(
            self._executor, self._commands.release, self._gateway, now, names
        )

    def close(self) -> None:
        self._executor.shutdown(wait=True)
        self._presence.close()
        self._quarantine.close()
        self._commands.close()

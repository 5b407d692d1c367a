"""A gateway on a free loopback port, frames, and a device's end of a connection."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qingjian.contracts.clock import Clock, ManualClock
from qingjian.contracts.directory import Device, Directory, FileDirectoryStore, Target
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.gateway.quarantine import QuarantineStore
from qingjian.gateway.server import Gateway
from qingjian.gateway.settings import GatewayLimits, GatewaySettings
from qingjian.hj212 import checksum
from qingjian.journal import Frame, JournalLimits, JournalReader, JournalWriter

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
MN = "A" * 24
MN2 = "B" * 24
MN2005 = "88888880000001"


class PatientClock(ManualClock):
    """A clock whose sleepers wake when a test moves it, so that a time-out never comes before its time."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.monotonic() + seconds, waiting))
        await waiting

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        due = [one for one in self._sleepers if one[0] <= self.monotonic()]
        self._sleepers = [one for one in self._sleepers if one[0] > self.monotonic()]
        for _, waiting in due:
            if not waiting.done():
                waiting.set_result(None)


def raw(segment: str | bytes) -> bytes:
    """A frame around a data segment."""
    content = segment.encode() if isinstance(segment, str) else segment
    return b"##%04d%s%s\r\n" % (len(content), content, checksum.check_text(content))


def upload(number: int = 0, mn: str = MN, flag: int = 5, pw: str = "123456", value: str = "1.0") -> bytes:
    """A 2017 real-time upload with its own QN."""
    qn = f"20261121120000{number:03d}"
    cp = f"DataTime=20261121120000;a21026-Rtd={value},a21026-Flag=N"
    return raw(f"QN={qn};ST=31;CN=2011;PW={pw};MN={mn};Flag={flag};CP=&&{cp}&&")


def acknowledgement(number: int = 0, mn: str = MN) -> bytes:
    return raw(f"QN=20261121120000{number:03d};ST=91;CN=9014;PW=123456;MN={mn};Flag=4;CP=&&&&")


def device(mn: str = MN, **changes: Any) -> Device:
    values: dict[str, Any] = {
        "code": f"d-{mn[:4]}",
        "mn": mn,
        "password": "123456",
        "name": "数采仪",
        "point": "p1",
        "system_code": "31",
    }
    return Device(**{**values, **changes})


class Site:
    """A data folder with a directory, and the gateway on it."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.folder = DataFolder(root)
        self.folder.make()
        self.clock = clock
        self.directory = FileDirectoryStore(self.folder.directory)
        self.version = 0

    def publish(self, *devices: Device, targets: tuple[Target, ...] = ()) -> None:
        self.version += 1
        self.directory.publish(
            Directory(version=self.version, published_at=START, devices=devices, targets=targets)
        )

    @asynccontextmanager
    async def run(
        self, name: str = "g1", limits: GatewayLimits | None = None, **changes: Any
    ) -> AsyncIterator[Gateway]:
        settings = GatewaySettings(
            self.folder.root,
            name=name,
            host="127.0.0.1",
            port=changes.pop("port", 0),
            limits=limits or GatewayLimits(),
            **changes,
        )
        gateway = Gateway(
            settings,
            clock=self.clock,
            directory=FileDirectoryStore(self.folder.directory),
            journal=JournalWriter.open(
                self.folder.journal, name, self.clock, JournalLimits(minimum_free_bytes=0)
            ),
            presence=SqlitePresenceStore(self.folder.presence),
            quarantine=QuarantineStore(settings.quarantine_path),
            commands=SqliteCommandQueue(self.folder.commands),
        )
        await gateway.start()
        try:
            yield gateway
        finally:
            if not gateway.stopped:
                await gateway.drain()

    def frames(self, name: str = "g1") -> list[Frame]:
        with JournalReader(self.folder.journal / name) as reader:
            return reader.read(0, 100_000)


class Link:
    """A device's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, gateway: Gateway, **options: Any) -> Link:
        return cls(*await asyncio.open_connection("127.0.0.1", gateway.port, **options))

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def receive(self, seconds: float = 60) -> bytes:
        """One frame, or nothing when the gateway closed."""
        return await asyncio.wait_for(self._line(), seconds)

    async def _line(self) -> bytes:
        try:
            return await self.reader.readline()
        except ConnectionError:
            return b""

    async def silent(self) -> bool:
        """Whether nothing comes for a moment, long after anything would have come."""
        try:
            await asyncio.wait_for(self.reader.readexactly(1), 0.15)
        except TimeoutError:
            return True
        return False

    async def closed(self) -> bool:
        return await self.receive() == b""

    def close(self) -> None:
        self.writer.close()


SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A BPF program of one instruction: return 0, nothing of the packet is taken."""


def falls_silent(end: asyncio.StreamWriter) -> None:
    """Let one end vanish without a word: it takes and answers nothing any more, and is not closed."""
    program = ctypes.create_string_buffer(DROP_ALL)
    found = struct.pack("HL", 1, ctypes.addressof(program))
    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, found)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; the test's own time-out ends a wait in vain."""
    for _ in range(24_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never became so")

"""What a gateway process knows of each registered device it has heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from qingjian.contracts.presence import Presence
from qingjian.gateway.limits import TokenBucket
from qingjian.gateway.link import Link
from qingjian.gateway.registry import HARDWARE
from qingjian.gateway.settings import GatewayLimits
from qingjian.hj212 import times
from qingjian.hj212.message import Message

_DATATIME = b"DataTime="


@dataclass(slots=True)
class DeviceState:
    """The living row of one device; `presence` gives the form other processes read."""

    mn: str
    connection: Link | None = None
    peer: str = ""
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    last_frame_at: datetime | None = None
    accepted: int = 0
    refused: int = 0
    last_refusal: str = ""
    last_deviations: tuple[str, ...] = ()
    clock_offset_seconds: float | None = None
    changed: bool = False
    _frames: TokenBucket | None = None
    _bytes: TokenBucket | None = None

    def spend(self, size: int, limits: GatewayLimits, now: float) -> float:
        """Count a frame of so many bytes against what the device may send on all its connections.

        Returns the seconds it has to be held back; `now` is monotonic.
        """
        if self._frames is None or self._bytes is None:
            self._frames = TokenBucket(limits.frames_per_second, limits.frames_burst, now)
            self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_burst, now)
        return max(self._frames.spend(1, now), self._bytes.spend(size, now))

    def connect(self, connection: Link, now: datetime) -> None:
        self.connection = connection
        self.peer = connection.peer
        self.connected_at = now
        self.disconnected_at = None
        self.changed = True

    def disconnect(self, now: datetime) -> None:
        self.connection = None
        self.disconnected_at = now
        self.changed = True

    def heard(self, message: Message, now: datetime) -> None:
        """Take note of an accepted frame."""
        self.accepted += 1
        self.last_frame_at = now
        if message.frame_deviations:
            self.last_deviations = tuple(sorted({one.code for one in message.frame_deviations}))
        elif self.last_deviations:
            self.last_deviations = ()
        if message.cn == "2011":
            said = _device_time(message)
            if said is not None:
                self.clock_offset_seconds = (said - now).total_seconds()
        self.changed = True

    def refuse(self, code: str) -> None:
        """Take note of refused bytes."""
        self.refused += 1
        self.last_refusal = code
        self.changed = True

    def presence(self, gateway: str) -> Presence:
        return Presence(
            mn=self.mn,
            gateway=gateway,
            peer=self.peer,
            registered=not self.mn.startswith(HARDWARE),
            connected_at=self.connected_at,
            disconnected_at=self.disconnected_at,
            last_frame_at=self.last_frame_at,
            accepted=self.accepted,
            refused=self.refused,
            last_refusal=self.last_refusal,
            last_deviations=self.last_deviations,
            clock_offset_seconds=self.clock_offset_seconds,
        )


def _device_time(message: Message) -> datetime | None:
    """Return the time a real-time frame names, without reading its values."""
    place = message.cp.find(_DATATIME)
    if place < 0:
        return None
    text = message.cp[place + 9 : place + 23]
    return times.parse(text.decode("ascii")) if text.isdigit() else None


class Devices:
    """All devices heard by this process, seeded with what was known before its start."""

    def __init__(self, gateway: str, known: Iterable[Presence]) -> None:
        self._gateway = gateway
        self._known = {row.mn: row for row in known}
        self._states: dict[str, DeviceState] = {}

    def state(self, mn: str) -> DeviceState:
        found = self._states.get(mn)
        if found is None:
            found = self._states[mn] = DeviceState(mn)
            before = self._known.get(mn)
            if before is not None:
                found.accepted = before.accepted
                found.refused = before.refused
                found.last_refusal = before.last_refusal
                found.last_deviations = before.last_deviations
                found.last_frame_at = before.last_frame_at
                found.clock_offset_seconds = before.clock_offset_seconds
        return found

    def find(self, mn: str) -> DeviceState | None:
        return self._states.get(mn)

    def connected(self) -> list[DeviceState]:
        return [one for one in self._states.values() if one.connection is not None]

    def changes(self) -> list[Presence]:
        """Return the rows that changed since the last call."""
        rows = []
        for one in self._states.values():
            if one.changed:
                one.changed = False
                rows.append(one.presence(self._gateway))
        return rows

    def changed_again(self, rows: Iterable[Presence]) -> None:
        """Take back rows that could not be written."""
        for row in rows:
            self.state(row.mn).changed = True

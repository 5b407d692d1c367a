"""One TCP connection: bytes in, frames to the journal, answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from qingjian.contracts.clock import Clock
from qingjian.gateway.commit import GroupCommit
from qingjian.gateway.devices import Devices
from qingjian.gateway.keepalive import keep_alive
from qingjian.gateway.limits import TokenBucket
from qingjian.gateway.metrics import Counters
from qingjian.gateway.quarantine import Quarantine
from qingjian.gateway.registry import HARDWARE, Registered, Registry
from qingjian.gateway.settings import GatewaySettings
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Message, Stretch
from qingjian.hj212.model import Refusal
from qingjian.hj212.policy import Policy
from qingjian.journal import Code, Kind, NewFrame, now_microseconds

LOG = structlog.get_logger("qingjian.gateway")


class Surroundings(Protocol):
    """What a connection asks of the gateway that listens."""

    settings: GatewaySettings
    clock: Clock
    counters: Counters
    registry: Registry
    devices: Devices
    quarantine: Quarantine
    commit: GroupCommit

    def admit(self, connection: Connection) -> bool:
        """Register a new connection, or turn it away."""

    def strange(self, connection: Connection) -> None:
        """Hear that a connection without a registered device sent something."""

    def lost(self, connection: Connection) -> None:
        """Forget a connection that ended."""

    def bind(self, mn: str, connection: Connection) -> None:
        """Hear that a registered device has shown itself on a connection."""

    def stored(
        self, connection: Connection, mn: str, registered: Registered, message: Message, sequence: int
    ) -> None:
        """Go on with the dialogue: a frame is on disk."""

    def watch_flow(self, connection: Connection) -> None:
        """Hold a connection while too many frames of all wait for the disk."""


class Connection(asyncio.Protocol):
    """Reads at the speed its limits and the disk allow. An error here costs this connection only."""

    def __init__(self, gateway: Surroundings) -> None:
        self._gateway = gateway
        self._clock = gateway.clock
        self._limits = gateway.settings.limits
        self._framer = Framer(policy_for=self._policy_for)
        self._transport: asyncio.Transport | None = None
        self.number = 0
        self.peer = ""
        self.address = ""
        self.mns: set[str] = set()
        """Registered devices that spoke on this connection and have not moved to a newer one."""
        now = self._clock.monotonic()
        self.opened = now
        self.last_received = now
        self._hardware = ""
        self._tolerated = False
        """A registered device speaks here, but in a way its policy refuses."""
        self._half_since: float | None = None
        self._unwritable_since: float | None = None
        self._read_again_at: float | None = None
        self._holds: set[str] = set()
        self.unflushed = 0
        limits = self._limits
        self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_burst, now)
        self._frames = TokenBucket(limits.frames_per_second, limits.frames_burst, now)

    # ------------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self.address = str(name[0])
            self.peer = f"[{name[0]}]:{name[1]}" if ":" in self.address else f"{name[0]}:{name[1]}"
        keep_alive(transport.get_extra_info("socket"), self._limits.keepalive_seconds)
        if not self._gateway.admit(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        try:
            self._receive(data)
        except Exception:
            self._gateway.counters.errors += 1
            LOG.exception("a connection failed", peer=self.peer)
            self.close("error")

    def pause_writing(self) -> None:
        self._unwritable_since = self._clock.monotonic()
        self.hold("reader")

    def resume_writing(self) -> None:
        self._unwritable_since = None
        self.release("reader")

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        try:
            for stretch in self._framer.finish():
                self._take(stretch)
        finally:
            self._gateway.lost(self)

    # ------------------------------------------------------------------ reading

    def _receive(self, data: bytes) -> None:
        now = self._clock.monotonic()
        self.last_received = now
        self._gateway.counters.bytes_received += len(data)
        before = self._framer.pending
        stretches = self._framer.feed(data)
        for stretch in stretches:
            self._take(stretch)
        if not self._framer.pending:
            self._half_since = None
        elif stretches or not before:
            self._half_since = now
        self._delay(max(self._bytes.spend(len(data), now), self._frames.spend(len(stretches), now)), now)

    def _delay(self, seconds: float, now: float) -> None:
        """Read nothing for a while, when what may be sent in a time is used up."""
        if seconds > 0:
            self._read_again_at = max(self._read_again_at or 0.0, now + seconds)
            self.hold("rate")

    def _policy_for(self, mn: str) -> Policy | None:
        found = self._gateway.registry.find(mn)
        return None if found is None else found.policy

    def _take(self, stretch: Stretch) -> None:
        if stretch.message is not None:
            self._take_message(stretch.raw, stretch.message)
        elif stretch.refusal is not None and stretch.refusal.code != "terminator_late":
            self._take_refusal(stretch.raw, stretch.refusal)

    def _take_message(self, raw: bytes, message: Message) -> None:
        mn = message.mn or self._only_mn()
        registered = self._gateway.registry.find(mn) if mn else None
        if (registered is None and message.cn == "1001" and message.edition == "2025") or (
            self._hardware and message.cn in ("9011", "9012")
        ):
            self._take_hardware(raw, message)
            return
        if registered is None or mn.startswith(HARDWARE):
            self._unknown(raw, message.mn, "unregistered")
            return
        problem = self._problem(registered, message)
        if problem:
            self._unknown(raw, mn, problem)
            return
        gateway = self._gateway
        if mn not in self.mns:
            gateway.bind(mn, self)
        device = gateway.devices.state(mn)
        device.heard(message, self._clock.now())
        self._delay(device.spend(len(raw), self._limits, self.last_received), self.last_received)
        gateway.counters.frames_accepted += 1
        frame = NewFrame(
            now_microseconds(self._clock),
            self.peer,
            self.number,
            mn,
            Kind.ACCEPTED,
            raw,
            tuple(Code(*one) for one in message.frame_deviations),
            registered.digest,
            gateway.registry.version,
        )
        self._store(frame, lambda sequence: gateway.stored(self, mn, registered, message, sequence))

    def _take_hardware(self, raw: bytes, message: Message) -> None:
        """A data logger of 2025 without MN: 1001 names its hardware, people may answer with command 1002.

        It stays an unknown sender; what it says is kept as a sample, and answered only when it is kept.
        """
        gateway = self._gateway
        if message.cn == "1001":
            number = message.parameters.get("i23005-Info") or next(
                (item.value for item in message.items if item.factor == "i23005"), ""
            )
            self._hardware = f"{HARDWARE}{number}" if isinstance(number, str) and number else ""
        name = self._hardware
        registered = gateway.registry.find(name) if name else None
        if registered is None:
            self._unknown(raw, message.mn, "registration_wanted")
            return

        def then(sequence: int) -> None:
            if self.is_open:
                if name not in self.mns:
                    gateway.bind(name, self)
                gateway.stored(self, name, registered, message, sequence)

        self._unknown(raw, name, "registration_wanted", then=then)

    def _only_mn(self) -> str:
        """Answers of 2005 may carry no MN; on a connection of one device they are that device's."""
        return next(iter(self.mns)) if len(self.mns) == 1 else ""

    def _problem(self, registered: Registered, message: Message) -> str:
        """Return why a frame is not taken as the device's, or an empty text."""
        if not registered.admits(self.address):
            return "address_not_allowed"
        password = registered.device.password
        if not password:
            return ""
        if not message.pw:
            # Some editions leave PW out of answers; the device has shown it on this connection before.
            return "" if registered.device.mn in self.mns else "password_missing"
        return "" if message.pw == password else "password_wrong"

    def _take_refusal(self, raw: bytes, refusal: Refusal) -> None:
        mn = refusal.fields.get("MN", "") or self._only_mn()
        if mn not in self.mns and not self._names_itself(mn, refusal):
            self._unknown(raw, mn, refusal.code, refusal.detail)
            return
        gateway = self._gateway
        registered = gateway.registry.find(mn)
        gateway.counters.frames_refused += 1
        gateway.devices.state(mn).refuse(refusal.code)
        if not gateway.quarantine.refused(mn, self.address, len(raw), refusal.code):
            gateway.counters.samples_dropped += 1
            return
        self._store(
            NewFrame(
                now_microseconds(self._clock),
                self.peer,
                self.number,
                mn,
                Kind.REFUSED,
                raw,
                (Code(refusal.code, refusal.detail),),
                registered.digest if registered is not None else "",
                gateway.registry.version,
            )
        )

    def _names_itself(self, mn: str, refusal: Refusal) -> bool:
        """Whether refused bytes count as a device's although it has not shown itself on this connection.

        A device whose every frame has a wrong check (another algorithm) must be seen as that device, so password and
        address decide; nothing else of the bytes is believed, and the connection is not taken as the device's.
        """
        registered = self._gateway.registry.find(mn) if mn else None
        if (
            registered is None
            or not registered.admits(self.address)
            or registered.device.password not in ("", refusal.fields.get("PW"))
        ):
            return False
        self._tolerated = True
        return True

    def _unknown(
        self, raw: bytes, mn: str, reason: str, detail: str = "", then: Callable[[int], None] | None = None
    ) -> None:
        gateway = self._gateway
        gateway.counters.frames_unregistered += 1
        if not self.mns and self._transport is not None:
            gateway.strange(self)
        if not gateway.quarantine.unknown(mn, self.address, len(raw), reason):
            gateway.counters.samples_dropped += 1
            return
        self._store(
            NewFrame(
                now_microseconds(self._clock),
                self.peer,
                self.number,
                mn,
                Kind.UNREGISTERED,
                raw,
                (Code(reason, detail),),
                "",
                gateway.registry.version,
            ),
            then,
        )

    def _store(self, frame: NewFrame, then: Callable[[int], None] | None = None) -> None:
        self.unflushed += 1

        def done(sequence: int) -> None:
            self.unflushed -= 1
            if self.unflushed * 2 <= self._limits.unflushed_frames:
                self.release("disk")
            if then is not None:
                then(sequence)

        self._gateway.commit.submit(frame, done)
        if self.unflushed >= self._limits.unflushed_frames:
            self.hold("disk")
        self._gateway.watch_flow(self)

    # ------------------------------------------------------------------ flow

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def hold(self, reason: str) -> None:
        """Stop reading for a reason; TCP then holds the sender back."""
        if not self._holds and self._transport is not None:
            self._gateway.counters.reading_delayed += 1
            self._transport.pause_reading()
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """Read again once no reason is left."""
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds and self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def write(self, content: bytes) -> bool:
        """Send bytes; False when the connection is gone."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(content)
        return True

    def close(self, reason: str) -> None:
        """Close after what is written has been sent."""
        if self.is_open and self._transport is not None:
            LOG.info("connection closed", peer=self.peer, reason=reason, mns=sorted(self.mns)[:8])
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once."""
        if self._transport is not None:
            LOG.info("connection aborted", peer=self.peer, reason=reason, mns=sorted(self.mns)[:8])
            self._transport.abort()

    def tick(self, now: float) -> None:
        """Apply the limits that depend on time; called about once a second."""
        limits, counters = self._limits, self._gateway.counters
        if self._read_again_at is not None and now >= self._read_again_at:
            self._read_again_at = None
            self.release("rate")
        if self._unwritable_since is not None and now - self._unwritable_since >= limits.write_seconds:
            counters.connections_closed_slow_reader += 1
            self.abort("reads nothing")
            return
        if self._holds:
            return  # silence that we cause is not the sender's
        if self._half_since is not None and (
            now - self._half_since >= limits.half_frame_seconds
            or now - self.last_received >= limits.half_frame_silence_seconds
        ):
            self._half_since = None
            for stretch in self._framer.finish():
                self._take(stretch)
            if not (self.mns or self._tolerated):
                counters.connections_closed_half_frame += 1
                self.close("half a frame")
                return
        idle = now - self.last_received
        if idle >= limits.idle_seconds or (
            not (self.mns or self._tolerated) and idle >= limits.first_frame_seconds
        ):
            counters.connections_closed_idle += 1
            self.close("idle")

"""Load for benches: many connections, a steady rate of frames, latency of the acknowledgements.

The data areas are rendered once; per frame only QN, DataTime and the check are new, so that the generator costs less
than the gateway it measures. Acknowledgements (9014) are matched by QN.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from qingjian.contracts.clock import CHINA, Clock
from qingjian.hj212 import checksum
from qingjian.simulator.synthesis import key_of

PASSWORD = "123456"  # noqa: S105 - devices of a bench guard nothing
_BODIES = 64
_TICK = 0.005
_ACKNOWLEDGEMENT = re.compile(rb"##\d{4}(?:QN=(\d{17});ST=91;CN=9014;|ST=91;CN=9014;[^&]*CP=&&QN=(\d{17});)")
"""Since 2017 the answer carries the QN in its header, in 2005 inside the data area."""
_FLAGS = {"2005": 1, "2017": 5, "2025": 9}
"""Version bits of each edition, with the bit that asks for an answer."""
_REFUSED = re.compile(rb"CN=901[123];")


def mn(number: int) -> str:
    """Return the MN of one device of the load fleet."""
    return f"9901210031FFFF{number:010d}"


def factors(count: int, edition: str = "2017") -> list[str]:
    """Return `count` wire factors of flue gas that the edition knows or, beyond the first ones, could know."""
    if edition == "2005":
        known = ["02", "03", "01", "S01", "S02", "S03", "S05", "S08", "B02", "04"]
        return [*known, *(f"{30 + n}" for n in range(count))][:count]
    known = [
        "a21026",
        "a21002",
        "a34013",
        "a19001",
        "a01011",
        "a01012",
        "a01013",
        "a01014",
        "a00000",
        "a21005",
    ]
    return [*known, *(f"a{25000 + n:05d}" for n in range(count))][:count]


def devices(count: int, values: int = 20, edition: str = "2017") -> list[dict[str, Any]]:
    """Return the devices of a load fleet as rows for a directory: mn, password, system_code, edition, factors."""
    names = factors(values, edition)
    return [
        {"mn": mn(n), "password": PASSWORD, "system_code": "31", "edition": edition, "factors": names}
        for n in range(count)
    ]


def bodies(values: int, edition: str = "2017") -> list[bytes]:
    """Return pre-rendered data areas after DataTime with `values` values each, jittered."""
    names = factors(values, edition)
    found = []
    for n in range(_BODIES):
        parts = [f"{name}-Rtd={20 + key_of(f'{name}{n}') % 4000 / 100:.2f},{name}-Flag=N" for name in names]
        found.append(";".join(parts).encode())
    return found


def frames(
    number: int, values: int, start: datetime, step: timedelta, edition: str = "2017"
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (QN, frame) of one device without end: 2011 uploads that want an answer, `step` apart from `start`."""
    flag = _FLAGS[edition]
    middle = f";ST=31;CN=2011;PW={PASSWORD};MN={mn(number)};Flag={flag};CP=&&DataTime=".encode()
    rendered = bodies(values, edition)
    local = start.astimezone(CHINA)
    count = 0
    while True:
        moment = local + count * step
        qn = moment.strftime("%Y%m%d%H%M%S").encode() + b"%03d" % (moment.microsecond // 1000)
        segment = b"QN=%b%b%b;%b&&" % (qn, middle, qn[:14], rendered[(number + count) % _BODIES])
        yield qn, b"##%04d%b%b\r\n" % (len(segment), segment, checksum.check_text(segment))
        count += 1


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a run showed; latencies in milliseconds from write to acknowledgement."""

    connections: int
    sent: int
    acknowledged: int
    other_answers: int
    lost_connections: int
    seconds: float
    frames_per_second: float
    median_ms: float
    p99_ms: float
    greatest_ms: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class _Device(asyncio.Protocol):
    def __init__(self, number: int, values: int, clock: Clock, latencies: list[float], edition: str) -> None:
        self._frames = frames(number, values, clock.now(), timedelta(milliseconds=1), edition)
        self._clock = clock
        self._waiting: dict[bytes, float] = {}
        self._latencies = latencies
        self._buffer = b""
        self.transport: asyncio.Transport | None = None
        self.sent = 0
        self.acknowledged = 0
        self.other_answers = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost = True

    def send(self) -> None:
        if self.transport is None:
            return
        qn, frame = next(self._frames)
        self._waiting[qn] = self._clock.monotonic()
        self.transport.write(frame)
        self.sent += 1

    def data_received(self, data: bytes) -> None:
        now = self._clock.monotonic()
        data = self._buffer + data
        end = data.rfind(b"\n") + 1
        self._buffer = data[end:]
        for match in _ACKNOWLEDGEMENT.finditer(data, 0, end):
            since = self._waiting.pop(match[1] or match[2], None)
            if since is not None:
                self.acknowledged += 1
                self._latencies.append(now - since)
        self.other_answers += len(_REFUSED.findall(data, 0, end))


async def run(
    host: str,
    port: int,
    *,
    fleet: int,
    rate: float,
    values: int,
    seconds: float,
    clock: Clock,
    edition: str = "2017",
) -> LoadResult:
    """Connect `fleet` devices and send `rate` frames a second in all for `seconds`; then wait for the last answers.

    OSError when a connection cannot be made.
    """
    if edition not in _FLAGS:
        raise ValueError(f"未知的版本 / unknown edition: {edition} ({', '.join(_FLAGS)})")
    if fleet < 1 or rate <= 0 or values < 1 or seconds <= 0:
        raise ValueError("fleet、rate、values、seconds 应为正数 / must be positive")
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    connected = [_Device(n, values, clock, latencies, edition) for n in range(fleet)]
    for device in connected:
        await loop.create_connection(lambda device=device: device, host, port)  # type: ignore[misc]
    begun = clock.monotonic()
    due = 0
    while (elapsed := clock.monotonic() - begun) < seconds:
        target = int(elapsed * rate)
        while due < target:
            connected[due % fleet].send()
            due += 1
        await clock.sleep(_TICK)
    sending = clock.monotonic() - begun
    waited = clock.monotonic()
    while sum(one.acknowledged for one in connected) < sum(one.sent for one in connected):
        if clock.monotonic() - waited > 10.0 or all(one.lost for one in connected):
            break
        await clock.sleep(_TICK)
    lost = sum(one.lost for one in connected)
    for one in connected:
        if one.transport is not None:
            one.transport.close()
    latencies.sort()

    def share(part: float) -> float:
        return (
            round(1000 * latencies[min(len(latencies) - 1, int(part * len(latencies)))], 2)
            if latencies
            else 0.0
        )

    sent = sum(one.sent for one in connected)
    return LoadResult(
        fleet,
        sent,
        sum(one.acknowledged for one in connected),
        sum(one.other_answers for one in connected),
        lost,
        round(sending, 3),
        round(sent / sending, 1),
        share(0.5),
        share(0.99),
        share(1.0),
    )

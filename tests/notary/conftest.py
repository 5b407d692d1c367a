"""A notary on a temporary disk, witnesses without a network, frames without a journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from qingjian.contracts.clock import ManualClock
from qingjian.ledger.checkpoint import Cosigner
from qingjian.ledger.entries import Event, encode_entry
from qingjian.ledger.note import VerifierKey, load_private_key
from qingjian.notary.anchors import WitnessAnchor
from qingjian.notary.kinds import EventKinds
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.sealing import Sealed, commit_series_day, seal_digests
from qingjian.notary.witness import Witness, WitnessClient

ORIGIN = "qingjian.example/county"
START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def office_kinds() -> EventKinds:
    """The kinds of events these tests enter."""
    kinds = EventKinds()
    kinds.register("sign-off", "签字", {"actor", "document"})
    kinds.register("mark", "标记", {"author", "reason"})
    return kinds


def seal_day(
    notary: Notary, day: date, series_days: Sequence[tuple[str, bytes]], known_until: datetime | None = None
) -> Sealed:
    """Seal a day from all its (series, canonical rows)."""
    digests = {series: commit_series_day(notary, day, series, rows) for series, rows in series_days}
    return seal_digests(notary, day, digests, known_until)


@dataclass(frozen=True)
class FakeFrame:
    """A frame as a journal would return it."""

    journal: str
    sequence: int
    received_us: int
    content: bytes
    nonce: bytes
    peer: str = "192.0.2.7:5000"
    mn: str = "MN0001"
    kind: str = "accepted"
    codes: Sequence[Sequence[str]] = ()
    policy: str = "p1"


def frames(first: int, count: int, journal: str = "gate-1") -> list[FakeFrame]:
    """Frames one second apart with readable contents."""
    return [
        FakeFrame(
            journal,
            n,
            1_795_000_000_000_000 + n * 1_000_000,
            f"##0012frame {n:04d}\r\n".encode(),
            n.to_bytes(16, "big"),
        )
        for n in range(first, first + count)
    ]


def events(count: int, start: int = 0) -> list[bytes]:
    """Different entries."""
    return [encode_entry(Event((start + i).to_bytes(32, "big"))) for i in range(count)]


def fill(outbox: MemoryOutbox, count: int) -> None:
    for _ in range(count):
        outbox.add(encode_entry(Event(os.urandom(32))))


class LocalWitness:
    """A witness service and what it takes to reach it, without a network."""

    def __init__(self, folder: Path, name: str, clock: ManualClock) -> None:
        self.name = name
        self.cosigner = Cosigner(
            f"{name}.example/witness", load_private_key(name.encode().ljust(32, b"w")[:32])
        )
        self.folder = folder
        self.clock = clock
        self.down = False
        self.service = Witness(folder / f"{name}.sqlite3", [self.cosigner], [], clock)

    def trust(self, keys: Sequence[VerifierKey]) -> None:
        self.service.close()
        self.service = Witness(self.folder / f"{self.name}.sqlite3", [self.cosigner], keys, self.clock)

    def get(self, url: str) -> tuple[int, bytes]:
        return self._ask("GET", url, b"")

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        return self._ask("POST", url, body)

    def _ask(self, method: str, url: str, body: bytes) -> tuple[int, bytes]:
        if self.down:
            raise OSError("no route")
        answer = self.service.handle(method, url.removeprefix("http://witness"), body)
        return answer.status, answer.body

    @property
    def client(self) -> WitnessClient:
        return WitnessClient(self.name, self.cosigner.key, "http://witness", self.post)

    @property
    def anchor(self) -> WitnessAnchor:
        return WitnessAnchor(self.name, "http://witness", self.get)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def notary(folder: Path, clock: ManualClock) -> Notary:
    return Notary(folder, clock, origin=ORIGIN)


@pytest.fixture
def witness(tmp_path: Path, clock: ManualClock) -> Callable[[str], LocalWitness]:
    return lambda name: LocalWitness(tmp_path, name, clock)

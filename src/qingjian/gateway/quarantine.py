"""Unknown senders and refused bytes: samples under a quota, exact counters, visible drops.

The samples themselves are rows of the journal (kind unregistered or refused); here is how many there were, how many
were kept and how many were not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qingjian.contracts.clock import Clock
from qingjian.gateway.limits import TokenBucket
from qingjian.gateway.settings import GatewayLimits
from qingjian.gateway.store import immediate, moment_from_us, open_store, to_us

FORMAT = 1
SCHEMA = """
CREATE TABLE senders (
    mn TEXT NOT NULL,
    address TEXT NOT NULL,
    registered INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    last_reason TEXT NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    PRIMARY KEY (mn, address, registered)
) WITHOUT ROWID
"""
_OLDEST = (
    "registered = 0 AND (mn, address) IN"
    " (SELECT mn, address FROM senders WHERE registered = 0 AND mn <> ? ORDER BY last_us LIMIT ?)"
)
_FOLD = (
    "INSERT INTO senders SELECT ?, ?, 0, sum(frames), sum(bytes), sum(kept), sum(dropped), 'various',"  # noqa: S608
    f" min(first_us), max(last_us) FROM senders WHERE {_OLDEST}"
    " ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, bytes = bytes + excluded.bytes,"
    " kept = kept + excluded.kept, dropped = dropped + excluded.dropped,"
    " first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)"
)
_FORGET = f"DELETE FROM senders WHERE {_OLDEST}"  # noqa: S608 - constant text
OTHERS = "*"
"""Stands for MN and address when more senders come than are counted one by one."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What came from one sender that was not accepted."""

    mn: str
    """As it named itself; empty when it named none."""
    address: str
    registered: bool
    """True: refused bytes of a registered device; False: an unknown sender (or a known MN with a wrong password)."""
    frames: int
    """Stretches of bytes: frames of an unknown device, or what is no frame."""
    bytes: int
    kept: int
    """Of the frames, those whose bytes stand in the journal."""
    dropped: int
    """Of the frames, those whose bytes were not kept because the quota was used up."""
    last_reason: str
    first_at: datetime
    last_at: datetime


class QuarantineStore:
    """Counters of all gateway processes of a node in one file."""

    def __init__(self, path: Path, senders: int = 10_000) -> None:
        self._connection = open_store(path, SCHEMA, FORMAT, durable=False)
        self._senders = senders

    def add(self, rows: Sequence[Sender]) -> None:
        """Add counts to what is known; when there are too many senders, the longest silent are counted together."""
        with immediate(self._connection):
            for row in rows:
                key = (row.mn, row.address, int(row.registered))
                if not row.registered and not self._is_known(key) and self._count() >= self._senders:
                    self._fold()
                self._connection.execute(
                    "INSERT INTO senders VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
                    " frames = frames + excluded.frames, bytes = bytes + excluded.bytes,"
                    " kept = kept + excluded.kept, dropped = dropped + excluded.dropped,"
                    " last_reason = excluded.last_reason, last_us = max(last_us, excluded.last_us)",
                    (*key, row.frames, row.bytes, row.kept, row.dropped, row.last_reason,
                     to_us(row.first_at), to_us(row.last_at)),
                )  # fmt: skip

    def _is_known(self, key: tuple[str, str, int]) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM senders WHERE mn = ? AND address = ? AND registered = ?", key
        ).fetchone()
        return row is not None

    def _count(self) -> int:
        return int(
            self._connection.execute(
                "SELECT count(*) FROM senders WHERE registered = 0 AND mn <> ?", (OTHERS,)
            ).fetchone()[0]
        )

    def _fold(self) -> None:
        """Add the tenth of the unknown senders that was silent longest to `OTHERS`, so that totals stay exact."""
        values = (OTHERS, max(self._senders // 10, 1))
        self._connection.execute(_FOLD, (OTHERS, OTHERS, *values))
        self._connection.execute(_FORGET, values)

    def read(self, *, registered: bool | None = None, mn: str | None = None) -> Sequence[Sender]:
        """Return all senders, of one MN where it is given, those heard last first; how many there are is limited."""
        rows = self._connection.execute(
            "SELECT * FROM senders WHERE (? IS NULL OR registered = ?) AND (? IS NULL OR mn = ?)"
            " ORDER BY last_us DESC, mn",
            (registered, registered, mn, mn),
        )
        return [
            Sender(
                row[0], row[1], bool(row[2]), row[3], row[4], row[5], row[6], row[7],
                moment_from_us(row[8]), moment_from_us(row[9]),
            )
            for row in rows
        ]  # fmt: skip

    def forget(self, mn: str) -> int:
        """Remove the counters of an unknown MN (after registration or on a person's word)."""
        with immediate(self._connection):
            done = self._connection.execute("DELETE FROM senders WHERE mn = ? AND registered = 0", (mn,))
        return done.rowcount

    def close(self) -> None:
        self._connection.close()


class Quarantine:
    """Decides what is kept and counts everything; `flush` gives the counts to the store."""

    def __init__(self, limits: GatewayLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        now = clock.monotonic()
        self._all_samples = TokenBucket(
            limits.sample_bytes_per_day / 86_400, float(limits.sample_bytes_per_day), now
        )
        self._samples: dict[tuple[str, str], TokenBucket] = {}
        self._refused: dict[str, TokenBucket] = {}
        self._counts: dict[tuple[str, str, bool], _Count] = {}

    def unknown(self, mn: str, address: str, size: int, reason: str) -> bool:
        """Count a stretch of an unknown sender; returns whether its bytes are to be kept."""
        now = self._clock.monotonic()
        key = (mn, address)
        bucket = self._samples.get(key)
        if bucket is None:
            if len(self._samples) >= self._limits.senders:
                self._forget_silent(now)
            if len(self._samples) >= self._limits.senders:
                key = (OTHERS, OTHERS)
                bucket = self._samples.get(key)
            if bucket is None:
                bucket = TokenBucket(
                    self._limits.samples_per_hour / 3_600, float(self._limits.samples_burst), now
                )
                self._samples[key] = bucket
        kept = size <= self._limits.sample_bytes and bucket.take(1, now) and self._all_samples.take(size, now)
        self._count((*key, False), size, kept, reason)
        return kept

    def _forget_silent(self, now: float) -> None:
        """Make room for new senders; a bucket unused for so long is full again anyway."""
        full_after = self._limits.samples_burst / self._limits.samples_per_hour * 3_600
        self._samples = {
            key: bucket for key, bucket in self._samples.items() if now - bucket.used_at < full_after
        }

    def refused(self, mn: str, address: str, size: int, reason: str) -> bool:
        """Count refused bytes of a registered device; returns whether they are to be kept."""
        now = self._clock.monotonic()
        bucket = self._refused.get(mn)
        if bucket is None:
            bucket = self._refused[mn] = TokenBucket(
                self._limits.refused_bytes_per_day / 86_400, float(self._limits.refused_bytes_burst), now
            )
        kept = size <= self._limits.sample_bytes and bucket.take(size, now)
        self._count((mn, address, True), size, kept, reason)
        return kept

    def flush(self) -> list[Sender]:
        """Return the counts since the last flush."""
        counts, self._counts = self._counts, {}
        return [
            Sender(*key, one.frames, one.bytes, one.kept, one.dropped, one.reason, one.first, one.last)
            for key, one in counts.items()
        ]

    def give_back(self, rows: Sequence[Sender]) -> None:
        """Take counts back that could not be stored."""
        for row in rows:
            one = self._counts.setdefault(
                (row.mn, row.address, row.registered), _Count(row.first_at, row.last_at, row.last_reason)
            )
            one.frames += row.frames
            one.bytes += row.bytes
            one.kept += row.kept
            one.dropped += row.dropped
            one.first = min(one.first, row.first_at)

    def _count(self, key: tuple[str, str, bool], size: int, kept: bool, reason: str) -> None:
        now = self._clock.now()
        one = self._counts.get(key)
        if one is None:
            one = self._counts[key] = _Count(now, now, reason)
        one.frames += 1
        one.bytes += size
        one.kept += kept
        one.dropped += not kept
        one.last = now
        one.reason = reason


@dataclass(slots=True)
class _Count:
    first: datetime
    last: datetime
    reason: str
    frames: int = 0
    bytes: int = 0
    kept: int = 0
    dropped: int = 0

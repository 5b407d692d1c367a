"""When a device owes what: periods that have ended, and what could not be delivered yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

COMMANDS = {"realtime": "2011", "minute": "2051", "hour": "2061", "day": "2031"}
STATISTICS = {command: statistic for statistic, command in COMMANDS.items()}
_LAGS = {"minute": 3, "hour": 8, "day": 60}
"""Seconds after the end of a period before a logger has its mean."""
_OFFSET = 8 * 3600
"""Periods are cut in UTC+08:00."""


@dataclass(frozen=True, slots=True)
class Due:
    """One record that a device owes."""

    statistic: str
    start: datetime
    """Start of the period, UTC; the instant for `realtime`."""
    length: int
    """Seconds."""

    @property
    def command(self) -> str:
        return COMMANDS[self.statistic]


def floor(moment: datetime, length: int) -> datetime:
    """Return the start (UTC) of the period of `length` seconds, cut in UTC+08:00, that holds a moment."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - (seconds + _OFFSET) % length, UTC)


def periods(statistic: str, length: int, begin: datetime, end: datetime) -> Iterator[Due]:
    """Yield the periods that start in [begin, end], in order."""
    start = floor(begin, length)
    if start < begin:
        start += timedelta(seconds=length)
    while start <= end:
        yield Due(statistic, start, length)
        start += timedelta(seconds=length)


class Feed(Protocol):
    """Where the records of a device come from in time."""

    def due(self, now: datetime) -> list[Due]:
        """Return what fell due since the last call, in order."""

    def change(self, statistic: str, length: int, now: datetime) -> None:
        """Set another interval of a statistic."""

    @property
    def finished(self) -> bool:
        """Whether nothing will ever fall due again."""


class Schedule:
    """Periods that end as time passes: minute, hour and day means."""

    finished = False

    def __init__(self, expected: Mapping[str, int], since: datetime, delay_seconds: int = 0) -> None:
        """`expected`: statistic → seconds. Periods that ended before `since` are not reported."""
        self._lengths = {name: length for name, length in expected.items() if name != "realtime"}
        self._delay = delay_seconds
        self._next = {statistic: floor(since, length) for statistic, length in self._lengths.items()}

    def change(self, statistic: str, length: int, now: datetime) -> None:
        """Set another interval (command 1064); periods already reported stay reported."""
        if statistic in self._lengths:
            self._lengths[statistic] = length
            self._next[statistic] = max(self._next[statistic], floor(now, length))

    def due(self, now: datetime) -> list[Due]:
        found = []
        for statistic, start in self._next.items():
            length = self._lengths[statistic]
            lag = timedelta(seconds=length + _LAGS[statistic] + self._delay)
            while start + lag <= now:
                found.append(Due(statistic, start, length))
                start += timedelta(seconds=length)
            self._next[statistic] = start
        return sorted(found, key=lambda due: due.start)


class Backlog:
    """Records waiting for the link, bounded: fresh ones in order, then late ones, the newest first, as the 2025
    edition asks of backfill."""

    def __init__(self, limit: int = 10_000) -> None:
        self._fresh: deque[Due] = deque()
        self._late: deque[Due] = deque()
        self._limit = limit
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._fresh) + len(self._late)

    def add(self, due: Due, *, late: bool = False) -> None:
        """Keep a record; beyond the limit the oldest late one is dropped and counted."""
        (self._late if late else self._fresh).append(due)
        if len(self) > self._limit:
            (self._late or self._fresh).popleft()
            self.dropped += 1

    def take(self) -> tuple[Due, bool] | None:
        """Return the next record and whether it is backfill, or None when nothing waits."""
        if self._fresh:
            return self._fresh.popleft(), False
        if self._late:
            return self._late.pop(), True
        return None

    def link_lost(self) -> None:
        """What waits now will be late."""
        self._late = deque(sorted((*self._late, *self._fresh), key=lambda due: due.start))
        self._fresh.clear()

"""The one entrance of time.

Nothing else in floors 2–4 may ask the operating system what time it is; tests drive a `ManualClock`.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

CHINA = timezone(timedelta(hours=8), "UTC+08:00")
"""The fixed offset of the natural day (DESIGN: 自然日). Mainland China has kept no summer time since 1992."""


class Clock(Protocol):
    """Wall time, monotonic time and waiting, so that all three can be driven by a test."""

    def now(self) -> datetime:
        """Return the current wall time, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards, for time-outs and rates."""

    async def sleep(self, seconds: float) -> None:
        """Wait inside an event loop."""

    def wait(self, seconds: float) -> None:
        """Wait in a thread."""


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to; waiting moves it by what was waited for."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("the clock needs a timezone-aware start")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both times forward."""
        if seconds < 0:
            raise ValueError("time passes forward only; use set_wall for a clock jump")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_wall(self, moment: datetime) -> None:
        """Jump the wall time, as a wrongly set clock does; monotonic time stays."""
        self._now = moment.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    def wait(self, seconds: float) -> None:
        self.advance(seconds)

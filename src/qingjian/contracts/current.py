"""The clock in use by this process, replaceable in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from qingjian.contracts.clock import Clock, SystemClock

_clock: Clock = SystemClock()


def clock() -> Clock:
    """Return the clock that the apps of floor 3 and the faces must ask."""
    return _clock


def now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return _clock.now()


@contextmanager
def use_clock(replacement: Clock) -> Iterator[Clock]:
    """Replace the clock of this process for a while."""
    global _clock
    before = _clock
    _clock = replacement
    try:
        yield replacement
    finally:
        _clock = before

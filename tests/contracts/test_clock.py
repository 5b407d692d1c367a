from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from qingjian.contracts.clock import ManualClock, SystemClock

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def test_waiting_moves_a_manual_clock_and_nothing_else_does() -> None:
    clock = ManualClock(NOON)
    clock.wait(60)
    asyncio.run(clock.sleep(30))
    assert (clock.now() - NOON).total_seconds() == 90
    assert clock.monotonic() == 90
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


def test_a_clock_jump_leaves_monotonic_time_alone() -> None:
    clock = ManualClock(NOON)
    clock.set_wall(datetime(2026, 11, 20, tzinfo=UTC))
    assert clock.monotonic() == 0


def test_the_system_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() is not None

"""Waiting for something, but not longer than the clock allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from qingjian.contracts.clock import Clock


async def within(clock: Clock, seconds: float, what: Awaitable[object]) -> bool:
    """Wait for `what` for at most so many seconds; returns whether it came. Its exception, if any, is raised."""
    task = asyncio.ensure_future(what)
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        return False
    finally:
        for one in (task, sleeping):
            if not one.done():
                one.cancel()
        await asyncio.gather(task, sleeping, return_exceptions=True)

"""Group commit: many connections, one thread that writes the journal, one fsync for all that waited.

Everything but the writing itself happens in the event loop, so there is no lock: while one group is on its way to
the disk the next one gathers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import structlog

from qingjian.contracts.clock import Clock
from qingjian.gateway.waiting import within
from qingjian.journal import JournalError, JournalUnavailableError, JournalWriter, NewFrame

LOG = structlog.get_logger("qingjian.gateway")
Done = Callable[[int], None]
"""Called in the event loop with the sequence once the frame is on disk."""


@dataclass(slots=True)
class CommitHealth:
    """Whether frames reach the disk."""

    failing_since: float | None = None
    """Monotonic seconds of the first failure of an outage; None while all is well."""
    failing_from: datetime | None = None
    """The same as wall time."""
    reason: str = ""
    failures: int = 0
    commits: int = 0
    frames: int = 0


class GroupCommit:
    """Gathers frames and hands them to the journal in groups, in the order they came."""

    GROUP = 1_024
    RETRY_SECONDS = 1.0

    def __init__(self, writer: JournalWriter, clock: Clock, *, on_flow: Callable[[], None]) -> None:
        """`on_flow` is called after each group, so that held-back connections may be read again."""
        self._writer = writer
        self._clock = clock
        self._on_flow = on_flow
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[tuple[NewFrame, Done | None]] = []
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.health = CommitHealth()

    def submit(self, frame: NewFrame, done: Done | None = None) -> None:
        """Put a frame in line; `done` is called once it is on disk, and never if it does not get there."""
        self._waiting.append((frame, done))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def waiting(self) -> int:
        """Frames that are not on disk yet."""
        return len(self._waiting)

    def tick(self) -> None:
        """End the open batch when its second is over; called regularly."""
        if self._task is None and not self._closing:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self, seconds: float) -> int:
        """Write what waits, for at most so long; returns how many frames could not be written."""
        if self._task is not None:
            await within(self._clock, seconds, asyncio.shield(self._task))
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._executor.shutdown(wait=True)
        self._writer.close()
        return len(self._waiting)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if not self._waiting:
                await loop.run_in_executor(self._executor, self._end_batch)
            while self._waiting and not self._closing:
                group = self._waiting[: self.GROUP]
                frames = [frame for frame, _ in group]
                try:
                    first, _ = await loop.run_in_executor(self._executor, self._writer.append_many, frames)
                except (JournalError, OSError) as error:
                    self._failed(str(error))
                    await self._clock.sleep(self.RETRY_SECONDS)
                    continue
                del self._waiting[: len(group)]
                self._succeeded(len(group))
                for sequence, (_, done) in enumerate(group, first):
                    if done is not None:
                        try:
                            done(sequence)
                        except Exception:
                            LOG.exception("a connection failed after its frame was stored")
                self._on_flow()
        finally:
            self._task = None

    def _end_batch(self) -> None:
        try:
            self._writer.close_batch_if_due()
        except JournalUnavailableError as error:
            LOG.warning("a batch stays open", reason=str(error))

    def _failed(self, reason: str) -> None:
        if self.health.failing_since is None:
            self.health.failing_since = self._clock.monotonic()
            self.health.failing_from = self._clock.now()
            LOG.error("the journal takes no frames; nothing is acknowledged", reason=reason)
        self.health.reason = reason
        self.health.failures += 1

    def _succeeded(self, frames: int) -> None:
        if self.health.failing_since is not None:
            LOG.warning("the journal takes frames again", failed=self.health.failures)
            self.health.failing_since = None
            self.health.failing_from = None
            self.health.reason = ""
        self.health.commits += 1
        self.health.frames += frames

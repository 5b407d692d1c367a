"""The jobs that exist: apps register theirs when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise

WORKER, SCREENING = "worker", "screening"


@dataclass(frozen=True, slots=True)
class Job:
    """A regular job. `action(period)` is idempotent and returns a short sentence for the page (`said.sentence`)."""

    name: str
    title: Promise | str
    every: timedelta
    action: Callable[[datetime], str]
    catch_up: int = 1
    """How many missed periods are run later, newest first."""
    lane: str = WORKER
    """Which process runs it: long work has a process of its own, so that alerts do not wait for it."""
    stale: timedelta = timedelta(minutes=30)
    """A run that is still marked running after this long belonged to a process that died."""

    def period_of(self, moment: datetime) -> datetime:
        """Return the start of the period a moment lies in, counted from 1970 in UTC+08:00."""
        seconds = self.every.total_seconds()
        offset = 8 * 3600
        return datetime.fromtimestamp((moment.timestamp() + offset) // seconds * seconds - offset, UTC)


_jobs: dict[str, Job] = {}


def register(job: Job) -> Job:
    """Add a job; the same name twice is an error."""
    if job.name in _jobs:
        raise ValueError(f"job {job.name} is registered twice")
    _jobs[job.name] = job
    return job


def jobs() -> list[Job]:
    """Return the registered jobs by name."""
    return [_jobs[name] for name in sorted(_jobs)]

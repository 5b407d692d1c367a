"""Run what is due, once per period."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import structlog
from django.db import IntegrityError, transaction

from qingjian.apps.scheduling.jobs import WORKER, Job, jobs
from qingjian.apps.scheduling.models import Run
from qingjian.apps.scheduling.said import Said
from qingjian.contracts.current import now

ATTEMPTS = 3
log = structlog.get_logger()


def run_due(stopping: Callable[[], bool] = lambda: False, lane: str = WORKER) -> int:
    """Run every job of a lane whose present period (or a missed one within its catch-up) has not run; return how many ran.

    `stopping` is asked before each run, so that a process told to stop begins nothing new.
    """
    ran = 0
    for job in jobs():
        if job.lane != lane:
            continue
        present = job.period_of(now())
        for back in range(job.catch_up):
            if stopping():
                return ran
            ran += _run(job, present - back * job.every)
    return ran


def _run(job: Job, period) -> int:
    run = _claim(job, period)
    if run is None:
        return 0
    try:
        result = job.action(period)
        state = Run.State.DONE
    except Exception:
        result, state = traceback.format_exc(limit=6), Run.State.FAILED
        log.exception("job failed", job=job.name, period=period.isoformat())
    except SystemExit:
        # A process told to stop in the middle of long work: the next one takes the period up again.
        Run.objects.filter(pk=run.pk).update(
            state=Run.State.FAILED, ended_at=now(), result="stopped", said=None, attempts=run.attempts - 1
        )
        raise
    message = result.stored if isinstance(result, Said) else None
    Run.objects.filter(pk=run.pk).update(state=state, ended_at=now(), result=result[:4000], said=message)
    return 1


def _claim(job: Job, period) -> Run | None:
    try:
        with transaction.atomic():
            return Run.objects.create(job=job.name, period=period, state=Run.State.RUNNING, started_at=now())
    except IntegrityError:
        pass
    with transaction.atomic():
        run = Run.objects.select_for_update().get(job=job.name, period=period)
        died = run.state == Run.State.RUNNING and run.started_at < now() - job.stale
        again = run.state == Run.State.FAILED and run.attempts < ATTEMPTS
        if not (died or again):
            return None
        run.attempts += 1
        run.state = Run.State.RUNNING
        run.started_at = now()
        run.save()
        return run

"""Reads of the schedule."""

from __future__ import annotations

from django.db.models import QuerySet

from qingjian.apps.scheduling.jobs import Job, jobs
from qingjian.apps.scheduling.models import Run


def runs() -> QuerySet[Run]:
    return Run.objects.all()


def overview() -> list[tuple[Job, Run | None]]:
    """Return every job with its newest run."""
    return [(job, Run.objects.filter(job=job.name).order_by("-period").first()) for job in jobs()]

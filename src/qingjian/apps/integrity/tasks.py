"""Regular jobs of data integrity: the daily screening, in a process of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from qingjian.apps.scheduling.jobs import SCREENING, Job, register

DEMO_LOOK_BACK = timedelta(days=360)
"""Some demo series replay a single year: further back the same values stand again, and would rightly be called a copy."""


def screen(period: datetime) -> str:
    """Screen everything up to the last day that is over; missed days are caught up by the same run, at most a year back."""
    from qingjian.apps.integrity import (
        screener,  # loads the learning libraries, which other processes need not hold
    )

    if settings.CONFIGURATION.demo:
        from qingjian.simulator.demo import shown_twice

        return screener.run(look_back=DEMO_LOOK_BACK, leave_out=shown_twice)
    return screener.run()


register(
    Job(
        "screening",
        _("Screening for faulty and falsified data"),
        timedelta(days=1),
        screen,
        lane=SCREENING,
        stale=timedelta(hours=8),
    )
)

"""The regular job of reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.reporting import services
from qingjian.apps.scheduling.jobs import Job, register

BUDGET_SECONDS = 15.0
"""How long one run may work before the worker turns to other things."""


def make_due(period: datetime) -> str:
    """Make the reports whose periods have ended and settled."""
    return services.make_due(BUDGET_SECONDS)


register(Job("routine-reports", _("Make routine reports"), timedelta(minutes=30), make_due))

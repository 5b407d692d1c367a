"""Regular jobs of governance."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.governance import services
from qingjian.apps.scheduling.jobs import Job, register
from qingjian.apps.scheduling.said import sentence


def open_for_alerts(period: datetime) -> str:
    opened = services.open_for_alerts()
    services.worsen_for_alerts()
    return sentence("%(count)d opened", count=opened)


register(
    Job(
        "alert-matters",
        _("Alerts of limits become matters with deadlines"),
        timedelta(minutes=1),
        open_for_alerts,
    )
)

"""Regular jobs of evaluation."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation import services
from qingjian.apps.scheduling.jobs import Job, register

BUDGET_SECONDS = 25.0
"""How long one run may work on the back history before the worker turns to other things."""


def follow(period: datetime) -> str:
    """Evaluate what came in, late data and new marks; go on with the back history."""
    return services.run(BUDGET_SECONDS)


def renew(period: datetime) -> str:
    """Evaluate the last days again, so that changed limits and rules take effect."""
    return services.renew()


register(Job("evaluation", _("Evaluate what came in"), timedelta(minutes=5), follow))
register(Job("evaluation-nightly", _("Evaluate the last days again"), timedelta(days=1), renew))

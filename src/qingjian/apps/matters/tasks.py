"""Regular jobs of matters."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.matters import services
from qingjian.apps.matters.services.watching import AT_ONCE
from qingjian.apps.scheduling.jobs import Job, register
from qingjian.apps.scheduling.said import sentence


def watch(period: datetime) -> str:
    """Remind before and escalate after."""
    return sentence(
        "%(reminded)d reminded, %(escalated)d escalated",
        reminded=services.remind(),
        escalated=services.escalate(),
    )


def deliver(period: datetime) -> str:
    return sentence("%(count)d sent", count=services.deliver())


def recompute(period: datetime) -> str:
    return sentence("%(count)d deadlines moved", count=services.recompute_deadlines(AT_ONCE))


def certificates(period: datetime) -> str:
    return sentence("%(count)d told of certificates that end", count=services.warn_of_certificates())


def orphans(period: datetime) -> str:
    return sentence("%(count)d told", count=services.report_orphans())


register(
    Job("matters-watch", _("Deadlines of matters: reminders and escalation"), timedelta(minutes=5), watch)
)
register(Job("matters-deliver", _("Notifications over e-mail and webhooks"), timedelta(minutes=1), deliver))
register(
    Job("matters-recompute", _("Deadlines follow the working-day calendar"), timedelta(minutes=10), recompute)
)
register(
    Job("matters-orphans", _("Matters whose person in charge lost the post"), timedelta(days=1), orphans)
)
register(Job("matters-certificates", _("Certificates that end soon"), timedelta(days=1), certificates))

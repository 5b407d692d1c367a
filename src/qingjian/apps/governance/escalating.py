"""Whom an alert reaches that nobody took over in time: those on duty first, then the leaders above them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Min
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as accounts
from qingjian.apps.accounts.models import User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters import rules as matter_rules
from qingjian.apps.matters import services as work
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Duty
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import words
from qingjian.apps.observing.models import SEVERITY_CHOICES, Alert
from qingjian.ui.newest import Newest, newest

NOTICE = "alert_escalated"
ON_DUTY = (Duty.Kind.MONITOR, Duty.Kind.MAINTAIN)
MOST_SHOWN = 8


def hear(alert: Alert, **_more: Any) -> None:
    """Tell the people of the level an alert has just climbed to."""
    values = {
        "alert": alert.pk,
        "rule": alert.rule,
        "place": str(alert.point or alert.subject),
        "severity": alert.severity,
        "level": alert.escalation,
    }
    work.announce(people_at(alert, alert.escalation), NOTICE, values)


def people_at(alert: Alert, level: int) -> list[User]:
    """Return whom a level reaches: first who handles it and who has the duty at the point, then the leaders above.

    Where nobody is above, those on duty are told again. An alert of the node itself goes to who runs the system.
    """
    if alert.region_id is None:
        first = accounts.people_with(Capability.RUN_SYSTEM)
        above = [accounts.people_with(Capability.SUPERVISE)]
    else:
        first = _together(
            matter_rules.people_with(Capability.HANDLE_ALERTS, alert.region_id, 0),
            matter_rules.people_of(alert.organisation_id),
            *(matter_rules.people_of(one) for one in _organisations_on_duty(alert)),
        )
        above = matter_rules.levels_with(Capability.SUPERVISE, alert.region_id)
    if level == 1 and first:
        return first
    told = {one.pk for one in first}
    groups = [further for group in above if (further := [one for one in group if one.pk not in told])]
    return groups[min(max(level - 2, 0), len(groups) - 1)] if groups else first


def _organisations_on_duty(alert: Alert) -> list[int]:
    if alert.point is None:
        return []
    duties = network.in_force(Duty.objects.filter(point=alert.point, kind__in=ON_DUTY))
    return list(dict.fromkeys(one.organisation_id for one in duties))


def _together(*groups: Iterable[User]) -> list[User]:
    return list({one.pk: one for group in groups for one in group}.values())


def sentence(values: Mapping[str, Any]) -> str:
    """Return the notification in the reader's language."""
    return str(
        _("Alert “%(rule)s” at %(place)s (%(severity)s) was not taken over in time: escalated to you")
    ) % {
        "rule": words.rule_title(values["rule"]),
        "place": values["place"],
        "severity": dict(SEVERITY_CHOICES)[values["severity"]],
    }


def address(values: Mapping[str, Any]) -> str:
    """Return the page of the alert."""
    return reverse("alert", args=(values["alert"],))


def escalated_to(user: Any) -> Newest:
    """Return the alerts that climbed to a person and that the authority has not taken over, the highest first."""
    rows = observing.open_alerts(user).exclude(escalate_at=None)
    oldest = rows.aggregate(oldest=Min("opened_at"))["oldest"]
    if oldest is None:
        return Newest([])
    told = matters.notifications(user).filter(kind=NOTICE, at__gte=oldest).values_list("values", flat=True)
    numbers = {one["alert"] for one in told}
    return newest(rows.filter(pk__in=numbers).order_by("-escalation", "opened_at"), MOST_SHOWN)

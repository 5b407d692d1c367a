"""Reads of governance."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from qingjian.apps.governance.handling import ALERT, ALERT_HANDLING
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters import wording
from qingjian.apps.matters.models import Matter
from qingjian.apps.observing import handling
from qingjian.apps.observing.models import Alert
from qingjian.contracts.current import now


def corrective_actions_visible_to(user: Any) -> QuerySet[Matter]:
    return matters.listed(matters.visible_to(user).filter(kind=CORRECTIVE_ACTION.code))


def alert_handlings_visible_to(user: Any) -> QuerySet[Matter]:
    return matters.listed(matters.visible_to(user).filter(kind=ALERT_HANDLING.code))


def handling_of(user: Any, alerts: list[Alert]) -> dict[int, handling.Handling]:
    """Return the newest matter of each alert, with the deadline that runs, as far as the person may see it."""
    rows = alert_handlings_visible_to(user).filter(origin__in=[f"{ALERT}:{one.pk}" for one in alerts])
    found = {}
    for matter in rows.prefetch_related("deadlines").order_by("pk"):
        clocks = [one for one in matter.deadlines.all() if one.ended_at is None]
        nearest = min(clocks, key=lambda one: (one.due is None, one.due), default=None)
        colour, text = matters.light(matter.due, now(), matter.closed_at is not None)
        found[int(matter.origin.partition(":")[2])] = handling.Handling(
            number=matter.number,
            address=reverse("matter", args=(matter.pk,)),
            state=str(matter.present.title),
            state_colour=matter.present.colour,
            deadline=str(wording.deadline_title(matter.declaration, nearest.code, nearest.title))
            if nearest
            else "",
            due=matter.due,
            light=str(text) if nearest else "",
            light_colour=colour,
            escalation=max((one.escalation for one in clocks), default=0),
        )
    return found


handling.register(handling_of)

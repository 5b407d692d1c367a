"""What people do with an alert: take over, note, close, hand over to a matter."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qingjian.apps.observing import merging, recorded, rules
from qingjian.apps.observing.models import (
    Alert,
    AlertStep,
)
from qingjian.apps.records import services as records
from qingjian.contracts.current import now


def hand_over(alert: Alert, number: str) -> None:
    """Let a matter carry the handling of an alert: its deadlines escalate, the alert's own hours no longer do."""
    Alert.objects.filter(pk=alert.pk).update(
        handled_as=number, escalate_at=None, escalation=0, version=F("version") + 1
    )
    AlertStep.objects.create(alert=alert, at=now(), action="handed", note=number)


def carry_out(author: Any, pk: int, action: str, note: str, cause: str = "") -> bool:
    """Take over (`acknowledged`) or close an alert because its matter was; whose process has checked who may.

    False when the alert had been closed before.
    """
    state = Alert.State.CLOSED if action == "closed" else Alert.State.ACKNOWLEDGED
    with transaction.atomic():
        changed = (
            Alert.objects.filter(pk=pk)
            .exclude(state=Alert.State.CLOSED)
            .update(state=state, cause=cause, escalate_at=None, version=F("version") + 1)
        )
        if changed:
            alert = Alert.objects.get(pk=pk)
            step = AlertStep.objects.create(
                alert=alert, at=now(), action=action, author=author, note=note[:500]
            )
            if state == Alert.State.CLOSED:
                records.commit("alert.closed", alert.pk, recorded.alert_closed(alert, step))
    return bool(changed)


def _step(author: Any, alert: Alert, version: int, action: str, note: str, **changes: Any) -> Alert:
    rules.require_handling(author, alert)
    if alert.merged_into_id is not None and changes:
        raise ValidationError(
            _("This alert is merged into alert %(number)d; take that one over and close it there.")
            % {"number": alert.merged_into_id}
        )
    if alert.handled_as and changes:
        raise ValidationError(
            _("This alert is handled as %(number)s; take it over and close it there.")
            % {"number": alert.handled_as}
        )
    with transaction.atomic():
        changed = (
            Alert.objects.filter(pk=alert.pk, version=version)
            .exclude(state=Alert.State.CLOSED)
            .update(version=version + 1, **changes)
        )
        if not changed:
            raise ValidationError(_("Somebody has changed this alert in the meantime. Reload the page."))
        AlertStep.objects.create(alert=alert, at=now(), action=action, author=author, note=note)
    alert.refresh_from_db()
    return alert


def acknowledge(author: Any, alert: Alert, version: int, note: str = "") -> Alert:
    """Take an alert over. Escalation stops when the authority does; the unit's own word leaves it running."""
    if rules.of_the_authority(author, alert):
        return _step(
            author, alert, version, "acknowledged", note, state=Alert.State.ACKNOWLEDGED, escalate_at=None
        )
    return _step(author, alert, version, "acknowledged", note, state=Alert.State.ACKNOWLEDGED)


def comment(author: Any, alert: Alert, version: int, note: str) -> Alert:
    """Add a note to the trail."""
    if not note.strip():
        raise ValidationError(_("Write a note."))
    return _step(author, alert, version, "noted", note.strip())


def close(author: Any, alert: Alert, version: int, cause: str, note: str) -> Alert:
    """Close an alert with its cause; what still lasts cannot be closed as ended without a note."""
    if cause not in Alert.Cause.values:
        raise ValidationError(_("Choose a cause."))
    rules.require_closing(author, alert)
    merging.require_members(author, alert)
    if not note.strip() and (cause == Alert.Cause.OTHER or alert.ended_at is None):
        raise ValidationError(_("Write a note: the cause alone does not explain it."))
    with transaction.atomic():
        closed = _step(
            author,
            alert,
            version,
            "closed",
            note.strip(),
            state=Alert.State.CLOSED,
            cause=cause,
            escalate_at=None,
        )
        step = recorded.closing_step(closed)
        if step is not None:
            records.commit("alert.closed", closed.pk, recorded.alert_closed(closed, step))
        merging.close_members(author, closed, cause, note.strip())
    return closed

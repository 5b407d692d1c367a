"""Alerts that a person merges: one carries the others until it is closed, or they are split off again.

A merged alert keeps its findings and goes on taking new ones; it does not climb and waits for nobody by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from qingjian.apps.observing import recorded, rules
from qingjian.apps.observing.models import ESCALATE_AFTER, SEVERITY_RANK, Alert, AlertStep
from qingjian.apps.records import services as records
from qingjian.contracts.current import now

LEAST, MOST = 2, 50
NOTE_LENGTH = 500


def standing(rows: QuerySet[Alert]) -> QuerySet[Alert]:
    """Keep the alerts that stand for themselves: a closed one is history, whatever carried it."""
    return rows.filter(Q(merged_into=None) | Q(state=Alert.State.CLOSED))


def mergeable(user: Any, alert: Alert) -> bool:
    """Say whether a person may merge an alert with others, or others with it."""
    return (
        alert.state != Alert.State.CLOSED
        and not alert.handled_as
        and not alert.synthetic
        and alert.merged_into_id is None
        and rules.may_close(user, alert)
    )


def merge(author: Any, versions: Mapping[int, int], reason: str) -> Alert:
    """Merge open alerts, given by number with the version that was seen, into the worst and oldest; return that one.

    PermissionDenied where one is out of reach; ValidationError says what is wrong with the choice.
    """
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    if not LEAST <= len(versions) <= MOST:
        raise ValidationError(_("Choose 2 to %(most)d alerts of the list.") % {"most": MOST})
    with transaction.atomic():
        chosen = list(Alert.objects.select_for_update(of=("self",)).filter(pk__in=versions).order_by("pk"))
        for one in chosen:
            rules.require_closing(author, one)
        if len(chosen) < len(versions) or any(one.version != versions[one.pk] for one in chosen):
            raise ValidationError(
                _("Somebody has changed one of these alerts in the meantime. Reload the page.")
            )
        for one in chosen:
            if not mergeable(author, one):
                raise ValidationError(
                    _(
                        "Alert %(number)d cannot be merged: it is closed, merged already, or handled as a matter."
                    )
                    % {"number": one.pk}
                )
        main, *others = sorted(chosen, key=lambda one: (-SEVERITY_RANK[one.severity], one.opened_at, one.pk))
        _join(author, main, others, reason.strip())
    main.refresh_from_db()
    return main


def _join(author: Any, main: Alert, others: Sequence[Alert], reason: str) -> None:
    moment = now()
    numbers = [one.pk for one in others]
    for one in others:
        _step(author, one, "merged-into", f"{main.pk} {reason}")
    # Whoever carries others and is now carried hands them on: there is one level only.
    for member in Alert.objects.filter(merged_into__in=numbers):
        _step(author, member, "merged-into", f"{main.pk} {reason}")
        numbers.append(member.pk)
    Alert.objects.filter(pk__in=numbers).update(merged_into=main, escalate_at=None, version=F("version") + 1)
    climbing = [one.escalate_at for one in (main, *others) if one.escalate_at is not None]
    Alert.objects.filter(pk=main.pk).update(
        escalation=max(one.escalation for one in (main, *others)),
        escalate_at=None if main.escalate_at is None else min(climbing),
        last_at=max(one.last_at for one in (main, *others)),
        version=F("version") + 1,
    )
    AlertStep.objects.create(
        alert=main, at=moment, action="merged", author=author, note=_note(f"{_listed(numbers)} {reason}")
    )


def split(author: Any, alert: Alert, version: int, reason: str) -> Alert:
    """Let a merged alert stand for itself again; it climbs as if it were new."""
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    rules.require_handling(author, alert)
    main = alert.merged_into
    with transaction.atomic():
        changed = (
            Alert.objects.filter(pk=alert.pk, version=version)
            .exclude(merged_into=None)
            .exclude(state=Alert.State.CLOSED)
            .update(
                merged_into=None,
                state=Alert.State.OPEN,
                escalation=0,
                escalate_at=now() + ESCALATE_AFTER[alert.severity],
                version=version + 1,
            )
        )
        if not changed or main is None:
            raise ValidationError(_("Somebody has changed this alert in the meantime. Reload the page."))
        _step(author, alert, "split-from", f"{main.pk} {reason.strip()}")
        _step(author, main, "split", f"{alert.pk} {reason.strip()}")
    alert.refresh_from_db()
    return alert


def require_members(author: Any, alert: Alert) -> None:
    """Raise PermissionDenied unless a person may close everything an alert carries."""
    for member in open_members(alert):
        rules.require_closing(author, member)


def open_members(alert: Alert) -> QuerySet[Alert]:
    """Return what an alert carries."""
    return alert.members.exclude(state=Alert.State.CLOSED).select_related("point", "region")


def close_members(author: Any, alert: Alert, cause: str, note: str) -> None:
    """Close what a closed alert carried, with its cause, in the same transaction."""
    for member in open_members(alert):
        Alert.objects.filter(pk=member.pk).update(
            state=Alert.State.CLOSED, cause=cause, escalate_at=None, version=F("version") + 1
        )
        member.refresh_from_db()
        step = AlertStep.objects.create(alert=member, at=now(), action="closed", author=author, note=note)
        AlertStep.objects.create(
            alert=member, at=now(), action="closed-with", author=author, note=str(alert.pk)
        )
        records.commit("alert.closed", member.pk, recorded.alert_closed(member, step))


def carried_grows(alert: Alert, severity: str) -> Alert | None:
    """Return the alert that must grow worse with a carried one, None when it is as bad already or there is none."""
    main = alert.merged_into
    if main is None or main.state == Alert.State.CLOSED:
        return None
    if alert.last_at > main.last_at:
        Alert.objects.filter(pk=main.pk).update(last_at=alert.last_at)
        main.refresh_from_db()
    return main if SEVERITY_RANK[severity] > SEVERITY_RANK[main.severity] else None


def _step(author: Any, alert: Alert, action: str, note: str) -> None:
    AlertStep.objects.create(alert=alert, at=now(), action=action, author=author, note=_note(note))


def _note(text: str) -> str:
    return text[:NOTE_LENGTH]


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))

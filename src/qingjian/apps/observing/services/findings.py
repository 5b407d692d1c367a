"""What the machine found becomes alerts: consumed, merged, escalated; and the proof that alerting lives."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils.translation import gettext as _

from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point
from qingjian.apps.observing import merging, stores
from qingjian.apps.observing.models import (
    ESCALATE_AFTER,
    SEVERITY_RANK,
    Alert,
    AlertStep,
    Consumer,
    FindingRecord,
    Heartbeat,
)
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, FindingLog

HIGHEST_ESCALATION = 2
MERGED_BY_POINT = ("gap", "flag-not-normal", "changed-after-the-fact")
"""One alert for all series of a point: a broken line or an instrument under repair concerns all of them at once."""
BATCH = 500
alert_escalated = Signal()
"""Sent in the transaction in which an alert climbed, with `alert`; whoever tells people listens."""


def consume_findings(log: FindingLog | None = None) -> int:
    """Take over what the pipeline found since last time; each batch and its position in one transaction."""
    log = log or stores.findings()
    total = 0
    while True:
        with transaction.atomic():
            consumer, _created = Consumer.objects.select_for_update().get_or_create(name="alerts")
            batch = log.read(consumer.position, BATCH)
            if not batch:
                return total
            for position, finding in batch:
                _take(finding)
                consumer.position = position
            consumer.save(update_fields=("position",))
        total += len(batch)


def _take(finding: Finding) -> None:
    point = network.point_of_subject(finding.subject_kind, finding.subject)
    record, _created = FindingRecord.objects.update_or_create(
        id=finding.id,
        defaults={
            "rule": finding.rule,
            "rule_version": finding.rule_version,
            "subject": finding.subject,
            "subject_kind": finding.subject_kind,
            "point": point,
            "start": finding.start,
            "end": finding.end,
            "severity": finding.severity,
            "evidence": dict(finding.evidence),
            "known_at": finding.known_at,
        },
    )
    if finding.severity == "information":
        return
    subject = point.code if finding.rule in MERGED_BY_POINT and point is not None else finding.subject
    before = record.alert
    alert = None if _grew_worse_since(before, finding) else before
    if alert is None:
        alert = (
            Alert.objects.filter(rule=finding.rule, subject=subject).exclude(state=Alert.State.CLOSED).first()
        )
    if alert is None:
        alert = _open(finding, subject, point)
    elif alert.state != Alert.State.CLOSED:
        _extend(alert, finding, new=record.alert_id != alert.pk)
    if record.alert_id != alert.pk:
        FindingRecord.objects.filter(pk=record.pk).update(alert=alert)
        if before is not None:
            AlertStep.objects.create(alert=before, at=now(), action="came-back", note=str(alert.pk))
    if finding.rule == "gap":
        _close_filled(alert)


def _grew_worse_since(alert: Alert | None, finding: Finding) -> bool:
    """Say whether what a closed alert was about still lasts and is worse than it was then: that asks a person again."""
    return (
        alert is not None
        and alert.state == Alert.State.CLOSED
        and finding.end is None
        and SEVERITY_RANK[finding.severity] > SEVERITY_RANK[alert.severity]
    )


def _close_filled(alert: Alert) -> None:
    """Close an alert of gaps nobody has taken over when all of them are filled: there is nothing left to ask a person."""
    if any(
        end is None or not evidence.get("filled")
        for end, evidence in alert.findings.values_list("end", "evidence")
    ):
        return
    if merging.open_members(alert).exists():
        return
    closed = Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(
        state=Alert.State.CLOSED, cause=Alert.Cause.FILLED, escalate_at=None, version=F("version") + 1
    )
    if closed:
        AlertStep.objects.create(alert=alert, at=now(), action="closed")


def _open(finding: Finding, subject: str, point: Point | None) -> Alert:
    moment = now()
    alert = Alert.objects.create(
        rule=finding.rule,
        subject=subject,
        subject_kind=finding.subject_kind,
        point=point,
        region=point.region if point else None,
        organisation=point.organisation if point else None,
        severity=finding.severity,
        opened_at=moment,
        last_at=finding.end or finding.start,
        ended_at=finding.end,
        findings_count=1,
        escalate_at=moment + ESCALATE_AFTER[finding.severity],
        synthetic=bool(point and point.kind == "synthetic"),
    )
    AlertStep.objects.create(alert=alert, at=moment, action="opened")
    return alert


def _extend(alert: Alert, finding: Finding, *, new: bool) -> None:
    if new:
        alert.findings_count += 1
    alert.last_at = max(alert.last_at, finding.end or finding.start)
    others = alert.findings.exclude(pk=finding.id)
    lasting = finding.end is None or others.filter(end=None).exists()
    alert.ended_at = None if lasting else max([finding.end, *others.values_list("end", flat=True)])
    if SEVERITY_RANK[finding.severity] > SEVERITY_RANK[alert.severity]:
        _worsen(alert, finding.severity)
    alert.save()
    main = merging.carried_grows(alert, finding.severity)
    if main is not None:
        _worsen(main, finding.severity)
        main.save()


def _worsen(alert: Alert, severity: str) -> None:
    """Raise the severity; what nobody has taken over climbs no later than the higher severity asks for from now on."""
    before = alert.escalate_at
    if before is not None:
        alert.escalate_at = min(before, now() + ESCALATE_AFTER[severity])
    times = "" if before is None else f" {before.isoformat()} {alert.escalate_at.isoformat()}"
    AlertStep.objects.create(
        alert=alert, at=now(), action="worsened", note=f"{alert.severity} {severity}{times}"
    )
    alert.severity = severity


def escalate_overdue() -> int:
    """Raise alerts nobody acknowledged in time by one level."""
    moment = now()
    raised = 0
    for alert in Alert.objects.filter(
        state=Alert.State.OPEN, escalate_at__lte=moment, escalation__lt=HIGHEST_ESCALATION, synthetic=False
    ).filter(merged_into=None):
        with transaction.atomic():
            changed = Alert.objects.filter(pk=alert.pk, version=alert.version, state=Alert.State.OPEN).update(
                escalation=alert.escalation + 1,
                escalate_at=moment + ESCALATE_AFTER[alert.severity],
                version=alert.version + 1,
            )
            if changed:
                AlertStep.objects.create(
                    alert=alert, at=moment, action="escalated", note=str(alert.escalation + 1)
                )
                alert.refresh_from_db()
                alert_escalated.send(sender=Alert, alert=alert)
                raised += 1
    return raised


def heartbeat_sent(moment: datetime) -> Heartbeat:
    """Note that the synthetic device has just spoken; from now on its silence must raise an alert."""
    return Heartbeat.objects.create(sent_at=moment)


def prove_heartbeat(within: timedelta) -> Heartbeat | None:
    """Look whether the newest self-test raised its alert; close that alert, or mark the self-test failed."""
    heartbeat = Heartbeat.objects.filter(proved_at=None, failed=False).order_by("-sent_at").first()
    if heartbeat is None:
        return None
    alert = (
        Alert.objects.filter(synthetic=True, opened_at__gte=heartbeat.sent_at).order_by("opened_at").first()
    )
    with transaction.atomic():
        if alert is not None:
            Heartbeat.objects.filter(pk=heartbeat.pk).update(alert=alert, proved_at=alert.opened_at)
            Alert.objects.filter(pk=alert.pk).exclude(state=Alert.State.CLOSED).update(
                state=Alert.State.CLOSED, cause=Alert.Cause.HEARTBEAT, escalate_at=None
            )
            AlertStep.objects.create(
                alert=alert, at=now(), action="closed", note=str(_("Self-test of alerting passed"))
            )
        elif now() - heartbeat.sent_at > within:
            Heartbeat.objects.filter(pk=heartbeat.pk).update(failed=True)
    heartbeat.refresh_from_db()
    return heartbeat

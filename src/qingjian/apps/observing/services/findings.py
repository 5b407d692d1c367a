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
    HIGHEST_ESCALATION,
    SEVERITY_RANK,
    Alert,
    AlertStep,
    Consumer,
    FindingRecord,
    Heartbeat,
)
from qingjian.apps.observing.services import returning
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, FindingLog

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
    had_ended = FindingRecord.objects.filter(pk=finding.id).exclude(end=None).exists()
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
    before = record.alert
    asks_again = before is not None and (
        _grew_worse_since(before, finding) or returning.comes_back(before, finding, had_ended=had_ended)
    )
    if before is not None and not asks_again:
        alert = before
        if alert.state == Alert.State.CLOSED:
            _end_later(alert, finding)
        else:
            _extend(alert, finding, new=False)
    else:
        alert = _raise(record, finding, point)
    if finding.rule == "gap":
        _close_filled(alert)


def _raise(record: FindingRecord, finding: Finding, point: Point | None) -> Alert:
    """Put a finding into the open alert of its rule and subject, or into a new one."""
    subject = point.code if finding.rule in MERGED_BY_POINT and point is not None else finding.subject
    alert = Alert.objects.filter(rule=finding.rule, subject=subject).exclude(state=Alert.State.CLOSED).first()
    if alert is None:
        alert = _open(finding, subject, point)
    else:
        _extend(alert, finding, new=True)
    FindingRecord.objects.filter(pk=record.pk).update(alert=alert)
    if record.alert is not None:
        AlertStep.objects.create(alert=record.alert, at=now(), action="came-back", note=str(alert.pk))
    return alert


def raise_again() -> int:
    """Raise what still lasts long after its alert was closed; return how many findings asked again."""
    lasting = (
        FindingRecord.objects.filter(end=None, alert__state=Alert.State.CLOSED, alert__synthetic=False)
        .filter(alert__handled_as="")
        .select_related("alert", "point__region", "point__organisation")
        .order_by("start")
    )
    raised = 0
    for record in lasting:
        due = returning.asks_again_at(record.alert)
        if due is None or now() < due:
            continue
        with transaction.atomic():
            # The consumer may have heard of its end in the meantime.
            held = FindingRecord.objects.select_for_update(of=("self",)).get(pk=record.pk)
            if held.end is None and held.alert_id == record.alert_id:
                _raise(record, _stated(held), record.point)
                raised += 1
    return raised


def _stated(record: FindingRecord) -> Finding:
    return Finding(
        record.pk,
        record.rule,
        record.rule_version,
        record.subject,
        record.subject_kind,
        record.start,
        record.end,
        record.severity,
        record.evidence,
        record.known_at,
    )


def _end_later(alert: Alert, finding: Finding) -> None:
    """Follow the end of what a closed alert was about; nothing else of it changes."""
    if alert.findings.filter(end=None).exists():
        return
    ends = alert.findings.values_list("end", flat=True)
    last = max([one for one in ends if one is not None])
    Alert.objects.filter(pk=alert.pk).update(ended_at=last, last_at=max(alert.last_at, last))


def _grew_worse_since(alert: Alert, finding: Finding) -> bool:
    """Say whether what a closed alert was about still lasts and is worse than it was then: that asks a person again."""
    return (
        alert.state == Alert.State.CLOSED
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
    level = returning.level_kept(finding.rule, subject)
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
        escalation=level,
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
    """Raise by one level the alerts that the authority has not taken over in time, whoever else has."""
    moment = now()
    raised = 0
    for alert in Alert.objects.filter(
        escalate_at__lte=moment, escalation__lt=HIGHEST_ESCALATION, synthetic=False
    ).filter(merged_into=None):
        with transaction.atomic():
            changed = Alert.objects.filter(pk=alert.pk, version=alert.version).update(
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

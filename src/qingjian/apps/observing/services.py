"""All writes of observation: consume findings, merge them into alerts, let people handle them, set marks."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Device, Point
from qingjian.apps.observing import levels, recorded, rules, statuses, stores
from qingjian.apps.observing.models import (
    SEVERITY_RANK,
    Alert,
    AlertStep,
    Clue,
    Consumer,
    FindingRecord,
    Heartbeat,
    Mark,
)
from qingjian.apps.records import services as records
from qingjian.contracts.commands import Command
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, FindingLog

ESCALATE_AFTER = {"critical": timedelta(hours=1), "major": timedelta(hours=4), "minor": timedelta(hours=24)}
"""Until an alert is acknowledged it climbs one level after this long; information never becomes an alert."""
HIGHEST_ESCALATION = 2
COMMAND_LIFE = timedelta(minutes=30)
MERGED_BY_POINT = ("gap", "flag-not-normal", "changed-after-the-fact")
"""One alert for all series of a point: a broken line or an instrument under repair concerns all of them at once."""
BATCH = 500
MARKS_LOOKED_AT = 1_000
"""Newest marks compared with what the pipeline was told."""
clue_decided = Signal()
"""Sent with `clue` in the transaction that decides it: what follows from the decision is stored with it or not at all."""


@dataclasses.dataclass(frozen=True, slots=True)
class ClueStatement:
    """What the machine states of a clue: series, period, how unusual, in both languages, with its evidence."""

    series_id: int | None
    start: datetime
    end: datetime
    score: float
    statement: str
    statement_en: str
    evidence: dict[str, Any]
    confidence: str
    simulated: bool


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
    alert = (
        record.alert
        or Alert.objects.filter(rule=finding.rule, subject=subject).exclude(state=Alert.State.CLOSED).first()
    )
    if alert is None:
        alert = _open(finding, subject, point)
    elif alert.state != Alert.State.CLOSED:
        _extend(alert, finding, new=record.alert_id is None)
    if record.alert_id is None:
        FindingRecord.objects.filter(pk=record.pk).update(alert=alert)
    if finding.rule == "gap":
        _close_filled(alert)


def _close_filled(alert: Alert) -> None:
    """Close an alert of gaps nobody has taken over when all of them are filled: there is nothing left to ask a person."""
    if any(
        end is None or not evidence.get("filled")
        for end, evidence in alert.findings.values_list("end", "evidence")
    ):
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
    ):
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
                raised += 1
    return raised


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
    """Take an alert over; escalation stops."""
    return _step(
        author, alert, version, "acknowledged", note, state=Alert.State.ACKNOWLEDGED, escalate_at=None
    )


def comment(author: Any, alert: Alert, version: int, note: str) -> Alert:
    """Add a note to the trail."""
    if not note.strip():
        raise ValidationError(_("Write a note."))
    return _step(author, alert, version, "noted", note.strip())


def close(author: Any, alert: Alert, version: int, cause: str, note: str) -> Alert:
    """Close an alert with its cause; what still lasts cannot be closed as ended without a note."""
    if cause not in Alert.Cause.values:
        raise ValidationError(_("Choose a cause."))
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
    return closed


def queue_command(
    author: Any, device: Device, code: str, parameters: dict[str, str], purpose: str
) -> Command:
    """Order a command; the order is in the trail and the ledger before the gateway can see it."""
    account_rules.require(author, Capability.SEND_COMMANDS, region=device.point.region)
    command = Command(
        id=str(uuid.uuid4()),
        mn=device.mn,
        code=code,
        parameters=parameters,
        author=author.username,
        authorisation=f"{Capability.SEND_COMMANDS}:{author.pk}",
        created_at=now(),
        expires_at=now() + COMMAND_LIFE,
        purpose=purpose,
    )
    with transaction.atomic():
        accounts.record(author, "device:command:queued", device.mn, {"code": code})
        records.commit(
            "command.queued",
            command.id,
            recorded.command_queued(author, device.mn, code, parameters, purpose),
        )
    stores.commands().put(command)
    return command


def read_frames_again(author: Any, device: Device, start: datetime, end: datetime, purpose: str) -> None:
    """Order that the kept frames of a device received in [start, end) are read by today's registry.

    Samples from before its registration and refused bytes count as far as they would be accepted today; values that
    exist already stay. The order is in the trail before the pipeline can see it.
    """
    account_rules.require(author, Capability.SEND_COMMANDS, region=device.point.region)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    period = {"from": start.isoformat(), "to": end.isoformat(), "purpose": purpose}
    accounts.record(author, "device:frames:read-again", device.mn, period)
    stores.order_reading_again(device.mn, start, end)


def set_mark(
    author: Any,
    point: Point,
    series: Sequence[str],
    start: datetime,
    end: datetime,
    kind: str,
    reason: str,
    supersedes: Mark | None = None,
    withdrawn: bool = False,
) -> Mark:
    """Set a mark on a stretch of series of one point; earlier marks stay and are superseded, never changed."""
    account_rules.require(
        author, Capability.MARK_DATA, region=point.region, organisation_id=point.organisation_id
    )
    if end <= start:
        raise ValidationError(_("The end must lie after the beginning."))
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    if kind not in Mark.Kind.values:
        raise ValidationError(_("Choose a kind of mark."))
    if kind in rules.LEVEL_MARKS:
        rules.require_level(author, point, kind)
        levels.require_order(author, point, series, start, end, kind, withdrawn=withdrawn)
    own = set(point.series.values_list("code", flat=True))
    unknown = set(series) - own
    if not series or unknown:
        raise ValidationError(_("Choose series of this point."))
    with transaction.atomic():
        mark = Mark.objects.create(
            point=point,
            series=sorted(series),
            start=start,
            end=end,
            kind=kind,
            author=author,
            reason=reason.strip(),
            known_at=now(),
            supersedes=supersedes,
            withdrawn=withdrawn,
        )
        accounts.record(
            author,
            "data:mark:withdrawn" if withdrawn else "data:mark:set",
            point.code,
            {"mark": mark.pk, "kind": kind},
        )
        records.commit("mark.withdrawn" if withdrawn else "mark.set", mark.pk, recorded.mark(mark))
        transaction.on_commit(lambda: stores.facts().append([statuses.stated(mark)]), robust=True)
    return mark


def tell_pipeline_of_marks() -> int:
    """Hand marks to the pipeline, which makes the periods they touch anew; returns how many it did not have.

    Each mark is handed over when it is set; the worker looks again, so that none is lost when a process dies in
    between. Numbers are given before transactions end, so marks below the newest one are looked at too.
    """
    log = stores.facts()
    newest = Mark.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return 0
    told = log.last()
    behind = Mark.objects.filter(pk__gt=0 if told == 0 else max(newest - MARKS_LOOKED_AT, 0))
    return log.append([statuses.stated(mark) for mark in behind.select_related("author").order_by("pk")])


def set_levels(
    author: Any, points: Iterable[Point], start: datetime, end: datetime, kind: str, reason: str
) -> tuple[list[Mark], list[tuple[Point, str]]]:
    """Raise all series of several points to a level; returns the marks set, and the points refused with the reason."""
    if kind not in rules.LEVEL_MARKS:
        raise ValidationError(_("Choose a level."))
    done, refused = [], []
    for point in points:
        codes = list(point.series.exclude(origin="platform").values_list("code", flat=True))
        try:
            done.append(set_mark(author, point, codes, start, end, kind, reason))
        except (ValidationError, PermissionDenied) as error:
            refused.append((point, " ".join(getattr(error, "messages", None) or [str(error)])))
    return done, refused


def open_clue(point: Point, rule: str, kind: str, statement: ClueStatement) -> Clue:
    """Open a clue with what screening states; people verify or dismiss it."""
    return Clue.objects.create(
        point=point, rule=rule, kind=kind, opened_at=now(), **dataclasses.asdict(statement)
    )


def open_clue_at(point: Point, start: datetime, end: datetime) -> Clue | None:
    """Return the open clue about a point whose days overlap an interval, made by screening; None when there is none."""
    return (
        Clue.objects.filter(point=point, state=Clue.State.OPEN, start__lt=end, end__gt=start)
        .exclude(series=None)
        .order_by("opened_at", "id")
        .first()
    )


def revise_clue(clue: Clue, kind: str, statement: ClueStatement) -> bool:
    """Replace what the machine states of an open clue; False when people have decided it in the meantime."""
    changed = Clue.objects.filter(pk=clue.pk, state=Clue.State.OPEN).update(
        kind=kind, revision=F("revision") + 1, **dataclasses.asdict(statement)
    )
    return bool(changed)


def decide_clue(author: Any, clue: Clue, version: int, state: str, reason: str) -> Clue:
    """Confirm or dismiss a clue with a reason; the precision of its rule follows from these decisions."""
    account_rules.require(author, Capability.HANDLE_ALERTS, region=clue.point.region)
    if state not in (Clue.State.CONFIRMED, Clue.State.DISMISSED):
        raise ValidationError(_("Choose whether the clue is confirmed or dismissed."))
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = Clue.objects.filter(pk=clue.pk, version=version, state=Clue.State.OPEN).update(
            state=state, reason=reason.strip(), decided_by=author, decided_at=now(), version=version + 1
        )
        if not changed:
            raise ValidationError(_("Somebody has decided this clue in the meantime. Reload the page."))
        clue.refresh_from_db()
        _announce(clue)
    return clue


def conclude_clue(author: Any, clue: Clue, state: str, reason: str) -> bool:
    """Carry the answer of a finished verification to its clue, whose process has checked who may; False when decided before."""
    with transaction.atomic():
        changed = Clue.objects.filter(pk=clue.pk, state=Clue.State.OPEN).update(
            state=Clue.State(state),
            reason=reason[:300],
            decided_by=author,
            decided_at=now(),
            version=F("version") + 1,
        )
        if changed:
            clue.refresh_from_db()
            _announce(clue)
    return bool(changed)


def _announce(clue: Clue) -> None:
    records.commit("clue.decided", clue.pk, recorded.clue_decided(clue))
    clue_decided.send(sender=Clue, clue=clue)


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

"""What comes back after its alert was closed: when it asks people again, and from which level it climbs."""

from __future__ import annotations

from datetime import datetime, timedelta

from qingjian.apps.observing.models import HIGHEST_ESCALATION, Alert, AlertStep
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding

LASTS_AFTER = timedelta(days=1)
"""What still lasts this long after its alert was closed is raised again."""
EXPLAINED_FOR = timedelta(days=31)
EXPLAINED = (Alert.Cause.STOPPED, Alert.Cause.MAINTENANCE, Alert.Cause.RULE)
"""Causes that explain what lasts for longer; a mark for what is planned reaches as far ahead."""
SOON = timedelta(days=1)
"""What comes back within this time is the same trouble: it climbs on from the level its alert had."""


def closed_at(alert: Alert) -> datetime | None:
    """Return when an alert was closed the last time."""
    closing = AlertStep.objects.filter(alert=alert, action="closed")
    return closing.order_by("-at", "-id").values_list("at", flat=True).first()


def asks_again_at(alert: Alert) -> datetime | None:
    """Return from when on what still lasts asks again; None while the alert is open, and where it never does.

    A matter ended with a decision of its process, and the self-test of alerting ends by itself.
    """
    if alert.state != Alert.State.CLOSED or alert.handled_as or alert.synthetic:
        return None
    closed = closed_at(alert)
    return closed and closed + (EXPLAINED_FOR if alert.cause in EXPLAINED else LASTS_AFTER)


def comes_back(alert: Alert, finding: Finding, *, had_ended: bool) -> bool:
    """Say whether a later statement of a finding of a closed alert asks a person again.

    It does when what had ended lasts again, when filled values are missing again, and when it went on for long after
    the closing. `had_ended`: the statement before this one had an end.
    """
    due = asks_again_at(alert)
    if due is None:
        return False
    if finding.end is None and had_ended:
        return True
    if alert.cause == Alert.Cause.FILLED and not finding.evidence.get("filled"):
        return True
    return now() >= due and (finding.end is None or finding.end >= due)


def level_kept(rule: str, subject: str) -> int:
    """Return the level from which an alert of a rule and a subject climbs: that of one closed a short time ago, else 0.

    One level is always left, so that somebody is told.
    """
    before = (
        Alert.objects.filter(rule=rule, subject=subject, state=Alert.State.CLOSED).order_by("-id").first()
    )
    if before is None or before.synthetic or before.escalation == 0:
        return 0
    closed = closed_at(before)
    return min(before.escalation, HIGHEST_ESCALATION - 1) if closed and now() - closed < SOON else 0

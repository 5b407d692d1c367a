"""Writes of governance: alerts that ask for work become matters, whose deadlines run and escalate."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext, override

from qingjian.apps.evaluation import words as evaluation
from qingjian.apps.governance.handling import ALERT, ALERT_HANDLING
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters import services as work
from qingjian.apps.matters.words import OFFICIAL_LANGUAGE, TITLE_LENGTH
from qingjian.apps.observing import evidence, words
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import SEVERITY_RANK, Alert
from qingjian.apps.observing.statuses import english
from qingjian.ui.templatetags.kit import moment

MOST_FINDINGS = 5


def open_for_alerts() -> int:
    """Open a matter for each unhandled alert of a limit, also when an earlier matter was declared void; return how many."""
    opened = 0
    waiting = (
        Alert.objects.filter(rule__in=evaluation.WORKED_ON, state=Alert.State.OPEN, synthetic=False)
        .filter(merged_into=None)
        .exclude(region=None)
        .select_related("region", "organisation", "point")
        .order_by("pk")
    )
    for alert in waiting:
        with transaction.atomic():
            held = Alert.objects.select_for_update().get(pk=alert.pk)
            origin = f"{ALERT}:{alert.pk}"
            if held.state != Alert.State.OPEN or matters.open_from(origin).exists():
                continue
            with override("en"):
                title_en, statement_en = _title(alert), _statement(alert)
            with override(OFFICIAL_LANGUAGE):
                title, statement = _title(alert), _statement(alert)
            done = work.open_matter(
                ALERT_HANDLING,
                None,
                title=title[:TITLE_LENGTH],
                title_en=title_en[:TITLE_LENGTH],
                region=alert.region,
                subject=alert.organisation,
                point=alert.point,
                data={"severity": alert.severity, "statement": statement},
                data_en={"statement": statement_en},
                origin=origin,
                idempotency_key=f"{origin}:{matters.begun_at(origin)}",
            )
            observing.hand_over(alert, done.matter.number)
            opened += 1
    return opened


def _title(alert: Alert) -> str:
    return f"{words.rule_title(alert.rule)}: {alert.point or alert.subject}"


def _statement(alert: Alert) -> str:
    """Return what was found, in the present language."""
    return "\n".join([_title(alert), *_found(alert), str(words.rule_text(alert.rule))])


def worsen_for_alerts() -> int:
    """Carry the severity of alerts that grew worse into their open matters, with the tighter deadline; return how many."""
    alerts = {
        f"{ALERT}:{one.pk}": one.severity
        for one in Alert.objects.filter(rule__in=evaluation.WORKED_ON)
        .exclude(state=Alert.State.CLOSED)
        .exclude(handled_as="")
    }
    return sum(
        work.worsen(matter.pk, {"severity": alerts[matter.origin]})
        for matter in matters.open_of(ALERT_HANDLING.code)
        if matter.origin in alerts
        and SEVERITY_RANK[alerts[matter.origin]] > SEVERITY_RANK.get(matter.data.get("severity", ""), 0)
    )


def _found(alert: Alert) -> list[str]:
    """Return the newest findings of an alert with their evidence, one line each."""
    lines = []
    joiner, colon = ("; ", ": ") if english() else ("；", "：")
    for one in alert.findings.all()[:MOST_FINDINGS]:
        until = moment(one.end) if one.end else gettext("lasting")
        said = joiner.join(
            f"{line.title} {line.text}".strip() for line in evidence.lines(one.evidence) if line.text
        )
        lines.append(f"{moment(one.start)} – {until}{colon}{said}")
    return lines

"""Lists of observation."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.observing.models import SEVERITY_CHOICES, Alert, Correction
from qingjian.apps.observing.words import (
    CORRECTION_COLOURS,
    SEVERITY_COLOURS,
    STATE_COLOURS,
    STATISTICS,
    rule_title,
    rule_titles,
)
from qingjian.ui.listing import Choice, Column, Listing, Search


def merged(row: Alert) -> bool:
    """Say whether another alert carries this one."""
    return row.merged_into_id is not None and row.state != Alert.State.CLOSED


class AlertListing(Listing):
    title = _("Alerts")
    name = "alerts"
    model = Alert
    columns = (
        Column(
            "rule",
            _("Alert"),
            value=lambda row: rule_title(row.rule),
            order="rule",
            link=lambda row: reverse("alert", args=(row.pk,)),
            long=True,
        ),
        Column(
            "severity",
            _("Severity"),
            value=lambda row: row.get_severity_display(),
            order="severity",
            badge=lambda row: SEVERITY_COLOURS[row.severity],
        ),
        Column(
            "point",
            _("Monitoring point"),
            value=lambda row: row.point.name if row.point else row.subject,
            order="point__name",
            long=True,
        ),
        Column("subject", _("Subject"), breaks=True),
        Column(
            "state",
            _("State"),
            value=lambda row: f"→ #{row.merged_into_id}" if merged(row) else row.get_state_display(),
            order="state",
            badge=lambda row: "purple" if merged(row) else STATE_COLOURS[row.state],
        ),
        Column("opened_at", _("Opened")),
        Column("ended_at", _("Ended"), value=lambda row: row.ended_at or _("lasting")),
        Column("findings_count", _("Findings"), numeric=True),
        Column(
            "escalation",
            _("Escalation"),
            value=lambda row: row.escalation or "",
            numeric=True,
            order="escalation",
        ),
        Column("handled_as", _("Handled as"), order="handled_as"),
        Column("cause", _("Cause"), value=lambda row: row.get_cause_display(), order="cause", long=True),
    )
    filters = (
        Search(("subject", "point__name", "point__code", "rule")),
        Choice("state", _("State"), Alert.State.choices),
        Choice("severity", _("Severity"), SEVERITY_CHOICES),
        Choice("rule", _("Rule"), rule_titles),
        Choice(
            "merged",
            _("Merged"),
            (("none", _("not merged into another")), ("only", _("merged into another"))),
            use=lambda rows, which: rows.filter(merged_into__isnull=which == "none"),
        ),
    )
    template = "observing/alerts.html"
    empty_text = _("No alert. Alerting proves itself every day with a synthetic device.")


class CorrectionListing(Listing):
    title = _("Corrections")
    name = "corrections"
    model = Correction
    columns = (
        Column(
            "series",
            _("Series"),
            value=lambda row: str(row.series),
            order="series__code",
            link=lambda row: reverse("correction", args=(row.pk,)),
        ),
        Column("statistic", _("Statistic"), value=lambda row: STATISTICS[row.statistic], order="statistic"),
        Column("start", _("Period")),
        Column("before", _("Before"), value=lambda row: row.before.get("value", "–"), order="", numeric=True),
        Column("after", _("After"), value=lambda row: row.after.get("value", "–"), order="", numeric=True),
        Column("reason", _("Reason")),
        Column("author", _("Proposed by"), value=lambda row: str(row.author), order="author__name"),
        Column("created_at", _("Proposed at")),
        Column(
            "state",
            _("State"),
            value=lambda row: row.get_state_display(),
            order="state",
            badge=lambda row: CORRECTION_COLOURS[row.state],
        ),
        Column(
            "decided_by", _("Decided by"), value=lambda row: row.decided_by or "", order="decided_by__name"
        ),
    )
    filters = (
        Search(("series__code", "series__point__name", "reason")),
        Choice("state", _("State"), Correction.State.choices),
        Choice("statistic", _("Statistic"), tuple(STATISTICS.items())),
    )
    empty_text = _("No value was corrected. A correction is proposed where a value shows what it comes from.")

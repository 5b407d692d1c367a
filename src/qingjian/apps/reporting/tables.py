"""The list of reports."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qingjian.apps.reporting import queries
from qingjian.apps.reporting.models import Report
from qingjian.contracts.periods import Period
from qingjian.ui.listing import Choice, Column, Listing, Search

STATE_COLOURS = {"draft": "orange", "final": "green"}


def period_code(report: Report) -> str:
    return Period(report.span, report.first, report.last).code


def _newer(report: Report) -> str:
    count = queries.newer_results(report)
    if count:
        return gettext("newer data exist (%(count)d)") % {"count": count}
    return gettext("older evaluation") if queries.corrected_since(report) else ""


def _made_by(report: Report) -> str:
    return str(report.made_by) if report.made_by else gettext("schedule")


class ReportListing(Listing):
    title = _("Reports")
    name = "reports"
    model = Report
    template = "reporting/reports.html"
    columns = (
        Column(
            "first",
            _("Period"),
            value=period_code,
            order="first",
            link=lambda row: reverse("report", args=(row.pk,)),
        ),
        Column("span", _("Kind"), value=lambda row: row.get_span_display(), order="span"),
        Column("element", _("Element"), value=lambda row: row.get_element_display(), order="element"),
        Column("region", _("Region"), value=lambda row: str(row.region), order="region__name"),
        Column("revision", _("Version"), numeric=True),
        Column(
            "state",
            _("State"),
            value=lambda row: row.get_state_display(),
            order="state",
            badge=lambda row: STATE_COLOURS[row.state],
        ),
        Column(
            "newer", _("Data"), value=_newer, order="", badge=lambda row: "azure" if _newer(row) else None
        ),
        Column("made_at", _("Made at")),
        Column("made_by", _("Made by"), value=_made_by, order=""),
    )
    filters = (
        Search(("region__name", "remark")),
        Choice("element", _("Element"), Report.Element.choices),
        Choice("span", _("Kind"), Report.Span.choices),
        Choice("state", _("State"), Report.State.choices),
    )
    empty_text = _("No report yet. The schedule makes them after each period; you can also make one now.")

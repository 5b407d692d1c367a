"""What of reports goes into the ledger: a report that became final, with the digests of its content and files."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.records import kinds
from qingjian.apps.reporting.models import Report


def report_final(report: Report) -> dict[str, Any]:
    return {
        **named("actor", report.final_by),
        "report": report.pk,
        "element": report.element,
        "span": report.span,
        "region": report.region.code,
        "first": report.first.isoformat(),
        "revision": report.revision,
        "digest": report.digest,
        "word": report.word_id,
        "excel": report.excel_id,
    }


def _reread(identifier: str) -> dict[str, Any] | None:
    report = Report.objects.select_related("final_by", "region").filter(pk=identifier).first()
    return report_final(report) if report is not None and report.state == Report.State.FINAL else None


def _made() -> list[str]:
    return [str(pk) for pk in Report.objects.filter(state=Report.State.FINAL).values_list("pk", flat=True)]


kinds.register(
    "report.final",
    _("Report signed off"),
    "报告签发",
    {"actor", "report", "element", "span", "region", "first", "revision", "digest", "word", "excel"},
    _reread,
    _made,
)

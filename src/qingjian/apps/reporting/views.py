"""Pages of reports: the list, one report with its charts and basis, files, and signing off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.reporting import charts, comparing, documents, queries, rules, services, tables
from qingjian.apps.reporting.content import said
from qingjian.apps.reporting.forms import MakeForm, SignForm
from qingjian.apps.reporting.models import Report
from qingjian.contracts.current import now
from qingjian.contracts.periods import Period, day_of
from qingjian.ui.listing import workbook_response

KINDS = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
MOST_DIFFERENCES = 200
LONG_TEXT = 24
"""Texts longer than this get room on a phone."""


def _language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"


def reports(request: HttpRequest) -> HttpResponse:
    """The newest version of each report, with a mark where newer data exist."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.newest_only(queries.reports_visible_to(request.user))
    form = MakeForm(request.user, initial={"day": day_of(now()) - timedelta(days=1)})
    may_make = form.fields["region"].queryset.exists()
    return tables.ReportListing(request, rows).response({"form": form, "may_make": may_make})


@require_POST
def make(request: HttpRequest) -> HttpResponse:
    """Make a report now."""
    form = MakeForm(request.user, request.POST)
    if not form.is_valid():
        messages.error(
            request,
            " ".join(
                f"{form.fields[name].label}: {' '.join(errors)}" for name, errors in form.errors.items()
            ),
        )
        return redirect("reports")
    wanted = form.cleaned_data
    try:
        report = services.make(
            request.user, wanted["element"], wanted["span"], wanted["region"], wanted["day"]
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("reports")
    if report.made_at < now() - timedelta(minutes=1):
        messages.info(request, _("Nothing has changed since the newest version: here it is."))
    else:
        messages.success(request, _("The report has been made."))
    return redirect("report", report.pk)


def _report(request: HttpRequest, pk: int) -> Report:
    return get_object_or_404(queries.reports_visible_to(request.user), pk=pk)


def report(request: HttpRequest, pk: int) -> HttpResponse:
    """One version of a report, made from its stored content alone."""
    row = _report(request, pk)
    language = _language()
    content = row.content
    versions = list(queries.versions_of(row))
    newest = versions[0].pk == row.pk
    ended = row.last < day_of(now())
    draft = row.state == Report.State.DRAFT
    context = {
        "title": said(content["title"], language),
        "report": row,
        "region": content["region"]["name"],
        "period": said(content["period"], language),
        "colour": tables.STATE_COLOURS[row.state],
        "warnings": documents.warnings(content, language),
        "facts": [(said(one["name"], language), said(one["value"], language)) for one in content["facts"]],
        "summary": [said(one, language) for one in content["summary"]],
        "sections": [_shown(one, language) for one in content["sections"]],
        "basis": [_shown(one, language) for one in content["basis"]["sections"]],
        "about": documents.facts_of(services.meta_of(row, language), language),
        "versions": versions,
        "newest": newest,
        "newer": queries.newer_results(row) if newest else 0,
        "corrected": queries.corrected_since(row) if newest else [],
        "calculations": (row.calculation, evaluation.calculation_of(row.element)),
        "rules_changed": newest and queries.rules_have_changed(row),
        "may_make": rules.may_make(request.user, row.region),
        "may_sign": draft
        and newest
        and ended
        and rules.may_sign(request.user, row.region)
        and row.made_by_id != request.user.pk,
        "form": SignForm(),
    }
    return render(request, "reporting/report.html", context)


def _shown(one: dict[str, Any], language: str) -> dict[str, Any]:
    table = one["table"]
    return {
        "title": said(one["title"], language),
        "note": said(one["note"], language) if one["note"] else "",
        # Drawn by this program; every text in it is escaped there.
        "chart": mark_safe(charts.svg(one["chart"], language)) if one["chart"] else "",  # noqa: S308
        "heads": [
            f"{head[language]}{' (' + head['unit'] + ')' if head['unit'] else ''}" for head in table["heads"]
        ]
        if table
        else [],
        "rows": [
            [
                (
                    said(cell, language),
                    isinstance(cell, int | float) and not isinstance(cell, bool),
                    len(said(cell, language)) > LONG_TEXT,
                )
                for cell in row
            ]
            for row in table["rows"]
        ]
        if table
        else [],
    }


def download(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The stored file; in the other language one made of the same content."""
    row = _report(request, pk)
    if kind not in KINDS:
        raise Http404
    language = "en" if request.GET.get("language") == "en" else "zh"
    try:
        content = services.file_in(row, kind, language)
    except RefusedError as error:
        messages.error(request, str(error))
        return redirect("report", pk)
    except OSError as error:
        messages.error(
            request, _("No PDF can be made here (%(error)s). Use the Word file.") % {"error": error}
        )
        return redirect("report", pk)
    code = Period(row.span, row.first, row.last).code
    name = f"{row.element}-{row.region.code}-{code}-v{row.revision}{'-en' if language == 'en' else ''}.{kind}"
    response = HttpResponse(content, content_type=KINDS[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """What the report would say if it were made now; nothing is stored."""
    row = _report(request, pk)
    language = _language()
    fresh = services.content_of(row.element, row.region, Period(row.span, row.first, row.last))
    found = comparing.differences(row.content, fresh, language) if fresh is not None else []
    if request.GET.get("export") == "xlsx":
        heads = [_("Part of the report"), _("Figure"), _("In the report"), _("Made now")]
        rows = [[one.where, one.item, one.stored, one.now] for one in found]
        return workbook_response(f"report-{row.pk}-compared", heads, rows)
    context = {
        "title": _("What would differ"),
        "report": row,
        "name": f"{said(row.content['title'], language)} · {said(row.content['period'], language)}",
        "region": row.content["region"]["name"],
        "found": found[:MOST_DIFFERENCES],
        "count": len(found),
        "gone": fresh is None,
        "may_make": rules.may_make(request.user, row.region),
    }
    return render(request, "reporting/compare.html", context)


@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new version of the same report."""
    row = _report(request, pk)
    try:
        made = services.make(request.user, row.element, row.span, row.region, row.first)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("report", pk)
    if made.pk == row.pk:
        messages.info(request, _("The newer results do not change what the report says."))
    else:
        messages.success(request, _("A new version has been made; the earlier one stays."))
    return redirect("report", made.pk)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a draft final."""
    row = _report(request, pk)
    form = SignForm(request.POST)
    remark = form.cleaned_data["remark"] if form.is_valid() else ""
    try:
        services.sign_off(request.user, row, remark)
    except PermissionDenied as error:
        messages.error(request, str(error))
    except (ValidationError, RefusedError) as error:
        messages.error(request, " ".join(getattr(error, "messages", None) or [str(error)]))
    else:
        messages.success(request, _("Signed off. The digests are in the ledger."))
    return redirect("report", pk)

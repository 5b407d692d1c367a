"""Alerts: the list, one alert with its findings, merging, and what people do with them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.network import queries as network
from qingjian.apps.observing import (
    changed,
    evidence,
    handling,
    merging,
    queries,
    rules,
    services,
    tables,
    words,
)
from qingjian.apps.observing.forms import AlertForm, CloseForm
from qingjian.ui.listing import workbook_response
from qingjian.ui.newest import newest

FINDINGS_PER_PAGE = 50
EARLIER_SHOWN = 5
CHANGES_PER_PAGE = 100
MERGING_STEPS = ("merged", "merged-into", "split", "split-from", "closed-with", "came-back")
"""Steps whose note begins with the numbers of the other alerts."""


def alerts(request: HttpRequest) -> HttpResponse:
    rows = queries.alerts_visible_to(request.user)
    if request.GET.get("synthetic") != "1":
        rows = rows.filter(synthetic=False)
    if not {"merged", "state"} & {name for name, value in request.GET.items() if value}:
        rows = merging.standing(rows)

    class Chosen(tables.AlertListing):
        def context(self) -> dict[str, Any]:
            found = super().context()
            able = {line.row.pk for line in found["lines"] if merging.mergeable(request.user, line.row)}
            return {**found, "mergeable": able if len(able) > 1 else set()}

    return Chosen(request, rows).response()


@require_POST
def alerts_merge(request: HttpRequest) -> HttpResponse:
    """Merge the alerts chosen in the list."""
    try:
        versions = {int(pk): int(version) for pk, version in _pairs(request.POST.getlist("alert"))}
    except ValueError:
        raise Http404 from None
    visible = queries.alerts_visible_to(request.user).filter(pk__in=versions).count()
    if visible < len(versions):
        raise Http404
    try:
        main = merging.merge(request.user, versions, request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("alerts")
    messages.success(request, _("Merged into this alert."))
    return redirect("alert", main.pk)


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    return [(pk, version) for pk, _colon, version in (one.partition(":") for one in texts)]


@require_POST
def alert_split(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a merged alert stand for itself again."""
    row = get_object_or_404(queries.alerts_visible_to(request.user), pk=pk)
    form = AlertForm(request.POST)
    if form.is_valid():
        try:
            merging.split(request.user, row, form.cleaned_data["version"], form.cleaned_data["note"])
            messages.success(request, _("Split off: this alert stands for itself again."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    return redirect("alert", pk)


def alert(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.alerts_visible_to(request.user), pk=pk)
    page = Paginator(row.findings.all(), FINDINGS_PER_PAGE).get_page(request.GET.get("page"))
    findings = list(page)
    factors = network.factors_of_subjects(one.subject for one in findings)
    context = {
        "alert": row,
        "handling": handling.of(request.user, [row]).get(row.pk),
        "title": words.rule_title(row.rule),
        "text": words.rule_text(row.rule),
        "findings": [
            (one, factors.get(one.subject, one.subject), evidence.lines(one.evidence)) for one in findings
        ],
        "page": page,
        "page_url": "?page=",
        "steps": row.steps.select_related("author"),
        "may_handle": rules.may_handle(request.user, row) and row.state != row.State.CLOSED,
        "may_close": rules.may_close(request.user, row),
        "may_take_over": rules.may_take_over(request.user, row),
        "waits_for_authority": row.state == row.State.ACKNOWLEDGED and row.escalate_at is not None,
        "earlier": newest(queries.earlier_alerts(request.user, row), EARLIER_SHOWN),
        "form": AlertForm(initial={"version": row.version}),
        "close_form": CloseForm(initial={"version": row.version}),
        "severity_colour": words.SEVERITY_COLOURS[row.severity],
        "state_colour": words.STATE_COLOURS[row.state],
        "action_titles": {
            "opened": _("Raised"),
            "acknowledged": _("Acknowledged"),
            "noted": _("Note"),
            "closed": _("Closed"),
            "escalated": _("Escalated"),
            "handed": _("Handled as a matter"),
            "worsened": _("Grew worse"),
            "merged": _("Other alerts merged into this one"),
            "merged-into": _("Merged into another alert"),
            "split": _("An alert was split off"),
            "split-from": _("Split off"),
            "closed-with": _("Closed with the alert that carried it"),
            "came-back": _("It came back: raised again"),
        },
        "members": merging.open_members(row),
        "merged": tables.merged(row),
        "main": queries.alerts_visible_to(request.user).filter(pk=row.merged_into_id).first(),
    }
    for step in context["steps"]:
        step.title = context["action_titles"].get(step.action, step.action)
        if step.action == "worsened":
            step.note = words.worsened(step.note)
        elif step.action in MERGING_STEPS:
            numbers, _space, step.note = step.note.partition(" ")
            step.numbers = numbers.split(",")
    return render(request, "observing/alert.html", context)


def finding(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """One finding of an alert with all its evidence; of changed data every change, from the lake."""
    row = get_object_or_404(queries.alerts_visible_to(request.user), pk=pk)
    found = get_object_or_404(row.findings.all(), pk=number)
    changes = changed.changes(found)
    if request.GET.get("export") == "xlsx":
        return workbook_response("changes", changed.heads(), map(changed.cells, changes))
    page = Paginator(changes, CHANGES_PER_PAGE).get_page(request.GET.get("page"))
    said = {
        key: value for key, value in found.evidence.items() if not (changes and key.startswith("changes"))
    }
    context = {
        "alert": row,
        "finding": found,
        "title": words.rule_title(found.rule),
        "text": words.rule_text(found.rule),
        "severity_colour": words.SEVERITY_COLOURS[found.severity],
        "subject": network.factors_of_subjects([found.subject]).get(found.subject, found.subject),
        "evidence": evidence.lines(said, whole=True),
        "changes": [(one, evidence.change(one)) for one in page],
        "page": page,
        "page_url": "?page=",
    }
    return render(request, "observing/finding.html", context)


@require_POST
def alert_act(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.alerts_visible_to(request.user), pk=pk)
    closing = request.POST.get("action") == "close"
    form = CloseForm(request.POST) if closing else AlertForm(request.POST)
    if form.is_valid():
        try:
            if closing:
                services.close(
                    request.user,
                    row,
                    form.cleaned_data["version"],
                    form.cleaned_data["cause"],
                    form.cleaned_data["note"],
                )
            elif request.POST.get("action") == "acknowledge":
                services.acknowledge(
                    request.user, row, form.cleaned_data["version"], form.cleaned_data["note"]
                )
            else:
                services.comment(request.user, row, form.cleaned_data["version"], form.cleaned_data["note"])
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("alert", pk)

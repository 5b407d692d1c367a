"""Pages of corrections: propose one from a value, list them, decide one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.observing import correcting, queries, rules, tables, words
from qingjian.apps.observing.forms import CorrectionForm, DecisionForm
from qingjian.apps.observing.models import Correction
from qingjian.apps.records import queries as records
from qingjian.ui.asked import moment


def corrections(request: HttpRequest) -> HttpResponse:
    """All corrections in reach, the waiting ones first when asked for."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    return tables.CorrectionListing(request, queries.corrections_visible_to(request.user)).response()


def propose(request: HttpRequest) -> HttpResponse:
    """A form over the numbers of one value as it is stored now."""
    series = get_object_or_404(network.series_visible_to(request.user), code=request.GET.get("series", ""))
    start = moment(request, "start")
    statistic = request.GET.get("statistic", "hour")
    if start is None or statistic not in words.STATISTICS:
        raise BadRequest
    if not rules.may_propose_correction(request.user, series.point):
        raise PermissionDenied
    known = correcting.present(series, statistic, start)
    if known is None:
        raise Http404
    problem = ""
    try:
        correcting.require_correctable(series, statistic)
    except ValidationError as error:
        problem = " ".join(error.messages)
    form = CorrectionForm(
        None if problem else request.POST or None,
        numbers=known.numbers or {"value": ""},
        initial={"revision": known.revision},
    )
    if form.is_bound and form.is_valid():
        try:
            row = correcting.propose(
                request.user,
                series,
                statistic,
                start,
                form.cleaned_data["revision"],
                form.numbers(),
                form.cleaned_data["reason"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Proposed. A second person now approves it."))
            return redirect("correction", row.pk)
    context = {
        "title": _("Correct a value"),
        "series": series,
        "start": start,
        "statistic": words.STATISTICS[statistic],
        "form": form,
        "problem": problem,
    }
    return render(request, "observing/correct.html", context, status=400 if form.errors else 200)


def correction(request: HttpRequest, pk: int) -> HttpResponse:
    """One correction: before and after, reason, decision, and where it stands in ledger and data."""
    row = get_object_or_404(queries.corrections_visible_to(request.user), pk=pk)
    return _page(request, row, DecisionForm(initial={"version": row.version}))


def _page(request: HttpRequest, row: Correction, form: DecisionForm, status: int = 200) -> HttpResponse:
    proposed = row.state == Correction.State.PROPOSED
    events = records.events_about(f"correction.{row.state}", [row.pk])
    context: dict[str, Any] = {
        "title": _("Correction %(number)d") % {"number": row.pk},
        "row": row,
        "colour": words.CORRECTION_COLOURS[row.state],
        "statistic": words.STATISTICS[row.statistic],
        "numbers": [
            (title, row.before.get(name), row.after[name])
            for name, title in words.NUMBERS.items()
            if name in row.after
        ],
        "may_decide": proposed and rules.may_decide_correction(request.user, row),
        "may_withdraw": proposed and row.author_id == request.user.pk,
        "stored": row.state == Correction.State.APPROVED and correcting.is_stored(row),
        "entry": next((one for one in events if one.position is not None), None),
        "form": form,
    }
    return render(request, "observing/correction.html", context, status=status)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve, reject or take back a correction."""
    row = get_object_or_404(queries.corrections_visible_to(request.user), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form, 400)
    version, comment = form.cleaned_data["version"], form.cleaned_data["comment"]
    try:
        if request.POST.get("decision") == "approve":
            correcting.approve(request.user, row, version, comment)
            messages.success(request, _("Approved. The value gets a new revision; what was received stays."))
        elif request.POST.get("decision") == "reject":
            correcting.reject(request.user, row, version, comment)
            messages.success(request, _("Rejected."))
        elif request.POST.get("decision") == "withdraw":
            correcting.withdraw(request.user, row, version)
            messages.success(request, _("Withdrawn."))
        else:
            raise BadRequest
    except ValidationError as error:
        form.add_error(None, error)
        return _page(request, row, form, 400)
    return redirect("correction", pk)

"""Pages of sand dust and exception events: list, proposal, and one event with its decision and what it changes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air_events, queries
from qingjian.apps.evaluation.asked import place_of
from qingjian.apps.evaluation.forms import AirEventForm
from qingjian.apps.evaluation.models import AirEvent
from qingjian.apps.evaluation.pages import frame
from qingjian.apps.evaluation.services import air_events as writing
from qingjian.ui.listing import workbook_response

COLOURS = {
    AirEvent.State.PROPOSED: "azure",
    AirEvent.State.APPROVED: "green",
    AirEvent.State.REJECTED: "red",
    AirEvent.State.WITHDRAWN: "secondary",
    AirEvent.State.REVOKED: "orange",
}


def air_event_list(request: HttpRequest) -> HttpResponse:
    """Events of a region and, for who may, the form that proposes one."""
    place, places = place_of(request)
    rows = queries.air_events_visible_to(request.user)
    if place is not None:
        rows = rows.filter(region__in=account_rules.above({place.region.pk}))
    if request.GET.get("export") == "xlsx":
        return _workbook(rows)
    may_propose = place is not None and account_rules.may(
        request.user, Capability.CONFIRM_RULES, region=place.region
    )
    form = None
    if may_propose:
        form = AirEventForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            file = given.pop("evidence")
            try:
                row = writing.propose(
                    request.user,
                    region=place.region,
                    evidence=file.read(),
                    evidence_name=file.name,
                    **given,
                )
            except ValidationError as error:
                _say(form, error)
            else:
                messages.success(request, _("Proposed. A second person decides."))
                return redirect("air-event", row.pk)
    elif request.method == "POST":
        raise PermissionDenied(
            _("Your present posts do not allow this. Ask the security administrator of your bureau.")
        )
    context = frame(
        _("Sand dust and exception events"),
        "events",
        place=place,
        places=places,
        rows=[(one, COLOURS[one.state]) for one in rows[:200]],
        form=form,
    )
    return render(
        request,
        "evaluation/air_events.html",
        context,
        status=400 if form is not None and form.errors else 200,
    )


def _say(form: AirEventForm, error: ValidationError) -> None:
    if hasattr(error, "error_dict"):
        for name, texts in error.message_dict.items():
            form.add_error(name if name in form.fields else None, texts)
    else:
        form.add_error(None, error.messages)


def _workbook(rows: Any) -> HttpResponse:
    heads = [
        _("Kind"),
        _("Region"),
        _("Event begins on"),
        _("Event ends on"),
        _("Pollutants"),
        _("Approving document"),
        _("State"),
        _("Proposed by"),
        _("Decided by"),
        _("Decided at"),
    ]
    return workbook_response(
        "air-events",
        heads,
        (
            [
                str(one.get_kind_display()),
                str(one.region),
                one.first,
                one.last,
                ", ".join(one.pollutants),
                one.approval,
                str(one.get_state_display()),
                str(one.author),
                str(one.decided_by or ""),
                one.decided_at,
            ]
            for one in rows
        ),
    )


def air_event(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: its days, its evidence, the figures before and after, and the decision.

    Who sees it because it counts for a region below reads no figures of the region it was decided for.
    """
    row = get_object_or_404(queries.air_events_visible_to(request.user), pk=pk)
    inside = account_rules.may(request.user, Capability.VIEW_DATA, region=row.region)
    may = account_rules.may(request.user, Capability.CONFIRM_RULES, region=row.region)
    context = frame(
        f"{row.get_kind_display()} {row.first} – {row.last}",
        "events",
        row=row,
        colour=COLOURS[row.state],
        inside=inside,
        years=[(year, air_events.last_day(year), air_events.effect(row, year)) for year in row.years]
        if inside
        else [],
        kept=air_events.kept(row) if inside else [],
        days=air_events.touched_days(row.region, row) if inside else [],
        pollutants=air_events.POLLUTANTS,
        may_decide=may and row.state == row.State.PROPOSED and row.author_id != request.user.pk,
        waits_for_other=may and row.state == row.State.PROPOSED and row.author_id == request.user.pk,
        may_revoke=may and row.state == row.State.APPROVED and row.decided_by_id != request.user.pk,
    )
    return render(request, "evaluation/air_event.html", context)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.air_events_visible_to(request.user), pk=pk)
    comment = request.POST.get("comment", "")[:300]
    try:
        version = int(request.POST.get("version", ""))
    except ValueError as error:
        raise Http404 from error
    try:
        match request.POST.get("action"):
            case "approve":
                writing.approve(request.user, row, version, comment)
            case "reject":
                writing.reject(request.user, row, version, comment)
            case "withdraw":
                writing.withdraw(request.user, row, version)
            case "revoke":
                writing.revoke(request.user, row, version, comment)
            case _:
                raise Http404
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("air-event", pk)


def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """The evidence of an event as a download; whatever it holds, it never runs as a page here."""
    row = get_object_or_404(queries.air_events_visible_to(request.user), pk=pk)
    path = writing.kept_evidence().path(row.evidence_digest)
    if not path.exists():
        raise Http404
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=row.evidence_name,
        content_type="application/octet-stream",
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def with_and_without(region: Any, year: int) -> dict[str, Any] | None:
    """Return what the page of the year shows of approved events; None when there are none."""
    rows = air_events.approved(region, year)
    if not rows:
        return None
    whole, reduced, lines = air_events.compared(region, year, rows)
    return {
        "rows": rows,
        "whole": whole,
        "reduced": reduced,
        "lines": [one for one in lines if one.before != one.after],
        "basis": sorted({document for trace in reduced.deduction for document in trace.editions}),
        "address": reverse("air-events") + f"?region={region.code}",
    }

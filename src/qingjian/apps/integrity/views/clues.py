"""Pages of clues: the list, one clue with everything known about it, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.integrity import charts, queries, rules, tables, words
from qingjian.apps.integrity.forms import DismissForm, ReopenForm
from qingjian.apps.integrity.precision import precision_of
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.integrity.services import people
from qingjian.apps.matters.views.acting import opening_page
from qingjian.apps.matters.views.lists import openable
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response

PROOF_DAYS = 5
VERIFIABLE = frozenset({Clue.State.OPEN, Clue.State.CONFIRMED})
"""A confirmed clue may be verified again: nothing else undoes what two people signed."""


def verifications(request: HttpRequest) -> HttpResponse:
    return tables.VerificationListing(request, queries.verifications_visible_to(request.user)).response(
        {"openable": [one for one in openable(request) if one is VERIFICATION]}
    )


def self_proofs(request: HttpRequest) -> HttpResponse:
    """Requests for self-proof: the bureau sees those of its regions, a unit those made to itself."""
    return tables.SelfProofListing(request, queries.self_proofs_visible_to(request.user)).response(
        {"openable": [one for one in openable(request) if one is SELF_PROOF]}
    )


def clues(request: HttpRequest) -> HttpResponse:
    rules.require_clues(request.user)
    return tables.ClueListing(request, queries.clues_listed(request.user)).response(
        {"mutes": queries.mutes()}
    )


def _find(request: HttpRequest, pk: int) -> Clue:
    rules.require_clues(request.user)
    return get_object_or_404(observing.clues_visible_to(request.user), pk=pk)


def clue(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything known about a clue, and what can be done."""
    row = _find(request, pk)
    if request.GET.get("export") == "xlsx":
        return workbook_response(f"clue-{row.pk}", charts.heads(), charts.lines(row))
    suspect, joined = queries.suspects_of(row)
    proof = queries.self_proof_of(request.user, row)
    is_open = row.state == Clue.State.OPEN
    marks = queries.marks_around(row)
    context = {
        "clue": row,
        "title": _("%(kind)s: %(point)s")
        % {"kind": words.kind_title(row.kind) or row.kind, "point": row.point.name},
        "statement": queries.statement_of(row),
        "innocent": words.innocent(row.kind),
        "rule_title": words.rule_title(row.rule),
        "rule_text": words.RULE_TEXTS.get(row.rule, ""),
        "kind_title": words.kind_title(row.kind),
        "state_colour": tables.STATE_COLOURS[row.state],
        "first": row.start.astimezone(CHINA).date(),
        "last": ((row.end or row.start) - timedelta(seconds=1)).astimezone(CHINA).date(),
        "record": row.evidence,
        "tests": words.tests_in_words(row.evidence),
        "circumstances": queries.circumstances(row),
        "chart": charts.chart(row.evidence.get("chart"), marks),
        "suspect": suspect,
        "joined": [
            (
                one,
                said,
                words.tests_in_words(said),
                f"joined-chart-{one.pk}",
                charts.chart(one.chart, marks),
            )
            for one in joined
            for said in (queries.said_of(one),)
        ],
        "versions": list(suspect.versions.all()) if suspect else [],
        "marks": marks,
        "alerts": queries.alerts_around(request.user, row),
        "corrections": queries.corrections_within(row),
        "log": queries.log_around(row),
        "similar": queries.similar(request.user, row),
        "matters": queries.matters_of(request.user, row),
        "proof": proof,
        "may_verify": row.state in VERIFIABLE
        and queries.running_verification(row) is None
        and rules.may_verify(request.user, row),
        "may_ask_proof": is_open
        and (proof is None or not proof.is_open)
        and rules.may_ask_proof(request.user, row),
        "dismiss_form": DismissForm(initial={"version": row.version})
        if is_open and rules.may_decide(request.user, row) and not queries.running_matters(row)
        else None,
        "reopen_form": ReopenForm(initial={"version": row.version})
        if row.state == Clue.State.DISMISSED and rules.may_reopen(request.user, row)
        else None,
        "decisions": queries.decisions(row),
        "precision": precision_of(row.rule, row.kind, row.simulated),
        "now": now(),
    }
    return render(request, "integrity/clue.html", context)


@require_POST
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    done = _("Dismissed. The reason counts for the precision of the rule.")
    return _decided(request, pk, DismissForm, people.dismiss, done)


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _decided(request, pk, ReopenForm, people.reopen, _("Opened again; the precision follows."))


def _decided(
    request: HttpRequest,
    pk: int,
    shape: type[DismissForm] | type[ReopenForm],
    act: Callable[[Any, Clue, int, str], Clue],
    done: str,
) -> HttpResponse:
    row = _find(request, pk)
    form = shape(request.POST)
    if form.is_valid():
        try:
            act(request.user, row, form.cleaned_data["version"], form.cleaned_data["reason"])
            messages.success(request, done)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("clue", pk)


def _initial(row: Clue) -> dict[str, Any]:
    return {
        "title": _("%(point)s: %(kind)s") % {"point": row.point, "kind": words.kind_title(row.kind)},
        "region": row.point.region_id,
    }


def _require(row: Clue, states: Collection[str]) -> None:
    if row.state not in states:
        raise PermissionDenied(_("This clue is decided. A dismissal can be taken back on its page."))


def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the verification of a clue, or go to the one that runs or has dismissed it.

    A dismissal that was taken back, and a confirmation that is doubted, is verified anew.
    """
    row = _find(request, pk)
    existing = queries.verification_of(request.user, row)
    if existing is not None and (existing.is_open or row.state not in VERIFIABLE):
        return redirect("matter", existing.pk)
    if queries.running_verification(row) is not None:
        raise PermissionDenied(
            _(
                "Somebody else is verifying this clue in a matter you may not see. Its result decides the clue."
            )
        )
    _require(row, VERIFIABLE)
    initial = {**_initial(row), "subject": row.point.organisation_id, "statement": queries.statement_of(row)}
    return opening_page(request, VERIFICATION, initial=initial, point=row.point, origin=f"{CLUE}:{row.pk}")


def ask_proof(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the unit to prove its data, or go to the request that is open."""
    row = _find(request, pk)
    existing = queries.self_proof_of(request.user, row)
    if existing is not None and existing.is_open:
        return redirect("matter", existing.pk)
    _require(row, {Clue.State.OPEN})
    first = row.start.astimezone(CHINA).date()
    last = ((row.end or row.start) - timedelta(seconds=1)).astimezone(CHINA).date()
    factor = row.series.factor if row.series else ""
    initial = {
        **_initial(row),
        # What the unit reads names data and period, not the suspicion.
        "title": _("Self-proof: %(point)s %(factor)s") % {"point": row.point, "factor": factor},
        "request": _(
            "Please explain the automatic monitoring data of %(factor)s at %(point)s from %(first)s to %(last)s, and "
            "prove that they are true, accurate and complete."
        )
        % {"factor": factor, "point": row.point, "first": first, "last": last},
        "wanted": _(
            "Operation and maintenance records, calibration and standard-check records, operating data of production and "
            "treatment, changes of instrument settings, raw data of instrument and data logger for this period."
        ),
        "days": PROOF_DAYS,
    }
    return opening_page(
        request,
        SELF_PROOF,
        initial=initial,
        point=row.point,
        origin=f"{CLUE}:{row.pk}",
    )

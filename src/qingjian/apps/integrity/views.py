"""Pages of data integrity."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from qingjian.apps.integrity import queries, tables
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.matters.views.acting import opening_page
from qingjian.apps.matters.views.lists import openable
from qingjian.apps.observing import queries as observing


def verifications(request: HttpRequest) -> HttpResponse:
    return tables.VerificationListing(request, queries.verifications_visible_to(request.user)).response(
        {"openable": [one for one in openable(request) if one is VERIFICATION]}
    )


def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the verification of a clue, or go to the one that exists."""
    clue = get_object_or_404(observing.clues_visible_to(request.user).select_related("point__region"), pk=pk)
    existing = queries.verification_of(request.user, clue)
    if existing is not None:
        return redirect("matter", existing.pk)
    initial = {
        "title": _("%(point)s: %(kind)s") % {"point": clue.point, "kind": clue.kind},
        "region": clue.point.region_id,
        "subject": clue.point.organisation_id,
        "statement": clue.statement,
    }
    return opening_page(request, VERIFICATION, initial=initial, point=clue.point, origin=f"{CLUE}:{clue.pk}")

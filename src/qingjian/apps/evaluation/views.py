"""The drawer that says why a result is what it is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from qingjian.apps.evaluation import (
    explanation,
    queries,
    sheets,
    words,
)
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.models import Evaluation


def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Inputs used and rejected, clause, limit, edition, rounding, confidence of one stored result; its revisions."""
    row = get_object_or_404(queries.evaluations_visible_to(request.user), pk=pk)
    book = explanation.book_of(row)
    trace, again = explanation.trace_of(row, book)
    note = ""
    if again and row.rulebook != book.version:
        note = _(
            "Worked out again from the stored inputs; the rules have changed since the result was stored."
        )
    elif again and row.superseded_at is not None:
        note = _("Worked out again from the stored inputs by the rules of that time.")
    return drawer(
        request,
        _heading(row),
        str(row.point or row.region),
        trace,
        row=row,
        revisions=queries.revisions_of(row),
        note=note,
        label=queries.labels_of([row])[row.pk],
    )


def _heading(row: Evaluation) -> str:
    if row.kind.startswith("air"):
        return (
            f"AQI {row.aqi if row.publishable else 'NA'} {words.category(row.published_category)}".strip()
            if row.aqi is not None
            else _("No AQI")
        )
    if row.kind in sheets.FACES:
        return sheets.face(row).text
    if row.kind.startswith("water"):
        return _("Class %(name)s") % {"name": row.water_class} if row.water_class else _("No class")
    hours = row.values.get("hours", {}).values()
    if row.exceeds is None and hours:
        return _("%(over)d of %(judged)d hourly values exceed") % {
            "over": sum(one["exceeding"] for one in hours),
            "judged": sum(one["judged"] for one in hours),
        }
    if row.exceeds is None:
        return _("Not judged against a limit")
    return _("Exceeds") if row.exceeds else _("Within the limits")

"""Pages of the funnel: how much becomes what, how right the rules are, what is muted."""

from __future__ import annotations

import csv
import math
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from qingjian.apps.integrity import funnel as reads
from qingjian.apps.integrity import queries, rules, staging, tables, words
from qingjian.apps.integrity.models import Mute
from qingjian.apps.integrity.panels import ELEMENTS as SCREENED
from qingjian.apps.integrity.services import muting, rulesets
from qingjian.apps.network.kinds import ELEMENTS
from qingjian.ui.listing import workbook_response

CARRIED = ("period", "county", "element", "simulated")
"""What a link to the list of clues takes along, so that the list holds as many as the number says."""


def _selection(request: HttpRequest) -> reads.Selection:
    given = {name: request.GET.get(name, "") for name in reads.Selection.__dataclass_fields__}
    chosen = reads.Selection(**{**given, "period": given["period"] or "12"})
    try:
        chosen.days()
    except ValueError as error:
        raise BadRequest(_("A month is written like 2026-10.")) from error
    return chosen


def funnel(request: HttpRequest) -> HttpResponse:
    """From values to cases, with the precision of every rule."""
    rules.require_clues(request.user)
    chosen = _selection(request)
    found = reads.funnel(request.user, chosen)
    if request.GET.get("export") == "xlsx":
        return workbook_response("funnel", *reads.table(found))
    if request.GET.get("export") == "csv":
        return _csv(*reads.table(found))
    query = request.GET.copy()
    query.pop("export", None)
    whole, active = found.whole, rulesets.active()
    context = {
        "title": _("Funnel of clues"),
        "found": found,
        "steps": _steps(whole),
        "held_rules": reads.rule_states(found),
        "chosen": chosen,
        "query": query.urlencode(),
        "carried": urlencode(
            {name: text for name in CARRIED if (text := getattr(chosen, name)) and text != "all"}
        ),
        "same": urlencode(
            {
                name: text
                for name in (*CARRIED, "rule", "kind")
                if (text := getattr(chosen, name)) and text != "all"
            }
        ),
        "filters": _filters(request, chosen),
        "rules": active,
        "staged": staging.staged_stretches(request.user, active),
        "mutes": queries.mutes(),
        "lifted": Mute.objects.exclude(lifted_at=None).select_related("author", "second", "lifted_by")[:10],
        "may_set_rules": rules.may_set_rules(request.user),
        "screens": settings.CONFIGURATION.screening,
    }
    return render(request, "integrity/funnel.html", context)


def _steps(whole: reads.Line) -> list[dict[str, Any]]:
    longest = math.log10(whole.records + 1) or 1.0
    rows = (
        (_("Values screened"), whole.records, ""),
        (_("Suspects"), whole.suspects, _("above the false-alarm budget")),
        (_("Clues"), whole.clues, _("a person is asked")),
        (_("Checked by people"), whole.closed, _("%(count)d confirmed") % {"count": whole.confirmed}),
        (_("Cases"), whole.cases, _("a matter was opened out of it")),
    )
    return [
        {"title": title, "count": count, "text": text, "width": round(100 * math.log10(count + 1) / longest)}
        for title, count, text in rows
    ]


def _filters(request: HttpRequest, chosen: reads.Selection) -> list[dict[str, Any]]:
    counties = queries.counties_of_clues(request.user)
    return [
        {
            "name": "period",
            "title": _("Period"),
            "value": chosen.period,
            "options": [
                ("3", _("last 3 months")),
                ("12", _("last 12 months")),
                ("all", _("all")),
                *((one, one) for one in reads.months(request.user)),
            ],
            "always": True,
        },
        {"name": "county", "title": _("County"), "value": chosen.county, "options": counties},
        {
            "name": "element",
            "title": _("Element"),
            "value": chosen.element,
            "options": [(one, ELEMENTS[one]) for one in SCREENED],
        },
        {"name": "rule", "title": _("Rule"), "value": chosen.rule, "options": list(words.RULES.items())},
        {"name": "kind", "title": _("Kind"), "value": chosen.kind, "options": words.kinds()},
        {
            "name": "simulated",
            "title": _("Simulation"),
            "value": chosen.simulated,
            "options": list(tables.SIMULATION),
        },
    ]


def _csv(heads: list[str], rows: list[list[Any]]) -> HttpResponse:
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="funnel.csv"'},
    )
    response.write("\ufeff")  # spreadsheets take Chinese for what it is only with this mark
    writer = csv.writer(response)
    writer.writerow(heads)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return response


def suspects(request: HttpRequest) -> HttpResponse:
    """Everything above the budget, also what asked nobody, and why not."""
    rules.require_clues(request.user)
    return tables.SuspectListing(request, queries.suspects_visible_to(request.user)).response()


@require_POST
def mute(request: HttpRequest) -> HttpResponse:
    rule, kind = request.POST.get("rule", ""), request.POST.get("kind", "")
    if rule not in words.RULES or kind not in {code for code, _title in words.kinds()} | {""}:
        raise Http404
    return _done(request, lambda: muting.mute(request.user, rule, kind, request.POST.get("reason", "")))


@require_POST
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    muted = Mute.objects.filter(pk=pk).first()
    if muted is None:
        raise Http404
    return _done(request, lambda: muting.lift(request.user, muted, request.POST.get("reason", "")))


@require_POST
def agree(request: HttpRequest, pk: int) -> HttpResponse:
    asked = Mute.objects.filter(pk=pk).first()
    if asked is None:
        raise Http404
    return _done(request, lambda: muting.agree(request.user, asked))


def _done(request: HttpRequest, act: Any) -> HttpResponse:
    try:
        act()
        messages.success(request, _("Done. It holds from the next screening on."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("funnel")

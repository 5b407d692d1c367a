"""The page "another basis" of outlets: hours and days by another edition, class or document beside the limits that apply."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import outlets, queries, words
from qingjian.apps.evaluation.asked import period_of
from qingjian.apps.evaluation.bases import outlets as bases
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.pages import choice, frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.contracts.periods import MONTH, Period
from qingjian.rulebook import Confidence
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response


def _outlet(request: HttpRequest) -> tuple[outlets.Outlet | None, list[outlets.Outlet]]:
    account_rules.require(request.user, Capability.VIEW_DATA)
    found = sorted(queries.outlets_in_reach(request.user), key=lambda one: one.point.code)
    wanted = request.GET.get("outlet")
    if wanted:
        chosen = next((one for one in found if one.point.code == wanted), None)
        if chosen is None:
            raise Http404
        return chosen, found
    return (found[0] if found else None), found


def outlet_basis(request: HttpRequest) -> HttpResponse:
    """Show the factors of an outlet over a period on the limits that apply and on others, with every period that differs."""
    outlet, known = _outlet(request)
    if outlet is None:
        if request.GET.get("export") == "xlsx":
            nothing = [[_("Outlet"), _("No outlet with limits lies in your reach.")]]
            return sheets_response("outlet-basis", [(_("Basis"), [_("Basis"), ""], nothing)])
        return render(
            request, "evaluation/outlet_basis.html", frame(_("Another basis"), "basis", outlet=None)
        )
    today = day_of(now())
    period = period_of(request, today, MONTH)
    book = rulebook()
    choices = bases.choices(outlet, book)
    name = asked.one_of(request, "basis", [one.name for one in choices], choices[0].name if choices else "")
    chosen = next((one for one in choices if one.name == name), None)
    last = min(period.last, today)
    found = [] if chosen is None or last < period.first else bases.over(outlet, period, last, chosen)
    query = {"outlet": outlet.point.code, "span": period.span, "at": period.first.isoformat()}
    if chosen is not None:
        query["basis"] = chosen.name
    if request.GET.get("export") == "xlsx":
        return _workbook(outlet, period, chosen, found)
    context = frame(
        _("Another basis"),
        "basis",
        outlet=outlet,
        known=known,
        query=urlencode(query),
        chosen=chosen,
        confidence=Confidence.weakest(row.confidence for row in chosen.rows).value if chosen else "",
        found=[{"one": one, "averaging": _averaging(one.averaging)} for one in found],
        differing=[
            {
                "one": one,
                "averaging": _averaging(one.averaging),
                "periods": one.differing[: bases.MOST_PERIODS],
            }
            for one in found
            if one.differing
        ],
        **choice(
            period,
            [(one.name, one.title, one == chosen) for one in choices],
            {"outlet": outlet.point.code},
            _(
                "No edition or document in the rulebook has a limit for anything this outlet measures: there is no other basis to choose."
            ),
        ),
    )
    return render(request, "evaluation/outlet_basis.html", context)


def _averaging(name: str) -> str:
    return _("Hour") if name == "hour" else _("Day")


def _workbook(
    outlet: outlets.Outlet, period: Period, chosen: bases.Choice | None, found: list[bases.Compared]
) -> HttpResponse:
    basis: list[list[Any]] = [
        [_("Outlet"), str(outlet.point.outlet)],
        [_("Period"), period.title()[queries.language()]],
        [_("Basis of the date"), _("permit limits and assigned standards in force on each day")],
        [_("Other basis"), chosen.title if chosen else _("The rulebook holds one edition only.")],
        [
            _("What counts"),
            _("The limits in force on the date of the data; the other basis is a comparison."),
        ],
    ]
    heads = [_("Factor"), _("Averaging period"), _("Unit")]
    heads += [
        f"{name} ({side})"
        for side in (_("Basis of the date"), _("Other basis"))
        for name in (_("Limit"), _("Periods judged"), _("Periods exceeding"), _("Times above the limit"))
    ]
    heads.append(_("Periods that differ"))
    rows = [
        [
            str(one.series.factor),
            _averaging(one.averaging),
            words.unit(one.series.unit),
            *_held(one.present),
            *_held(one.other),
            len(one.differing),
        ]
        for one in found
    ]
    periods = [
        [
            str(one.series.factor),
            _averaging(one.averaging),
            each.start,
            each.value,
            _("Exceeds") if each.present else _("Within the limits"),
            _("Exceeds") if each.other else _("Within the limits"),
        ]
        for one in found
        for each in one.differing
    ]
    differing = [
        _("Factor"),
        _("Averaging period"),
        _("From"),
        _("Value"),
        _("Basis of the date"),
        _("Other basis"),
    ]
    sheets: list[tuple[str, list[Any], Any]] = [(_("Basis"), [_("Basis"), ""], basis)]
    if chosen is not None:
        sheets += [(_("Side by side"), heads, rows), (_("Periods that differ"), differing, periods)]
    return sheets_response(f"outlet-basis-{outlet.point.code}-{period.code}", sheets)


def _held(one: bases.Held | None) -> list[Any]:
    if one is None:
        return [None, None, None, None]
    return [
        "; ".join(one.limits),
        one.judged,
        one.exceeding,
        None if one.multiple is None else round(one.multiple, 2),
    ]

"""Pages of outlets at a glance and of their exceedances."""

from __future__ import annotations

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import outlet_clauses as clauses
from qingjian.apps.evaluation import (
    queries,
    tables,
    words,
)
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.exceedances import KINDS
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response


def outlets(request: HttpRequest) -> HttpResponse:
    """Each outlet: exceedances of the last 30 days, state, amounts of this year; the newest exceedances below."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.outlet_overview(request.user)
    for one in rows:
        periods = one["counts"]["periods"] if one["counts"] else {}
        one["lasting"] = " · ".join(
            tables.lasting(name, periods[name]) for name in KINDS.values() if name in periods
        )
    newest = list(queries.exceedances_visible_to(request.user)[:12])
    for row in newest:
        row.state, row.state_text, row.duration = (
            tables.state(row),
            tables.state_text(row),
            tables.duration(row),
        )
        row.colour = tables.STATE_COLOURS[row.state]
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Outlet"),
            _("Exceedances in 30 days"),
            _("Periods"),
            _("Times above the limit"),
            _("Running"),
            _("Marked"),
            _("Days that depend on the water temperature"),
            _("Clause"),
        ]
        last = day_of(now())
        first = last - timedelta(days=queries.OVERVIEW_DAYS)
        return workbook_response(
            "outlets",
            heads,
            (
                [
                    str(one["point"].outlet),
                    one["counts"]["runs"] if one["counts"] else 0,
                    one["lasting"],
                    one["counts"]["worst"] if one["counts"] else None,
                    one["running"],
                    one["marked"],
                    one["by_temperature"],
                    clauses.cited(clauses.held([one["outlet"]], first, last, rulebook())),
                ]
                for one in rows
            ),
        )
    warned = [
        standing
        for one in rows
        for standing in one["amounts"]
        if standing.standing and standing.standing.standing != "within"
    ]
    context = frame(
        _("Outlets"),
        "outlets",
        rows=rows,
        newest=newest,
        running=sum(one["running"] for one in rows),
        exceeding=sum(1 for one in rows if one["counts"]),
        marked=sum(one["marked"] for one in rows),
        warned=len(warned),
        standings=words.STANDINGS,
        catching_up=queries.catching_up("outlets"),
    )
    return render(request, "evaluation/outlets.html", context)


def outlet_why(request: HttpRequest, code: str) -> HttpResponse:
    """The drawer: what the line of an outlet rests on, its exceedances, limits and amounts."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    found = queries.outlet_overview(request.user, code)
    if not found:
        raise Http404
    one = found[0]
    last = day_of(now())
    days = (last - timedelta(days=queries.OVERVIEW_DAYS), last)
    runs = queries.newest_exceedances(request.user, one["point"])
    trace = clauses.explained_row(one["outlet"], runs, one["amounts"], days, rulebook())
    label = one["label"]
    return drawer(request, str(one["point"].outlet), _("the last 30 days"), trace.to_dict(), label=label)


def exceedances(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.VIEW_DATA)
    return tables.ExceedanceListing(request, queries.exceedances_visible_to(request.user)).response(
        {"tab": "exceedances"}
    )

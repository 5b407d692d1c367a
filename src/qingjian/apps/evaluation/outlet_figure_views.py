"""Pages of figures of outlets: statistics, amounts against the permits, the recheck of the tax."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    amounts,
    outlet_statistics,
    queries,
    words,
)
from qingjian.apps.evaluation import outlet_clauses as clauses
from qingjian.apps.evaluation.asked import days
from qingjian.apps.evaluation.drafts import day_of, short
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.ui import asked
from qingjian.ui.listing import workbook_response

TAX_LINES = 40


def statistics(request: HttpRequest) -> HttpResponse:
    """Exceedances and amounts by industry or region."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    first, last = days(request)
    by = asked.one_of(request, "by", ("industry", "region"), "industry")
    groups = outlet_statistics.of_period(request.user, first, last, by)
    book_rows = {row["symbol"]: row for row in rulebook().rows("tax_equivalents")}
    codes = sorted({code for group in groups for code in group.kilograms})
    names = queries.factor_names(codes)
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Industry") if by == "industry" else _("Region"),
            _("Sources"),
            _("Outlets"),
            _("Exceedances"),
        ]
        heads += [
            _("Hours judged"),
            _("Hours exceeding"),
            _("Hours marked"),
            _("Days judged"),
            _("Days exceeding"),
        ]
        heads += [
            f"{_('Share exceeding')} (%)",
            _("Times above the limit"),
            *(f"{names.get(code, code)} (t)" for code in codes),
            _("From"),
            _("To"),
            _("Clause"),
            _("Confidence"),
        ]
        return workbook_response(
            f"outlets-by-{by}",
            heads,
            (
                [
                    group.name,
                    len(group.sources),
                    group.outlets,
                    group.runs,
                    group.hours["judged"],
                    group.hours["exceeding"],
                    group.hours["marked"],
                    group.days["judged"],
                    group.days["exceeding"],
                    group.exceeding_percent,
                    group.worst,
                    *(
                        round(group.kilograms[code] / 1000, 4) if code in group.kilograms else None
                        for code in codes
                    ),
                    first,
                    last,
                    clauses.cited(clauses.held(group.chosen, first, last, rulebook())),
                    group.confidence,
                ]
                for group in groups
            ),
        )
    main = [code for code in codes if code in book_rows]
    context = {
        "title": _("Statistics of outlets"),
        "tab": "statistics",
        "groups": [
            {
                "group": group,
                "amounts": [
                    (names.get(code, code), group.kilograms[code] / 1000)
                    for code in main
                    if group.kilograms[code]
                ],
            }
            for group in groups
        ],
        "by": by,
        "first": first,
        "last": last,
        "most": max((group.runs for group in groups), default=0),
    }
    return render(request, "evaluation/outlet_statistics.html", context)


def statistics_why(request: HttpRequest) -> HttpResponse:
    """The drawer: whom a line of the statistics counts, and what it was judged against."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    first, last = days(request)
    by = asked.one_of(request, "by", ("industry", "region"), "industry")
    for group in outlet_statistics.of_period(request.user, first, last, by):
        if group.code == request.GET.get("group"):
            trace = clauses.explained_group(group, (first, last), rulebook())
            return drawer(request, group.name, f"{first} – {last}", trace.to_dict())
    raise Http404


def _newest_quarter() -> tuple[date, date]:
    """Return the newest quarter that is over: the tax is declared by the quarter."""
    today = day_of(now())
    last = date(today.year, (today.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
    return date(last.year, last.month - 2, 1), last


def tax(request: HttpRequest) -> HttpResponse:
    """The extract for the recheck of the environmental-protection tax: equivalents by taxpayer, outlet, factor and month."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    first, last = days(request, _newest_quarter())
    lines, rechecks = outlet_statistics.tax_extract(request.user, first, last, rulebook())
    source = request.GET.get("source", "")
    sources = sorted(
        {(one.outlet.point.outlet.source.code, one.outlet.point.outlet.source.name) for one in lines}
    )
    if source:
        lines = [one for one in lines if one.outlet.point.outlet.source.code == source]
    if request.GET.get("export") == "xlsx":
        return _tax_workbook(lines, first, last)
    page = Paginator(lines, TAX_LINES).get_page(request.GET.get("page"))
    chosen = {"from": first.isoformat(), "to": last.isoformat(), "source": source}
    context = {
        "title": _("Recheck of the environmental-protection tax"),
        "tab": "tax",
        "lines": page,
        "page_url": f"?{urlencode(chosen)}&page=",
        "first": first,
        "last": last,
        "source": source,
        "sources": sources,
        "unconfirmed": any(not one.confirmed and one.confidence not in ("", "V") for one in lines),
        "without_value": sorted({one.name for one in lines if one.value is None}),
        "months": len({month for month, _code in rechecks}),
    }
    return render(request, "evaluation/tax.html", context)


def _tax_workbook(lines: list[outlet_statistics.TaxLine], first: date, last: date) -> HttpResponse:
    heads = [
        _("Month"),
        _("Taxpayer"),
        _("Source code"),
        _("Outlet"),
        _("Outlet code"),
        _("Factor"),
        _("HJ 212 code"),
    ]
    heads += [
        _("Group"),
        _("Amount (kg)"),
        _("Equivalent value (kg)"),
        _("Equivalents"),
        _("Rank"),
        _("Among the first"),
    ]
    heads += [
        _("Remark"),
        _("Hours counted"),
        _("Hours without valid data"),
        _("Exceeding periods"),
        _("Basis"),
    ]
    heads += [_("Confidence"), _("Confirmed here"), _("Origin of the data")]
    return workbook_response(
        f"tax-recheck-{first:%Y%m%d}-{last:%Y%m%d}",
        heads,
        (
            [
                f"{one.month:%Y-%m}",
                one.outlet.point.outlet.source.name,
                one.outlet.point.outlet.source.code,
                one.outlet.point.outlet.name,
                one.outlet.point.outlet.code,
                one.name,
                one.code,
                one.group,
                short(float(one.kilograms)),
                float(one.value) if one.value is not None else None,
                float(one.equivalents) if one.equivalents is not None else None,
                one.rank or None,
                one.taxed,
                one.remark,
                one.hours,
                one.skipped,
                one.exceeding,
                one.basis,
                one.confidence,
                one.confirmed,
                one.label["text"] if one.label else _("measured"),
            ]
            for one in lines
        ),
    )


def tax_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the equivalents of an outlet and month came about."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    first, last = days(request, _newest_quarter())
    _lines, rechecks = outlet_statistics.tax_extract(request.user, first, last, rulebook())
    for (month, code), found in rechecks.items():
        if (f"{month:%Y-%m}", code) == (request.GET.get("month"), request.GET.get("point")):
            return drawer(request, _("Equivalents"), f"{code} {month:%Y-%m}", found.trace.to_dict())
    raise Http404


def _standings(request: HttpRequest) -> tuple[int, list[amounts.Standing]]:
    account_rules.require(request.user, Capability.VIEW_DATA)
    year = asked.year(request, day_of(now()).year)
    return year, amounts.standings(
        list(queries.points_visible_to(request.user).filter(outlet__isnull=False)), year, rulebook()
    )


def amounts_of_year(request: HttpRequest) -> HttpResponse:
    """Amounts of a year against the permits."""
    year, found = _standings(request)
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Outlet"),
            _("Factor"),
            _("Permitted (t)"),
            _("Discharged (t)"),
            _("Used (%)"),
            _("Projected (%)"),
            _("Hours counted"),
            _("Hours without valid data"),
            _("Permit"),
            _("Reason"),
            _("Clause"),
            _("Confidence"),
        ]
        return workbook_response(
            f"amounts-{year}",
            heads,
            (
                [
                    str(one.point.outlet),
                    str(one.limit.factor),
                    float(one.limit.yearly_amount_t),
                    None if one.tonnes is None else float(one.tonnes),
                    None if one.standing is None else float(one.standing.used),
                    None
                    if one.standing is None or one.standing.projected is None
                    else float(one.standing.projected),
                    one.hours,
                    one.skipped,
                    str(one.limit.permit or one.limit.basis),
                    "" if one.problem is None else one.problem[queries.language()],
                    clauses.cited(clauses.of_amount(one)),
                    one.standing.trace.confidence.value if one.standing else None,
                ]
                for one in found
            ),
        )
    rows = [
        {"one": one, "standing": words.STANDINGS.get(one.standing.standing) if one.standing else None}
        for one in found
    ]
    return render(
        request,
        "evaluation/amounts.html",
        frame(
            _("Amounts and permits"),
            "amounts",
            rows=rows,
            year=year,
            years=[day_of(now()).year, day_of(now()).year - 1],
        ),
    )


def amount_why(request: HttpRequest) -> HttpResponse:
    _, found = _standings(request)
    for one in found:
        if str(one.limit.pk) == request.GET.get("limit"):
            used = f" {one.standing.used}%" if one.standing is not None else ""
            return drawer(
                request,
                f"{one.limit.factor}{used}",
                str(one.point.outlet),
                clauses.explained_amount(one, rulebook()).to_dict(),
            )
    raise Http404

"""Pages of outlets: exceedances, amounts, limits beside each other, trend warnings, statistics, tax recheck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    amounts,
    outlet_statistics,
    queries,
    tables,
    words,
)
from qingjian.apps.evaluation.asked import days
from qingjian.apps.evaluation.drafts import day_of, short
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.outlets import bounds
from qingjian.apps.evaluation.pages import caveats, frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.ui import asked
from qingjian.ui.listing import workbook_response

TAX_LINES = 40
MUNICIPAL = "GB 18918"
"""Municipal waste water: the instantaneous limits of its amendment of 2026 are not known."""
AVERAGINGS = (("hour", lazy("Hour")), ("day", lazy("Day")))


# -- limits ------------------------------------------------------------------------------------------------------------


def outlet_limits(request: HttpRequest) -> HttpResponse:
    """What each outlet is held against on a day: permit and standards side by side, the strictest marked."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    day = asked.day(request, "on") or day_of(now())
    rows = list(_limit_rows(request.user, day))
    if request.GET.get("export") == "xlsx":
        heads = [_("Outlet"), _("Factor"), _("Averaging period"), _("Limit"), _("Document"), _("Decides")]
        heads += [_("From"), _("To (not included)"), _("Confidence")]
        return workbook_response(
            "outlet-limits",
            heads,
            (
                [
                    str(row["outlet"]),
                    str(row["factor"]),
                    str(row["averaging"]),
                    row["text"],
                    row["document"],
                    row["decides"],
                    row["valid_from"],
                    row["valid_to"],
                    row["confidence"],
                ]
                for row in rows
            ),
        )
    context = {
        "title": _("Limits of outlets"),
        "tab": "limits",
        "rows": rows,
        "caveats": caveats(MUNICIPAL) if any(MUNICIPAL in row["document"] for row in rows) else [],
        "unfit": _unfit_rows(request.user, day),
        "day": day,
        "may_propose": account_rules.may(request.user, Capability.CONFIRM_RULES),
        "may_propose_permit": account_rules.may(request.user, Capability.PROPOSE_REGISTRY),
    }
    return render(request, "evaluation/outlet_limits.html", context)


def _limit_rows(user: Any, day: date) -> Iterator[dict[str, Any]]:
    book = rulebook()
    for outlet in queries.outlets_in_reach(user):
        for averaging, title in AVERAGINGS:
            for series, converted, held in outlet.held(day, averaging, book):
                for place, bound in enumerate(held):
                    source = bound.limit if bound.limit is not None else bound.row
                    yield {
                        "outlet": outlet.point.outlet,
                        "point": outlet.point,
                        "factor": series.factor,
                        "averaging": title,
                        "converted": converted,
                        "text": f"{bound.text} {words.unit(series.unit)}".strip(),
                        "document": bound.document,
                        "condition": bound.row.values.get("condition", "") if bound.row else "",
                        "permit": bound.limit is not None,
                        "decides": place == 0,
                        "several": len(held) > 1,
                        "valid_from": _day(source.valid_from),
                        "valid_to": _day(source.valid_to),
                        "confidence": bound.row.confidence.value if bound.row else "S",
                        "confirmed": bool(bound.row and bound.row.confirmed),
                    }


def _unfit_rows(user: Any, day: date) -> list[dict[str, Any]]:
    """Limits that judge nothing, with what is lacking: a permit limit in another unit, a reference oxygen of the series."""
    book = rulebook()
    found = []
    for outlet in queries.outlets_in_reach(user):
        for averaging, _title in AVERAGINGS:
            subject = {"point": outlet.point, "outlet": outlet.point.outlet}
            found += [
                {
                    **subject,
                    "factor": series.factor,
                    "limit": f"{bounds(limit)} {words.unit(limit.unit)}",
                    "lacking": _("the limit cannot be expressed in the unit of the series, %(unit)s")
                    % {"unit": words.unit(series.unit)},
                }
                for limit, series in outlet.unfit(day, averaging)
            ]
            found += [
                {
                    **subject,
                    "factor": series.factor,
                    "limit": f"{bound.text} {words.unit(series.unit)} ({bound.document})",
                    "lacking": _(
                        "the limit refers to %(oxygen)s %% oxygen and no reference oxygen is registered for the series"
                    )
                    % {"oxygen": f"{bound.reference_oxygen:f}"},
                }
                for bound, series in outlet.lacking_oxygen(day, averaging, book)
            ]
    return found


def _day(value: Any) -> date | None:
    return day_of(value) if hasattr(value, "hour") else value


# -- trend warnings ----------------------------------------------------------------------------------------------------


def trend_warnings(request: HttpRequest) -> HttpResponse:
    """Warnings before a limit is reached, with how many were right."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.trend_warnings_visible_to(request.user)
    settings = rulebook().rows("evaluation_parameters")
    return tables.TrendWarningListing(request, rows).response(
        {
            "tab": "trends",
            "record": queries.warning_record(rows),
            "settings": [row for row in settings if row["subject"].startswith("trend_warning")],
        }
    )


def trend_why(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawer: why somebody was warned."""
    row = get_object_or_404(queries.trend_warnings_visible_to(request.user), pk=pk)
    return drawer(
        request,
        f"{row.series.factor} {row.share:g}%",
        str(row.point.outlet),
        row.trace,
        label=queries.label_of([row.series]),
    )


# -- statistics --------------------------------------------------------------------------------------------------------


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
            _("Edition"),
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
                    "；".join(sorted(group.editions)),
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


# -- the tax -----------------------------------------------------------------------------------------------------------


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
        "unconfirmed": any(not one.confirmed and one.confidence != "V" for one in lines),
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


def outlets(request: HttpRequest) -> HttpResponse:
    """Each outlet: exceedances of the last 30 days, state, amounts of this year; the newest exceedances below."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    rows = queries.outlet_overview(request.user)
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
        ]
        return workbook_response(
            "outlets",
            heads,
            (
                [
                    str(one["point"].outlet),
                    one["counts"]["runs"] if one["counts"] else 0,
                    one["counts"]["periods"] if one["counts"] else 0,
                    one["counts"]["worst"] if one["counts"] else None,
                    one["running"],
                    one["marked"],
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


def exceedances(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.VIEW_DATA)
    return tables.ExceedanceListing(request, queries.exceedances_visible_to(request.user)).response(
        {"tab": "exceedances"}
    )


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
            _("Evaluation basis"),
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
                    "；".join(one.standing.trace.editions) if one.standing else "",
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
        if str(one.limit.pk) == request.GET.get("limit") and one.standing is not None:
            return drawer(
                request,
                f"{one.limit.factor} {one.standing.used}%",
                str(one.point.outlet),
                one.standing.trace.to_dict(),
            )
    raise Http404

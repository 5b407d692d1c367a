"""Pages on which data are looked over: completeness with its gaps, and the levels of data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.kinds import ELEMENTS, kinds_of
from qingjian.apps.network.models import Series
from qingjian.apps.observing import (
    completeness,
    gap_lines,
    levels,
    provenance,
    rules,
    services,
    statuses,
    words,
)
from qingjian.apps.observing.models import Mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.ui.asked import day
from qingjian.ui.listing import EXPORT_LIMIT, sheets_response
from qingjian.ui.newest import newest

SERIES_PER_PAGE = {"window": 25, "day": 4, "month": 25, "quarter": 25}
GAPS_PER_PAGE = 20
MOST_GAPS_EXPORTED = 20_000
MOST_CELLS = 62
"""Days a strip shows one by one; a longer window is shown by month."""
POINTS_PER_PAGE = 50
CHUNK = 200


def _filters(request: HttpRequest) -> dict[str, Any]:
    """Return what both pages are narrowed by, checked."""
    element = request.GET.get("element", "")
    region = request.GET.get("region", "")
    return {
        "element": element if element in ELEMENTS else "",
        "region": int(region) if region.isdecimal() else None,
        "q": request.GET.get("q", "").strip(),
    }


def _regions(user: Any) -> list[Region]:
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    return list(Region.objects.filter(pk__in=reach.regions).order_by("code"))


# -- completeness --------------------------------------------------------------------------------------------------


def completeness_page(request: HttpRequest) -> HttpResponse:
    """Expected, received and valid values, the rates by their rules, and the gaps with what was asked for them."""
    chosen = _filters(request)
    first, last = completeness.window(day(request, "from"), day(request, "to"))
    by = request.GET.get("by", "window")
    if by not in completeness.PERIODS:
        raise BadRequest(_("Unknown period."))
    series = completeness.owing(request.user, chosen["element"], chosen["region"], chosen["q"])
    only_gaps = request.GET.get("only") == "gaps"
    if only_gaps:
        series = series.filter(
            code__in=completeness.gap_records(series, first, last).order_by().values("subject")
        )
    part = (
        "month" if by == "window" and (last - first).days >= MOST_CELLS else "day" if by == "window" else by
    )
    if request.GET.get("export") == "xlsx":
        records = newest(completeness.gap_records(series, first, last), MOST_GAPS_EXPORTED)
        found = gap_lines.lines(completeness.gaps(series, list(records)))
        left_out = (
            [[_("%(count)d more gaps: choose a shorter period for them.") % {"count": records.more}]]
            if records.more
            else []
        )
        return sheets_response(
            "completeness",
            [
                (_("Completeness"), _completeness_heads(), _completeness_rows(series, first, last, part)),
                (_("Gaps"), gap_lines.heads(), [*map(gap_lines.cells, found), *left_out]),
            ],
        )
    page = Paginator(series, SERIES_PER_PAGE[by]).get_page(request.GET.get("page"))
    report = completeness.report(list(page), first, last, part)
    kept = {key: value for key, value in request.GET.items() if key != "export" and value}
    keep = {key: value for key, value in kept.items() if key != "page"}
    records = completeness.gap_records(series, first, last)
    gap_page = Paginator(records, GAPS_PER_PAGE).get_page(request.GET.get("gap_page"))
    strips = completeness.strips(report.lines, first) if by == "window" else []
    capture_rule = completeness.capture_row(rulebook(), last) if by == "quarter" else None
    context = {
        "title": _("Completeness"),
        "lines": report.lines if by != "window" else [],
        "strips": [{"line": one.line, "cells": [_cell(part, one) for one in one.parts]} for one in strips],
        "by_month": part == "month",
        "rule": report.row,
        "rule_text": provenance.rule_text(report.row) if report.row else "",
        "capture_rule": capture_rule,
        "capture_text": provenance.rule_text(capture_rule) if capture_rule else "",
        "page": page,
        "page_url": f"?{urlencode(keep)}&page=" if keep else "?page=",
        "export_url": f"?{urlencode({**keep, 'export': 'xlsx'})}",
        "first": first,
        "last": last,
        "by": by,
        "periods": [
            ("window", _("one line per series")),
            ("day", _("by day")),
            ("month", _("by month")),
            ("quarter", _("by quarter")),
        ],
        "only_choices": True,
        "only_gaps": only_gaps,
        "elements": list(ELEMENTS.items()),
        "regions": _regions(request.user),
        "chosen": chosen,
        "statistics": words.STATISTICS,
        "gaps": gap_lines.lines(completeness.gaps(series, list(gap_page))),
        "gap_page": gap_page,
        "gap_url": f"?{urlencode({key: value for key, value in kept.items() if key != 'gap_page'})}&gap_page=",
    }
    return render(request, "observing/completeness.html", context)


CELLS = (
    (1.0, "full", "■"),
    (0.75, "most", "◧"),
    (0.0, "part", "◔"),
)
"""Least share of values that came and count → how a cell is drawn; the sign says it without colour."""


def _cell(part: str, line: completeness.Line) -> dict[str, str]:
    """Return how a day or month of a strip is drawn."""
    name, sign = "none", "□"
    if line.rate is None:
        name, sign = "free", "·"
    elif line.valid:
        name, sign = next((name, sign) for least, name, sign in CELLS if line.rate >= least)
    when = f"{line.start:%Y-%m}" if part == "month" else f"{line.start:%Y-%m-%d}"
    share = _("nothing was due") if line.rate is None else f"{100 * line.rate:.1f} %"
    return {
        "name": name,
        "sign": sign,
        "text": f"{when} {share} ({line.valid}/{line.expected - line.stopped})",
    }


def _completeness_heads() -> list[str]:
    return [
        _("Monitoring point"),
        _("Region"),
        _("Series"),
        _("Factor"),
        _("Statistic"),
        _("Period"),
        _("Days"),
        _("Expected"),
        _("Stopped"),
        _("Values received"),
        _("Valid"),
        _("Missing"),
        _("Transmission rate"),
        _("Valid share"),
        _("Valid transmission rate"),
        _("Quarterly capture"),
        _("Rule"),
        _("Confidence"),
    ]


def _completeness_rows(series: Any, first: date, last: date, by: str) -> Iterator[list[Any]]:
    written = 0
    chunk: list[Series] = []
    for one in [*series.iterator(chunk_size=CHUNK), None]:
        if one is not None:
            chunk.append(one)
        if not chunk or (one is not None and len(chunk) < CHUNK):
            continue
        report = completeness.report(chunk, first, last, by)
        chunk = []
        for line in report.lines:
            written += 1
            if written > EXPORT_LIMIT:
                return
            yield [
                line.series.point.name,
                str(line.series.point.region),
                line.series.code,
                str(line.series.factor),
                str(words.STATISTICS[line.statistic]),
                line.start,
                line.days,
                line.expected,
                line.stopped,
                line.received,
                line.valid,
                line.missing,
                line.transmission,
                line.valid_share,
                line.rate,
                line.capture,
                f"{report.row.citation} ({report.row.id})" if report.row else "",
                report.row.confidence.value if report.row else "",
            ]


# -- levels --------------------------------------------------------------------------------------------------------


def levels_page(request: HttpRequest) -> HttpResponse:
    """How far the data of each point have come; verify, ratify or confirm those of several points at once."""
    if not account_rules.may(request.user, Capability.MARK_DATA):
        raise PermissionDenied
    chosen = _filters(request)
    first, last = _month(request)
    start, end = _moment(first), _moment(last + timedelta(days=1))
    points = network.points_visible_to(request.user, Capability.MARK_DATA).order_by("code")
    if chosen["element"]:
        points = points.filter(kind__in=kinds_of(chosen["element"]))
    if chosen["region"]:
        points = points.filter(region_id__in=account_rules.subtree({chosen["region"]}))
    if chosen["q"]:
        points = points.filter(name__icontains=chosen["q"])
    if request.method == "POST":
        _raise_levels(request, points, start, end)
        return redirect(f"{request.path}?{request.GET.urlencode()}")
    points = points.filter(pk__in=Series.objects.values("point"))
    if request.GET.get("export") == "xlsx":
        return _levels_workbook(points, first, last, start, end)
    reach = account_rules.scope(request.user, Capability.MARK_DATA)
    page = Paginator(points, POINTS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {"levels": one, "kinds": rules.levels_within(reach, one.point)}
        for one in levels.overview(list(page), start, end)
    ]
    offered = {kind for row in rows for kind in row["kinds"]}
    actions = {
        Mark.Kind.VERIFIED: _("Verify"),
        Mark.Kind.RATIFIED: _("Ratify"),
        Mark.Kind.CONFIRMED: _("Confirm own data"),
    }
    keep = {key: value for key, value in request.GET.items() if key != "page" and value}
    context = {
        "title": _("Data levels"),
        "rows": rows,
        "actions": [(kind.value, text) for kind, text in actions.items() if kind in offered],
        "page": page,
        "page_url": f"?{urlencode(keep)}&page=" if keep else "?page=",
        "export_url": f"?{urlencode({**keep, 'export': 'xlsx'})}",
        "first": first,
        "last": last,
        "elements": list(ELEMENTS.items()),
        "regions": _regions(request.user),
        "chosen": chosen,
        "level_titles": statuses.LEVEL_TITLES,
    }
    return render(request, "observing/levels.html", context)


def _levels_workbook(points: Any, first: date, last: date, start: datetime, end: datetime) -> HttpResponse:
    """Return how far the data of every point have come: the share of each level in percent, one column a level."""
    chosen = newest(points.select_related("region"), EXPORT_LIMIT)
    found = levels.overview(list(chosen), start, end)
    names = list(dict.fromkeys(level for one in found for level in one.shares))
    heads = [_("Monitoring point"), _("Point code"), _("Kind"), _("Region"), _("Series")]
    rows = [
        [
            one.point.name,
            one.point.code,
            str(one.point.get_kind_display()),
            str(one.point.region),
            one.series,
            *(round(100 * one.shares[name], 1) if name in one.shares else None for name in names),
        ]
        for one in found
    ]
    if chosen.more:
        rows.append(
            [_("%(count)d more points: choose a region or a kind for them.") % {"count": chosen.more}]
        )
    titles = [f"{statuses.LEVEL_TITLES[name]} (%)" for name in names]
    return sheets_response("data-levels", [(f"{first} – {last}", [*heads, *titles], rows)])


def _month(request: HttpRequest) -> tuple[date, date]:
    """Return the days chosen, by default those of the present month that are over (of the last month on its first)."""
    first, last = day(request, "from"), day(request, "to")
    shown_first, shown_last = completeness.window(first, last)
    return (shown_first if first else shown_last.replace(day=1)), shown_last


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def _raise_levels(request: HttpRequest, points: Any, start: datetime, end: datetime) -> None:
    wanted = list(points.filter(code__in=request.POST.getlist("point")).distinct())
    if not wanted:
        messages.error(request, _("Choose at least one point."))
        return
    try:
        done, refused = services.set_levels(
            request.user, wanted, start, end, request.POST.get("kind", ""), request.POST.get("reason", "")
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    if done:
        messages.success(
            request,
            _("Done for %(count)d points. The values themselves are unchanged.") % {"count": len(done)},
        )
    for point, reason in refused:
        messages.error(request, f"{point.name}: {reason}")

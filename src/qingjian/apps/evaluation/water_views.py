"""Pages of surface water: sections and their classes, map, basins, trends, ranking by index."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    automatic,
    queries,
    waters,
    words,
)
from qingjian.apps.evaluation.asked import item_of
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.element_views import map_point
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import frame
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.standards.rounding import legible
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response, workbook_response


def points(request: HttpRequest) -> JsonResponse:
    """Return the sections for the map, with the class of the present or the newest month."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    found = []
    for one in queries.water_sections(request.user):
        row = one["month"] or next((row for _month, row in reversed(one["history"]) if row), None)
        name = row.water_class if row else ""
        if one["point"].longitude is not None:
            found.append(
                map_point(
                    one["point"],
                    name or "–",
                    int(words.CLASS_COLOURS.get(name, "0")),
                    reverse("water-section", args=(one["point"].code,)),
                )
            )
    return JsonResponse({"points": found})


def _section(request: HttpRequest, code: str) -> Point:
    account_rules.require(request.user, Capability.VIEW_DATA)
    return get_object_or_404(queries.points_visible_to(request.user, kinds_of("water")), code=code)


def section_trend(request: HttpRequest, code: str) -> JsonResponse:
    point = _section(request, code)
    item = item_of(request, waters.items_of(queries.section_months(point)))
    return JsonResponse(waters.section_chart(point, item))


def trend_why(request: HttpRequest, code: str) -> HttpResponse:
    """The drawer: how the trend of one item came about."""
    point = _section(request, code)
    for one in waters.trends(point):
        if one.item == request.GET.get("item"):
            return drawer(
                request, f"{one.item}: r = {one.trend.coefficient}", point.name, one.trend.trace.to_dict()
            )
    raise Http404


def basin_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the rating of a basin, or its change against last year, came about."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    for one in waters.bodies(queries.water_sections(request.user)):
        if one.key != request.GET.get("basin"):
            continue
        if request.GET.get("part") == "trend" and one.trend is not None:
            return drawer(
                request,
                f"{one.name}: {words.category(one.trend.label)}",
                _("This year so far against the same months of last year"),
                one.trend.trace.to_dict(),
            )
        return drawer(
            request,
            f"{one.name}: {words.category(one.present.rating)}",
            _("This year so far"),
            one.present.trace.to_dict(),
        )
    raise Http404


def indices(request: HttpRequest) -> HttpResponse:
    """Sections by water quality index (CWQI) of a month, against the same month of last year."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    months = waters.index_months(request.user)
    month = asked.month(request, months[0] if months else None)
    found = waters.indices(request.user, month) if month else waters.Indices([], None, [])
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Rank"),
            _("Section"),
            "CWQI",
            _("Items"),
            _("Same month of last year"),
            f"{_('Relative change')} (%)",
            _("Month"),
            _("Confidence"),
            _("Note"),
        ]
        rows = [
            [
                one.rank,
                one.name,
                float(one.index.value),
                len(one.index.parts),
                None if one.before is None else float(one.before),
                None if one.change is None else float(one.change),
                f"{month:%Y-%m}",
                one.index.trace.confidence.value,
                "" if one.rank else _("fewer than 21 items: not ranked"),
            ]
            for one in found.lines
        ]
        rows += [
            [None, point.name, None, None, None, None, f"{month:%Y-%m}", None, why]
            for point, why in found.undefined
        ]
        return workbook_response(f"water-index-{month:%Y-%m}" if month else "water-index", heads, rows)
    context: dict[str, Any] = {
        "title": _("Water quality index"),
        "tab": "indices",
        "now": now(),
        "lines": found.lines,
        "whole": found.whole,
        "undefined": found.undefined,
        "month": month,
        "months": months,
    }
    return render(request, "evaluation/water_indices.html", context)


def index_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the index of one section and month came about."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    month = asked.month(request, next(iter(waters.index_months(request.user)), None))
    if month is None:
        raise Http404
    for one in waters.indices(request.user, month).lines:
        if one.point is not None and one.point.code == request.GET.get("section"):
            return drawer(
                request, f"CWQI {one.index.value}", f"{one.name} · {month:%Y-%m}", one.index.trace.to_dict()
            )
    raise Http404


def water(request: HttpRequest) -> HttpResponse:
    """Class of every section now and this month, target, history, and the rating of the river."""
    account_rules.require(request.user, Capability.VIEW_DATA)
    sections = queries.water_sections(request.user)
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Section"),
            _("Target class"),
            *(f"{month:%Y-%m}" for month, _row in (sections[0]["history"] if sections else ())),
        ]
        lines = (
            [
                one["point"].name,
                one["point"].attributes.get("target_class"),
                *(row.water_class if row else "" for _month, row in one["history"]),
            ]
            for one in sections
        )
        return sheets_response(
            "sections", [(_("Sections"), heads, lines), _rivers_sheet(queries.river_ratings(sections))]
        )
    judged = [one for one in sections if one["month"] is not None and one["month"].reached is not None]
    context = frame(
        _("Surface water"),
        "water",
        sections=sections,
        ratings=queries.river_ratings(sections),
        bodies=waters.bodies(sections),
        judged=len(judged),
        reached=sum(one["month"].reached for one in judged),
        catching_up=queries.catching_up("water"),
        months=[month for month, _row in sections[0]["history"]] if sections else [],
    )
    return render(request, "evaluation/water.html", context)


def _rivers_sheet(ratings: list[dict[str, Any]]) -> tuple[str, list[Any], list[list[Any]]]:
    heads = [
        _("River this month"),
        _("Sections"),
        _("Rating"),
        "Ⅰ–Ⅲ (%)",
        f"{_('worse than Ⅴ')} (%)",
        _("Main pollutants"),
        _("Confidence"),
    ]
    rows = [
        [
            one["name"],
            one["rating"].sections,
            words.category(one["rating"].rating),
            float(one["rating"].share_good),
            float(one["rating"].share_worst),
            "、".join(one["rating"].main),
            one["rating"].trace.confidence.value,
        ]
        for one in ratings
    ]
    return _("Rivers"), heads, rows


def section(request: HttpRequest, code: str) -> HttpResponse:
    point = _section(request, code)
    if point.kind == "river_outfall":
        raise Http404
    (one,) = queries.water_sections(request.user, point)
    months = queries.section_months(point)
    mondays = automatic.weeks(point) if automatic.is_automatic(point) else []
    chosen = _monday(request, mondays)
    week = automatic.week(point, chosen) if chosen is not None else None
    outstanding = automatic.fluctuations(point) if mondays else []
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Month"),
            _("Class"),
            _("Target class"),
            _("Main items"),
            _("Items assessed"),
            _("Not measured"),
            _("Confidence"),
            _("Revision"),
        ]
        lines = (
            [
                day_of(row.start),
                row.water_class,
                row.target,
                row.main_items,
                "、".join(item["item"] for item in row.result.get("items", ())),
                "、".join(row.result.get("not_measured", ())),
                row.confidence,
                row.revision,
            ]
            for row in months
        )
        pages: list[tuple[str, list[Any], Any]] = [(_("Months"), heads, lines)]
        if week is not None:
            pages.append(_week_sheet(week))
        if outstanding:
            pages.append(_outstanding_sheet(outstanding))
        return sheets_response(f"section-{code}", pages)
    today = day_of(now())
    return render(
        request,
        "evaluation/section.html",
        frame(
            point.name,
            "water",
            one=one,
            point=point,
            months=months,
            year=today.year,
            trends=waters.trends(point),
            items=waters.items_of(months),
            samples=queries.section_samples(point),
            automatic=automatic.is_automatic(point),
            mondays=mondays,
            week=week,
            chosen=chosen,
            newest_day=outstanding[0].day if outstanding else None,
            fluctuating=[one for one in outstanding if one.found.abnormal],
            newest_fluctuations=[one for one in outstanding if one.day == outstanding[0].day],
            watched_days=automatic.OUTSTANDING_DAYS,
            has_days=queries.current("water_station_day").filter(point=point).exists(),
        ),
    )


def _monday(request: HttpRequest, mondays: list[date]) -> date | None:
    """Return the Monday of the week asked for, else of the newest week that is over."""
    wanted = asked.day(request, "week")
    if wanted is None:
        return automatic.usual_week(mondays)
    if automatic.monday_of(wanted) not in mondays:
        raise Http404
    return automatic.monday_of(wanted)


def _week_sheet(week: automatic.Week) -> tuple[str, list[Any], list[list[Any]]]:
    heads = [_("From"), _("To"), _("Class"), _("Item"), _("Value"), _("Unit"), _("Class of the item")]
    heads += [_("Valid hours"), _("Confidence")]
    rows = [
        [
            week.monday,
            week.sunday,
            week.found.result.cls,
            one.item,
            float(one.shown),
            words.unit(one.unit),
            one.cls,
            week.hours.get(one.item),
            week.trace.confidence.value,
        ]
        for one in week.found.result.items
    ]
    return _("Week of the station"), heads, rows


def _outstanding_sheet(found: list[automatic.Outstanding]) -> tuple[str, list[Any], list[list[Any]]]:
    heads = [_("Day"), _("Item"), _("Value"), _("Median of the days before"), _("Ratio"), _("Fluctuates")]
    rows = [
        [
            one.day,
            one.found.item,
            float(legible(one.found.value)),
            float(one.found.median),
            float(one.ratio),
            one.found.abnormal,
        ]
        for one in found
    ]
    return _("Fluctuation"), heads, rows


def week_why(request: HttpRequest, code: str) -> HttpResponse:
    """The drawer: how the class of a station and week came about."""
    point = _section(request, code)
    chosen = _monday(request, automatic.weeks(point) if automatic.is_automatic(point) else [])
    week = automatic.week(point, chosen) if chosen is not None else None
    if week is None:
        raise Http404
    title = f"{week.found.result.cls} · {week.monday} – {week.sunday}"
    return drawer(request, title, point.name, week.trace.to_dict())


def fluctuation_why(request: HttpRequest, code: str) -> HttpResponse:
    """The drawer: a daily value against the median of the days before."""
    point = _section(request, code)
    day = asked.day(request, "day")
    for one in automatic.fluctuations(point) if automatic.is_automatic(point) else ():
        if one.day == day and one.found.item == request.GET.get("item"):
            title = f"{one.found.item} · {one.day} · {one.ratio}×"
            return drawer(request, title, point.name, one.found.trace.to_dict())
    raise Http404


def section_calendar(request: HttpRequest, code: str) -> HttpResponse:
    point = _section(request, code)
    year = asked.year(request, day_of(now()).year)
    classes = list(words.CLASS_COLOURS)
    days = [
        [
            day_of(row.start).isoformat(),
            classes.index(row.water_class) + 1 if row.water_class else 0,
            row.water_class or None,
            words.category(row.category),
            ", ".join(row.result.get("decided_by", ())),
            reverse("evaluation-why", args=(row.pk,)),
        ]
        for row in queries.section_history(point, year)
    ]
    return JsonResponse(
        {"year": year, "days": days, "labels": classes, "palette": "water", "texts": {"none": _("no class")}}
    )


def river_why(request: HttpRequest) -> HttpResponse:
    account_rules.require(request.user, Capability.VIEW_DATA)
    for one in queries.river_ratings(queries.water_sections(request.user)):
        if one["key"] == request.GET.get("river", ""):
            return drawer(
                request,
                f"{one['name']}: {words.category(one['rating'].rating)}",
                _("Rating of the present month"),
                one["rating"].trace.to_dict(),
            )
    raise Http404

"""Pages of the elements that are not air, sections or outlets: map, table, chart and why of each."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import cards, curves, doses, queries, radiation, sheets, words
from qingjian.apps.evaluation.asked import item_of
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.evaluation.pages import caveats
from qingjian.apps.evaluation.sheets import SHEETS, Sheet
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.standards.noise import ZONE_RATING
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response


def _sheet(request: HttpRequest, name: str) -> Sheet:
    account_rules.require(request.user, Capability.VIEW_DATA)
    if name not in SHEETS:
        raise Http404
    return SHEETS[name]


def overview(request: HttpRequest, name: str) -> HttpResponse:
    """Every point of an element in reach: where it lies, what its newest result says, and the ones before."""
    sheet = _sheet(request, name)
    lines = sheets.lines(request.user, sheet)
    every = sheets.points_of(request.user, sheet, every=True)
    periods = cards.periods(sheet, every)
    period = cards.period_of(sheet, asked.month(request, None)) or next(iter(periods), None)
    figures = cards.summary(sheet, lines, every, period)
    if request.GET.get("export") == "xlsx":
        return _overview_workbook(sheet, lines, figures)
    regions = sheets.region_results(request.user, sheet)
    return render(
        request,
        "evaluation/element.html",
        {
            "title": str(sheet.title),
            "tab": sheet.name,
            "now": now(),
            "sheet": sheet,
            "lines": lines,
            "cards": figures,
            "periods": [(one, cards.period_name(sheet, one)) for one in periods],
            "period": period,
            "regions": [(row, sheets.face(row)) for row in regions],
            "catching_up": queries.catching_up(sheet.element),
            "caveats": caveats(ZONE_RATING) if sheet.name == "noise" else [],
            "may_import": account_rules.may(request.user, Capability.IMPORT_DATA),
            "point_kinds": len({one.point.kind for one in lines}) > 1,
        },
    )


def _overview_workbook(sheet: Sheet, lines: list[sheets.Line], figures: list[cards.Card]) -> HttpResponse:
    """The points, and the figures of the page on a second sheet."""
    heads = [
        _("Point code"),
        _("Monitoring point"),
        _("Kind"),
        _("Period"),
        _("Result"),
        _("Responsible items"),
        _("Edition"),
        _("Confidence"),
        _("Revision"),
        _("Label"),
    ]
    rows = (
        [
            one.point.code,
            one.point.name,
            str(one.point.get_kind_display()),
            day_of(one.row.start) if one.row else None,
            one.face.text if one.face else None,
            one.responsible,
            one.row.edition if one.row else None,
            one.row.confidence if one.row else None,
            one.row.revision if one.row else None,
            one.label["text"] if one.label else None,
        ]
        for one in lines
    )
    said = [
        [
            one.title,
            one.answer or " · ".join(f"{face.text} {count}" for face, count in one.faces),
            one.detail,
        ]
        for one in figures
    ]
    pages: list[tuple[str, list[Any], Any]] = [(str(sheet.title), heads, rows)]
    if said:
        pages.append((_("Figures"), [_("Item"), _("Value"), _("Note")], said))
    return sheets_response(sheet.name, pages)


def points(request: HttpRequest, name: str) -> JsonResponse:
    """Return the points of an element for its map, with text and colour of their newest result."""
    sheet = _sheet(request, name)
    return JsonResponse(
        {
            "points": [
                map_point(
                    one.point,
                    one.face.text if one.face else "–",
                    one.face.level if one.face else 0,
                    reverse("element-point", args=(sheet.name, one.point.code)),
                )
                for one in sheets.lines(request.user, sheet)
                if one.point.longitude is not None
            ]
        }
    )


def map_point(point: Point, text: str, level: int, url: str) -> dict[str, Any]:
    """Return a point as the map takes it."""
    return {
        "code": point.code,
        "name": point.name,
        "element": point.element,
        "longitude": point.longitude,
        "latitude": point.latitude,
        "label": text,
        "level": level,
        "url": url,
        "values": [],
    }


def _point(request: HttpRequest, sheet: Sheet, code: str) -> Point:
    found = get_object_or_404(
        queries.points_visible_to(request.user),
        code=code,
        pk__in=[one.pk for one in sheets.points_of(request.user, sheet, every=True)],
    )
    return found


def point(request: HttpRequest, name: str, code: str) -> HttpResponse:
    """One point: its newest result item by item, its history, and why of each."""
    sheet = _sheet(request, name)
    chosen = _point(request, sheet, code)
    rows = sheets.results(chosen, sheet)
    if request.GET.get("export") == "xlsx":
        return _point_workbook(sheet, chosen, rows)
    items = curves.items_of(rows)
    return render(
        request,
        "evaluation/element_point.html",
        {
            "title": chosen.name,
            "tab": sheet.name,
            "now": now(),
            "sheet": sheet,
            "point": chosen,
            "newest": rows[0] if rows else None,
            "newest_items": rows[0].result.get("items", []) if rows else [],
            "newest_face": sheets.face(rows[0]) if rows else None,
            "rows": [(row, sheets.face(row)) for row in rows[:60]],
            "count": len(rows),
            "items": items,
            "doses": doses.of(chosen) if sheet.name == "radiation" else [],
            "background": radiation.background_of(chosen) if sheet.name == "radiation" else None,
            "label": queries.label_of(queries.series_of_points([chosen])),
        },
    )


def _point_workbook(sheet: Sheet, chosen: Point, rows: list[Evaluation]) -> HttpResponse:
    items = list(dict.fromkeys(item for row in rows for item in row.values.get("used", {})))
    heads = [
        _("Period"),
        _("Result"),
        _("Responsible items"),
        _("Edition"),
        _("Confidence"),
        _("Revision"),
        *(words.item(item) for item in items),
    ]
    lines = (
        [
            day_of(row.start),
            sheets.face(row).text,
            sheets.responsible(row),
            row.edition,
            row.confidence,
            row.revision,
            *(row.values.get("used", {}).get(item) for item in items),
        ]
        for row in rows
    )
    pages: list[tuple[str, list[Any], Any]] = [(_("Results"), heads, lines)]
    if sheet.name == "radiation":
        pages.append(_doses_sheet(doses.of(chosen)))
    return sheets_response(f"{sheet.name}-{chosen.code}", pages)


def _doses_sheet(found: list[doses.Dose]) -> tuple[str, list[Any], list[list[Any]]]:
    heads = [
        _("Year"),
        _("Valid hours"),
        _("Hours possible"),
        _("Mean dose rate") + " (nGy/h)",
        _("Lowest dose") + " (mSv/a)",
        _("Highest dose") + " (mSv/a)",
        _("Public limit") + " (mSv/a)",
        _("Within the public limit"),
        _("Confidence"),
    ]
    rows = [
        [
            one.year,
            one.hours,
            one.possible,
            float(one.mean),
            float(one.lowest),
            float(one.highest),
            float(one.limit),
            one.within,
            one.trace.confidence.value,
        ]
        for one in found
    ]
    return str(_("Annual dose")), heads, rows


def dose_why(request: HttpRequest, name: str, code: str) -> HttpResponse:
    """The drawer: how the annual dose of a radiation station came about."""
    sheet = _sheet(request, name)
    if sheet.name != "radiation":
        raise Http404
    chosen = _point(request, sheet, code)
    year = asked.year(request, day_of(now()).year)
    for one in doses.of(chosen):
        if one.year == year:
            title = f"{_('Annual dose')} {one.lowest}–{one.highest} mSv/a"
            return drawer(request, title, f"{chosen.name} · {year}", one.trace.to_dict())
    raise Http404


def chart(request: HttpRequest, name: str, code: str) -> JsonResponse:
    sheet = _sheet(request, name)
    chosen = _point(request, sheet, code)
    rows = sheets.results(chosen, sheet)
    return JsonResponse(curves.chart(rows, sheet, item_of(request, curves.items_of(rows))))

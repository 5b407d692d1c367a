"""Pages of evaluation: air, water, outlets, and why each result is what it is."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    air,
    amounts,
    explanation,
    queries,
    sheets,
    statistics,
    tables,
    targets,
    waters,
    words,
)
from qingjian.apps.evaluation.air_places import place_of
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response

MOST_YEARS = 10
HOURLY = ("air_hour", "air_day", "water_station_day", "outlet_hour", "outlet_day")
"""Kinds that are made of hours alone: real-time signals beside them do not label them."""


def _frame(request: HttpRequest, title: str, tab: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "tab": tab, "now": now(), **more}


# -- air ---------------------------------------------------------------------------------------------------------------


def air_now(request: HttpRequest) -> HttpResponse:
    """One answer first: the air of the county now."""
    place, places = place_of(request)
    found = queries.air_now(request.user, place)
    index = found["index"]
    advice = None
    if index is not None:
        language = queries.language()
        advice = {
            "effect": index.effect[language],
            "advice": index.advice[language],
            "groups": [(name, text[language]) for name, text in index.sensitive_groups.items()],
            "confidence": index.advice_confidence.value,
        }
    context = _frame(
        request,
        _("Air now"),
        "now",
        place=place,
        places=places,
        advice=advice,
        catching_up=queries.catching_up("air"),
        **found,
    )
    return render(request, "evaluation/air.html", context)


def air_trend(request: HttpRequest) -> HttpResponse:
    place, _places = place_of(request)
    if place is None:
        raise Http404
    rows = queries.air_trend(place)
    points = [
        [
            int(row.start.timestamp() * 1000),
            row.aqi,
            words.level(row.category),
            words.category(row.category),
            row.primary,
            row.publishable,
            reverse("evaluation-why", args=(row.pk,)),
        ]
        for row in rows
    ]
    return JsonResponse(
        {
            "points": points,
            "texts": {
                "primary": _("Primary pollutant"),
                "not_published": _("not published"),
                "no_data": _("No data in this period."),
                "none": _("none"),
            },
        }
    )


def _year(request: HttpRequest, place: air.Assessed) -> tuple[int, list[int]]:
    years = queries.air_years(place.region)
    try:
        year = int(request.GET.get("year") or (years[0] if years else day_of(now()).year))
    except ValueError as error:
        raise BadRequest(_("A year is a number.")) from error
    return year, years[:MOST_YEARS]


def air_year(request: HttpRequest) -> HttpResponse:
    """A year of the county: days by category, pollutants, composite index against last year."""
    place, places = place_of(request)
    if place is None:
        return render(
            request,
            "evaluation/air_year.html",
            _frame(request, _("Air this year"), "year", place=None, places=places),
        )
    year, years = _year(request, place)
    today = day_of(now())
    last = today if year == today.year else date(year, 12, 31)
    present = statistics.year_of(place.region, year, last)
    before = statistics.year_of(place.region, year - 1, statistics.same_day(last, year - 1))
    lines = []
    for name, one in present.pollutants.items():
        ranked = name in ("CO", "O3")
        other = before.pollutants.get(name)
        value = one.percentile_rounded if ranked else one.mean_rounded
        earlier = (other.percentile_rounded if ranked else other.mean_rounded) if other else None
        lines.append(
            {
                "name": name,
                "one": one,
                "ranked": ranked,
                "value": value,
                "limit": one.percentile_limit if ranked else one.mean_limit,
                "multiple": one.percentile_multiple if ranked else one.mean_multiple,
                "before": earlier,
                "change": statistics.change(value, earlier),
            }
        )
    if request.GET.get("export") == "xlsx":
        return _year_workbook(place, year)
    context = _frame(
        request,
        _("Air this year"),
        "year",
        place=place,
        places=places,
        year=year,
        years=years,
        last=last,
        present=present,
        before=before,
        lines=lines,
        categories=[
            {
                "name": words.category(name),
                "level": words.level(name),
                "days": days,
                "before": before.categories[name],
            }
            for name, days in present.categories.items()
        ],
        targets=_targets(place, present),
        may_propose=account_rules.may(request.user, Capability.CONFIRM_RULES),
        comparable=statistics.comparable(present, before),
        change=statistics.change(
            present.composite.value if present.composite else None,
            before.composite.value if before.composite else None,
        ),
        catching_up=queries.catching_up("air"),
    )
    return render(request, "evaluation/air_year.html", context)


def _targets(place: air.Assessed, present: statistics.Year) -> list[dict[str, Any]]:
    """Return the targets of the year with their words."""
    names = {
        targets.GOOD_DAYS: _("Share of days good or better"),
        targets.HEAVY_DAYS: _("Days of heavy pollution"),
        targets.COMPOSITE: _("Composite index"),
    }
    return [
        {
            "against": one,
            "name": names.get(one.item, one.item),
            "sign": "≥" if one.item in targets.AT_LEAST else "≤",
            "unit": one.row.values.get("unit", ""),
            "mark": one.row.confidence.value,
        }
        for one in targets.against(place.region, present, rulebook())
    ]


def _year_workbook(place: air.Assessed, year: int) -> HttpResponse:
    heads = [
        _("Day"),
        "AQI",
        _("Category"),
        _("Primary pollutant"),
        *(f"{name}" for name in air.POLLUTANTS),
        _("Edition"),
        _("Confidence"),
        _("Revision"),
    ]
    rows = (
        [
            day_of(row.start),
            row.aqi if row.publishable else "NA",
            words.category(row.category),
            row.primary,
            *(row.values["used"].get(name) for name in air.POLLUTANTS),
            row.edition,
            row.confidence,
            row.revision,
        ]
        for row in queries.air_days(place.region, year)
    )
    return workbook_response(f"air-{place.region.code}-{year}", heads, rows)


def air_calendar(request: HttpRequest) -> HttpResponse:
    place, _places = place_of(request)
    if place is None:
        raise Http404
    year, _years = _year(request, place)
    days = [
        [*one[:-1], reverse("evaluation-why", args=(one[-1],))]
        for one in statistics.calendar(queries.air_days(place.region, year))
    ]
    return JsonResponse(
        {
            "year": year,
            "days": days,
            "labels": [words.category(name) for name in words.CATEGORY_LEVELS],
            "palette": "aqi",
            "texts": {"none": _("no valid AQI")},
        }
    )


def air_year_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the attainment, the composite index or one pollutant of a year came about."""
    place, _places = place_of(request)
    if place is None:
        raise Http404
    year, _years = _year(request, place)
    today = day_of(now())
    found = statistics.year_of(place.region, year, today if year == today.year else date(year, 12, 31))
    item = request.GET.get("item", "composite")
    if item == "composite" and found.composite is not None:
        return drawer(
            request,
            f"{_('Composite index')} {found.composite.value}",
            place.region.name,
            found.composite.trace.to_dict(),
        )
    if item == "attainment" and found.attainment is not None:
        return drawer(
            request, f"{_('Annual attainment')} {year}", place.region.name, found.attainment.trace.to_dict()
        )
    if item in found.pollutants:
        return drawer(request, f"{item} {year}", place.region.name, found.pollutants[item].trace.to_dict())
    raise Http404


def _ranking(request: HttpRequest) -> tuple[str, str, list[Any], tuple[Any, ...]]:
    account_rules.require(request.user, Capability.VIEW_DATA)
    by = "township" if request.GET.get("by") == "township" else "station"
    period = "year" if request.GET.get("period") == "year" else "month"
    points = list(queries.points_visible_to(request.user, air.STATION_KINDS).filter(status="running"))
    return by, period, points, statistics.ranking(points, by, period)


def air_ranking_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the index of one place in the ranking came about."""
    _by, _period, _points, (lines, _left_out, _dates) = _ranking(request)
    for one in lines:
        if one.name == request.GET.get("name"):
            return drawer(
                request, f"{_('Composite index')} {one.index.value}", one.name, one.index.trace.to_dict()
            )
    raise Http404


def air_ranking(request: HttpRequest) -> HttpResponse:
    """Stations or townships by composite index, with movement against the period before."""
    by, period, points, (lines, left_out, (first, last)) = _ranking(request)
    if request.GET.get("export") == "xlsx":
        heads = [
            _("Rank"),
            _("Movement"),
            _("Name"),
            _("Composite index"),
            _("Before"),
            _("Days"),
            *(f"{name}" for name in air.POLLUTANTS),
        ]
        return workbook_response(
            "ranking",
            heads,
            (
                [
                    one.place.rank,
                    one.place.movement,
                    one.name,
                    float(one.index.value),
                    float(one.before.value) if one.before else None,
                    one.days,
                    *(float(one.index.parts[name]) for name in air.POLLUTANTS),
                ]
                for one in lines
            ),
        )
    series = air.series_of(points)
    label = queries.label_of(one for own in series.values() for one in own.values())
    context = _frame(
        request,
        _("Air ranking"),
        "ranking",
        lines=lines,
        left_out=left_out,
        first=first,
        last=last,
        by=by,
        period=period,
        label=label,
        provisional=any(one.index.provisional for one in lines),
        variant=lines[0].index.variant if lines else "",
        pollutants=air.POLLUTANTS,
    )
    return render(request, "evaluation/air_ranking.html", context)


# -- water -------------------------------------------------------------------------------------------------------------


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
        return workbook_response(
            "sections",
            heads,
            (
                [
                    one["point"].name,
                    one["point"].attributes.get("target_class"),
                    *(row.water_class if row else "" for _month, row in one["history"]),
                ]
                for one in sections
            ),
        )
    judged = [one for one in sections if one["month"] is not None and one["month"].reached is not None]
    context = _frame(
        request,
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


def _section(request: HttpRequest, code: str) -> Any:
    return get_object_or_404(queries.points_visible_to(request.user, kinds_of("water")), code=code)


def section(request: HttpRequest, code: str) -> HttpResponse:
    point = _section(request, code)
    one = next((one for one in queries.water_sections(request.user) if one["point"].pk == point.pk), None)
    if one is None:
        raise Http404
    months = queries.section_months(point)
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
        return workbook_response(
            f"section-{code}",
            heads,
            (
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
            ),
        )
    today = day_of(now())
    return render(
        request,
        "evaluation/section.html",
        _frame(
            request,
            point.name,
            "water",
            one=one,
            point=point,
            months=months,
            year=today.year,
            trends=waters.trends(point),
            items=waters.items_of(months),
            samples=queries.section_samples(point),
            has_days=queries.current("water_station_day").filter(point=point).exists(),
        ),
    )


def section_calendar(request: HttpRequest, code: str) -> HttpResponse:
    point = _section(request, code)
    try:
        year = int(request.GET.get("year") or day_of(now()).year)
    except ValueError as error:
        raise BadRequest(_("A year is a number.")) from error
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


# -- outlets -----------------------------------------------------------------------------------------------------------


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
    context = _frame(
        request,
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
    try:
        year = int(request.GET.get("year") or day_of(now()).year)
    except ValueError as error:
        raise BadRequest(_("A year is a number.")) from error
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
        _frame(
            request,
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


# -- why ---------------------------------------------------------------------------------------------------------------


def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Inputs used and rejected, clause, limit, edition, rounding, confidence of one stored result; its revisions."""
    row = get_object_or_404(queries.evaluations_visible_to(request.user), pk=pk)
    book = rulebook()
    trace, again = explanation.trace_of(row, book)
    note = (
        _("Worked out again from the stored inputs; the rules have changed since the result was stored.")
        if again and row.rulebook != book.version
        else ""
    )
    return drawer(
        request,
        _heading(row),
        str(row.point or row.region),
        trace,
        row=row,
        revisions=queries.revisions_of(row),
        note=note,
        label=_label(row),
    )


def _label(row: Evaluation) -> dict[str, str] | None:
    if row.point is None:
        return None
    own = row.point.series.exclude(origin="platform")
    return queries.label_of(own.filter(expected__has_key="hour") if row.kind in HOURLY else own)


def _heading(row: Evaluation) -> str:
    if row.kind.startswith("air"):
        return (
            f"AQI {row.aqi if row.publishable else 'NA'} {words.category(row.category)}"
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

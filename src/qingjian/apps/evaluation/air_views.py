"""Pages of the air: now and the year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import (
    air,
    air_rules,
    queries,
    rolling,
    statistics,
    targets,
    words,
)
from qingjian.apps.evaluation.asked import place_of, year_of
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.event_views import with_and_without
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import caveats, frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import now
from qingjian.standards.air.local import LocalVerdict
from qingjian.standards.air.statistics import STANDARD, PeriodStatistics
from qingjian.standards.rounding import round_places
from qingjian.ui.listing import sheets_response, workbook_response

THREE_YEARS = "three-years:"


def air_now(request: HttpRequest) -> HttpResponse:
    """One answer first: the air of the county now."""
    place, places = place_of(request)
    found = queries.air_now(request.user, place)
    if request.GET.get("export") == "xlsx":
        return _now_workbook(found)
    index = found["index"]
    advice = None
    if index is not None and found["row"].publishable:
        language = queries.language()
        advice = {
            "effect": index.effect[language],
            "advice": index.advice[language],
            "groups": [(name, text[language]) for name, text in index.sensitive_groups.items()],
            "confidence": index.advice_confidence.value,
        }
    context = frame(
        _("Air now"),
        "now",
        place=place,
        places=places,
        advice=advice,
        rolling=_rolling(place, found["row"]),
        catching_up=queries.catching_up("air"),
        **found,
    )
    return render(request, "evaluation/air.html", context)


def _rolling(place: air.Assessed | None, row: Any) -> list[rolling.Rolling]:
    if place is None or row is None:
        return []
    hours = {
        one.start: one.values["used"]
        for one in queries.air_hours_until(row.start, max(rolling.WINDOWS.values()), place.region)
    }
    return rolling.of(hours, row.start, rulebook())


def air_rolling_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how a rolling mean of the newest hour came about."""
    place, _places = place_of(request)
    for one in _rolling(place, queries.air_now(request.user, place)["row"]):
        if place is not None and one.name == request.GET.get("item"):
            title = f"{one.name} · {one.value if one.value is not None else '–'} {one.unit}"
            return drawer(request, title, place.region.name, one.trace.to_dict())
    raise Http404


def _now_workbook(found: dict[str, Any]) -> HttpResponse:
    """The newest hour of every station in reach."""
    heads = [
        _("Point code"),
        _("Monitoring point"),
        _("Hour"),
        "AQI",
        _("Category"),
        _("Primary pollutant"),
        *air.POLLUTANTS,
        _("Edition"),
        _("Confidence"),
        _("Label"),
    ]
    rows = [
        [
            card["point"].code,
            card["point"].name,
            row.start,
            row.aqi if row.publishable else "NA",
            words.category(row.published_category),
            row.published_primary,
            *(air_rules.shown(name, row.values["used"].get(name)) for name in air.POLLUTANTS),
            row.edition,
            row.confidence,
            card["label"]["text"] if card["label"] else _("measured"),
        ]
        for card in found["cards"]
        if (row := card["row"]) is not None
    ]
    return workbook_response("air-now", heads, rows)


def air_trend(request: HttpRequest) -> HttpResponse:
    place, _places = place_of(request)
    if place is None:
        raise Http404
    rows = queries.air_trend(place)
    points = [
        [
            int(row.start.timestamp() * 1000),
            row.aqi,
            words.level(row.published_category),
            words.category(row.published_category),
            row.published_primary,
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


def air_year(request: HttpRequest) -> HttpResponse:
    """A year of the county: days by category, pollutants, composite index against last year."""
    place, places = place_of(request)
    if place is None:
        return render(
            request,
            "evaluation/air_year.html",
            frame(_("Air this year"), "year", place=None, places=places),
        )
    year, years = year_of(request, place)
    today = day_of(now())
    last = today if year == today.year else date(year, 12, 31)
    present = statistics.year_of(place.region, year, last)
    # By one rule for both: between two rules the index changes without any change of the air.
    before = statistics.year_of(
        place.region,
        year - 1,
        statistics.same_day(last, year - 1),
        variant=present.composite.variant if present.composite else None,
    )
    lines = []
    for name, one in present.pollutants.items():
        other = before.pollutants.get(name)
        sides = _sides(one, other)
        lines.append({"name": name, "one": one, "sides": sides})
    span, three, no_three = statistics.three_years(place.region, year, last)
    if request.GET.get("export") == "xlsx":
        return _year_workbook(place, year, present, span, three)
    deduction = with_and_without(place.region, year)
    context = frame(
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
        targets=_targets(place, present, deduction["reduced"] if deduction else None),
        deduction=deduction,
        may_propose=account_rules.may(request.user, Capability.CONFIRM_RULES, region=place.region),
        span=span,
        three=three,
        no_three=no_three,
        running=year == today.year,
        comparable=statistics.comparable(present, before),
        editions=sorted({*present.editions, *before.editions}),
        change=statistics.change(
            present.composite.value if present.composite else None,
            before.composite.value if before.composite else None,
        ),
        caveats=caveats(STANDARD) if year == today.year else [],
        catching_up=queries.catching_up("air"),
    )
    return render(request, "evaluation/air_year.html", context)


def _sides(one: PeriodStatistics, other: PeriodStatistics | None) -> list[dict[str, Any]]:
    """Return what HJ 663 holds of a pollutant against its limits: the mean where it has an annual one, and the percentile."""
    sides = []
    if one.mean_limit is not None:
        earlier = other.mean_rounded if other else None
        sides.append((_("mean"), one.mean_rounded, one.mean_limit, one.mean_multiple, earlier))
    sides.append(
        (
            f"P{one.percentile_rank}",
            one.percentile_rounded,
            one.percentile_limit,
            one.percentile_multiple,
            other.percentile_rounded if other else None,
        )
    )
    return [
        {
            "name": name,
            "value": value,
            "limit": limit,
            "times": _times(multiple),
            "before": earlier,
            "change": statistics.change(value, earlier),
        }
        for name, value, limit, multiple, earlier in sides
    ]


def _times(multiple: Decimal | None) -> str:
    """Return a multiple above a limit with two decimals, never 0; empty where the limit is met."""
    if multiple is None:
        return ""
    shown = round_places(multiple, 2)
    return f"{shown}×" if shown else "< 0.01×"


def _targets(
    place: air.Assessed, present: statistics.Year, reduced: statistics.Year | None
) -> list[dict[str, Any]]:
    """Return the targets of the year with their words; `after` holds them against the year without approved events."""
    names = {
        targets.GOOD_DAYS: _("Share of days good or better"),
        targets.HEAVY_DAYS: _("Days of heavy pollution"),
        targets.COMPOSITE: _("Composite index"),
    }
    after = (
        {}
        if reduced is None
        else {one.item: one for one in targets.against(place.region, reduced, rulebook())}
    )
    return [
        {
            "against": one,
            "after": after.get(one.item),
            "name": names.get(one.item, one.item),
            "sign": "≥" if one.item in targets.AT_LEAST else "≤",
            "unit": one.row.values.get("unit", ""),
            "mark": one.row.confidence.value,
        }
        for one in targets.against(place.region, present, rulebook())
    ]


def _year_workbook(
    place: air.Assessed,
    year: int,
    present: statistics.Year,
    span: list[int],
    three: list[statistics.ThreeYears],
) -> HttpResponse:
    """The days of the year, the six pollutants, and the three-year means where the edition has them."""
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
            words.category(row.published_category),
            row.published_primary,
            *(air_rules.shown(name, row.values["used"].get(name)) for name in air.POLLUTANTS),
            row.edition,
            row.confidence,
            row.revision,
        ]
        for row in queries.air_days(place.region, year)
    )
    sheets: list[tuple[str, list[Any], Any]] = [(_("Days"), heads, rows)]
    statistical = [
        _("Pollutant"),
        _("mean"),
        _("Limit"),
        _("Percentile"),
        _("Value"),
        _("Limit"),
        _("Valid days"),
        _("Days above the limit"),
        _("State"),
        _("Local limits"),
        _("Confidence"),
    ]
    sheets.append(
        (_("Six pollutants"), statistical, (_statistical(one) for one in present.pollutants.values()))
    )
    if three:
        columns = [_("Pollutant"), *map(str, span), _("Three-year moving mean"), _("Valid"), _("Confidence")]
        sheets.append((_("Three-year moving mean"), columns, (_three_years(one) for one in three)))
    return sheets_response(f"air-{place.region.code}-{year}", sheets)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _statistical(one: PeriodStatistics) -> list[Any]:
    return [
        one.pollutant,
        float(one.mean_rounded),
        _float(one.mean_limit),
        f"P{one.percentile_rank}",
        float(one.percentile_rounded),
        float(one.percentile_limit),
        one.valid_days,
        one.exceeding_days,
        str(words.state_of_year(one.above, one.judged)[0]),
        "；".join(_beside(each) for each in one.local),
        one.trace.confidence.value,
    ]


def _beside(one: LocalVerdict) -> str:
    """Return the verdict on a document of the place, as a file holds it."""
    limits = [
        f"{name} {value:f}"
        for name, value in ((_("mean"), one.mean_limit), (_("Daily limit"), one.daily_limit))
        if value is not None
    ]
    return f"{one.document} ({', '.join(limits)}): {words.state_of_year(one.above, one.judged)[0]}"


def _three_years(one: statistics.ThreeYears) -> list[Any]:
    found = one.found
    return [
        one.name,
        *map(_float, one.means),
        found and float(found.rounded),
        found and found.valid,
        found and found.trace.confidence.value,
    ]


def air_calendar(request: HttpRequest) -> HttpResponse:
    place, _places = place_of(request)
    if place is None:
        raise Http404
    year, _years = year_of(request, place)
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
    year, _years = year_of(request, place)
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
    if item.startswith(THREE_YEARS):
        last = today if year == today.year else date(year, 12, 31)
        for one in statistics.three_years(place.region, year, last)[1]:
            if one.name == item.removeprefix(THREE_YEARS) and one.found is not None:
                title = f"{one.name} · {_('Three-year moving mean')} {one.found.rounded}"
                return drawer(request, title, place.region.name, one.found.trace.to_dict())
    if item == "deduction" and (shown := with_and_without(place.region, year)) is not None:
        (trace,) = shown["reduced"].deduction or (None,)
        if trace is not None:
            return drawer(request, _("Days after deduction"), place.region.name, trace.to_dict())
    if item in found.pollutants:
        return drawer(request, f"{item} {year}", place.region.name, found.pollutants[item].trace.to_dict())
    raise Http404

"""The page "another basis": a year of air by the limits of every edition, whatever the date of the data."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.evaluation import air, bases, queries, words
from qingjian.apps.evaluation.asked import place_of, year_of
from qingjian.apps.evaluation.explained import drawer
from qingjian.contracts.current import now
from qingjian.ui.listing import workbook_response


def air_basis(request: HttpRequest) -> HttpResponse:
    """Show a year on every edition: days by category, six pollutants against their limits, attainment."""
    place, places = place_of(request)
    if place is None:
        return render(
            request,
            "evaluation/air_basis.html",
            {"title": _("Another basis"), "tab": "basis", "place": None, "places": places, "now": now()},
        )
    year, years = year_of(request, place)
    found = bases.year_on(place.region, year)
    if request.GET.get("export") == "xlsx":
        return _workbook(place, year, found)
    context: dict[str, Any] = {
        "title": _("Another basis"),
        "tab": "basis",
        "now": now(),
        "place": place,
        "places": places,
        "year": year,
        "years": years,
        "found": [one for one in found if one.days or one.pollutants],
        "categories": [
            {
                "name": words.category(name),
                "level": words.level(name),
                "days": [one.categories[name] for one in found],
            }
            for name in words.CATEGORY_LEVELS
        ],
        "lines": [
            {"name": name, "on": [one.pollutants.get(name) for one in found]}
            for name in air.POLLUTANTS
            if any(name in one.pollutants for one in found)
        ],
        "language": queries.language(),
    }
    return render(request, "evaluation/air_basis.html", context)


def _workbook(place: air.Assessed, year: int, found: list[bases.OnBasis]) -> HttpResponse:
    heads = [
        _("Edition"),
        _("Pollutant"),
        _("mean"),
        _("Limit"),
        _("Percentile"),
        _("Value"),
        _("Limit"),
        _("State"),
    ]
    return workbook_response(
        f"air-basis-{place.region.code}-{year}",
        heads,
        (
            [
                f"GB 3095-{one.edition}",
                name,
                float(value.mean_rounded),
                None if value.mean_limit is None else float(value.mean_limit),
                value.percentile_rank,
                float(value.percentile_rounded),
                float(value.percentile_limit),
                verdict(value.attained),
            ]
            for one in found
            for name, value in one.pollutants.items()
        ),
    )


def verdict(attained: bool | None) -> str:
    return _("not judged") if attained is None else (_("met") if attained else _("not met"))


def air_basis_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how one pollutant, or the attainment, came about on one edition."""
    place, _places = place_of(request)
    if place is None:
        raise Http404
    year, _years = year_of(request, place)
    item = request.GET.get("item", "attainment")
    for one in bases.year_on(place.region, year):
        if one.edition != request.GET.get("edition"):
            continue
        if item == "attainment" and one.attainment is not None:
            return drawer(
                request,
                f"{_('Annual attainment')} {year} · GB 3095-{one.edition}",
                place.region.name,
                one.attainment.trace.to_dict(),
            )
        if item in one.pollutants:
            return drawer(
                request,
                f"{item} {year} · GB 3095-{one.edition}",
                place.region.name,
                one.pollutants[item].trace.to_dict(),
            )
    raise Http404

"""The page of the air ranking: who, over which month or year, and how each index came about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.evaluation import air, queries, rankings, words
from qingjian.apps.evaluation.drafts import day_of, month_of
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import frame
from qingjian.apps.network.models import Point
from qingjian.contracts.current import now
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response

REGIONS = ("county", "city")
WAYS = ("station", "township", *REGIONS)


@dataclass(frozen=True)
class Asked:
    """What a page of the ranking asks for, and the answer."""

    by: str
    period: str
    months: list[date]
    years: list[int]
    points: list[Point]
    ranking: rankings.Ranking

    @property
    def chosen(self) -> str:
        """The part of the address that names the period again."""
        first = self.ranking.stretch.first
        one = f"month={first:%Y-%m}" if self.period == "month" else f"year={first.year}"
        return f"period={self.period}&{one}"


def _asked(request: HttpRequest) -> Asked:
    account_rules.require(request.user, Capability.VIEW_DATA)
    by = asked.one_of(request, "by", WAYS, "station")
    period = asked.one_of(request, "period", ("month", "year"), "month")
    today = day_of(now())
    month = asked.month(request, None) or month_of(today)
    year = asked.year(request, today.year)
    if month > today or year > today.year:
        raise BadRequest(_("This period lies in the future."))
    stretch = (
        rankings.month_stretch(month, today) if period == "month" else rankings.year_stretch(year, today)
    )
    points = list(queries.points_visible_to(request.user, air.STATION_KINDS))
    months, years = rankings.to_choose(points, today)
    found = (
        rankings.of_regions(queries.regions_in_reach(request.user, by), stretch)
        if by in REGIONS
        else rankings.of_points(points, by, stretch)
    )
    return Asked(
        by,
        period,
        sorted({*months, month}, reverse=True),
        sorted({*years, year}, reverse=True),
        points,
        found,
    )


def air_ranking(request: HttpRequest) -> HttpResponse:
    """Stations, townships, counties or cities by composite index, with movement against the period before."""
    given = _asked(request)
    if request.GET.get("export") == "xlsx":
        return _workbook(given)
    found = given.ranking
    levels = {one.region.level for one in queries.air_regions(request.user)}
    series = air.series_of(given.points)
    context = frame(
        _("Air ranking"),
        "ranking",
        found=found,
        lines=found.lines,
        few=found.few,
        left_out=found.left_out,
        stretch=found.stretch,
        by=given.by,
        period=given.period,
        months=given.months,
        years=given.years,
        chosen=given.chosen,
        address=f"by={given.by}&{given.chosen}",
        ways=[
            ("station", _("Stations")),
            ("township", _("Townships")),
            *(
                (level, name)
                for level, name in (("county", _("Counties")), ("city", _("Cities")))
                if level in levels
            ),
        ],
        label=queries.label_of(one for own in series.values() for one in own.values()),
        pollutants=air.POLLUTANTS,
        **_rules(found),
    )
    return render(request, "evaluation/air_ranking.html", context)


def _rules(found: rankings.Ranking) -> dict[str, Any]:
    every = found.every
    return {
        "variant": words.variant(every[0].index.variant) if every else "",
        "provisional": any(one.index.provisional for one in every),
        "deducted": any(one.whole is not None for one in every),
    }


def _workbook(given: Asked) -> HttpResponse:
    """The lines, and on a second sheet what they speak of and rest on."""
    found = given.ranking
    stretch, rules = found.stretch, _rules(found)
    heads = [
        _("Rank"),
        _("Movement"),
        _("Name"),
        _("Composite index"),
        _("With every day"),
        _("Before"),
        f"{_('Against last year')} (%)",
        _("Place by improvement"),
        _("Days"),
        _("Valid days"),
        *(f"{name}" for name in air.POLLUTANTS),
        _("Confidence"),
        _("Note"),
    ]
    lines = (
        [
            one.place.rank if one.place else None,
            one.place.movement if one.place else None,
            one.name,
            float(one.index.value),
            float((one.whole or one.index).value),
            float(one.before.value) if one.before else None,
            float(one.improved.value) if one.improved else None,
            one.improved.rank if one.improved else None,
            one.days,
            one.valid,
            *(float(one.index.parts[name]) for name in air.POLLUTANTS),
            one.index.trace.confidence.value,
            "" if one.place else _("Too few valid days: not ranked"),
        ]
        for one in found.every
    )
    basis = [
        [_("Period"), f"{stretch.first} – {stretch.last}"],
        [_("Movement against"), f"{stretch.earlier[0]} – {stretch.earlier[1]}"],
        [_("Variant"), rules["variant"]],
        [_("Provisional"), _("provisional: no official rule is known") if rules["provisional"] else ""],
        [_("Valid days needed"), found.needed],
        [
            _("Deduction"),
            "环办监测〔2016〕120号 (U)" if rules["deducted"] else _("No approved event lies in the period."),
        ],
        [_("Without all six pollutants, not ranked"), "、".join(found.left_out)],
    ]
    return sheets_response(
        f"air-ranking-{given.by}-{stretch.first}-{stretch.last}",
        [(_("Air ranking"), heads, lines), (_("Evaluation basis"), [_("Item"), _("Value")], basis)],
    )


def air_ranking_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how the index of one place in the ranking came about."""
    wanted = request.GET.get("place", "")
    for one in _asked(request).ranking.every:
        if str(one.key) == wanted:
            return drawer(
                request, f"{_('Composite index')} {one.index.value}", one.name, one.index.trace.to_dict()
            )
    raise Http404

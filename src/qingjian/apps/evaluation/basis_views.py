"""The page "another basis" of the air: a day, month, quarter or year by the limits of any edition, beside that of its date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from qingjian.apps.evaluation import air, air_rules, explanation, queries, words
from qingjian.apps.evaluation.asked import period_of, place_of
from qingjian.apps.evaluation.bases import air as bases
from qingjian.apps.evaluation.bases.lines import Line
from qingjian.apps.evaluation.explained import drawer
from qingjian.apps.evaluation.pages import choice, frame
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.periods import DAY, YEAR, Period
from qingjian.standards.air.statistics import PeriodStatistics
from qingjian.standards.editions import Phase, in_force_on
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder, plain
from qingjian.ui import asked
from qingjian.ui.listing import sheets_response

MOST_DAYS = 62
"""Days that differ and stand on the page; the file holds all of them."""


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a region, a period, and the basis beside that of the date."""

    place: air.Assessed
    period: Period
    choices: tuple[Phase, ...]
    phase: Phase | None
    """None where the rulebook holds nothing else to choose."""

    @property
    def query(self) -> dict[str, str]:
        found = {
            "region": self.place.region.code,
            "span": self.period.span,
            "at": self.period.first.isoformat(),
        }
        return found | ({} if self.phase is None else {"basis": self.phase.name})


def _asked(request: HttpRequest, place: air.Assessed) -> Asked:
    days = queries.air_bounds(place.region)
    period = period_of(request, days[1] if days else None)
    choices = bases.choices(rulebook())
    own = {one.name for one in in_force_on(choices, period.first, period.last)}
    usual = next((one for one in choices if one.name not in own), choices[-1] if len(choices) > 1 else None)
    wanted = request.GET.get("basis")
    if not wanted:
        return Asked(place, period, choices, usual)
    name = asked.one_of(request, "basis", [one.name for one in choices], "")
    return Asked(place, period, choices, next(one for one in choices if one.name == name))


def air_basis(request: HttpRequest) -> HttpResponse:
    """Show a period on the edition of its date and on another basis: figures, pollutants, and the days that differ."""
    place, places = place_of(request)
    if place is None:
        return render(
            request,
            "evaluation/air_basis.html",
            frame(_("Another basis"), "basis", place=None, places=places),
        )
    wanted = _asked(request, place)
    book = rulebook()
    present = bases.over(place, wanted.period, None)
    other = None if wanted.phase is None else bases.over(place, wanted.period, wanted.phase)
    lines = [] if other is None else _lines(present, other)
    days = [] if other is None else _days(present, other)
    stations = (
        bases.stations_on(place, wanted.period.first, wanted.phase)
        if wanted.phase is not None and wanted.period.span == DAY
        else []
    )
    if request.GET.get("export") == "xlsx":
        return _workbook(wanted, lines, days, present, other)
    in_force = in_force_on(wanted.choices, wanted.period.first, wanted.period.last)
    context = frame(
        _("Another basis"),
        "basis",
        place=place,
        places=places,
        asked=wanted,
        query=urlencode(wanted.query),
        verdict_present=_attained(present),
        verdict_other=_attained(other),
        **choice(
            wanted.period,
            [
                (one.name, _titled(one, one in in_force), one == wanted.phase)
                for one in wanted.choices
                if len(wanted.choices) > 1
            ],
            {"region": place.region.code},
            _("The rulebook holds one edition of GB 3095 only: there is no other basis."),
        ),
        in_force=[" · ".join(bases.documents(book, one)) for one in in_force],
        documents=bases.documents(book, wanted.phase) if wanted.phase else [],
        same=wanted.phase in in_force and len(in_force) == 1,
        present=present,
        other=other,
        lines=lines,
        pollutants=[] if other is None else _pollutants(present, other),
        yearly=wanted.period.span == YEAR,
        differing=[one for one in days if one["differs"]][:MOST_DAYS],
        differing_count=sum(one["differs"] for one in days),
        stations=stations,
        language=queries.language(),
    )
    return render(request, "evaluation/air_basis.html", context)


def _lines(present: bases.OnBasis, other: bases.OnBasis) -> list[Line]:
    lines = [
        Line(_("Days with an AQI"), present.days, other.days),
        Line(_("Days not published (NA)"), present.not_published, other.not_published),
        Line(_("Days good or better"), present.good, other.good),
    ]
    counts = (present.categories, other.categories)
    lines += [
        Line(words.category(name), counts[0][name], counts[1][name])
        for name in words.CATEGORY_LEVELS
        if counts[0][name] or counts[1][name]
    ]
    lines.append(
        Line(
            _("Composite index"),
            None if present.composite is None else present.composite.value,
            None if other.composite is None else other.composite.value,
        )
    )
    if present.attainment is not None or other.attainment is not None:
        lines.append(
            Line(
                _("Annual attainment"),
                *(
                    None if one.attainment is None else verdict(one.attainment.attained)
                    for one in (present, other)
                ),
            )
        )
    return lines


def _titled(phase: Phase, in_force: bool) -> str:
    since = f" · {_since(phase)}" if phase.since else ""
    own = " · " + _("basis of the date") if in_force else ""
    return f"{phase.document}{since}{own}"


def _attained(one: bases.OnBasis | None) -> str:
    return "" if one is None or one.attainment is None else verdict(one.attainment.attained)


def verdict(attained: bool | None) -> str:
    return _("not judged") if attained is None else (_("met") if attained else _("not met"))


def _pollutants(present: bases.OnBasis, other: bases.OnBasis) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "sides": [
                ("date", first := present.items.get(name)),
                ("basis", second := other.items.get(name)),
            ],
            "differs": first is None
            or second is None
            or (first.value.rounded, first.limit, first.above)
            != (second.value.rounded, second.limit, second.above)
            or _judged(first.year) != _judged(second.year),
        }
        for name in air.POLLUTANTS
        if name in present.items or name in other.items
    ]


def _judged(one: PeriodStatistics | None) -> tuple[Any, ...]:
    return () if one is None else (one.mean_limit, one.mean_multiple, one.percentile_multiple, one.attained)


def _days(present: bases.OnBasis, other: bases.OnBasis) -> list[dict[str, Any]]:
    found = []
    for day in sorted({*present.grades, *other.grades}):
        first, second = present.grades.get(day), other.grades.get(day)
        same = (
            first is not None
            and second is not None
            and (first.aqi, first.category, first.primary) == (second.aqi, second.category, second.primary)
        )
        found.append({"day": day, "present": first, "other": second, "differs": not same})
    return found


def _workbook(
    wanted: Asked,
    lines: list[Line],
    days: list[dict[str, Any]],
    present: bases.OnBasis,
    other: bases.OnBasis | None,
) -> HttpResponse:
    book = rulebook()
    in_force = in_force_on(wanted.choices, wanted.period.first, wanted.period.last)
    title = wanted.period.title()[queries.language()]
    basis: list[list[Any]] = [
        [_("Region"), wanted.place.region.name],
        [_("Period"), title],
        [_("Basis of the date"), "; ".join(" · ".join(bases.documents(book, one)) for one in in_force)],
        [
            _("Other basis"),
            _("The rulebook holds one edition only.")
            if wanted.phase is None
            else f"{' · '.join(bases.documents(book, wanted.phase))} ({_since(wanted.phase)})",
        ],
        [
            _("What counts"),
            _("The edition in force on the date of the data; the other basis is a comparison."),
        ],
    ]
    heads = [_("Figure"), _("Basis of the date"), _("Other basis"), _("Difference")]
    sheets: list[tuple[str, list[Any], Any]] = [(_("Basis"), [_("Basis"), ""], basis)]
    if other is not None:
        sheets.append((_("Side by side"), heads, (one.cells() for one in lines)))
        sheets.append((_("Six pollutants"), *_pollutant_sheet(present, other)))
        sheets.append(
            (
                _("Days"),
                [
                    _("Day"),
                    *(
                        f"{name} ({side})"
                        for side in (_("Basis of the date"), _("Other basis"))
                        for name in ("AQI", _("Category"), _("Primary pollutant"))
                    ),
                    _("Differs"),
                ],
                (
                    [one["day"], *_grade_cells(one["present"]), *_grade_cells(one["other"]), one["differs"]]
                    for one in days
                ),
            )
        )
    name = f"air-basis-{wanted.place.region.code}-{wanted.period.code}"
    return sheets_response(name if wanted.phase is None else f"{name}-{wanted.phase.name}", sheets)


def _grade_cells(one: bases.Grade | None) -> list[Any]:
    return (
        ["", "", ""]
        if one is None
        else [one.aqi if one.aqi is not None else "NA", words.category(one.category), one.primary]
    )


def _pollutant_sheet(present: bases.OnBasis, other: bases.OnBasis) -> tuple[list[Any], list[list[Any]]]:
    heads = [
        _("Pollutant"),
        _("Basis"),
        _("Value"),
        _("Percentile"),
        _("Daily limit"),
        _("Days above the limit"),
    ]
    heads += [_("Annual mean"), _("Annual limit"), _("Percentile"), _("Value"), _("Limit"), _("State")]
    rows = []
    for name in air.POLLUTANTS:
        for side, one in ((_("Basis of the date"), present), (_("Other basis"), other)):
            item = one.items.get(name)
            if item is None:
                continue
            year = item.year
            rows.append(
                [
                    name,
                    side,
                    float(item.value.rounded),
                    item.value.rank or None,
                    _float(item.limit),
                    item.above,
                    None if year is None else float(year.mean_rounded),
                    None if year is None else _float(year.mean_limit),
                    None if year is None else f"P{year.percentile_rank}",
                    None if year is None else float(year.percentile_rounded),
                    None if year is None else float(year.percentile_limit),
                    "" if year is None else str(words.state_of_year(year.above, year.judged)[0]),
                ]
            )
    return heads, rows


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _since(phase: Phase) -> str:
    return _("in force from %(day)s") % {"day": phase.since} if phase.since else ""


def air_basis_why(request: HttpRequest) -> HttpResponse:
    """The drawer: how a day, a pollutant, the composite index or the attainment came about on a basis."""
    place, _places = place_of(request)
    if place is None:
        raise Http404
    wanted = _asked(request, place)
    phase = None if request.GET.get("side") == "date" else wanted.phase
    found = bases.over(place, wanted.period, phase)
    title = wanted.period.title()[queries.language()]
    name = _("edition of the data's date") if phase is None else phase.document
    item = request.GET.get("item", "")
    day = asked.day(request, "day")
    if day is not None:
        if phase is None:
            raise Http404
        return _why_day(request, place, day, phase)
    trace = None
    if item == "attainment" and found.attainment is not None:
        trace, item = found.attainment.trace, _("Annual attainment")
    elif item == "composite" and found.composite is not None:
        trace, item = found.composite.trace, _("Composite index")
    elif item in found.items:
        one = found.items[item]
        trace = one.year.trace if one.year is not None else _explained(item, one, name)
    if trace is None:
        raise Http404
    return drawer(request, f"{item} {title} · {name}", place.region.name, trace.to_dict())


def _explained(name: str, one: bases.Item, document: str) -> Any:
    """Explain the value of a pollutant over a period that is no year."""
    trace = TraceBuilder(Text(f"{name} 时段统计", f"{name} over a period"))
    value = plain(one.value.rounded)
    how = (
        (f"P{one.value.rank} 百分位数", f"percentile P{one.value.rank}")
        if one.value.rank
        else ("平均值", "mean")
    )
    trace.step(
        f"{document}: {one.days} 个有效日的{how[0]} = {value}",
        f"{document}: {how[1]} of {one.days} valid days = {value}",
    )
    limit = (
        (f"日限值 {plain(one.limit)}", f"daily limit {plain(one.limit)}")
        if one.limit is not None
        else ("各日适用的日限值", "the daily limit in force on each day")
    )
    trace.step(f"高于{limit[0]}的日数: {one.above}", f"days above {limit[1]}: {one.above}")
    trace.step("年均限值只用于年评价", "annual limits judge years only")
    return trace.done()


def _why_day(request: HttpRequest, place: air.Assessed, day: date, phase: Phase) -> HttpResponse:
    rows = list(queries.stored("air_day", day, day, region=place.region))
    if not rows:
        raise Http404
    book = rulebook()
    used = bases.used_on(place, rows, day, phase)
    rules = air_rules.rules_of(book, phase.day)
    try:
        found = explanation.index_of_day(used, day, rules.edition, book)
    except EvaluationError as error:
        raise Http404 from error
    return drawer(request, f"{day} · {rules.edition}", place.region.name, found.trace.to_dict())

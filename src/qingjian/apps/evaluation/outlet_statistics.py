"""Outlets by industry and region: what was judged, what exceeded, how much was discharged; and the recheck for the tax."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.evaluation import outlets, queries, words
from qingjian.apps.evaluation.drafts import day_of, midnight, next_month, settled
from qingjian.apps.evaluation.models import Evaluation
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.equivalents import Recheck, recheck

SURENESS = ("V", "S", "U")
DIVISIONS = 2
"""The first digits of GB/T 4754 that name the division of an industry."""


@dataclass
class Group:
    """Outlets of one industry or region over a period."""

    code: str
    names: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    chosen: list[outlets.Outlet] = field(default_factory=list)
    hours: Counter[str] = field(default_factory=Counter)
    """judged, exceeding, marked."""
    days: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    worst: float | None = None
    kilograms: Counter[str] = field(default_factory=Counter)
    """By HJ 212 code."""
    confidence: str = "V"
    """The least sure of its days."""

    @property
    def outlets(self) -> int:
        return len(self.chosen)

    @property
    def name(self) -> str:
        """The region, or the division with the industries found in it."""
        listed = "、".join(sorted(self.names))
        return f"{self.code}: {listed}" if self.code.isdigit() and len(self.code) == DIVISIONS else listed

    @property
    def exceeding_percent(self) -> float | None:
        judged = self.hours["judged"] + self.days["judged"]
        return round(100 * (self.hours["exceeding"] + self.days["exceeding"]) / judged, 2) if judged else None


@dataclass(frozen=True)
class Month:
    """One outlet in one month."""

    outlet: outlets.Outlet
    kilograms: dict[str, float]
    hours: dict[str, int]
    skipped: dict[str, int]
    days: int
    exceeding: dict[str, int]
    """Hours and days above a limit, by HJ 212 code."""


def of_period(user: Any, first: date, last: date, by: str) -> list[Group]:
    """Return the groups of outlets in reach by industry division (`industry`) or region, most exceedances first."""
    chosen = queries.outlets_in_reach(user, first)
    points = {one.point.pk: one for one in chosen}
    groups: dict[str, Group] = {}
    group_of: dict[int, Group] = {}
    for one in chosen:
        code, name = _group(one, by)
        group = group_of[one.point.pk] = groups.setdefault(code, Group(code))
        group.names.add(name)
        group.chosen.append(one)
        group.sources.add(one.point.outlet.source.code)
    rows = queries.stored("outlet_day", first, last, points=[one.point for one in chosen])
    stored = rows.values_list("point_id", "values", "result", "confidence")
    for point, values, result, confidence in stored:
        group = group_of[point]
        group.confidence = max(group.confidence, confidence or "V", key=SURENESS.index)
        for counts in values.get("hours", {}).values():
            group.hours.update(counts)
        for item in result.get("items", ()):
            if item.get("value") is not None:
                group.days["judged"] += 1
                group.days["exceeding"] += bool(item["exceeds"])
        for code, kept in result.get("amounts", {}).items():
            group.kilograms[code] += kept["kg"]
    runs = queries.exceedances_visible_to(user).filter(
        point__in=list(points),
        marked=False,
        end__gt=midnight(first),
        start__lt=midnight(next_day(last)),
    )
    for point, multiple in runs.values_list("point_id", "multiple"):
        group = group_of[point]
        group.runs += 1
        if multiple is not None:
            group.worst = max(group.worst or 0.0, multiple)
    return sorted(groups.values(), key=lambda one: (-one.runs, one.code))


def next_day(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _group(one: outlets.Outlet, by: str) -> tuple[str, str]:
    source = one.point.outlet.source
    if by == "region":
        return source.region.code, source.region.name
    code = source.industry[:DIVISIONS]
    if not code.isdigit():
        return "–", source.industry or _("industry not registered")
    return code, source.industry


def months(points: Iterable[outlets.Outlet], first: date, last: date) -> list[tuple[date, Month]]:
    """Return (month, outlet) with the amounts of all measured factors, by outlet and month, from the stored days."""
    points = list(points)
    by_point = {one.point.pk: one for one in points}
    made: dict[tuple[date, int], Month] = {}
    rows = Evaluation.objects.filter(
        kind="outlet_day",
        superseded_at=None,
        point__in=list(by_point),
        start__gte=midnight(first),
        start__lt=midnight(next_day(last)),
    )
    for point, start, values, result in rows.values_list("point_id", "start", "values", "result"):
        key = (day_of(start).replace(day=1), point)
        one = made.get(key) or Month(by_point[point], {}, {}, {}, 0, {})
        for code, kept in result.get("amounts", {}).items():
            one.kilograms[code] = one.kilograms.get(code, 0.0) + kept["kg"]
            one.hours[code] = one.hours.get(code, 0) + kept["hours"]
            one.skipped[code] = one.skipped.get(code, 0) + kept["skipped"]
        for code, counts in values.get("hours", {}).items():
            one.exceeding[code] = one.exceeding.get(code, 0) + counts["exceeding"]
        for item in result.get("items", ()):
            if item.get("value") is not None and item["exceeds"]:
                one.exceeding[item["factor"]] = one.exceeding.get(item["factor"], 0) + 1
        made[key] = Month(one.outlet, one.kilograms, one.hours, one.skipped, one.days + 1, one.exceeding)
    return sorted(
        ((key[0], one) for key, one in made.items()), key=lambda pair: (pair[0], pair[1].outlet.point.code)
    )


@dataclass(frozen=True)
class TaxLine:
    """One factor of one outlet and month of the extract."""

    month: date
    outlet: outlets.Outlet
    code: str
    name: str
    group: str
    kilograms: Decimal
    value: Decimal | None
    equivalents: Decimal | None
    rank: int
    taxed: bool
    remark: str
    hours: int
    skipped: int
    exceeding: int
    confidence: str
    confirmed: bool
    basis: str
    label: dict[str, str] | None


def tax_extract(
    user: Any, first: date, last: date, book: Rulebook
) -> tuple[list[TaxLine], dict[tuple[date, str], Recheck]]:
    """Return the lines of the extract for the recheck of the tax, and the recheck of each outlet and month."""
    lines: list[TaxLine] = []
    rechecks: dict[tuple[date, str], Recheck] = {}
    for month, one in months(queries.outlets_in_reach(user, first), first, last):
        on = min(next_month(month), next_day(last))
        on = date.fromordinal(on.toordinal() - 1)
        medium = one.outlet.medium
        # No amount is negative; one that an older version stored waits for the day to be evaluated again.
        amounts = {
            code: Decimal(repr(settled(kg)))
            for code, kg in one.kilograms.items()
            if kg >= 0 and code in one.outlet.series
        }
        if not amounts:
            continue
        found = recheck(amounts, medium, on, rulebook=book)
        rechecks[month, one.outlet.point.code] = found
        for item in found.items:
            series = one.outlet.series[item.item]
            lines.append(
                TaxLine(
                    month,
                    one.outlet,
                    item.item,
                    item.name_zh if queries.language() == "zh" else str(series.factor),
                    words.category(item.group),
                    item.kilograms,
                    item.value,
                    item.equivalents,
                    item.rank,
                    item.taxed,
                    _("counted with %(name)s") % {"name": item.passed_over_for}
                    if item.passed_over_for
                    else _("uncertain: a factor measured here has no equivalent value")
                    if item.taxed and not found.ranks_certain
                    else "",
                    one.hours[item.item],
                    one.skipped[item.item],
                    one.exceeding.get(item.item, 0),
                    item.row.confidence.value,
                    item.row.confirmed,
                    item.row.citation,
                    queries.label_of([series]),
                )
            )
        lines += [_without_value(month, one, code, amounts[code]) for code in found.without_value]
    return lines, rechecks


def _without_value(month: date, one: Month, code: str, kilograms: Decimal) -> TaxLine:
    """Return the line of a measured factor that the table of equivalent values does not have."""
    series = one.outlet.series[code]
    return TaxLine(
        month,
        one.outlet,
        code,
        str(series.factor),
        "",
        kilograms,
        None,
        None,
        0,
        False,
        _("no equivalent value in the table: neither counted nor ranked"),
        one.hours[code],
        one.skipped[code],
        one.exceeding.get(code, 0),
        "",
        False,
        "",
        queries.label_of([series]),
    )

"""Levels of data: what a stretch must have before it is raised, and how far each point has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import queries, statuses
from qingjian.apps.observing.models import Mark
from qingjian.contracts.current import now
from qingjian.quality.facts import FactKind, active_facts

Interval = tuple[float, float]


def require_order(
    author: Any,
    point: Point,
    series: Sequence[str],
    start: datetime,
    end: datetime,
    kind: str,
    *,
    withdrawn: bool = False,
) -> None:
    """Raise ValidationError unless a level may be set on (or taken from) this stretch now.

    Only what is over can be raised. Ratifying needs every part verified before, by somebody else; verified data
    under a ratification stay verified until the ratification is taken back.
    """
    if end > now():
        raise ValidationError(_("Only periods that are over can be raised to a level."))
    held = queries.marks_in_force(point, start, end)
    if withdrawn:
        if kind == Mark.Kind.VERIFIED and _of(held, Mark.Kind.RATIFIED, series):
            raise ValidationError(_("These data are ratified; take the ratification back first."))
        return
    if kind != Mark.Kind.RATIFIED:
        return
    verified = _of(held, Mark.Kind.VERIFIED, series)
    if any(mark.author_id == author.pk for mark in verified):
        raise ValidationError(_("Ratifying is done by somebody other than who verified."))
    for code in series:
        spans = [(mark.start.timestamp(), mark.end.timestamp()) for mark in verified if code in mark.series]
        if covered(spans, start.timestamp(), end.timestamp()) < end.timestamp() - start.timestamp():
            raise ValidationError(_("Not all of these data are verified yet: %(series)s") % {"series": code})


def _of(marks: Iterable[Mark], kind: str, series: Sequence[str]) -> list[Mark]:
    wanted = set(series)
    return [mark for mark in marks if mark.kind == kind and wanted & set(mark.series)]


def covered(spans: Iterable[Interval], low: float, high: float) -> float:
    """Return how many seconds of [low, high) intervals cover together."""
    total, reached = 0.0, low
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, high)
        if end > begin:
            total += end - begin
            reached = end
    return total


@dataclass(frozen=True, slots=True)
class PointLevels:
    """How far a point has come: level → share (0…1) of the time of all its series; the first level is the rest."""

    point: Point
    series: int
    shares: dict[str, float]

    @property
    def chips(self) -> list[dict[str, Any]]:
        """Return text, colour and percentage of each level, lowest first."""
        return [
            {
                "text": statuses.LEVEL_TITLES[level],
                "colour": statuses.LEVEL_COLOURS.get(level, "green"),
                "percent": round(share * 100),
            }
            for level, share in self.shares.items()
        ]


def overview(points: Sequence[Point], start: datetime, end: datetime) -> list[PointLevels]:
    """Return the levels of points in an interval, from the marks alone; points without levels are left out."""
    codes: dict[int, list[str]] = {}
    numbers: dict[str, int] = {}
    for series in _series(points):
        codes.setdefault(series.point_id, []).append(series.code)
        numbers[series.code] = series.pk
    marks: dict[int, list[Mark]] = {}
    for mark in queries.marks_known([point.pk for point in points], start, end):
        marks.setdefault(mark.point_id, []).append(mark)
    found = []
    for point in points:
        first = statuses.first_level(point)
        mine = [numbers[code] for code in codes.get(point.pk, [])]
        if first and mine:
            shares = _shares(first, mine, statuses.facts_of(marks.get(point.pk, []), numbers), start, end)
            found.append(PointLevels(point, len(mine), shares))
    return found


def _series(points: Sequence[Point]) -> Any:
    return Series.objects.filter(point__in=points).exclude(origin="platform").only("pk", "code", "point_id")


def _shares(
    first: str, series: Sequence[int], facts: Sequence[Any], start: datetime, end: datetime
) -> dict[str, float]:
    ladder = ("provisional", "verified", "ratified") if first == "provisional" else ("received", "confirmed")
    low, high = start.timestamp(), end.timestamp()
    held = [fact for fact in active_facts(facts) if fact.kind is FactKind.LEVEL]
    reached = []
    for place in range(1, len(ladder)):
        # What is ratified counts as verified too, so that the shares add up to one.
        spans_of = {
            number: [
                (fact.start, fact.last)
                for fact in held
                if number in fact.series and fact.value in ladder[place:]
            ]
            for number in series
        }
        whole = sum(covered(spans, low, high) for spans in spans_of.values())
        reached.append(whole / (len(series) * (high - low)))
    steps = [1.0, *reached, 0.0]
    return {level: steps[place] - steps[place + 1] for place, level in enumerate(ladder)}

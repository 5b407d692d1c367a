"""What approved events of sand dust and exceptions take out of daily results of air. What is stored stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.rules import above
from qingjian.apps.evaluation.drafts import day_of
from qingjian.apps.evaluation.models import AirEvent, Evaluation
from qingjian.apps.network.models import Point
from qingjian.rulebook import Rulebook
from qingjian.standards.air import events
from qingjian.standards.explanation import Trace

OZONE = {"O3": "O3_8h"}
"""Stored name of a daily value: its name in the daily report."""


@dataclass(frozen=True)
class Deducted:
    """Daily results after the deduction; `taken` by day for the first subject that has the day."""

    rows: list[Evaluation]
    """Copies for the days that change, never to be saved; a day that leaves the count has no category and no AQI."""
    taken: dict[date, frozenset[str]] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()


def as_event(row: AirEvent) -> events.Event:
    return events.Event(
        events.kind_of(row.kind), row.first, row.last, row.approval, frozenset(row.pollutants)
    )


def approved(first: date, last: date, region: Region | None = None) -> list[AirEvent]:
    """Return the approved events that touch a stretch of days: all, or those of a region and of the regions it lies in.

    What the city has approved counts for its counties too. Pages ask `queries`.
    """
    rows = AirEvent.objects.filter(state=AirEvent.State.APPROVED, first__lte=last, last__gte=first)
    if region is not None:
        rows = rows.filter(region__in=above({region.pk}))
    return list(rows.order_by("first", "pk"))


def decided_after(moment: datetime, first: date, last: date, region: Region) -> int:
    """Count the events of a stretch of days that were approved or revoked after a moment."""
    return AirEvent.objects.filter(
        Q(state=AirEvent.State.APPROVED, decided_at__gt=moment)
        | Q(state=AirEvent.State.REVOKED, revoked_at__gt=moment),
        region__in=above({region.pk}),
        first__lte=last,
        last__gte=first,
    ).count()


def deducted(rows: Sequence[Evaluation], given: Iterable[events.Event], book: Rulebook) -> Deducted:
    """Return daily results of regions or stations without what events take out."""
    given = tuple(given)
    if not given:
        return Deducted(list(rows))
    subjects: dict[tuple[int | None, int], dict[date, Evaluation]] = {}
    for row in rows:
        subjects.setdefault((row.point_id, row.region_id), {})[day_of(row.start)] = row
    changed: dict[int, Evaluation] = {}
    taken: dict[date, frozenset[str]] = {}
    traces = []
    for days in subjects.values():
        found = events.days_without({day: _items(row) for day, row in days.items()}, given, rulebook=book)
        traces.append(found.trace)
        for day, gone in found.taken.items():
            changed[days[day].pk] = _without(days[day], gone, found.days[day])
            taken.setdefault(day, gone)
    return Deducted([changed.get(row.pk, row) for row in rows], taken, tuple(traces))


def _items(row: Evaluation) -> dict[str, Decimal]:
    return {
        OZONE.get(name, name): Decimal(str(value))
        for name, value in row.values.get("used", {}).items()
        if value is not None
    }


def _without(row: Evaluation, gone: frozenset[str], index: events.AirIndex | None) -> Evaluation:
    one = copy.copy(row)
    used = {name: value for name, value in row.values["used"].items() if name.split("_")[0] not in gone}
    one.values = {**row.values, "used": used}
    one.aqi = index.aqi if index is not None else None
    one.category = index.category if index is not None else ""
    one.primary = ",".join(index.primary) if index is not None else ""
    # HJ 633-2026: what was missing is missing in the rest too, and with nothing above 100 left the day is NA.
    one.publishable = index is None or index.publishable
    return one


def of_regions(regions: Iterable[int], first: date, last: date) -> Mapping[int, tuple[events.Event, ...]]:
    """Return by region its approved events and those of the regions it lies in."""
    rows = approved(first, last)
    if not rows:
        return {}
    found = {}
    for region in set(regions):
        inside = above({region})
        found[region] = tuple(as_event(row) for row in rows if row.region_id in inside)
    return found


def of_points(points: Iterable[Point], first: date, last: date) -> Mapping[int, tuple[events.Event, ...]]:
    """Return by station the approved events of the regions it lies in."""
    points = list(points)
    by_region = of_regions({one.region_id for one in points}, first, last)
    return {one.pk: by_region.get(one.region_id, ()) for one in points}

"""Until when a point that runs no more was in service: the past counts it as long as it did.

The state of a point in the registry is that of today. Its history says when it stopped, so a day evaluated again is
evaluated with the points it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from django.db.models import Max, QuerySet

from qingjian.apps.evaluation.drafts import Draft, day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point

RUNNING = "running"
EVER = date.min
"""Asked since this day, every point is named, running or not."""


def of(points: QuerySet[Point], since: date | None) -> list[Point]:
    """Return those of some points that run, and those that were still in service on a day or later."""
    if since is None:
        return list(points.filter(status=RUNNING))
    if since == EVER:
        return list(points)
    found = list(points)
    ended = last_days(found)
    return [one for one in found if ended.get(one.pk, date.max) >= since]


def last_days(points: Iterable[Point]) -> dict[int, date]:
    """Return the last day in service of each point that does not run now: the day on which the registry says it stopped.

    Where the registry never called it running, the day of its newest result speaks; without one it never was.
    """
    stopped = {one.code: one for one in points if one.status != RUNNING}
    if not stopped:
        return {}
    found = {stopped[code].pk: day_of(moment) for code, moment in network.stopped_at(stopped).items()}
    silent = [one.pk for one in stopped.values() if one.pk not in found]
    if silent:
        newest = (
            Evaluation.objects.filter(point__in=silent, superseded_at=None)
            .order_by()
            .values_list("point")
            .annotate(newest=Max("start"))
        )
        found |= {point: day_of(start) for point, start in newest}
    return {one.pk: found.get(one.pk, EVER) for one in stopped.values()}


def served(drafts: Iterable[Draft], ended: Mapping[int, date]) -> Iterator[Draft]:
    """Yield the drafts of days on which their point was in service, and those of regions."""
    for one in drafts:
        if one.point is None or day_of(one.start) <= ended.get(one.point, date.max):
            yield one


def stretches(
    points: Sequence[Point], ended: Mapping[int, date], days: Sequence[date]
) -> Iterator[tuple[list[Point], slice]]:
    """Yield (points in service, places) for stretches of consecutive places with the same points."""
    begin = 0
    present = [one for one in points if days and days[0] <= ended.get(one.pk, date.max)]
    for place, day in enumerate(days):
        now = [one for one in present if day <= ended.get(one.pk, date.max)]
        if len(now) != len(present):
            yield present, slice(begin, place)
            begin, present = place, now
    if begin < len(days):
        yield present, slice(begin, len(days))

"""When points were in service: the past counts each on the days on which it ran.

The state of a point in the registry is that of today. Its history says when it stopped and when it ran again, so a day
evaluated again is evaluated with the points it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Max, QuerySet

from qingjian.apps.evaluation.drafts import Draft, day_of
from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point

RUNNING = "running"
EVER = date.min
"""Asked since this day, every point is named, running or not."""


class Pause(NamedTuple):
    """Days on which a point was out of service, both included; until `date.max` while it has not run again."""

    first: date
    last: date


Pauses = Mapping[int, Sequence[Pause]]
"""By point, in order; points that always ran are not in it."""


def of(points: QuerySet[Point], since: date | None) -> list[Point]:
    """Return those of some points that run, and those that were still in service on a day or later."""
    if since is None:
        return list(points.filter(status=RUNNING))
    if since == EVER:
        return list(points)
    found = list(points)
    out = pauses(found)
    return [one for one in found if not any(_lasts(pause, since) for pause in out.get(one.pk, ()))]


def _lasts(pause: Pause, since: date) -> bool:
    return pause.first <= since and pause.last == date.max


def pauses(points: Iterable[Point]) -> dict[int, list[Pause]]:
    """Return when points were out of service by the registry: after the day of a stop, up to that of running again.

    Where the registry never called a point that does not run running, the day of its newest result speaks; without one
    it never was.
    """
    known = {one.code: one for one in points}
    found: dict[int, list[Pause]] = {}
    for code, stops in network.stops_of(known).items():
        own = [
            Pause(
                day_of(begin) + timedelta(days=1),
                date.max if end is None else day_of(end) - timedelta(days=1),
            )
            for begin, end in stops
        ]
        found[known[code].pk] = [one for one in own if one.first <= one.last]
    silent = [
        one.pk
        for one in known.values()
        if one.status != RUNNING and not any(pause.last == date.max for pause in found.get(one.pk, ()))
    ]
    if silent:
        newest = dict(
            Evaluation.objects.filter(point__in=silent, superseded_at=None)
            .order_by()
            .values_list("point")
            .annotate(newest=Max("start"))
        )
        for pk in silent:
            last = newest.get(pk)
            begin = EVER if last is None else day_of(last) + timedelta(days=1)
            found.setdefault(pk, []).append(Pause(begin, date.max))
    return {pk: own for pk, own in found.items() if own}


def served_on(out: Pauses, point: int, day: date) -> bool:
    """Say whether a point was in service on a day."""
    return not any(one.first <= day <= one.last for one in out.get(point, ()))


def served(drafts: Iterable[Draft], out: Pauses) -> Iterator[Draft]:
    """Yield the drafts of days on which their point was in service, and those of regions."""
    for one in drafts:
        if one.point is None or served_on(out, one.point, day_of(one.start)):
            yield one


def stretches(
    points: Sequence[Point], out: Pauses, days: Sequence[date]
) -> Iterator[tuple[list[Point], slice]]:
    """Yield (points in service, places) for stretches of consecutive places with the same points."""
    begin = 0
    present: list[Point] | None = None
    for place, day in enumerate(days):
        now = [one for one in points if served_on(out, one.pk, day)]
        if present is not None and [one.pk for one in now] != [one.pk for one in present]:
            yield present, slice(begin, place)
            begin = place
        present = now
    if present is not None:
        yield present, slice(begin, len(days))

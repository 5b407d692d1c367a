"""Evaluate stretches of days: what became known, what people marked, the back history, and a past stretch again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import structlog
from django.db import transaction
from django.db.models import Max

from qingjian.apps.evaluation.drafts import OUTCOME, Chosen, day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.elements import ELEMENT_RULES, Element
from qingjian.apps.evaluation.models import Evaluation, Failure, Progress, RuleChange
from qingjian.apps.evaluation.services import isolating
from qingjian.apps.evaluation.services.emptied import with_emptied
from qingjian.apps.evaluation.services.storing import store
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import clock, now

BATCH = timedelta(days=31)
log = structlog.get_logger()


def evaluate(
    element: str,
    first: date,
    last: date,
    points: set[int] | None = None,
    until: datetime | None = None,
    cause: RuleChange | None = None,
) -> list[Evaluation]:
    """Evaluate natural days first … last and store what is new or different.

    A point that breaks the evaluation of a day stands aside on that day and is kept as a failure; so do days that break
    it whoever stands aside. Raises what neither is to blame for.
    """
    book, moment = rulebook(), until or now()
    rules = ELEMENT_RULES[element]
    known = stores.lake().known_until() or moment

    def run(begin: date, end: date, chosen: Chosen) -> list[Evaluation]:
        drafts = rules.evaluate(book, begin, end, whole_hour(moment), chosen)
        return store(with_emptied(rules, drafts, begin, end, chosen), book, known, cause)

    try:
        made = run(first, last, Chosen(points))
    except isolating.NOBODY:
        raise
    except Exception as error:
        broken = _broken(rules, run, first, last, points)
        if not broken:
            raise
        log.warning("some points stand aside", element=element, points=len(broken), error=str(error))
        made = []
        lost: list[tuple[date, date]] = []
        for begin, end, aside in isolating.stretches(first, last, broken):
            try:
                made += run(begin, end, Chosen(points, aside))
            except isolating.NOBODY:
                raise
            except (
                Exception
            ) as days_error:  # the days themselves, whoever stands aside: no other day waits for them
                isolating.record(element, Failure.Step.EVALUATE, days_error, None, begin, end)
                lost.append((begin, end))
                continue
            isolating.passed(element, Failure.Step.EVALUATE, begin, end, _without(rules, points, aside))
        for point, days in broken.items():
            for begin, end, one in days:
                if not any(low <= begin and end <= high for low, high in lost):
                    isolating.record(element, Failure.Step.EVALUATE, one, point, begin, end)
        return made
    isolating.passed(element, Failure.Step.EVALUATE, first, last, points)
    return made


def _broken(
    rules: Element,
    run: Callable[[date, date, Chosen], list[Evaluation]],
    first: date,
    last: date,
    points: set[int] | None,
) -> isolating.Broken:
    """Return the points that break the evaluation by themselves, with the days on which they do."""
    everyone = {one.pk for one in rules.points()}
    candidates = sorted(everyone if points is None or rules.together else points & everyone)

    def attempt(begin: date, end: date, own: set[int]) -> None:
        with transaction.atomic():
            run(begin, end, Chosen(own, frozenset(everyone - own)))
            transaction.set_rollback(True)

    found = isolating.failing(candidates, lambda own: attempt(first, last, own))
    return {
        point: isolating.failing_days(first, last, lambda begin, end, own={point}: attempt(begin, end, own))
        for point in found
    }


def _without(rules: Element, points: set[int] | None, aside: frozenset[int]) -> set[int] | None:
    if not aside:
        return points
    return ({one.pk for one in rules.points()} if points is None else points) - aside


def afterwards(element: str, points: set[int] | None) -> None:
    """Do what follows from new results: warnings, exceedances, findings; a point that breaks it stops no other."""
    rules, book = ELEMENT_RULES[element], rulebook()
    if rules.after is None:
        return
    after = rules.after
    try:
        after(points, book)
        isolating.passed(element, Failure.Step.AFTER, points=points)
        return
    except isolating.NOBODY:
        raise
    except Exception:
        everyone = {one.pk for one in rules.points()}
        candidates = sorted(everyone if points is None else points & everyone)
        broken = isolating.failing(candidates, lambda own: after(own, book))
        if not broken:
            raise
    isolating.passed(element, Failure.Step.AFTER, points=set(candidates) - set(broken))
    for point, error in broken.items():
        isolating.record(element, Failure.Step.AFTER, error, point)


def try_again(seconds: float) -> int:
    """Try what failed before once more for about `seconds`, longest untried first; return how many rows were made."""
    begun = clock().monotonic()
    made = 0
    of_points_or_days = Failure.objects.exclude(point=None, first=None)
    for one in of_points_or_days.filter(element__in=ELEMENT_RULES).order_by("at"):
        made += isolating.guarded(one.element, Failure.Step.RETRY, partial(_again, one)) or 0
        if clock().monotonic() - begun >= seconds:
            break
    return made


def _again(one: Failure) -> int:
    made = 0
    points = None if one.point_id is None else {one.point_id}
    if one.first is not None and one.last is not None:
        made = len(evaluate(one.element, one.first, one.last, points))
    if made or one.first is None:
        afterwards(one.element, points)
    return made


def whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def follow(element: str) -> int:
    """Evaluate what became known since the last run: new, late and changed values, and marks; return rows made."""
    progress = Progress.objects.get_or_create(name=element)[0]
    if progress.known_until is None:
        return 0
    rules = ELEMENT_RULES[element]
    known = stores.lake().known_until()
    if known is None:
        return 0
    touched = _touched(rules, progress, known)
    marks_until = _touched_by_marks(rules, progress, touched)
    made = 0
    for first, last, points in _stretches(touched):
        rows = evaluate(element, first, last, points)
        made += len(rows)
    if touched:
        afterwards(element, {point for day in touched.values() for point in day})
    Progress.objects.filter(pk=progress.pk).update(known_until=known, marks_until=marks_until)
    return made


def _touched(rules: Element, progress: Progress, known: datetime) -> dict[date, set[int]]:
    """Return the points with values that became known, by natural day."""
    found: dict[date, set[int]] = {}
    if known <= progress.known_until:
        return found
    series = dict(
        Series.objects.filter(point__in=[one.pk for one in rules.points()]).values_list("pk", "point_id")
    )
    table = pa.concat_tables(
        stores.lake().touched(statistic, progress.known_until, known) for statistic in rules.statistics
    )
    numbers = table["series"].to_numpy().astype(np.int64)
    days = (table["start"].cast(pa.int64()).to_numpy() // 1_000_000 + 8 * 3600) // 86400
    mine = np.isin(numbers, list(series))
    for number, day in np.unique(np.stack([numbers[mine], days[mine]]), axis=1).T.tolist():
        found.setdefault(date(1970, 1, 1) + timedelta(days=day), set()).add(series[number])
    if progress.back_until is not None:
        found = {
            day: points
            for day, points in found.items()
            if progress.complete or day >= day_of(progress.back_until)
        }
    return found


def _touched_by_marks(rules: Element, progress: Progress, found: dict[date, set[int]]) -> int:
    """Add the days of marks set or taken back since the last run; return the highest mark seen."""
    highest = progress.marks_until
    own = {one.pk for one in rules.points()}
    for mark in Mark.objects.filter(pk__gt=progress.marks_until).order_by("pk"):
        highest = mark.pk
        if mark.point_id not in own:
            continue
        day, end = day_of(mark.start), min(day_of(mark.end - timedelta(microseconds=1)), day_of(now()))
        while day <= end:
            found.setdefault(day, set()).add(mark.point_id)
            day += timedelta(days=1)
    return highest


def _stretches(touched: dict[date, set[int]]) -> Iterator[tuple[date, date, set[int]]]:
    """Yield consecutive days together, with the points they touch, at most `BATCH` long."""
    days = sorted(touched)
    begin = 0
    for place in range(1, len(days) + 1):
        if (
            place == len(days)
            or days[place] - days[place - 1] > timedelta(days=1)
            or days[place] - days[begin] >= BATCH
        ):
            yield days[begin], days[place - 1], set().union(*(touched[day] for day in days[begin:place]))
            begin = place


def days_with_data(rules: Element, point: Point) -> tuple[date, date] | None:
    """Return (first day of the back history, newest day with data) of a point; None where nothing of it is stored."""
    series = set(Series.objects.filter(point=point).values_list("pk", flat=True))
    oldest = day_of(now() - rules.back)
    newest = _newest_day(rules, series, oldest, day_of(now()))
    return None if newest is None else (oldest, newest)


def _newest_day(rules: Element, series: set[int], first: date, last: date) -> date | None:
    """Return the newest natural day of first … last on which any of some series holds something."""
    begin, end = midnight(first), midnight(last + timedelta(days=1))
    found = [
        start
        for statistic in rules.statistics
        for number, start in _newest_starts(statistic, begin, end)
        if number in series
    ]
    return day_of(max(found)) if found else None


def _newest_starts(statistic: str, begin: datetime, end: datetime) -> Iterator[tuple[int, datetime]]:
    table = stores.lake().newest(statistic, begin, end)
    return zip(table["series"].to_pylist(), table["start"].to_pylist(), strict=True)


def catch_up(element: str, seconds: float) -> tuple[int, bool]:
    """Evaluate the back history, newest month first, for about `seconds`; return (rows made, complete)."""
    progress = Progress.objects.get_or_create(name=element)[0]
    if progress.complete:
        return 0, True
    rules = ELEMENT_RULES[element]
    lake = stores.lake()
    if progress.known_until is None:
        progress.known_until = lake.known_until()
        if progress.known_until is None:
            return 0, False
        progress.marks_until = Mark.objects.aggregate(last=Max("pk"))["last"] or 0
    oldest = day_of(now() - rules.back)
    series = set(
        Series.objects.filter(point__in=[one.pk for one in rules.points()]).values_list("pk", flat=True)
    )
    begun = clock().monotonic()
    made = 0
    while not progress.complete:
        last = (
            day_of(now()) if progress.back_until is None else day_of(progress.back_until) - timedelta(days=1)
        )
        first = max(oldest, month_of(last))
        newest = _newest_day(rules, series, oldest, last)
        if newest is None:
            first = oldest
        elif newest < first:
            first = next_month(newest)  # nothing in between: samples are taken a few times a year
        else:
            made += len(evaluate(element, first, last))
        progress.back_until = midnight(first)
        progress.complete = first <= oldest
        progress.save()
        if clock().monotonic() - begun >= seconds:
            break
    afterwards(element, None)
    return made, progress.complete


def re_evaluate(element: str, first: date, last: date) -> list[dict[str, Any]]:
    """Evaluate a past stretch again and list what changed: earlier and present outcome of every new revision."""
    rows = evaluate(element, first, last)
    afterwards(element, None)
    changed = []
    for row in rows:
        before = Evaluation.objects.filter(
            kind=row.kind,
            point=row.point_id,
            region=row.region_id,
            start=row.start,
            revision=row.revision - 1,
        ).first()
        if before is not None:
            changed.append(
                {
                    "row": row,
                    "before": {name: getattr(before, name) for name in OUTCOME},
                    "after": {name: getattr(row, name) for name in OUTCOME},
                }
            )
    return changed

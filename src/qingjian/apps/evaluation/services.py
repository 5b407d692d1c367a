"""All writes of evaluation: store results as revisions, follow late data and marks, work through the back history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.db.models import Model
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from qingjian.apps.evaluation import air, bulk, exceedances, explanation, outlets, water
from qingjian.apps.evaluation.drafts import OUTCOME, Draft, day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.models import Evaluation, Progress
from qingjian.apps.network.models import Point, Series, Version
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import clock, now
from qingjian.rulebook import Rulebook

AIR, WATER, OUTLETS = "air", "water", "outlets"
ELEMENTS = {AIR: _("Air"), WATER: _("Surface water"), OUTLETS: _("Outlets")}
BACK_HISTORY = timedelta(days=1100)
"""How far back is looked for data that were never evaluated."""
BATCH = timedelta(days=31)
EXPLAINED_AT_ONCE = 400
"""Up to so many new results of a run are stored with their trace; larger runs explain on demand."""
_FIELDS = (
    "kind",
    "point",
    "region",
    "start",
    "edition",
    "basis",
    "values",
    "aqi",
    "publishable",
    "category",
    "primary",
    "water_class",
    "target",
    "reached",
    "main_items",
    "exceeds",
    "multiple",
    "result",
    "confidence",
    "trace",
)


def store(drafts: Iterable[Draft], book: Rulebook, inputs_known_at: datetime) -> list[Evaluation]:
    """Store drafts: what says the same as the current revision is dropped, the rest becomes a new revision.

    Returns the rows made. One transaction per call.
    """
    drafts = list(drafts)
    if not drafts:
        return []
    made: list[Evaluation] = []
    moment = now()
    with transaction.atomic():
        for kind in {one.kind for one in drafts}:
            own = [one for one in drafts if one.kind == kind]
            held = _current(kind, min(one.start for one in own), max(one.start for one in own))
            superseded = []
            for one in own:
                digest = one.digest
                before = held.get(one.subject)
                if before is not None:
                    if before.inputs_digest == digest and all(
                        getattr(before, name) == getattr(one, name) for name in OUTCOME
                    ):
                        continue
                    superseded.append(before.pk)
                made.append(_row(one, digest, before, book, inputs_known_at, moment))
            for begin in range(0, len(superseded), 500):
                Evaluation.objects.filter(pk__in=superseded[begin : begin + 500]).update(superseded_at=moment)
        if len(made) <= EXPLAINED_AT_ONCE:
            for row in made:
                if row.trace is None and row.kind.startswith("air"):
                    row.trace = explanation.air_trace(row, book).to_dict()
            Evaluation.objects.bulk_create(made)
        else:
            bulk.insert(made)
    return made


def _current(
    kind: str, first: datetime, last: datetime
) -> dict[tuple[int | None, int, datetime], Evaluation]:
    rows = Evaluation.objects.filter(kind=kind, superseded_at=None, start__gte=first, start__lte=last).defer(
        "trace", "values", "result"
    )
    return {(row.point_id, 0 if row.point_id else row.region_id, row.start): row for row in rows}


def _row(
    draft: Draft,
    digest: str,
    before: Evaluation | None,
    book: Rulebook,
    inputs_known_at: datetime,
    moment: datetime,
) -> Evaluation:
    return Evaluation(
        kind=draft.kind,
        point_id=draft.point,
        region_id=draft.region,
        **{name: getattr(draft, name) for name in _FIELDS if name not in ("kind", "point", "region")},
        rulebook=book.version,
        inputs_known_at=inputs_known_at,
        inputs_digest=digest,
        known_at=moment,
        revision=0 if before is None else before.revision + 1,
    )


# -- what is due -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """One element: its points, and how a stretch of natural days is evaluated."""

    name: str
    points: Callable[[], Sequence[Point]]
    evaluate: Callable[[Rulebook, date, date, datetime, set[int] | None], Iterator[Draft]]
    after: Callable[[set[int] | None, Rulebook], None] | None = None


def _air(
    book: Rulebook, first: date, last: date, until: datetime, chosen: set[int] | None
) -> Iterator[Draft]:
    # A region is the mean of its stations: all of them are read even when only one has changed.
    block = air.Block(book, air.stations(), first, last)
    yield from block.hourly(midnight(first), min(until, midnight(last + timedelta(days=1))))
    ended = min(last, day_of(until) - timedelta(days=1))
    if ended >= first:
        yield from block.daily(first, ended)


def _water(
    book: Rulebook, first: date, last: date, until: datetime, chosen: set[int] | None
) -> Iterator[Draft]:
    points = [one for one in water.sections() if chosen is None or one.pk in chosen]
    fresh: dict[tuple[int, date], dict[str, float]] = {}
    for draft in water.Block(book, points, first, min(last, day_of(until))).daily():
        fresh[draft.point, day_of(draft.start)] = draft.values["used"]
        yield draft
    month = month_of(first)
    while month <= last:
        stored = Evaluation.objects.filter(
            kind="water_station_day",
            superseded_at=None,
            point__in=points,
            start__gte=midnight(month),
            start__lt=midnight(next_month(month)),
        )
        days = {(row.point_id, day_of(row.start)): row.values["used"] for row in stored}
        days.update({key: used for key, used in fresh.items() if month_of(key[1]) == month})
        for point in points:
            own = [used for (pk, _day), used in sorted(days.items()) if pk == point.pk]
            if own:
                yield water.monthly(book, point, month, own)
        month = next_month(month)


def _outlets(
    book: Rulebook, first: date, last: date, until: datetime, chosen: set[int] | None
) -> Iterator[Draft]:
    found = [one for one in outlets.outlets() if chosen is None or one.point.pk in chosen]
    block = outlets.Block(book, found, first, last)
    hours = list(block.hourly())
    yield from hours
    if chosen is not None:
        yield from _no_longer(hours, found, first, last)
    ended = min(last, day_of(until) - timedelta(days=1))
    yield from (one for one in block.daily() if day_of(one.start) <= ended)


def _no_longer(hours: list[Draft], found: list[outlets.Outlet], first: date, last: date) -> Iterator[Draft]:
    """Yield a statement for hours that exceeded before and do not any more: late data took the value back."""
    still = {(one.point, one.start) for one in hours}
    before = Evaluation.objects.filter(
        kind="outlet_hour",
        superseded_at=None,
        point__in=[one.point for one in found],
        start__gte=midnight(first),
        start__lt=midnight(last + timedelta(days=1)),
    )
    for row in before:
        if (row.point_id, row.start) not in still:
            yield Draft(
                "outlet_hour",
                row.point_id,
                row.region_id,
                row.start,
                "",
                {"used": {}},
                "S",
                exceeds=False,
                result={"items": []},
            )


ELEMENT_RULES = {
    one.name: one
    for one in (
        Element(AIR, air.stations, _air),
        Element(WATER, water.sections, _water),
        Element(OUTLETS, lambda: [one.point for one in outlets.outlets()], _outlets, exceedances.rebuild),
    )
}


def evaluate(
    element: str, first: date, last: date, points: set[int] | None = None, until: datetime | None = None
) -> list[Evaluation]:
    """Evaluate natural days first … last and store what is new or different."""
    book, moment = rulebook(), until or now()
    rules = ELEMENT_RULES[element]
    known = stores.lake().known_until() or moment
    return store(rules.evaluate(book, first, last, _whole_hour(moment), points), book, known)


def _whole_hour(moment: datetime) -> datetime:
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
    limits_until = _touched_by_limits(rules, progress, touched)
    made = 0
    for first, last, points in _stretches(touched):
        rows = evaluate(element, first, last, points)
        made += len(rows)
    if touched and rules.after is not None:
        rules.after({point for day in touched.values() for point in day}, rulebook())
    Progress.objects.filter(pk=progress.pk).update(
        known_until=known, marks_until=marks_until, limits_until=limits_until
    )
    return made


def _touched(rules: Element, progress: Progress, known: datetime) -> dict[date, set[int]]:
    """Return the points with hourly values that became known, by natural day."""
    found: dict[date, set[int]] = {}
    if known <= progress.known_until:
        return found
    series = dict(
        Series.objects.filter(point__in=[one.pk for one in rules.points()]).values_list("pk", "point_id")
    )
    table = stores.lake().touched("hour", progress.known_until, known)
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


def _touched_by_limits(rules: Element, progress: Progress, found: dict[date, set[int]]) -> int:
    """Add the days from which a permit limit that was added or changed since the last run holds."""
    highest = progress.limits_until
    points = rules.points() if rules.name == OUTLETS else ()
    for version in Version.objects.filter(kind="limit", pk__gt=progress.limits_until).order_by("pk"):
        highest = version.pk
        own = {one.pk for one in points if one.outlet.code == version.fields.get("outlet")}
        begin = parse_datetime(version.fields.get("valid_from") or "") or progress.back_until
        if not own or begin is None:
            continue
        day = day_of(begin if progress.back_until is None else max(begin, progress.back_until))
        while day <= day_of(now()):
            found.setdefault(day, set()).update(own)
            day += timedelta(days=1)
    return highest


def _newest(model: type[Model], **narrowed: Any) -> int:
    return model.objects.filter(**narrowed).order_by("-pk").values_list("pk", flat=True).first() or 0


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
        progress.marks_until, progress.limits_until = _newest(Mark), _newest(Version, kind="limit")
    oldest = day_of(now() - BACK_HISTORY)
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
        has_data = series & set(
            lake.newest("hour", midnight(first), midnight(last + timedelta(days=1)))["series"].to_pylist()
        )
        earlier = has_data or series & set(
            lake.newest("hour", midnight(oldest), midnight(first))["series"].to_pylist()
        )
        if has_data:
            made += len(evaluate(element, first, last))
        progress.back_until = midnight(first)
        progress.complete = first <= oldest or not earlier
        progress.save()
        if clock().monotonic() - begun >= seconds:
            break
    if rules.after is not None:
        rules.after(None, rulebook())
    return made, progress.complete


def run(seconds: float = 30.0) -> str:
    """Follow what came in, then go on with the back history; return a sentence for the schedule."""
    begun = clock().monotonic()
    told = []
    for name in ELEMENT_RULES:
        made = follow(name)
        more, complete = catch_up(name, max(0.0, seconds - (clock().monotonic() - begun)))
        told.append(f"{name} {made + more}{'' if complete else ' (back history goes on)'}")
    return ", ".join(told)


def renew(days: int = 3) -> str:
    """Evaluate the last days again, whatever became known: rules and registry may have changed."""
    last = day_of(now())
    told = []
    for name, rules in ELEMENT_RULES.items():
        rows = evaluate(name, last - timedelta(days=days), last)
        if rules.after is not None:
            rules.after(None, rulebook())
        told.append(f"{name} {len(rows)}")
    return ", ".join(told)


def re_evaluate(element: str, first: date, last: date) -> list[dict[str, Any]]:
    """Evaluate a past stretch again and list what changed: earlier and present outcome of every new revision."""
    rows = evaluate(element, first, last)
    if ELEMENT_RULES[element].after is not None:
        ELEMENT_RULES[element].after(None, rulebook())
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

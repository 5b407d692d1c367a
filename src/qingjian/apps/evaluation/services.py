"""All writes of evaluation: store results as revisions, follow late data and marks, work through the back history."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.db.models import Max, Min, Model
from django.utils.dateparse import parse_datetime

from qingjian.apps.evaluation import bulk, explanation
from qingjian.apps.evaluation.drafts import OUTCOME, Draft, day_of, midnight, month_of, next_month
from qingjian.apps.evaluation.elements import ELEMENT_RULES, OUTLETS, Element
from qingjian.apps.evaluation.models import Evaluation, Progress, RuleChange
from qingjian.apps.network.models import Series, Version
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Mark
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.current import clock, now
from qingjian.rulebook import Row, Rulebook, difference

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


def differing(
    drafts: Iterable[Draft], *, in_detail: bool = False
) -> Iterator[tuple[Draft, str, Evaluation | None]]:
    """Yield (draft, its digest, current revision) for drafts that say something else than what is stored.

    `in_detail` also compares item by item: a changed limit may move an item without moving the whole.
    """
    by_kind: dict[str, list[Draft]] = {}
    for one in drafts:
        by_kind.setdefault(one.kind, []).append(one)
    for kind, own in by_kind.items():
        held = _current(kind, min(one.start for one in own), max(one.start for one in own), in_detail)
        for one in own:
            digest, before = one.digest, held.get(one.subject)
            if (
                before is not None
                and before.inputs_digest == digest
                and all(getattr(before, name) == getattr(one, name) for name in OUTCOME)
                and not (in_detail and before.result != json.loads(json.dumps(one.result)))
            ):
                continue
            yield one, digest, before


def store(
    drafts: Iterable[Draft], book: Rulebook, inputs_known_at: datetime, cause: RuleChange | None = None
) -> list[Evaluation]:
    """Store drafts: what says the same as the current revision is dropped, the rest becomes a new revision.

    `cause` is the change of the rulebook that asked for it. Returns the rows made. One transaction per call.
    """
    drafts = list(drafts)
    if not drafts:
        return []
    made: list[Evaluation] = []
    moment = now()
    with transaction.atomic():
        superseded = []
        for one, digest, before in differing(drafts, in_detail=cause is not None):
            if before is not None:
                superseded.append(before.pk)
            row = _row(one, digest, before, book, inputs_known_at, moment)
            row.rule_change = cause
            made.append(row)
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
    kind: str, first: datetime, last: datetime, in_detail: bool
) -> dict[tuple[int | None, int, datetime], Evaluation]:
    rows = Evaluation.objects.filter(kind=kind, superseded_at=None, start__gte=first, start__lte=last).defer(
        "trace", "values", *(() if in_detail else ("result",))
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


def evaluate(
    element: str,
    first: date,
    last: date,
    points: set[int] | None = None,
    until: datetime | None = None,
    cause: RuleChange | None = None,
) -> list[Evaluation]:
    """Evaluate natural days first … last and store what is new or different."""
    book, moment = rulebook(), until or now()
    rules = ELEMENT_RULES[element]
    known = stores.lake().known_until() or moment
    return store(rules.evaluate(book, first, last, whole_hour(moment), points), book, known, cause)


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
        progress.marks_until, progress.limits_until = _newest(Mark), _newest(Version, kind="limit")
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
    if rules.after is not None:
        rules.after(None, rulebook())
    return made, progress.complete


def run(seconds: float = 30.0) -> str:
    """Follow what came in and what changed in the rules, then go on with the back history; return a sentence."""
    begun = clock().monotonic()
    told: list[str] = []
    followed = {name: follow(name) for name in ELEMENT_RULES}
    changed = follow_rules(seconds / 2)
    if changed:
        told.append(sentence("rules %(count)s", count=changed))
    for name, made in sorted(followed.items(), key=lambda one: "hour" in ELEMENT_RULES[one[0]].statistics):
        more, complete = catch_up(name, max(0.0, seconds - (clock().monotonic() - begun)))
        told.append(sentence("%(title)s: %(count)d", title=ELEMENT_RULES[name].title, count=made + more))
        if not complete:
            told.append(sentence("(back history goes on)"))
    return joined(told)


def renew(days: int = 3) -> str:
    """Evaluate the last days again, whatever became known: rules and registry may have changed."""
    last = day_of(now())
    told = []
    for name, rules in ELEMENT_RULES.items():
        rows = evaluate(name, last - timedelta(days=days), last)
        if rules.after is not None:
            rules.after(None, rulebook())
        told.append(sentence("%(title)s: %(count)d", title=ELEMENT_RULES[name].title, count=len(rows)))
    return joined(told)


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


# -- changed rules -----------------------------------------------------------------------------------------------------


def notice_rules() -> RuleChange | None:
    """Compare the rulebook with the one seen last; record what changed and what has to be evaluated again.

    The first call only remembers what the rules are. A confirmation alone changes no result and is no change.
    """
    book = rulebook()
    before = RuleChange.objects.first()
    if before is not None and before.version == book.version:
        return None
    if before is None:
        return RuleChange.objects.create(version=book.version, at=now(), snapshot=_packed(book))
    found = difference(Rulebook.from_json(zlib.decompress(before.snapshot).decode()), book)
    pairs = [
        *((None, row) for row in found.added),
        *((row, None) for row in found.removed),
        *found.changed,
    ]
    if not pairs:
        RuleChange.objects.filter(pk=before.pk).update(snapshot=_packed(book), version=book.version)
        return None
    with transaction.atomic():
        change = RuleChange.objects.create(
            version=book.version,
            at=now(),
            snapshot=_packed(book),
            rows=[_told(old, new) for old, new in pairs],
            todo=to_evaluate(pairs),
        )
        RuleChange.objects.filter(pk=before.pk).update(snapshot=b"")
    return change


def _packed(book: Rulebook) -> bytes:
    return zlib.compress(book.to_json().encode())


def _told(old: Row | None, new: Row | None) -> dict[str, Any]:
    row = new or old
    if row is None:
        raise ValueError("a change needs a row")
    days = [one.valid_from for one in (old, new) if one is not None]
    return {
        "id": row.id,
        "citation": row.citation,
        "table": row.table,
        "change": "changed" if old and new else ("added" if new else "removed"),
        "before": None if old is None else dict(old.values),
        "after": None if new is None else dict(new.values),
        "from": None if None in days else min(day for day in days if day is not None).isoformat(),
    }


def to_evaluate(pairs: list[tuple[Row | None, Row | None]]) -> list[dict[str, str]]:
    """Return the stretches of stored results that the changed rows touch, by element."""
    todo = []
    for name, rules in ELEMENT_RULES.items():
        own = [row for pair in pairs for row in pair if row is not None and rules.rests_on(row)]
        if not own:
            continue
        held = Evaluation.objects.filter(kind__in=rules.kinds, superseded_at=None).aggregate(
            first=Min("start"), last=Max("start")
        )
        if held["first"] is None:
            continue
        starts, ends = [row.valid_from for row in own], [row.valid_to for row in own]
        first, last = day_of(held["first"]), max(day_of(held["last"]), day_of(now()))
        if None not in starts:
            first = max(first, min(day for day in starts if day is not None))
        if None not in ends:
            last = min(last, max(day for day in ends if day is not None))
        if first <= last:
            todo.append({"element": name, "first": first.isoformat(), "last": last.isoformat()})
    return todo


def follow_rules(seconds: float) -> int:
    """Evaluate again, newest month first, what changed rules touch, for about `seconds`; return new results."""
    notice_rules()
    begun = clock().monotonic()
    made = 0
    for change in RuleChange.objects.exclude(todo=[]).order_by("id"):
        while change.todo and (made == 0 or clock().monotonic() - begun < seconds):
            one = change.todo[0]
            first, last = date.fromisoformat(one["first"]), date.fromisoformat(one["last"])
            begin = max(first, month_of(last))
            results = evaluate(one["element"], begin, last, cause=change)
            made += len(results)
            _note(change, one["element"], begin, last, len(results))
            if begin > first:
                one["last"] = (begin - timedelta(days=1)).isoformat()
            else:
                change.todo = change.todo[1:]
                after = ELEMENT_RULES[one["element"]].after
                if after is not None:
                    after(None, rulebook())
            change.save(update_fields=["todo", "done"])
    return made


def _note(change: RuleChange, element: str, first: date, last: date, results: int) -> None:
    """Add a stretch to what was done; stretches of one element grow together."""
    for one in change.done:
        if one["element"] == element:
            one["first"] = min(one["first"], first.isoformat())
            one["last"] = max(one["last"], last.isoformat())
            one["results"] += results
            return
    change.done.append(
        {"element": element, "first": first.isoformat(), "last": last.isoformat(), "results": results}
    )

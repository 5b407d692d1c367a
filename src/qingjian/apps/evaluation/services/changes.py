"""What changed rules and registry rows touch: noticed, evaluated again, and listed with what became of it."""

from __future__ import annotations

import json
import zlib
from datetime import date, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, QuerySet
from django.utils.dateparse import parse_datetime

from qingjian.apps.evaluation import calculation
from qingjian.apps.evaluation.drafts import day_of, month_of
from qingjian.apps.evaluation.elements import ELEMENT_RULES, OUTLETS, Element
from qingjian.apps.evaluation.models import Evaluation, Failure, Progress, RuleChange
from qingjian.apps.evaluation.services import isolating
from qingjian.apps.evaluation.services.following import afterwards, days_with_data, evaluate
from qingjian.apps.network.models import Point, Version
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.current import clock, now
from qingjian.quality.flue_gas import SETTING_NAMES
from qingjian.rulebook import Row, Rulebook, difference

RULES, REGISTRY, PROGRAM = "rules", "registry", "program"
LIMIT, POINT, SETTING = "limit", "point", "setting"
DATED = (LIMIT, SETTING)
"""What of outlets holds from a day of its own; attributes are those of the whole life of a point."""
JUDGED_BY = ("attributes", "kind", "region", "outlet")
"""What of a point decides its evaluation; a new name or position does not."""


def notice_rules() -> RuleChange | None:
    """Compare the rulebook with the one seen last; record what changed and what has to be evaluated again.

    The first call only remembers what the rules are. A confirmation alone changes no result and is no change.
    """
    book = rulebook()
    before = RuleChange.objects.filter(source=RuleChange.Source.RULES).first()
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


def notice_registry() -> list[RuleChange]:
    """Record which permit limits, settings of a conversion and points' attributes changed since the last call.

    The first call only remembers where the registry's history stands: what is installed changes nothing evaluated.
    """
    progress, fresh = Progress.objects.get_or_create(name=REGISTRY)
    if fresh:
        # Limits followed by an earlier release count as seen.
        seen = Progress.objects.filter(name=OUTLETS).values_list("limits_until", flat=True).first()
        progress.limits_until = seen or Version.objects.aggregate(last=Max("pk"))["last"] or 0
        progress.save(update_fields=["limits_until"])
    found: dict[tuple[int | None, int], dict[str, Any]] = {}
    highest = progress.limits_until
    versions = Version.objects.filter(pk__gt=highest, kind__in=(LIMIT, POINT, SETTING)).order_by("pk")
    for version in versions:
        highest = version.pk
        before = (
            Version.objects.filter(kind=version.kind, key=version.key, pk__lt=version.pk)
            .order_by("-pk")
            .first()
        )
        old, new = (before.fields if before else None), version.fields
        if version.kind == POINT and (old is None or not _attributes_differ(old, new)):
            continue
        if version.kind == SETTING and new.get("name") not in SETTING_NAMES:
            continue
        for point in _points_of(version):
            entry = found.setdefault((version.change_id, point.pk), {"point": point, "rows": [], "todo": []})
            entry["rows"].append(_registered(version, old))
            entry["todo"] += _touched(point, version.kind, old, new)
    with transaction.atomic():
        Progress.objects.filter(pk=progress.pk).update(limits_until=highest)
        return [
            RuleChange.objects.create(
                source=RuleChange.Source.REGISTRY,
                point=entry["point"],
                version=str(highest),
                at=now(),
                snapshot=b"",
                rows=entry["rows"],
                todo=_merged(entry["todo"]),
            )
            for entry in found.values()
            if entry["todo"]
        ]


def notice_program() -> list[RuleChange]:
    """Record which corrections of the calculation came with the program since the last call, and what they touch.

    On a node without results the first call only remembers the version.
    """
    progress, fresh = Progress.objects.get_or_create(name=PROGRAM)
    seen, present = progress.limits_until, calculation.newest()
    if fresh:
        seen = calculation.FIRST if Evaluation.objects.exists() else present
    if seen >= present and not fresh:
        return []
    with transaction.atomic():
        Progress.objects.filter(pk=progress.pk).update(limits_until=present)
        return [
            RuleChange.objects.create(
                source=RuleChange.Source.PROGRAM,
                version=str(one.number),
                at=now(),
                snapshot=b"",
                rows=[_corrected(one)],
                todo=todo,
            )
            for one in calculation.later_than(seen)
            if (todo := _corrected_stretches(one))
        ]


def _corrected(one: calculation.Calculation) -> dict[str, Any]:
    return {
        "id": f"{PROGRAM}:{one.number}",
        "kind": PROGRAM,
        "citation": one.text.zh,
        "citation_en": one.text.en,
        "table": PROGRAM,
        "change": "changed",
        "before": None,
        "after": None,
        "from": one.since.isoformat() if one.since else None,
    }


def _corrected_stretches(one: calculation.Calculation) -> list[dict[str, Any]]:
    """Return the stretches of stored results that a correction makes others."""
    todo = []
    for element in one.elements if one.points is not None else ():
        points = one.points(element)
        held = Evaluation.objects.filter(
            point__in=points, kind__in=ELEMENT_RULES[element].kinds, superseded_at=None
        ).aggregate(first=Min("start"), last=Max("start"))
        if held["first"] is None:
            continue
        first = max(day_of(held["first"]), one.since or date.min)
        last = day_of(held["last"])
        if first <= last:
            todo.append(
                {
                    "element": element,
                    "first": first.isoformat(),
                    "last": last.isoformat(),
                    "points": sorted(points),
                }
            )
    return todo


def _attributes_differ(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any((old.get(name) or "") != (new.get(name) or "") for name in JUDGED_BY)


def _points_of(version: Version) -> QuerySet[Point]:
    if version.kind == POINT:
        return Point.objects.filter(code=version.key)
    if version.kind == SETTING:
        return Point.objects.filter(outlet__isnull=False, series__code=version.fields.get("series"))
    return Point.objects.filter(outlet__code=version.fields.get("outlet"))


def _registered(version: Version, old: dict[str, Any] | None) -> dict[str, Any]:
    names = None if version.kind in DATED else JUDGED_BY
    return {
        "id": f"{version.kind}:{version.key}",
        "kind": version.kind,
        "citation": version.key,
        "table": version.kind,
        "change": "changed" if old is not None else "added",
        "before": None if old is None else _flat(old, names),
        "after": _flat(version.fields, names),
        "from": version.fields.get("valid_from"),
    }


def _flat(fields: dict[str, Any], names: tuple[str, ...] | None) -> dict[str, str]:
    """Return registry fields as text, the further attributes one by one."""
    shown = {name: value for name, value in fields.items() if names is None or name in names}
    attributes = shown.pop("attributes", None) or {}
    if isinstance(attributes, str):
        attributes = json.loads(attributes or "{}")
    return {name: "" if value is None else str(value) for name, value in {**shown, **attributes}.items()}


def _touched(
    point: Point, kind: str, old: dict[str, Any] | None, new: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the stretches of a point's stored results that rest on what changed."""
    begins = (
        [parse_datetime(one.get("valid_from") or "") for one in (old, new) if one] if kind in DATED else []
    )
    todo = []
    for name, rules in ELEMENT_RULES.items():
        if kind in DATED and name != OUTLETS:
            continue
        days = _days_of(point, rules, unjudged=kind in DATED)
        if days is None:
            continue
        first, last = days[0], max(days[1], day_of(now()))
        if begins and None not in begins:
            first = max(first, min(day_of(one) for one in begins if one is not None))
        if first <= last:
            todo.append(
                {
                    "element": name,
                    "first": first.isoformat(),
                    "last": last.isoformat(),
                    "points": [point.pk],
                }
            )
    return todo


def _days_of(point: Point, rules: Element, *, unjudged: bool) -> tuple[date, date] | None:
    """Return the days of a point's stored results; where there are none and `unjudged`, those of its data.

    The first limit of an outlet judges what nothing has judged yet.
    """
    held = Evaluation.objects.filter(point=point, kind__in=rules.kinds, superseded_at=None).aggregate(
        first=Min("start"), last=Max("start")
    )
    if held["first"] is not None:
        return day_of(held["first"]), day_of(held["last"])
    return days_with_data(rules, point) if unjudged else None


def _merged(todo: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one stretch for each element."""
    merged: dict[str, dict[str, Any]] = {}
    for one in todo:
        held = merged.setdefault(one["element"], one)
        held["first"], held["last"] = min(held["first"], one["first"]), max(held["last"], one["last"])
    return list(merged.values())


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


def follow_changes(seconds: float) -> int:
    """Evaluate again, newest month first, what changed rules and registry rows touch, for about `seconds`.

    Returns the number of new results.
    """
    noticed = ((RULES, notice_rules), (REGISTRY, notice_registry), (PROGRAM, notice_program))
    for name, notice in noticed:
        isolating.guarded(name, Failure.Step.CHANGES, notice)
    begun = clock().monotonic()
    made = 0
    for change in RuleChange.objects.exclude(todo=[]).order_by("id"):
        while change.todo and (made == 0 or clock().monotonic() - begun < seconds):
            done = isolating.guarded(
                change.todo[0]["element"], Failure.Step.CHANGES, partial(_follow_one, change)
            )
            if done is None:
                break  # tried again at the next run; the changes after it do not wait
            made += done
    return made


def _follow_one(change: RuleChange) -> int:
    """Evaluate the newest month of the first stretch a change asks for; return how many results are new."""
    one = change.todo[0]
    first, last = date.fromisoformat(one["first"]), date.fromisoformat(one["last"])
    begin = max(first, month_of(last))
    points = set(one["points"]) if "points" in one else None
    results = evaluate(one["element"], begin, last, points, cause=change)
    _note(change, one["element"], begin, last, len(results))
    if begin > first:
        one["last"] = (begin - timedelta(days=1)).isoformat()
    else:
        change.todo = change.todo[1:]
        afterwards(one["element"], points)
    change.save(update_fields=["todo", "done"])
    return len(results)


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

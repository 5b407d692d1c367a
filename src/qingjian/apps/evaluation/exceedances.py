"""Runs of exceeding periods, kept in step with the current evaluations, and the findings they become."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from qingjian.apps.evaluation import amounts, words
from qingjian.apps.evaluation.bounds import shown, sides_of
from qingjian.apps.evaluation.drafts import day_of, midnight, next_month
from qingjian.apps.evaluation.models import Evaluation, Exceedance
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
KINDS = {
    "outlet_hour": "hour",
    "outlet_day": "day",
    "outlet_month": "month",
    "outlet_year": "year",
    "outlet_sample": "sample",
}
ALERTED_FOR = timedelta(days=7)
"""Runs that ended longer ago than this when they are found are listed and stated, but ask nobody."""
STILL_RUNNING = {
    "hour": timedelta(hours=3),
    "day": timedelta(days=2),
    "month": timedelta(days=33),
    "year": timedelta(days=368),
    "sample": timedelta(0),
}
"""How long after its last period a run goes on: until the next period is over and judged. A sample says nothing of later."""
RIGHT_NOW = ("hour", "day")
"""Periods so short that a run that goes on says that an outlet exceeds at this moment."""
CRITICAL_FROM = 1.0
"""Times above the limit from which an exceedance is critical."""


def rebuild(points: set[int] | None, book: Rulebook) -> None:
    """Make the runs of points (all when None) follow from their current evaluations; state what changed."""
    chosen = Point.objects.filter(outlet__isnull=False)
    if points is not None:
        chosen = chosen.filter(pk__in=points)
    for point in chosen:
        _rebuild_point(point)
    near = amounts.warnings(points, book)
    if near:
        stores.findings().append(near)


def _rebuild_point(point: Point) -> None:
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for kind, averaging in KINDS.items():
        rows = Evaluation.objects.filter(point=point, kind=kind, superseded_at=None, start__lt=now())
        for run in _runs(rows.order_by("start").only("pk", "start", "result"), averaging):
            wanted[
                _key(run["series_id"], run["limit_id"], run["rule"], averaging, run["start"], run["marked"])
            ] = run
    codes = dict(Series.objects.filter(point=point).values_list("pk", "code"))
    gone, changed, findings = [], [], []
    present = list(Exceedance.objects.filter(point=point))
    parted = {_beside(one) for one in present if not one.marked and not one.finding}
    for held in present:
        run = wanted.pop(_key_of(held), None)
        if run is None:
            gone.append(held)
            findings += _withdrawn(held, codes)
        elif any(getattr(held, name) != value for name, value in run.items()) or _beside(held) in parted:
            for name, value in run.items():
                setattr(held, name, value)
            fresh_id = not held.finding
            held.finding = held.finding or _finding_id(_key_of(held), codes)
            changed.append(held)
            findings += _stated(held, codes, asked=fresh_id)
    fresh = [
        Exceedance(point=point, averaging=key[3], finding=_finding_id(key, codes), **run)
        for key, run in wanted.items()
    ]
    for one in fresh:
        findings += _stated(one, codes)
    # Stated first: their ids are fixed, so that a stop in between only makes the next run state them again.
    if findings:
        stores.findings().append(findings)
    with transaction.atomic():
        Exceedance.objects.filter(pk__in=[one.pk for one in gone]).delete()
        for one in changed:
            one.save()
        Exceedance.objects.bulk_create(fresh)


def _runs(rows: Any, averaging: str) -> list[dict[str, Any]]:
    """Group consecutive exceeding periods by series, limit and whether they count."""
    open_runs: dict[tuple[int, int | None, str, bool], dict[str, Any]] = {}
    done = []
    for row in rows:
        for item in row.result.get("items", ()):
            if not item.get("exceeds"):
                continue
            key = (item["series"], item["limit"], item.get("rule", ""), not item["counts"])
            run = open_runs.get(key)
            if run is not None and run["end"] == row.start:
                run["end"] = _end(row.start, averaging)
                run["periods"] += 1
                if _worse(item, run):
                    run.update(peak=shown(item), multiple=item["multiple"], evaluation_id=row.pk)
            else:
                if run is not None:
                    done.append(run)
                open_runs[key] = {
                    "series_id": item["series"],
                    "limit_id": item["limit"],
                    "rule": item.get("rule", ""),
                    "held_against": _held_against(item),
                    "start": row.start,
                    "end": _end(row.start, averaging),
                    "periods": 1,
                    "peak": shown(item),
                    "multiple": item["multiple"],
                    "marked": not item["counts"],
                    "reason_zh": item.get("zh", "")[:200],
                    "reason_en": item.get("en", "")[:200],
                    "evaluation_id": row.pk,
                }
    done += open_runs.values()
    moment = now()
    for run in done:
        run["running"] = moment - run["end"] < STILL_RUNNING[averaging]
    return done


def _end(start: datetime, averaging: str) -> datetime:
    """Return the end of the period that begins at a moment, not included."""
    if averaging in LENGTHS:
        return start + LENGTHS[averaging]
    day = day_of(start)
    if averaging == "sample":
        return midnight(day + timedelta(days=1))
    return midnight(next_month(day) if averaging == "month" else date(day.year + 1, 1, 1))


def _key(*parts: Any) -> tuple[Any, ...]:
    """Series, permit limit, rulebook row, averaging period, start, marked: what makes a run the same run."""
    return parts


def _key_of(held: Exceedance) -> tuple[Any, ...]:
    return _key(held.series_id, held.limit_id, held.rule, held.averaging, held.start, held.marked)


def _beside(held: Exceedance) -> tuple[int, str, datetime]:
    """What runs of one series against several limits share. Earlier versions stated them under one finding.

    The run that keeps its id is stated again with the ones that part from it (migration 0011 left these without id).
    """
    return (held.series_id, held.averaging, held.start)


def _held_against(item: dict[str, Any]) -> str:
    text = f"{item['bounds']} {item['unit']}".strip()
    return f"{text} ({item['document']})"[:300] if item.get("document") else text


def _worse(item: dict[str, Any], run: dict[str, Any]) -> bool:
    """Say whether a value lies farther beyond its limit than the peak of the run.

    Ranges and lower limits (pH, dissolved oxygen) have no multiple: how far the value lies outside decides.
    """
    if item["multiple"] is not None and run["multiple"] is not None:
        return bool(item["multiple"] > run["multiple"])
    return beyond(item["value"], item["bounds"]) > beyond(run["peak"], item["bounds"])


def beyond(value: float, bounds: str) -> float:
    """Return how far a value lies outside its bounds as stored (≤50, 6–9, ≥5); 0 within them."""
    low, high = sides_of(bounds)
    return max(low - value, value - high, 0.0)


def _rule(averaging: str) -> str:
    return f"exceedance-{averaging}"


def _finding_id(key: tuple[Any, ...], codes: dict[int, str]) -> str:
    series, limit, row, averaging, start, marked = key
    if marked:
        return ""
    about = row if limit is None else f"limit {limit} {row}".strip()
    return finding_id(_rule(averaging), words.RULE_VERSION, codes[series], start, about)


def _stated(run: Exceedance, codes: dict[int, str], *, asked: bool = False) -> list[Finding]:
    """State a run; `asked`: a finding it shared with another limit has asked people already, so only what lasts asks."""
    if run.marked:
        return []
    severity = "critical" if (run.multiple or 0) >= CRITICAL_FROM else "major"
    if now() - run.end > ALERTED_FOR or (asked and not run.running):
        severity = "information"
    return [_finding(run, codes, None if run.running else run.end, severity, {})]


def _withdrawn(run: Exceedance, codes: dict[int, str]) -> list[Finding]:
    """End what was stated: its periods no longer exceed, or carry a mark now."""
    if not run.finding:
        return []
    severity = "information" if now() - run.end > ALERTED_FOR else "minor"
    return [_finding(run, codes, run.end, severity, {"withdrawn": True})]


def _finding(
    run: Exceedance, codes: dict[int, str], end: datetime | None, severity: str, more: dict[str, Any]
) -> Finding:
    evidence = {
        "evaluation": run.evaluation_id,
        "limit": run.limit_id,
        "held_against": run.held_against,
        "periods": run.periods,
        "peak": run.peak,
        "multiple": run.multiple,
        **more,
    }
    return Finding(
        run.finding,
        _rule(run.averaging),
        words.RULE_VERSION,
        codes[run.series_id],
        "series",
        run.start,
        end,
        severity,
        evidence,
        now(),
    )

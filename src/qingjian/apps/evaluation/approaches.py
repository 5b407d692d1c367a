"""Warnings before a limit is reached, at outlets and stations: found on the newest values, followed to their end, counted as right or false."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Min

from qingjian.apps.evaluation import outlets, words
from qingjian.apps.evaluation.bounds import Bound, as_registered
from qingjian.apps.evaluation.drafts import day_of, midnight, settled
from qingjian.apps.evaluation.models import Evaluation, TrendWarning
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import stores
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.approach import (
    Allowed,
    Approach,
    Side,
    WarningRules,
    approaching,
    warning_rules,
)
from qingjian.standards.errors import InputError

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
FOLLOWED = {"hour": timedelta(hours=48), "day": timedelta(days=14)}
"""How far back warnings are worked out anew; earlier ones stay as they were."""
ALERTED_FOR = {"hour": timedelta(hours=12), "day": timedelta(days=3)}
"""A warning that ended longer ago than this when it is found is listed, but asks nobody."""


@dataclass
class Track:
    """Values of one series against its strictest limit; `raw` with, `used` without what marks leave out."""

    series: Series
    bound: Bound
    averaging: str
    start: datetime
    raw: np.ndarray
    used: np.ndarray
    unit: str = ""
    """Unit of values and limit; that of the series when empty."""

    def value(self, place: int) -> Decimal | None:
        one = float(self.used[place])
        return Decimal(repr(settled(one))) if one == one else None


def rebuild(points: set[int] | None, book: Rulebook) -> None:
    """Work out the warnings of points (all when None) from their newest values; state what changed."""
    chosen = [one for one in outlets.outlets(book) if points is None or one.point.pk in points]
    if not chosen:
        return
    for averaging in LENGTHS:
        rules = warning_rules(averaging, rulebook=book.on(day_of(now())))
        begin = began([one.point for one in chosen], averaging)
        for outlet, tracks in _tracks(book, chosen, averaging, rules, begin):
            follow(outlet.point, averaging, tracks, rules, begin, book)


def follow(
    point: Point,
    averaging: str,
    tracks: Sequence[Track],
    rules: WarningRules,
    begin: datetime,
    book: Rulebook,
) -> None:
    """Work out the warnings of one point from its tracks; state what changed."""
    found = [run for track in tracks for run in _runs(track, rules, begin, book)]
    _keep(point, averaging, begin, found)


def began(points: Sequence[Point], averaging: str) -> datetime:
    """Return from when on warnings are worked out: a running one is followed from its start."""
    running = TrendWarning.objects.filter(
        point__in=points, averaging=averaging, outcome=TrendWarning.Outcome.RUNNING
    )
    oldest = running.aggregate(oldest=Min("start"))["oldest"]
    usual = now() - FOLLOWED[averaging]
    return usual if oldest is None else min(usual, oldest)


def _tracks(
    book: Rulebook, chosen: Sequence[outlets.Outlet], averaging: str, rules: WarningRules, begin: datetime
) -> Iterator[tuple[outlets.Outlet, list[Track]]]:
    today = day_of(now())
    first = day_of(begin - (rules.window + rules.in_a_row) * LENGTHS[averaging])
    if averaging == "hour":
        block = outlets.Block(book, chosen, first, today)
        for outlet in chosen:
            tracks = []
            for series, converted, held in outlet.held(today, "hour", book):
                if allowed(held[0]) is not None:
                    raw, used = (held[0].times * one for one in block.judged(outlet, series, converted))
                    tracks.append(Track(series, held[0], averaging, midnight(first), raw, used))
            yield outlet, tracks
        return
    days = (today - first).days + 1
    for outlet in chosen:
        rows = Evaluation.objects.filter(
            kind="outlet_day", superseded_at=None, point=outlet.point, start__gte=midnight(first)
        )
        values: dict[int, np.ndarray] = {}
        for start, result in rows.values_list("start", "result"):
            for item in result.get("items", ()):
                line = values.setdefault(item["series"], np.full(days, np.nan))
                value = as_registered(item)
                if value is not None:
                    line[(day_of(start) - first).days] = value
        tracks = [
            Track(series, held[0], averaging, midnight(first), line, line)
            for series, _converted, held in outlet.held(today, "day", book)
            if allowed(held[0]) is not None and series.pk in values
            for line in (held[0].times * values[series.pk],)
        ]
        yield outlet, tracks


def allowed(bound: Bound) -> Allowed | None:
    """Return what a limit allows, for the trend towards it; None for a limit of zero, which has no way towards it."""
    sides = [None if one is None else Decimal(repr(one)) for one in (bound.upper, bound.lower)]
    try:
        return Allowed(*sides)
    except InputError:
        return None


def _runs(track: Track, rules: WarningRules, begin: datetime, book: Rulebook) -> Iterator[dict[str, Any]]:
    """Yield the warnings that start after `begin`: from the period that completes `in_a_row` to the one that ends them.

    A warning ends when the limit it speaks of is passed (right), when the value is back before the warning line or the
    movement is over and the horizon has gone by (false), and goes on while neither has happened.
    """
    length = LENGTHS[track.averaging]
    limits = allowed(track.bound)
    if limits is None:
        return
    agreeing = 0
    open_run: dict[str, Any] | None = None
    side: Side | None = None
    last_warned = -1
    newest = _newest(track.used)
    first = max(0, int((begin - track.start) / length) - rules.in_a_row)
    for place in range(first, newest + 1):
        value = track.value(place)
        if open_run is not None:
            ending = _ending(value, limits, side, place - last_warned, rules)
            if ending:
                yield {**open_run, "end": track.start + (place + 1) * length, "outcome": ending}
                open_run, agreeing = None, 0
                continue
        if value is None or limits.passed(value) or not _near(value, limits, rules):
            agreeing = 0
            continue
        window = [track.value(one) for one in range(max(0, place - rules.window + 1), place + 1)]
        found = approaching(window, limits, rules, unit=track.unit or track.series.unit, rulebook=book)
        agreeing = agreeing + 1 if found.warns else 0
        if found.warns:
            last_warned = place
        if open_run is None and agreeing >= rules.in_a_row:
            open_run, side = _opened(track, place, found, length), found.side
        elif open_run is not None and found.warns:
            open_run["share"] = max(open_run["share"], float(found.share or 0))
    if open_run is not None:
        yield {
            **open_run,
            "end": track.start + (newest + 1) * length,
            "outcome": TrendWarning.Outcome.RUNNING,
        }


def _newest(values: np.ndarray) -> int:
    known = np.flatnonzero(np.isfinite(values))
    return int(known[-1]) if len(known) else -1


def _near(value: Decimal, limits: Allowed, rules: WarningRules) -> bool:
    share = limits.share(value)
    return share is None or share >= rules.share


def _ending(
    value: Decimal | None, limits: Allowed, side: Side | None, since: int, rules: WarningRules
) -> str:
    """A missing value ends nothing before the horizon has gone by."""
    if value is not None:
        if limits.side(value) != side:
            return TrendWarning.Outcome.PASSED
        if limits.passed(value):
            return TrendWarning.Outcome.REACHED
        if not _near(value, limits, rules):
            return TrendWarning.Outcome.PASSED
    return TrendWarning.Outcome.PASSED if since > rules.horizon else ""


def _opened(track: Track, place: int, found: Approach, length: timedelta) -> dict[str, Any]:
    return {
        "series": track.series,
        "limit": track.bound.limit,
        "rule": track.bound.rule,
        "held_against": f"{track.bound.text} {track.unit or track.series.unit} ({track.bound.document})"[
            :300
        ],
        "start": track.start + place * length,
        "share": float(found.share or 0),
        "value": float(track.used[place]),
        "slope": float(found.slope or 0),
        "expected_at": track.start + (place + 1) * length + float(found.ahead or 0) * length,
        "trace": found.trace.to_dict(),
    }


def _keep(point: Point, averaging: str, begin: datetime, found: list[dict[str, Any]]) -> None:
    """Store what is new or different, take back what late data or marks have undone, and state all of it."""
    held = {
        (one.series_id, one.start): one
        for one in TrendWarning.objects.select_related("series").filter(
            point=point, averaging=averaging, start__gte=begin
        )
    }
    changed: list[TrendWarning] = []
    for run in found:
        if run["start"] < begin:
            continue
        one = held.pop((run["series"].pk, run["start"]), None)
        if one is None:
            one = TrendWarning(point=point, averaging=averaging)
            # The averaging period belongs to the id: an hour and a day may begin at the same midnight.
            rule = f"{words.TREND_RULE}-{averaging}"
            one.finding = finding_id(rule, words.RULE_VERSION, run["series"].code, run["start"])
        elif all(getattr(one, name) == run[name] for name in ("end", "outcome", "share", "held_against")):
            continue
        for name, value in run.items():
            setattr(one, name, value)
        changed.append(one)
    gone = [one for one in held.values() if one.outcome != TrendWarning.Outcome.WITHDRAWN]
    for one in gone:
        one.outcome = TrendWarning.Outcome.WITHDRAWN
    findings = [_finding(one) for one in (*changed, *gone)]
    if findings:
        stores.findings().append(findings)
    with transaction.atomic():
        for one in (*changed, *gone):
            one.save()


def _finding(one: TrendWarning) -> Finding:
    running = one.outcome == TrendWarning.Outcome.RUNNING
    recent = now() - one.end < ALERTED_FOR[one.averaging]
    evidence = {
        "held_against": one.held_against,
        "value": one.value,
        "share_percent": one.share,
        "slope": one.slope,
        "expected_at": one.expected_at.isoformat(),
        "outcome": str(one.outcome),
    }
    return Finding(
        one.finding,
        words.TREND_RULE,
        words.RULE_VERSION,
        one.series.code,
        "series",
        one.start,
        None if running else one.end,
        "minor" if recent and one.outcome != TrendWarning.Outcome.WITHDRAWN else "information",
        evidence,
        now(),
    )

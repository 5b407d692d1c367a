"""Screening of the stored series: learn what is normal, score the days, hand over what stands out."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import structlog

from qingjian.apps.integrity import panels, witnesses
from qingjian.apps.integrity.models import RuleSet, ScoreMonth
from qingjian.apps.integrity.panels import Group, day_number, day_of
from qingjian.apps.integrity.services import results, rulesets
from qingjian.apps.integrity.statements import Drawing, finding_record
from qingjian.screening.findings import Finding
from qingjian.screening.learning import Learned
from qingjian.screening.panel import MEASURED, Panel, PanelError
from qingjian.screening.record import Record
from qingjian.screening.screen import Screening, Settings, learn_history, screen

log = structlog.get_logger()
LOOK_BACK = timedelta(days=1100)
"""How much history is read: screening itself uses no more."""
LEAST_HISTORY = 150
"""Days that teach what is normal before anything is screened on a node that has a past."""
FIRST_SCREENED = 365
"""The first screening of a node looks at so many days at most."""
NEW_VALUES = 24
"""So many hours that came since a month was screened are worth looking at it again."""
REHEARSED = 15_000
"""Series-days rehearsed when learning: bounds the time; the library's own default takes several times as long."""

_learned: dict[tuple[str, int, int], Learned | None] = {}
"""What was learned, by group, first day screened and number of clues that were left out; one window is kept."""


def run(
    until: date | None = None,
    look_back: timedelta = LOOK_BACK,
    stopping: Callable[[], bool] = lambda: False,
    leave_out: panels.LeaveOut | None = None,
) -> str:
    """Screen every group up to a natural day (yesterday) and return a sentence for the page of tasks.

    `leave_out` says which hours are not looked at.
    """
    begun = time.monotonic()
    until = until or panels.yesterday()
    rules = rulesets.active()
    totals = results.Totals()
    for group in panels.groups():
        if stopping():
            break
        try:
            screen_group(group, until, look_back, rules, totals, leave_out)
        except PanelError as error:
            totals.problems.append(f"{group.code}: {error}")
        except Exception as error:
            # One panel that cannot be screened must not keep the others from it.
            log.exception("panel not screened", panel=group.code)
            totals.problems.append(f"{group.code}: {type(error).__name__}: {error}"[:300])
    results.judge_all(rules)
    return totals.sentence(time.monotonic() - begun)


def first_screened(group: Group, whole: Panel, until: date) -> date:
    """Return the day from which a group is screened.

    That is the month before; the first time a longer past, back from the last day with values where the group has fallen
    silent; and where values of an earlier month were never looked at (the node was off, a point is new, values came late),
    that month. At most FIRST_SCREENED days are looked at.
    """
    panel_first = day_of(whole.first_day)
    new = not ScoreMonth.objects.filter(series__in=group.places.values()).exists()
    if new:
        until = min(until, day_of(whole.first_day + whole.days - 1))
    month = until.replace(day=1)
    usual = (month - timedelta(days=1)).replace(day=1)
    past = max(panel_first + timedelta(days=LEAST_HISTORY), until - timedelta(days=FIRST_SCREENED))
    if new:
        return min(past, usual) if panel_first < usual else panel_first
    missed = [month for month in _missed(group, whole) if past <= month < usual]
    return max(min([usual, *missed]), panel_first)


def _missed(group: Group, whole: Panel) -> list[date]:
    """Return the months in which a screened series has values that no screening looked at: a day's worth, or all."""
    looked_at = {
        (one.series_id, one.month): one.values
        for one in ScoreMonth.objects.filter(series__in=group.places.values())
    }
    return sorted(
        {
            month
            for (series, month), values in _values(group, whole).items()
            if (series, month) not in looked_at or values >= looked_at[series, month] + NEW_VALUES
        }
    )


def screen_group(
    group: Group,
    until: date,
    look_back: timedelta,
    rules: RuleSet,
    totals: results.Totals,
    leave_out: panels.LeaveOut | None = None,
) -> None:
    """Screen one group and store what came of it. Raises PanelError when its data cannot be screened."""
    totals.left_out.extend(group.left_out)
    whole = panels.read(group, until - look_back, until, leave_out)
    first = first_screened(group, whole, until)
    if day_number(first) >= whole.first_day + whole.days:
        raise PanelError(f"{first} 起没有任何数值 / no values since {first}")
    history = panels.without_clues(group, whole.until(day_number(first) - 1))
    panel = whole.since(whole.first_day + whole.days - day_number(first))
    learned = _learn(group, day_number(first), history)
    settings = Settings(rules.budget, REHEARSED)
    found = screen(panel, learned, settings)
    totals.groups += 1
    totals.series += len(group.places)
    drawing = Drawing(panel, learned)
    _keep_scores(group, panel, found, first, until)
    known = panel.first_day - whole.first_day
    run = results.Screened(
        group,
        found,
        drawing,
        first,
        until,
        rules,
        lambda series: _taught(history, learned, *group.place(series)),
        lambda occasion, begin, end: witnesses.occasion_within(group, known, occasion, begin, end),
    )
    joined = witnesses.heard(group, known, panel, learned, found.findings, until)
    results.store(run, _hits(group, joined), totals)


def _taught(history: Panel, learned: Learned | None, station: str, factor: str) -> dict[str, Any]:
    """Return how many days of its own past a series has, and from when to when it was learned.

    Where something was learned, days that were left out (another unit, another clock) are not counted; where nothing was,
    the screened days were their own measure and no period is named.
    """
    taught: Panel | Record = history if learned is None else learned.history
    i = [one.code for one in taught.stations].index(station)
    j = [one.code for one in taught.parameters].index(factor)
    days = np.flatnonzero(np.isfinite(taught.values[i, j]).reshape(taught.days, taught.per_day).any(axis=1))
    if learned is None or not len(days):
        return {"days": len(days)}
    first, last = day_of(taught.first_day + int(days[0])), day_of(taught.first_day + int(days[-1]))
    return {"days": len(days), "from": first.isoformat(), "to": last.isoformat()}


def _learn(group: Group, boundary: int, history: Panel) -> Learned | None:
    key = (group.code, boundary, hash(history.values.tobytes()))
    if key not in _learned:
        for old in [one for one in _learned if one[0] == group.code]:
            del _learned[old]
        _learned[key] = learn_history(history, REHEARSED)
    return _learned[key]


def _hits(group: Group, found: Sequence[Finding]) -> list[results.Hit]:
    hits = []
    for one in found:
        series = group.places.get((one.station, one.parameter))
        if series is None:
            continue
        hits.append(
            results.Hit(
                series,
                witnesses.rule_of(one),
                one.kind,
                one.first_day,
                one.last_day,
                finding_record(group, one, series),
                finding=one,
            )
        )
    return hits


def _keep_scores(group: Group, panel: Panel, found: Screening, first: date, until: date) -> None:
    """Store the scores by series and month: what was said of a day is replaced by what is known of it now."""
    measured = sum(one.role == "measured" for one in panel.parameters)
    values = _values(group, panel)
    own_reference = any(note.startswith("没有可用的历史数据") for note in found.notes)
    rows: dict[tuple[int, date], dict[str, Any]] = defaultdict(
        lambda: {"scores": [None] * 31, "faults": [None] * 31, "kinds": [""] * 31}
    )
    for day in found.days:
        series = group.places.get((day.station, day.parameter))
        if series is None:
            continue
        at = date.fromisoformat(day.day)
        row = rows[series.pk, at.replace(day=1)]
        row["scores"][at.day - 1] = round(day.score, 9)
        row["faults"][at.day - 1] = round(day.fault_score, 9)
        row["kinds"][at.day - 1] = day.kind
        row["lowered"] = results.lowered(found.notes, day.station, day.parameter)
    for month in found.months:
        series = group.places.get((month.station, month.parameter))
        key = (series.pk, date.fromisoformat(f"{month.month}-01")) if series else None
        if key in rows:
            rows[key].update(month_score=round(month.score, 9), month_kind=month.kind)
    for key in values:
        # A month whose values allow no score was looked at all the same.
        rows[key].setdefault("lowered", own_reference)
    results.keep_scores(rows, measured, values, first, until)


def _values(group: Group, panel: Panel) -> dict[tuple[int, date], int]:
    """Return how many values of each screened series and month there are, where there are any."""
    counts: dict[tuple[int, date], int] = defaultdict(int)
    usable = np.isfinite(panel.values).reshape(*panel.values.shape[:2], panel.days, -1).sum(axis=3)
    for i, station in enumerate(panel.stations):
        for j, parameter in enumerate(panel.parameters):
            series = group.places.get((station.code, parameter.code))
            if series is None or parameter.role != MEASURED:
                continue
            for k in np.flatnonzero(usable[i, j]).tolist():
                counts[series.pk, day_of(panel.first_day + k).replace(day=1)] += int(usable[i, j, k])
    return counts

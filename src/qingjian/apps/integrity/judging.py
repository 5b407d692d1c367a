"""From scores and findings to suspects and clues under a rule set: pure functions, the same for the job and for trials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from qingjian.apps.integrity.models import RuleSet, ScoreMonth, Suspect
from qingjian.apps.integrity.panels import day_number, day_of
from qingjian.apps.integrity.words import DAY, MONTH
from qingjian.screening.budget import alarm_score
from qingjian.screening.findings import stretches
from qingjian.screening.screen import LOWERED


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one series that a rule set would call suspect."""

    series: int
    rule: str
    kind: str
    first: date
    last: date
    score: float
    fault_score: float
    weak: bool


def month_alarm(rules: RuleSet, lowered: bool) -> float:
    """Return the score from which a month is suspect."""
    return (1 - rules.month_share / 100) * (LOWERED if lowered else 1.0)


def outcome(
    rules: RuleSet,
    rule: str,
    kind: str,
    days: int,
    *,
    fault: bool,
    weak: bool,
    muted: Collection[tuple[str, str]] = (),
) -> str:
    """Return what becomes of a suspect under a rule set: a clue, or why it asks nobody."""
    if fault and not rules.faults_as_clues:
        return Suspect.Outcome.FAULT
    if weak and not rules.weak_as_clues:
        return Suspect.Outcome.WEAK
    if kind in rules.kinds_off:
        return Suspect.Outcome.KIND_OFF
    if days < rules.least_days and rule == DAY:
        return Suspect.Outcome.SHORT
    if (rule, kind) in muted:
        return Suspect.Outcome.MUTED
    return Suspect.Outcome.CLUE


def suspects_of(rules: RuleSet, months: Iterable[ScoreMonth], first: date, last: date) -> list[Stretch]:
    """Return what a rule set finds in stored scores between two days; twins need the data and are not among them."""
    found: list[Stretch] = []
    ordered = sorted(months, key=lambda one: (one.series_id, one.month))
    for series, rows in groupby(ordered, key=lambda one: one.series_id):
        own = list(rows)
        days = _day_stretches(rules, series, own, first, last)
        found.extend(days)
        for one in own:
            end = day_of(day_number(one.month) + len(one.scores) - 1)
            if one.month_score is None or one.month < first or end > last:
                continue
            if one.month_score < month_alarm(rules, one.lowered):
                continue
            # Days that are suspect by themselves are confirmed by the month, not counted twice.
            if not any(day.first <= end and day.last >= one.month for day in days):
                fault = _fault_of(one)
                found.append(
                    Stretch(
                        series, MONTH, one.month_kind, one.month, end, one.month_score, fault, one.lowered
                    )
                )
    return found


def _fault_of(month: ScoreMonth) -> float:
    """Return the fault score of a month: that of its ten strongest days, as the month itself is made."""
    held = sorted(
        (
            (score, fault)
            for score, fault in zip(month.scores, month.faults, strict=True)
            if score is not None and fault is not None
        ),
        reverse=True,
    )[:10]
    return float(np.mean([fault for _score, fault in held])) if held else 0.0


def _day_stretches(
    rules: RuleSet, series: int, months: Sequence[ScoreMonth], first: date, last: date
) -> list[Stretch]:
    begin = day_number(first)
    length = day_number(last) - begin + 1
    score, fault = np.full(length, np.nan), np.full(length, np.nan)
    kinds = [""] * length
    lowered = np.zeros(length, bool)
    alarm = np.zeros(length, bool)
    for one in months:
        limit = alarm_score(rules.budget, one.measured) * (LOWERED if one.lowered else 1.0)
        for k, value in enumerate(one.scores):
            at = day_number(one.month) + k - begin
            if value is None or not 0 <= at < length:
                continue
            score[at], kinds[at] = value, one.kinds[k]
            fault[at] = one.faults[k] if one.faults[k] is not None else 0.0
            alarm[at] = value >= limit
            lowered[at] = one.lowered
    found = []
    for a, b in stretches(alarm):
        part = slice(a, b + 1)
        named = sorted(name for name in kinds[part] if name)
        found.append(
            Stretch(
                series,
                DAY,
                max(named, key=named.count) if named else "",
                day_of(begin + a),
                day_of(begin + b),
                float(np.nanmax(score[part])),
                float(np.nanmax(fault[part])),
                bool(lowered[part].any()),
            )
        )
    return found

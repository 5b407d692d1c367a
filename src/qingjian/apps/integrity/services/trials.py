"""Trials: a rule set run over the stored scores of the last year, beside the one in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.integrity import judging
from qingjian.apps.integrity import rules as rights
from qingjian.apps.integrity.judging import Stretch
from qingjian.apps.integrity.models import RuleSet, ScoreMonth, Suspect, Trial
from qingjian.apps.integrity.panels import day_number, yesterday
from qingjian.apps.integrity.precision import silenced
from qingjian.apps.integrity.services import muting, rulesets
from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

YEAR = timedelta(days=365)
SHOWN = 200
"""Differences that are kept one by one; the numbers count all."""


def run(author: Any, rules: RuleSet, until: date | None = None) -> Trial:
    """Try a rule set over the last year that is scored and keep the numbers beside those of the rule set in force."""
    rights.require_rules(author)
    until = until or yesterday()
    months = list(ScoreMonth.objects.filter(month__gt=until - YEAR - timedelta(days=31), month__lte=until))
    if not months:
        raise ValidationError(
            _("Nothing is scored yet: the first screening has to end before rules can be tried.")
        )
    first = max(until - YEAR + timedelta(days=1), min(one.month for one in months))
    against = rulesets.active()
    # Each is tried with its own floor: what it would mute at once asks nobody.
    present, tried = (
        _judged(one, silenced(one, muting.below_floor(one)), months, first, until) for one in (against, rules)
    )
    points = dict(
        Series.objects.filter(pk__in={one.series_id for one in months}).values_list("pk", "point_id")
    )
    result = {
        "series": len({one.series_id for one in months}),
        "values": sum(one.values for one in months),
        "present": _numbers(present, points),
        "tried": _numbers(tried, points),
        "decided": _decided(present, tried, first, until),
        **_differences(present, tried),
    }
    return Trial.objects.create(
        rules=rules, against=against, first_day=first, last_day=until, result=result, author=author, at=now()
    )


def _judged(
    rules: RuleSet,
    muted: Collection[tuple[str, str]],
    months: Sequence[ScoreMonth],
    first: date,
    until: date,
) -> list[tuple[Stretch, str]]:
    return [
        (
            one,
            str(
                judging.outcome(
                    rules,
                    one.rule,
                    one.kind,
                    (one.last - one.first).days + 1,
                    fault=one.fault_score > one.score,
                    weak=one.weak,
                    muted=muted,
                )
            ),
        )
        for one in judging.suspects_of(rules, months, first, until)
    ]


def _clues(found: Iterable[tuple[Stretch, str]]) -> list[Stretch]:
    return [one for one, outcome in found if outcome == Suspect.Outcome.CLUE]


def _joined(found: Sequence[Stretch], points: Mapping[int, int]) -> list[Stretch]:
    """Return one stretch a clue: factors of one point on the same days are one, the strongest speaks for it."""
    leads: dict[int, list[Stretch]] = {}
    for one in sorted(found, key=lambda one: (-one.score, one.series, one.first)):
        own = leads.setdefault(points[one.series], [])
        if not any(
            lead.series != one.series and lead.first <= one.last and one.first <= lead.last for lead in own
        ):
            own.append(one)
    return [one for own in leads.values() for one in own]


def _numbers(found: Sequence[tuple[Stretch, str]], points: Mapping[int, int]) -> dict[str, Any]:
    clues = _joined(_clues(found), points)
    return {
        "suspects": len(found),
        "clues": len(clues),
        "by_rule": sorted(
            [rule, kind, count]
            for (rule, kind), count in Counter((one.rule, one.kind) for one in clues).items()
        ),
        "outcomes": sorted([name, count] for name, count in Counter(name for _one, name in found).items()),
    }


def _decided(
    present: Sequence[tuple[Stretch, str]], tried: Sequence[tuple[Stretch, str]], first: date, until: date
) -> dict[str, list[int]]:
    """Return for confirmed and dismissed clues of the time: how many there are, how many each rule set finds again."""
    rows = Clue.objects.filter(start__date__gte=first, start__date__lte=until).exclude(state=Clue.State.OPEN)
    counts = {Clue.State.CONFIRMED: [0, 0, 0], Clue.State.DISMISSED: [0, 0, 0]}
    for clue in rows.exclude(series=None):
        begin, end = clue.start.astimezone(CHINA).date(), (clue.end or clue.start).astimezone(CHINA).date()
        counts[clue.state][0] += 1
        for k, found in ((1, present), (2, tried)):
            counts[clue.state][k] += any(
                one.series == clue.series_id and one.first <= end and begin <= one.last
                for one in _clues(found)
            )
    return {str(state): numbers for state, numbers in counts.items()}


def _differences(
    present: Sequence[tuple[Stretch, str]], tried: Sequence[tuple[Stretch, str]]
) -> dict[str, list[list[Any]]]:
    """Return the clues that only one of the two finds, strongest first."""
    old, new = _clues(present), _clues(tried)
    return {"only_tried": _alone(new, old), "only_present": _alone(old, new)}


def _alone(found: Sequence[Stretch], others: Sequence[Stretch]) -> list[list[Any]]:
    by_series: dict[int, list[tuple[int, int]]] = {}
    for one in others:
        by_series.setdefault(one.series, []).append((day_number(one.first), day_number(one.last)))
    alone = [
        one
        for one in found
        if not any(
            a <= day_number(one.last) and day_number(one.first) <= b for a, b in by_series.get(one.series, ())
        )
    ]
    names = {
        one.pk: (one.code, one.point.name, one.factor.name_zh, one.factor.name_en, one.origin == "simulated")
        for one in Series.objects.filter(pk__in={one.series for one in alone}).select_related(
            "point", "factor"
        )
    }
    return [
        [
            *names[one.series],
            one.rule,
            one.kind,
            one.first.isoformat(),
            one.last.isoformat(),
            round(one.score, 5),
        ]
        for one in sorted(alone, key=lambda one: -one.score)[:SHOWN]
    ]

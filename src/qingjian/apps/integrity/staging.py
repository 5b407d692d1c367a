"""What was staged in the past of a demo node, and what screening said of it: the demo may not promise more than it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from qingjian.apps.integrity import queries
from qingjian.apps.integrity.models import RuleSet, ScoreMonth, Suspect
from qingjian.apps.integrity.words import english
from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries as observing
from qingjian.contracts.clock import CHINA
from qingjian.screening.budget import alarm_score
from qingjian.simulator.staging import Staged, staged_in
from qingjian.simulator.tampering import KINDS


@dataclass(frozen=True, slots=True)
class Told:
    """One staged stretch: the series it shows in, its days, what was done, and what came of it."""

    series: list[Series]
    first: date
    last: date
    what: str
    fault: bool
    """Honest trouble is staged, no falsification: nobody should be asked."""
    suspects: list[Suspect]
    score: float | None
    """Highest score of its days; None where none of them was scored."""
    alarm: float
    """Score from which a day is suspect under the rule set in force."""
    trouble: bool
    """Screening takes it for instrument trouble."""

    @property
    def answers(self) -> list[tuple[Suspect, list[str]]]:
        """The suspects, one a clue, each with the factors it holds for; the strongest first."""
        found: dict[tuple[Any, ...], tuple[Suspect, list[str]]] = {}
        for one in self.suspects:
            key = (one.clue_id,) if one.clue_id else (None, one.pk)
            found.setdefault(key, (one, []))[1].append(str(one.series.factor))
        return list(found.values())

    @property
    def said(self) -> str:
        """What came of it where nobody was asked."""
        if self.score is None:
            return _("These days have no score.")
        if self.trouble:
            return _("Taken for instrument trouble, not for falsification.")
        return _("Below the false-alarm budget: highest score %(score).3f, asked from %(alarm).3f.") % {
            "score": self.score,
            "alarm": self.alarm,
        }


def staged_stretches(user: Any, rules: RuleSet) -> list[Told]:
    """Return the staged stretches of a demo node that a person may see clues of, oldest first; empty on any other node."""
    if not settings.CONFIGURATION.demo:
        return []
    there = staged_in(settings.DATA_FOLDER.root)
    series = {
        one.code: one
        for one in Series.objects.select_related("point", "factor").filter(
            code__in=[code for one in there for code in one.series],
            point__in=observing.points_of_clues(user),
        )
    }
    suspects = list(
        queries.suspects_visible_to(user)
        .filter(series__in=series.values(), withdrawn=False)
        .select_related("series__factor", "clue")
        .order_by("-score", "pk")
    )
    months = list(ScoreMonth.objects.filter(series__in=series.values()))
    told = (
        _told(one, [series[code] for code in one.series if code in series], suspects, months, rules)
        for one in there
    )
    return [one for one in told if one.series]


def _told(
    one: Staged,
    series: list[Series],
    suspects: Sequence[Suspect],
    months: Sequence[ScoreMonth],
    rules: RuleSet,
) -> Told:
    first = one.alteration.start.astimezone(CHINA).date()
    last = (one.alteration.end or one.alteration.start).astimezone(CHINA).date() - timedelta(days=1)
    own = {each.pk for each in series}
    scores = [
        (score, month.faults[k] or 0.0, month.measured)
        for month in months
        if month.series_id in own
        for k, score in enumerate(month.scores)
        if score is not None and first <= month.month + timedelta(days=k) <= last
    ]
    score, fault, measured = max(scores, default=(None, 0.0, 1))
    return Told(
        series,
        first,
        last,
        KINDS[one.alteration.kind][1 if english() else 0],
        one.fault,
        [
            each
            for each in suspects
            if each.series_id in own and each.first_day <= last and first <= each.last_day
        ],
        score,
        alarm_score(rules.budget, measured),
        score is not None and fault > score,
    )

"""What people have decided of a stretch of days, and what a later finding says beyond it: that asks anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.panels import day_number, day_of
from qingjian.apps.integrity.rules import answered_by
from qingjian.apps.integrity.words import DEVICE, TWINS
from qingjian.apps.matters.models import Matter
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA

BEYOND_DAYS = 2
"""A finding that reaches so many days beyond the decided ones asks about the rest."""
BEYOND_DEVICE = 1
"""… what a device contradicts stands whatever the data say: each further day is another occasion."""
BEYOND_TWINS = 28
"""… two monitors with one series after a month: less says nothing of them."""
RARER = 10.0
"""Of days whose clue was dismissed, another kind asks anew when honest days reach its score so many times less often."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Days that a decision holds for (since 1970-01-01), and what the machine had said of them until then."""

    clue: Clue
    first: int
    last: int
    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Successive days of a finding that nobody has decided about, with the sentence that says so."""

    first: int
    last: int
    note: str


def settled(row: Suspect) -> Settled | None:
    """Return what was decided of a suspect; None while its clue is open. `clue` and `versions` are loaded with it."""
    clue = row.clue
    if clue is None or clue.state == Clue.State.OPEN:
        return None
    said = [one for one in row.versions.all() if not one.withdrawn]
    answer = answered_by(clue)
    read_at = clue.decided_at if answer is None else _asked_last(answer)
    known = [one for one in said if read_at is None or one.known_at <= read_at] or said[:1]
    first = day_number(clue.start.astimezone(CHINA).date())
    last = day_number(((clue.end or clue.start) - timedelta(seconds=1)).astimezone(CHINA).date())
    kind, score = clue.kind, clue.score
    # A finding that joined the clue was decided with it, as it stood then.
    if known and (row.series_id, row.rule) != (clue.series_id, clue.rule):
        record = known[-1].record
        first, last = (
            min(first, day_number(row.first_day)),
            max(last, day_number(date.fromisoformat(record["to"]))),
        )
        kind, score = record["kind"], record["score"]
    elif known and answer is not None:
        # What screening said after the visit was reported, or after the unit was asked, nobody has answered.
        record = known[-1].record
        first = max(first, day_number(date.fromisoformat(record["from"])))
        last = min(last, day_number(date.fromisoformat(record["to"])))
        kind, score = record["kind"], record["score"]
    return Settled(clue, first, last, kind, score)


def _asked_last(answer: Matter) -> datetime:
    """Return the moment from which on a matter does not answer what screening says: the report of a visit, the last request."""
    lines = answer.trail.filter(action__in=("open", "ask_more", "report"))
    return max((one.at for one in lines), default=answer.opened_at)


def beyond(
    rule: str, kind: str, score: float, first: int, last: int, before: Sequence[Settled]
) -> list[Rest]:
    """Return what a finding says beyond the decisions about the same subject; nothing where they cover it."""
    over = [one for one in before if one.first <= last and first <= one.last]
    other = [one for one in over if _other(one, kind, score)]
    if over and len(other) == len(over):
        return [
            Rest(
                first,
                last,
                f"线索 {other[-1].clue.pk} 曾被排除；现在说的是另一类问题，且罕见 {RARER:g} 倍以上 / clue {other[-1].clue.pk} was "
                f"dismissed; this is another kind, and more than {RARER:g} times as rare",
            )
        ]
    left = sorted(set(range(first, last + 1)).difference(*(range(one.first, one.last + 1) for one in over)))
    least = {TWINS: BEYOND_TWINS, DEVICE: BEYOND_DEVICE}.get(rule, BEYOND_DAYS)
    if not over or len(left) < least:
        return []
    numbers = "、".join(str(one.clue.pk) for one in over)
    said = (
        f"{day_of(first)} 至 {day_of(last)} 的发现中，线索 {numbers} 已有结论的日子不再问 / of this finding, {day_of(first)} to "
        f"{day_of(last)}, the days decided in clue {numbers} are not asked about again"
    )
    # Days before and after the decided ones are two stretches; each that is long enough asks, or the longest alone.
    runs = [list(run) for _at, run in groupby(left, key=lambda day: day - bisect_left(left, day))]
    long = [run for run in runs if len(run) >= least] or [max(runs, key=len)]
    return [Rest(run[0], run[-1], said) for run in long]


def _other(before: Settled, kind: str, score: float) -> bool:
    return (
        before.clue.state == Clue.State.DISMISSED
        and kind != before.kind
        and RARER * (1 - score) <= 1 - before.score
    )

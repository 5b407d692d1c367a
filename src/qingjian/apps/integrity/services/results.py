"""Results of screening: suspects with their versions, clues made of them, scores by month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from qingjian.apps.integrity import judging
from qingjian.apps.integrity.models import RuleSet, ScoreMonth, Suspect, SuspectVersion
from qingjian.apps.integrity.panels import Group, day_number, day_of
from qingjian.apps.integrity.precision import mutes_in_force
from qingjian.apps.integrity.services import muting
from qingjian.apps.integrity.statements import Drawing, month_record, statement
from qingjian.apps.integrity.words import MONTH
from qingjian.apps.network.models import Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.current import now
from qingjian.screening.screen import Screening
from qingjian.screening.versions import NEAR_DAYS, Spell, continued, gist

NEAR = timedelta(days=NEAR_DAYS)


@dataclass
class Totals:
    """What one run of screening did."""

    groups: int = 0
    series: int = 0
    suspects: int = 0
    revised: int = 0
    clues: int = 0
    problems: list[str] = field(default_factory=list)
    """Panels that could not be screened, with the reason."""

    def sentence(self, seconds: float) -> str:
        whole = sentence(
            "%(groups)d panels, %(series)d series, %(suspects)d new suspects, %(revised)d revised, %(clues)d new clues, "
            "%(problems)d panels not screened, %(seconds)d s",
            groups=self.groups,
            series=self.series,
            suspects=self.suspects,
            revised=self.revised,
            clues=self.clues,
            problems=len(self.problems),
            seconds=round(seconds),
        )
        return joined([whole, *self.problems[:20]], "\n")


@dataclass
class Hit:
    """A finding of one series; days are counted from 1970-01-01."""

    series: Series
    rule: str
    kind: str
    first: int
    last: int
    record: dict[str, Any]


@dataclass(frozen=True)
class Screened:
    """One screening of a group over [first, until] under a rule set."""

    group: Group
    found: Screening
    drawing: Drawing
    first: date
    until: date
    rules: RuleSet
    taught: Callable[[Series], dict[str, Any]]
    """From how many days of its own past a series was learned."""


def store(run: Screened, hits: Sequence[Hit], totals: Totals) -> None:
    """Store what a screening said of a group: new suspects, new versions, and what it took back."""
    # The strongest first: it speaks for the point, weaker ones join it.
    ordered = sorted(
        [*hits, *_months(run, hits)],
        key=lambda one: (one.record["fault"], -one.record["score"], one.series.pk, one.rule, one.first),
    )
    muted = set(mutes_in_force())
    before = list(
        Suspect.objects.filter(
            series__in=list(run.group.places.values()), last_day__gte=run.first - NEAR
        ).order_by("first_day", "pk")
    )
    after = continued(
        [
            Spell(
                (row.series_id, row.rule), day_number(row.first_day), day_number(row.last_day), row.withdrawn
            )
            for row in before
        ],
        [Spell((hit.series.pk, hit.rule), hit.first, hit.last) for hit in ordered],
    )
    _withdraw(run, [row for at, row in enumerate(before) if at not in after], totals)
    for hit, at in zip(ordered, after, strict=True):
        # Drawn before the transaction: nothing slow happens inside.
        chart = run.drawing.chart(hit.series.point.code, hit.series.factor.code, hit.first, hit.last)
        hit.record["notes"] = _notes_about(hit, run.found.notes, {point for point, _ in run.group.places})
        hit.record["history"] = run.taught(hit.series)
        with transaction.atomic():
            _put(hit, None if at is None else before[at].pk, chart, run, muted, totals)


def _notes_about(hit: Hit, notes: Sequence[str], points: Collection[str]) -> list[str]:
    """Return what was said of the whole panel, of this point or series: repaired times, too little history, another clock."""
    point = hit.series.point.code
    kept = []
    for note in notes:
        head, colon, _rest = note.partition("：")
        # A note about one series begins with its point and factor, one about a point with its code.
        elsewhere = colon and (" " in head or head in points)
        if not elsewhere or head in (point, f"{point} {hit.series.factor.code}"):
            kept.append(note)
    return kept


def _months(run: Screened, hits: Sequence[Hit]) -> list[Hit]:
    """Return months that are suspect as a whole; a month that holds suspect days confirms or doubts those instead."""
    made = []
    for one in run.found.months:
        series = run.group.places.get((one.station, one.parameter))
        begin = date.fromisoformat(f"{one.month}-01")
        end = begin.replace(day=monthrange(begin.year, begin.month)[1])
        if series is None or begin < run.first or end > run.until:
            continue
        a, b = day_number(begin), day_number(end)
        inside = [hit for hit in hits if hit.series.pk == series.pk and hit.first <= b and hit.last >= a]
        for hit in inside:
            hit.record.setdefault("dossier", []).append([one.month, round(one.score, 4)])
        low = any(
            note.startswith((f"{one.station} {one.parameter}：", "没有可用的历史数据"))
            for note in run.found.notes
        )
        if not inside and one.score >= judging.month_alarm(run.rules, low):
            record = month_record(series, one.month, one.score, one.kind, low)
            record.update({"from": begin.isoformat(), "to": end.isoformat()})
            days = [
                day for day in run.found.days if (day.station, day.parameter) == (one.station, one.parameter)
            ]
            strongest = sorted((day for day in days if day.day[:7] == one.month), key=lambda day: -day.score)[
                :10
            ]
            fault = sum(day.fault_score for day in strongest) / max(len(strongest), 1)
            record.update(fault_score=round(fault, 6), fault=fault > one.score)
            made.append(Hit(series, MONTH, one.kind, a, b, record))
    return made


def _put(
    hit: Hit,
    continues: int | None,
    chart: dict[str, Any],
    run: Screened,
    muted: set[tuple[str, str]],
    totals: Totals,
) -> None:
    first, last = day_of(hit.first), day_of(hit.last)
    outcome = judging.outcome(
        run.rules,
        hit.rule,
        hit.kind,
        hit.last - hit.first + 1,
        fault=hit.record["fault"],
        weak=hit.record["confidence"] == "low",
        muted=muted,
    )
    if continues is None:
        row = Suspect(series=hit.series, rule=hit.rule, version=0, found_at=now())
        totals.suspects += 1
    else:
        row = Suspect.objects.select_for_update(of=("self",)).get(pk=continues)
        if row.first_day < run.first:
            # What began before the screened days keeps its beginning.
            first = min(first, row.first_day)
        before = row.versions.order_by("-version").first()
        if before is not None and not row.withdrawn and gist(before.record) == gist(hit.record):
            if row.clue_id is None and outcome == Suspect.Outcome.CLUE:
                _ask(row, hit, chart, totals)
                row.save()
            return
        totals.revised += 1
    row.kind, row.first_day, row.last_day = hit.kind, first, last
    row.score, row.fault_score = hit.record["score"], hit.record["fault_score"]
    row.confidence, row.withdrawn = hit.record["confidence"], False
    row.version += 1
    if row.clue_id is None:
        row.outcome = outcome
    row.save()
    SuspectVersion.objects.create(
        suspect=row,
        version=row.version,
        screened_until=run.until,
        known_at=now(),
        rules=run.rules,
        record=hit.record,
    )
    if row.clue_id is not None:
        # A clue speaks for the finding it was made of; findings that joined it are listed beside.
        if (row.clue.series_id, row.clue.rule) == (row.series_id, row.rule):
            observing.revise_clue(row.clue, hit.kind, _statement(row, hit, chart))
    elif outcome == Suspect.Outcome.CLUE:
        _ask(row, hit, chart, totals)
        row.save()


def _statement(row: Suspect, hit: Hit, chart: dict[str, Any]) -> observing.ClueStatement:
    made = statement(hit.series, hit.record, day_number(row.first_day), day_number(row.last_day))
    made.evidence["chart"] = chart
    return made


def _ask(row: Suspect, hit: Hit, chart: dict[str, Any], totals: Totals) -> None:
    """Open a clue, or join the open one that another factor or rule made of the same point and days: one visit answers both."""
    made = _statement(row, hit, chart)
    joined = observing.open_clue_at(hit.series.point, made.start, made.end)
    if (
        joined is not None
        and (joined.series_id, joined.rule) != (hit.series.pk, hit.rule)
        and not _taken_back(joined)
    ):
        row.clue = joined
    else:
        row.clue = observing.open_clue(hit.series.point, hit.rule, hit.kind, made)
        totals.clues += 1
    row.outcome = Suspect.Outcome.CLUE


def _taken_back(clue: Clue) -> bool:
    """Say whether the newest screening no longer finds what a clue was made of."""
    return clue.suspects.filter(series=clue.series_id, rule=clue.rule, withdrawn=True).exists()


def _withdraw(run: Screened, gone: Sequence[Suspect], totals: Totals) -> None:
    """Note of suspects inside the screened days that they are no longer found; a clue stays for a person to close."""
    for row in gone:
        if row.withdrawn or row.first_day < run.first or row.last_day > run.until:
            continue
        with transaction.atomic():
            Suspect.objects.filter(pk=row.pk).update(withdrawn=True, version=row.version + 1)
            SuspectVersion.objects.create(
                suspect=row,
                version=row.version + 1,
                screened_until=run.until,
                known_at=now(),
                rules=run.rules,
                withdrawn=True,
                record={},
            )
            totals.revised += 1


def keep_scores(
    rows: Mapping[tuple[int, date], dict[str, Any]],
    measured: int,
    values: Mapping[tuple[int, date], int],
    first: date,
    until: date,
) -> None:
    """Store scores by series and month; days outside [first, until] keep what was said of them before."""
    moment = now()
    with transaction.atomic():
        held = {
            (one.series_id, one.month): one
            for one in ScoreMonth.objects.filter(series_id__in={series for series, _month in rows})
        }
        new = []
        for (series, month), row in rows.items():
            length = monthrange(month.year, month.month)[1]
            if month + timedelta(days=length) <= first:
                continue
            before = held.get((series, month))
            one = before or ScoreMonth(series_id=series, month=month)
            for name, empty in (("scores", None), ("faults", None), ("kinds", "")):
                old = getattr(one, name) or [empty] * length
                merged = [
                    row[name][k] if first <= month + timedelta(days=k) <= until else old[k]
                    for k in range(length)
                ]
                setattr(one, name, merged)
            whole = month >= first
            one.measured = measured
            one.lowered = row.get("lowered", False)
            one.values = max(values.get((series, month), 0), 0 if whole else one.values)
            if whole:
                one.month_score = row.get("month_score")
                one.month_kind = row.get("month_kind", "")
            one.known_at = moment
            if before is None:
                new.append(one)
            else:
                one.save()
        ScoreMonth.objects.bulk_create(new, batch_size=200)


def judge_all(rules: RuleSet) -> None:
    """Mute every rule and kind that has fallen below the floor."""
    pairs = Suspect.objects.filter(~Q(clue=None)).values_list("rule", "kind").distinct()
    for rule, kind in sorted(set(pairs)):
        muting.judge(rule, kind, rules)

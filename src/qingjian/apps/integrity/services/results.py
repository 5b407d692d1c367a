"""Results of screening: suspects with their versions, clues made of them, scores by month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from qingjian.apps.integrity import judging
from qingjian.apps.integrity.decided import Settled, beyond, settled
from qingjian.apps.integrity.models import RuleSet, ScoreMonth, Suspect, SuspectVersion
from qingjian.apps.integrity.panels import Group, day_number, day_of
from qingjian.apps.integrity.precision import silenced
from qingjian.apps.integrity.services import muting
from qingjian.apps.integrity.statements import Drawing, finding_record, month_record, statement
from qingjian.apps.integrity.words import DAY, DEVICE, MONTH, TWINS
from qingjian.apps.network.models import Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.current import now
from qingjian.screening.findings import MOST_TESTS, Evidence, Finding
from qingjian.screening.months import STRONGEST_DAYS
from qingjian.screening.screen import Screening
from qingjian.screening.versions import NEAR_DAYS, Spell, continued, gist

NEAR = timedelta(days=NEAR_DAYS)
BOUNDED = frozenset({MONTH, DEVICE})
"""Rules that speak of calendar months and of occasions: the one on the next days is another one."""


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
    left_out: list[str] = field(default_factory=list)
    """Series that could not be screened, with the reason."""

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
        return joined([whole, *self.problems[:20], *self.left_out[:20]], "\n")


@dataclass
class Hit:
    """A finding of one series; days are counted from 1970-01-01."""

    series: Series
    rule: str
    kind: str
    first: int
    last: int
    record: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    finding: Finding | None = None
    """What the record was made of; a month as a whole has none."""
    decided: bool = False
    """A month whose strongest days have been decided already: it is recorded and asks nobody."""

    @property
    def subject(self) -> tuple[int, str, str]:
        return _about(self.series.pk, self.rule, self.record)

    @property
    def spell(self) -> Spell:
        return Spell(self.subject, self.first, self.last, bounded=self.rule in BOUNDED)


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
    occasion: Callable[[Finding, int, int], Finding | None]
    """What a device says on some days of one of its occasions alone; None where that asks nobody."""


def store(run: Screened, hits: Sequence[Hit], totals: Totals) -> None:
    """Store what a screening said of a group: new suspects, new versions, and what it took back."""
    before = list(
        Suspect.objects.filter(series__in=list(run.group.places.values()), last_day__gte=run.first - NEAR)
        .defer("chart")
        .select_related("clue")
        .prefetch_related("versions")
        .order_by("first_day", "pk")
    )
    # The strongest first: it speaks for the point, weaker ones join it.
    ordered = sorted(
        [*hits, *_months(run, hits, _decided_days(before))],
        key=lambda one: (one.record["fault"], -one.record["score"], one.series.pk, one.rule, one.first),
    )
    muted = silenced(run.rules)
    after, spoken_of, silent = _continuing(run, ordered, before)
    gone = [
        row
        for at, row in enumerate(before)
        if at not in after and at not in spoken_of and not _still_found(row, ordered)
    ]
    _withdraw(run, gone, totals)
    for number, (hit, at) in enumerate(zip(ordered, after, strict=True)):
        if number in silent:
            continue
        # Drawn before the transaction: nothing slow happens inside.
        place = run.group.place(hit.series)
        chart = run.drawing.chart(*place, hit.first, hit.last)
        said = _notes_about(*place, run.found.notes, {point for point, _ in run.group.places})
        hit.record["notes"] = [*hit.notes, *said]
        hit.record["history"] = run.taught(hit.series)
        with transaction.atomic():
            _put(hit, None if at is None else before[at].pk, chart, run, muted, totals)


def _continuing(
    run: Screened, hits: list[Hit], before: Sequence[Suspect]
) -> tuple[list[int | None], set[int], set[int]]:
    """Return which suspect each hit continues, which decided ones are still spoken of, and which hits say nothing new.

    A hit that says more than was decided is narrowed to the rest, which is a suspect of its own; where the decided days lie
    in its middle it becomes two, and `hits` grows. What was decided is continued only by what speaks of the decided days;
    what began before the screened days, only by what shares days with it. Of several hits on the days of one decision the
    one that shares most continues it, the others ask nobody.
    """
    decisions = {at: one for at, row in enumerate(before) if (one := settled(row)) is not None}
    spoken_of: set[int] = set()
    anew: list[int] = []
    covered: set[int] = set()
    for number, hit in enumerate(tuple(hits)):
        own = {
            at: one
            for at, one in decisions.items()
            if _subject(before[at]) == hit.subject and one.first <= hit.last and hit.first <= one.last
        }
        score = hit.record["score"]
        spoken_of |= set(own)
        whole = replace(hit, record=dict(hit.record), notes=list(hit.notes))
        for rest in beyond(hit.rule, hit.kind, score, hit.first, hit.last, list(own.values())):
            part = replace(whole, record=dict(whole.record), notes=[*whole.notes, rest.note])
            if not _narrow(run, part, rest.first, rest.last):
                continue
            if number in anew:
                hits.append(part)
                anew.append(len(hits) - 1)
            else:
                hits[number] = part
                anew.append(number)
        if own and number not in anew:
            covered.add(number)
    after: list[int | None] = [None] * len(hits)
    plain = [number for number in range(len(hits)) if number not in anew]
    # What asks anew never continues what was decided.
    for numbers, held in ((anew, set(decisions)), (plain, set())):
        rows = [at for at in range(len(before)) if at not in held and at not in after]
        earlier = [_spell_of(before[at], decisions.get(at), run.first) for at in rows]
        found = continued(earlier, [hits[number].spell for number in numbers])
        for number, place in zip(numbers, found, strict=True):
            after[number] = None if place is None else rows[place]
    return after, spoken_of, {number for number in covered if after[number] is None}


def _narrow(run: Screened, hit: Hit, first: int, last: int) -> bool:
    """Let a hit say no more than what its days from `first` to `last` show; False where they show nothing by themselves."""
    hit.first, hit.last = first, last
    one = hit.finding
    if one is None or (one.first_day, one.last_day) == (first, last):
        return True
    if hit.rule == DEVICE:
        occasion = run.occasion(one, first, last)
        if occasion is not None:
            hit.first, hit.last = occasion.first_day, occasion.last_day
            _say(run, hit, occasion)
        return occasion is not None
    held = tuple(
        test
        for test in one.evidence
        if first <= test.day <= last or not one.first_day <= test.day <= one.last_day
    )
    inside = [
        day.score
        for day in run.found.days
        if (day.station, day.parameter) == (one.station, one.parameter)
        and first <= day_number(date.fromisoformat(day.day)) <= last
    ]
    # Other sources may have raised the score above that of any day.
    alone = not any(test.test.startswith(("device.", "process.", "generated.")) for test in held)
    score = max(inside) if inside and alone and hit.rule == DAY else one.score
    _say(run, hit, replace(one, first_day=first, last_day=last, evidence=held, score=min(score, one.score)))
    return True


def _say(run: Screened, hit: Hit, finding: Finding) -> None:
    """Let a hit state a finding; what was added to its record stays."""
    hit.finding = finding
    hit.record.update(finding_record(run.group, finding, hit.series))


def _carry_over(run: Screened, hit: Hit, row: Suspect, said: Mapping[str, Any]) -> None:
    """Join what a suspect said before the screened days began to a hit that goes on with it."""
    one = hit.finding
    if one is None or not said:
        return
    tests = {test.test: test for test in one.evidence}
    for kept in said["tests"]:
        test = Evidence(
            kept["test"], kept["p"], day_number(date.fromisoformat(kept["day"])), kept["zh"], kept["en"]
        )
        if test.day < day_number(run.first) and test.p <= getattr(tests.get(test.test), "p", 1.0):
            tests[test.test] = test
    evidence = sorted(tests.values(), key=lambda test: test.p)[:MOST_TESTS]
    older = said["score"] >= one.score
    months = {
        month: [month, score] for month, score in (*said.get("dossier", ()), *hit.record.get("dossier", ()))
    }
    _say(
        run,
        hit,
        replace(
            one,
            first_day=min(hit.first, day_number(row.first_day)),
            last_day=hit.last,
            score=max(one.score, said["score"]),
            fault_score=said["fault_score"] if older else one.fault_score,
            kind=said["kind"] if older else one.kind,
            evidence=tuple(evidence),
        ),
    )
    hit.kind = hit.record["kind"]
    if months:
        hit.record["dossier"] = [months[month] for month in sorted(months)]


def _with_earlier(chart: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart with the hours before its beginning from an earlier chart of the same series, where they fit together."""
    step = chart["step"]
    ahead, odd = divmod(chart["start"] - before.get("start", chart["start"]), step)
    if odd or before.get("step") != step or not 0 < ahead <= len(before["values"]):
        return chart
    whole = {**chart, "start": before["start"], "first": min(before["first"], chart["first"])}
    for name in ("values", "around", "expected", "low", "high"):
        old = list(before[name][:ahead]) or [None] * ahead
        new = chart[name] or [None] * len(chart["values"])
        whole[name] = [*old, *new] if before[name] or chart[name] else []
    return whole


def _still_found(row: Suspect, hits: Sequence[Hit]) -> bool:
    """Say whether a finding that continues another suspect speaks of the days of this one's clue too."""
    first, last = day_number(row.first_day), day_number(row.last_day)
    subject = _subject(row)
    return row.clue is not None and any(
        hit.subject == subject and hit.first <= last and first <= hit.last for hit in hits
    )


def _subject(row: Suspect) -> tuple[int, str, str]:
    said = [one.record for one in row.versions.all() if not one.withdrawn]
    return _about(row.series_id, row.rule, said[-1] if said else {})


def _about(series: int, rule: str, record: Mapping[str, Any]) -> tuple[int, str, str]:
    """Return what a finding is about: series and rule; of two monitors with one series also the other one."""
    return series, rule, record.get("other_station", "") if rule == TWINS else ""


def _spell_of(row: Suspect, decided: Settled | None, screened: date) -> Spell:
    """Return the days something later continues a suspect on: of a decided one those that were decided."""
    if decided is not None:
        return Spell(_subject(row), decided.first, decided.last, row.withdrawn, bounded=True)
    first, last = day_number(row.first_day), day_number(row.last_day)
    return Spell(_subject(row), first, last, row.withdrawn, row.rule in BOUNDED or row.first_day < screened)


def _notes_about(point: str, factor: str, notes: Sequence[str], points: Collection[str]) -> list[str]:
    """Return what was said of the whole panel, of this point or series: repaired times, too little history, another clock."""
    kept = []
    for note in notes:
        head, colon, _rest = note.partition("：")
        # A note about one series begins with its point and factor, one about a point with its code.
        elsewhere = colon and (" " in head or head in points)
        if not elsewhere or head in (point, f"{point} {factor}"):
            kept.append(note)
    return kept


def lowered(notes: Sequence[str], point: str, factor: str) -> bool:
    """Say whether the scores of a series were lowered: for itself, for its whole point, or because nothing has a history."""
    return any(note.startswith((f"{point} {factor}：", f"{point}：", "没有可用的历史数据")) for note in notes)


def _decided_days(before: Sequence[Suspect]) -> dict[int, dict[int, int]]:
    """Return the decided days of each series, and the clue that answers each."""
    days: dict[int, dict[int, int]] = {}
    for row in before:
        one = settled(row)
        if one is not None:
            days.setdefault(row.series_id, {}).update(
                dict.fromkeys(range(one.first, one.last + 1), one.clue.pk)
            )
    return days


def _months(run: Screened, hits: Sequence[Hit], decided: Mapping[int, Mapping[int, int]]) -> list[Hit]:
    """Return months that are suspect as a whole; a month that holds suspect days confirms or doubts those instead.

    One whose strongest days are decided for the half or more asks nobody: it is those days once more.
    """
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
        low = lowered(run.found.notes, one.station, one.parameter)
        if not inside and one.score >= judging.month_alarm(run.rules, low):
            record = month_record(series, one.month, one.score, one.kind, low)
            record.update({"from": begin.isoformat(), "to": end.isoformat()})
            days = [
                day for day in run.found.days if (day.station, day.parameter) == (one.station, one.parameter)
            ]
            strongest = sorted((day for day in days if day.day[:7] == one.month), key=lambda day: -day.score)[
                :STRONGEST_DAYS
            ]
            fault = sum(day.fault_score for day in strongest) / max(len(strongest), 1)
            record.update(fault_score=round(fault, 6), fault=fault > one.score)
            made.append(Hit(series, MONTH, one.kind, a, b, record))
            answered = decided.get(series.pk, {})
            by = [answered.get(day_number(date.fromisoformat(day.day))) for day in strongest]
            clues = sorted({clue for clue in by if clue is not None})
            if clues and 2 * sum(clue is not None for clue in by) >= len(by):
                numbers = "、".join(str(clue) for clue in clues)
                made[-1].decided = True
                made[-1].notes.append(
                    f"该月最突出的日子有一半以上已由线索 {numbers} 作出结论，不再单独提问 / at least half of the strongest days of "
                    f"this month are decided in clue {numbers}; the month does not ask again"
                )
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
    if hit.decided and outcome == Suspect.Outcome.CLUE:
        outcome = Suspect.Outcome.DECIDED
    if continues is None:
        row = Suspect(series=hit.series, rule=hit.rule, version=0, found_at=now())
        totals.suspects += 1
    else:
        row = Suspect.objects.select_for_update(of=("self",)).get(pk=continues)
        before = row.versions.order_by("-version").first()
        if row.first_day < run.first:
            # What began before the screened days keeps its beginning, and what was said of it.
            first = min(first, row.first_day)
            said = row.versions.filter(withdrawn=False).order_by("-version").first()
            _carry_over(run, hit, row, said.record if said else {})
            if row.clue is not None and _speaks_for(row):
                chart = _with_earlier(chart, row.clue.evidence.get("chart") or {})
        if before is not None and not row.withdrawn and gist(before.record) == gist(hit.record):
            if row.clue_id is None and outcome == Suspect.Outcome.CLUE:
                _ask(row, hit, chart, totals)
                row.save()
            elif _speaks_for(row) and gist(row.clue.evidence) != gist(hit.record):
                # The clue was decided when this version came, and a person has opened it again.
                observing.revise_clue(row.clue, hit.kind, _statement(row, hit, chart))
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
    if _speaks_for(row):
        observing.revise_clue(row.clue, hit.kind, _statement(row, hit, chart))
    elif row.clue is not None:
        if row.clue.state == Clue.State.OPEN:
            row.chart = chart
            row.save(update_fields=["chart"])
    elif outcome == Suspect.Outcome.CLUE:
        _ask(row, hit, chart, totals)
        row.save()


def _speaks_for(row: Suspect) -> bool:
    """Say whether the clue of a suspect speaks for it; findings that only joined a clue are listed beside."""
    return row.clue is not None and (row.clue.series_id, row.clue.rule) == (row.series_id, row.rule)


def _statement(row: Suspect, hit: Hit, chart: dict[str, Any]) -> observing.ClueStatement:
    made = statement(hit.series, hit.record, day_number(row.first_day), day_number(row.last_day))
    made.evidence["chart"] = chart
    return made


def _ask(row: Suspect, hit: Hit, chart: dict[str, Any], totals: Totals) -> None:
    """Open a clue, or join the open one that another factor or rule made of the same point and days: one visit answers both."""
    made = _statement(row, hit, chart)
    joined = observing.open_clue_at(hit.series.point, made.start, made.end, simulated=made.simulated)
    if (
        joined is not None
        and (joined.series_id, joined.rule) != (hit.series.pk, hit.rule)
        and not _taken_back(joined)
    ):
        row.clue, row.chart = joined, chart
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
    """Mute every rule and kind that has fallen below the floor, and every rule that has as a whole."""
    for rule, kind in sorted(muting.below_floor(rules)):
        muting.judge(rule, kind, rules)

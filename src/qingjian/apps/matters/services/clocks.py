"""Clocks of a matter: start, meet, stop, recompute. All counting is done by `qingjian.workdays`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import override

from qingjian import workdays
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import queries
from qingjian.apps.matters.declarations import Limit, Party
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import CalendarTable, ClockStop, Deadline, DeadlineRevision, Matter
from qingjian.apps.matters.services import notices
from qingjian.apps.matters.services.trail import add_system_trail
from qingjian.apps.matters.words import OFFICIAL_LANGUAGE
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

RUNNING = (Deadline.State.RUNNING, Deadline.State.PAUSED)
Cause = DeadlineRevision.Cause
AT_ONCE = 200
"""Matters computed again while somebody waits for the page; the rest follow in the regular job."""


def start(matter: Matter, limit: Limit, moment: datetime) -> Deadline | None:
    """Start a clock, if its condition holds; a running clock of the same code is cancelled first."""
    clock = _prepared(matter, limit, moment)
    if clock is not None:
        cancel(matter, moment, (limit.code,))
        clock.save()
    return clock


def _prepared(matter: Matter, limit: Limit, moment: datetime) -> Deadline | None:
    """Return a clock as it would run from a moment on, not stored; None if its condition does not hold."""
    if limit.when is not None and matter.data.get(limit.when[0]) != limit.when[1]:
        return None
    began = _start_of(matter, limit, moment)
    with override(OFFICIAL_LANGUAGE):  # what is kept reads the same whoever acted; pages translate it
        title = str(limit.title)
        length, unit, instrument, source, confidence, row = _rule(
            limit, matter, began.astimezone(CHINA).date()
        )
    calendar = queries.calendar()
    row_id, book = row
    clock = Deadline(
        matter=matter,
        kind=matter.kind,
        region_id=matter.region_id,
        subject_id=matter.subject_id,
        code=limit.code,
        title=title,
        party=limit.party.value,
        started_at=began,
        limit=length,
        unit=unit.value,
        instrument=instrument.id,
        source=source,
        confidence=confidence,
        rule_row=row_id,
        rulebook_version=book,
        calendar_version=calendar.version,
        escalate_every=limit.escalate_after,
    )
    try:
        answer = queries.computed(clock, calendar)
    except ValueError as error:
        raise RefusedError(
            "deadline",
            _("The deadline “%(title)s” cannot be counted: %(error)s") % {"title": title, "error": error},
        ) from error
    _apply(clock, answer, limit)
    return clock


def worsen(pk: int, changed: Mapping[str, str]) -> bool:
    """Take over values of an open matter that grew worse by themselves; a deadline that follows from them and ends earlier
    than the one that runs takes its place. The earlier one stays among the deadlines and stands in the trail.

    A deadline that is missed already is not moved, but its next escalation comes no later than the new values ask for.
    False when the matter is closed or has these values already.
    """
    with transaction.atomic():
        matter = Matter.objects.select_for_update().get(pk=pk).as_process()
        if not matter.is_open or all(matter.data.get(name) == value for name, value in changed.items()):
            return False
        matter.data = {**matter.data, **changed}
        values: dict[str, Any] = {}
        fresh: Deadline | None = None
        for limit in matter.declaration.limits():
            if limit.when is None or limit.when[0] not in changed:
                continue
            running = matter.deadlines.filter(code=limit.code, state__in=RUNNING).first()
            tighter = _prepared(matter, limit, now()) if running is not None else None
            if running is None or tighter is None:
                continue
            if running.due is None or (tighter.due is not None and tighter.due < running.due):
                fresh = start(matter, limit, now())
            else:
                fresh = running
                _hasten(running, limit)
            values = {
                "deadline": limit.code,
                "before": running.due and running.due.isoformat(),
                "due": fresh.due and fresh.due.isoformat(),
            }
        refresh_due(matter)
        Matter.objects.filter(pk=pk).update(data=matter.data, due=matter.due)
        add_system_trail(matter, "worsened", {**changed, **values})
        kind = "worsened_sooner" if values and values["due"] != values["before"] else "worsened"
        notices.tell(matter, notices.concerned(matter), kind, values, fresh)
    return True


def _hasten(clock: Deadline, limit: Limit) -> None:
    if clock.escalate_at is None or clock.due is None or clock.due > now():
        return
    clock.escalate_every = min(clock.escalate_every, limit.escalate_after)
    clock.escalate_at = min(clock.escalate_at, now() + limit.escalate_after)
    clock.save()


def _start_of(matter: Matter, limit: Limit, moment: datetime) -> datetime:
    given = matter.data.get(limit.start_field) if limit.start_field else None
    if not given:
        return moment
    found = parse_datetime(str(given)) if len(str(given)) > 10 else None
    if found is not None:
        return found if found.tzinfo else found.replace(tzinfo=CHINA)
    day = parse_date(str(given))
    # A day limit needs only the day; midnight keeps that day in China.
    return datetime.combine(day, time(tzinfo=CHINA)) if day else moment


def _rule(
    limit: Limit, matter: Matter, day: date
) -> tuple[int, workdays.Unit, workdays.Instrument, str, str, tuple[str, str]]:
    if limit.rule:
        book = rulebook()
        rows = book.rows("deadlines", on=day, process=limit.rule[0], step=limit.rule[1])
        if not rows:
            raise RefusedError(
                "deadline",
                _("The rulebook has no deadline “%(step)s” in force on %(day)s.")
                % {"step": limit.rule[1], "day": day},
            )
        row = rows[0]
        counting = workdays.instrument_for(row.source) or workdays.instrument("as-written")
        return (
            int(row["limit"]),
            workdays.parse_unit(row["unit"]),
            counting,
            row.source,
            row.confidence.value,
            (row.id, book.version),
        )
    length = limit.days or int(matter.data[limit.days_field])
    return (
        length,
        workdays.parse_unit(limit.unit),
        workdays.instrument(limit.instrument),
        str(limit.source),
        limit.confidence,
        ("", ""),
    )


def _apply(clock: Deadline, answer: workdays.Deadline, limit: Limit | None) -> None:
    moment = now()
    clock.due = answer.due
    clock.provisional = answer.provisional
    clock.calendar_version = answer.calendar_version
    clock.state = Deadline.State.PAUSED if answer.due is None else Deadline.State.RUNNING
    clock.remind_at = clock.escalate_at = None
    clock.escalation = 0
    if answer.due is not None:
        left = answer.due - max(moment, clock.started_at)
        if limit is not None and left.total_seconds() > 0:
            # A short limit is halfway gone when its reminder comes; a fixed lead would never remind of it.
            clock.remind_at = answer.due - min(limit.remind_before, left / 2)
        clock.escalate_at = answer.due


def _limit_of(clock: Deadline) -> Limit | None:
    return next((one for one in clock.matter.declaration.limits() if one.code == clock.code), None)


def meet(matter: Matter, codes: Iterable[str], moment: datetime, responsible: int | None) -> None:
    """End clocks because what they asked for is done; `responsible` is who of the authority had to do it."""
    for clock in matter.deadlines.filter(code__in=tuple(codes), state__in=RUNNING):
        _end(clock, matter, moment, responsible, Deadline.State.MET)


def cancel(
    matter: Matter, moment: datetime, codes: Iterable[str] | None = None, responsible: int | None = None
) -> None:
    """End clocks that nobody needs any more; one that was overdue by then stays missed."""
    clocks = matter.deadlines.filter(state__in=RUNNING)
    for clock in clocks if codes is None else clocks.filter(code__in=tuple(codes)):
        _end(clock, matter, moment, responsible or matter.assignee_id, Deadline.State.CANCELLED)


def _end(
    clock: Deadline, matter: Matter, moment: datetime, responsible: int | None, in_time: Deadline.State
) -> None:
    """End a clock as `in_time` says, or as missed, and keep with it why its date was what it was."""
    clock.matter = matter
    calendar = queries.calendar()
    if clock.calendar_version != calendar.version:
        _recompute(clock, calendar, Cause.CALENDAR, "")
    clock.answer = {**queries.as_kept(queries.computed(clock, calendar)), "in_time": in_time.value}
    clock.state = Deadline.State.MISSED if clock.due is not None and moment > clock.due else in_time
    clock.ended_at = moment
    clock.responsible_id = None if clock.party == Party.SUBJECT.value else responsible
    clock.remind_at = clock.escalate_at = None
    clock.save()


def refresh_due(matter: Matter) -> None:
    """Set the matter's next deadline from its running clocks."""
    matter.due = (
        matter.deadlines.filter(state=Deadline.State.RUNNING)
        .order_by("due")
        .values_list("due", flat=True)
        .first()
    )


def ask_stop(
    matter: Matter,
    actor: Any,
    on_behalf_of: Any,
    start: datetime,
    reason: str,
    document: str,
    codes: Sequence[str] = (),
) -> ClockStop:
    """Ask for a stop of some clocks, by default those of no law; it counts only once somebody else approves it."""
    running = list(matter.deadlines.filter(state=Deadline.State.RUNNING).order_by("started_at"))
    if not running:
        raise RefusedError("deadline", _("No clock is running in this matter."))
    if (
        matter.stops.filter(state=ClockStop.State.ASKED).exists()
        or matter.stops.filter(state=ClockStop.State.APPROVED, end=None).exists()
    ):
        raise RefusedError("deadline", _("A stop of the clock is asked for or in force already."))
    if start > now():
        raise RefusedError("deadline", _("A stop cannot begin in the future."))
    chosen = [one for one in running if one.code in (codes or stoppable(running))]
    if not chosen or set(codes) - {one.code for one in chosen}:
        raise RefusedError("deadline", _("Choose which of the running deadlines shall stop."))
    if start < chosen[0].started_at:
        raise RefusedError("deadline", _("The clock was not running yet at that time."))
    return _asked(matter, actor, on_behalf_of, start, reason, document, chosen)


def stoppable(running: Iterable[Deadline]) -> list[str]:
    """Return the codes of clocks that an office may stop by its own rule: those a law sets are stopped by name only."""
    return [one.code for one in running if not one.rule_row]


def pause(matter: Matter, actor: Any, on_behalf_of: Any, reason: str) -> ClockStop | None:
    """Ask for a stop because a declared step calls for one; nothing when no clock of the office's own runs or a stop is asked for."""
    running = matter.deadlines.filter(state=Deadline.State.RUNNING)
    chosen = [one for one in running if not one.rule_row]
    if _stopping(matter) or not chosen:
        return None
    return _asked(matter, actor, on_behalf_of, now(), reason, "", chosen)


def _asked(
    matter: Matter,
    actor: Any,
    on_behalf_of: Any,
    start: datetime,
    reason: str,
    document: str,
    chosen: Iterable[Deadline],
) -> ClockStop:
    return ClockStop.objects.create(
        matter=matter,
        start=start,
        codes=sorted(one.code for one in chosen),
        reason=reason[:300],
        document=document,
        asked_by=actor,
        asked_for=on_behalf_of,
        asked_at=now(),
    )


def _stopping(matter: Matter) -> ClockStop | None:
    """Return the stop that is asked for or in force and has not ended."""
    return (
        matter.stops.filter(state__in=(ClockStop.State.ASKED, ClockStop.State.APPROVED), end=None)
        .order_by("-id")
        .first()
    )


def end_pause(matter: Matter) -> ClockStop | None:
    """End the stop because a declared step says so; one not yet decided keeps its end and may still be approved."""
    stop = _stopping(matter)
    if stop is None:
        return None
    stop.end = now()
    stop.save()
    if stop.state == ClockStop.State.APPROVED:
        recompute(matter, Cause.RESUMED, stop.reason)
    return stop


def stop_to_decide(matter: Matter) -> ClockStop:
    """Return the stop that waits for a decision. Raises RefusedError when there is none."""
    stop = matter.stops.filter(state=ClockStop.State.ASKED).first()
    if stop is None:
        raise RefusedError("deadline", _("No stop of the clock waits for a decision."))
    return stop


def decide_stop(
    matter: Matter, stop: ClockStop, actor: Any, on_behalf_of: Any, approve: bool, note: str
) -> ClockStop:
    """Approve or refuse the stop that was asked for."""
    stop.state = ClockStop.State.APPROVED if approve else ClockStop.State.REFUSED
    stop.decided_by, stop.decided_for, stop.decided_at, stop.note = actor, on_behalf_of, now(), note
    stop.save()
    if approve:
        recompute(matter, Cause.STOPPED, stop.reason)
        _judge_again(matter, stop)
    return stop


def resume(matter: Matter) -> ClockStop:
    """End the stop in force; the clocks go on where they were."""
    stop = matter.stops.filter(state=ClockStop.State.APPROVED, end=None).first()
    if stop is None:
        raise RefusedError("deadline", _("No clock is stopped."))
    stop.end = now()
    stop.save()
    recompute(matter, Cause.RESUMED, stop.reason)
    return stop


def _judge_again(matter: Matter, stop: ClockStop) -> None:
    """Judge clocks anew that ended after a stop was asked for and before it was approved: what was late may not have been."""
    for clock in matter.deadlines.filter(ended_at__gte=stop.asked_at or stop.start):
        clock.matter = matter
        answer = queries.computed(clock)
        if answer.due == clock.due:
            continue
        in_time = (clock.answer or {}).get("in_time", Deadline.State.MET.value)
        _revise(clock, answer, Cause.STOPPED, stop.reason)
        clock.due, clock.provisional = answer.due, answer.provisional
        clock.answer = {**queries.as_kept(answer), "in_time": in_time}
        late = clock.due is not None and clock.ended_at > clock.due
        clock.state = Deadline.State.MISSED if late else in_time
        clock.save()


def recompute(matter: Matter, cause: Cause, reason: str = "") -> list[tuple[Deadline, datetime | None]]:
    """Compute the running clocks again; what they were is kept. Return those that moved, with the earlier due time."""
    calendar = queries.calendar()
    moved = []
    for clock in matter.deadlines.filter(state__in=RUNNING):
        clock.matter = matter
        before = clock.due
        if _recompute(clock, calendar, cause, reason):
            moved.append((clock, before))
    return moved


def _recompute(clock: Deadline, calendar: workdays.Calendar, cause: Cause, reason: str) -> bool:
    """Compute one running clock again and say whether its date moved."""
    answer = queries.computed(clock, calendar)
    if (answer.due, answer.provisional) == (clock.due, clock.provisional):
        clock.calendar_version = answer.calendar_version
        Deadline.objects.filter(pk=clock.pk).update(calendar_version=answer.calendar_version)
        return False
    _revise(clock, answer, cause, reason)
    _apply(clock, answer, _limit_of(clock))
    clock.save()
    return True


def _revise(clock: Deadline, answer: workdays.Deadline, cause: Cause, reason: str) -> None:
    DeadlineRevision.objects.create(
        deadline=clock,
        at=now(),
        due_before=clock.due,
        due_after=answer.due,
        calendar_before=clock.calendar_version,
        cause=cause,
        reason=reason[:300],
    )


def recompute_deadlines(at_once: int | None = None) -> int:
    """After a change of the calendar compute running clocks again and tell whose they are; return how many moved.

    `at_once` limits the matters of one call; what is left over is found by the next.
    """
    version = queries.calendar().version
    moved = 0
    affected = (
        Deadline.objects.filter(state__in=RUNNING)
        .exclude(calendar_version=version)
        .values_list("matter_id", flat=True)
    )
    for pk in sorted(set(affected))[:at_once]:
        with transaction.atomic():
            matter = Matter.objects.select_for_update().get(pk=pk)
            for clock, before in recompute(matter, Cause.CALENDAR):
                moved += 1
                values = {
                    "deadline": clock.code,
                    "before": before and before.isoformat(),
                    "due": clock.due and clock.due.isoformat(),
                }
                add_system_trail(matter, "recompute", values)
                notices.tell(matter, notices.concerned(matter), "recomputed", values, clock)
            refresh_due(matter)
            Matter.objects.filter(pk=matter.pk).update(due=matter.due)
    return moved


def import_calendar(author: Any, text: str, document: str) -> CalendarTable:
    """Take over a year's table; running deadlines are computed again and the people told, many of them by the next job."""
    account_rules.require_everywhere(author, Capability.CONFIRM_RULES)
    if len(document.strip()) < 4:
        raise RefusedError("field", _("Name the notice the table comes from."))
    loaded = workdays.load(text)
    if loaded.table is None:
        raise RefusedError(
            "file", [f"{one.line}: {one.en if queries.english() else one.zh}" for one in loaded.errors[:20]]
        )
    gaps = workdays.statutory_gaps(loaded.table)
    if "\ufffd" in text:
        raise RefusedError("file", _("Some letters of the file are lost. Save it anew as CSV in UTF-8."))
    if gaps:
        raise RefusedError("file", [one.en if queries.english() else one.zh for one in gaps])
    with transaction.atomic():
        table = CalendarTable.objects.create(
            year=loaded.table.year, text=text, document=document.strip(), author=author, at=now()
        )
        digest = hashlib.sha256(text.encode()).hexdigest()
        accounts.record(
            author,
            "rule:calendar:imported",
            str(table.year),
            {"document": document.strip(), "digest": digest},
        )
    recompute_deadlines(AT_ONCE)
    return table

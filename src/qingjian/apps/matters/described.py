"""What a process declares, in the words of an office: its states, its steps with who may, its deadlines with their distances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qingjian import workdays
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import CAPABILITY_NAMES, ROLES, Capability
from qingjian.apps.matters import wording
from qingjian.apps.matters.declarations import Action, DataField, Limit, Party, Process, State, Who
from qingjian.apps.matters.words import ACTIONS, CERTIFICATE_KINDS
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.ui.templatetags.kit import duration

Sheet = tuple[str, Sequence[str], Iterable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Step:
    """One action in words: where from and to, who may, and every line of what it asks for and what follows."""

    title: str
    sources: str
    target: str
    who: str
    needs: list[str]
    follows: list[str]


@dataclass(frozen=True, slots=True)
class Described:
    """One deadline in words."""

    title: str
    length: str
    counting: str
    starts: str
    met_by: str
    reminder: str
    escalation: list[str]
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Page:
    """A whole process in words."""

    process: Process
    states: list[tuple[State, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    deadlines: list[Described] = field(default_factory=list)


def levels() -> list[str]:
    """Return whom each level of escalation reaches, in order; see `services.watching.told_at`."""
    return [
        _("the person in charge, those it waits for, and the nearest who approve"),
        _("the nearest who supervise and have not been told"),
        _("who supervises one level above those"),
    ]


def reminder(limit: Limit) -> str:
    """Return when a reminder comes; `services.clocks` halves what is left of a short limit."""
    return _("%(before)s before the end; halfway when less than twice that is left") % {
        "before": duration(limit.remind_before)
    }


def escalation(limit: Limit) -> list[str]:
    """Return who is told when a deadline is overdue, level by level."""
    reached = levels()
    found = []
    for level, people in enumerate(reached):
        when = duration(limit.escalate_after * level) if level else ""
        found.append(
            (_("%(after)s after the end: %(people)s") if level else _("at the end: %(people)s"))
            % {"after": when, "people": people}
        )
    found.append(
        _("from then on every %(every)s those it waits for, until it is done")
        % {"every": duration(limit.escalate_after)}
    )
    return found


def described(process: Process) -> Page:
    """Return a process in words of the present language, with the rules in force today."""
    return Page(
        process,
        [(one, _waits(one)) for one in process.states],
        [_opening(process), *(_step(process, one) for one in process.actions)],
        [_deadline(process, one) for one in _distinct(process)],
    )


def _waits(state: State) -> str:
    if state.final:
        return _("end")
    if state.waits_for == "assignee":
        return _("the person in charge")
    if state.waits_for == "subject":
        return _("the organisation concerned")
    return _roles(Capability(state.waits_for))


def _roles(capability: Capability, party: Party = Party.BUREAU) -> str:
    own = party is Party.SUBJECT
    held = [
        str(one.name)
        for one in ROLES.values()
        if capability in one.capabilities and one.own_organisation_only == own
    ]
    return _listed(held)


def _listed(texts: Iterable[Any]) -> str:
    return (", " if wording.language() == "en" else "、").join(str(one) for one in texts)


def _who(process: Process, who: Who) -> str:
    side = _("the organisation concerned") if who.party is Party.SUBJECT else _("the authority of the region")
    parts = [
        _("%(side)s, “%(capability)s”: %(roles)s")
        % {
            "side": side,
            "capability": CAPABILITY_NAMES[who.capability],
            "roles": _roles(who.capability, who.party),
        }
    ]
    if who.assignee_only:
        parts.append(_("only the person in charge"))
    if who.certificate:
        parts.append(
            _("with a valid certificate: %(kind)s") % {"kind": dict(CERTIFICATE_KINDS)[who.certificate]}
        )
    if who.scope_field:
        title = process.all_fields()[who.scope_field].title
        parts.append(_("whose scope covers the field “%(field)s”") % {"field": title})
    if who.not_who_did:
        done = _listed(wording.action_title(process, one) for one in who.not_who_did)
        parts.append(_("nobody who took the step: %(steps)s") % {"steps": done})
    return ("; " if wording.language() == "en" else "；").join(parts)


def _fields(fields: Sequence[DataField]) -> list[str]:
    found = []
    for required, text in ((True, _("Fill in: %(fields)s")), (False, _("May fill in: %(fields)s"))):
        titles = [one.title for one in fields if one.required is required]
        if titles:
            found.append(text % {"fields": _listed(titles)})
    return found


def _opening(process: Process) -> Step:
    needs = _fields(process.opening)
    if process.needs_subject:
        needs.append(_("Name the organisation concerned"))
    if process.needs_point:
        needs.append(_("Name the monitoring point"))
    after = []
    if process.opening_starts:
        after.append(
            _("Starts: %(values)s") % {"values": _listed(one.title for one in process.opening_starts)}
        )
    return Step(
        str(ACTIONS["open"]),
        "–",
        str(process.state(process.initial).title),
        _who(process, process.who_opens),
        needs,
        after,
    )


def _step(process: Process, action: Action) -> Step:
    needs = _fields(action.fields)
    needs.extend(
        _("Evidence: %(need)s") % {"need": wording.evidence_need(process, one)} for one in action.evidence
    )
    who = _("follows from the signatures") if action.by_sheet else _who(process, action.who)
    return Step(
        str(action.title),
        _listed(process.state(one).title for one in action.sources),
        str(process.state(action.target).title),
        who,
        needs,
        follows(process, action),
    )


def follows(process: Process, action: Action) -> list[str]:
    """Return what a step sets off: clocks, documents, signatures, who is told, what becomes public."""
    titles = {one.code: one.title for one in process.limits()}
    found = []
    for text, values in (
        (_("Starts: %(values)s"), [one.title for one in action.starts]),
        (_("Meets: %(values)s"), [titles[one] for one in action.stops]),
        (_("Makes: %(values)s"), [process.document(one).title for one in action.documents]),
        (
            _("Signed in this order by: %(values)s"),
            [one.title for one in process.sheet(action.sheet).signers] if action.sheet else [],
        ),
        (_("Tells: %(values)s"), [PARTIES[one]() for one in action.notify]),
        (_("Copies to: %(values)s"), [_roles(one) for one in action.copies]),
        (_("Makes public: %(values)s"), wording.public_titles(process, action)),
        (
            _("In plain in the ledger: %(values)s"),
            [process.all_fields()[one].title for one in action.ledger_fields],
        ),
    ):
        if values:
            found.append(text % {"values": _listed(values)})
    if action.pauses:
        found.append(
            _("Asks to stop the clocks, to be approved by somebody else: %(ground)s")
            % {"ground": action.pauses}
        )
    if action.resumes:
        found.append(_("Lets stopped clocks run again"))
    return found


PARTIES = {
    Party.BUREAU: lambda: _("the person in charge"),
    Party.SUBJECT: lambda: _("the organisation concerned"),
}


def _distinct(process: Process) -> list[Limit]:
    """Return the limits; one that several steps start in the same way stands once."""
    found: list[Limit] = []
    for one in process.limits():
        if one not in found:
            found.append(one)
    return found


def _deadline(process: Process, limit: Limit) -> Described:
    fields = process.all_fields()
    source, confidence = str(limit.source), limit.confidence
    counting = workdays.instrument(limit.instrument)
    if limit.rule:
        rows = rulebook().rows(
            "deadlines", on=account_rules.today(), process=limit.rule[0], step=limit.rule[1]
        )
        if rows:
            row = rows[0]
            source, confidence = row.source, row.confidence.value
            counting = workdays.instrument_for(row.source) or counting
            length = _length(int(row["limit"]), row["unit"])
        else:
            length = _("the rulebook has no such rule in force today")
    elif limit.days:
        length = _length(limit.days, limit.unit)
    else:
        length = _("as many as the field “%(field)s” says (%(unit)s)") % {
            "field": fields[limit.days_field].title,
            "unit": UNITS[workdays.parse_unit(limit.unit)](),
        }
    if limit.when:
        title = fields[limit.when[0]].title
        value = wording.value_text(fields[limit.when[0]], limit.when[1])
        length = _("%(length)s; only if %(field)s is “%(value)s”") % {
            "length": length,
            "field": title,
            "value": value,
        }
    starting = [str(one.title) for one in process.actions if limit in one.starts]
    if limit in process.opening_starts:
        starting.insert(0, str(ACTIONS["open"]))
    starts = _listed(starting)
    if limit.start_field:
        starts = _("%(step)s, counted from “%(field)s”") % {
            "step": starts,
            "field": fields[limit.start_field].title,
        }
    if limit.party is Party.SUBJECT:
        length = _("%(length)s; to be met by the organisation concerned") % {"length": length}
    if limit.inside:
        length = _("%(length)s; binds the authority alone, the organisation concerned is not told") % {
            "length": length
        }
    return Described(
        str(limit.title),
        length,
        counting.name_en if wording.language() == "en" else counting.name_zh,
        starts,
        _listed(one.title for one in process.actions if limit.code in one.stops),
        reminder(limit),
        escalation(limit),
        source,
        confidence,
    )


UNITS = {
    workdays.Unit.HOUR: lambda: _("hours"),
    workdays.Unit.DAY: lambda: _("days"),
    workdays.Unit.NATURAL_DAY: lambda: _("natural days"),
    workdays.Unit.WORKING_DAY: lambda: _("working days"),
    workdays.Unit.MONTH: lambda: _("months"),
    workdays.Unit.YEAR: lambda: _("years"),
}


def _length(count: int, text: str) -> str:
    match workdays.parse_unit(text):
        case workdays.Unit.HOUR:
            words = ngettext("%(count)d hour", "%(count)d hours", count)
        case workdays.Unit.WORKING_DAY:
            words = ngettext("%(count)d working day", "%(count)d working days", count)
        case workdays.Unit.NATURAL_DAY:
            words = ngettext("%(count)d natural day", "%(count)d natural days", count)
        case workdays.Unit.MONTH:
            words = ngettext("%(count)d month", "%(count)d months", count)
        case workdays.Unit.DAY:
            words = ngettext("%(count)d day", "%(count)d days", count)
        case other:
            return f"{count} {other.value}"
    return words % {"count": count}


def sheets(pages: Sequence[Page]) -> list[Sheet]:
    """Return processes as the sheets of a workbook."""
    return [
        (
            _("Deadlines"),
            (
                _("Kind of matter"),
                _("Deadline"),
                _("How long"),
                _("Counted by"),
                _("Starts with"),
                _("Met by"),
                _("Reminder"),
                _("When overdue"),
                _("Source"),
                _("Confidence"),
            ),
            [
                (
                    page.process.title,
                    one.title,
                    one.length,
                    one.counting,
                    one.starts,
                    one.met_by,
                    one.reminder,
                    "\n".join(one.escalation),
                    one.source,
                    one.confidence,
                )
                for page in pages
                for one in page.deadlines
            ],
        ),
        (
            _("Process steps"),
            (
                _("Kind of matter"),
                _("Step"),
                _("Before"),
                _("After"),
                _("Who may"),
                _("What it needs"),
                _("What follows"),
            ),
            [
                (
                    page.process.title,
                    one.title,
                    one.sources,
                    one.target,
                    one.who,
                    "\n".join(one.needs),
                    "\n".join(one.follows),
                )
                for page in pages
                for one in page.steps
            ],
        ),
    ]

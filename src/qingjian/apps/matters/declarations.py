"""What a process is: states, actions, who may, what must be there, clocks, signatures, documents, copies.

A declaration is plain typed data. It is the only source: the state machine of the proxy model, the forms, the
checks at start-up, the deadlines and the pages are all made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Point

Text = str | Promise
VOID = "void"
"""The state every process has beside its own: a number given by mistake stays visible as void."""


class FieldKind(StrEnum):
    """Kinds of data a person enters with an action."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    CHOICE = "choice"
    YES_NO = "yes_no"
    PERSON = "person"
    """A user who sees the matter and may handle it; stored as primary key."""


@dataclass(frozen=True, slots=True)
class DataField:
    """One value of a matter, entered with an action and kept in `Matter.data`."""

    name: str
    title: Text
    kind: FieldKind = FieldKind.TEXT
    required: bool = True
    choices: tuple[tuple[str, Text], ...] = ()
    help_text: Text = ""
    minimum: int | None = None
    maximum: int | None = None
    future: bool = False
    """Whether a date may lie after today; most say what has happened."""


class Party(StrEnum):
    """On which side of the matter a person stands."""

    BUREAU = "bureau"
    """Posts that reach the region of the matter."""
    SUBJECT = "subject"
    """People of the organisation the matter is about."""


@dataclass(frozen=True, slots=True)
class EvidenceNeed:
    """How many pieces of evidence must be attached and not withdrawn: of which kinds, by which side, since which step."""

    title: Text
    count: int = 1
    kinds: tuple[str, ...] = ()
    """Any kind when empty."""
    party: Party | None = None
    """The side that must have added it; either when None."""
    since: tuple[str, ...] = ()
    """Actions, or `open`: only what was added after the last of these counts; everything when empty."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who may do something: side, capability, the person in charge, a certificate, and the separation of duties."""

    capability: Capability
    party: Party = Party.BUREAU
    assignee_only: bool = False
    """Only the person in charge (or who stands in), once there is one."""
    certificate: str = ""
    """Kind of certificate that must be valid at that moment."""
    scope_field: str = ""
    """Data field whose value must be one of the items the certificate's scope lists."""
    not_who_did: tuple[str, ...] = ()
    """Actions whose doers may not do this one (separation of duties)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A deadline: from a rulebook row, or the office's own days, or days entered with an action.

    Exactly one of `rule` (process and step of the rulebook table `deadlines`), `days`, `days_field` is given.
    """

    code: str
    title: Text
    rule: tuple[str, str] = ()  # type: ignore[assignment]
    days: int = 0
    """Length in `unit`; an hour is a unit too."""
    days_field: str = ""
    unit: str = "working day"
    instrument: str = "as-written"
    source: Text = ""
    confidence: str = "U"
    when: tuple[str, str] | None = None
    """(data field, value): the clock starts only if the field has that value."""
    start_field: str = ""
    """Data field with the day or moment the clock starts; the moment of the action when empty."""
    remind_before: timedelta = timedelta(days=2)
    escalate_after: timedelta = timedelta(days=2)
    """After the due time the first level is told at once, the next level after this long."""
    party: Party = Party.BUREAU
    """Who has to meet it, and is late when it is missed."""
    inside: bool = False
    """Whether it binds the authority alone: the organisation concerned neither sees it nor is told of it."""


@dataclass(frozen=True, slots=True)
class State:
    """A state, and for whom it waits. `assignee`, `subject`, or the value of a capability."""

    code: str
    title: Text
    waits_for: str = ""
    colour: str = "blue"
    final: bool = False
    shared: bool = False
    """Whether the organisation the matter is about may see it in this state."""


VOID_STATE = State(VOID, _("Void"), colour="secondary", final=True)


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """An official form made from a Word template; `fields` is the whitelist a template may use."""

    code: str
    title: Text
    template: str
    """Path of the packaged template inside the package `qingjian`."""
    fields: Mapping[str, Text]
    values: Callable[[Any, Mapping[str, Any]], dict[str, Any]] | None = None
    """From the matter and the data of the action, further values beside the common ones, as plain text, numbers and lists of dictionaries."""


@dataclass(frozen=True, slots=True)
class SignerSlot:
    """One signature of a sheet, in order."""

    code: str
    title: Text
    who: Who


@dataclass(frozen=True, slots=True)
class SheetKind:
    """Signatures a document needs, in order; the last one completes, a refusal returns."""

    code: str
    title: Text
    document: str
    signers: tuple[SignerSlot, ...]
    completes: str
    """Action taken when the last has signed."""
    returns: str
    """Action taken when one refuses."""
    completes_when: tuple[tuple[str, str, str], ...] = ()
    """(data field, value, action): another action than `completes` when the field has that value."""

    def completion(self, data: Mapping[str, Any]) -> str:
        """Return the action the last signature takes."""
        return next(
            (action for name, value, action in self.completes_when if data.get(name) == value), self.completes
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """What becomes public: fields of the matter by name."""

    title: Text
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What an effect hook gets: everything happens in the transaction of the action."""

    matter: Any
    """The matter, locked and of its process's own class."""
    action: str
    actor: Any
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """A transition with everything that hangs on it."""

    name: str
    title: Text
    sources: tuple[str, ...]
    target: str
    who: Who
    fields: tuple[DataField, ...] = ()
    evidence: tuple[EvidenceNeed, ...] = ()
    assigns: str = ""
    """Data field (kind PERSON) that names the new person in charge; `actor` means whoever acts."""
    starts: tuple[Limit, ...] = ()
    stops: tuple[str, ...] = ()
    """Codes of deadlines this action meets."""
    pauses: Text = ""
    """Ground on which the running clocks shall stop from this action on; it counts once somebody else approved it."""
    resumes: bool = False
    """Whether a stop that is asked for or in force ends with this action."""
    documents: tuple[str, ...] = ()
    sheet: str = ""
    """Sheet of signatures opened for the document made by this action."""
    by_sheet: bool = False
    """Taken by completed or refused signatures only, never by a person directly."""
    inside: bool = False
    """Read by the authority alone, also between shared states; a later action with `notify` tells what was entered."""
    notify: tuple[Party, ...] = ()
    """Sides told in addition to whom the new state waits for."""
    copies: tuple[Capability, ...] = ()
    """Holders of a capability for the region who get a copy."""
    publishes: Publication | None = None
    ledger_fields: tuple[str, ...] = ()
    """Fields that stand in plain in the ledger event, which else holds a digest of what was entered."""
    effect: Callable[[Step], None] | None = None
    tone: str = "primary"
    hint: Text = ""
    recalls: tuple[str, ...] = ()
    """Data entered before that stand above the form: whoever acts reads what is answered, reviewed or decided."""


@dataclass(frozen=True, slots=True)
class Process:
    """The whole declaration of a process."""

    code: str
    title: Text
    number_word: str
    """Word at the beginning of a number, e.g. 核实 in 核实〔2026〕990101-0001."""
    states: tuple[State, ...]
    initial: str
    opening: tuple[DataField, ...]
    who_opens: Who
    actions: tuple[Action, ...]
    opening_starts: tuple[Limit, ...] = ()
    documents: tuple[DocumentKind, ...] = ()
    sheets: tuple[SheetKind, ...] = ()
    needs_subject: bool = False
    needs_point: bool = False
    """Whether it is always about a monitoring point; its region is that of the point."""
    answerable: Callable[[Point], QuerySet[Organisation]] | None = None
    """The organisations that may be concerned where it is about a point; any when None. The one that comes first is proposed."""
    confidentiality: str = "internal"
    follows: tuple[str, ...] = ()
    """Processes out of whose matters this one may be opened."""
    origin_page: str = ""
    """Name of the page about what such a matter begins at; its origin ends with the key of that page."""
    origin_words: Text = ""
    """What a way to that page is called, `%(number)s` for the key."""
    origin_inside: bool = False
    """Whether that page is the bureau's own: whoever reads the matter from outside gets no way to it."""
    icon: str = "checklist"
    _by_name: dict[str, Action] = field(default_factory=dict, init=False, repr=False, compare=False)
    _by_state: dict[str, State] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update({one.name: one for one in self.actions})
        self._by_state.update({one.code: one for one in self.states})

    def action(self, name: str) -> Action | None:
        return self._by_name.get(name)

    def state(self, code: str) -> State:
        return self._by_state.get(code, VOID_STATE)

    def document(self, code: str) -> DocumentKind:
        return next(one for one in self.documents if one.code == code)

    def sheet(self, code: str) -> SheetKind:
        return next(one for one in self.sheets if one.code == code)

    def limits(self) -> list[Limit]:
        return [*self.opening_starts, *(limit for action in self.actions for limit in action.starts)]

    def inside_clocks(self) -> frozenset[str]:
        """Return the codes of deadlines that are the authority's own."""
        return frozenset(one.code for one in self.limits() if one.inside)

    def all_fields(self) -> dict[str, DataField]:
        """Return every field by name, in the order people meet them."""
        found = {one.name: one for one in self.opening}
        for action in self.actions:
            for one in action.fields:
                found.setdefault(one.name, one)
        return found


def problems(process: Process) -> list[str]:
    """Return what is wrong with a declaration: names, reachability, ways out, clocks, documents, signatures."""
    found: list[str] = []
    codes = [one.code for one in process.states]
    names = [one.name for one in process.actions]
    for what, values in (("state", codes), ("action", names)):
        found.extend(
            f"{what} {one} is declared twice"
            for one in sorted({one for one in values if values.count(one) > 1})
        )
    known = set(codes)
    if VOID in known:
        found.append("the state void belongs to every process and is not declared")
    if process.initial not in known:
        found.append(f"the initial state {process.initial} is not declared")
    for action in process.actions:
        for state in (*action.sources, action.target):
            if state not in known:
                found.append(f"action {action.name}: state {state} is not declared")
        found.extend(_action_problems(process, action))
    reached, waiting = {process.initial}, [process.initial]
    while waiting:
        here = waiting.pop()
        for action in process.actions:
            if here in action.sources and action.target not in reached:
                reached.add(action.target)
                waiting.append(action.target)
    found.extend(f"state {one} cannot be reached" for one in codes if one not in reached)
    found.extend(_ways_out(process))
    found.extend(_deadline_problems(process))
    if process.answerable is not None and not process.needs_subject:
        found.append("who may be concerned is narrowed, but no organisation is asked for")
    for sheet in process.sheets:
        if not sheet.signers:
            found.append(f"sheet {sheet.code} has no signer")
        if sheet.document not in {one.code for one in process.documents}:
            found.append(f"sheet {sheet.code}: document {sheet.document} is not declared")
        for name in (
            sheet.completes,
            sheet.returns,
            *(action for _name, _value, action in sheet.completes_when),
        ):
            taken = process.action(name)
            if taken is None or not taken.by_sheet:
                found.append(f"sheet {sheet.code}: {name} is not an action taken by signatures")
    return found


def _ways_out(process: Process) -> list[str]:
    final = {one.code for one in process.states if one.final}
    found = [
        f"final state {one} has an action out of it"
        for one in sorted(final)
        if any(one in action.sources for action in process.actions)
    ]
    leads: set[str] = set(final)
    grown = True
    while grown:
        more = {
            source for action in process.actions if action.target in leads for source in action.sources
        } - leads
        leads |= more
        grown = bool(more)
    found.extend(f"state {one.code} has no way to an end" for one in process.states if one.code not in leads)
    return found


def _action_problems(process: Process, action: Action) -> list[str]:
    found = []
    fields = process.all_fields()
    own = [one.name for one in action.fields]
    if len(own) != len(set(own)):
        found.append(f"action {action.name}: a field is declared twice")
    for one in action.fields:
        if one.kind is FieldKind.CHOICE and not one.choices:
            found.append(f"action {action.name}: field {one.name} has no choices")
    if action.assigns and action.assigns != "actor":
        chosen = next((one for one in action.fields if one.name == action.assigns), None)
        if chosen is None or chosen.kind is not FieldKind.PERSON:
            found.append(f"action {action.name}: {action.assigns} names no person")
    found.extend(
        f"action {action.name}: {name} is recalled and no field"
        for name in action.recalls
        if name not in fields
    )
    for name in action.documents:
        if name not in {one.code for one in process.documents}:
            found.append(f"action {action.name}: document {name} is not declared")
    if action.sheet:
        if action.sheet not in {one.code for one in process.sheets}:
            found.append(f"action {action.name}: sheet {action.sheet} is not declared")
        elif process.sheet(action.sheet).document not in action.documents:
            found.append(f"action {action.name}: the document that sheet {action.sheet} signs is not made")
    for need in action.evidence:
        found.extend(
            f"action {action.name}: evidence since {name}, which is no action"
            for name in need.since
            if name != "open" and process.action(name) is None
        )
        if need.party is Party.SUBJECT and not any(process.state(one).shared for one in action.sources):
            found.append(f"action {action.name}: evidence of an organisation that does not see the matter")
    if action.pauses and (action.resumes or not process.limits()):
        found.append(f"action {action.name} stops clocks that it starts again, or that never run")
    if action.by_sheet and (action.fields or action.documents or action.evidence):
        found.append(f"action {action.name} is taken by signatures and can ask for nothing")
    if action.who.scope_field and (not action.who.certificate or action.who.scope_field not in fields):
        found.append(
            f"action {action.name}: the scope of a certificate is asked for without one, or by no field"
        )
    found.extend(
        f"action {action.name}: ledger field {name} is not entered with it"
        for name in action.ledger_fields
        if name not in own
    )
    if action.publishes:
        found.extend(
            f"action {action.name}: public field {name} is not declared"
            for name in action.publishes.fields
            if name not in fields
        )
    found.extend(
        f"action {action.name}: {name} in the separation of duties is no action"
        for name in action.who.not_who_did
        if name != "open" and process.action(name) is None
    )
    return found


def _deadline_problems(process: Process) -> list[str]:
    found = []
    limits = process.limits()
    codes = {one.code for one in limits}
    fields = process.all_fields()
    for one in limits:
        if sum((bool(one.rule), one.days > 0, bool(one.days_field))) != 1:
            found.append(f"deadline {one.code} needs exactly one of rule, days and days_field")
        if one.days_field and one.days_field not in fields:
            found.append(f"deadline {one.code}: field {one.days_field} is not declared")
        if one.start_field and one.start_field not in fields:
            found.append(f"deadline {one.code}: field {one.start_field} is not declared")
        if one.inside and one.party is Party.SUBJECT:
            found.append(f"deadline {one.code} binds an organisation that is not told of it")
        if one.when and one.when[0] not in fields:
            found.append(f"deadline {one.code}: field {one.when[0]} is not declared")
        if not any(one.code in action.stops for action in process.actions):
            found.append(f"deadline {one.code} is never met by an action")
    for action in process.actions:
        if action.inside and (Party.SUBJECT in action.notify or action.who.party is Party.SUBJECT):
            found.append(f"action {action.name} is inside, yet the organisation takes or is told it")
        found.extend(
            f"action {action.name} stops the deadline {code}, which never starts"
            for code in action.stops
            if code not in codes
        )
    return found


_processes: dict[str, Process] = {}


def register(process: Process) -> Process:
    """Add a process; the same code twice is an error."""
    if process.code in _processes:
        raise ValueError(f"process {process.code} is registered twice")
    _processes[process.code] = process
    return process


def processes() -> Sequence[Process]:
    """Return the registered processes by code."""
    return [_processes[code] for code in sorted(_processes)]


def process(code: str) -> Process:
    """Return a process. Raises KeyError."""
    return _processes[code]

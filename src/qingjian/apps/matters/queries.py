"""All reads of matters, narrowed to what a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian import workdays
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import rules, wording
from qingjian.apps.matters.declarations import VOID, processes
from qingjian.apps.matters.models import (
    CalendarTable,
    Certificate,
    ClockStop,
    Deadline,
    Delegation,
    Delivery,
    Disclosure,
    Document,
    Evidence,
    Matter,
    MatterLink,
    Notification,
    SignOff,
    SignSheet,
)
from qingjian.contracts.current import now

DUE_SOON = timedelta(days=2)


def english() -> bool:
    return (get_language() or "").startswith("en")


def visible_to(user: Any, reached: Sequence[rules.Reach] | None = None) -> QuerySet[Matter]:
    """Return the matters a person may see: the only base query."""
    return Matter.objects.filter(rules.visible(rules.reaches(user) if reached is None else reached))


def is_inside(user: Any, matter: Matter) -> bool:
    """Say whether a person sees a matter as one of the authority, not only for the organisation concerned."""
    return rules.is_inside(rules.reaches(user), matter)


def from_origin(rows: QuerySet[Matter], origin: str) -> QuerySet[Matter]:
    """Narrow to the matters that began at something, e.g. `clue:12`."""
    # Most matters have no origin, so the planner of SQLite takes its index for useless unless it is asked alone.
    return rows.filter(pk__in=Matter.objects.order_by().filter(origin=origin).values("pk"))


def open_from(origin: str) -> QuerySet[Matter]:
    """Return the open matters that began at something, for guards; pages ask `visible_to`."""
    return from_origin(Matter.objects.filter(closed_at=None), origin)


def finished_from(origin: str) -> QuerySet[Matter]:
    """Return the finished matters that began at something, for guards; pages ask `visible_to`."""
    return from_origin(Matter.objects.exclude(closed_at=None), origin)


def open_of(kind: str) -> QuerySet[Matter]:
    """Return the open matters of a process, for jobs; pages ask `visible_to`."""
    return Matter.objects.filter(kind=kind, closed_at=None)


def any_begun() -> bool:
    """Say whether any matter was ever begun on this node."""
    return Matter.objects.exists()


def began_at_any(kind: str, subject: str) -> bool:
    """Say whether a matter of a process ever began at something of that name, e.g. at any `clue`."""
    return Matter.objects.filter(kind=kind, origin__startswith=f"{subject}:").exists()


def begun_at(origin: str) -> int:
    """Return how many matters began at something, void and closed ones too, for keys; pages ask `visible_to`."""
    return Matter.objects.filter(origin=origin).count()


def is_followed(column: str) -> Exists:
    """Return the condition that another matter, not void, was opened out of one whose origin is what the row holds in `column`."""
    links = MatterLink.objects.filter(kind="follows", target__origin=OuterRef(column))
    return Exists(links.exclude(source__state=VOID))


def listed(rows: QuerySet[Matter]) -> QuerySet[Matter]:
    """Return rows with what a list shows of them."""
    return rows.select_related("region", "subject", "assignee", "point__outlet__source")


def with_own_due(rows: QuerySet[Matter], user: Any) -> QuerySet[Matter]:
    """Give rows the next date this person may know as `own_due`: a company's leaves out the authority's own clocks."""
    if not account_rules.is_own_organisation_only(user):
        return rows.annotate(own_due=F("due"))
    clocks = known_to(user, Deadline.objects.filter(matter=OuterRef("pk"), state=Deadline.State.RUNNING))
    return rows.annotate(own_due=Subquery(clocks.order_by("due").values("due")[:1]))


def known_to(user: Any, clocks: QuerySet[Deadline]) -> QuerySet[Deadline]:
    """Leave out the clocks that bind the authority alone where the reader belongs to a company."""
    if account_rules.is_own_organisation_only(user):
        for process in processes():
            if own := process.inside_clocks():
                clocks = clocks.exclude(matter__kind=process.code, code__in=own)
    return clocks


def due_of(row: Matter) -> datetime | None:
    """Return the next date as the reader may know it."""
    return getattr(row, "own_due", row.due)


def inbox(user: Any) -> QuerySet[Matter]:
    """Return what waits for this person, or for somebody the person stands in for, most urgent first.

    Each row says in `stop_asked` whether somebody else asked to stop its clocks and no one has decided yet.
    """
    reached = rules.reaches(user)
    condition = Q(pk__in=())
    asked = (
        ClockStop.objects.order_by()
        .filter(state=ClockStop.State.ASKED)
        .exclude(asked_by=user)
        .exclude(asked_for=user)
    )
    for one in reached:
        condition |= Q(waiting="assignee", assignee=one.person)
        for capability, regions in one.capabilities.items():
            if regions:
                condition |= Q(waiting=capability.value, region_id__in=regions)
        approving = one.capabilities.get(Capability.APPROVE_MATTERS)
        if approving:
            condition |= Q(waiting="assignee", assignee=None, region_id__in=approving)
            theirs = asked.exclude(asked_by=one.person).exclude(asked_for=one.person)
            condition |= Q(region_id__in=approving, pk__in=theirs.values("matter_id"))
        if one.organisations:
            condition |= Q(waiting="subject", subject_id__in=one.organisations, shared=True)
    rows = with_own_due(listed(visible_to(user, reached).filter(condition, closed_at=None)), user)
    return rows.annotate(stop_asked=Exists(asked.filter(matter=OuterRef("pk")))).order_by(
        F("own_due").asc(nulls_last=True), "opened_at", "id"
    )


def in_charge(user: Any) -> QuerySet[Matter]:
    """Return the open matters this person is in charge of."""
    return listed(visible_to(user).filter(assignee=user, closed_at=None)).order_by(
        F("due").asc(nulls_last=True), "id"
    )


def light(due: datetime | None, moment: datetime, closed: bool = False) -> tuple[str, str]:
    """Return colour and text of the traffic light of a deadline."""
    if closed:
        return "secondary", _("closed")
    if due is None:
        return "secondary", _("no deadline")
    if due < moment:
        return "red", _("overdue")
    if due - moment <= DUE_SOON:
        return "orange", _("due soon")
    return "green", _("in time")


def matter_light(row: Matter, moment: datetime) -> tuple[str, str]:
    """Return the traffic light of a matter; where no date runs because the clock is stopped, it says so."""
    due = due_of(row)
    if due is None and row.closed_at is None and row.deadlines.filter(state=Deadline.State.PAUSED).exists():
        return "purple", _("clock stopped")
    return light(due, moment, row.closed_at is not None)


def containing(rows: QuerySet[Matter], text: str) -> QuerySet[Matter]:
    """Narrow to rows whose number, title or organisation holds a text."""
    # Numbers hold no Latin letters; and where case does not matter, a plain comparison is several times faster.
    cased = text.lower() != text.upper()
    lookup = "icontains" if cased else "contains"
    own = [Q(**{f"title__{lookup}": text}), Q(**{f"title_en__{lookup}": text})]
    own += [] if cased else [Q(number__contains=text)]
    found = Q(subject__in=Organisation.objects.order_by().filter(**{f"name__{lookup}": text}).values("pk"))
    for one in own:
        # SQLite looks a text up in a narrow index of its own; PostgreSQL is quicker in one walk over the rows.
        if connections[rows.db].vendor == "sqlite":
            found |= Q(pk__in=Matter.objects.order_by().filter(one).values("pk"))
        else:
            found |= one
    return rows.filter(found)


def by_light(rows: QuerySet[Matter], which: str) -> QuerySet[Matter]:
    """Filter open matters that have `own_due` by the traffic light their reader sees."""
    moment = now()
    match which:
        case "overdue":
            return rows.filter(closed_at=None, own_due__lt=moment)
        case "soon":
            return rows.filter(closed_at=None, own_due__gte=moment, own_due__lte=moment + DUE_SOON)
        case "later":
            return rows.filter(closed_at=None, own_due__gt=moment + DUE_SOON)
        case "none":
            return rows.filter(closed_at=None, own_due=None)
        case "closed":
            return rows.exclude(closed_at=None)
    return rows.filter(closed_at=None)


def waiting_summary(user: Any, count: int = 8) -> dict[str, Any]:
    """Return the card of the workbench: how much waits, how much of it is late, and the most urgent."""
    rows = inbox(user)
    moment = now()
    figures = rows.order_by().aggregate(
        total=Count("pk"),
        overdue=Count("pk", filter=Q(own_due__lt=moment)),
        soon=Count("pk", filter=Q(own_due__gte=moment, own_due__lte=moment + DUE_SOON)),
    )
    first = list(rows[:count]) if figures["total"] else []
    for one in first:
        one.light_colour, one.light_text = matter_light(one, moment)
        one.due = due_of(one)
    return {**figures, "first": first, "unread": unread(user)}


@lru_cache(maxsize=8)
def _calendar(newest: int, _at: datetime, _text: str) -> workdays.Calendar:
    """Return the calendar with all tables up to one; its time and text keep a restored database from meeting an older cache."""
    calendar = workdays.packaged_calendar()
    for row in CalendarTable.objects.filter(pk__lte=newest).order_by("id"):
        table = workdays.load(row.text).table
        if table is not None:
            calendar = calendar.replacing(table)
    return calendar


def calendar() -> workdays.Calendar:
    """Return the working days of this office: the packaged tables and those it imported."""
    newest = CalendarTable.objects.order_by("-id").values_list("pk", "at", "text").first()
    return workdays.packaged_calendar() if newest is None else _calendar(*newest)


def pauses(matter: Matter, code: str) -> tuple[workdays.Pause, ...]:
    """Return the stops of a deadline as the calculation wants them; unapproved ones are named and do not count."""
    stops = matter.stops.exclude(state=ClockStop.State.REFUSED).select_related("decided_by")
    return tuple(
        workdays.Pause(
            one.start,
            one.end,
            one.reason,
            one.decided_by.name if one.decided_by else "",
            one.decided_at,
            one.document,
        )
        for one in stops
        if not one.codes or code in one.codes
    )


def computed(clock: Deadline, with_calendar: workdays.Calendar | None = None) -> workdays.Deadline:
    """Return the full answer of a deadline with its explanation."""
    begin = clock.started_at
    # A stop that began before this clock did, or after it ended, is none of its business.
    own = tuple(
        one
        for one in pauses(clock.matter, clock.code)
        if (one.end is None or one.end >= begin) and (clock.ended_at is None or one.start <= clock.ended_at)
    )
    return workdays.deadline(
        begin,
        clock.limit,
        workdays.parse_unit(clock.unit),
        workdays.instrument(clock.instrument),
        with_calendar or calendar(),
        own,
    )


def as_kept(answer: workdays.Deadline) -> dict[str, Any]:
    """Return an answer with its explanation in both languages as JSON-safe values, as an ended deadline keeps it."""
    found: dict[str, Any] = {
        "due": answer.due.isoformat() if answer.due else None,
        "last_day": answer.last_day.isoformat() if answer.last_day else None,
        "steps": [
            {
                "day": one.day.isoformat(),
                "counted": one.counted,
                "number": one.number,
                "zh": one.zh,
                "en": one.en,
            }
            for one in answer.explanation
        ],
    }
    for language in ("zh", "en"):
        lines = answer.explain(language)
        found[language] = {"headline": lines[0], "closing": list(lines[1 + len(answer.explanation) :])}
    return found


def deadlines_of(matter: Matter, inside: bool = True) -> list[Deadline]:
    """Return the clocks of a matter with traffic lights; outside the authority without its own."""
    moment = now()
    hidden = frozenset() if inside else matter.declaration.inside_clocks()
    rows = [one for one in matter.deadlines.prefetch_related("revisions") if one.code not in hidden]
    for one in rows:
        one.matter = matter
        one.words = wording.deadline_title(matter.declaration, one.code, one.title)
        one.light_colour, one.light_text = clock_light(one, moment)
    return rows


def deadlines_visible_to(user: Any) -> QuerySet[Deadline]:
    """Return the clocks of all matters in reach that the person may know of, the next to end first."""
    # Asked clock by clock: few clocks run, and a list of every matter in reach would be made for each page.
    rows = Deadline.objects.filter(Exists(visible_to(user).filter(pk=OuterRef("matter_id"))))
    return (
        known_to(user, rows)
        .select_related("matter__region", "matter__subject", "matter__assignee")
        .order_by(F("due").asc(nulls_last=True), "pk")
    )


def clocks_in_reach(user: Any) -> QuerySet[Deadline]:
    """Return the same clocks in no order, for counting all of them at once."""
    reached = rules.reaches(user)
    regions = rules.whole_regions(reached)
    if regions is not None:
        return Deadline.objects.order_by().filter(region_id__in=regions)
    return known_to(user, Deadline.objects.order_by().filter(matter__in=visible_to(user, reached).order_by()))


def by_clock(rows: QuerySet[Deadline], which: str) -> QuerySet[Deadline]:
    """Filter clocks by what they do now."""
    moment = now()
    match which:
        case "overdue":
            return rows.filter(state=Deadline.State.RUNNING, due__lt=moment)
        case "soon":
            return rows.filter(state=Deadline.State.RUNNING, due__gte=moment, due__lte=moment + DUE_SOON)
        case "paused":
            return rows.filter(state=Deadline.State.PAUSED)
        case "provisional":
            return rows.filter(state=Deadline.State.RUNNING, provisional=True)
        case "late":
            return rows.filter(state=Deadline.State.MISSED)
        case "met":
            return rows.filter(state=Deadline.State.MET)
    return rows.filter(state__in=(Deadline.State.RUNNING, Deadline.State.PAUSED))


def clock_light(clock: Deadline, moment: datetime) -> tuple[str, str]:
    """Return colour and text of the traffic light of one clock."""
    if clock.state == Deadline.State.PAUSED:
        return "purple", _("clock stopped")
    if clock.state != Deadline.State.RUNNING:
        return {"met": "green", "missed": "red"}.get(clock.state, "secondary"), clock.get_state_display()
    return light(clock.due, moment)


def notifications(user: Any) -> QuerySet[Notification]:
    return Notification.objects.filter(person=user).select_related("matter")


def deliveries(user: Any) -> QuerySet[Delivery]:
    """Return what left the node over other channels, for who runs the system: addresses and errors, never a text."""
    account_rules.require(user, Capability.RUN_SYSTEM)
    return Delivery.objects.select_related("notification__person").order_by("-id")


def unread(user: Any) -> int:
    return Notification.objects.filter(person=user, read_at=None).count()


def delegations_visible_to(user: Any) -> QuerySet[Delegation]:
    """Return one's own delegations, and those of the people one supervises."""
    condition = Q(person=user) | Q(deputy=user)
    if account_rules.may(user, Capability.APPROVE_MATTERS):
        condition |= Q(person__in=staff(user))
    return Delegation.objects.select_related("person", "deputy", "author").filter(condition)


def staff(user: Any) -> QuerySet[User]:
    """Return the people with a post within the regions where this person approves, and the person."""
    regions = account_rules.scope(user, Capability.APPROVE_MATTERS).regions
    day = account_rules.today()
    held = Q(posts__region_id__in=regions, posts__valid_from__lte=day) & (
        Q(posts__valid_to=None) | Q(posts__valid_to__gt=day)
    )
    return User.objects.filter(Q(pk=user.pk) | held, is_active=True).distinct()


def colleagues(user: Any) -> QuerySet[User]:
    """Return the people a person may name as deputy: of the same organisation, or whom the person supervises."""
    return User.objects.filter(
        Q(organisation_id=user.organisation_id) | Q(pk__in=staff(user)), is_active=True
    ).distinct()


def certificates_visible_to(user: Any) -> QuerySet[Certificate]:
    """Return one's own certificates, those of one's organisation, and all in the regions where one sees matters.

    Those of agencies and maintenance companies are seen by every authority.
    """
    one = rules.reach(user)
    serving = Q(organisation__kind__in=rules.SERVING) if one.seeing else Q(pk__in=())
    return Certificate.objects.select_related("person", "organisation").filter(
        Q(person=user)
        | Q(person__organisation_id=user.organisation_id)
        | Q(organisation_id=user.organisation_id)
        | Q(person__organisation__region_id__in=one.seeing)
        | Q(organisation__region_id__in=one.seeing)
        | serving
    )


def sheet_to_sign(user: Any, matter: Matter) -> tuple[SignSheet, Any, rules.Verdict] | None:
    """Return the open sheet of a matter with its next slot and whether this person may sign it."""
    sheet = matter.sheets.filter(state=SignSheet.State.OPEN).select_related("document__file").last()
    if sheet is None:
        return None
    sheet.matter = matter
    slot = next_slot(sheet)
    return None if slot is None else (sheet, slot, may_sign(user, sheet, slot))


def next_slot(sheet: SignSheet) -> Any:
    slots = sheet.matter.declaration.sheet(sheet.code).signers
    done = sheet.signatures.filter(refused=False).exclude(slot="outsider").count()
    return slots[done] if done < len(slots) else None


def may_sign(user: Any, sheet: SignSheet, slot: Any) -> rules.Verdict:
    """Say whether a person may sign a slot: personally, with role and certificate now, and once per sheet."""
    verdict = rules.may(user, slot.who, sheet.matter, personal=True)
    if verdict.allowed and sheet.signatures.filter(signer=user).exclude(slot="outsider").exists():
        return rules.Verdict(
            False, reason=_("You have signed this sheet; the next signature is somebody else's.")
        )
    return verdict


def documents_visible_to(user: Any) -> QuerySet[Document]:
    return Document.objects.select_related("matter", "file").filter(matter__in=visible_to(user))


def evidence_visible_to(user: Any) -> QuerySet[Evidence]:
    return Evidence.objects.select_related("file", "matter").filter(matter__in=visible_to(user))


def drawings_visible_to(user: Any) -> QuerySet[SignOff]:
    """Return the signatures drawn on a screen."""
    return (
        SignOff.objects.select_related("drawing", "sheet__matter")
        .filter(sheet__matter__in=visible_to(user))
        .exclude(drawing=None)
    )


def published(text: str = "") -> QuerySet[Disclosure]:
    """Return what is public now, newest first, perhaps narrowed by a text; the only read here that asks for no person."""
    rows = Disclosure.objects.filter(withdrawn_at=None).select_related("matter")
    if text:
        rows = rows.filter(
            Q(content__subject__icontains=text)
            | Q(content__title__icontains=text)
            | Q(content__number__icontains=text)
        )
    return rows


def orphans(user: Any) -> QuerySet[Matter]:
    """Return open matters whose person in charge no longer has a post that reaches them."""
    candidates = visible_to(user).filter(closed_at=None).exclude(assignee=None)
    held = list(candidates.order_by().values_list("assignee", "region").distinct())
    reached = rules.still_reached({person for person, _region in held})
    lost = Q(pk__in=())
    for person, region in held:
        regions, organisations = reached[person]
        if region not in regions:
            lost |= Q(assignee=person, region=region) & ~Q(subject__in=organisations)
    return listed(candidates.filter(lost))

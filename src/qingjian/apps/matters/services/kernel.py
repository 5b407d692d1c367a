"""Actions every matter has: evidence, notes, handing over, urging, stops of the clock, signatures, links, void."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import gates, queries, rules
from qingjian.apps.matters.declarations import Party, Who
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Evidence, Matter, MatterLink, SignSheet, StoredFile, TrailEntry
from qingjian.apps.matters.services import clocks, notices, signing
from qingjian.apps.matters.services.trail import Acting
from qingjian.apps.matters.words import CAPTURE_MODES, EVIDENCE_KINDS
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

HANDLER = Who(Capability.HANDLE_MATTERS)
APPROVER = Who(Capability.APPROVE_MATTERS)
SUPERVISOR = Who(Capability.SUPERVISE)
FIRST_YEAR = 1990
"""Earlier times are mistyped: there were neither these cameras nor these offices."""
WATCH_MAY_BE_WRONG = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Own:
    """An action of the kernel: what is done before, inside, and after the trail line."""

    run: Callable[[Acting], None]
    needs_version: bool = True
    prepare: Callable[[Matter, Any, dict[str, Any]], Any] | None = None
    after: Callable[[Acting, TrailEntry], None] | None = None


def _require_taking_part(acting: Acting) -> Party:
    """Allow whoever handles matters of the region, and the organisation concerned while it is shared; return which side."""
    verdict = rules.may(acting.actor, HANDLER, acting.matter)
    if not verdict.allowed:
        verdict = rules.may(acting.actor, APPROVER, acting.matter)
    if not verdict.allowed:
        reached = rules.reaches(acting.actor)
        if not any(acting.matter.shared and acting.matter.subject_id in one.organisations for one in reached):
            raise NotAllowed(verdict.reason)
        return Party.SUBJECT
    acting.verdict = verdict
    return Party.BUREAU


def _require_open(acting: Acting) -> None:
    if not acting.matter.is_open:
        raise RefusedError("closed", _("The matter is closed."))


def _require(acting: Acting, who: Who) -> None:
    acting.verdict = rules.may(acting.actor, who, acting.matter)
    if not acting.verdict.allowed:
        raise NotAllowed(acting.verdict.reason)


def _attach(acting: Acting) -> None:
    _require_open(acting)
    side = _require_taking_part(acting)
    data = acting.data
    file = StoredFile.objects.filter(pk=str(data.get("digest", ""))).first()
    if file is None:
        raise RefusedError("file", _("The file has not been stored."))
    kind, capture, title = (str(data.get(name, "")).strip() for name in ("kind", "capture", "title"))
    if kind not in dict(EVIDENCE_KINDS) or capture not in dict(CAPTURE_MODES) or not title:
        raise RefusedError("field", _("Say what the file shows, of which kind it is and how it came."))
    if capture == "recorder" and not str(data.get("recorder", "")).strip():
        raise RefusedError("field", _("Give the number of the recorder."))
    belongs = {"photo": ("image/",), "video": ("video/",), "audio": ("audio/",)}.get(kind)
    if belongs and not file.media_type.startswith(belongs):
        raise RefusedError(
            "file",
            _("The content of the file is %(type)s, which is not a %(kind)s.")
            % {"type": file.media_type, "kind": dict(EVIDENCE_KINDS)[kind]},
        )
    if acting.matter.evidence.filter(file=file, withdrawn_at=None).exists():
        raise RefusedError("file", _("This file is attached already."))
    inside = data.get("inside") or {}
    replaces = acting.matter.evidence.filter(pk=data.get("replaces") or 0).first()
    row = Evidence.objects.create(
        matter=acting.matter,
        file=file,
        name=str(data.get("name", ""))[:200],
        kind=kind,
        title=title[:200],
        capture=capture,
        taken_at=_taken(data.get("taken_at")),
        taken_at_in_file=_said(inside.get("taken_at")),
        longitude=data.get("longitude"),
        latitude=data.get("latitude"),
        longitude_in_file=inside.get("longitude"),
        latitude_in_file=inside.get("latitude"),
        device=str(data.get("device") or inside.get("device") or "")[:120],
        recorder=str(data.get("recorder") or "")[:60],
        added_by=acting.actor,
        added_at=now(),
        side=side.value,
        replaces=replaces,
    )
    acting.data = {
        "evidence": row.pk,
        "digest": file.digest,
        "title": row.title,
        "kind": kind,
        "capture": capture,
        "side": side.value,
    }
    acting.bumps_version = False


def _moment(value: Any) -> Any:
    if not value:
        return None
    try:
        found = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if found is None or found.year < FIRST_YEAR:
        raise RefusedError("field", _("The time is not understood: %(text)s") % {"text": value})
    return found if found.tzinfo else found.replace(tzinfo=CHINA)


def _taken(value: Any) -> Any:
    """Return when something was taken, as a person says it: never later than now, a few minutes of a wrong watch apart."""
    found = _moment(value)
    if found is not None and found > now() + WATCH_MAY_BE_WRONG:
        raise RefusedError("field", _("The time it was taken lies in the future: %(text)s") % {"text": value})
    return found


def _said(value: Any) -> Any:
    """Return a time a file says of itself; one that no camera can have written counts as not said."""
    try:
        found = _moment(value)
    except RefusedError:
        return None
    return found if found is None or found.year <= now().year + 100 else None


def _withdraw(acting: Acting) -> None:
    _require_open(acting)
    _require_taking_part(acting)
    row = acting.matter.evidence.filter(pk=acting.data.get("evidence") or 0, withdrawn_at=None).first()
    reason = str(acting.data.get("reason", "")).strip()
    if row is None:
        raise RefusedError("evidence", _("There is no such evidence, or it is withdrawn already."))
    if not reason:
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    if row.added_by_id != acting.actor.pk and acting.matter.assignee_id != acting.actor.pk:
        raise NotAllowed(_("Evidence is withdrawn by whoever added it or by the person in charge."))
    if acting.matter.sheets.filter(state=SignSheet.State.OPEN).exists():
        raise RefusedError(
            "evidence",
            _(
                "A document that rests on this evidence is being signed. Take the document back, or refuse to sign it, before evidence is withdrawn."
            ),
        )
    if (step := gates.standing_on(acting.matter, row)) is not None:
        raise RefusedError(
            "evidence",
            _(
                "The step “%(step)s” was taken on this evidence. Attach what takes its place first; then it can be withdrawn."
            )
            % {"step": step.title},
        )
    Evidence.objects.filter(pk=row.pk).update(
        withdrawn_by=acting.actor, withdrawn_at=now(), withdrawal_reason=reason[:300]
    )
    acting.data = {"evidence": row.pk, "digest": row.file_id, "title": row.title}
    acting.note = reason


def _comment(acting: Acting) -> None:
    _require_taking_part(acting)
    acting.note = str(acting.data.get("note", "")).strip()
    if not acting.note:
        raise RefusedError("field", _("Write a note."))
    if len(acting.note) > 1000:
        raise RefusedError("field", _("The note is too long."))
    inside = rules.is_inside(rules.reaches(acting.actor), acting.matter)
    acting.data = {"inside": inside and not acting.data.get("shown")}
    acting.bumps_version = False


def _assign(acting: Acting) -> None:
    _require_open(acting)
    matter = acting.matter
    own = matter.assignee_id == acting.actor.pk
    _require(acting, HANDLER if own else APPROVER)
    person = User.objects.filter(pk=acting.data.get("person") or 0).first()
    note = str(acting.data.get("note", "")).strip()
    if person is None or person.pk not in {one.pk for one in rules.handlers(matter)}:
        raise RefusedError("person", _("This person's posts do not reach the matter."))
    if person.pk == matter.assignee_id:
        raise RefusedError("person", _("This person is in charge already."))
    if not note:
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    before = matter.assignee_id
    matter.assignee_id = person.pk
    acting.data = {"person": person.pk, "name": person.name, "before": before, "inside": True}
    acting.note = note
    notices.tell(matter, [person], "assigned", except_for=acting.actor)


def _urge(acting: Acting) -> None:
    """Let who supervises or approves, at this level or above, urge those on whom the matter waits (督办)."""
    _require_open(acting)
    verdict = rules.may(acting.actor, SUPERVISOR, acting.matter)
    if not verdict.allowed:
        _require(acting, APPROVER)
    else:
        acting.verdict = verdict
    acting.note = str(acting.data.get("note", "")).strip()
    if not acting.note:
        raise RefusedError("field", _("Write what is expected, and until when."))
    acting.bumps_version = False
    values = {"person": acting.actor.name, "note": acting.note[:300]}
    told = notices.tell(
        acting.matter, notices.concerned(acting.matter), "urged", values, except_for=acting.actor
    )
    theirs = {one.pk for one in rules.people_of(acting.matter.subject_id)}
    acting.data = {"told": sorted(told), "inside": not told & theirs}


def _withdraw_disclosure(acting: Acting) -> None:
    _require(acting, APPROVER)
    row = acting.matter.disclosures.filter(pk=acting.data.get("disclosure") or 0, withdrawn_at=None).first()
    reason = str(acting.data.get("reason", "")).strip()
    if row is None:
        raise RefusedError("field", _("There is no such publication, or it is taken back already."))
    if not reason:
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    row.withdrawn_at, row.withdrawal_reason = now(), reason[:300]
    row.save(update_fields=("withdrawn_at", "withdrawal_reason"))
    acting.data = {"disclosure": row.pk}
    acting.note = reason


def _request_stop(acting: Acting) -> None:
    _require_open(acting)
    _require(acting, HANDLER)
    reason = str(acting.data.get("reason", "")).strip()
    if not reason:
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    stop = clocks.ask_stop(
        acting.matter,
        acting.actor,
        acting.verdict.on_behalf_of,
        _moment(acting.data.get("start")) or now(),
        reason[:300],
        str(acting.data.get("document") or "")[:200],
        [str(one) for one in acting.data.get("codes") or ()],
    )
    acting.data = {"start": stop.start.isoformat(), "document": stop.document, "codes": stop.codes}
    acting.note = reason
    notices.tell_approvers(acting.matter, "stop_asked", acting.actor)


def _decide_stop(approve: bool) -> Callable[[Acting], None]:
    def run(acting: Acting) -> None:
        # A closed matter too: whether a deadline was missed may hang on the answer.
        _require(acting, APPROVER)
        note = str(acting.data.get("note", "")).strip()
        if not note:
            raise RefusedError("field", _("Give a reason: it stays in the history."))
        stop = clocks.stop_to_decide(acting.matter)
        asked = {stop.asked_by_id, stop.asked_for_id}
        # Whoever asked, or for whom it was asked, decides neither in person nor through a deputy.
        others = [one for one in rules.reaches(acting.actor) if one.person.pk not in asked]
        acting.verdict = rules.may(acting.actor, APPROVER, acting.matter, others)
        if acting.actor.pk in asked or not acting.verdict.allowed:
            raise RefusedError("person", _("Nobody approves what they asked for themselves."))
        clocks.decide_stop(
            acting.matter, stop, acting.actor, acting.verdict.on_behalf_of, approve, note[:300]
        )
        acting.data = {"start": stop.start.isoformat()}
        acting.note = note
        people = [stop.asked_by, *notices.concerned(acting.matter)]
        notices.tell(acting.matter, people, "stop_decided", {"note": note}, except_for=acting.actor)

    return run


def _resume(acting: Acting) -> None:
    _require_open(acting)
    _require(acting, HANDLER)
    stop = clocks.resume(acting.matter)
    acting.data = {"start": stop.start.isoformat(), "end": stop.end.isoformat()}
    notices.tell(acting.matter, notices.concerned(acting.matter), "resumed", except_for=acting.actor)


def _link(acting: Acting) -> None:
    _require_taking_part(acting)
    other = (
        queries.visible_to(acting.actor)
        .filter(number=str(acting.data.get("number", "")).strip())
        .exclude(pk=acting.matter.pk)
        .first()
    )
    kind = str(acting.data.get("kind", "concerns"))
    if other is None or kind not in ("concerns", "merged"):
        raise RefusedError("field", _("No matter you can see has this number."))
    _row, created = MatterLink.objects.get_or_create(
        source=acting.matter, target=other, kind=kind, defaults={"author": acting.actor, "at": now()}
    )
    if not created:
        raise RefusedError("field", _("The two are linked already."))
    acting.data = {"number": other.number, "kind": kind, "inside": True}
    acting.bumps_version = False


def _void(acting: Acting) -> None:
    _require_open(acting)
    _require(acting, APPROVER)
    reason = str(acting.data.get("reason", "")).strip()
    if not reason:
        raise RefusedError("field", _("Give a reason: it stays in the history."))
    people = notices.concerned(acting.matter)
    if acting.matter.shared:
        people.extend(rules.people_of(acting.matter.subject_id))
    acting.matter.take_void()
    acting.matter.closed_at = now()
    acting.matter.waiting = ""
    acting.matter.sheets.filter(state="open").update(state="dropped")
    clocks.cancel(acting.matter, now())
    acting.data = {}
    acting.note = reason
    notices.tell(acting.matter, people, "voided", {"note": reason[:300]}, except_for=acting.actor)


KERNEL: dict[str, Own] = {
    "attach": Own(_attach, needs_version=False),
    "withdraw-evidence": Own(_withdraw),
    "comment": Own(_comment, needs_version=False),
    "assign": Own(_assign),
    "urge": Own(_urge, needs_version=False),
    "withdraw-disclosure": Own(_withdraw_disclosure),
    "request-stop": Own(_request_stop),
    "approve-stop": Own(_decide_stop(True)),
    "refuse-stop": Own(_decide_stop(False)),
    "resume": Own(_resume),
    "sign": Own(signing.sign, prepare=signing.prepare_signature, after=signing.after_signing),
    "refuse": Own(signing.refuse, prepare=signing.prepare_signature, after=signing.after_refusing),
    "sign-outsider": Own(signing.sign_outsider, prepare=signing.prepare_outsider),
    "link": Own(_link, needs_version=False),
    "void": Own(_void),
}

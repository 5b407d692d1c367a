"""Self-proof of truth (真实性自我举证): the bureau asks, the unit answers with evidence, two people decide.

No law names a number of days; the request names its own, in working days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.accounts.roles import Capability as C
from qingjian.apps.integrity.processes import VERIFICATION, carried, clue_of
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters.declarations import (
    Action,
    DataField,
    DocumentKind,
    EvidenceNeed,
    FieldKind,
    Limit,
    Party,
    Process,
    State,
    Step,
    Who,
)
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Matter
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now

EXPLAINED, NOT_EXPLAINED, UNANSWERED = "explained", "not_explained", "unanswered"
OPINIONS = (
    (EXPLAINED, _("Explained: the evidence accounts for the data")),
    (NOT_EXPLAINED, _("Not explained: verify on site")),
)
DECIDED = ("request", "explanation", "opinion", "opinion_text")
"""What a leader reads above the decision."""
ANSWERS = ("answer", "supplement")
"""Clocks of the unit."""
UNIT = Who(C.HANDLE_MATTERS, Party.SUBJECT)
OFFICER = Who(C.HANDLE_MATTERS, assignee_only=True)
LEADER = Who(C.APPROVE_MATTERS, not_who_did=("review",))
_SOURCE = _("Named in the request; no law was found that sets a number of days")


def _answer_limit(code: str, title: object) -> Limit:
    return Limit(code, title, days_field="days", source=_SOURCE, confidence="U", party=Party.SUBJECT)


def _request_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    missing = data.get("missing", "")
    return {
        "request": data.get("request", ""),
        "wanted": data.get("wanted", ""),
        "days": data.get("days", ""),
        "missing": f"仍需补充：{missing}" if missing else "",
    }


def _decision_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    opinion = data.get("opinion", "")
    return {
        "request": data.get("request", ""),
        "explanation": data.get("explanation", ""),
        "opinion": dict(OPINIONS).get(opinion, ""),
        "opinion_text": data.get("opinion_text", ""),
        "decision": data.get("decision", ""),
    }


def _explained_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    return {**_decision_values(matter, data), "result": _("Explained")}


def _not_explained_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    return {**_decision_values(matter, data), "result": _("Not explained")}


_DECISION_FIELDS = {
    "request": _("What the unit is asked to prove"),
    "explanation": _("Explanation of the unit"),
    "opinion": _("Opinion"),
    "opinion_text": _("Reason of the opinion"),
    "result": _("Decision"),
    "decision": _("Reason of the decision"),
}


def _explained(step: Step) -> None:
    """Dismiss the clue: the unit has shown why its data are as they are; the precision of the rule follows.

    A visit weighs more than a letter: while one is not finished, or once one has confirmed the clue, this is refused.
    """
    clue = clue_of(step.matter)
    if clue is None:
        return
    visit = matters.open_from(step.matter.origin).filter(kind=VERIFICATION.code).first()
    if visit is not None:
        raise RefusedError(
            "state",
            str(_("The verification %(number)s of the clue is not finished; its result decides the clue."))
            % {"number": visit.number},
        )
    if clue.state == Clue.State.CONFIRMED:
        raise RefusedError(
            "state", str(_("The clue is confirmed: what was found on site stands against the explanation."))
        )
    # An opinion the decision follows says what explains the data; the decision itself is often one word.
    followed = step.matter.data.get("opinion") == "explained"
    opinion = step.matter.data.get("opinion_text", "") if followed else ""
    said = "；".join(filter(None, (opinion, step.data["decision"])))
    observing.conclude_clue(step.actor, clue, Clue.State.DISMISSED, carried(step, said))


def _unanswered(step: Step) -> None:
    """Refuse to close a request before the unit's time is over."""
    clock = step.matter.deadlines.filter(code__in=ANSWERS).order_by("pk").last()
    if clock is not None and clock.state != "missed" and (clock.due is None or clock.due >= now()):
        due = "–" if clock.due is None else f"{clock.due.astimezone(CHINA):%Y-%m-%d %H:%M}"
        raise RefusedError(
            "state",
            str(_("The unit has time to answer until %(due)s; only then can it be closed.")) % {"due": due},
        )


def answerable(point: Point) -> QuerySet[Organisation]:
    """Return the units that can be asked to prove data of a point: its owner and who maintains it, nobody else.

    First comes the holder of a source; at any other point who maintains it.
    """
    maintaining = [one.organisation_id for one in network.in_force(point.duties.filter(kind="maintain"))]
    first = [point.organisation_id] if point.outlet_id or not maintaining else maintaining
    rank = Case(When(pk__in=first, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Organisation.objects.filter(pk__in=[point.organisation_id, *maintaining]).order_by(rank, "name")


SELF_PROOF = Process(
    code="self-proof",
    title=_("Self-proof of truth"),
    number_word="举证",
    icon="file-certificate",
    origin_page="clue",
    origin_words=_("Clue %(number)s"),
    origin_inside=True,
    needs_subject=True,
    needs_point=True,
    answerable=answerable,
    states=(
        State("requested", _("Answer expected"), waits_for="subject", colour="azure", shared=True),
        State("answered", _("Answer being reviewed"), waits_for="assignee", colour="blue", shared=True),
        State(
            "reviewed", _("To be decided"), waits_for=C.APPROVE_MATTERS.value, colour="purple", shared=True
        ),
        State(EXPLAINED, _("Explained"), colour="green", final=True, shared=True),
        State(NOT_EXPLAINED, _("Not explained"), colour="red", final=True, shared=True),
        State(UNANSWERED, _("Not answered"), colour="red", final=True, shared=True),
    ),
    initial="requested",
    who_opens=Who(C.HANDLE_MATTERS),
    opening=(
        DataField(
            "request",
            _("What the unit is asked to prove"),
            FieldKind.LONG_TEXT,
            help_text=_("The unit reads this text. Name data and period; leave out how it was found."),
        ),
        DataField(
            "wanted",
            _("Evidence that is asked for"),
            FieldKind.LONG_TEXT,
            help_text=_(
                "Maintenance and calibration records, operating curves, screen photos, video, raw data."
            ),
        ),
        DataField("days", _("Working days to answer"), FieldKind.NUMBER, minimum=1, maximum=60),
    ),
    opening_starts=(_answer_limit("answer", _("Answer with evidence")),),
    actions=(
        Action(
            "letter",
            _("Make the letter"),
            ("requested",),
            "requested",
            Who(C.HANDLE_MATTERS),
            documents=("request-letter",),
            tone="outline-primary",
            notify=(Party.SUBJECT,),
            hint=_(
                "A letter in Word with what is asked, the evidence wanted and the working days; the unit finds it with the request."
            ),
        ),
        Action(
            "answer",
            _("Answer"),
            ("requested",),
            "answered",
            UNIT,
            fields=(
                DataField("explanation", _("Explanation of the unit"), FieldKind.LONG_TEXT),
                DataField("contact", _("Who can be asked, with telephone"), required=False),
            ),
            evidence=(
                EvidenceNeed(
                    _("Evidence that carries the explanation"),
                    1,
                    party=Party.SUBJECT,
                    since=("open", "ask_more"),
                ),
            ),
            stops=ANSWERS,
            notify=(Party.BUREAU,),
            recalls=("request", "wanted", "missing"),
            hint=_(
                "Attach the evidence first. What is added after the answer is read with it as long as nothing is decided; the review does not wait for it."
            ),
        ),
        Action(
            "take",
            _("Take over the review"),
            ("answered",),
            "answered",
            Who(C.HANDLE_MATTERS),
            assigns="actor",
            tone="outline-secondary",
        ),
        Action(
            "ask_more",
            _("Ask for more evidence"),
            ("answered",),
            "requested",
            OFFICER,
            fields=(
                DataField("missing", _("What is missing"), FieldKind.LONG_TEXT),
                DataField("days", _("Working days to answer"), FieldKind.NUMBER, minimum=1, maximum=60),
            ),
            starts=(_answer_limit("supplement", _("Send what is missing")),),
            tone="outline-primary",
            recalls=("request", "wanted", "explanation"),
        ),
        Action(
            "review",
            _("Review the answer"),
            ("answered",),
            "reviewed",
            OFFICER,
            fields=(
                DataField("opinion", _("Opinion"), FieldKind.CHOICE, choices=OPINIONS),
                DataField("opinion_text", _("Reason of the opinion"), FieldKind.LONG_TEXT),
            ),
            # The officer's opinion is not the bureau's answer yet: the unit reads it with the decision.
            inside=True,
            recalls=("request", "explanation"),
        ),
        Action(
            "accept",
            _("Decide: explained"),
            ("reviewed",),
            EXPLAINED,
            LEADER,
            fields=(DataField("decision", _("Reason of the decision"), FieldKind.LONG_TEXT),),
            documents=("explained-letter",),
            recalls=DECIDED,
            tone="success",
            notify=(Party.SUBJECT,),
            effect=_explained,
            hint=_("The clue is dismissed; this counts against the precision of its rule."),
        ),
        Action(
            "reject",
            _("Decide: not explained"),
            ("reviewed",),
            NOT_EXPLAINED,
            LEADER,
            fields=(DataField("decision", _("Reason of the decision"), FieldKind.LONG_TEXT),),
            documents=("not-explained-letter",),
            recalls=DECIDED,
            tone="danger",
            notify=(Party.SUBJECT,),
            hint=_("The clue stays open; verify it on site."),
        ),
        Action(
            "send_back",
            _("Back to the review"),
            ("reviewed",),
            "answered",
            LEADER,
            fields=(DataField("decision", _("Reason of the decision"), FieldKind.LONG_TEXT),),
            inside=True,
            tone="outline-secondary",
            recalls=DECIDED,
        ),
        Action(
            "close_unanswered",
            _("Close: no answer came"),
            ("requested",),
            UNANSWERED,
            Who(C.HANDLE_MATTERS),
            fields=(DataField("decision", _("Reason of the decision"), FieldKind.LONG_TEXT),),
            tone="outline-danger",
            notify=(Party.SUBJECT,),
            effect=_unanswered,
            hint=_("Once the time to answer is over. The clue stays open; verify it on site."),
        ),
    ),
    documents=(
        DocumentKind(
            "request-letter",
            _("Request for self-proof"),
            "apps/integrity/document_templates/self_proof_request.docx",
            {
                "request": _("What the unit is asked to prove"),
                "wanted": _("Evidence that is asked for"),
                "days": _("Working days to answer"),
                "missing": _("What is missing"),
            },
            _request_values,
        ),
        DocumentKind(
            "explained-letter",
            _("Decision: explained"),
            "apps/integrity/document_templates/self_proof_decision.docx",
            _DECISION_FIELDS,
            _explained_values,
        ),
        DocumentKind(
            "not-explained-letter",
            _("Decision: not explained"),
            "apps/integrity/document_templates/self_proof_decision.docx",
            _DECISION_FIELDS,
            _not_explained_values,
        ),
    ),
)

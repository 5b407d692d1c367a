"""Clue verification (线索核实): a person looks at what screening found, and two people stand for the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.roles import Capability as C
from qingjian.apps.integrity.words import CLUE_OVERTURNED
from qingjian.apps.matters import services as matters
from qingjian.apps.matters.declarations import (
    Action,
    DataField,
    DocumentKind,
    EvidenceNeed,
    FieldKind,
    Limit,
    Party,
    Process,
    SheetKind,
    SignerSlot,
    State,
    Step,
    Who,
)
from qingjian.apps.matters.models import Matter
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue

CONFIRMED, DISMISSED = "confirmed", "dismissed"
CLUE = "clue"

VERIFIER = Who(C.HANDLE_MATTERS, assignee_only=True)
LEADER = Who(C.APPROVE_MATTERS, not_who_did=("report",))


def _report_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "clue_statement": data.get("statement", ""),
        "conclusion": dict(CONCLUSIONS).get(data.get("conclusion"), ""),
        "findings": data.get("findings", ""),
        "cause": dict(CAUSES).get(data.get("cause"), ""),
        "next_step": data.get("next_step") or "–",
    }


def clue_of(matter: Matter) -> Clue | None:
    """Return the clue a matter came from."""
    kind, _colon, pk = matter.origin.partition(":")
    return Clue.objects.filter(pk=pk).first() if kind == CLUE else None


def carried(step: Step, text: str) -> str:
    """Return the reason a clue keeps of an answer: the number of the matter and what was said in it."""
    return f"{step.matter.number}: {text}"[:300]


def _decide_clue(step: Step) -> None:
    """Carry a report signed by two to its clue, also over another answer given before, whose author is told."""
    clue, conclusion = clue_of(step.matter), step.matter.data["conclusion"]
    if clue is None:
        return
    before, author = clue.state, clue.decided_by
    said = carried(step, step.matter.data.get("findings", ""))
    changed = observing.conclude_clue(step.actor, clue, conclusion, said, over=True)
    if changed and before != Clue.State.OPEN and author is not None:
        values = {"clue": clue.pk, "number": step.matter.number, "before": before, "after": conclusion}
        matters.announce([author], CLUE_OVERTURNED, values)


CONCLUSIONS = (
    (CONFIRMED, _("Confirmed: the data are not true")),
    (DISMISSED, _("Dismissed: there is an ordinary explanation")),
)
CAUSES = (
    ("tampering", _("Tampering or forging suspected")),
    ("instrument", _("Instrument fault or wrong setting")),
    ("maintenance", _("Maintenance or calibration not marked")),
    ("process", _("Production or treatment explains it")),
    ("rule", _("The rule was wrong")),
    ("other", _("Other")),
)

VERIFICATION = Process(
    code="clue-verification",
    title=_("Clue verification"),
    number_word="核实",
    origin_page="clue",
    origin_words=_("Clue %(number)s"),
    icon="zoom-check",
    states=(
        State("opened", _("To be assigned"), waits_for=C.APPROVE_MATTERS.value, colour="azure"),
        State("verifying", _("Being verified"), waits_for="assignee", colour="blue"),
        State("signing", _("Report being signed"), waits_for="assignee", colour="purple"),
        State(CONFIRMED, _("Confirmed"), colour="red", final=True),
        State(DISMISSED, _("Dismissed"), colour="green", final=True),
    ),
    initial="opened",
    who_opens=Who(C.HANDLE_MATTERS),
    opening=(DataField("statement", _("What makes it suspicious"), FieldKind.LONG_TEXT),),
    opening_starts=(
        Limit(
            "assign",
            _("Assign a verifier"),
            days=2,
            source=_("Rule of this office; the law names no number of days for assigning"),
            confidence="U",
        ),
    ),
    actions=(
        Action(
            "assign_verifier",
            _("Assign a verifier"),
            ("opened",),
            "verifying",
            Who(C.APPROVE_MATTERS),
            fields=(
                DataField("verifier", _("Verifier"), FieldKind.PERSON),
                DataField("instruction", _("What to look at"), FieldKind.LONG_TEXT, required=False),
            ),
            assigns="verifier",
            stops=("assign",),
            starts=(
                Limit(
                    "verify",
                    _("Verify and report"),
                    days=10,
                    source=_(
                        "Rule of this office; the Code (art. 184) and the monitoring regulation (art. 23) ask for prompt investigation without a number of days"
                    ),
                    confidence="U",
                ),
            ),
        ),
        Action(
            "take",
            _("Take it over myself"),
            ("opened",),
            "verifying",
            Who(C.HANDLE_MATTERS),
            assigns="actor",
            stops=("assign",),
            tone="outline-secondary",
            starts=(
                Limit(
                    "verify",
                    _("Verify and report"),
                    days=10,
                    source=_(
                        "Rule of this office; the Code (art. 184) and the monitoring regulation (art. 23) ask for prompt investigation without a number of days"
                    ),
                    confidence="U",
                ),
            ),
        ),
        Action(
            "send_samples",
            _("Send samples for testing"),
            ("verifying",),
            "verifying",
            VERIFIER,
            fields=(
                DataField("tested_by", _("Who tests")),
                DataField("tested_for", _("What is tested"), FieldKind.LONG_TEXT),
            ),
            pauses=_("Testing of samples"),
            tone="outline-secondary",
            hint=_("A leader decides whether the time of testing is taken out of the deadline."),
        ),
        Action(
            "receive_result",
            _("Result of the test received"),
            ("verifying",),
            "verifying",
            VERIFIER,
            fields=(DataField("test_result", _("Result of the test"), FieldKind.LONG_TEXT),),
            resumes=True,
            tone="outline-secondary",
        ),
        Action(
            "report",
            _("Report the result"),
            ("verifying",),
            "signing",
            VERIFIER,
            fields=(
                DataField("visited_on", _("Day of the visit or check"), FieldKind.DATE),
                DataField("findings", _("What was found"), FieldKind.LONG_TEXT),
                DataField("cause", _("Cause"), FieldKind.CHOICE, choices=CAUSES),
                DataField("conclusion", _("Conclusion"), FieldKind.CHOICE, choices=CONCLUSIONS),
                DataField("next_step", _("What should follow"), FieldKind.LONG_TEXT, required=False),
            ),
            evidence=(
                EvidenceNeed(
                    _("Photo, video, sound or data that show what was found"), 1, party=Party.BUREAU
                ),
            ),
            documents=("verification-report",),
            recalls=("statement", "instruction", "test_result"),
            ledger_fields=("visited_on", "cause", "conclusion"),
            sheet="verification",
            hint=_("The report is made as a document and then signed by the verifier and a leader."),
        ),
        Action(
            "confirm",
            _("Verification finished"),
            ("signing",),
            CONFIRMED,
            Who(C.APPROVE_MATTERS),
            by_sheet=True,
            stops=("verify",),
            copies=(C.SUPERVISE,),
            effect=_decide_clue,
        ),
        Action(
            "dismiss",
            _("Verification finished: dismissed"),
            ("signing",),
            DISMISSED,
            Who(C.APPROVE_MATTERS),
            by_sheet=True,
            stops=("verify",),
            effect=_decide_clue,
        ),
        Action(
            "return_report",
            _("Report sent back"),
            ("signing",),
            "verifying",
            Who(C.APPROVE_MATTERS),
            by_sheet=True,
        ),
        Action(
            "withdraw_report",
            _("Take the report back"),
            ("signing",),
            "verifying",
            VERIFIER,
            tone="outline-secondary",
        ),
    ),
    documents=(
        DocumentKind(
            "verification-report",
            _("Verification report"),
            "apps/integrity/document_templates/verification_report.docx",
            {
                "clue_statement": _("What makes it suspicious"),
                "conclusion": _("Conclusion"),
                "findings": _("What was found"),
                "cause": _("Cause"),
                "next_step": _("What should follow"),
            },
            _report_values,
        ),
    ),
    sheets=(
        SheetKind(
            "verification",
            _("Verification report"),
            "verification-report",
            (SignerSlot("verifier", _("Verifier"), VERIFIER), SignerSlot("leader", _("Leader"), LEADER)),
            completes="confirm",
            returns="return_report",
            completes_when=(("conclusion", DISMISSED, "dismiss"),),
        ),
    ),
)

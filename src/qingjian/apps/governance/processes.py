"""Corrective action (整改): an order, what the organisation did, and a recheck that may send it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.roles import Capability as C
from qingjian.apps.matters.declarations import (
    Action,
    DataField,
    DocumentKind,
    EvidenceNeed,
    FieldKind,
    Limit,
    Party,
    Process,
    Publication,
    SheetKind,
    SignerSlot,
    State,
    Who,
)
from qingjian.apps.matters.models import Matter
from qingjian.apps.matters.wording import moment

ORDER, EQUIPMENT, INTERNAL = "order", "equipment", "internal"
KINDS = (
    (ORDER, _("Order to correct illegal discharge (daily penalty may follow)")),
    (EQUIPMENT, _("Fault of an automatic monitoring facility")),
    (INTERNAL, _("Other shortcoming")),
)
HANDLER = Who(C.HANDLE_MATTERS, assignee_only=True)
SUBJECT = Who(C.HANDLE_MATTERS, Party.SUBJECT)
DRAFTER = Who(C.HANDLE_MATTERS, assignee_only=True, certificate="enforcement")
RECHECKER = Who(C.HANDLE_MATTERS, certificate="enforcement")
"""Orders are signed, and rechecks made on site, by officers who hold the enforcement certificate."""
LEADER = Who(C.APPROVE_MATTERS, not_who_did=("draft",))


def _order_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "problem": data.get("problem", ""),
        "kind": dict(KINDS).get(data.get("kind"), ""),
        "demand": data.get("demand", ""),
        "basis": data.get("basis", ""),
        "days": data.get("days", ""),
    }


def _result_values(matter: Matter, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "problem": data.get("problem", ""),
        "demand": data.get("demand", ""),
        "measures": data.get("measures", ""),
        "finished_on": data.get("finished_on", ""),
        "rechecked_on": data.get("rechecked_on", ""),
        "recheck_findings": data.get("recheck_findings", ""),
        "closed_at": moment(matter.changed_at),
    }


RECTIFY = Limit(
    "rectify",
    _("Put right and report"),
    days_field="days",
    unit="working day",
    start_field="served_on",
    source=_("Number of days set in the order itself"),
    confidence="V",
    party=Party.SUBJECT,
)
REPAIR = Limit(
    "repair",
    _("Repair the automatic monitoring facility"),
    rule=("自动监控设施", "故障修复"),
    when=("kind", EQUIPMENT),
    start_field="served_on",
    party=Party.SUBJECT,
)
COVERT_RECHECK = Limit(
    "covert-recheck",
    _("Recheck after an order (daily penalty)"),
    rule=("按日连续处罚", "责令改正送达后复查(暗查)"),
    when=("kind", ORDER),
    start_field="served_on",
    inside=True,
)
RECHECK = Limit(
    "recheck",
    _("Recheck what was reported"),
    days=10,
    source=_("Rule of this office; the law names no number of days for this recheck"),
    confidence="U",
)
RECTIFY_AGAIN = Limit(
    "rectify",
    _("Put right and report"),
    days_field="more_days",
    unit="working day",
    source=_("Number of days set when it was sent back"),
    confidence="V",
    party=Party.SUBJECT,
)

CORRECTIVE_ACTION = Process(
    code="corrective-action",
    title=_("Corrective action"),
    number_word="整改",
    icon="tool",
    needs_subject=True,
    follows=("clue-verification", "alert-handling"),
    states=(
        State("drafting", _("Order being drafted"), waits_for="assignee", colour="azure"),
        State("signing", _("Order being signed"), waits_for="assignee", colour="purple"),
        State("approved", _("Order to be served"), waits_for="assignee", colour="azure"),
        State("correcting", _("Being put right"), waits_for="subject", colour="orange", shared=True),
        State("reported", _("To be rechecked"), waits_for="assignee", colour="blue", shared=True),
        State("corrected", _("Put right"), colour="green", final=True, shared=True),
        State("ended", _("Ended without result"), colour="secondary", final=True, shared=True),
        # What was never served is no business of the organisation: it does not hear that an order was drafted.
        State("not_served", _("Ended before service"), colour="secondary", final=True),
    ),
    initial="drafting",
    who_opens=Who(C.HANDLE_MATTERS),
    opening=(
        DataField("kind", _("Kind"), FieldKind.CHOICE, choices=KINDS),
        DataField("problem", _("What is wrong"), FieldKind.LONG_TEXT),
    ),
    actions=(
        Action(
            "draft",
            _("Send the order for signature"),
            ("drafting",),
            "signing",
            Who(C.HANDLE_MATTERS, assignee_only=True),
            fields=(
                DataField("demand", _("What must be done"), FieldKind.LONG_TEXT),
                DataField(
                    "basis", _("Legal basis"), help_text=_("Law and article in force on the day of the act.")
                ),
                DataField("days", _("Working days allowed"), FieldKind.NUMBER, minimum=1, maximum=180),
            ),
            assigns="actor",
            documents=("order",),
            ledger_fields=("basis", "days"),
            sheet="order",
        ),
        Action(
            "order_approved",
            _("Order signed"),
            ("signing",),
            "approved",
            Who(C.APPROVE_MATTERS),
            by_sheet=True,
        ),
        Action(
            "order_returned",
            _("Order sent back"),
            ("signing",),
            "drafting",
            Who(C.APPROVE_MATTERS),
            by_sheet=True,
        ),
        Action(
            "take_back", _("Take the order back"), ("signing",), "drafting", HANDLER, tone="outline-secondary"
        ),
        Action(
            "serve",
            _("Order served"),
            ("approved",),
            "correcting",
            HANDLER,
            fields=(
                DataField("served_on", _("Day of service"), FieldKind.DATE),
                DataField(
                    "served_how",
                    _("How it was served"),
                    FieldKind.CHOICE,
                    choices=(
                        ("hand", _("By hand")),
                        ("post", _("By post")),
                        ("electronic", _("Electronically, as agreed")),
                        ("notice", _("By public notice")),
                    ),
                ),
            ),
            evidence=(EvidenceNeed(_("Proof of service"), 1, party=Party.BUREAU, since=("order_approved",)),),
            starts=(RECTIFY, REPAIR, COVERT_RECHECK),
            ledger_fields=("served_on", "served_how"),
            notify=(Party.SUBJECT,),
            copies=(C.SUPERVISE,),
        ),
        Action(
            "report",
            _("Report what was done"),
            ("correcting",),
            "reported",
            SUBJECT,
            fields=(
                DataField("measures", _("Measures taken"), FieldKind.LONG_TEXT),
                DataField("finished_on", _("Finished on"), FieldKind.DATE),
            ),
            evidence=(
                EvidenceNeed(
                    _("Evidence of what was put right"),
                    1,
                    party=Party.SUBJECT,
                    since=("serve", "fail_recheck"),
                ),
            ),
            stops=("rectify", "repair"),
            starts=(RECHECK,),
            ledger_fields=("finished_on",),
            notify=(Party.BUREAU,),
        ),
        Action(
            "pass_recheck",
            _("Recheck passed"),
            ("reported", "correcting"),
            "corrected",
            RECHECKER,
            fields=(
                DataField("rechecked_on", _("Day of the recheck"), FieldKind.DATE),
                DataField("recheck_findings", _("Result of the recheck"), FieldKind.LONG_TEXT),
            ),
            stops=("recheck", "covert-recheck", "rectify", "repair"),
            ledger_fields=("rechecked_on",),
            documents=("result",),
            notify=(Party.SUBJECT,),
            tone="success",
            publishes=Publication(_("Result of corrective action"), ("kind", "finished_on", "rechecked_on")),
        ),
        Action(
            "fail_recheck",
            _("Recheck failed: send back"),
            ("reported", "correcting"),
            "correcting",
            RECHECKER,
            fields=(
                DataField("rechecked_on", _("Day of the recheck"), FieldKind.DATE),
                DataField("recheck_findings", _("Result of the recheck"), FieldKind.LONG_TEXT),
                DataField(
                    "more_days", _("Working days allowed from now"), FieldKind.NUMBER, minimum=1, maximum=180
                ),
            ),
            stops=("recheck", "covert-recheck"),
            ledger_fields=("rechecked_on", "more_days"),
            starts=(RECTIFY_AGAIN,),
            notify=(Party.SUBJECT,),
            copies=(C.SUPERVISE,),
            tone="outline-danger",
        ),
        Action(
            "end",
            _("End without result"),
            ("correcting", "reported"),
            "ended",
            Who(C.APPROVE_MATTERS, not_who_did=("draft",)),
            fields=(DataField("ending", _("Why it ends"), FieldKind.LONG_TEXT),),
            tone="outline-secondary",
            notify=(Party.SUBJECT,),
            copies=(C.SUPERVISE,),
        ),
        Action(
            "drop",
            _("Do not serve the order"),
            ("approved",),
            "not_served",
            Who(C.APPROVE_MATTERS, not_who_did=("draft",)),
            fields=(DataField("ending", _("Why it ends"), FieldKind.LONG_TEXT),),
            tone="outline-secondary",
            notify=(Party.BUREAU,),
            copies=(C.SUPERVISE,),
            hint=_("The organisation concerned is not told and sees nothing of this matter."),
        ),
    ),
    documents=(
        DocumentKind(
            "order",
            _("Order to correct"),
            "apps/governance/document_templates/order.docx",
            {
                "problem": _("What is wrong"),
                "kind": _("Kind"),
                "demand": _("What must be done"),
                "basis": _("Legal basis"),
                "days": _("Working days allowed"),
            },
            _order_values,
        ),
        DocumentKind(
            "result",
            _("Record of the recheck"),
            "apps/governance/document_templates/result.docx",
            {
                "problem": _("What is wrong"),
                "demand": _("What must be done"),
                "measures": _("Measures taken"),
                "finished_on": _("Finished on"),
                "rechecked_on": _("Day of the recheck"),
                "recheck_findings": _("Result of the recheck"),
                "closed_at": _("Closed"),
            },
            _result_values,
        ),
    ),
    sheets=(
        SheetKind(
            "order",
            _("Order to correct"),
            "order",
            (SignerSlot("drafter", _("Drafter"), DRAFTER), SignerSlot("leader", _("Leader"), LEADER)),
            completes="order_approved",
            returns="order_returned",
        ),
    ),
)

"""Handling of an alert (报警处置): somebody takes it over, the organisation may explain, it is closed with its cause."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.roles import Capability as C
from qingjian.apps.matters.declarations import (
    Action,
    DataField,
    FieldKind,
    Limit,
    Party,
    Process,
    State,
    Step,
    Who,
)
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import SEVERITY_CHOICES, Alert

ALERT = "alert"
SEVERITIES = tuple((code, text) for code, text in SEVERITY_CHOICES if code != "information")
CAUSES = tuple((code, text) for code, text in Alert.Cause.choices if code != Alert.Cause.HEARTBEAT)
TAKE_OVER_HOURS = {"critical": 1, "major": 4, "minor": 24}
HANDLER = Who(C.HANDLE_MATTERS, assignee_only=True)
HOUSE_RULE = _("Rule of this office; the law names no number of hours or days for handling an alert")


def _pk(step: Step) -> int | None:
    kind, _colon, pk = step.matter.origin.partition(":")
    return int(pk) if kind == ALERT else None


def _taken(step: Step) -> None:
    if (pk := _pk(step)) is not None:
        observing.carry_out(step.actor, pk, "acknowledged", step.matter.number)


def _closed(step: Step) -> None:
    if (pk := _pk(step)) is not None:
        data = step.matter.data
        observing.carry_out(
            step.actor, pk, "closed", f"{step.matter.number}: {data['cause_found']}", data["cause"]
        )


TAKE_OVER = tuple(
    Limit(
        "take-over",
        _("Take the alert over"),
        days=hours,
        unit="hour",
        when=("severity", severity),
        source=HOUSE_RULE,
        remind_before=timedelta(hours=hours) / 2,
        escalate_after=timedelta(hours=hours),
        inside=True,
    )
    for severity, hours in TAKE_OVER_HOURS.items()
)
NAME_CAUSE = Limit(
    "name-cause",
    _("Find the cause and close the alert"),
    days=5,
    source=HOUSE_RULE,
    inside=True,
)

ALERT_HANDLING = Process(
    code="alert-handling",
    title=_("Handling of an alert"),
    number_word="报警",
    icon="alert-triangle",
    origin_page="alert",
    origin_words=_("Alert %(number)s"),
    states=(
        State("open", _("To be taken over"), waits_for=C.HANDLE_MATTERS.value, colour="red", shared=True),
        State("looking", _("Being looked into"), waits_for="assignee", colour="orange", shared=True),
        State("closed", _("Closed with its cause"), colour="green", final=True, shared=True),
    ),
    initial="open",
    who_opens=Who(C.HANDLE_MATTERS),
    opening=(
        DataField("severity", _("Severity"), FieldKind.CHOICE, choices=SEVERITIES),
        DataField("statement", _("What was found"), FieldKind.LONG_TEXT),
    ),
    opening_starts=TAKE_OVER,
    actions=(
        Action(
            "take",
            _("Take it over"),
            ("open",),
            "looking",
            Who(C.HANDLE_MATTERS),
            assigns="actor",
            stops=("take-over",),
            starts=(NAME_CAUSE,),
            effect=_taken,
            hint=_("You are in charge from now on; find the cause and close the alert with it."),
        ),
        Action(
            "hand_to",
            _("Name who looks into it"),
            ("open",),
            "looking",
            Who(C.APPROVE_MATTERS),
            fields=(DataField("person", _("Person"), FieldKind.PERSON),),
            assigns="person",
            stops=("take-over",),
            starts=(NAME_CAUSE,),
            effect=_taken,
            tone="outline-primary",
        ),
        Action(
            "explain",
            _("Explain what happened"),
            ("open",),
            "open",
            Who(C.HANDLE_MATTERS, Party.SUBJECT),
            fields=(DataField("explanation", _("Explanation of the organisation"), FieldKind.LONG_TEXT),),
            notify=(Party.BUREAU,),
        ),
        Action(
            "explain_further",
            _("Explain what happened"),
            ("looking",),
            "looking",
            Who(C.HANDLE_MATTERS, Party.SUBJECT),
            fields=(DataField("explanation", _("Explanation of the organisation"), FieldKind.LONG_TEXT),),
            notify=(Party.BUREAU,),
        ),
        Action(
            "close",
            _("Close with its cause"),
            ("looking",),
            "closed",
            HANDLER,
            fields=(
                DataField("cause", _("Cause"), FieldKind.CHOICE, choices=CAUSES),
                DataField("cause_found", _("How this is known"), FieldKind.LONG_TEXT),
            ),
            stops=("name-cause",),
            ledger_fields=("cause",),
            effect=_closed,
            notify=(Party.SUBJECT,),
            tone="success",
        ),
    ),
)

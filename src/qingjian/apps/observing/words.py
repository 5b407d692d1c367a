"""What rules, statistics and flags are called on pages."""

from __future__ import annotations

import re
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from qingjian.apps.observing.models import SEVERITY_CHOICES
from qingjian.contracts.commands import Command
from qingjian.hj212.codes import explain
from qingjian.pipeline.asking import AUTHORISATION as GAP_AUTHORISATION
from qingjian.pipeline.rules import CATALOGUE
from qingjian.ui.templatetags.kit import moment

STATISTICS = {
    "realtime": _("Real time"),
    "minute": _("Minute"),
    "hour": _("Hour"),
    "day": _("Day"),
    "month": _("Month"),
}
NUMBERS = {
    "value": _("Value"),
    "min": _("Minimum"),
    "max": _("Maximum"),
    "total": _("Total"),
    "converted": _("Converted"),
}
CORRECTION_COLOURS = {"proposed": "blue", "approved": "green", "rejected": "red", "withdrawn": "secondary"}
SEVERITY_COLOURS = {"information": "blue", "minor": "yellow", "major": "orange", "critical": "red"}
STATE_COLOURS = {"open": "red", "acknowledged": "orange", "closed": "green"}
COMMAND_STATES = {
    "queued": (_("Queued"), "blue"),
    "claimed": (_("Taken"), "blue"),
    "sent": (_("Sent"), "blue"),
    "accepted": (_("Accepted by the device"), "azure"),
    "succeeded": (_("Done"), "green"),
    "refused": (_("Refused by the device"), "red"),
    "failed": (_("Failed"), "red"),
    "expired": (_("Expired"), "secondary"),
    "cancelled": (_("Cancelled"), "secondary"),
}
SENDER_REASONS = {
    "unregistered": _("not registered"),
    "registration_wanted": _("asks for an MN (1001)"),
    "password_wrong": _("wrong password"),
    "password_missing": _("no password"),
    "address_not_allowed": _("from an address not allowed"),
    "various": _("various"),
}
"""Why the gateway took a frame for nobody's; the other reasons are codes of the protocol library."""

_PURPOSE_OF_GAP = re.compile(r"gap (\S+)/(\S+)")

_registered: dict[str, tuple[Promise | str, Promise | str]] = {}


def register_rule(name: str, title: Promise | str, text: Promise | str) -> None:
    """Tell what a rule of another app is called and states; apps do so when they are loaded."""
    if name in CATALOGUE or name in _registered:
        raise ValueError(f"rule {name} is registered twice")
    _registered[name] = (title, text)


def command_reason(command: Command) -> tuple[str, str]:
    """Return who asked for a command and what for; what the gap finder asks for is said in words."""
    found = _PURPOSE_OF_GAP.fullmatch(command.purpose) if command.authorisation == GAP_AUTHORISATION else None
    if found is None:
        return command.author, command.purpose
    begin, end = (moment(datetime.fromisoformat(text))[:16] for text in found.groups())
    return gettext("Gap finder"), gettext("missing values from %(begin)s to %(end)s") % {
        "begin": begin,
        "end": end,
    }


def code_title(code: str) -> str:
    """Return what a deviation, a refusal or a reason of the gateway is called, the code itself when it has no name."""
    if code in SENDER_REASONS:
        return str(SENDER_REASONS[code])
    return explain(code, "en" if _english() else "zh")


def rule_titles() -> list[tuple[str, str]]:
    """Return (name, title) of every rule, in the present language."""
    return [(name, rule_title(name)) for name in (*CATALOGUE, *_registered)]


def rule_title(name: str) -> str:
    """Return the title of a rule, its own name when it has none here."""
    if name in _registered:
        return str(_registered[name][0])
    rule = CATALOGUE.get(name)
    if rule is None:
        return name
    return rule.title_en if _english() else rule.title_zh


def rule_text(name: str) -> str:
    """Return what a rule states, in a sentence."""
    if name in _registered:
        return str(_registered[name][1])
    rule = CATALOGUE.get(name)
    if rule is None:
        return ""
    return rule.explanation_en if _english() else rule.explanation_zh


def _english() -> bool:
    return (get_language() or "").startswith("en")


def worsened(note: str) -> str:
    """Return the note of a step that raised the severity as a person reads it: severities, and when it would have climbed."""
    before, after, *times = note.split(" ")
    names = dict(SEVERITY_CHOICES)
    text = f"{names.get(before, before)} → {names.get(after, after)}"
    if len(times) == 2 and times[0] != times[1]:
        shown = [moment(datetime.fromisoformat(one)) for one in times]
        text += "；" + gettext("escalates on %(due)s instead of %(before)s") % {
            "due": shown[1],
            "before": shown[0],
        }
    return text

"""Words and colours of what every process shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

OFFICIAL_LANGUAGE = "zh-hans"
"""Official documents and what is kept of declarations are Chinese, whatever language the page is read in."""

IN_ENGLISH = "_en"
"""Added to the name of a field: the same text in English, beside what the program wrote in the official language."""

TITLE_LENGTH = 200

ACTIONS = {
    "open": _("Matter opened"),
    "attach": _("Evidence attached"),
    "withdraw-evidence": _("Evidence withdrawn"),
    "comment": _("Note"),
    "assign": _("Handed to"),
    "void": _("Declared void"),
    "request-stop": _("Stop of the clock asked for"),
    "approve-stop": _("Stop of the clock approved"),
    "refuse-stop": _("Stop of the clock refused"),
    "resume": _("Clock runs again"),
    "sign": _("Signed"),
    "refuse": _("Signature refused"),
    "sign-outsider": _("Signed on the screen by a person present"),
    "link": _("Linked"),
    "overdue": _("Deadline missed"),
    "recompute": _("Deadline computed again"),
    "worsened": _("Grew worse"),
    "urge": _("Urged on"),
    "withdraw-disclosure": _("Publication taken back"),
}
"""Actions of the kernel; those of a process have their own titles."""

EVIDENCE_KINDS = (
    ("photo", _("Photo")),
    ("video", _("Video")),
    ("audio", _("Sound recording")),
    ("document", _("Document")),
    ("data", _("Data file")),
)
CAPTURE_MODES = (
    ("live", _("Taken live with this device")),
    ("album", _("Chosen from an album")),
    ("recorder", _("Imported from a law-enforcement recorder")),
    ("scan", _("Scanned or photographed paper")),
    ("received", _("Received from another party")),
)
DEADLINE_COLOURS = {
    "running": "blue",
    "paused": "purple",
    "met": "green",
    "missed": "red",
    "cancelled": "secondary",
}
PERSONAL_CERTIFICATES = frozenset({"enforcement", "sampling", "analysis", "signatory", "other"})
ORGANISATION_CERTIFICATES = frozenset({"cma", "maintenance", "other"})
"""Whom a kind of certificate is given to; an officer's certificate never covers a whole bureau."""
CERTIFICATE_KINDS = (
    ("enforcement", _("Administrative law-enforcement certificate")),
    ("sampling", _("Sampling qualification")),
    ("analysis", _("Analysis qualification")),
    ("signatory", _("Authorised signatory")),
    ("cma", _("Accreditation (CMA)")),
    ("maintenance", _("Operation and maintenance qualification")),
    ("other", _("Other")),
)
CONFIDENTIALITIES = (
    ("normal", _("Normal")),
    ("internal", _("Internal")),
    ("confidential", _("Confidential")),
)
LINK_KINDS = (
    ("follows", _("follows from")),
    ("concerns", _("concerns the same as")),
    ("merged", _("merged into")),
)
PUBLIC_HEAD = (("region", _("Region")), ("subject", _("Organisation concerned")))
NOTICES = {
    "waiting": _("{number} waits for you: {state}"),
    "told": _("{number}: {action}, now {state}"),
    "copy": _("Copy of {number}: {action}"),
    "assigned": _("{number} was handed to you"),
    "signature": _("{number}: your signature is asked for ({sheet})"),
    "returned": _("{number}: a signature was refused: {note}"),
    "due_soon": _("{number}: {deadline} ends on {due}"),
    "overdue": _("{number}: {deadline} ended on {due} and is not done"),
    "escalated": _("{number}: {deadline} is overdue since {due}; escalated to you (level {level})"),
    "stop_asked": _("{number}: a stop of the clock waits for approval"),
    "stop_decided": _("{number}: the stop of the clock was decided: {note}"),
    "voided": _("{number} was declared void: {note}"),
    "resumed": _("{number}: the clock runs again"),
    "urged": _("{number}: {person} urges you on: {note}"),
    "certificate_ends": _("Certificate {certificate} of {holder} ends on {day}"),
    "recomputed": _("{number}: {deadline} moved from {before} to {due} because the calendar changed"),
    "worsened": _("{number} grew worse"),
    "worsened_sooner": _("{number} grew worse: {deadline} now ends on {due} instead of {before}"),
    "orphaned": _("{number} is in charge of {person}, who no longer has a post for it: hand it over"),
}
"""Sentences of notifications; rendered in the reader's language."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification of another app: its sentence from the kept values, and the page it leads to: a name, or by them."""

    sentence: Callable[[Mapping[str, Any]], str]
    page: str | Callable[[Mapping[str, Any]], str]

    def address(self, values: Mapping[str, Any]) -> str:
        return reverse(self.page) if isinstance(self.page, str) else self.page(values)


_registered: dict[str, Notice] = {}


def register_notice(
    kind: str,
    sentence: Callable[[Mapping[str, Any]], str],
    page: str | Callable[[Mapping[str, Any]], str],
) -> None:
    """Tell what a notification without a matter says and where it leads; apps do so when they are loaded."""
    if kind in NOTICES or kind in _registered:
        raise ValueError(f"notice {kind} is registered twice")
    _registered[kind] = Notice(sentence, page)


def registered_notice(kind: str) -> Notice | None:
    return _registered.get(kind)

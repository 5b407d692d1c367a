"""Sentences about matters in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.matters.declarations import Action, DataField, EvidenceNeed, FieldKind, Party, Process
from qingjian.apps.matters.models import Deadline, Disclosure, Matter, Notification
from qingjian.apps.matters.words import (
    ACTIONS,
    EVIDENCE_KINDS,
    IN_ENGLISH,
    NOTICES,
    PUBLIC_HEAD,
    registered_notice,
)


def language() -> str:
    """Return `zh` or `en`, as `workdays` wants it."""
    return "en" if (get_language() or "").startswith("en") else "zh"


def action_title(process: Process, name: str) -> str:
    """Return the title of an action of the process or of the kernel."""
    own = process.action(name)
    return str(own.title if own else ACTIONS.get(name, name))


def deadline_title(process: Process, code: str, kept: str) -> str:
    """Return a deadline's title in the present language; what was kept when the process no longer declares it."""
    return next((str(one.title) for one in process.limits() if one.code == code), kept)


def deadline_source(process: Process, clock: Deadline) -> str:
    """Return where a deadline comes from: the rulebook's words, or the declaration's in the present language."""
    declared = next((one for one in process.limits() if one.code == clock.code), None)
    return clock.source if clock.rule_row or declared is None else str(declared.source)


def document_title(process: Process, code: str, kept: str) -> str:
    """Return a document's title in the present language; what was kept when the process no longer declares it."""
    return next((str(one.title) for one in process.documents if one.code == code), kept)


def disclosure_title(process: Process, row: Disclosure) -> str:
    """Return the title of a publication in the present language."""
    action = process.action(row.action)
    return str(action.publishes.title) if action is not None and action.publishes else row.title


def disclosure_rows(process: Process, row: Disclosure) -> list[tuple[str, str]]:
    """Return what became public as title and text."""
    fields = process.all_fields()
    content = row.content
    values = content.get("fields", {})
    return [
        (str(_("Number")), content["number"]),
        (str(_("Title")), content["title"]),
        *((title, content[name]) for name, title in PUBLIC_HEAD if content.get(name)),
        *((str(fields[name].title), value_text(fields[name], value)) for name, value in values.items()),
    ]


def published(row: Disclosure) -> tuple[Disclosure, str, list[tuple[str, str]]]:
    """Return a publication with its title and rows in words."""
    process = row.matter.declaration
    return row, disclosure_title(process, row), disclosure_rows(process, row)


def public_titles(process: Process, action: Action) -> list[str]:
    """Return the titles of what an action makes public, for the form on which it is decided."""
    if action.publishes is None:
        return []
    fields = process.all_fields()
    head = [_("Number"), _("Title"), *(title for _name, title in PUBLIC_HEAD)]
    return [str(one) for one in (*head, *(fields[name].title for name in action.publishes.fields))]


def evidence_need(process: Process, need: EvidenceNeed) -> str:
    """Return what evidence a step asks for: what it shows, how many pieces, from whom and since when."""
    parts = [_("at least %(count)d") % {"count": need.count}]
    if need.kinds:
        kinds = dict(EVIDENCE_KINDS)
        parts.append(_("kind: %(kinds)s") % {"kinds": "/".join(str(kinds[one]) for one in need.kinds)})
    if need.party is Party.SUBJECT:
        parts.append(_("added by the organisation concerned"))
    elif need.party is Party.BUREAU:
        parts.append(_("added by the authority"))
    if need.since:
        steps = "/".join(action_title(process, one) for one in need.since)
        parts.append(_("added after the step: %(steps)s") % {"steps": steps})
    joint = "; " if language() == "en" else "；"
    return _("%(title)s (%(parts)s)") % {"title": need.title, "parts": joint.join(parts)}


def moment(value: Any) -> str:
    """Return a moment in China time to the minute."""
    if isinstance(value, str):
        value = parse_datetime(value)
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if value else "–"


def sentence(notification: Notification) -> str:
    """Return a notification as text."""
    matter = notification.matter
    registered = registered_notice(notification.kind)
    if registered is not None:
        return registered.sentence(notification.values)
    if matter is None:
        return str(NOTICES[notification.kind]).format(**notification.values)
    process = matter.declaration
    values: dict[str, Any] = {"number": matter.number, **notification.values}
    if "state" in values:
        values["state"] = process.state(values["state"]).title
    if "action" in values:
        values["action"] = action_title(process, values["action"])
    if "deadline" in values:
        values["deadline"] = deadline_title(process, values["deadline"], values["deadline"])
    if "sheet" in values:
        values["sheet"] = next(
            (one.title for one in process.sheets if one.code == values["sheet"]), values["sheet"]
        )
    for name in ("due", "before"):
        if name in values:
            values[name] = moment(values[name])
    return str(NOTICES[notification.kind]).format(**values)


def outside(notification: Notification) -> str:
    """Return a notification as it may leave the node: of a confidential matter only the number."""
    matter = notification.matter
    if matter is not None and matter.confidentiality == "confidential":
        return _("%(number)s concerns you: sign in to read more.") % {"number": matter.number}
    return sentence(notification)


def value_text(field: DataField, value: Any, people: dict[int, str] | None = None) -> str:
    """Return a stored value as a person reads it."""
    if value in (None, ""):
        return "–"
    if field.kind is FieldKind.CHOICE:
        return str(dict(field.choices).get(value, value))
    if field.kind is FieldKind.YES_NO:
        return str(_("Yes") if value else _("No"))
    if field.kind is FieldKind.MOMENT:
        return moment(value)
    if field.kind is FieldKind.PERSON:
        return (people or {}).get(int(value), str(value))
    return str(value)


def entered_text(field: DataField, data: Mapping[str, Any], people: dict[int, str] | None = None) -> str:
    """Return a value of a step as a person reads it: what the program wrote itself, in the reader's language."""
    own = data.get(field.name + IN_ENGLISH) if language() == "en" else None
    return value_text(field, own or data[field.name], people)


def data_rows(matter: Matter, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what has been entered and is read, title and text, in the order people met the fields."""
    from qingjian.apps.accounts.models import User

    fields = matter.declaration.all_fields()
    wanted = [
        data[name] for name, field in fields.items() if field.kind is FieldKind.PERSON and data.get(name)
    ]
    people = dict(User.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
    return [
        (str(field.title), entered_text(field, data, people))
        for name, field in fields.items()
        if name in data
    ]

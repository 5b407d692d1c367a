"""Sentences about matters in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.matters.declarations import DataField, FieldKind, Process
from qingjian.apps.matters.models import Matter, Notification
from qingjian.apps.matters.words import ACTIONS, NOTICES


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


def moment(value: Any) -> str:
    """Return a moment in China time to the minute."""
    if isinstance(value, str):
        value = parse_datetime(value)
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if value else "–"


def sentence(notification: Notification) -> str:
    """Return a notification as text."""
    matter = notification.matter
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


def data_rows(matter: Matter) -> list[tuple[str, str]]:
    """Return what has been entered, title and text, in the order people met the fields."""
    from qingjian.apps.accounts.models import User

    fields = matter.declaration.all_fields()
    wanted = [
        matter.data[name]
        for name, field in fields.items()
        if field.kind is FieldKind.PERSON and matter.data.get(name)
    ]
    people = dict(User.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
    return [
        (str(field.title), value_text(field, matter.data[name], people))
        for name, field in fields.items()
        if name in matter.data
    ]

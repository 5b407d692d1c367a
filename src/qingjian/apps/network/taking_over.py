"""Rows of which one holds at a time: a new one takes over from the earlier."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.db.models import F
from django.db.models.base import ModelState

from qingjian.apps.network import registered

SUBJECT = {
    "setting": ("series", "device", "name", "origin"),
    "route": ("device", "wire_factor"),
    "limit": ("outlet", "factor", "averaging", "converted"),
    "placement": ("region",),
}
"""Kinds of which one row holds at a time for a subject, with the fields that name the subject."""
STATED = {"limit": ("upper", "lower", "yearly_amount_t")}
"""What a row of a kind may state: one that states nothing that the other does leaves it in force."""
INTERRUPTED = ("limit", "placement")
"""Kinds of which a row for a time interrupts the lasting one; of the others the one that began later governs."""


def make_room(kind: registered.Kind, values: dict[str, Any]) -> list[Any]:
    """Return the rows a new one changes or adds beside itself, as they are to be and not yet saved.

    The earlier ends where the new one begins. Where it was to hold longer than the new one, it stays (settings, routes)
    or goes on afterwards as a row of its own (limits, places of regions). A new row without an end that begins before a
    lasting one of its subject ends where that begins; a new limit or place stands back from every one that begins after
    it, for as long as that holds, and goes on afterwards as a row of its own. `values` is given the end of its first
    stretch.
    """
    begins, ends = values.get("valid_from"), values.get("valid_to")
    if kind.name not in SUBJECT or (begins is None and kind.name not in INTERRUPTED):
        return []
    held = [row for row in _of_subject(kind, values) if _states_the_same(kind, row, values)]
    taken = {row.valid_from for row in held}
    found = []
    if kind.name in INTERRUPTED:
        first, *further = _stretches(held, begins, ends)
        values["valid_to"] = first[1]
        ends = further[-1][1] if further else first[1]
        found += [kind.model(**{**values, "valid_from": one, "valid_to": end}) for one, end in further]
    elif ends is None and begins not in taken:
        lasting = [row.valid_from for row in held if row.valid_to is None and row.valid_from is not None]
        ends = values["valid_to"] = min((one for one in lasting if one > begins), default=None)
    for row in held:
        earlier = begins is not None and (row.valid_from is None or row.valid_from < begins)
        if not earlier or (row.valid_to is not None and row.valid_to <= begins):
            continue
        goes_on = ends is not None and (row.valid_to is None or row.valid_to > ends)
        if goes_on and kind.name not in INTERRUPTED:
            continue
        if goes_on and ends not in taken:
            found.append(_continued(row, ends))
        row.valid_to = begins
        found.append(row)
    return found


def _stretches(held: list[Any], begins: Any, ends: Any) -> list[tuple[Any, Any]]:
    """Return what is left of a time for a new row by the rows that begin within it; at least its first stretch."""
    found, free = [], begins
    for row in held:  # by their beginning
        later = row.valid_from is not None and (begins is None or row.valid_from > begins)
        if not later or (ends is not None and row.valid_from >= ends):
            continue
        if not found or row.valid_from > free:
            found.append((free, row.valid_from))
        if row.valid_to is None:
            return found
        free = max(row.valid_to, row.valid_from if free is None else free)
    if not found or ends is None or free < ends:
        found.append((free, ends))
    return found


def _of_subject(kind: registered.Kind, values: dict[str, Any]) -> Any:
    fields = kind.model._meta
    subject = {name: values.get(name, fields.get_field(name).get_default()) for name in SUBJECT[kind.name]}
    rows = kind.model.objects.filter(**subject)
    # Rows that hold at no time at all are left alone.
    return rows.exclude(valid_to__lte=F("valid_from")).order_by("valid_from", "id")


def _states_the_same(kind: registered.Kind, row: Any, values: dict[str, Any]) -> bool:
    names = STATED.get(kind.name)
    return names is None or any(getattr(row, name) is not None and values[name] is not None for name in names)


def _continued(row: Any, begins: Any) -> Any:
    later = copy(row)
    later.pk, later.valid_from = None, begins
    later._state = ModelState()
    return later

"""The registry as it stands, compared with the installed rows and approved changes that are in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qingjian.apps.accounts.models import RegionPlacement
from qingjian.apps.network import registered
from qingjian.apps.network.models import ChangeLine, ChangeRequest, Series, Version
from qingjian.apps.records import kinds

Row = tuple[str, str]
"""Kind and key of a registry row."""
Change = tuple[int, str, str]
"""A change request, and the kind and key of a row in it."""


def _said(kind: str, key: str) -> str:
    title = registered.KINDS[kind].title if kind in registered.KINDS else kind
    return f"名录 {title} {key}"


def differences() -> Iterator[str]:
    """Return a sentence for each row that is not what its newest approved change (or installation) made it.

    Events show changes of requests and installed rows themselves; here the rows and their history follow from those.
    """
    newest: dict[Row, Version] = {}
    history: dict[Change, list[dict[str, Any]]] = {}
    approved: dict[Change, list[dict[str, Any]]] = {}
    for version in Version.objects.order_by("id").iterator(chunk_size=500):
        newest[version.kind, version.key] = version
        if version.change_id is not None:
            history.setdefault((version.change_id, version.kind, version.key), []).append(version.fields)
    lines = ChangeLine.objects.filter(request__state=ChangeRequest.State.APPROVED).order_by("id")
    for line in lines.iterator(chunk_size=500):
        approved.setdefault((line.request_id, line.kind, line.key), []).append(line.after)
    for change, kind_name, key in history.keys() | approved.keys():
        place = (change, kind_name, key)
        if history.get(place) != approved.get(place):
            yield f"{_said(kind_name, key)}：历史与批准的变更不符 / the history is not what was approved"
    for kind in registered.KINDS.values():
        yield from _rows(kind, newest)
    for kind_name, key in newest:
        yield f"{_said(kind_name, key)}：登记已不存在 / the row is gone"


def _rows(kind: registered.Kind, newest: dict[Row, Version]) -> Iterator[str]:
    ended = _ends_of_placements() if kind.model is RegionPlacement else {}
    related = [name for name in kind.fields if kind.model._meta.get_field(name).is_relation]
    for row in kind.model._default_manager.select_related(*related).iterator(chunk_size=500):
        fields = registered.plain(kind, row)
        key = registered.key_text(kind, fields)
        version = newest.pop((kind.name, key), None)
        if version is None:
            if not _follows(row):
                yield f"{_said(kind.name, key)}：未经登记程序 / was not registered through the program"
            continue
        entered = dict(version.fields)
        if entered.get("valid_to") is None and row.pk in ended:
            entered["valid_to"] = ended[row.pk]
        # A field that came with a later version of the program was never entered: it must still be empty.
        entered |= {name: value for name, value in fields.items() if name not in entered and not value}
        if entered != fields:
            changed = ", ".join(name for name in fields if fields[name] != entered.get(name))
            yield f"{_said(kind.name, key)}：登记被改动 / the row was changed: {changed}"


def _ends_of_placements() -> dict[int, str]:
    """Return the day on which the next placement of its region ended each placement, by its number."""
    ended: dict[int, str] = {}
    before: RegionPlacement | None = None
    for row in RegionPlacement.objects.order_by("region_id", "valid_from"):
        if before is not None and before.region_id == row.region_id:
            ended[before.pk] = row.valid_from.isoformat()
        before = row
    return ended


def _follows(row: Any) -> bool:
    """Say whether a row has no history of its own: the platform's series beside a reported one."""
    return isinstance(row, Series) and row.origin == Series.Origin.PLATFORM


kinds.register_comparison("registry", differences)

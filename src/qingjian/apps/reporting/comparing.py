"""What a report would say differently if it were made now: figures and table cells side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from qingjian.apps.reporting.content import said, sections_of


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a report differs, what it says and what it would say; empty where only one of the two has it."""

    where: str
    item: str
    stored: str
    now: str


def differences(stored: Mapping[str, Any], fresh: Mapping[str, Any], language: str) -> list[Difference]:
    """Return what differs between two contents of the same report, in the order it is printed."""
    found = _facts(stored["facts"], fresh["facts"], language)
    # A sentence has no name: what one of the two does not say stands alone.
    before, after = ([said(one, language) for one in content["summary"]] for content in (stored, fresh))
    found += [Difference("", "", one, "") for one in before if one not in after]
    found += [Difference("", "", "", one) for one in after if one not in before]
    old = {said(one["title"], language): one["table"] for one in sections_of(stored)}
    new = {said(one["title"], language): one["table"] for one in sections_of(fresh)}
    for title in dict.fromkeys([*old, *new]):
        found += _tables(title, old.get(title), new.get(title), language)
    return found


def _facts(
    stored: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]], language: str
) -> list[Difference]:
    before, after = (
        {said(one["name"], language): said(one["value"], language) for one in facts}
        for facts in (stored, fresh)
    )
    return [
        Difference("", name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _tables(
    title: str, stored: Mapping[str, Any] | None, fresh: Mapping[str, Any] | None, language: str
) -> list[Difference]:
    found = []
    before, after = _rows(stored, language), _rows(fresh, language)
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, {}), after.get(name, {})
        for head in dict.fromkeys([*old, *new]):
            if old.get(head, "") != new.get(head, ""):
                found.append(
                    Difference(
                        title, f"{name} · {head}" if name else head, old.get(head, ""), new.get(head, "")
                    )
                )
    return found


def _rows(table: Mapping[str, Any] | None, language: str) -> dict[str, dict[str, str]]:
    """Return the cells of a table by the name of their row, repeated names told apart by a number."""
    if not table:
        return {}
    heads = [said(head, language) for head in table["heads"]]
    found: dict[str, dict[str, str]] = {}
    for row in table["rows"]:
        cells = [said(cell, language) for cell in row]
        name, number = cells[0] if cells else "", 2
        while name in found:
            name, number = f"{cells[0]} ({number})", number + 1
        found[name] = dict(zip_longest(heads[1:], cells[1:], fillvalue=""))
    return found

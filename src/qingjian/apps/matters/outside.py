"""What the organisation concerned reads of its matter: what it was told, not how the authority came to it.

Steps in states that are not shared are read by the authority alone. With the step that tells the organisation (`notify`), the
documents in force, their signatures and what was entered for them become readable; refused sheets, superseded drafts and
reasons given between officers do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qingjian.apps.matters.declarations import VOID, Party
from qingjian.apps.matters.models import Document, Evidence, Matter, SignSheet, TrailEntry


@dataclass(frozen=True)
class Reading:
    """What one side reads of a matter."""

    matter: Matter
    inside: bool

    @cached_property
    def trail(self) -> Sequence[TrailEntry]:
        """Every line, in order."""
        lines = list(self.matter.trail.select_related("actor", "on_behalf_of"))
        for one in lines:
            one.matter = self.matter
        return lines

    @cached_property
    def lines(self) -> Sequence[TrailEntry]:
        """The lines that are read."""
        if self.inside:
            return self.trail
        sheets = self.matter.sheets.filter(pk__in=self.sheets)
        signed = set(sheets.values_list("signatures", flat=True)) - {None}
        return [one for one in self.trail if self._open(one) or one.data.get("sign_off") in signed]

    @cached_property
    def documents(self) -> frozenset[int]:
        """Keys of the documents that are read."""
        rows = list(self.matter.documents.all())
        if self.inside:
            return frozenset(one.pk for one in rows)
        return frozenset(one.pk for one in rows if self._was_told(*self._in_force(one, rows)))

    @cached_property
    def sheets(self) -> frozenset[int]:
        """Keys of the sheets of signatures that are read."""
        rows = self.matter.sheets.all()
        if not self.inside:
            rows = rows.filter(state=SignSheet.State.COMPLETE, document__in=self.documents)
        return frozenset(rows.values_list("pk", flat=True))

    @cached_property
    def evidence(self) -> frozenset[int]:
        """Keys of the pieces of evidence that are read: all but those taken back before the organisation was told."""
        rows = list(self.matter.evidence.all())
        if self.inside:
            return frozenset(one.pk for one in rows)
        taken_back = {
            one.data.get("evidence"): self._open(one)
            for one in self.trail
            if one.action == "withdraw-evidence"
        }
        return frozenset(
            one.pk for one in rows if one.side == Party.SUBJECT.value or taken_back.get(one.pk, True)
        )

    @cached_property
    def data(self) -> dict[str, Any]:
        """What was entered, by field."""
        if self.inside:
            return dict(self.matter.data)
        entered: dict[str, int] = {}
        for one in self.trail:
            if one.action in ("open", "worsened") or self.matter.declaration.action(one.action):
                entered |= dict.fromkeys(one.data, one.sequence)
        return {
            name: value
            for name, value in self.matter.data.items()
            if name in entered and self._was_told(entered[name], None)
        }

    def _open(self, line: TrailEntry) -> bool:
        """Say whether a line lies in shared states, or is the step that told the organisation."""
        process = self.matter.declaration
        if line.inside:
            return False
        after = line.after == VOID or process.state(line.after).shared
        if after and (line.before == "" or process.state(line.before).shared):
            return True
        action = process.action(line.action)
        return after and action is not None and Party.SUBJECT in action.notify

    def _was_told(self, since: int, until: int | None) -> bool:
        """Say whether what a line made was read with it, or told by a later one while it was in force.

        A step of the authority's own is told by the step that follows from its state: once the matter was sent back from
        there, what it said was not what was decided.
        """
        state = next((one.after for one in self.trail if one.sequence == since and one.inside), None)
        for one in self.trail:
            if one.sequence > since and state is not None and one.before != state:
                return False
            if one.sequence < since or (until is not None and one.sequence >= until) or not self._open(one):
                continue
            action = self.matter.declaration.action(one.action)
            if one.sequence == since or (action is not None and Party.SUBJECT in action.notify):
                return True
        return False

    def _in_force(self, row: Document, rows: Iterable[Document]) -> tuple[int, int | None]:
        """Return the number of the line that made a document and of the one that superseded it."""
        made = {
            number: one.sequence for one in self.trail for number in one.data.get("documents") or () if number
        }
        later = [made.get(one.number, 0) for one in rows if one.code == row.code and one.pk > row.pk]
        return made.get(row.number, 0), min(later, default=None)


def evidence_is_read(row: Evidence, *, inside: bool) -> bool:
    return inside or row.pk in Reading(row.matter, inside).evidence


def document_is_read(row: Document, *, inside: bool) -> bool:
    return inside or row.pk in Reading(row.matter, inside).documents

"""Evidence as a gate: what a step still lacks, and which pieces a step that was taken stands on."""

from __future__ import annotations

from collections.abc import Iterable

from qingjian.apps.matters.declarations import Action, EvidenceNeed
from qingjian.apps.matters.models import Evidence, Matter

Line = tuple[int, str, str, str]
"""Number, action, state before and state after of a line of the trail."""


def _pieces(matter: Matter) -> list[tuple[int, Evidence]]:
    """Return the evidence that is not withdrawn, each with the number of the line that brought it."""
    brought = {
        data.get("evidence"): sequence
        for sequence, data in matter.trail.filter(action="attach").values_list("sequence", "data")
    }
    return [(brought.get(one.pk, 0), one) for one in matter.evidence.filter(withdrawn_at=None)]


def _since(need: EvidenceNeed, lines: Iterable[Line], before: int | None = None) -> int:
    """Return the number of the line after which evidence counts for a need, as it was before a later line."""
    return max(
        (
            number
            for number, action, _before, _after in lines
            if action in need.since and (before is None or number < before)
        ),
        default=0,
    )


def _counting(need: EvidenceNeed, pieces: Iterable[tuple[int, Evidence]], since: int) -> set[int]:
    return {
        one.pk
        for number, one in pieces
        if number > since
        and (not need.kinds or one.kind in need.kinds)
        and (need.party is None or one.side == need.party.value)
    }


def _lines(matter: Matter) -> list[Line]:
    return list(matter.trail.values_list("sequence", "action", "before", "after"))


def attached(matter: Matter, action: Action) -> list[tuple[EvidenceNeed, int]]:
    """Return each need of an action with how many pieces count for it now."""
    if not action.evidence:
        return []
    pieces, lines = _pieces(matter), _lines(matter)
    return [(need, len(_counting(need, pieces, _since(need, lines)))) for need in action.evidence]


def standing_on(matter: Matter, row: Evidence) -> Action | None:
    """Return the step that was taken on this piece of evidence and would lack it; None when nothing stands on it.

    A step holds its evidence until the matter comes back to where the step can be taken again. Another piece that was
    added since, by the same side, sets the first one free.
    """
    lines = _lines(matter)
    pieces = _pieces(matter)
    for action in matter.declaration.actions:
        taken = max((number for number, name, _before, _after in lines if name == action.name), default=0)
        if not taken or not action.evidence:
            continue
        if any(
            number > taken and before != after and after in action.sources
            for number, _name, before, after in lines
        ):
            continue
        for need in action.evidence:
            counting = _counting(need, pieces, _since(need, lines, taken))
            if row.pk in counting and len(counting) <= need.count:
                return action
    return None

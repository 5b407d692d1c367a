"""One action under way, and the line it leaves in the trail and in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from qingjian.apps.matters import recorded, rules
from qingjian.apps.matters.models import Matter, TrailEntry
from qingjian.apps.records import services as records
from qingjian.contracts.current import now


@dataclass(slots=True)
class Acting:
    """One action under way, inside its transaction."""

    matter: Matter
    action: str
    actor: Any
    data: dict[str, Any]
    prepared: Any = None
    verdict: rules.Verdict = field(default_factory=lambda: rules.Verdict(True))
    note: str = ""
    bumps_version: bool = True


def add_line(
    acting: Acting, before: str, after: str, data: Mapping[str, Any], action: str = ""
) -> TrailEntry:
    """Add the line of an action; call it with the matter locked."""
    matter = acting.matter
    last = matter.trail.aggregate(last=Max("sequence"))["last"] or 0
    trail = TrailEntry.objects.create(
        matter=matter,
        sequence=last + 1,
        at=now(),
        actor=acting.actor,
        on_behalf_of=acting.verdict.on_behalf_of,
        action=action or acting.action,
        before=before,
        after=after,
        data=dict(data),
        note=acting.note[:1000],
    )
    records.commit(recorded.kind_of(trail), recorded.identifier(trail), recorded.step(trail))
    return trail


def add_system_trail(matter: Matter, action: str, data: Mapping[str, Any], note: str = "") -> TrailEntry:
    """Add a line the system wrote, e.g. a missed deadline; call it with the matter locked."""
    acting = Acting(matter, action, None, dict(data), note=note)
    return add_line(acting, matter.state, matter.state, data)

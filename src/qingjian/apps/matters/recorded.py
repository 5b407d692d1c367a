"""What of matters goes into the ledger: every line of a trail, and every signature with what it covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.matters.models import Document, Evidence, SignOff, TrailEntry
from qingjian.apps.records import kinds

STEP, SIGNED = "matter.step", "matter.signed"
SYSTEM = "system"
"""Stands for the clock: reminders, escalation and deadlines computed again have no person behind them."""
SIGNING = frozenset({"sign", "refuse", "sign-outsider"})


def kind_of(trail: TrailEntry) -> str:
    return SIGNED if trail.action in SIGNING else STEP


def identifier(trail: TrailEntry) -> str:
    """Return how an event names a line: number of the matter and of the line, as the trail page shows them."""
    return f"{trail.matter.number}/{trail.sequence}"


@dataclass(slots=True)
class Beside:
    """What hangs on lines of trails, read at once for many of them or one by one when asked for."""

    evidence: dict[int, Evidence] = field(default_factory=dict)
    sign_offs: dict[int, SignOff] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)

    @classmethod
    def of(cls, trails: Sequence[TrailEntry]) -> Beside:
        """Read everything that hangs on some lines."""
        data = [trail.data for trail in trails]
        numbers = {name for one in data for name in one.get("documents") or ()}
        return cls(
            Evidence.objects.in_bulk([one["evidence"] for one in data if one.get("evidence")]),
            SignOff.objects.select_related("sheet__document", "signer").in_bulk(
                [one["sign_off"] for one in data if one.get("sign_off")]
            ),
            {row.number: row for row in Document.objects.filter(number__in=numbers)},
        )


def step(trail: TrailEntry, beside: Beside | None = None) -> dict[str, Any]:
    """Return a line with what hangs on it. Typed texts enter as a digest; fields declared for it stand in plain."""
    beside = beside or Beside.of([trail])
    action = trail.matter.declaration.action(trail.action)
    typed = json.dumps(trail.data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    found: dict[str, Any] = {
        **(named("actor", trail.actor) if trail.actor else {"actor": SYSTEM}),
        "on_behalf_of": trail.on_behalf_of.username if trail.on_behalf_of else "",
        "number": trail.matter.number,
        "sequence": trail.sequence,
        "at": trail.at.astimezone(UTC).isoformat(),
        "action": trail.action,
        "before": trail.before,
        "after": trail.after,
        "note": trail.note,
        "data": hashlib.sha256(typed.encode()).hexdigest(),
        **{f"field:{name}": trail.data.get(name) for name in (action.ledger_fields if action else ())},
    }
    row = beside.evidence.get(trail.data.get("evidence") or 0)
    if trail.action == "attach" and row is not None:
        found["evidence"] = evidence(row)
        if "side" in trail.data:  # lines from before the side was kept have none
            found["evidence"]["side"] = row.side
    if made := trail.data.get("documents"):
        rows = (beside.documents.get(name) for name in sorted(made))
        found["documents"] = [
            [one.number, one.file_id] for one in rows if one is not None and one.matter_id == trail.matter_id
        ]
    if trail.action in SIGNING:
        found |= signature(trail, beside)
    return found


def evidence(row: Evidence) -> dict[str, Any]:
    """Return what of a piece of evidence never changes."""
    return {
        "file": row.file_id,
        "title": row.title,
        "kind": row.kind,
        "capture": row.capture,
        "recorder": row.recorder,
        "taken_at": row.taken_at.isoformat() if row.taken_at else None,
        "place": _place(row.longitude, row.latitude),
        "taken_at_in_file": row.taken_at_in_file.isoformat() if row.taken_at_in_file else None,
        "place_in_file": _place(row.longitude_in_file, row.latitude_in_file),
    }


def _place(longitude: float | None, latitude: float | None) -> str:
    return "" if longitude is None or latitude is None else f"{longitude:.6f},{latitude:.6f}"


def signature(trail: TrailEntry, beside: Beside) -> dict[str, Any]:
    """Return the signature behind a line, as its own row has it now."""
    if "sign_off" not in trail.data:  # lines from before signatures were named in them
        return {}
    row = beside.sign_offs.get(trail.data["sign_off"])
    if row is None:
        return {"document": None, "digest": None}
    return {
        "document": row.sheet.document.number,
        "digest": row.digest,
        "slot": row.slot,
        "signer": row.signer.username,
        "role": row.role,
        "certificate": row.certificate,
        "refused": row.refused,
        "reason": row.reason,
        "outsider": row.outsider_name,
        "outsider_capacity": row.outsider_capacity,
        "drawing": row.drawing_id or "",
    }


def _lines() -> Any:
    return TrailEntry.objects.select_related("matter", "actor", "on_behalf_of")


def _reread(name: str) -> dict[str, Any] | None:
    return _reread_all([name]).get(name)


def _reread_all(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    places = [name.rpartition("/") for name in names]
    rows = _lines().filter(
        matter__number__in={number for number, _slash, _sequence in places},
        sequence__in={int(sequence) for _number, _slash, sequence in places if sequence.isdecimal()},
    )
    wanted = set(names)
    trails = [row for row in rows if identifier(row) in wanted]
    beside = Beside.of(trails)
    return {identifier(row): step(row, beside) for row in trails}


def _made(*, signing: bool) -> Any:
    def made() -> list[str]:
        rows = TrailEntry.objects.order_by()
        rows = rows.filter(action__in=SIGNING) if signing else rows.exclude(action__in=SIGNING)
        return [f"{number}/{sequence}" for number, sequence in rows.values_list("matter__number", "sequence")]

    return made


kinds.register(
    STEP,
    _("Step of a matter"),
    "事项步骤",
    {"actor", "number", "sequence", "action", "before", "after", "data"},
    _reread,
    _made(signing=False),
    _reread_all,
)
kinds.register(
    SIGNED,
    _("Signature in a matter"),
    "事项签字",
    {"actor", "number", "sequence", "action", "document", "digest"},
    _reread,
    _made(signing=True),
    _reread_all,
)

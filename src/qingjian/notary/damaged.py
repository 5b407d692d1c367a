"""Batches of frames that could not be entered whole, because frames were gone or changed before: kept to be told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qingjian.notary.notary import Notary

_FACT = "damaged_batches"
_MOST = 100
TOLD_FOR = timedelta(days=31)
"""So long people are told of a damaged batch; `fsck` names it as long as the journal keeps it."""


@dataclass(frozen=True, slots=True)
class DamagedBatch:
    """A closed journal range of which not every frame could be entered as it was received."""

    journal: str
    first: int
    last: int
    at: datetime
    """When the notary met it."""

    @property
    def words(self) -> str:
        return (
            f"{self.journal} {self.first}–{self.last}：入账时报文已缺失或被改动 / "
            "frames were missing or changed before they could be entered"
        )


def note(notary: Notary, journal: str, first: int, last: int) -> None:
    """Remember a damaged batch; noting it again changes nothing."""
    rows = _rows(notary)
    if any(row[:3] == [journal, first, last] for row in rows):
        return
    rows.append([journal, first, last, int(notary.clock.now().timestamp())])
    with notary.state.transaction():
        notary.state.set_fact(_FACT, json.dumps(rows[-_MOST:]))


def recent(notary: Notary) -> list[DamagedBatch]:
    """Damaged batches of the last 31 days, oldest first."""
    since = notary.clock.now() - TOLD_FOR
    found = [
        DamagedBatch(journal, first, last, datetime.fromtimestamp(at, UTC))
        for journal, first, last, at in _rows(notary)
    ]
    return [one for one in found if one.at >= since]


def _rows(notary: Notary) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(notary.state.fact(_FACT) or "[]")
    return rows

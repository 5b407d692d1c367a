"""Stated facts (标记等): what people say about stretches of data, handed to whoever computes with the data.

Rows are only ever added; `quality.facts` says which of them hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qingjian.quality.facts import FactKind, IntervalFact


@dataclass(frozen=True, slots=True)
class StatedFact:
    """One statement about some series from `start` (inclusive) to `end` (exclusive; None = open)."""

    id: str
    kind: FactKind
    series: tuple[str, ...]
    """Codes, as people's registry has them."""
    start: datetime
    end: datetime | None
    known_at: datetime
    value: str = ""
    author: str = ""
    reason: str = ""
    supersedes: str = ""
    confidence: str = "V"

    def interval(self, numbers: Mapping[str, int]) -> IntervalFact:
        """Return the fact as `quality` wants it; `numbers` gives the integer of each series code that matters."""
        return IntervalFact(
            id=self.id,
            kind=self.kind,
            series=frozenset(numbers[code] for code in self.series if code in numbers),
            start=int(self.start.timestamp()),
            end=None if self.end is None else int(self.end.timestamp()),
            value=self.value,
            author=self.author,
            reason=self.reason,
            known_at=int(self.known_at.timestamp() * 1_000_000),
            supersedes=self.supersedes,
            confidence=self.confidence,
        )


class FactLog(Protocol):
    """Append-only, numbered from 1; any number of writers and readers."""

    def append(self, facts: Sequence[StatedFact]) -> int:
        """Store facts whose id is not there yet; returns how many were new."""

    def read(self, after: int = 0, up_to: int | None = None) -> Sequence[tuple[int, StatedFact]]:
        """Return (number, fact) with after < number ≤ up_to (all when None), in order."""

    def last(self) -> int:
        """Return the newest number, 0 for none."""

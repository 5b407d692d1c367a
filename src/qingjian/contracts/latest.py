"""Latest values (最新值): written by the pipeline only, read by pages without touching the lake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class LatestValue(NamedTuple):
    """Newest known observation of a series and statistic."""

    series: int
    statistic: str
    start: datetime
    value: float | None
    flag: str
    known_at: datetime
    journal: str
    sequence: int
    """Frame id (journal, sequence); sequence 0 and journal "" when it did not come from a frame."""
    revision: int = 0


class LatestStore(Protocol):
    """One row per (series, statistic)."""

    def write(self, values: Iterable[LatestValue]) -> None:
        """Keep each value unless a newer period is already known (a revision of the same period replaces it)."""

    def read(
        self, series: Iterable[int] | None = None, statistic: str | None = None
    ) -> Sequence[LatestValue]:
        """Return the latest values of the given series (all when None)."""

    def change_number(self) -> int:
        """Return a number that grows with every write, for live pages and ETags."""

"""What a simulated field device measures, whatever it is made of: the texts of one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class Reading(NamedTuple):
    """Values of one factor in one record: suffix of HJ 212 (Rtd, Avg, Min, Max, Cou, ZsAvg, Flag …) → text."""

    factor: str
    values: Mapping[str, str]


class Recorder(Protocol):
    """Answers what was measured. An empty sequence means: nothing to report for this period."""

    def record(self, statistic: str, start: datetime, length: int) -> Sequence[Reading]:
        """Return the readings of a period of `length` seconds named by its aware start (`realtime`: the instant)."""


def text(value: float, decimals: int) -> str:
    """Return a number as the wire shows it; no negative zero."""
    shown = f"{value:.{decimals}f}"
    return shown.lstrip("-") if not shown.strip("-0.") else shown

"""Presence (在线情况): which device is connected where, and how its frames fared; written by gateway processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Presence:
    """State of one device as its gateway process last wrote it."""

    mn: str
    gateway: str
    peer: str
    registered: bool
    connected_at: datetime | None
    disconnected_at: datetime | None
    last_frame_at: datetime | None
    accepted: int
    refused: int
    last_refusal: str
    last_deviations: tuple[str, ...]
    clock_offset_seconds: float | None
    """Device time minus receiving time, from the newest real-time frame."""

    @property
    def online(self) -> bool:
        return self.connected_at is not None and (
            self.disconnected_at is None or self.disconnected_at < self.connected_at
        )


class PresenceStore(Protocol):
    """Rows by MN; the newest connection wins."""

    def write(self, rows: Sequence[Presence]) -> None:
        """Replace the rows of these MNs."""

    def read(self, mn: str | None = None) -> Sequence[Presence]:
        """Return one device's row or all."""

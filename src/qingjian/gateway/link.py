"""A connection as the other parts of a gateway see it: who speaks there, and what can be done with it."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """One open connection to a device."""

    number: int
    """Grows from connection to connection, so that the newest is known."""
    peer: str
    mns: set[str]
    """Registered devices that spoke on it and have not moved to a newer one."""

    def write(self, content: bytes) -> bool:
        """Send bytes; False when the connection is gone."""

    def close(self, reason: str) -> None:
        """Close after what is written has been sent."""

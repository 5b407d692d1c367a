"""The command queue (反控命令): what people or rules ask a device to do, durable until answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class CommandState(StrEnum):
    """Life of a command; the last five are final."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset(
    {
        CommandState.SUCCEEDED,
        CommandState.REFUSED,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
    }
)


UNANSWERED = ("no_answer", "execution_timeout")
"""Result codes of commands that failed because the device did not say what became of them."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request to one device."""

    id: str
    mn: str
    code: str
    """CN, e.g. 2061."""
    parameters: Mapping[str, str]
    """CP fields by name, e.g. {"BeginTime": "20260101000000"}."""
    author: str
    authorisation: str
    """Who or which rule allowed it; a command without one is refused by the queue."""
    created_at: datetime
    expires_at: datetime
    purpose: str = ""
    """Free text or the id of the gap it fills."""
    state: CommandState = CommandState.QUEUED
    claimed_by: str = ""
    qn: str = ""
    """Request number on the wire, given when sent."""
    result_code: str = ""
    """QnRtn or ExeRtn text of the device."""
    detail: str = ""
    answers: tuple[tuple[str, int], ...] = field(default=())
    """Frame ids (journal, sequence) of what the device answered."""
    updated_at: datetime | None = None

    @property
    def may_still_end(self) -> bool:
        """Whether it was sent and given up for want of an answer: a late one tells what became of it."""
        if self.state is CommandState.FAILED:
            return self.result_code in UNANSWERED
        return self.state is CommandState.EXPIRED and bool(self.qn)


class CommandQueue(Protocol):
    """Durable queue; a command is claimed by the one process that holds the device's connection."""

    def put(self, command: Command) -> None:
        """Store a queued command; storing the same id again changes nothing."""

    def claim(self, gateway: str, mns: Iterable[str], now: datetime) -> Sequence[Command]:
        """Hand out queued, unexpired commands of the connected devices, oldest first, each to one process."""

    def release(self, gateway: str, now: datetime) -> int:
        """Give back what a process claimed and had not sent (its connection moved or it stopped)."""

    def update(self, command_id: str, now: datetime, **changes: Any) -> Command:
        """Change state, qn, result_code, detail or add answers; KeyError when unknown, ValueError after a final state."""

    def expire(self, now: datetime) -> Sequence[Command]:
        """Move overdue commands to EXPIRED and return them."""

    def get(self, command_id: str) -> Command | None:
        """Return one command."""

    def recent(self, mn: str | None = None, limit: int = 50) -> Sequence[Command]:
        """Return the newest commands, of one device or of all."""

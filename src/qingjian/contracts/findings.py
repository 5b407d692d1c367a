"""Findings (发现): what the machine states, with rule, interval and evidence; people's alerts are made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

SEVERITIES = ("information", "minor", "major", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement. A later statement with the same id replaces what is known of its end and evidence."""

    id: str
    rule: str
    """Stable name, e.g. device-silent."""
    rule_version: str
    subject: str
    """Device code, series code or point code the statement is about."""
    subject_kind: str
    """device, series, point or node."""
    start: datetime
    end: datetime | None
    """None while it lasts."""
    severity: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON values: figures, frame ids as [journal, sequence], limits."""
    known_at: datetime | None = None


def finding_id(rule: str, rule_version: str, subject: str, start: datetime, about: str = "") -> str:
    """Return the deterministic id: re-running a rule over the same data gives the same id.

    `about` tells apart what a rule states of one subject from one moment on, such as the limits it is held against.
    """
    parts = (rule, rule_version, subject, start.isoformat(), *([about] if about else []))
    text = "\n".join(parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class FindingLog(Protocol):
    """Append-only; one writer per producer, readers keep their own position."""

    def append(self, findings: Sequence[Finding]) -> int:
        """Store findings; one equal to the newest known statement of its id is dropped. Returns how many were new."""

    def read(self, after: int, limit: int = 1000) -> Sequence[tuple[int, Finding]]:
        """Return (position, finding) with position > after, in order."""

    def open_findings(self, rule: str | None = None) -> Sequence[Finding]:
        """Return the newest statement of every id whose end is still None."""

"""Findings as rules state them: their ids, what of long evidence they list, and the words all rules share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from qingjian.contracts.directory import Directory
from qingjian.contracts.findings import Finding, finding_id
from qingjian.pipeline.rules import CATALOGUE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LISTED = 20
"""Changes that a finding lists itself; the lake has all."""
FRAMES_LISTED = 1_000
REASONS_LISTED = 5
PERIOD_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
Memory = Callable[[str, Any], Any]
Outcome = tuple[list[Finding], dict[str, object]]


def make_finding(
    rule: str,
    subject: str,
    start: datetime,
    end: datetime | None,
    evidence: Mapping[str, Any],
    known_at: datetime,
    *,
    part: str = "",
) -> Finding:
    """Return a finding of a catalogued rule; `part` tells apart statements about one subject and start."""
    row = CATALOGUE[rule]
    key = f"{subject}|{part}" if part else subject
    return Finding(
        id=finding_id(rule, row.version, key, start),
        rule=rule,
        rule_version=row.version,
        subject=subject,
        subject_kind=row.subject_kind,
        start=start,
        end=end,
        severity=row.severity,
        evidence=dict(evidence),
        known_at=known_at,
    )


def listed(name: str, items: Sequence[Any], most: int) -> dict[str, Any]:
    """Return evidence that lists at most so many things; `…_in_all` says how many there are where it lists fewer."""
    return {name: list(items[:most])} | ({f"{name}_in_all": len(items)} if len(items) > most else {})


def series_code(directory: Directory, series: int) -> str:
    known = directory.series_by_id(series)
    return known.code if known is not None else str(series)


def out_of_service(
    stretches: Sequence[tuple[datetime | None, datetime | None]], now: datetime
) -> datetime | None:
    """Return when the last stretch before a moment ended, the moment itself when there was none; None within one."""
    if any((since is None or since <= now) and (stop is None or now < stop) for since, stop in stretches):
        return None
    return max((stop for _, stop in stretches if stop is not None and stop <= now), default=now)


def moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds

"""Versions of findings: a later look (the monthly dossier) may confirm, change or take back what was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qingjian.screening.findings import Finding

NEW: Final = "new"
CONFIRMED: Final = "confirmed"
REVISED: Final = "revised"
WITHDRAWN: Final = "withdrawn"
NEAR_DAYS: Final = (
    2  # a finding that touches or nearly touches an earlier one of the same series continues it
)
SAID: Final = ("from", "to", "kind", "confidence", "fault", "other_station")


@dataclass(frozen=True)
class Version:
    """A finding in its present version. `state` says what became of it, `before` is the version it replaces."""

    finding: Finding
    number: int
    state: str
    before: Finding | None = None


def first_versions(findings: Sequence[Finding]) -> tuple[Version, ...]:
    """Findings that were never seen before."""
    return tuple(Version(finding, 1, NEW) for finding in findings)


def revise(earlier: Sequence[Version], later: Sequence[Finding], known_to: int) -> tuple[Version, ...]:
    """Versions after a later look that covers everything up to `known_to` (days since 1970-01-01).

    A later finding continues the earlier one of the same series whose days it overlaps or nearly touches; the number grows when
    its `gist` changed. An earlier finding inside the covered time that no later one continues
    is withdrawn (it stays in the list, with a number of its own); one that was withdrawn before is not repeated.
    """
    open_ones = [v for v in earlier if v.state != WITHDRAWN]
    taken: set[int] = set()
    out: list[Version] = []
    for finding in later:
        at = next(
            (i for i, v in enumerate(open_ones) if i not in taken and _continues(v.finding, finding)), None
        )
        if at is None:
            out.append(Version(finding, 1, NEW))
            continue
        taken.add(at)
        before = open_ones[at]
        if _same(before.finding, finding):
            out.append(Version(finding, before.number, CONFIRMED, before.finding))
        else:
            out.append(Version(finding, before.number + 1, REVISED, before.finding))
    for i, version in enumerate(open_ones):
        if i in taken:
            continue
        if version.finding.last_day <= known_to:
            out.append(Version(version.finding, version.number + 1, WITHDRAWN, version.finding))
        else:
            out.append(version)
    return tuple(out)


def gist(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes a version of a finding, from its record: period, kind, confidence, fault or not, the tests and monthly
    dossiers (`dossier`: months with their scores) it rests on, and the score to its third digit. p-values move a little
    every day; that alone is no revision."""
    return (
        *(record.get(name) for name in SAID),
        tuple(one["test"] for one in record.get("tests", ())),
        tuple(month for month, _score in record.get("dossier", ())),
        round(record.get("score", 0.0), 3),
    )


def _continues(before: Finding, after: Finding) -> bool:
    return (
        (before.station, before.parameter) == (after.station, after.parameter)
        and after.first_day <= before.last_day + NEAR_DAYS
        and before.first_day <= after.last_day + NEAR_DAYS
    )


def _same(before: Finding, after: Finding) -> bool:
    return gist(before.as_record()) == gist(after.as_record())

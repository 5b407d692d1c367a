"""Versions of findings: a later look (the monthly dossier) may confirm, change or take back what was said before."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Spell:
    """Days (since 1970-01-01) on which something was said of one subject: a series, or a series and the rule that spoke."""

    subject: Hashable
    first_day: int
    last_day: int
    withdrawn: bool = False


def continued(earlier: Sequence[Spell], later: Sequence[Spell]) -> list[int | None]:
    """Position of the earlier spell that each later one continues; None where it is new.

    A later spell continues one of the same subject whose days it overlaps or nearly touches: rather one that holds than
    one that was withdrawn, then the one it shares most days with, then the first of them. Each is continued
    once at most, in the order of the later ones.
    """
    taken: set[int] = set()
    found: list[int | None] = []
    for after in later:
        near = [i for i, before in enumerate(earlier) if i not in taken and _continues(before, after)]
        at = min(near, key=lambda i: (earlier[i].withdrawn, -_shared(earlier[i], after), i), default=None)
        if at is not None:
            taken.add(at)
        found.append(at)
    return found


def revise(earlier: Sequence[Version], later: Sequence[Finding], known_to: int) -> tuple[Version, ...]:
    """Versions after a later look that covers everything up to `known_to` (days since 1970-01-01).

    A later finding continues an earlier one (see `continued`); the number grows when its `gist` changed, and when it was
    withdrawn in between. An earlier finding inside the covered time that no later one continues is withdrawn (it stays in
    the list, with a number of its own); one that was withdrawn before is not repeated.
    """
    after = continued([_spell(v.finding, v.state) for v in earlier], [_spell(one) for one in later])
    out: list[Version] = []
    for finding, at in zip(later, after, strict=True):
        if at is None:
            out.append(Version(finding, 1, NEW))
            continue
        before = earlier[at]
        if before.state != WITHDRAWN and _same(before.finding, finding):
            out.append(Version(finding, before.number, CONFIRMED, before.finding))
        else:
            out.append(Version(finding, before.number + 1, REVISED, before.finding))
    for i, version in enumerate(earlier):
        if i in after or version.state == WITHDRAWN:
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


def _spell(finding: Finding, state: str = NEW) -> Spell:
    subject = (finding.station, finding.parameter)
    return Spell(subject, finding.first_day, finding.last_day, state == WITHDRAWN)


def _continues(before: Spell, after: Spell) -> bool:
    return (
        before.subject == after.subject
        and after.first_day <= before.last_day + NEAR_DAYS
        and before.first_day <= after.last_day + NEAR_DAYS
    )


def _shared(before: Spell, after: Spell) -> int:
    """Days both hold; negative where they only nearly touch."""
    return min(before.last_day, after.last_day) - max(before.first_day, after.first_day) + 1


def _same(before: Finding, after: Finding) -> bool:
    return gist(before.as_record()) == gist(after.as_record())

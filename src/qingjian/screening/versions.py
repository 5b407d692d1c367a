"""Versions of findings: which finding a later look (the monthly dossier) continues, and what makes it a new version."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NEAR_DAYS: Final = (
    2  # a finding that touches or nearly touches an earlier one of the same series continues it
)
SAID: Final = ("from", "to", "kind", "confidence", "fault", "other_station")


@dataclass(frozen=True, slots=True)
class Spell:
    """Days (since 1970-01-01) on which something was said of one subject: a series, or a series and the rule that spoke.

    `bounded` says that the days have an end of their own, as a calendar month or an occasion have: what begins on the day
    after is another one.
    """

    subject: Hashable
    first_day: int
    last_day: int
    withdrawn: bool = False
    bounded: bool = False

    @property
    def days(self) -> int:
        return self.last_day - self.first_day + 1


def continued(earlier: Sequence[Spell], later: Sequence[Spell]) -> list[int | None]:
    """Position of the earlier spell that each later one continues; None where it is new.

    A later spell continues one of the same subject whose days it shares, or nearly touches where neither is bounded.
    Of all pairs first come those that share days before those that only touch, then those whose earlier one holds before
    withdrawn ones, then those that share most, then those that differ least in length, then the order of the later and of
    the earlier ones. Each spell stands in one pair at most.
    """
    pairs = sorted(
        (
            _shared(before, after) <= 0,
            before.withdrawn,
            -_shared(before, after),
            before.days + after.days,
            j,
            i,
        )
        for j, after in enumerate(later)
        for i, before in enumerate(earlier)
        if _continues(before, after)
    )
    found: list[int | None] = [None] * len(later)
    taken: set[int] = set()
    for *_order, j, i in pairs:
        if found[j] is None and i not in taken:
            found[j] = i
            taken.add(i)
    return found


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


def _continues(before: Spell, after: Spell) -> bool:
    reach = 0 if before.bounded or after.bounded else NEAR_DAYS
    return (
        before.subject == after.subject
        and after.first_day <= before.last_day + reach
        and before.first_day <= after.last_day + reach
    )


def _shared(before: Spell, after: Spell) -> int:
    """Days both hold; negative where they only nearly touch."""
    return min(before.last_day, after.last_day) - max(before.first_day, after.first_day) + 1

"""Ranking of cities and counties by composite index, improvement rates and movement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from qingjian.standards.errors import InputError
from qingjian.standards.rounding import round_places


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a ranking. Equal values share a rank, the next rank is skipped.

    `movement`: ranks won (positive) or lost since the earlier ranking, None if it was not in it.
    """

    name: str
    value: Decimal
    rank: int
    movement: int | None = None


def change_rate(now: Decimal, base: Decimal) -> Decimal:
    """(now-base)/base in %, one decimal; negative = better for concentrations and indices. Raises InputError if base ≤ 0."""
    if base <= 0:
        raise InputError("基期值须为正", "the base value must be positive")
    return round_places((now - base) / base * 100, 1)


def rank(
    values: Mapping[str, Decimal], *, best_first: bool = True, earlier: Mapping[str, Decimal] | None = None
) -> tuple[Place, ...]:
    """Rank places by value, smallest = best (composite index, CWQI, change rate).

    `best_first` False lists the worst first, with ranks counted from the worst, as the published list of the last places
    does. `earlier`: values of the period the movement is counted from.
    """
    order = _ranks(values, best_first)
    before = _ranks(earlier, best_first) if earlier else {}
    places = [
        Place(name, values[name], place, before[name] - place if name in before else None)
        for name, place in order.items()
    ]
    return tuple(places)


def improvement(now: Mapping[str, Decimal], base: Mapping[str, Decimal]) -> tuple[Place, ...]:
    """Rank places by change rate, most improved first. Places without a base value are left out."""
    return rank({name: change_rate(value, base[name]) for name, value in now.items() if name in base})


def _ranks(values: Mapping[str, Decimal], best_first: bool) -> dict[str, int]:
    ordered = sorted(values, key=lambda name: values[name], reverse=not best_first)
    ranks: dict[str, int] = {}
    for place, name in enumerate(ordered, start=1):
        previous = ordered[place - 2] if place > 1 else None
        ranks[name] = ranks[previous] if previous and values[previous] == values[name] else place
    return ranks

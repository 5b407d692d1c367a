"""Rows that speak of one place: which column names it, and in which region it lies.

Regions are known here; apps above register what else a row may name (an outlet, for one), and the factors limits are of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from qingjian.apps.accounts.models import Region


@dataclass(frozen=True, slots=True)
class Named:
    """The column of a table that names a place, and the region of what is registered under a code."""

    column: str
    region_of: Callable[[str], Region | None]
    """None when nothing is registered under the code."""


_named: dict[str, Named] = {}


def register(table: str, named: Named) -> None:
    """Say what the rows of a table name; the same table twice is an error."""
    if table in _named:
        raise ValueError(f"places of table {table} are registered twice")
    _named[table] = named


_factors: list[Callable[[], Collection[str]]] = []


def register_factors(factors: Callable[[], Collection[str]]) -> None:
    """Say which factors are registered, by their Chinese names."""
    _factors.append(factors)


def factor_names() -> frozenset[str]:
    """Return the Chinese names of every registered factor."""
    return frozenset(name for factors in _factors for name in factors())


def column_of(table: str) -> str | None:
    """Return the column that names a place; None where every row holds for the whole node."""
    return _named[table].column if table in _named else None


def region_of(table: str, values: Mapping[str, str]) -> Region | None:
    """Return the region a row holds in; None for the whole node, and where nothing is registered under its code."""
    named = _named.get(table)
    return named.region_of(values.get(named.column, "").strip()) if named else None


def _region(code: str) -> Region | None:
    return Region.objects.filter(code=code).first()


register("regional_targets", Named("region", _region))

"""Which row of the rulebook calls for an automatic check of a medium, and whether it may be followed yet.

`data/check_rules.csv` says where in the rulebook each check stands. A check states findings about people's data, so a row
that nobody has seen in its document is followed only after a person confirmed it.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from datetime import date
from importlib import resources

from qingjian.rulebook import Confidence, Row, Rulebook


@dataclass(frozen=True, slots=True)
class _Selector:
    medium: str
    check: str
    table: str
    where: tuple[tuple[str, str], ...]


@functools.cache
def _selectors() -> tuple[_Selector, ...]:
    text = resources.files("qingjian.quality").joinpath("data", "check_rules.csv").read_text("utf-8")
    return tuple(
        _Selector(
            row["medium"],
            row["check"],
            row["table"],
            tuple(
                (name, value) for name, _, value in (part.partition("=") for part in row["where"].split(";"))
            ),
        )
        for row in csv.DictReader(text.splitlines())
    )


@functools.cache
def called_checks() -> frozenset[str]:
    """Names of the checks that run only where a row calls for them."""
    return frozenset(one.check for one in _selectors())


@functools.lru_cache(maxsize=1024)
def calling_row(book: Rulebook, check: str, medium: str, on: date) -> Row | None:
    """Return the row that calls for a check of a medium on a day, None where there is none.

    A row that names the medium goes before one for every medium.
    """
    for wanted in (medium, ""):
        for one in _selectors():
            if (one.medium, one.check) == (wanted, check):
                rows = book.rows(one.table, on, **dict(one.where))
                if rows:
                    return rows[0]
    return None


def may_follow(book: Rulebook, check: str, medium: str) -> bool:
    """Whether a check of a medium runs on any day: some edition of a row that calls for it may be followed."""
    return any(
        row.confidence is Confidence.V or row.confirmed
        for one in _selectors()
        if one.check == check and one.medium in (medium, "")
        for row in book.rows(one.table, None, **dict(one.where))
    )


def followed_row(book: Rulebook, check: str, medium: str, on: date) -> Row | None:
    """Return the row by which a check runs: seen in its document, or confirmed by a person; else None."""
    row = calling_row(book, check, medium, on)
    return row if row is not None and (row.confidence is Confidence.V or row.confirmed) else None

"""Sealed days: a Merkle tree over series-days, each a salted commitment to its canonical rows.

What is hashed are rows, not files, so compaction and migration of the store keep every digest, and
a bundle for one outlet opens only that outlet's series.
"""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qingjian.ledger.commitments import canonical_json, commitment, derive_salt
from qingjian.ledger.errors import MalformedError
from qingjian.ledger.hashing import leaf_hash
from qingjian.ledger.tree import MemoryTree

_PLAIN = frozenset((str, int, bool, type(None)))
_LARGEST = 1 << 53
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _row(values: Sequence[Any]) -> bytes:
    """Canonical JSON of one row.

    Texts, integers below 2**53, true, false and null have one spelling only, and the standard library writes it
    about three times as fast; all else goes through RFC 8785.
    """
    row = list(values)
    if _PLAIN.issuperset(map(type, row)):
        for one in row:
            if type(one) is int and not -_LARGEST < one < _LARGEST:
                return canonical_json(row)
        try:
            return _write(row).encode()
        except UnicodeEncodeError as error:
            raise MalformedError(f"no canonical JSON: {error}") from error
    return canonical_json(row)


def canonical_rows(
    series: str, day: datetime.date, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> bytes:
    """Canonical bytes of one series-day: a header line, then one JSON array per row, sorted by its bytes.

    Put the start of the period first among the columns and the lines are in order of time. The order
    in which rows arrive does not matter; a row that appears twice is an error.
    """
    header = canonical_json({"columns": list(columns), "day": day.isoformat(), "series": series})
    lines = []
    for row in rows:
        if len(row) != len(columns):
            raise MalformedError(f"a row of {series} has {len(row)} values for {len(columns)} columns")
        lines.append(_row(row))
    lines.sort()
    if any(a == b for a, b in itertools.pairwise(lines)):
        raise MalformedError(f"{series} has the same row twice on {day}")
    return b"\n".join([header, *lines, b""])


@dataclass(frozen=True)
class SeriesDay:
    """Commitment to one series on one day."""

    series: str
    digest: bytes

    def leaf(self) -> bytes:
        """Leaf hash in the tree of the day."""
        return leaf_hash(self.digest)


def series_day(secret: bytes, series: str, day: datetime.date, canonical: bytes) -> SeriesDay:
    """Commit to the canonical rows of a series-day with the salt derived from the seal's secret."""
    return SeriesDay(series, commitment(canonical, series_day_salt(secret, series, day)))


def series_day_salt(secret: bytes, series: str, day: datetime.date) -> bytes:
    """Salt of one series-day under the seal's secret."""
    return derive_salt(secret, "series-day", day.isoformat(), series)


class DaySeal:
    """Tree over the series-days of one day, in order of the UTF-8 bytes of the series code."""

    def __init__(self, day: datetime.date, series_days: Iterable[SeriesDay]) -> None:
        self.day = day
        self.series_days = sorted(series_days, key=lambda item: item.series.encode())
        self._places = {item.series: place for place, item in enumerate(self.series_days)}
        if len(self._places) != len(self.series_days):
            raise MalformedError(f"a series appears twice in the seal of {day}")
        self._tree = MemoryTree([item.leaf() for item in self.series_days])

    @property
    def root(self) -> bytes:
        return self._tree.root()

    @property
    def size(self) -> int:
        return len(self.series_days)

    def place(self, series: str) -> int:
        """Index of a series in the tree; MalformedError when the seal has none."""
        if series not in self._places:
            raise MalformedError(f"the seal of {self.day} has no series {series}")
        return self._places[series]

    def proof(self, series: str) -> list[bytes]:
        """Path from a series-day to the root of the day."""
        return self._tree.inclusion_proof(self.place(series))

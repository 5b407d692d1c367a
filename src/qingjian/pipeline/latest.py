"""Latest values in SQLite, read by pages without touching the lake."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from qingjian.contracts.latest import LatestValue
from qingjian.pipeline.database import open_database, transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS latest (
    series INTEGER NOT NULL,
    statistic TEXT NOT NULL,
    start INTEGER NOT NULL,
    value REAL,
    flag TEXT NOT NULL,
    known_at INTEGER NOT NULL,
    journal TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (series, statistic)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID
"""
AHEAD_US = 3_600_000_000
"""So far, in microseconds, a period may begin after its receipt: the clocks of devices are not exact."""
_UPSERT = f"""
INSERT INTO latest (series, statistic, start, value, flag, known_at, journal, sequence, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (series, statistic) DO UPDATE SET
    start = excluded.start, value = excluded.value, flag = excluded.flag, known_at = excluded.known_at,
    journal = excluded.journal, sequence = excluded.sequence, revision = excluded.revision
WHERE excluded.start > latest.start
   OR (excluded.start = latest.start AND (
        excluded.revision > latest.revision
        OR (excluded.revision = latest.revision AND excluded.known_at >= latest.known_at)))
   OR (latest.start > latest.known_at + {AHEAD_US} AND excluded.start <= excluded.known_at + {AHEAD_US})
"""  # noqa: S608 - a constant number
Row = tuple[int, str, int, float | None, str, int, str, int, int]
"""Columns as in the table; start and known_at in microseconds since 1970."""
_COUNT = "INSERT INTO counter (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
_PLACE = "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"


class SqliteLatestStore:
    """`contracts.latest.LatestStore` in one file; one writer process, any number of readers."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA)
        self._lock = threading.Lock()

    def write(self, values: Iterable[LatestValue]) -> None:
        """Keep each value unless a newer period is already known (a revision of the same period replaces it)."""
        self.write_rows(
            [
                (
                    one.series,
                    one.statistic,
                    _to_microseconds(one.start),
                    one.value,
                    one.flag,
                    _to_microseconds(one.known_at),
                    one.journal,
                    one.sequence,
                    one.revision,
                )
                for one in values
            ],
            {},
        )

    def write_rows(self, rows: Sequence[Row], positions: Mapping[str, int]) -> None:
        """Write plain rows and how far each journal has been read, in one commit."""
        with self._lock, transaction(self._connection):
            if rows:
                self._connection.executemany(_UPSERT, rows)
                self._connection.execute(_COUNT, ("change",))
            self._connection.executemany(
                _PLACE, [(f"journal:{name}", sequence) for name, sequence in positions.items()]
            )

    def position(self, journal: str) -> int:
        """Return the last sequence of a journal whose values are here."""
        return self._counter(f"journal:{journal}")

    def read(
        self, series: Iterable[int] | None = None, statistic: str | None = None
    ) -> Sequence[LatestValue]:
        """Return the latest values of the given series (all when None), sorted by series and statistic."""
        query = (
            "SELECT series, statistic, start, value, flag, known_at, journal, sequence, revision FROM latest"
        )
        conditions: list[str] = []
        parameters: list[object] = []
        if series is not None:
            wanted = sorted({int(one) for one in series})
            conditions.append("series IN (SELECT value FROM json_each(?))")
            parameters.append(str(wanted))
        if statistic is not None:
            conditions.append("statistic = ?")
            parameters.append(statistic)
        if conditions:
            query += " WHERE " + " AND ".join(conditions)
        with self._lock:
            rows = self._connection.execute(query + " ORDER BY series, statistic", parameters).fetchall()
        return [
            LatestValue(
                number, name, _moment(start), value, flag, _moment(known), journal, sequence, revision
            )
            for number, name, start, value, flag, known, journal, sequence, revision in rows
        ]

    def change_number(self) -> int:
        """Return a number that grows with every write, for live pages and ETags."""
        return self._counter("change")

    def _counter(self, name: str) -> int:
        with self._lock:
            row = self._connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        self._connection.close()


def _to_microseconds(moment: datetime) -> int:
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


@lru_cache(maxsize=65_536)
def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

"""The batch log: what each batch consists of, written durably before it is carried out.

A batch is then a pure function of the lake before it, its inputs and this row, so carrying it out again after a crash
or into an empty lake gives the same content, `known_at` included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qingjian.pipeline.database import open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    known_at INTEGER NOT NULL,
    directory_version INTEGER NOT NULL,
    content TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """One batch: kind is frames, import, aggregate, correction or replay; content names its inputs."""

    number: int
    kind: str
    known_at: datetime
    directory_version: int
    content: Mapping[str, Any]

    @property
    def ranges(self) -> Mapping[str, tuple[int, int]]:
        """Journal → (first excluded, last included) of a batch of frames."""
        return {name: (low, high) for name, (low, high) in self.content.get("ranges", {}).items()}

    @property
    def waiting(self) -> Mapping[str, Sequence[int]]:
        """Journal → sequences of the sub-packets that still waited for others when a batch of frames was closed."""
        found: Mapping[str, Sequence[int]] = self.content.get("waiting", {})
        return found


class BatchLog:
    """Batches by number, without holes."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA)

    def add(self, kind: str, now: datetime, directory_version: int, content: Mapping[str, Any]) -> Intent:
        """Write the next batch; its known_at is the present second, or later than that of the batch before."""
        with transaction(self._connection):
            number, newest = self._connection.execute(
                "SELECT coalesce(max(number), 0), coalesce(max(known_at), 0) FROM batch"
            ).fetchone()
            known_at = max(int(now.timestamp()), newest + 1)
            self._connection.execute(
                "INSERT INTO batch (number, kind, known_at, directory_version, content) VALUES (?, ?, ?, ?, ?)",
                (number + 1, kind, known_at, directory_version, json.dumps(content, ensure_ascii=False)),
            )
        return Intent(number + 1, kind, _moment(known_at), directory_version, content)

    def start_after(self, number: int, known_at: datetime) -> None:
        """Continue the numbers of a lake that was filled without this log (offline import, lost log)."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO batch (number, kind, known_at, directory_version, content) "
                "VALUES (?, 'before', ?, 0, '{}')",
                (number, int(known_at.timestamp())),
            )

    def last_of(self, kind: str, before: int = 2**62) -> Intent | None:
        """Return the newest batch of a kind (among those with a smaller number than `before`)."""
        row = self._connection.execute(
            "SELECT number, kind, known_at, directory_version, content FROM batch "
            "WHERE kind = ? AND number < ? ORDER BY number DESC LIMIT 1",
            (kind, before),
        ).fetchone()
        return None if row is None else Intent(row[0], row[1], _moment(row[2]), row[3], json.loads(row[4]))

    def known_at(self, seconds: int) -> Intent | None:
        """Return the batch whose rows became known at a second since 1970, None when there is none."""
        row = self._connection.execute(
            "SELECT number, kind, known_at, directory_version, content FROM batch WHERE known_at = ?",
            (seconds,),
        ).fetchone()
        return None if row is None else Intent(row[0], row[1], _moment(row[2]), row[3], json.loads(row[4]))

    def logged(self) -> tuple[int, int] | None:
        """Return (after, until) in seconds since 1970: of all that became known between, the log has the batch."""
        before, newest = self._connection.execute(
            "SELECT max(CASE WHEN kind = 'before' THEN known_at ELSE 0 END), max(known_at) FROM batch"
        ).fetchone()
        return None if newest is None else (int(before), int(newest))

    def last(self) -> int:
        """Return the newest number, 0 for none."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM batch").fetchone()[0])

    def after(self, number: int, limit: int = 100) -> list[Intent]:
        """Return batches with a greater number, in order."""
        rows = self._connection.execute(
            "SELECT number, kind, known_at, directory_version, content FROM batch "
            "WHERE number > ? ORDER BY number LIMIT ?",
            (number, limit),
        ).fetchall()
        return [Intent(row[0], row[1], _moment(row[2]), row[3], json.loads(row[4])) for row in rows]

    def close(self) -> None:
        self._connection.close()


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

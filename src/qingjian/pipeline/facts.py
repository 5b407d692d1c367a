"""Stated facts in SQLite: appended by the apps, read by the pipeline up to the number its batch names."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from qingjian.contracts.facts import StatedFact
from qingjian.pipeline.database import open_database, transaction
from qingjian.quality.facts import FactKind

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
)
"""
_MOMENTS = ("start", "end", "known_at")


class SqliteFactLog:
    """`contracts.facts.FactLog` in one file."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA)
        self._lock = threading.Lock()

    def append(self, facts: Sequence[StatedFact]) -> int:
        """Store facts whose id is not there yet; returns how many were new."""
        new = 0
        with self._lock, transaction(self._connection):
            for fact in facts:
                # A look first: what is ignored as known would still use up a number.
                known = self._connection.execute("SELECT 1 FROM fact WHERE id = ?", (fact.id,)).fetchone()
                if known is None:
                    self._connection.execute(
                        "INSERT INTO fact (id, body) VALUES (?, ?)", (fact.id, _to_text(fact))
                    )
                    new += 1
        return new

    def read(self, after: int = 0, up_to: int | None = None) -> Sequence[tuple[int, StatedFact]]:
        """Return (number, fact) with after < number ≤ up_to (all when None), in order."""
        limit = 2**62 if up_to is None else up_to
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, body FROM fact WHERE number > ? AND number <= ? ORDER BY number",
                (after, limit),
            ).fetchall()
        return [(number, _from_text(body)) for number, body in rows]

    def last(self) -> int:
        """Return the newest number, 0 for none."""
        with self._lock:
            return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM fact").fetchone()[0])

    def close(self) -> None:
        self._connection.close()


def _to_text(fact: StatedFact) -> str:
    content = {name: getattr(fact, name) for name in StatedFact.__slots__}
    content["kind"] = str(fact.kind)
    content["series"] = list(fact.series)
    for name in _MOMENTS:
        content[name] = None if content[name] is None else content[name].isoformat()
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _from_text(body: str) -> StatedFact:
    content = json.loads(body)
    content["kind"] = FactKind(content["kind"])
    content["series"] = tuple(content["series"])
    for name in _MOMENTS:
        content[name] = None if content[name] is None else datetime.fromisoformat(content[name])
    return StatedFact(**content)

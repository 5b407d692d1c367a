"""Findings in SQLite: append-only, newest statement by id, the producer's position and memory in the same commit."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qingjian.contracts.findings import Finding
from qingjian.pipeline.database import open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statement (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    rule TEXT NOT NULL,
    open INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS statement_id ON statement (id, position);
CREATE TABLE IF NOT EXISTS newest (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    open INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS newest_open ON newest (rule) WHERE open = 1;
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""


class SqliteFindingLog:
    """`contracts.findings.FindingLog` in one file; one writer process, any number of readers."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA)
        self._lock = threading.RLock()

    def append(self, findings: Sequence[Finding]) -> int:
        """Store findings; one equal to the newest statement of its id is dropped. Returns how many were new."""
        with self._lock, transaction(self._connection):
            return self._append(findings)

    def append_batch(self, findings: Sequence[Finding], batch: int, memory: Mapping[str, Any]) -> int:
        """Store what the rules said of a batch, with what they must remember, once."""
        with self._lock, transaction(self._connection):
            if self._remembered("batch", 0) >= batch:
                return 0
            self._remember({**memory, "batch": batch})
            return self._append(findings)

    def append_tick(self, findings: Sequence[Finding], memory: Mapping[str, Any]) -> int:
        """Store what time-driven rules said, with what they must remember."""
        with self._lock, transaction(self._connection):
            self._remember(memory)
            return self._append(findings)

    def _append(self, findings: Sequence[Finding]) -> int:
        new = 0
        for finding in findings:
            body = _to_text(finding)
            row = self._connection.execute(
                "SELECT s.body FROM newest n JOIN statement s USING (position) WHERE n.id = ?", (finding.id,)
            ).fetchone()
            # The moment of knowing alone is no new statement: re-running a rule must add nothing.
            if row is not None and _same(row[0], body):
                continue
            cursor = self._connection.execute(
                "INSERT INTO statement (id, rule, open, body) VALUES (?, ?, ?, ?)",
                (finding.id, finding.rule, finding.end is None, body),
            )
            self._connection.execute(
                "INSERT INTO newest (id, rule, open, position) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET open = excluded.open, position = excluded.position",
                (finding.id, finding.rule, finding.end is None, cursor.lastrowid),
            )
            new += 1
        return new

    def read(self, after: int, limit: int = 1000) -> Sequence[tuple[int, Finding]]:
        """Return (position, finding) with position > after, in order."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT position, body FROM statement WHERE position > ? ORDER BY position LIMIT ?",
                (after, limit),
            ).fetchall()
        return [(position, _from_text(body)) for position, body in rows]

    def open_findings(self, rule: str | None = None) -> Sequence[Finding]:
        """Return the newest statement of every id whose end is still None."""
        condition, values = ("", ()) if rule is None else ("AND n.rule = ?", (rule,))
        with self._lock:
            rows = self._connection.execute(
                f"SELECT s.body FROM newest n JOIN statement s USING (position) WHERE n.open = 1 {condition} "  # noqa: S608
                "ORDER BY n.position",
                values,
            ).fetchall()
        return [_from_text(body) for (body,) in rows]

    def get(self, finding: str) -> Finding | None:
        """Return the newest statement of one id."""
        with self._lock:
            row = self._connection.execute(
                "SELECT s.body FROM newest n JOIN statement s USING (position) WHERE n.id = ?", (finding,)
            ).fetchone()
        return None if row is None else _from_text(row[0])

    def position(self) -> int:
        """Return the last batch whose findings are stored."""
        with self._lock:
            return int(self._remembered("batch", 0))

    def memory(self, name: str, default: Any = None) -> Any:
        """Return what a rule asked to be remembered."""
        with self._lock:
            return self._remembered(name, default)

    def _remembered(self, name: str, default: Any) -> Any:
        row = self._connection.execute("SELECT value FROM memory WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def _remember(self, values: Mapping[str, Any]) -> None:
        self._connection.executemany(
            "INSERT INTO memory (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [(name, json.dumps(value, ensure_ascii=False)) for name, value in values.items()],
        )

    def close(self) -> None:
        self._connection.close()


def _to_text(finding: Finding) -> str:
    return json.dumps(
        {
            "id": finding.id,
            "rule": finding.rule,
            "rule_version": finding.rule_version,
            "subject": finding.subject,
            "subject_kind": finding.subject_kind,
            "start": finding.start.isoformat(),
            "end": None if finding.end is None else finding.end.isoformat(),
            "severity": finding.severity,
            "evidence": finding.evidence,
            "known_at": None if finding.known_at is None else finding.known_at.isoformat(),
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _from_text(body: str) -> Finding:
    row = json.loads(body)
    for name in ("start", "end", "known_at"):
        row[name] = None if row[name] is None else datetime.fromisoformat(row[name])
    return Finding(**row)


def _same(before: str, after: str) -> bool:
    return before == after or replace(_from_text(before), known_at=None) == replace(
        _from_text(after), known_at=None
    )

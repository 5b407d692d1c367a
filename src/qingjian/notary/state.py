"""What the notary must never forget, in one SQLite file: heads, shards, keys, waiting rows, seals.

A head is recorded here, durably, BEFORE it is signed. A trigger keeps any writer from recording a
second root for a size or a smaller tree.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qingjian.notary.errors import NotaryError
from qingjian.notary.outbox import OutboxRow, Place, RowId

FORMAT = "2"

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE shards (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL UNIQUE,
    year INTEGER NOT NULL,
    start BLOB NOT NULL,
    size INTEGER NOT NULL DEFAULT 0,
    root BLOB NOT NULL,
    recorded_at TEXT
);
CREATE TRIGGER one_root_for_a_size BEFORE UPDATE OF size, root ON shards
WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'a head must never shrink or get a second root'); END;
CREATE TRIGGER a_shard_stays BEFORE DELETE ON shards
BEGIN SELECT RAISE(ABORT, 'a shard must never be removed'); END;
CREATE TABLE keys (
    shard TEXT NOT NULL, verifier_key TEXT NOT NULL, retired INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, verifier_key)
) WITHOUT ROWID;
CREATE TABLE cosigned (
    shard TEXT NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL, PRIMARY KEY (shard, size)
) WITHOUT ROWID;
CREATE TABLE unmarked (
    leaf_hash BLOB PRIMARY KEY, shard TEXT NOT NULL, place INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE, entry BLOB NOT NULL, shard TEXT, place INTEGER
);
CREATE INDEX queue_waiting ON queue (id) WHERE place IS NULL;
CREATE TABLE day_secrets (day TEXT PRIMARY KEY, secret BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE seals (
    day TEXT NOT NULL, revision INTEGER NOT NULL, root BLOB NOT NULL, series BLOB NOT NULL,
    digests BLOB NOT NULL, known_until INTEGER, PRIMARY KEY (day, revision)
) WITHOUT ROWID;
"""
_TO_FORMAT_2 = "ALTER TABLE seals ADD COLUMN known_until INTEGER"


@dataclass(frozen=True)
class ShardRow:
    """A shard with its recorded head. ``start`` is its first entry."""

    position: int
    name: str
    origin: str
    year: int
    start: bytes
    size: int
    root: bytes


@dataclass(frozen=True)
class SealRow:
    """A seal of a day: series as compressed JSON, digests one after another in the same order.

    ``known_until`` is the second (POSIX) up to which the rows it covers had become known.
    """

    day: str
    revision: int
    root: bytes
    series: bytes
    digests: bytes
    known_until: int | None


class State:
    """The notary's own store. Every change is one durable transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone():
                for statement in _statements(_SCHEMA):
                    self._connection.execute(statement)
                self._connection.execute("INSERT INTO facts VALUES ('format', ?)", (FORMAT,))
            elif self.fact("format") == "1":
                self._connection.execute(_TO_FORMAT_2)
                self.set_fact("format", "2")
        found = self.fact("format")
        if found != FORMAT:
            raise NotaryError(
                f"账本状态文件格式 {found} 本程序不认识 / unknown format of the ledger state: {found}"
            )

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable transaction."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Facts -----------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str | None) -> None:
        if value is None:
            self._connection.execute("DELETE FROM facts WHERE name = ?", (name,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # Shards and heads ------------------------------------------------------------------------

    def shards(self) -> list[ShardRow]:
        """All shards, oldest first."""
        rows = self._connection.execute(
            "SELECT position, name, origin, year, start, size, root FROM shards ORDER BY position"
        )
        return [ShardRow(*row) for row in rows]

    def shard(self, name: str) -> ShardRow:
        for row in self.shards():
            if row.name == name:
                return row
        raise NotaryError(f"没有分卷 {name} / no such shard")

    def add_shard(
        self, name: str, origin: str, year: int, start: bytes, root: bytes, keys: Sequence[str]
    ) -> None:
        with self.transaction():
            self._connection.execute(
                "INSERT INTO shards (name, origin, year, start, root) VALUES (?, ?, ?, ?, ?)",
                (name, origin, year, start, root),
            )
            for key in keys:
                self._connection.execute("INSERT INTO keys (shard, verifier_key) VALUES (?, ?)", (name, key))

    def record_head(
        self, before: ShardRow, size: int, root: bytes, leaf_hashes: Sequence[bytes], recorded_at: str
    ) -> None:
        """Record a head and the places of its new leaves; fails unless ``before`` is still the head."""
        with self.transaction():
            done = self._connection.execute(
                "UPDATE shards SET size = ?, root = ?, recorded_at = ? WHERE name = ? AND size = ? AND root = ?",
                (size, root, recorded_at, before.name, before.size, before.root),
            )
            if done.rowcount != 1:
                raise NotaryError(f"the head of {before.name} moved underneath the sequencer")
            self._connection.executemany(
                "INSERT OR IGNORE INTO unmarked VALUES (?, ?, ?)",
                ((item, before.name, before.size + i) for i, item in enumerate(leaf_hashes)),
            )

    def unmarked(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, Place]:
        """Places of leaves that are in the ledger but perhaps not marked in their outbox."""
        if not self._connection.execute("SELECT 1 FROM unmarked LIMIT 1").fetchone():
            return {}
        found = {}
        for item in leaf_hashes:
            row = self._connection.execute(
                "SELECT shard, place FROM unmarked WHERE leaf_hash = ?", (item,)
            ).fetchone()
            if row is not None:
                found[item] = Place(*row)
        return found

    def forget_unmarked(self, leaf_hashes: Sequence[bytes]) -> None:
        with self.transaction():
            self._connection.executemany(
                "DELETE FROM unmarked WHERE leaf_hash = ?", ((item,) for item in leaf_hashes)
            )

    # Keys and cosignatures -------------------------------------------------------------------

    def keys(self, shard: str, *, retired: bool = False) -> list[str]:
        """Verifier keys of a shard that sign now, or the retired ones."""
        rows = self._connection.execute(
            "SELECT verifier_key FROM keys WHERE shard = ? AND retired = ?", (shard, int(retired))
        )
        return [row[0] for row in rows]

    def set_key(self, shard: str, verifier_key: str, *, retired: bool) -> None:
        with self.transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", (shard, verifier_key, int(retired))
            )

    def keep_cosigned(self, shard: str, size: int, note: bytes) -> None:
        with self.transaction():
            self._connection.execute("INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?)", (shard, size, note))

    def cosigned(self, shard: str, above: int = -1) -> bytes | None:
        """The latest cosigned checkpoint whose size is larger than ``above``."""
        row = self._connection.execute(
            "SELECT note FROM cosigned WHERE shard = ? AND size > ? ORDER BY size DESC LIMIT 1",
            (shard, above),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def cosigned_at(self, shard: str, size: int) -> bytes | None:
        """The cosigned checkpoint of exactly this size."""
        row = self._connection.execute(
            "SELECT note FROM cosigned WHERE shard = ? AND size = ?", (shard, size)
        ).fetchone()
        return None if row is None else bytes(row[0])

    # Own outbox: batches, seals, key changes -------------------------------------------------

    def enqueue(self, subject: str, entry: bytes) -> None:
        """Let an entry of the notary itself wait; the same subject twice must have the same entry."""
        self._connection.execute(
            "INSERT OR IGNORE INTO queue (subject, entry) VALUES (?, ?)", (subject, entry)
        )
        row = self._connection.execute("SELECT entry FROM queue WHERE subject = ?", (subject,)).fetchone()
        if bytes(row[0]) != entry:
            raise NotaryError(f"{subject} is in the ledger with another content")

    def place(self, subject: str) -> Place | None:
        """Place of a subject, None while it waits or when it is unknown."""
        row = self._connection.execute(
            "SELECT shard, place FROM queue WHERE subject = ?", (subject,)
        ).fetchone()
        return None if row is None or row[1] is None else Place(*row)

    def unsequenced(self, limit: int) -> list[OutboxRow]:
        rows = self._connection.execute(
            "SELECT id, entry FROM queue WHERE place IS NULL ORDER BY id LIMIT ?", (limit,)
        )
        return [OutboxRow(*row) for row in rows]

    def waiting(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM queue WHERE place IS NULL").fetchone()[0])

    def mark_sequenced(self, ids: Sequence[RowId], places: Sequence[Place]) -> None:
        with self.transaction():
            self._connection.executemany(
                "UPDATE queue SET shard = ?, place = ? WHERE id = ?",
                ((place.shard, place.index, row_id) for row_id, place in zip(ids, places, strict=True)),
            )

    def queued(self, subject: str) -> bytes | None:
        """Entry of a subject of the notary itself."""
        row = self._connection.execute("SELECT entry FROM queue WHERE subject = ?", (subject,)).fetchone()
        return None if row is None else bytes(row[0])

    def queued_any(self, subjects: Sequence[str]) -> list[bytes]:
        """Entries of those of the subjects that there are."""
        marks = ",".join("?" * len(subjects))
        rows = self._connection.execute(
            f"SELECT entry FROM queue WHERE subject IN ({marks})",  # noqa: S608 - question marks only
            list(subjects),
        )
        return [bytes(row[0]) for row in rows]

    def queued_entries(self, prefix: str) -> list[bytes]:
        """Entries of all subjects that begin with a text."""
        rows = self._connection.execute(
            "SELECT entry FROM queue WHERE substr(subject, 1, ?) = ? ORDER BY id", (len(prefix), prefix)
        )
        return [bytes(row[0]) for row in rows]

    def queued_after(self, prefix: str, number: int, limit: int) -> list[tuple[int, bytes]]:
        """Number in the queue and entry of the next subjects that begin with a text, in the order of the queue."""
        rows = self._connection.execute(
            "SELECT id, entry FROM queue WHERE id > ? AND substr(subject, 1, ?) = ? ORDER BY id LIMIT ?",
            (number, len(prefix), prefix, limit),
        )
        return [(int(row[0]), bytes(row[1])) for row in rows]

    def newest_subject(self, prefix: str) -> str | None:
        """The subject enqueued last among those that begin with a text."""
        row = self._connection.execute(
            "SELECT subject FROM queue WHERE substr(subject, 1, ?) = ? ORDER BY id DESC LIMIT 1",
            (len(prefix), prefix),
        ).fetchone()
        return None if row is None else str(row[0])

    # Seals -----------------------------------------------------------------------------------

    def day_secret(self, day: str, fresh: bytes) -> bytes:
        """The secret behind the salts of a day; ``fresh`` becomes it when there is none."""
        self._connection.execute("INSERT OR IGNORE INTO day_secrets VALUES (?, ?)", (day, fresh))
        row = self._connection.execute("SELECT secret FROM day_secrets WHERE day = ?", (day,)).fetchone()
        return bytes(row[0])

    def seals(self, day: str | None = None) -> list[SealRow]:
        """The newest seal of each day, or of one day, by day."""
        rows = self._connection.execute(
            "SELECT day, max(revision), root, series, digests, known_until FROM seals"
            " WHERE ? IS NULL OR day = ? GROUP BY day ORDER BY day",
            (day, day),
        )
        return [SealRow(*row) for row in rows]

    def seal(self, day: str) -> SealRow | None:
        """The newest seal of a day."""
        return next(iter(self.seals(day)), None)

    def first_known_until(self, day: str) -> int | None:
        """Until when (POSIX seconds) the rows under the first seal of a day had become known."""
        row = self._connection.execute("SELECT min(known_until) FROM seals WHERE day = ?", (day,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def sealed_days(self) -> list[str]:
        """Days that have a seal, oldest first."""
        return [row[0] for row in self._connection.execute("SELECT DISTINCT day FROM seals ORDER BY day")]

    def seal_roots(self) -> dict[tuple[str, int], bytes]:
        """Root of every seal by day and revision."""
        rows = self._connection.execute("SELECT day, revision, root FROM seals")
        return {(day, revision): bytes(root) for day, revision, root in rows}

    def add_seal(self, row: SealRow) -> None:
        """Add a seal. Series and digests are kept of the newest seal of a day only: those of a seal it replaces
        follow from the rows that were known then."""
        self._connection.execute("UPDATE seals SET series = x'', digests = x'' WHERE day = ?", (row.day,))
        self._connection.execute(
            "INSERT INTO seals (day, revision, root, series, digests, known_until) VALUES (?, ?, ?, ?, ?, ?)",
            (row.day, row.revision, row.root, row.series, row.digests, row.known_until),
        )


def _statements(script: str) -> Iterator[str]:
    part = ""
    for piece in script.split(";"):
        part += piece + ";"
        if sqlite3.complete_statement(part):
            yield part
            part = ""

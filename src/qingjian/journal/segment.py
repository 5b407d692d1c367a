"""One segment: a SQLite file holding a contiguous stretch of a journal."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qingjian.contracts.folders import make_durably, write_durably
from qingjian.journal.frame import Batch, Frame, Kind, codes_from_text

FORMAT = 1
APPLICATION_ID = 0x514A4A31
"""The bytes QJJ1, so that `file` and a stranger can tell what a segment is."""

CAPACITY = 1 << 24
"""Sequence numbers a segment may use at most. When a segment is unreadable the next one starts this far behind its
first number, so no number can be given twice whatever was lost."""

_NAME = re.compile(r"^segment-(\d{18})\.sqlite3$")

SCHEMA = """
CREATE TABLE frames (
    sequence INTEGER PRIMARY KEY,
    received_us INTEGER NOT NULL,
    peer TEXT NOT NULL,
    connection INTEGER NOT NULL,
    mn TEXT NOT NULL,
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    codes TEXT NOT NULL,
    policy TEXT NOT NULL,
    directory_version INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    batch INTEGER NOT NULL
);
CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    closed_us INTEGER NOT NULL
);
CREATE TABLE segment (
    journal TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    first_batch INTEGER NOT NULL,
    created_us INTEGER NOT NULL
);
"""

COLUMNS = "sequence, received_us, peer, connection, mn, kind, content, codes, policy, directory_version, nonce, batch"


class JournalError(Exception):
    """Something is wrong with a journal."""


class JournalTooNewError(JournalError):
    """The journal was written by a newer version; it is left untouched."""


class JournalUnavailableError(JournalError):
    """The journal cannot take frames now (disk full, write error); nothing of the call was promised."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What was found wrong with a segment; the bytes are kept."""

    segment: str
    found_us: int
    reason: str
    readable_up_to: int
    """Newest sequence that can still be read; 0 when none."""
    continues_at: int
    """First sequence of the segment that was begun instead, or the next sequence when the segment goes on."""
    kept: str = ""
    """Name of the file that keeps the discarded bytes, if other than the segment itself."""


def segment_path(folder: Path, first_sequence: int) -> Path:
    return folder / f"segment-{first_sequence:018d}.sqlite3"


def first_sequence_of(path: Path) -> int:
    match = _NAME.match(path.name)
    if match is None:
        raise JournalError(f"{path.name} is not the name of a journal segment")
    return int(match.group(1))


def segment_paths(folder: Path) -> list[Path]:
    """Return the segments of a journal, oldest first."""
    return sorted(path for path in folder.glob("segment-*.sqlite3") if _NAME.match(path.name))


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raise JournalTooNewError or JournalError unless this version can read the segment."""
    number = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise JournalError(f"{path.name} is not a journal segment (application id {application})")
    if number > FORMAT:
        raise JournalTooNewError(
            f"流水文件 {path.name} 的格式 {number} 比本程序新 · "
            f"journal segment {path.name} has format {number}, this version knows up to {FORMAT}"
        )


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a segment that another process may be writing; raises FileNotFoundError when it is gone."""
    if not path.exists():
        raise FileNotFoundError(path)
    connection = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=10, check_same_thread=False
    )
    try:
        check_format(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def read_frames(connection: sqlite3.Connection, journal: str, after: int, limit: int) -> list[Frame]:
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM frames WHERE sequence > ? ORDER BY sequence LIMIT ?",  # noqa: S608 - constant text
        (after, limit),
    )
    return [
        Frame(
            journal, row[0], row[1], row[2], row[3], row[4], _KINDS[row[5]], row[6],
            codes_from_text(row[7]) if row[7] else (), row[8], row[9], row[10], row[11],
        )
        for row in rows
    ]  # fmt: skip


_KINDS = {kind.value: kind for kind in Kind}


def read_batches(connection: sqlite3.Connection, after: int, limit: int) -> list[Batch]:
    rows = connection.execute(
        "SELECT number, first, last, closed_us FROM batches WHERE number > ? ORDER BY number LIMIT ?",
        (after, limit),
    )
    return [Batch(*row) for row in rows]


def last_sequence(connection: sqlite3.Connection) -> int:
    """Return the newest sequence of a segment, 0 when it is empty."""
    found = connection.execute("SELECT max(sequence) FROM frames").fetchone()[0]
    return int(found) if found is not None else 0


def record_damage(folder: Path, damage: Damage) -> None:
    """Keep a diagnosis beside the segment it is about."""
    known = damages(folder)
    if any(one.segment == damage.segment and one.reason == damage.reason for one in known):
        return
    rows = [asdict(one) for one in (*known, damage)]
    write_durably(
        folder / "damage.json", json.dumps(rows, ensure_ascii=False, indent=1, sort_keys=True).encode()
    )


NUMBERS_APART = 1 << 40
"""So far apart are the numbers before and after a restore: more frames than a node receives in the years between."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """From where a journal goes on after a restore; the numbers between belong to frames that are not here."""

    readable_up_to: int
    """Newest sequence of the journal when this was decided; 0 when there was none."""
    known_up_to: int
    """Newest sequence that lake, ledger or an upper platform had; what lies between is not in this journal."""
    continues_at: int
    """First sequence, and first batch number, that is given again."""


def continue_above(folder: Path, known_up_to: int) -> Continuation:
    """Let the next writer of a journal give no number that can stand for another frame elsewhere; durable on return.

    `folder` is that of one journal, made when it is missing; `known_up_to` the newest sequence any other store has of
    it. No writer may be at work.
    """
    make_durably(folder)
    readable = 0
    for path in segment_paths(folder):
        readable = max(readable, first_sequence_of(path) - 1)
        try:
            connection = open_for_reading(path)
        except (sqlite3.DatabaseError, JournalError):
            continue  # the writer keeps a damaged segment and its diagnosis
        try:
            readable = max(readable, last_sequence(connection))
        except sqlite3.DatabaseError:
            continue
        finally:
            connection.close()
    above = max(readable, known_up_to)
    decided = Continuation(readable, known_up_to, (above // NUMBERS_APART + 1) * NUMBERS_APART)
    rows = [asdict(one) for one in (*continuations(folder), decided)]
    write_durably(folder / "continued.json", json.dumps(rows, indent=1, sort_keys=True).encode())
    return decided


def continuations(folder: Path) -> Sequence[Continuation]:
    """Return from where a journal went on after each restore, oldest first."""
    try:
        rows = json.loads((folder / "continued.json").read_bytes())
    except FileNotFoundError:
        return ()
    return tuple(Continuation(**row) for row in rows)


def damages(folder: Path) -> Sequence[Damage]:
    """Return every damage ever found in this journal, oldest first."""
    try:
        rows = json.loads((folder / "damage.json").read_bytes())
    except FileNotFoundError:
        return ()
    return tuple(Damage(**row) for row in rows)

"""Opening the small SQLite files of the pipeline: write-ahead log, fsync at every commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qingjian.contracts.folders import make_durably

FORMAT = 1


class StoreTooNewError(RuntimeError):
    """The file was written by a newer program."""


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open or create a database with autocommit; StoreTooNewError when its format is newer than this program's."""
    make_durably(path.parent)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        connection.close()
        raise StoreTooNewError(
            f"{path.name} 的格式 {found} 比本程序新 · format {found} is newer than this program"
        )
    if found < FORMAT:
        with transaction(connection):
            for statement in schema.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={FORMAT}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: all or nothing, on disk when left."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

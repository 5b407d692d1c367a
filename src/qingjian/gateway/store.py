"""What the small SQLite stores of the gateway share: opening, format version, times."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoreTooNewError(Exception):
    """The store was written by a newer version; it is left untouched."""


def open_store(path: Path, schema: str, format_number: int, *, durable: bool) -> sqlite3.Connection:
    """Open or create a store shared by several processes.

    `durable` commits reach the disk before they return; the others survive a kill but perhaps not a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite does not wait while another process changes the mode of a new file, so openings take turns.
    turn = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX)
    connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        with immediate(connection):
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > format_number:
                raise StoreTooNewError(
                    f"{path.name} 的格式 {found} 比本程序新 · "
                    f"{path.name} has format {found}, this version knows up to {format_number}"
                )
            if found == 0:
                for statement in schema.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={format_number}")
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(turn)
    return connection


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that takes the writer's lock at its beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def to_us(moment: datetime | None) -> int | None:
    """Return microseconds since 1970 of an aware datetime."""
    if moment is None:
        return None
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def from_us(number: int | None) -> datetime | None:
    return None if number is None else EPOCH + timedelta(microseconds=number)


def moment_from_us(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)

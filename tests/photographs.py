"""Fixtures that are built once and copied afterwards: registering a county row by row takes longer than most tests.

A photograph is what a builder changed: whole rows of the tables it touched and files of the data folder. It is laid out
again only over exactly the state it was taken on (rows per table, names and sizes of files); on any other state the
builder runs, and another photograph is taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from qingjian.contracts.clock import ManualClock

Row = tuple[Any, ...]
Listing = frozenset[tuple[str, int]]
PARAMETERS = 10_000
"""Of one statement; SQLite takes 32,766."""


def _rows(table: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return [
            tuple(bytes(one) if isinstance(one, memoryview) else one for one in row)
            for row in cursor.fetchall()
        ]


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [one.name for one in connection.introspection.get_table_description(cursor, table)]


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return path → (size, time of the last change)."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            facts = path.stat()
            found[path.relative_to(folder).as_posix()] = (facts.st_size, facts.st_mtime_ns)
    return found


@dataclass(frozen=True)
class Photograph:
    """What one builder left behind."""

    tables: dict[str, tuple[list[str], list[Row]]]
    kept: Path
    removed: tuple[str, ...]
    moment: datetime


@dataclass
class Photographs:
    """All of one worker, in `folder`."""

    folder: Path
    taken: dict[tuple[str, Row, Listing], Photograph] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)

    def lay_out(self, name: str, data: Path, clock: ManualClock, build: Callable[[], object]) -> None:
        """Bring database, data folder and clock to where `build` brings them."""
        if not self.tables:
            self.tables = sorted(set(connection.introspection.table_names()) - {"django_migrations"})
        files = _files(data)
        key = (name, self._counts(), frozenset((path, facts[0]) for path, facts in files.items()))
        if key in self.taken:
            self._restore(self.taken[key], data, clock)
            return
        rows = {table: _rows(table) for table in self.tables}
        build()
        changed = {table: now for table, before in rows.items() if (now := _rows(table)) != before}
        kept = self.folder / f"{name}-{len(self.taken)}"
        kept.mkdir()
        after = _files(data)
        for path, facts in after.items():
            if files.get(path) != facts:
                (kept / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(data / path, kept / path)
        for path in data.rglob("*"):
            if path.is_dir():
                same = kept / path.relative_to(data)
                same.mkdir(parents=True, exist_ok=True)
                shutil.copymode(path, same)  # a folder of keys is closed to others
        self.taken[key] = Photograph(
            {table: (_columns(table), now) for table, now in changed.items()},
            kept,
            tuple(files.keys() - after.keys()),
            clock.now(),
        )

    def _counts(self) -> Row:
        each = " UNION ALL ".join(
            f"SELECT {number}, count(*) FROM {connection.ops.quote_name(table)}"
            for number, table in enumerate(self.tables)
        )
        with connection.cursor() as cursor:
            cursor.execute(each)
            return tuple(sorted(cursor.fetchall()))

    def _restore(self, one: Photograph, data: Path, clock: ManualClock) -> None:
        # Foreign keys are checked at the end of a transaction on both databases, so the order of tables is free.
        with transaction.atomic(), connection.cursor() as cursor:
            for table, (columns, rows) in one.tables.items():
                quoted = connection.ops.quote_name(table)
                names = ", ".join(map(connection.ops.quote_name, columns))
                place = f"({', '.join(['%s'] * len(columns))})"
                cursor.execute(f"DELETE FROM {quoted}")
                step = max(1, PARAMETERS // len(columns))
                for some in (rows[first : first + step] for first in range(0, len(rows), step)):
                    cursor.execute(
                        f"INSERT INTO {quoted} ({names}) VALUES {', '.join([place] * len(some))}",
                        [value for row in some for value in row],
                    )
        for path in one.removed:
            (data / path).unlink()
        shutil.copytree(one.kept, data, dirs_exist_ok=True)
        clock.set_wall(one.moment)

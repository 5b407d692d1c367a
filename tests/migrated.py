"""One migrated database a run: the first worker that needs it makes it, every other takes a copy.

All migrations take longer than most files of tests, and their answer is the same in every worker.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

NAME = "qingjian_migrated"


def prepare(shared: Path) -> None:
    """Make the test database of this process, by migrations or as a copy; `shared` is one folder of all workers."""
    with _alone(shared):
        kept = shared / "migrated.sqlite3" if connection.vendor == "sqlite" else shared / "migrated"
        copied = kept.exists()
        target = connection.creation._get_test_db_name()
        if copied:
            _copy(kept, target)
        # On a copy nothing is left to migrate, which this asks once more.
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=copied)
        if not copied:
            connection.close()  # only then is all of it in the file, and only then may a server copy it
            _keep(target, kept)


@contextmanager
def _alone(shared: Path) -> Iterator[None]:
    with (shared / "migrated.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _copy(kept: Path, target: str) -> None:
    if connection.vendor == "sqlite":
        shutil.copyfile(kept, target)
    else:
        create(target, NAME)


def _keep(target: str, kept: Path) -> None:
    if connection.vendor == "sqlite":
        partly = kept.with_suffix(".part")
        shutil.copyfile(target, partly)
        partly.rename(kept)
    else:
        create(NAME, target)
        kept.touch()


def create(name: str, template: str) -> None:
    """Make a database as a copy of another one, on the server."""
    quote = connection.ops.quote_name
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quote(name)} TEMPLATE {quote(template)}")


def drop(name: str) -> None:
    """Remove a database from the server."""
    with connection.creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {connection.ops.quote_name(name)}")

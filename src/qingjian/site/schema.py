"""Whether the tables of the people's database are those of this program: older ones are upgraded, newer ones refused."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from qingjian.contracts.folders import DataFolder, sync_folder


class NewerDataError(Exception):
    """The data were written by a newer program, which says so in Chinese and English."""


def missing() -> int:
    """Return how many changes of the tables this program brings and the database has not yet."""
    loader = _loader()
    return len(set(loader.graph.nodes) - set(loader.applied_migrations))


def unknown() -> list[str]:
    """Return the changes of the tables that a newer program made, as `app.name`; an older one must not write over them."""
    loader = _loader()
    # Tables of an app that this program has not at all disturb nothing, and so do migrations that were merged into one.
    own = {app for app, _name in loader.disk_migrations}
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known |= set(migration.replaces)
    return sorted(f"{app}.{name}" for app, name in set(loader.applied_migrations) - known if app in own)


def refuse_newer() -> None:
    """Raise NewerDataError where a newer program has been at the data."""
    if found := unknown():
        names = ", ".join(found[:3])
        raise NewerDataError(
            f"数据由更新版本的程序写过（{names}），本程序不能使用；请升级程序，或恢复旧版本的备份。"
            f" / The data were written by a newer program ({names}); update the program, or restore a backup made with this one."
        )


def migrate(folder: DataFolder) -> None:
    """Bring the tables to what this program has; interrupted or failed, they are as before and it can be begun again.

    Django notes most migrations only after the transaction that made their tables: a kill or a full disk in between left
    tables that the next start wanted to make once more, for ever. SQLite only; on PostgreSQL a backup is made first.
    """
    if connection.vendor != "sqlite":
        call_command("migrate", verbosity=0, interactive=False)
        return
    path, copy = Path(connection.settings_dict["NAME"]), folder.before_migrating
    if copy.exists() and missing():
        _put_back(copy, path)
    copy.unlink(missing_ok=True)
    if not missing():
        return
    _copy(path, copy)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except BaseException:
        _put_back(copy, path)
        raise
    copy.unlink()
    sync_folder(copy.parent)


def _copy(path: Path, copy: Path) -> None:
    connection.close()
    unfinished = copy.with_name(copy.name + ".part")
    unfinished.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(unfinished)) as kept,
    ):
        source.backup(kept)
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    unfinished.replace(copy)
    sync_folder(copy.parent)


def _put_back(copy: Path, path: Path) -> None:
    connection.close()
    # What SQLite has not yet moved into the file must not be taken for the copy's.
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    sync_folder(path.parent)
    copy.replace(path)
    sync_folder(path.parent)


def problem() -> str:
    """Say in words why the tables are not those of this program; "" when they are."""
    try:
        refuse_newer()
    except NewerDataError as error:
        return str(error)
    if left := missing():
        return (
            f"数据库比本程序旧（缺 {left} 个迁移）：停止节点后运行 qingjian upgrade"
            f" / the tables are older than this program ({left} migrations are missing): stop the node, run qingjian upgrade"
        )
    return ""


def _loader() -> MigrationLoader:
    return MigrationLoader(connection)

"""Whether the tables of the people's database are those of this program: older ones are upgraded, newer ones refused."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.loader import MigrationLoader


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

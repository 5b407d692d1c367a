"""Commands about the data folder: import, backup, restore, upgrade."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from qingjian.cli.folder import DATA, enter, existing
from qingjian.contracts.clock import SystemClock
from qingjian.contracts.folders import DataFolder
from qingjian.contracts.manifest import Summary
from qingjian.supervisor.lock import AlreadyRunningError, FolderLock

FORMATS = ("csv", "xlsx")


def import_data(
    words: list[str] = typer.Argument(
        metavar="[csv|xlsx] FILE",
        help="文件，可先写明格式（缺省按扩展名） / the file, after its format where the name does not tell it",
    ),
    data: Path = DATA,
    point: str = typer.Option("", help="文件未写点位时所属点位 / point of all rows"),
    statistic: str = typer.Option("", help="文件未写统计时段时：hour、day … / statistic of all rows"),
    origin: str = typer.Option("", help="来源：manual、laboratory … / origin of the series"),
    time_names: str = typer.Option(
        "start", help="时间列是时段的起点还是终点：start|end / which end the time names"
    ),
) -> None:
    """Import observations from a CSV or XLSX file; wrong rows are named, the others are stored."""
    file, name = _file(words)
    existing(data)
    folder = enter(data)
    from qingjian.apps.evaluation import entering
    from qingjian.apps.network import services as network
    from qingjian.intake import ImportSource, IntakeError, Spool, import_file, submit
    from qingjian.lake import Lake

    directory = network.directory_store().current()
    if directory is None:
        typer.echo(
            "尚无名录，先登记点位与序列 / nothing is registered yet: register points and series first",
            err=True,
        )
        raise typer.Exit(2)
    kept = entering.kept_files()
    source = ImportSource(
        "",
        name,
        author="command line",
        origin=origin,
        point=point,
        statistic=statistic,
        time_names=time_names,
    )
    try:
        checked = entering.read(file, source)
    except IntakeError as error:
        typer.echo(f"{error.problem.zh} / {error.problem.en}", err=True)
        raise typer.Exit(1) from error
    entering.record(None, checked)
    try:
        with FolderLock(folder.lock), Lake(folder.lake) as lake:
            result = import_file(file, lake=lake, directory=directory, kept=kept, source=source)
    except AlreadyRunningError:
        digest = submit(file, kept=kept, spool=Spool(folder.intake / "spool"), source=source)
        typer.echo(
            f"节点正在运行，已交由处理服务导入 / the node runs; its pipeline imports the file: {digest}"
        )
        return
    for problem in result.problems:
        typer.echo(f"{problem.zh} / {problem.en}", err=True)
    if result.already:
        typer.echo("该文件此前已导入 / this file was imported before")
    typer.echo(
        f"行 rows {result.rows} · 新 new {result.new} · 重复 repeated {result.repeated} · 变化 changed {result.changed} · 错误 wrong {len(result.problems)}"
    )
    raise typer.Exit(1 if result.problems else 0)


def _file(words: list[str]) -> tuple[Path, str]:
    """Return the file and the name it goes by, which tells its format; ends with 2 when there is none."""
    kind, path = (
        (words[0], Path(words[1])) if len(words) == 2 and words[0] in FORMATS else ("", Path(words[0]))
    )
    if len(words) > 1 + bool(kind):
        typer.echo("一次导入一个文件 / one file at a time: qingjian import [csv|xlsx] FILE", err=True)
        raise typer.Exit(2)
    if not path.is_file():
        typer.echo(f"文件不存在 / no such file: {path}", err=True)
        raise typer.Exit(2)
    told = not kind or path.suffix.lower() == f".{kind}"
    return path, path.name if told else f"{path.name}.{kind}"


def backup(target: Path = typer.Argument(help="空目录 / an empty folder"), data: Path = DATA) -> None:
    """Copy the data folder, and a PostgreSQL database, also while the node runs; ledger last, one manifest."""
    from qingjian.site import backup as backups

    folder = existing(data)
    try:
        summary = backups.make(folder, target, SystemClock().now(), typer.echo)
    except backups.BackupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{summary.files} 个文件 / files, {summary.bytes / 1e6:.1f} MB → {target}")
    enter(data)
    _enter_backup(target, summary)


def _enter_backup(target: Path, summary: Summary) -> None:
    """Enter the manifest's digest into the ledger, so that a backup rewritten later shows."""
    from django.db import DatabaseError

    from qingjian.desk.ledger import backups

    try:
        backups.enter(target, summary)
    except DatabaseError as error:
        typer.echo(f"备份未能入账 / the backup could not be entered into the ledger: {error}", err=True)


def restore(
    source: Path = typer.Argument(help="备份目录 / folder of the backup"),
    data: Path = DATA,
    database: str = typer.Option(
        "", help="空 PostgreSQL 数据库的地址 / address of an empty PostgreSQL database"
    ),
) -> None:
    """Check a backup against its manifest and restore it into an empty data folder (and an empty database)."""
    from qingjian.site import backup as backups

    try:
        summary = backups.restore(source, DataFolder(data.resolve()), SystemClock().now(), database)
    except backups.BackupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"已恢复 / restored {summary.files} 个文件 / files → {data}")


def upgrade(
    data: Path = DATA,
    keep: Path = typer.Option(
        ..., "--backup", help="升级前备份到此空目录 / folder for the backup made first"
    ),
) -> None:
    """Back up, migrate every store of the data folder, verify."""
    folder = existing(data)
    from qingjian.site import backup as backups

    try:
        with FolderLock(folder.lock):
            summary = backups.make(folder, keep, SystemClock().now(), typer.echo)
            backups.verify(keep)
            enter(data)
            from django.core.management import call_command

            from qingjian.apps.scheduling.tasks import renew_statistics
            from qingjian.site import setup

            setup.check_format(folder)
            call_command("migrate", verbosity=0, interactive=False)
            renew_statistics()
            call_command("check")
            _enter_backup(keep, summary)
    except (AlreadyRunningError, backups.BackupError) as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
    typer.echo("升级完成 / upgraded")

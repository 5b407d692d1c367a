"""Commands about the data folder: import, backup, restore, upgrade."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qingjian.cli.folder import DATA, enter, existing
from qingjian.contracts.clock import SystemClock
from qingjian.contracts.folders import DataFolder
from qingjian.contracts.manifest import Summary
from qingjian.supervisor.lock import AlreadyRunningError, FolderLock

if TYPE_CHECKING:
    from qingjian.intake import ImportResult, ImportSource, KeptFiles

FORMATS = ("csv", "xlsx")
LONGEST_WAIT = 600.0
"""Seconds to wait for the running node: the largest file takes some minutes."""
LOOKS_AGAIN = 0.3


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
    from qingjian.site import schema

    if text := schema.problem():
        typer.echo(text, err=True)
        raise typer.Exit(2)
    directory = network.directory_store().current()
    if directory is None or all(one.medium == "synthetic" for one in directory.series):
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
        typer.echo("未入库任何数据 / nothing was stored", err=True)
        raise typer.Exit(1) from error
    entering.record(None, checked)
    try:
        with FolderLock(folder.lock), Lake(folder.lake) as lake:
            result = import_file(file, lake=lake, directory=directory, kept=kept, source=source)
    except AlreadyRunningError:
        submitted = submit(file, kept=kept, spool=Spool(folder.intake / "spool"), source=source)
        result = _carried_out(kept, submitted) if isinstance(submitted, ImportSource) else submitted
    _tell(result, kept)
    raise typer.Exit(1 if result.problems else 0)


def _carried_out(kept: KeptFiles, order: ImportSource) -> ImportResult:
    """Wait until the running node has imported a file; ends with 3 when it takes too long."""
    typer.echo("节点正在运行，由其处理服务导入，请稍候 … / the node runs and imports the file, please wait …")
    patience = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < patience:
        if (result := kept.result_of(order)) is not None:
            return result
        time.sleep(LOOKS_AGAIN)
    typer.echo(
        "节点尚未导入该文件；文件已保存，处理服务恢复后会自动导入。请用 qingjian status 查看，稍后再次执行本命令可知结果。"
        " / The node has not imported the file yet; it is kept and will be imported once the pipeline works."
        f" Look at qingjian status; run this command again later for the result. {kept.path(order.digest)}",
        err=True,
    )
    raise typer.Exit(3)


def _tell(result: ImportResult, kept: KeptFiles) -> None:
    """Say what became of a file: every refused row with its reason, the counts, and where everything is kept."""
    for problem in result.problems:
        typer.echo(f"{problem.zh} / {problem.en}", err=True)
    if (listed := len({one.row for one in result.problems})) < result.refused:
        more = result.refused - listed
        typer.echo(f"… 另有 {more} 行被拒 / and {more} more rows were refused", err=True)
    if result.already:
        typer.echo("该文件此前已全部导入 / the whole file was imported before")
    typer.echo(
        f"行 rows {result.rows} · 新值 new {result.new} · 已有 known {result.repeated}"
        f" · 变化 changed {result.changed} · 被拒行 refused rows {result.refused}"
    )
    path = kept.path(result.digest)
    if path.exists():
        typer.echo(f"原文件 / the file is kept in {path}，结果 / the result in {path.with_suffix('.json')}")
    if result.problems:
        typer.echo(
            "补全名录或更正选项后，可再次导入同一文件：只取尚未入库的行。"
            " / Register what is missing or correct the options, then import the same file again: only what is not"
            " stored yet is taken."
        )


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
        summary = backups.make(
            folder, target, SystemClock().now(), lambda part: typer.echo(f"备份 / backing up: {part}")
        )
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
    typer.echo(
        "启动节点后，账本先与镜像、见证方比对再签名；用 qingjian doctor 查看"
        " / start the node: its ledger compares itself with mirrors and witnesses before it signs; look with qingjian doctor"
    )


def upgrade(
    data: Path = DATA,
    keep: Path = typer.Option(
        ..., "--backup", help="升级前备份到此空目录 / folder for the backup made first"
    ),
) -> None:
    """Back up, check the backup, migrate the people's database, and say what the doctor finds wrong afterwards."""
    folder = existing(data)
    from qingjian.site import backup as backups
    from qingjian.site.schema import NewerDataError

    try:
        with FolderLock(folder.lock):
            _upgrade(folder, data, keep)
    except (AlreadyRunningError, backups.BackupError, NewerDataError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    _look(folder)
    typer.echo("升级完成 / upgraded")


def _upgrade(folder: DataFolder, data: Path, keep: Path) -> None:
    from qingjian.site import backup as backups

    enter(data)
    from django.db import DatabaseError

    from qingjian.apps.scheduling.tasks import renew_statistics
    from qingjian.site import schema, setup

    setup.check_format(folder)
    schema.refuse_newer()
    typer.echo("备份 / backing up …")
    summary = backups.make(folder, keep, SystemClock().now())
    typer.echo(f"核对备份 / checking the backup: {summary.files} 个文件 / files → {keep}")
    backups.verify(keep)
    typer.echo(f"迁移 / migrating: {schema.missing()}")
    try:
        schema.migrate(folder)
        renew_statistics()
    except DatabaseError as error:
        typer.echo(
            f"迁移失败，数据库已恢复原样；备份在 {keep}，可恢复到空目录后用旧版程序运行"
            f" / migrating failed and the tables are as before; the backup is in {keep}: restore it into an empty"
            f" folder and run it with the older program. {error}",
            err=True,
        )
        raise typer.Exit(1) from error
    _enter_backup(keep, summary)


def _look(folder: DataFolder) -> None:
    """Say what the doctor finds wrong with a node that was upgraded."""
    from qingjian.site import health

    for line in health.doctor(folder):
        if line.level > 1:
            typer.echo(f"{line.mark} {line.subject:24} {line.text}", err=True)

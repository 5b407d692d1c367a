"""`qingjian`: one command for running, checking and scripting.

Each sub-command is imported when it is called: `qingjian hj212 decode` in a shell loop must not wait for the
screening's numerics, nor a gateway process carry them in memory.
"""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("node", "up", "运行节点，Ctrl-C 全部停止 / run a node; Ctrl-C drains and stops everything"),
    "run": ("node", "run", "前台运行一个服务 / run one service of a node in the foreground"),
    "status": ("node", "status", "运行与进度 / what runs, how far it is, who is connected"),
    "doctor": (
        "node",
        "doctor",
        "配置及其来源，以及不妥之处 / settings with their origin, and what is wrong",
    ),
    "import": ("data", "import_data", "导入数据文件 / import observations from CSV or XLSX"),
    "backup": ("data", "backup", "备份，可在运行中进行 / back up, also while the node runs"),
    "restore": ("data", "restore", "核对备份并恢复 / check a backup and restore it"),
    "upgrade": ("data", "upgrade", "备份、升级、校验 / back up, migrate, verify"),
    "tls": ("tls", "app", "HTTPS 证书与本地 CA / certificates for HTTPS, from an authority of one's own"),
    "simulate": ("simulate", "simulate", "模拟现场设备 / simulated field devices"),
    "hj212": ("hj212", "app", "HJ 212 报文与 JSON 互转 / HJ 212 frames to JSON lines and back"),
    "ledger": ("ledger", "app", "账本：外人可核验的证据 / the ledger: evidence that outsiders can check"),
    "evaluate": ("evaluate", "evaluate", "按标准评价 JSON 用例 / evaluate JSON cases by the standards"),
    "screen": ("screen", "command", "筛查故障与疑似造假数据 / find faulty and falsified data in a panel"),
    "manage": ("node", "manage", "Django 管理命令（开发用） / Django management commands, for developers"),
}
"""Name of a command → module of this room, its function or Typer, and its line in the help."""


def load(name: str) -> Any:
    """Import a sub-command and return it ready to be called; KeyError for an unknown name."""
    module, attribute, _ = COMMANDS[name]
    target = getattr(importlib.import_module(f"qingjian.cli.{module}"), attribute)
    if isinstance(target, typer.Typer):
        command: Any = typer.main.get_group(target)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name, context_settings=getattr(target, "context_settings", None))(target)
        command = typer.main.get_command(alone)
    command.name = name
    return command


DISK_FULL = (
    "磁盘已满，无法写入。请腾出空间后重试，已写入的数据不受影响。"
    " / The disk is full and nothing can be written. Make room and try again; what was written stays as it is."
)
READ_ONLY = (
    "文件系统为只读，无法写入。请检查磁盘与挂载方式后重试。"
    " / The file system is read-only and nothing can be written. Check the disk and how it is mounted, then try again."
)
UNWRITABLE = {errno.ENOSPC: DISK_FULL, errno.EDQUOT: DISK_FULL, errno.EROFS: READ_ONLY}


def unwritable(error: BaseException) -> str:
    """Say in words that the disk is full or read-only, where that is why a command ended; "" when it is not."""
    import sqlite3

    refused = {sqlite3.SQLITE_FULL: DISK_FULL, sqlite3.SQLITE_READONLY: READ_ONLY}
    for one in _causes(error):
        if isinstance(one, OSError) and one.errno in UNWRITABLE:
            where = f" ({one.filename})" if one.filename else ""
            return f"{UNWRITABLE[one.errno]}{where}"
        if isinstance(one, sqlite3.Error):
            # The low byte is the kind of error, what stands above it says more of it.
            code = getattr(one, "sqlite_errorcode", 0) & 0xFF
            if code in refused:
                return refused[code]
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class LateCommands(TyperGroup):
    """Knows the line of every sub-command for the help, and imports only the one that is called."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        for name, (_, _, text) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=text))

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in COMMANDS else command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            said = unwritable(error)
            # What a service of the supervisor stumbled over belongs into its log whole.
            if not said or ctx.invoked_subcommand == "run":
                raise
            typer.echo(said, err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=LateCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="清鉴：真、准、全的生态环境监测数据与执法协同平台 / environmental data that are true, accurate and complete",
)


@app.callback()
def root() -> None:
    """清鉴 Qingjian."""


def main() -> None:
    """Entry point of the `qingjian` script."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()

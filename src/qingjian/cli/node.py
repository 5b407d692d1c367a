"""Commands about this node: up, run, status, doctor, manage."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer

from qingjian.cli.folder import DATA, enter, existing
from qingjian.contracts.clock import SystemClock
from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.supervisor.lock import AlreadyRunningError, FolderLock
from qingjian.supervisor.processes import Supervisor, stop_with_parent

INTERRUPTED = (
    "数据库升级曾中断，尚未完成：请运行 qingjian up 或 qingjian upgrade，会先恢复原样再升级"
    " / an upgrade of the tables was interrupted: run qingjian up or qingjian upgrade, which put them back and begin again"
)


def up(
    data: Path = DATA,
    web_port: int = typer.Option(None, help="网页端口 / port of the pages"),
    gateway_port: int = typer.Option(None, help="HJ 212 端口 / port for devices"),
    web_host: str = typer.Option(None, help="网页监听地址 / address of the pages"),
    demo: bool = typer.Option(None, "--demo/--empty", help="演示县或空节点 / demo county or an empty node"),
) -> None:
    """Run a node: gateway, pipeline, pages and worker under one supervisor; Ctrl-C drains and stops all."""
    given = {"WEB_PORT": web_port, "GATEWAY_PORT": gateway_port, "WEB_HOST": web_host, "DEMO": demo}
    for name, value in given.items():
        if value is not None:
            os.environ[f"QINGJIAN_{name}"] = str(value)
    folder = DataFolder(data.resolve())
    if problem := unusable(folder.root):
        typer.echo(problem, err=True)
        raise typer.Exit(2)
    try:
        with FolderLock(folder.lock):
            _up(data)
    except AlreadyRunningError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def unusable(root: Path) -> str:
    """Make the folder and say in words why it cannot hold a node; "" when it can."""
    try:
        root.mkdir(mode=0o750, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        return f"不能使用数据目录 {root} / the data folder {root} cannot be used: {error.strerror}"
    return ""


def taken_ports(configuration: Any) -> list[str]:
    """Say in words which configured ports another program listens on; the processes would fail one by one."""
    found = []
    for name, host, port in (
        ("web_port", configuration.web_host, configuration.web_port),
        ("gateway_port", configuration.gateway_host, configuration.gateway_port),
    ):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.create_server((host, port), family=family):
                pass
        except OSError as error:
            found.append(
                f"端口 {port}（{name}）无法使用 / port {port} ({name}) cannot be used: {error.strerror}"
            )
    return found


def _up(data: Path) -> None:
    typer.echo("准备数据目录 / preparing the data folder …")
    folder = enter(data)
    from django.conf import settings

    from qingjian.apps.scheduling.tasks import renew_statistics
    from qingjian.cli import children
    from qingjian.site import schema, setup
    from qingjian.site.continuing import continue_journals

    if problems := taken_ports(settings.CONFIGURATION):
        typer.echo("\n".join(problems), err=True)
        raise typer.Exit(2)
    try:
        setup.check_format(folder)
        schema.refuse_newer()
    except schema.NewerDataError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for name, found in continue_journals(folder).items():
        typer.echo(
            f"流水 {name} 落后于其他存储，自 {found.continues_at} 继续编号"
            f" / the journal {name} is behind other stores, its numbers go on at {found.continues_at}"
        )
    schema.migrate(folder)
    renew_statistics()
    logins = setup.prepare(folder, settings.CONFIGURATION, report=typer.echo)
    write_durably(
        folder.root / "exchange" / "node.json",
        json.dumps(
            {"gateway_port": settings.CONFIGURATION.gateway_port, "web_port": settings.CONFIGURATION.web_port}
        ).encode(),
    )
    supervisor = Supervisor(
        children.of(folder, settings.CONFIGURATION), folder.logs, SystemClock(), typer.echo
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.request_stop())
    configuration = settings.CONFIGURATION
    scheme = "https" if configuration.tls_certificate else "http"
    typer.echo("")
    typer.echo(f"  清鉴 Qingjian  {scheme}://{configuration.web_host}:{configuration.web_port}/")
    typer.echo(f"  HJ 212         tcp://{configuration.gateway_host}:{configuration.gateway_port}")
    for line in logins:
        typer.echo(f"  {line}")
    typer.echo("  Ctrl-C 停止 / stops everything")
    typer.echo("")
    supervisor.run()
    typer.echo("已停止 / stopped")


def run(name: str, data: Path = DATA) -> None:
    """Run one service of a node in the foreground (the supervisor and service managers use this)."""
    if not sys.stdin.isatty() and os.environ.get("QINGJIAN_CHILD") == "1":
        stop_with_parent()
    from qingjian.cli import children

    if existing(data).before_migrating.exists():
        typer.echo(INTERRUPTED, err=True)
        raise typer.Exit(2)
    try:
        service = children.service(name)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    service(name, data)


def status(
    data: Path = DATA, as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON")
) -> None:
    """Say what runs, how far the pipeline is and who is connected."""
    existing(data)
    folder = enter(data)
    from qingjian.site import health

    facts: dict[str, Any] = health.status(folder)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, default=str, indent=1))
        return
    for name, text in health.summary(folder, facts):
        # A Chinese character is two columns wide.
        width = sum(2 if ord(one) > 0x2E80 else 1 for one in name)
        typer.echo(f"{name}{' ' * max(1, 34 - width)}{text}")


def doctor(data: Path = DATA) -> None:
    """Print effective settings with their origin, and what is unreachable, behind or unsafe."""
    existing(data)
    folder = enter(data)
    from qingjian.site import health

    worst = 0
    for line in health.doctor(folder):
        typer.echo(f"{line.mark} {line.subject:24} {line.text}")
        worst = max(worst, line.level)
    raise typer.Exit(1 if worst > 1 else 0)


def manage(context: typer.Context, data: Path = DATA) -> None:
    """Run a Django management command against a data folder (for developers)."""
    os.environ["QINGJIAN_DATA"] = str(data.resolve())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingjian.site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["qingjian", *context.args])


manage.context_settings = {"allow_extra_args": True, "ignore_unknown_options": True}

"""`qingjian`: one command for running, checking and scripting."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from qingjian.cli import data as data_commands
from qingjian.cli import evaluate, hj212, ledger, node, screen, simulate

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="清鉴：真、准、全的生态环境监测数据与执法协同平台 / environmental data that are true, accurate and complete",
)
node.register(app)
data_commands.register(app)
simulate.register(app)
app.add_typer(hj212.app, name="hj212")
app.add_typer(ledger.app, name="ledger")
app.command(name="evaluate")(evaluate.command)
app.command(name="screen")(screen.command)


@app.callback()
def root() -> None:
    """清鉴 Qingjian."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def manage(
    context: typer.Context, data: Path = typer.Option(Path("data"), help="数据目录 / data folder")
) -> None:
    """Run a Django management command against a data folder (for developers)."""
    os.environ["QINGJIAN_DATA"] = str(data.resolve())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingjian.site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["qingjian", *context.args])


def main() -> None:
    """Entry point of the `qingjian` script."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()

"""The data folder of a command, and Django loaded on it."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from qingjian.contracts.folders import DataFolder

DATA = typer.Option(Path("data"), "--data", help="数据目录 / data folder")


def existing(data: Path) -> DataFolder:
    """Return the data folder of a node that was started before; otherwise say so and end with status 2.

    A mistyped `--data` must neither make a second node nor back up nothing.
    """
    folder = DataFolder(data.resolve())
    if not (folder.root / "format").is_file():
        typer.echo(
            f"{folder.root} 中没有节点；用 qingjian up --data 新建，或检查 --data 是否写错"
            f" / there is no node in {folder.root}: make one with qingjian up --data, or check --data",
            err=True,
        )
        raise typer.Exit(2)
    return folder


def enter(data: Path) -> DataFolder:
    """Make a data folder the one of this process and load Django on it."""
    os.environ["QINGJIAN_DATA"] = str(data.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "qingjian.site.settings"
    import django

    django.setup()
    folder = DataFolder(data.resolve())
    folder.make()
    return folder

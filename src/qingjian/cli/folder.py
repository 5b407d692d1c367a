"""The data folder of a command, and Django loaded on it."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from qingjian.contracts.folders import DataFolder

DATA = typer.Option(Path("data"), "--data", help="数据目录 / data folder")


def enter(data: Path) -> DataFolder:
    """Make a data folder the one of this process and load Django on it."""
    os.environ["QINGJIAN_DATA"] = str(data.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "qingjian.site.settings"
    import django

    django.setup()
    folder = DataFolder(data.resolve())
    folder.make()
    return folder

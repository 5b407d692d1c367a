"""What an office installs carries everything the pages need."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from tools import wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("dist"))


def test_the_wheel_carries_front_end_texts_templates_and_data(built: Path) -> None:
    assert wheel.missing(built) == []
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    for library in ("tabler.min.css", "tabler.min.js", "echarts.min.js", "htmx.min.js"):
        assert f"qingjian/ui/static/ui/vendor/{library}" in names


def test_a_wheel_without_the_front_end_is_noticed(built: Path, tmp_path: Path) -> None:
    bare = tmp_path / built.name
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(bare, "w") as target:
        for name in source.namelist():
            if "/vendor/" not in name:
                target.writestr(name, source.read(name))
    assert "ui/vendor/tabler.min.css" in wheel.missing(bare)
    shutil.rmtree(tmp_path)

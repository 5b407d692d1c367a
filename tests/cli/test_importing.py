"""`qingjian import` says the same of a file whether or not the node runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from tests.apps.conftest import (  # noqa: F401 - fixtures
    _data_folder,
    _quick_passwords,
    clock,
    county,
    lay_out,
    registry,
)
from typer.testing import CliRunner

from qingjian.apps.network import services as network
from qingjian.cli import data as commands
from qingjian.cli.main import app
from qingjian.contracts.clock import ManualClock
from qingjian.intake import KeptFiles, Spool, import_file
from qingjian.lake import Lake
from qingjian.supervisor.lock import FolderLock

TEXT = "点位,因子,时间,数值\nA1,a34004,2026-11-20 08:00,35\nA7,a34004,2026-11-20 08:00,36\nA1,a34004,昨天,1\n"


@pytest.fixture
def run(registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock):  # noqa: F811
    for name in ("enter", "existing"):
        monkeypatch.setattr(commands, name, lambda *_words: settings.DATA_FOLDER)
    path = tmp_path / "站.csv"
    path.write_text(TEXT, encoding="utf-8")

    def run(*words: str):
        clock.advance(60)
        return CliRunner().invoke(app, ["import", str(path), *words, "--data", str(tmp_path)])

    return run


def the_pipeline(moments: ManualClock) -> None:
    """Do what the running node does with waiting orders."""
    kept, spool = KeptFiles(settings.DATA_FOLDER.intake), Spool(settings.DATA_FOLDER.intake / "spool")
    for order, source in spool.orders():
        with Lake(settings.DATA_FOLDER.lake, moments) as lake:
            directory = network.directory_store().current()
            import_file(kept.path(source.digest), lake=lake, directory=directory, kept=kept, source=source)
        spool.done(order)


@pytest.mark.parametrize("running", [False, True])
def test_a_person_is_told_every_refused_row_the_counts_and_where_things_are_kept(
    run,
    running: bool,
    monkeypatch: pytest.MonkeyPatch,
    clock,  # noqa: F811
) -> None:
    monkeypatch.setattr(commands.time, "sleep", lambda _seconds: the_pipeline(clock))
    lock = FolderLock(settings.DATA_FOLDER.lock)
    if running:
        lock.__enter__()
    try:
        wrong = run()
        done = run("--statistic", "hour")
        again = run("--statistic", "hour")
    finally:
        if running:
            lock.__exit__(None, None, None)
    assert wrong.exit_code == done.exit_code == again.exit_code == 1, done.output
    assert "statistic" in wrong.output
    assert "nothing was stored" in wrong.output
    for told in ("第 3 行", "row 3", "第 4 行", "row 4"):
        assert told in done.output
    assert "行 rows 3 · 新值 new 1 · 已有 known 0 · 变化 changed 0 · 被拒行 refused rows 2" in done.output
    assert "新值 new 0 · 已有 known 1" in again.output
    (file,) = (settings.DATA_FOLDER.intake / "files").glob("*/*.json")
    assert str(file) in done.output
    for output in (wrong.output, done.output, again.output):
        assert "ImportResult" not in output
        assert "ImportSource" not in output


def test_a_node_that_does_not_import_in_time_is_said_with_status_3(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LONGEST_WAIT", 0.0)
    with FolderLock(settings.DATA_FOLDER.lock):
        late = run("--statistic", "hour")
    assert late.exit_code == 3
    assert "qingjian status" in late.output

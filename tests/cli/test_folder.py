"""A mistyped folder or file: every command says what is missing and leaves nothing behind."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
import typer
from django.db.utils import OperationalError
from typer.testing import CliRunner

from qingjian.cli import main
from qingjian.cli.data import _file
from qingjian.cli.main import app


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "values.dat"
    path.write_text("a,b\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["status", "doctor", "run", "import", "backup", "upgrade"])
def test_commands_about_a_node_need_one(command: str, tmp_path: Path, table: Path) -> None:
    words = {
        "import": [str(table)],
        "run": ["web"],
        "backup": [str(tmp_path / "copy")],
        "upgrade": ["--backup", str(tmp_path / "copy")],
    }
    result = CliRunner().invoke(app, [command, *words.get(command, []), "--data", str(tmp_path / "typo")])
    assert result.exit_code == 2, result.output
    assert "没有节点" in result.output
    assert "there is no node" in result.output
    assert not (tmp_path / "typo").exists()
    assert not (tmp_path / "copy").exists()


def test_a_node_does_not_start_where_it_cannot_write(table: Path) -> None:
    for folder in (table, table / "below"):
        result = CliRunner().invoke(app, ["up", "--empty", "--data", str(folder)])
        assert result.exit_code == 2, result.output
        assert "cannot be used" in result.output


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/data/x")


def full_database() -> None:
    store = sqlite3.connect(":memory:")
    store.execute("PRAGMA max_page_count = 1")
    try:
        store.execute("CREATE TABLE a (b)")
    except sqlite3.OperationalError as error:
        raise OperationalError(*error.args) from error  # as Django wraps it


def read_only_database(folder: Path) -> None:
    sqlite3.connect(folder / "a").execute("CREATE TABLE a (b)").connection.close()
    sqlite3.connect(f"file:{folder / 'a'}?mode=ro", uri=True).execute("INSERT INTO a VALUES (1)")


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("full_disk", "The disk is full"),
        ("full_database", "The disk is full"),
        ("read_only_database", "The file system is read-only"),
        ("other", ""),
    ],
)
def test_a_disk_that_takes_nothing_is_said_in_words(
    fails: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = typer.Typer()

    @command.callback(invoke_without_command=True)
    def status() -> None:
        match fails:
            case "full_disk":
                full_disk()
            case "full_database":
                full_database()
            case "read_only_database":
                read_only_database(tmp_path)
            case _:
                raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(main, "load", lambda _name: typer.main.get_command(command))
    result = CliRunner().invoke(app, ["status"])
    assert said in result.output
    assert (result.exit_code, isinstance(result.exception, OSError)) == ((2, False) if said else (1, True))
    # In the log of a service stands the whole of it.
    assert CliRunner().invoke(app, ["run"]).exit_code == 1


def test_an_unknown_service_is_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("1", encoding="utf-8")
    result = CliRunner().invoke(app, ["run", "gatewya-1", "--data", str(tmp_path)])
    assert result.exit_code == 2, result.output
    assert "gatewya-1" in result.output
    assert "pipeline" in result.output


def test_the_format_may_be_told_before_the_file(table: Path) -> None:
    assert _file([str(table)]) == (table, "values.dat")
    assert _file(["csv", str(table)]) == (table, "values.dat.csv")
    csv = table.rename(table.with_suffix(".csv"))
    assert _file(["csv", str(csv)]) == _file([str(csv)]) == (csv, "values.csv")


@pytest.mark.parametrize("words", [["csv"], ["csv", "none.csv"], ["a.csv", "b.csv"], ["csv", "a", "b"]])
def test_no_file_or_several_are_refused(words: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(typer.Exit) as end:
        _file(words)
    assert end.value.exit_code == 2

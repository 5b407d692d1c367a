"""Backup and restore of a node whose people's database is PostgreSQL, on a throw-away server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from tests import postgresql as throw_away
from typer.testing import CliRunner

from qingjian.cli.main import app
from qingjian.contracts.folders import DataFolder
from qingjian.site import backup, postgresql

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[throw_away.Server]:
    started = throw_away.Server()
    yield started
    started.stop()


@pytest.fixture
def database(server: throw_away.Server) -> Callable[[str], str]:
    """Return a function that makes an empty database and returns its address."""

    def make(name: str) -> str:
        with psycopg.connect(server.address, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
        return urlunsplit(urlsplit(server.address)._replace(path=f"/{name}"))

    return make


@pytest.fixture
def node(
    tmp_path: Path, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> tuple[DataFolder, str]:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    (folder.root / "format").write_text("1")
    (folder.uploads / "a").write_bytes(b"\0\1")
    address = database("people_here")
    monkeypatch.setenv("QINGJIAN_DATABASE", address)
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE matters (id serial PRIMARY KEY, title text NOT NULL)")
        connection.execute("INSERT INTO matters (title) VALUES ('核查'), ('改正')")
    return folder, address


def titles(address: str) -> list[str]:
    with psycopg.connect(address) as connection:
        return [row[0] for row in connection.execute("SELECT title FROM matters ORDER BY id")]


def test_people_s_database_and_data_folder_come_back_together(node, tmp_path: Path, database) -> None:
    folder, address = node
    made = backup.make(folder, tmp_path / "backup", NOW)
    assert backup.verify(tmp_path / "backup") == made
    with psycopg.connect(address) as connection:
        connection.execute("DELETE FROM matters")
    elsewhere = database("people_there")
    again = DataFolder(tmp_path / "again")
    backup.restore(tmp_path / "backup", again, NOW, elsewhere)
    assert titles(elsewhere) == ["核查", "改正"]
    assert (again.uploads / "a").read_bytes() == b"\0\1"
    assert not list(again.root.rglob(backup.DUMP))


@pytest.mark.django_db
def test_the_commands_do_the_same_without_a_password_in_sight(node, tmp_path: Path, database) -> None:
    folder, address = node
    runner = CliRunner()
    done = runner.invoke(app, ["backup", str(tmp_path / "backup"), "--data", str(folder.root)])
    assert done.exit_code == 0, done.output
    assert "PostgreSQL" in done.output
    password = urlsplit(address).password or ""
    assert all(password.encode() not in path.read_bytes() for path in (tmp_path / "backup").glob("*.*"))
    elsewhere = database("people_commands")
    done = runner.invoke(
        app,
        ["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "again"), "--database", elsewhere],
    )
    assert done.exit_code == 0, done.output
    assert titles(elsewhere) == ["核查", "改正"]


def test_a_database_that_holds_something_is_never_overwritten(node, tmp_path: Path) -> None:
    folder, address = node
    backup.make(folder, tmp_path / "backup", NOW)
    with pytest.raises(backup.BackupError, match="不为空"):
        backup.restore(tmp_path / "backup", DataFolder(tmp_path / "again"), NOW, address)
    assert not (tmp_path / "again").exists()


def test_a_damaged_dump_leaves_database_and_folder_empty(node, tmp_path: Path, database) -> None:
    folder, _ = node
    backup.make(folder, tmp_path / "backup", NOW)
    dump = tmp_path / "backup" / backup.DUMP
    dump.write_bytes(dump.read_bytes()[:-20])
    elsewhere = database("people_damaged")
    with pytest.raises(backup.BackupError):
        backup.restore(tmp_path / "backup", DataFolder(tmp_path / "again"), NOW, elsewhere)
    assert postgresql.is_empty(elsewhere)
    assert not (tmp_path / "again").exists()


def test_a_server_that_does_not_answer_is_told_in_words(node, tmp_path: Path, monkeypatch) -> None:
    folder, address = node
    parts = urlsplit(address)
    wrong = urlunsplit(parts._replace(netloc=f"qingjian:wrong@{parts.hostname}:{parts.port}"))
    monkeypatch.setenv("QINGJIAN_DATABASE", wrong)
    with pytest.raises(backup.BackupError, match="pg_dump"):
        backup.make(folder, tmp_path / "backup", NOW)


def test_missing_programs_are_named(node, tmp_path: Path, monkeypatch) -> None:
    folder, _ = node
    monkeypatch.setattr(postgresql, "INSTALLED", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(backup.BackupError, match="postgresql-client"):
        backup.make(folder, tmp_path / "backup", NOW)


def test_a_backup_with_a_dump_needs_a_database_to_go_to(node, tmp_path: Path, monkeypatch) -> None:
    folder, _ = node
    backup.make(folder, tmp_path / "backup", NOW)
    monkeypatch.delenv("QINGJIAN_DATABASE")
    with pytest.raises(backup.BackupError, match="--database"):
        backup.restore(tmp_path / "backup", DataFolder(tmp_path / "again"), NOW)

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qingjian.contracts.folders import DataFolder
from qingjian.site import backup

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    (made.root / "format").write_text("1")
    with sqlite3.connect(made.people / "people.sqlite3") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE things (name TEXT)")
        database.execute("INSERT INTO things VALUES ('kept')")
    (made.people / "django.secret").write_text("s")
    (made.people / "django.secret").chmod(0o600)
    (made.lake / "writer.lock").write_text("")
    (made.ledger / "instance").write_text("this very folder")
    (made.uploads / "a").write_bytes(b"\0\1")
    return made


def test_a_backup_restores_every_store_and_its_rights(folder: DataFolder, tmp_path: Path) -> None:
    made = backup.make(folder, tmp_path / "backup", NOW)
    assert backup.verify(tmp_path / "backup") == made
    again = DataFolder(tmp_path / "again")
    backup.restore(tmp_path / "backup", again, NOW)
    with sqlite3.connect(again.people / "people.sqlite3") as database:
        assert database.execute("SELECT name FROM things").fetchall() == [("kept",)]
    assert (again.people / "django.secret").stat().st_mode & 0o777 == 0o600
    assert (again.uploads / "a").read_bytes() == b"\0\1"


def test_what_comes_while_the_lake_is_copied_is_in_the_journal_of_the_backup(
    folder: DataFolder, tmp_path: Path
) -> None:
    def report(part: str) -> None:
        if part == "lake":
            (folder.journal / "late").write_bytes(b"acknowledged meanwhile")

    backup.make(folder, tmp_path / "backup", NOW, report)
    assert (tmp_path / "backup" / "journal" / "late").read_bytes() == b"acknowledged meanwhile"


def test_locks_and_the_mark_of_a_ledger_stay_behind(folder: DataFolder, tmp_path: Path) -> None:
    backup.make(folder, tmp_path / "backup", NOW)
    assert not list((tmp_path / "backup").rglob("*.lock"))
    assert not (tmp_path / "backup" / "ledger" / "instance").exists()


@pytest.mark.parametrize("damage", ["change", "remove", "add", "manifest"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(
    folder: DataFolder, tmp_path: Path, damage: str
) -> None:
    target = tmp_path / "backup"
    backup.make(folder, target, NOW)
    victim = target / "uploads" / "a"
    if damage == "change":
        victim.write_bytes(b"\0\2")
    elif damage == "remove":
        victim.unlink()
    elif damage == "add":
        (target / "uploads" / "b").write_bytes(b"x")
    else:
        (target / "manifest.json").write_text("{")
    with pytest.raises(backup.BackupError):
        backup.restore(target, DataFolder(tmp_path / "again"), NOW)
    assert not (tmp_path / "again").exists()


def test_neither_backup_nor_restore_overwrites(folder: DataFolder, tmp_path: Path) -> None:
    backup.make(folder, tmp_path / "backup", NOW)
    with pytest.raises(backup.BackupError):
        backup.make(folder, tmp_path / "backup", NOW)
    with pytest.raises(backup.BackupError):
        backup.restore(tmp_path / "backup", folder, NOW)


def test_every_folder_of_a_node_is_in_the_backup(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.make()
    made = {path.name for path in tmp_path.iterdir()}
    assert made - set(backup.ORDER) == {"logs"}
    # A directory names its rulebook, so the rulebooks are copied after it.
    assert backup.ORDER.index("directory") < backup.ORDER.index("rulebook")


def test_a_restored_folder_keeps_others_out(folder: DataFolder, tmp_path: Path) -> None:
    backup.make(folder, tmp_path / "backup", NOW)
    (tmp_path / "backup").chmod(0o755)
    again = DataFolder(tmp_path / "again")
    backup.restore(tmp_path / "backup", again, NOW)
    assert again.root.stat().st_mode & 0o007 == 0


def test_a_full_disk_is_told_in_words_and_the_part_copy_is_no_backup(
    folder: DataFolder, tmp_path: Path, monkeypatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy_file", full)
    with pytest.raises(backup.BackupError, match="勿用此目录"):
        backup.make(folder, tmp_path / "backup", NOW)
    with pytest.raises(backup.BackupError):
        backup.verify(tmp_path / "backup")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(backup.BackupError, match="不为空"):
        backup.make(folder, tmp_path / "file", NOW)

"""Backup and restore of a node, while it runs: its data folder, and its people's database where that is PostgreSQL.

Order matters: whoever reads a store is copied before it, so that no position is ahead of what it points into; the ledger
comes last, so that it never lacks a leaf of what was copied. In a restored node every journal goes on behind all numbers
that may have been given after the backup was made.
A manifest names every file with its digest; restore checks all of them before it writes anything.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from qingjian.contracts.folders import DataFolder, make_durably, write_durably
from qingjian.contracts.manifest import FORMAT, MANIFEST, BackupError, Summary, digest_of, verify
from qingjian.site import postgresql
from qingjian.site.configuration import load
from qingjian.site.continuing import continue_journals

ORDER = (
    "format",
    "qingjian.toml",
    "base_map.geojson",
    "base_map.pmtiles",
    "people",
    *(
        f"lake/{table}/_delta_log{part}"
        for table in ("observations", "statements", "frames")
        for part in ("/_last_checkpoint", "")
    ),
    "lake",
    "intake/spool",
    "exchange/findings.sqlite3",
    "exchange",
    "directory/current",
    "directory",
    "rulebook",
    "journal",
    "intake",
    "uploads",
    "ledger",
)
"""Readers before what they read. People's database has positions in findings; the lake is refilled from the batch log (in
exchange) and that from the journal, and a batch names its directory; of the lake, the table a batch is stored in last comes
first, and the log of a table before the files it names, which stay at least a day. What has a line of its own here is not
copied with the folder around it."""
LEFT_OUT = ("writer.lock", "running.lock", "instance", "restored")
"""Locks, and the mark by which a ledger knows its own folder: a restored ledger must not sign before it has recovered.
Nor the mark that a folder was restored and waits for its first check."""
ATTEMPTS = 3
PRIVATE = 0o750
"""Rights of the folders made here: they hold passwords and keys."""
DUMP = "people.pgdump"
"""Dump of the people's database on PostgreSQL; it stands in the backup only, never in a data folder."""
SQLITE = "sqlite"


def make(
    folder: DataFolder, target: Path, now: datetime, report: Callable[[str], None] = lambda text: None
) -> Summary:
    """Copy the node into an empty target folder and write its manifest."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"目标目录不为空 / the target folder is not empty: {target}")
    try:
        return _make(folder, target, now, report)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(
            f"备份未完成，勿用此目录 / the backup is not complete, do not use its folder: {error}"
        ) from error


def _make(folder: DataFolder, target: Path, now: datetime, report: Callable[[str], None]) -> Summary:
    target.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    entries: dict[str, dict[str, object]] = {}
    database = load(folder.root).values.database
    if database != SQLITE:
        report("PostgreSQL")
        try:
            postgresql.dump(database, target / DUMP)
        except postgresql.PostgresqlError as error:
            raise BackupError(str(error)) from error
        entries[DUMP] = _entry(target / DUMP)
    for name in ORDER:
        if not (folder.root / name).exists():
            continue
        report(name)
        for path in _copy(name, folder.root, target):
            entries[path.relative_to(target).as_posix()] = _entry(path)
    manifest = {"format": FORMAT, "made_at": now.isoformat(), "files": entries}
    write_durably(target / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    return Summary(len(entries), sum(int(str(one["size"])) for one in entries.values()))


def _copy(name: str, root: Path, target: Path) -> Iterator[Path]:
    """Copy one part; a file that a compaction removed meanwhile is taken from the newer state of its folder."""
    for attempt in range(ATTEMPTS):
        copied: list[Path] = []
        try:
            for path in _files(name, root):
                copied.append(_copy_file(path, target / path.relative_to(root)))
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
            for path in copied:
                path.unlink()
            continue
        yield from copied
        return


def _files(name: str, root: Path) -> list[Path]:
    """Return the files of a part as they are now, without those of parts of their own."""
    source = root / name
    apart = [root / other for other in ORDER if other.startswith(f"{name}/")]
    paths = (path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file())
    return sorted(
        path
        for path in paths
        if not _is_left_out(path) and not any(path.is_relative_to(other) for other in apart)
    )


def _is_left_out(path: Path) -> bool:
    return path.name in LEFT_OUT or path.name.endswith(("-wal", "-shm", ".part"))


def _copy_file(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".sqlite3", ".db", ".sqlite"):
        source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
    else:
        shutil.copyfile(path, target)
    target.chmod(path.stat().st_mode & 0o777)
    return target


def _entry(path: Path) -> dict[str, object]:
    return {"sha256": digest_of(path), "size": path.stat().st_size}


def restore(backup: Path, folder: DataFolder, now: datetime, database: str = "") -> Summary:
    """Check a backup whole, then bring it into an empty data folder and, where it holds one, an empty database.

    A mark in the folder says that nothing of it was compared with the ledger yet; the first check takes it away.

    `database` is the address of that database; without it the environment's or the backup's own setting counts.
    """
    if folder.root.exists() and any(folder.root.iterdir()):
        raise BackupError(f"数据目录不为空 / the data folder is not empty: {folder.root}")
    summary = verify(backup)
    if (backup / DUMP).exists():
        _restore_database(backup, database)
    elif database:
        raise BackupError("备份中没有 PostgreSQL 数据库 / the backup holds no PostgreSQL database")
    try:
        folder.root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        shutil.copytree(
            backup, folder.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST, DUMP)
        )
        folder.root.chmod(PRIVATE)
    except OSError as error:
        raise BackupError(
            f"恢复未完成，请清空 {folder.root} 后重试 / not all was restored, empty {folder.root} and try again: {error}"
        ) from error
    make_durably(folder.ledger)
    write_durably(folder.restored, now.isoformat().encode())
    continue_journals(folder, restored=True)
    return summary


def _restore_database(backup: Path, database: str) -> None:
    address = database or load(backup).values.database
    if address == SQLITE:
        raise BackupError(
            "备份含 PostgreSQL 数据库，请用 --database 指定空数据库的地址"
            " / the backup holds a PostgreSQL database: give the address of an empty one with --database"
        )
    try:
        postgresql.restore(address, backup / DUMP)
    except postgresql.PostgresqlError as error:
        raise BackupError(str(error)) from error

"""One Delta table whose commits survive a power cut.

`deltalake` never fsyncs, so files are written and fsynced here, the log entry and its folder right after the commit.
Only file-level actions are used (add, remove), so a compaction or the switch of a month is one atomic commit.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.transaction import AddAction, RemoveAction

from qingjian.contracts.folders import sync_folder

PARTITIONS = ("area", "month", "bucket")
"""area fresh | recent | settled; month YYYY-MM of the local day; bucket: day (recent) or series bucket (settled)."""
_PARTITION_FIELDS = [pa.field(name, pa.string()) for name in PARTITIONS]
_CHECKPOINT_EVERY = 50
_FRESH_LEVEL = 1
"""Fresh files are soon rewritten, and the pipeline must keep up."""
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 24 hours",
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A live file of a pinned version with the bounds needed to skip it."""

    path: str
    """Relative to the table's folder."""
    size: int
    rows: int
    area: str
    month: str
    bucket: str
    low: Mapping[str, Any]
    high: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The files of one version; reading them needs no further look at the log."""

    version: int
    files: tuple[StoredFile, ...]


class StoredTable:
    """A Delta table in `folder`; `bounds` names the columns whose minimum and maximum every file records."""

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        *,
        bounds: Sequence[str],
        encodings: Mapping[str, str],
        dictionaries: Sequence[str],
        compression_level: int = 3,
    ) -> None:
        self.folder = folder
        self.schema = schema
        self._bounds = tuple(bounds)
        self._encodings = dict(encodings)
        self._dictionaries = list(dictionaries)
        self._level = compression_level
        self._table: DeltaTable | None = None
        self._pinned: Pinned | None = None
        self._since_checkpoint = 0
        # The table object of deltalake must not be used by two threads at once.
        self._guard = threading.RLock()

    # -- opening ---------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        return (self.folder / "_delta_log").is_dir() and any((self.folder / "_delta_log").iterdir())

    def create(self) -> None:
        """Create the table if it is missing and drop what a power cut left half written (writer only)."""
        self._drop_torn_log_entries()
        if not self.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._table = DeltaTable.create(
                str(self.folder),
                pa.schema([*self.schema, *_PARTITION_FIELDS]),
                partition_by=list(PARTITIONS),
                configuration=_CONFIGURATION,
            )
            self._sync_log(0)
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
        self._open(fresh=True)

    def _drop_torn_log_entries(self) -> None:
        """Remove trailing log entries that are not whole JSON: their commit was never confirmed to anybody."""
        log = self.folder / "_delta_log"
        if not log.is_dir():
            return
        for entry in sorted(log.glob("*.json"), reverse=True):
            if not entry.stem.isdigit():
                continue
            try:
                lines = entry.read_text().splitlines()
                if lines and all(json.loads(line) for line in lines):
                    return
            except ValueError:
                pass
            entry.unlink()
            sync_folder(log)

    def _open(self, *, fresh: bool = False) -> DeltaTable | None:
        if self._table is None or fresh:
            if not self.exists():
                return None
            self._table = DeltaTable(str(self.folder))
            self._pinned = None
        return self._table

    def refresh(self) -> None:
        """Move to the newest version."""
        with self._guard:
            table = self._open()
            if table is None:
                return
            try:
                table.update_incremental()
            except (
                Exception
            ):  # the log was cleaned below our version: open anew; a real fault shows again there
                self._open(fresh=True)

    def reopen(self) -> None:
        """Forget what is known of the table, for the retry after a file has gone."""
        with self._guard:
            self._open(fresh=True)

    # -- reading ---------------------------------------------------------------------------------------------

    def pin(self) -> Pinned:
        """Return the file list of the version last refreshed to."""
        with self._guard:
            table = self._open()
            if table is None:
                return Pinned(-1, ())
            version = table.version()
            if self._pinned is None or self._pinned.version != version:
                self._pinned = Pinned(version, tuple(self._files(table)))
            return self._pinned

    def _files(self, table: DeltaTable) -> Iterable[StoredFile]:
        actions = pa.table(table.get_add_actions(flatten=True)).to_pydict()
        for index, path in enumerate(actions["path"]):
            yield StoredFile(
                path=path,
                size=actions["size_bytes"][index],
                rows=actions["num_records"][index],
                area=actions["partition.area"][index],
                month=actions["partition.month"][index],
                bucket=actions["partition.bucket"][index] or "",
                low={name: _bound(actions, "min", name, index) for name in self._bounds},
                high={name: _bound(actions, "max", name, index) for name in self._bounds},
            )

    def paths(self, keep: Callable[[StoredFile], bool]) -> list[str]:
        """Return absolute paths of the pinned files that `keep` wants."""
        return [str(self.folder / one.path) for one in self.pin().files if keep(one)]

    def transaction(self, name: str) -> int | None:
        """Return the last version stored for an application transaction."""
        with self._guard:
            table = self._open()
            version = None if table is None else table.transaction_version(name)
            return None if version is None else int(version)

    # -- writing ---------------------------------------------------------------------------------------------

    def write_file(self, rows: pa.Table, area: str, month: str, bucket: str, *, row_group: int) -> AddAction:
        """Write one durable file, not yet part of the table."""
        return self.write_stream([rows], area, month, bucket, row_group=row_group)

    def write_stream(
        self, parts: Iterable[pa.Table], area: str, month: str, bucket: str, *, row_group: int
    ) -> AddAction:
        """Write sorted parts into one durable file, not yet part of the table."""
        relative = f"area={area}/month={month}/{bucket or 'all'}-{uuid.uuid4().hex}.parquet"
        path = self.folder / relative
        _make_durably(path.parent, self.folder)
        low: dict[str, Any] = {}
        high: dict[str, Any] = {}
        count = 0
        with path.open("wb") as handle:
            with pq.ParquetWriter(
                handle,
                self.schema,
                compression="zstd",
                compression_level=self._level if area != "fresh" else _FRESH_LEVEL,
                use_dictionary=self._dictionaries,
                column_encoding=self._encodings,
                write_statistics=list(self._bounds),
                store_schema=False,
                data_page_size=1 << 20,
                version="2.6",
            ) as writer:
                for part in parts:
                    writer.write_table(
                        part.select(self.schema.names).cast(self.schema), row_group_size=row_group
                    )
                    count += part.num_rows
                    for name in self._bounds:
                        extremes = pc.min_max(part.column(name)).as_py()
                        _widen(low, name, extremes["min"], min)
                        _widen(high, name, extremes["max"], max)
            handle.flush()
            os.fsync(handle.fileno())
        sync_folder(path.parent)
        stats = {
            "numRecords": count,
            "minValues": _plain(low),
            "maxValues": _plain(high, up=True),
            "nullCount": {},
        }
        return AddAction(
            relative,
            path.stat().st_size,
            {"area": area, "month": month, "bucket": bucket},
            0,
            True,
            json.dumps(stats),
        )

    def commit(
        self,
        added: Sequence[AddAction],
        *,
        removed: Sequence[StoredFile] = (),
        moment: datetime,
        transactions: Mapping[str, int] | None = None,
    ) -> None:
        """Make file changes visible in one atomic, durable step.

        With `removed` it is a rewrite: readers of changes see no change in the data.
        """
        with self._guard:
            self._commit(added, removed, moment, transactions or {})

    def _commit(
        self,
        added: Sequence[AddAction],
        removed: Sequence[StoredFile],
        moment: datetime,
        transactions: Mapping[str, int],
    ) -> None:
        table = self._open()
        if table is None:
            raise RuntimeError("the table was not created")
        milliseconds = int(moment.timestamp() * 1000)
        rewrite = bool(removed)
        actions: list[AddAction | RemoveAction] = [
            AddAction(one.path, one.size, one.partition_values, milliseconds, not rewrite, one.stats)
            for one in added
        ]
        actions += [
            RemoveAction(
                one.path,
                data_change=False,
                deletion_timestamp=milliseconds,
                size=one.size,
                partition_values={"area": one.area, "month": one.month, "bucket": one.bucket},
            )
            for one in removed
        ]
        table.create_write_transaction(
            actions,
            mode="append",
            schema=pa.schema([*self.schema, *_PARTITION_FIELDS]),
            partition_by=list(PARTITIONS),
            commit_properties=CommitProperties(
                max_commit_retries=0,
                app_transactions=[Transaction(name, version) for name, version in transactions.items()],
            ),
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=False, cleanup_expired_logs=False
            ),
        )
        table.update_incremental()
        self._sync_log(table.version())
        self._since_checkpoint += 1
        if self._since_checkpoint >= _CHECKPOINT_EVERY:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Fold the log so that opening stays fast, and drop log entries older than a day."""
        with self._guard:
            self._checkpoint()

    def _checkpoint(self) -> None:
        table = self._open()
        if table is None:
            return
        table.create_checkpoint()
        log = self.folder / "_delta_log"
        for path in (*log.glob(f"{table.version():020d}.checkpoint*.parquet"), log / "_last_checkpoint"):
            _sync_file(path)
        sync_folder(log)
        table.cleanup_metadata()
        self._since_checkpoint = 0
        self._open(fresh=True)

    def vacuum(self, hours: int) -> list[str]:
        """Delete files that no version of the last `hours` (≥ 24) uses, also those of commits that never happened."""
        if hours < 24:
            raise ValueError("vacuum keeps at least 24 hours, or readers lose files under their hands")
        with self._guard:
            table = self._open()
            return (
                [] if table is None else list(table.vacuum(retention_hours=hours, dry_run=False, full=True))
            )

    def _sync_log(self, version: int) -> None:
        log = self.folder / "_delta_log"
        _sync_file(log / f"{version:020d}.json")
        sync_folder(log)

    def bytes_on_disk(self) -> tuple[int, int]:
        """Return (bytes of live files, bytes of the log)."""
        log = self.folder / "_delta_log"
        entries = sum(one.stat().st_size for one in log.iterdir()) if log.is_dir() else 0
        return sum(one.size for one in self.pin().files), entries


def _bound(actions: Mapping[str, Sequence[Any]], side: str, name: str, index: int) -> Any:
    column = actions.get(f"{side}.{name}")
    return None if column is None else column[index]


def _widen(bounds: dict[str, Any], name: str, value: Any, choose: Callable[..., Any]) -> None:
    if value is not None:
        bounds[name] = value if name not in bounds else choose(bounds[name], value)


def _plain(bounds: Mapping[str, Any], *, up: bool = False) -> dict[str, Any]:
    """Write bounds as the Delta log wants them; times have milliseconds there, so a maximum is rounded up."""
    plain = dict(bounds)
    for name, value in bounds.items():
        if isinstance(value, datetime):
            if up and value.microsecond % 1000:
                value += timedelta(milliseconds=1)
            plain[name] = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return plain


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_durably(folder: Path, top: Path) -> None:
    """Create folders below `top` so that their names survive a power cut."""
    missing = []
    while folder != top and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)

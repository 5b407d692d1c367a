"""The lake: observations, statements and frames of one node, written by one process, read by many."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.clock import Clock, SystemClock
from qingjian.contracts.folders import make_durably, write_durably
from qingjian.lake import reading
from qingjian.lake.maintenance import Maintenance
from qingjian.lake.newest import NewestStarts
from qingjian.lake.reader import FORMAT, LakeReader
from qingjian.lake.reading import (
    file_list,
    may_hold,
    moment_literal,
    text_literal,
    whole_seconds,
    with_retry,
)
from qingjian.lake.revisions import (
    CHANGES,
    CORRECTION_SOURCE,
    FILE_SOURCE,
    Resolution,
    differing,
    only_repeats,
    resolve,
)
from qingjian.lake.schemas import (
    CANDIDATES,
    FRAMES,
    OBSERVATIONS,
    STATEMENTS,
    STORED_FRAMES,
    STORED_STATEMENTS,
    Batch,
)
from qingjian.lake.table import StoredTable
from qingjian.lake.writing import month_parts

_ROW_GROUP = 131_072


class LakeBusyError(RuntimeError):
    """Another process writes this lake."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch; `stored` is False when the lake had it already."""

    stored: bool
    new: int = 0
    repeated: int = 0
    completed: int = 0
    changes: pa.Table = field(default_factory=CHANGES.empty_table)
    rows: pa.Table = field(default_factory=lambda: CANDIDATES.empty_table())
    """The observations of the batch with their revisions."""


class Lake(LakeReader):
    """Open for reading; the first write takes the writer's lock and keeps it until `close`."""

    def __init__(self, folder: Path, clock: Clock | None = None, *, threads: int = 2) -> None:
        super().__init__(folder, threads=threads)
        self._clock = clock or SystemClock()
        self._process = os.getpid()
        self._lock: IO[str] | None = None
        self._newest = NewestStarts()

    # -- opening and closing -----------------------------------------------------------------------------------

    def open_for_writing(self) -> None:
        """Take the writer's lock and repair what a power cut left; LakeBusyError when another process has it."""
        if os.getpid() != self._process:
            raise RuntimeError("a lake must not be used after a fork; open it in the new process")
        if self._lock is not None:
            return
        make_durably(self.folder)
        handle = (self.folder / "writer.lock").open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise LakeBusyError(
                f"另一进程正在写数据湖 {self.folder} · another process writes the lake {self.folder}"
            ) from error
        self._lock = handle
        if not (self.folder / "format").exists():
            write_durably(self.folder / "format", str(FORMAT).encode())
        for table in self._tables.values():
            table.create()
        self._newest.load(self.observations)

    def close(self) -> None:
        """Give the writer's lock back and free memory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        super().close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing -----------------------------------------------------------------------------------------------

    def next_batch(self, *, directory_version: int = 0, positions: Mapping[str, int] | None = None) -> Batch:
        """Return the batch that follows the last stored one, known from now on."""
        self.open_for_writing()
        return Batch(
            self.batch() + 1,
            self.next_known_at(),
            directory_version,
            dict(positions or {}),
        )

    def next_known_at(self) -> datetime:
        """Return the present whole second, or one more than the newest batch's when that is later."""
        now = self._clock.now().replace(microsecond=0)
        newest = self.known_until()
        return now if newest is None else max(now, newest + timedelta(seconds=1))

    def append(
        self,
        batch: Batch,
        *,
        observations: pa.Table | None = None,
        frames: pa.Table | None = None,
        statements: pa.Table | None = None,
    ) -> Appended:
        """Store a batch: frames, then statements, then observations, each with the batch number in its own commit.

        Doing the same batch again after any interruption stores exactly what is missing and answers the same.
        """
        self.open_for_writing()
        known = _seconds(batch.known_at)
        self._put(
            self.frames_table, "received_at", _stamped(frames, FRAMES, known, batch), batch, always=False
        )
        self._put(
            self.statements_table,
            "moment",
            _stamped(statements, STATEMENTS, known, batch),
            batch,
            always=False,
        )
        resolution = self.resolve(
            CANDIDATES.empty_table() if observations is None else observations, batch.known_at
        )
        rows = _stamp(resolution.rows, OBSERVATIONS, known, batch)
        stored = self._put(self.observations, "start", rows, batch, always=True)
        self._newest.add(resolution.rows)
        return Appended(
            stored,
            resolution.new,
            resolution.repeated,
            resolution.completed,
            resolution.changes,
            resolution.rows,
        )

    def _put(
        self, table: StoredTable, column: str, rows: pa.Table | None, batch: Batch, *, always: bool
    ) -> bool:
        """Commit rows unless this batch is in the table already; `deltalake` itself would store them twice."""
        if (table.transaction("batch") or 0) >= batch.number:
            return False
        if rows is None or not rows.num_rows:
            if not always:
                return False
            added = []
        else:
            added = [
                table.write_file(part, "fresh", month, "", row_group=_ROW_GROUP)
                for month, part in month_parts(rows, column)
            ]
        table.commit(
            added,
            moment=batch.known_at,
            transactions={
                "batch": batch.number,
                "known_at": _seconds(batch.known_at),
                **{f"journal:{name}": sequence for name, sequence in batch.positions.items()},
            },
        )
        return True

    def resolve(self, candidates: pa.Table, before: datetime) -> Resolution:
        """Compare candidates with what was known before a moment; see `revisions.resolve`."""
        if not candidates.num_rows:
            return Resolution(resolve(candidates, None).rows, 0, 0, 0)
        candidates = candidates.select(CANDIDATES.names).cast(CANDIDATES).combine_chunks()
        doubtful = self._newest.may_be_known(candidates)
        known = self._known(candidates.filter(pa.array(doubtful)), before) if doubtful.any() else None
        if known is None:
            return resolve(candidates, known)
        corrected = known.filter(
            pc.fill_null(pc.starts_with(known.column("source"), CORRECTION_SOURCE), False)
        )
        if not corrected.num_rows:
            return resolve(candidates, known)
        uncorrected = self._known(corrected, before, but_corrections=True)
        if uncorrected is None:
            return resolve(candidates, known)
        repeats = only_repeats(candidates, uncorrected)
        found = resolve(candidates.filter(pa.array(~repeats)), known)
        return replace(found, repeated=found.repeated + int(repeats.sum()))

    def _known(
        self, candidates: pa.Table, before: datetime, *, but_corrections: bool = False
    ) -> pa.Table | None:
        """Return the current revision, before a moment, of every key among the candidates; of those that no person
        made, when corrections are left out."""
        extremes = pc.min_max(candidates.column("start")).as_py()
        end = extremes["max"] + timedelta(microseconds=1)
        series = sorted(pc.unique(candidates.column("series")).to_pylist())
        keys = candidates.select(["series", "statistic", "start"])

        def read() -> pa.Table | None:
            paths = self.observations.paths(
                lambda one: may_hold(one, series=series, start=extremes["min"], end=end)
            )
            if not paths:
                return None
            cursor = self._engine.cursor()
            cursor.register("wanted_keys", keys)
            try:
                return cursor.sql(
                    f"SELECT o.* FROM {file_list(paths)} o SEMI JOIN wanted_keys USING (series, statistic, start) "  # noqa: S608 - numbers and own file names only
                    f"WHERE o.known_at < {_seconds(before)} AND o.start >= {moment_literal(extremes['min'])} "
                    f"AND o.start < {moment_literal(end)}"
                    + (
                        f" AND NOT starts_with(coalesce(o.source, ''), {text_literal(CORRECTION_SOURCE)})"
                        if but_corrections
                        else ""
                    )
                ).to_arrow_table()
            finally:
                cursor.unregister("wanted_keys")

        found = with_retry(self.observations, read)
        return None if found is None else reading.newest_revisions(found.cast(OBSERVATIONS))

    def stored_from(self, candidates: pa.Table, source: str, before: datetime) -> npt.NDArray[np.bool_]:
        """Say which candidates have, before a moment, a revision of their key that was made from the same source."""
        found = np.zeros(candidates.num_rows, np.bool_)
        if not candidates.num_rows:
            return found
        extremes = pc.min_max(candidates.column("start")).as_py()
        end = extremes["max"] + timedelta(microseconds=1)
        series = sorted(pc.unique(candidates.column("series")).to_pylist())
        keys = candidates.select(["series", "statistic", "start"])
        keys = keys.append_column("place", pa.array(np.arange(candidates.num_rows)))

        def read() -> list[int]:
            paths = self.observations.paths(
                lambda one: may_hold(one, series=series, start=extremes["min"], end=end)
            )
            if not paths:
                return []
            cursor = self._engine.cursor()
            cursor.register("wanted_keys", keys)
            try:
                rows = cursor.sql(
                    f"SELECT place FROM wanted_keys SEMI JOIN (SELECT * FROM {file_list(paths)} "  # noqa: S608 - numbers, own file names and a quoted text only
                    f"WHERE source = {text_literal(source)} AND known_at < {_seconds(before)}) "
                    "USING (series, statistic, start)"
                ).fetchall()
            finally:
                cursor.unregister("wanted_keys")
            return [place for (place,) in rows]

        found[with_retry(self.observations, read)] = True
        return found

    def differing_from_sent(self, candidates: pa.Table, before: datetime) -> npt.NDArray[np.bool_]:
        """Say which candidates would change what is known, before a moment, from elsewhere than a file.

        That is what a device or another platform sent, what the platform computed and what a person corrected.
        """
        found = np.zeros(candidates.num_rows, np.bool_)
        if not candidates.num_rows:
            return found
        candidates = candidates.select(CANDIDATES.names).cast(CANDIDATES).combine_chunks()
        # Only the writer knows what is surely new.
        doubtful = self._newest.may_be_known(candidates) if self._lock is not None else ~found
        rows = np.flatnonzero(doubtful)
        asked = candidates.take(rows)
        known = self._known(asked, before) if len(rows) else None
        if known is None:
            return found
        from_files = pc.fill_null(pc.starts_with(known.column("source"), FILE_SOURCE), False)
        found[rows] = differing(asked, known.filter(pc.invert(from_files)))
        return found

    # -- upkeep ------------------------------------------------------------------------------------------------

    def compact(self, at_least: int = 32) -> int:
        """Merge small fresh files by local day; returns how many files were replaced."""
        self.open_for_writing()
        return self._maintenance().compact(self._tables, at_least)

    def settle(self, month: str) -> int:
        """Move a month of observations into 16 sorted series buckets in one switch; returns rows settled."""
        self.open_for_writing()
        return self._maintenance().settle(self.observations, month)

    def unsettled_months(self, before: datetime) -> list[str]:
        """Return local months wholly before a moment that still have files outside `settled`."""
        self.observations.refresh()
        months = {one.month for one in self.observations.pin().files if one.area != "settled"}
        return sorted(month for month in months if reading.month_bounds(month)[1] <= before)

    def _maintenance(self) -> Maintenance:
        return Maintenance(self._engine, self._clock)

    def vacuum(self, hours: int = 48) -> int:
        """Delete files no version of the last `hours` uses; returns how many."""
        self.open_for_writing()
        return sum(len(table.vacuum(hours)) for table in self._tables.values())

    def checkpoint(self) -> None:
        """Fold the logs of all tables."""
        self.open_for_writing()
        for table in self._tables.values():
            table.checkpoint()


def _seconds(moment: datetime) -> int:
    if moment.microsecond:
        raise ValueError("known_at is a whole second")
    return whole_seconds(moment)


def _stamped(rows: pa.Table | None, schema: pa.Schema, known: int, batch: Batch) -> pa.Table | None:
    if rows is None:
        return None
    stored = STORED_FRAMES if schema is FRAMES else STORED_STATEMENTS
    return _stamp(rows.select(schema.names).cast(schema), stored, known, batch)


def _stamp(rows: pa.Table, schema: pa.Schema, known: int, batch: Batch) -> pa.Table:
    count = rows.num_rows
    rows = rows.append_column("known_at", pa.array(np.full(count, known, np.int64)))
    rows = rows.append_column(
        "directory_version", pa.array(np.full(count, batch.directory_version, np.int32))
    )
    return rows.cast(schema)

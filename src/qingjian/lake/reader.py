"""Reading the lake: everything a page, a rule or a report asks for, always from one pinned version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from qingjian.lake import reading
from qingjian.lake.reading import (
    EPOCH,
    Engine,
    file_list,
    may_hold,
    moment_literal,
    text_literal,
    whole_seconds,
    with_retry,
)
from qingjian.lake.schemas import (
    NUMBERS,
    OBSERVATIONS,
    RESULT,
    STATISTIC_CODES,
    STORED_FRAMES,
    STORED_STATEMENTS,
)
from qingjian.lake.table import StoredTable
from qingjian.lake.writing import observations_table, other_table

FORMAT = 1


_CODES = """list_distinct(regexp_extract_all(codes, '\\["([^"\\\\]+)",', 1))"""
"""The codes in the JSON text of a frame, `[["code","detail"],…]`: within a detail a quotation mark has a backslash before it."""


class LakeTooNewError(RuntimeError):
    """The lake was written by a newer program."""


class LakeReader:
    """Reads need no lock and see each commit; use from any thread of the process that opened it."""

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self.folder = folder
        self._engine = Engine(threads)
        self.observations = observations_table(folder / "observations")
        self.statements_table = other_table(folder / "statements", STORED_STATEMENTS, "moment")
        self.frames_table = other_table(folder / "frames", STORED_FRAMES, "received_at")
        self._tables = {
            "observations": self.observations,
            "statements": self.statements_table,
            "frames": self.frames_table,
        }
        self._check_format()

    def _check_format(self) -> None:
        path = self.folder / "format"
        if path.exists() and int(path.read_text()) > FORMAT:
            raise LakeTooNewError(
                f"数据湖格式 {path.read_text()} 比本程序新 · lake format {path.read_text()} is newer than this program"
            )

    def close(self) -> None:
        """Free memory."""
        self._engine.close()

    # -- where it stands ---------------------------------------------------------------------------------------

    def batch(self) -> int:
        """Return the number of the last stored batch, 0 for none."""
        self.observations.refresh()
        return self.observations.transaction("batch") or 0

    def newest_batch(self) -> int:
        """Return the greatest batch number any table has; more than `batch()` after a batch stored in part."""
        found = []
        for table in self._tables.values():
            table.refresh()
            found.append(table.transaction("batch") or 0)
        return max(found)

    def known_until(self) -> datetime | None:
        """Return the newest known_at: what a page shows now is what `as_of` gives for this moment, for ever."""
        self.observations.refresh()
        seconds = self.observations.transaction("known_at")
        return None if seconds is None else EPOCH + timedelta(seconds=seconds)

    def position(self, journal: str) -> int:
        """Return the last sequence of a journal that is stored and fsynced, 0 for none."""
        self.observations.refresh()
        return self.observations.transaction(f"journal:{journal}") or 0

    def positions(self, journals: Sequence[str]) -> dict[str, int]:
        """Return the position of every named journal."""
        return {name: self.position(name) for name in journals}

    def months(self) -> list[str]:
        """Return the local months (YYYY-MM) that have observations, oldest first."""
        self.observations.refresh()
        return sorted({one.month for one in self.observations.pin().files})

    # -- reading -----------------------------------------------------------------------------------------------

    def query(self, text: str) -> pa.Table:
        """Run one query over files of a pinned version; for the readers of this room."""
        return self._engine.table(text)

    def series(
        self,
        series: Sequence[int],
        statistic: str,
        start: datetime,
        end: datetime,
        *,
        as_of: datetime | None = None,
        all_revisions: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return observations with start in [start, end), sorted by series, start, revision.

        Columns as in `schemas.RESULT` (or those named). The current revision only, unless `all_revisions`; with
        `as_of` what was known at that moment.
        """
        wanted = sorted({int(one) for one in series})
        names = list(RESULT.names if columns is None else columns)
        stored = reading.stored_columns(names)
        conditions = [
            reading.series_filter(wanted) if wanted else "false",
            f"statistic = {STATISTIC_CODES[statistic]}",
            f"start >= {moment_literal(start)}",
            f"start < {moment_literal(end)}",
        ]
        if as_of is not None:
            conditions.append(f"known_at <= {whole_seconds(as_of)}")
        rows = self._observations(stored, conditions, wanted, start, end)
        rows = reading.in_order(rows) if all_revisions else reading.newest_revisions(rows)
        return reading.to_result(rows, names)

    def observation_history(self, series: int, statistic: str, start: datetime) -> pa.Table:
        """Return every revision of one observation, oldest first, as in `schemas.RESULT`."""
        end = start + timedelta(microseconds=1)
        return self.series([series], statistic, start, end, all_revisions=True)

    def _observations(
        self,
        stored: Sequence[str],
        conditions: Sequence[str],
        series: Sequence[int] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> pa.Table:
        def read() -> pa.Table:
            paths = self.observations.paths(lambda one: may_hold(one, series=series, start=start, end=end))
            if not paths:
                return pa.schema([OBSERVATIONS.field(name) for name in stored]).empty_table()
            return self._engine.table(
                f"SELECT {','.join(stored)} FROM {file_list(_settled_first(paths))} WHERE {' AND '.join(conditions)}"  # noqa: S608 - column names, numbers and own file names only
            )

        return with_retry(self.observations, read)

    def newest(self, statistic: str, start: datetime, end: datetime) -> pa.Table:
        """Return (series, start): the newest start of every series with observations in [start, end)."""
        conditions = [
            f"statistic = {STATISTIC_CODES[statistic]}",
            f"start >= {moment_literal(start)}",
            f"start < {moment_literal(end)}",
        ]

        def read() -> pa.Table:
            paths = self.observations.paths(lambda one: may_hold(one, start=start, end=end))
            if not paths:
                return pa.schema([RESULT.field("series"), RESULT.field("start")]).empty_table()
            return self._engine.table(
                f"SELECT series, max(start) AS start FROM {file_list(paths)} "  # noqa: S608 - numbers and own file names only
                f"WHERE {' AND '.join(conditions)} GROUP BY series ORDER BY series"
            )

        return with_retry(self.observations, read)

    def touched(
        self,
        statistic: str,
        known_after: datetime,
        known_until: datetime,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """Return the distinct (series, start) that became known in (known_after, known_until], with start in
        [start, end) when given."""
        conditions = [
            f"statistic = {STATISTIC_CODES[statistic]}",
            f"known_at > {whole_seconds(known_after)}",
            f"known_at <= {whole_seconds(known_until)}",
        ]
        if start is not None:
            conditions.append(f"start >= {moment_literal(start)}")
        if end is not None:
            conditions.append(f"start < {moment_literal(end)}")

        def read() -> pa.Table:
            low = whole_seconds(known_after)
            paths = self.observations.paths(
                lambda one: one.high.get("known_at", low + 1) > low and may_hold(one, start=start, end=end)
            )
            if not paths:
                return pa.schema([RESULT.field("series"), RESULT.field("start")]).empty_table()
            return self._engine.table(
                f"SELECT DISTINCT series, start FROM {file_list(paths)} "  # noqa: S608 - numbers and own file names only
                f"WHERE {' AND '.join(conditions)} ORDER BY series, start"
            )

        return with_retry(self.observations, read)

    def frame(self, journal: str, sequence: int) -> dict[str, Any] | None:
        """Return one frame with the columns of `schemas.FRAMES`, known_at and directory_version, or None."""

        def read() -> pa.Table | None:
            paths = self.frames_table.paths(
                lambda one: (
                    one.low.get("sequence", sequence) <= sequence <= one.high.get("sequence", sequence)
                )
            )
            if not paths:
                return None
            return self._engine.table(
                f"SELECT * FROM {file_list(paths)} "  # noqa: S608 - quoted text and numbers only
                f"WHERE sequence = {int(sequence)} AND journal = {text_literal(journal)} LIMIT 1"
            )

        found = with_retry(self.frames_table, read)
        if found is None or not found.num_rows:
            return None
        row: dict[str, Any] = found.to_pylist()[0]
        row["known_at"] = EPOCH + timedelta(seconds=row["known_at"])
        return row

    def frame_range(self, journal: str, first: int, last: int) -> pa.Table:
        """Return the frames of a journal with a sequence from `first` to `last`, both included, in their order."""
        return self._frames_where(journal, first, last, f"sequence BETWEEN {int(first)} AND {int(last)}")

    def frames_numbered(self, journal: str, sequences: Sequence[int]) -> pa.Table:
        """Return the frames of a journal with these sequences, in their order."""
        if not sequences:
            return STORED_FRAMES.empty_table()
        numbers = ",".join(str(int(one)) for one in sequences)
        return self._frames_where(journal, min(sequences), max(sequences), f"sequence IN ({numbers})")

    def _frames_where(self, journal: str, first: int, last: int, condition: str) -> pa.Table:
        def read() -> pa.Table:
            paths = self.frames_table.paths(
                lambda one: one.low.get("sequence", first) <= last and one.high.get("sequence", last) >= first
            )
            if not paths:
                return STORED_FRAMES.empty_table()
            return self._engine.table(
                f"SELECT {','.join(STORED_FRAMES.names)} FROM {file_list(paths)} "  # noqa: S608 - quoted text and numbers only
                f"WHERE journal = {text_literal(journal)} AND {condition} ORDER BY sequence"
            ).cast(STORED_FRAMES)

        rows = with_retry(self.frames_table, read)
        place = rows.schema.get_field_index("known_at")
        return rows.set_column(place, "known_at", reading.known_moment(rows.column("known_at")))

    def frame_spans(self) -> list[tuple[str, int, int, datetime]]:
        """Return each journal with frames in the lake: its first and last sequence and when its newest was received."""

        def read() -> list[tuple[str, int, int, datetime]]:
            paths = self.frames_table.paths(lambda one: True)
            if not paths:
                return []
            found = self._engine.table(
                "SELECT journal, min(sequence) AS first, max(sequence) AS last, max(epoch_us(received_at)) AS newest "  # noqa: S608 - own file names only
                f"FROM {file_list(paths)} GROUP BY journal ORDER BY journal"
            )
            return [
                (
                    row["journal"],
                    row["first"],
                    row["last"],
                    EPOCH + timedelta(microseconds=row["newest"]),
                )
                for row in found.to_pylist()
            ]

        return with_retry(self.frames_table, read)

    def frames(
        self,
        start: datetime,
        end: datetime,
        *,
        mn: str | None = None,
        kinds: Sequence[str] | None = None,
        after: tuple[str, int] | None = None,
        limit: int = 10_000,
        newest_first: bool = False,
    ) -> pa.Table:
        """Return frames received in [start, end), sorted by journal and sequence (or newest first)."""
        conditions = [f"received_at >= {moment_literal(start)}", f"received_at < {moment_literal(end)}"]
        if mn is not None:
            conditions.append(f"mn = {text_literal(mn)}")
        if kinds is not None:
            conditions.append(f"kind IN ({','.join(text_literal(kind) for kind in kinds)})")
        if after is not None:
            conditions.append(f"(journal, sequence) > ({text_literal(after[0])}, {int(after[1])})")
        order = "received_at DESC, sequence DESC" if newest_first else "journal, sequence"
        return self._others(
            self.frames_table, "received_at", STORED_FRAMES, conditions, order, limit, start, end
        )

    def frame_codes(self, mn: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Count the frames of a device received in [start, end) by kind and by each code noted of them.

        Each row: kind, code, count, first, last, and journal and sequence of the last one. A frame counts once for each of
        its codes. The details of the codes are left out here: they may differ from frame to frame, the codes are few.
        """

        def read() -> list[dict[str, Any]]:
            paths = self.frames_table.paths(
                lambda one: may_hold(one, start=start, end=end, column="received_at")
            )
            if not paths:
                return []
            found: list[dict[str, Any]] = self._engine.table(
                "SELECT kind, code, count(*) AS count, min(received_at) AS first, max(received_at) AS last, "  # noqa: S608 - quoted text only
                "arg_max(journal, (received_at, sequence)) AS journal, "
                "arg_max(sequence, (received_at, sequence)) AS sequence "
                f"FROM (SELECT kind, journal, sequence, received_at, unnest({_CODES}) AS code FROM {file_list(paths)} "
                f"WHERE mn = {text_literal(mn)} AND codes <> '' AND "
                f"received_at >= {moment_literal(start)} AND received_at < {moment_literal(end)}) "
                "GROUP BY kind, code"
            ).to_pylist()
            return found

        return with_retry(self.frames_table, read)

    def statements(
        self,
        start: datetime,
        end: datetime,
        *,
        mn: str | None = None,
        reasons: Sequence[str] | None = None,
        as_of: datetime | None = None,
        limit: int = 10_000,
    ) -> pa.Table:
        """Return statements about moments in [start, end), newest first."""
        conditions = [f"moment >= {moment_literal(start)}", f"moment < {moment_literal(end)}"]
        if mn is not None:
            conditions.append(f"mn = {text_literal(mn)}")
        if reasons is not None:
            conditions.append(f"reason IN ({','.join(text_literal(reason) for reason in reasons)})")
        if as_of is not None:
            conditions.append(f"known_at <= {whole_seconds(as_of)}")
        order = "moment DESC, journal, sequence DESC, name, field"
        return self._others(
            self.statements_table, "moment", STORED_STATEMENTS, conditions, order, limit, start, end
        )

    def _others(
        self,
        table: StoredTable,
        column: str,
        schema: pa.Schema,
        conditions: Sequence[str],
        order: str,
        limit: int,
        start: datetime,
        end: datetime,
    ) -> pa.Table:
        def read() -> pa.Table:
            paths = table.paths(lambda one: may_hold(one, start=start, end=end, column=column))
            if not paths:
                return schema.empty_table()
            return self._engine.table(
                f"SELECT {','.join(schema.names)} FROM {file_list(paths)} "  # noqa: S608 - quoted text and numbers only
                f"WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {int(limit)}"
            ).cast(schema)

        rows = with_retry(table, read)
        place = rows.schema.get_field_index("known_at")
        return rows.set_column(place, "known_at", reading.known_moment(rows.column("known_at")))

    # -- size

    def statistics(self) -> dict[str, Any]:
        """Return files, rows and bytes of every table, and bytes per stored number of the observations."""
        report: dict[str, Any] = {}
        for name, table in self._tables.items():
            table.refresh()
            data, log = table.bytes_on_disk()
            files = table.pin().files
            report[name] = {
                "files": len(files),
                "rows": sum(one.rows for one in files),
                "data_bytes": data,
                "log_bytes": log,
            }
        numbers = self._numbers()
        total = report["observations"]["data_bytes"] + report["observations"]["log_bytes"]
        report["observations"]["numbers"] = numbers
        report["observations"]["bytes_per_number"] = total / numbers if numbers else None
        return report

    def _numbers(self) -> int:
        def read() -> int:
            paths = self.observations.paths(lambda one: True)
            if not paths:
                return 0
            counts = "+".join(f"count({name}_mantissa)" for name in NUMBERS)
            row = self._engine.table(f"SELECT {counts} AS n FROM {file_list(paths)}")  # noqa: S608 - own names only
            return int(row.column("n")[0].as_py())

        return with_retry(self.observations, read)


def _settled_first(paths: Sequence[str]) -> list[str]:
    """Settled files first and in order of month: a long period of one series then arrives sorted."""
    return sorted(paths, key=lambda path: ("/area=settled/" not in path, path))

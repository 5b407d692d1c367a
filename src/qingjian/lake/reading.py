"""Queries over the Parquet files of a pinned version, by DuckDB inside this process; nothing is ever downloaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import STATISTICS
from qingjian.lake.numbers import Decimals
from qingjian.lake.schemas import MOMENT, NUMBERS, QUALIFIERS, RESULT
from qingjian.lake.table import StoredFile, StoredTable

BUCKETS = 16
"""A settled month has this many files; a series lives in bucket id % 16."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONFIGURATION = {
    "temp_directory": "",  # readers write nothing; settling names a folder of the lake
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "true",
}

Found = TypeVar("Found")


class Engine:
    """One DuckDB instance per lake; each thread has its own cursor."""

    def __init__(self, threads: int = 2, memory: str = "2GB") -> None:
        self._database = duckdb.connect(
            ":memory:", config={**_CONFIGURATION, "threads": str(threads), "memory_limit": memory}
        )
        self._database.execute("SET TimeZone='UTC'")
        self._local = threading.local()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._database.cursor()
            self._local.cursor.execute("SET TimeZone='UTC'")
            self._local.cursor.execute("SET parquet_metadata_cache=true")
        cursor: duckdb.DuckDBPyConnection = self._local.cursor
        return cursor

    def table(self, query: str) -> pa.Table:
        return self.cursor().sql(query).to_arrow_table()

    def close(self) -> None:
        self._database.close()


def with_retry(table: StoredTable, read: Callable[[], Found]) -> Found:
    """Read the newest version; if a file went away in between (vacuum), open the table anew and read once more."""
    table.refresh()
    try:
        return read()
    except (duckdb.IOException, FileNotFoundError):
        table.reopen()
        return read()


def microseconds(moment: datetime) -> int:
    """Return microseconds since 1970; ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("时间必须带时区 / a time needs a zone")
    passed = moment.astimezone(UTC) - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def whole_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970, rounded down."""
    return microseconds(moment) // 1_000_000


def moment_literal(moment: datetime) -> str:
    return f"make_timestamptz({microseconds(moment)})"


def text_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def file_list(paths: Sequence[str]) -> str:
    """Return the FROM clause over files."""
    return f"read_parquet([{','.join(text_literal(path) for path in paths)}], hive_partitioning=false)"


def local_month(moment: datetime) -> str:
    """Return YYYY-MM of the natural day (UTC+08:00)."""
    try:
        local = moment.astimezone(CHINA)
    except OverflowError:  # the last hours of the year 9999
        local = moment
    return f"{local.year:04d}-{local.month:02d}"


def may_hold(
    one: StoredFile,
    *,
    series: Sequence[int] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    column: str = "start",
) -> bool:
    """Say whether a file can contain rows of these series (sorted ids) in [start, end)."""
    if start is not None and one.high.get(column) is not None and one.high[column] < start:
        return False
    if end is not None and one.low.get(column) is not None and one.low[column] >= end:
        return False
    if series is None:
        return True
    if one.area == "settled" and all(number % BUCKETS != int(one.bucket) for number in series):
        return False
    low, high = one.low.get("series"), one.high.get("series")
    if low is None or high is None:
        return True
    place = int(np.searchsorted(series, low))
    return place < len(series) and series[place] <= high


def series_filter(series: Sequence[int]) -> str:
    if len(series) == 1:
        return f"series = {int(series[0])}"
    return f"series IN ({','.join(str(int(one)) for one in series)})"


def newest_revisions(rows: pa.Table) -> pa.Table:
    """Sort by series, statistic, start, revision and keep the highest revision of each key."""
    return _sorted(rows, only_newest=True)


def in_order(rows: pa.Table) -> pa.Table:
    """Sort by series, statistic, start, revision."""
    return _sorted(rows, only_newest=False)


def _sorted(rows: pa.Table, *, only_newest: bool) -> pa.Table:
    if rows.num_rows < 2:
        return rows
    columns = [_key_column(rows, name) for name in ("series", "statistic", "start", "revision")]
    if not _is_sorted(columns):
        order = np.lexsort(columns[::-1])
        rows = rows.take(pa.array(order))
        columns = [column[order] for column in columns]
    if only_newest and columns[3].any():
        last = np.ones(len(columns[0]), np.bool_)
        last[:-1] = False
        for column in columns[:3]:
            last[:-1] |= column[1:] != column[:-1]
        if not last.all():
            rows = rows.filter(pa.array(last))
    return rows


def _key_column(rows: pa.Table, name: str) -> npt.NDArray[np.int64]:
    column = rows.column(name)
    if name == "start":
        column = column.cast(pa.int64())
    numbers: npt.NDArray[np.int64] = column.to_numpy().astype(np.int64, copy=False)
    return numbers


def _is_sorted(columns: Iterable[npt.NDArray[np.int64]]) -> bool:
    columns = list(columns)
    undecided = np.ones(len(columns[0]) - 1, np.bool_)
    for column in columns:
        step = np.diff(column)
        if (undecided & (step < 0)).any():
            return False
        undecided &= step == 0
    return True


def to_result(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Turn stored columns into those of RESULT named in `columns`."""
    made: dict[str, Any] = {}
    for name in columns:
        made[name] = _result_column(rows, name)
    return pa.table(made, schema=pa.schema([RESULT.field(name) for name in columns]))


def stored_columns(columns: Sequence[str]) -> list[str]:
    """Return the stored columns that the RESULT columns and the choice of revision need."""
    needed = ["series", "statistic", "start", "revision"]
    for name in columns:
        if name in NUMBERS:
            needed += [f"{name}_mantissa", f"{name}_decimals"]
        elif name == "detection_limit":
            needed += ["limit_mantissa", "limit_decimals"]
        else:
            needed.append(name)
    return list(dict.fromkeys(needed))


def _result_column(rows: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    if name in NUMBERS or name == "detection_limit":
        stem = "limit" if name == "detection_limit" else name
        if rows.column(f"{stem}_mantissa").null_count == rows.num_rows:
            return pa.nulls(rows.num_rows, pa.float64())
        numbers = Decimals.from_arrow(
            _whole(rows.column(f"{stem}_mantissa")), _whole(rows.column(f"{stem}_decimals"))
        )
        mask = None if numbers.valid.all() else ~numbers.valid
        return pa.array(numbers.to_float(), pa.float64(), mask=mask)
    column = rows.column(name)
    if name == "statistic":
        return pa.DictionaryArray.from_arrays(_whole(column).cast(pa.int8()), pa.array(STATISTICS))
    if name == "qualifier":
        return pa.DictionaryArray.from_arrays(_whole(column).cast(pa.int8()), pa.array(QUALIFIERS))
    if name == "known_at":
        return known_moment(column)
    return column.cast(RESULT.field(name).type)


def known_moment(seconds: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Turn stored seconds since 1970 into timestamps."""
    return pc.multiply(seconds.cast(pa.int64()), 1_000_000).cast(MOMENT)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Return [start, end) of a local month YYYY-MM, in UTC; at the ends of the calendar as far as moments go."""
    year, number = int(month[:4]), int(month[5:7])
    start = datetime(year, number, 1, tzinfo=CHINA)
    try:
        begin = start.astimezone(UTC)
    except OverflowError:
        begin = datetime.min.replace(tzinfo=UTC)
    try:
        end = (start + timedelta(days=32)).replace(day=1).astimezone(UTC)
    except OverflowError:
        end = datetime.max.replace(tzinfo=UTC)
    return begin, end

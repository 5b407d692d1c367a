"""Compaction of small files and the switch of a month into series buckets; the rows stay the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qingjian.contracts.clock import Clock
from qingjian.lake.reading import BUCKETS, Engine, file_list
from qingjian.lake.table import StoredFile, StoredTable
from qingjian.lake.writing import local_days, sort_keys

_DAY_FILES = 6
"""A day with more files than this in `recent` is merged into one."""
_MOST_ROWS = 2_000_000
_MOST_BYTES = 64 << 20
"""What one merge takes into memory (the bytes are compressed); larger files wait until their month settles."""
_SETTLED_ROW_GROUP = 262_144
"""About six series-months of minutes: fewer are slower for their number, more unpack too much beside one series."""
_STREAM_ROWS = 1_000_000


class Maintenance:
    """Rewrites of files for the process that holds the writer's lock."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def compact(self, tables: Mapping[str, StoredTable], at_least: int) -> int:
        """Merge fresh files by local day when there are enough of them, then crowded days."""
        replaced = 0
        for table in tables.values():
            replaced += self._compact_table(table, at_least)
        return replaced

    def _compact_table(self, table: StoredTable, at_least: int) -> int:
        table.refresh()
        column = _time_column(table.schema)
        fresh: dict[str, list[StoredFile]] = defaultdict(list)
        for one in table.pin().files:
            if one.area == "fresh":
                fresh[one.month].append(one)
        replaced = 0
        for month, files in sorted(fresh.items()):
            if len(files) >= at_least:
                replaced += self._merge(table, _portion(files), month, column)
        days: dict[tuple[str, str], list[StoredFile]] = defaultdict(list)
        for one in table.pin().files:
            if one.area == "recent":
                days[one.month, one.bucket].append(one)
        for (month, _), files in sorted(days.items()):
            if len(files) > _DAY_FILES:
                replaced += self._merge(table, _portion(files), month, column)
        return replaced

    def _merge(self, table: StoredTable, files: list[StoredFile], month: str, column: str) -> int:
        if len(files) < 2:
            return 0
        rows = pa.concat_tables(
            [pq.ParquetFile(table.folder / one.path).read().cast(table.schema) for one in files]
        )
        rows = rows.take(pc.sort_indices(rows, sort_keys=sort_keys(table.schema)))
        days = local_days(rows, column)
        added = [
            table.write_file(
                rows.filter(pa.array(days == day)),
                "recent",
                month,
                str(np.datetime64(int(day), "D")),
                row_group=131_072,
            )
            for day in np.unique(days)
        ]
        table.commit(added, removed=files, moment=self._clock.now())
        return len(files)

    def settle(self, table: StoredTable, month: str) -> int:
        """Write a month as sorted bucket files and switch to them in one commit."""
        table.refresh()
        files = [one for one in table.pin().files if one.month == month]
        if all(one.area == "settled" for one in files):
            return 0
        added = []
        for bucket in range(BUCKETS):
            sources = [one for one in files if one.area != "settled" or int(one.bucket) == bucket]
            if not sources:
                continue
            paths = [str(table.folder / one.path) for one in sources]
            parts = self._bucket(table, paths, bucket)
            first = next(parts, None)
            if first is not None:
                added.append(
                    table.write_stream(
                        _chain(first, parts), "settled", month, f"{bucket:02d}", row_group=_SETTLED_ROW_GROUP
                    )
                )
        table.commit(added, removed=files, moment=self._clock.now())
        return sum(one.rows for one in table.pin().files if one.month == month)

    def _bucket(self, table: StoredTable, paths: list[str], bucket: int) -> Iterator[pa.Table]:
        """Yield the rows of one bucket in order; DuckDB sorts them, on disk when memory is short."""
        cursor = self._engine.cursor()
        cursor.execute(f"SET temp_directory='{table.folder.parent / 'sorting'}'")
        relation = cursor.sql(
            f"SELECT {','.join(table.schema.names)} FROM {file_list(paths)} "  # noqa: S608 - own names and numbers only
            f"WHERE series % {BUCKETS} = {bucket} ORDER BY series, statistic, start, revision"
        )
        for batch in relation.to_arrow_reader(_STREAM_ROWS):
            if batch.num_rows:
                yield pa.Table.from_batches([batch]).cast(table.schema)


def _portion(files: list[StoredFile]) -> list[StoredFile]:
    """Return the smallest files, as many as one merge may take."""
    chosen: list[StoredFile] = []
    rows = size = 0
    for one in sorted(files, key=lambda file: (file.rows, file.path)):
        rows, size = rows + one.rows, size + one.size
        if rows > _MOST_ROWS or size > _MOST_BYTES:
            break
        chosen.append(one)
    return chosen


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _time_column(schema: pa.Schema) -> str:
    return next(name for name in ("start", "received_at", "moment") if name in schema.names)

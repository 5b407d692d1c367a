"""Natural days as they are stored, exactly: what a seal over a day of series is made from and compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import STATISTICS
from qingjian.lake.numbers import Decimals
from qingjian.lake.reader import LakeReader
from qingjian.lake.reading import (
    file_list,
    in_order,
    may_hold,
    moment_literal,
    series_filter,
    whole_seconds,
    with_retry,
)
from qingjian.lake.schemas import NUMBERS, OBSERVATIONS, QUALIFIERS

COLUMNS = (
    *("start", "revision", *NUMBERS, "qualifier", "detection_limit", "flag"),
    *("journal", "sequence", "source", "known_at", "directory_version"),
)
"""Columns of a stored row as plain values: times as text in UTC+08:00, numbers as the decimal text that was stored."""
SERIES_AT_ONCE = 64
_SECOND = 1_000_000

Key = tuple[int, str]
"""A series by its integer, and a statistic."""
Rows = list[list[Any]]


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the beginning and end of a natural day (UTC+08:00)."""
    start = datetime.combine(day, time(), CHINA)
    return start, start + timedelta(days=1)


def days_known(lake: LakeReader, after: datetime | None, until: datetime) -> list[date]:
    """Return the natural days with observations that became known in (after, until], oldest first."""
    low = -1 if after is None else whole_seconds(after)
    table = lake.observations

    def read() -> list[date]:
        paths = table.paths(lambda one: one.high.get("known_at", low + 1) > low)
        if not paths:
            return []
        found = lake.query(
            f"SELECT DISTINCT (epoch_us(start) + 28800000000) // 86400000000 AS day FROM {file_list(paths)} "  # noqa: S608 - numbers and own file names only
            f"WHERE known_at > {low} AND known_at <= {whole_seconds(until)} ORDER BY day"
        )
        return [date(1970, 1, 1) + timedelta(days=one) for one in found.column("day").to_pylist()]

    return with_retry(table, read)


def keys_known(lake: LakeReader, day: date, after: datetime | None, until: datetime) -> list[Key]:
    """Return which series have observations of which statistic on a day that became known in (after, until]."""
    start, end = bounds(day)
    low = -1 if after is None else whole_seconds(after)
    table = lake.observations

    def read() -> list[Key]:
        paths = table.paths(
            lambda one: one.high.get("known_at", low + 1) > low and may_hold(one, start=start, end=end)
        )
        if not paths:
            return []
        found = lake.query(
            f"SELECT DISTINCT series, statistic FROM {file_list(paths)} "  # noqa: S608 - numbers and own file names only
            f"WHERE start >= {moment_literal(start)} AND start < {moment_literal(end)} "
            f"AND known_at > {low} AND known_at <= {whole_seconds(until)} ORDER BY series, statistic"
        )
        return [(row["series"], STATISTICS[row["statistic"]]) for row in found.to_pylist()]

    return with_retry(table, read)


def stored_rows(
    lake: LakeReader, day: date, until: datetime, keys: Sequence[Key]
) -> Iterator[tuple[Key, Rows, list[datetime]]]:
    """Return, for each key with rows known until a moment, the rows of `COLUMNS` and when each became known.

    Every revision is a row. Compaction, settling or another lake with the same rows give the same answer.
    """
    wanted = set(keys)
    series = sorted({number for number, _statistic in keys})
    for first in range(0, len(series), SERIES_AT_ONCE):
        table = _read(lake, day, until, series[first : first + SERIES_AT_ONCE])
        for key, rows, known in _by_key(table):
            if key in wanted:
                yield key, rows, known


def later_rows(
    lake: LakeReader, day: date, after: datetime
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return, for some series at a time, the stored rows of a day that are revisions or became known after a moment,
    and all rows of those series that day. Columns as in `schemas.OBSERVATIONS`, by series, statistic, start, revision."""
    start, end = bounds(day)
    table = lake.observations
    condition = f"(known_at > {whole_seconds(after)} OR revision > 0)"

    def read() -> list[int]:
        paths = table.paths(lambda one: may_hold(one, start=start, end=end))
        if not paths:
            return []
        found = lake.query(
            f"SELECT DISTINCT series FROM {file_list(paths)} WHERE start >= {moment_literal(start)} "  # noqa: S608 - numbers and own file names only
            f"AND start < {moment_literal(end)} AND {condition} ORDER BY series"
        )
        return list(found.column("series").to_pylist())

    series = with_retry(table, read)
    for first in range(0, len(series), SERIES_AT_ONCE):
        rows = _read(lake, day, None, series[first : first + SERIES_AT_ONCE]).to_pylist()
        seconds = whole_seconds(after)
        yield [row for row in rows if row["known_at"] > seconds or row["revision"] > 0], rows


def _read(lake: LakeReader, day: date, until: datetime | None, series: Sequence[int]) -> pa.Table:
    start, end = bounds(day)
    table = lake.observations

    def read() -> pa.Table:
        paths = table.paths(lambda one: may_hold(one, series=series, start=start, end=end))
        if not paths:
            return OBSERVATIONS.empty_table()
        return lake.query(
            f"SELECT {','.join(OBSERVATIONS.names)} FROM {file_list(paths)} "  # noqa: S608 - numbers and own file names only
            f"WHERE {series_filter(series)} AND start >= {moment_literal(start)} "
            f"AND start < {moment_literal(end)}"
            + ("" if until is None else f" AND known_at <= {whole_seconds(until)}")
        ).cast(OBSERVATIONS)

    return in_order(with_retry(table, read)).combine_chunks()


def _by_key(table: pa.Table) -> Iterator[tuple[Key, Rows, list[datetime]]]:
    if not table.num_rows:
        return
    series = table.column("series").to_numpy()
    statistic = table.column("statistic").to_numpy()
    known = table.column("known_at").to_numpy()
    starts = table.column("start").cast(pa.int64()).to_numpy()
    columns = [
        _times(starts),
        table.column("revision").to_pylist(),
        *(_texts(table, name) for name in NUMBERS),
        [QUALIFIERS[code] for code in table.column("qualifier").to_pylist()],
        _texts(table, "limit"),
        *(table.column(name).to_pylist() for name in ("flag", "journal", "sequence", "source")),
        _times(known * _SECOND),
        table.column("directory_version").to_pylist(),
    ]
    edges = np.flatnonzero((np.diff(series) != 0) | (np.diff(statistic) != 0)) + 1
    for low, high in zip([0, *edges.tolist()], [*edges.tolist(), len(series)], strict=True):
        rows = [list(row) for row in zip(*(column[low:high] for column in columns), strict=True)]
        moments = [datetime.fromtimestamp(one, CHINA) for one in known[low:high].tolist()]
        yield (int(series[low]), STATISTICS[int(statistic[low])]), rows, moments


def _times(microseconds: npt.NDArray[np.int64]) -> list[str]:
    """Return moments as text in UTC+08:00, to the second unless they have a fraction."""
    local = microseconds + 8 * 3600 * _SECOND
    whole = np.datetime_as_string(local.astype("datetime64[us]").astype("datetime64[s]"))
    texts: list[str] = [f"{one}+08:00" for one in whole.tolist()]
    for place in np.flatnonzero(microseconds % _SECOND).tolist():
        exact = np.datetime_as_string(local[place].astype("datetime64[us]"))
        texts[place] = f"{exact}+08:00"
    return texts


def _texts(table: pa.Table, name: str) -> list[str | None]:
    mantissa, decimals = (table.column(f"{name}_{part}") for part in ("mantissa", "decimals"))
    if mantissa.null_count == len(mantissa):
        return [None] * len(mantissa)
    return Decimals.from_arrow(mantissa.combine_chunks(), decimals.combine_chunks()).to_text()

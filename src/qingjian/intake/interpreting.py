"""A table of texts or typed columns → observations for the lake, with a complaint for each row that is wrong.

Long form: one observation a row. Wide form: one time a row, one column a series (its code, or a factor of the point).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.directory import Directory, Series
from qingjian.intake import non_detects, times
from qingjian.intake.problems import IntakeError, Problem
from qingjian.intake.sheets import BEYOND, OTHER_SHEETS
from qingjian.intake.source import ImportSource, file_source
from qingjian.lake import CANDIDATES, STATISTIC_CODES, Decimals, candidates, from_float, from_text

TIME_NAMES = ("start", "end")
MOST_PROBLEMS = 1_000
"""So many are listed; the rest is only counted as left-out rows."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "series": ("series", "series code", "series_code", "序列", "序列编码"),
    "point": ("point", "point code", "site", "station", "点位", "点位编码", "监测点位", "站点", "监测点"),
    "factor": ("factor", "factor code", "pollutant", "因子", "因子编码", "监测因子", "污染物"),
    "statistic": ("statistic", "type", "统计", "统计类型", "数据类型"),
    "time": ("time", "start", "datetime", "date", "时间", "监测时间", "数据时间", "采样时间", "日期"),
    "value": ("value", "avg", "mean", "值", "数值", "监测值", "均值", "平均值", "浓度"),
    "min": ("min", "minimum", "最小值"),
    "max": ("max", "maximum", "最大值"),
    "total": ("total", "cou", "累计值", "排放量"),
    "converted": ("converted", "折算值"),
    "limit": ("detection limit", "detection_limit", "mdl", "lod", "检出限", "方法检出限", "最低检出限"),
    "flag": ("flag", "mark", "标记", "标识", "数据标记"),
    "unit": ("unit", "单位"),
    BEYOND: (BEYOND,),
    "row": ("row",),
}
_ROLE = {name: role for role, names in _NAMES.items() for name in names}
_STATISTIC_NAMES = {
    **{name: name for name in STATISTIC_CODES},
    "实时": "realtime",
    "分钟": "minute",
    "小时": "hour",
    "时": "hour",
    "日": "day",
    "月": "month",
    "年": "year",
}
_OF_A_ROW = ("time", "point", "statistic", "flag", "unit", BEYOND, "row")
"""Columns of a wide table that speak of every value of a row."""
_NUMBERS = ("value", "min", "max", "total", "converted")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Observations of a file, not yet stored."""

    observations: pa.Table
    rows: int
    problems: list[Problem]
    refused: int = 0
    """Rows of the file of which something was refused; not all of them are among the problems."""


class _Complaints:
    """Collects problems by row and knows which observations are left out."""

    def __init__(self, rows: npt.NDArray[np.int64]) -> None:
        self._rows = rows
        self.bad: Mask = np.zeros(len(rows), np.bool_)
        self._refused: Mask = np.zeros(len(rows), np.bool_)
        self.problems: list[Problem] = []

    def add(self, mask: Mask, column: str, code: str, texts: Any = None) -> None:
        fresh = np.flatnonzero(mask & ~self.bad)
        self.bad |= mask
        self._refused[fresh] = True
        for place in fresh[: max(0, MOST_PROBLEMS - len(self.problems))]:
            value = "" if texts is None else str(texts[int(place)])
            self.problems.append(Problem(int(self._rows[place]), column, code, value[:60]))

    @property
    def refused(self) -> int:
        """Rows of the file, not observations: in a wide table a row holds several."""
        return len(np.unique(self._rows[self._refused]))


def prepare(table: pa.Table, directory: Directory, source: ImportSource) -> Prepared:
    """Turn a table into observations.

    Columns go by their Chinese or English names (case does not matter). Times without zone are UTC+08:00. Numbers may
    be numeric columns or texts; `<0.05` and `0.05L` are below the detection limit, and `ND` is where a column beside it
    or the register names the limit. IntakeError when columns are missing.
    """
    if source.time_names not in TIME_NAMES:
        raise IntakeError(Problem(0, "", "time-names", source.time_names))
    named = _named(table)
    rows = named.num_rows
    long = named if "value" in named.column_names else _unpivot(named, directory, source)
    numbers = _texts_or(long, "row", np.arange(2, long.num_rows + 2))
    complaints = _Complaints(np.asarray(numbers, np.int64))
    beyond = _texts_or(long, BEYOND, None)
    if beyond is not None:
        held = pc.not_equal(beyond, "").to_numpy(zero_copy_only=False)
        complaints.add(held, "", "cell-without-head", beyond)
    series, by_place = _series(long, directory, source, complaints)
    statistic = _statistics(long, source, complaints)
    starts = _starts(long, statistic, source, complaints)
    _check_validity(series, by_place, starts, complaints)
    _check_unit(long, series, by_place, complaints)
    values, silent = _numbers(long, complaints)
    limits = _limits(long, directory, series, by_place, starts, silent, complaints)
    below = limits.valid
    flag = long.column("flag") if "flag" in long.column_names else pa.nulls(long.num_rows, pa.string())
    flag = _whole(flag.cast(pa.string()))
    flag = pc.if_else(pc.equal(flag, ""), None, flag)
    empty = pc.is_null(flag).to_numpy(zero_copy_only=False) & ~below
    for one in values.values():
        empty &= ~one.valid
    # An empty cell of a wide table is no row at all; an empty value of a long table is a mistake.
    if long is named:
        complaints.add(empty, "value", "value-missing")
    else:
        complaints.bad |= empty
    _check_contradictions(series, statistic, starts, {**values, "limit": limits}, flag, complaints)
    good = np.flatnonzero(~complaints.bad)
    if not len(good):
        problems = [*_of_the_file(table), *complaints.problems]
        return Prepared(CANDIDATES.empty_table(), rows, problems, complaints.refused)
    made = candidates(
        series=series,
        statistic=statistic,
        start=starts,
        numbers={**values, "limit": limits},
        flag=flag,
        qualifier=np.where(below, 1, 0).astype(np.int8),
        sequence=np.asarray(numbers, np.int64),
        source=file_source(source),
    )
    return Prepared(
        made if len(good) == len(series) else made.take(pa.array(good)),
        rows,
        [*_of_the_file(table), *complaints.problems],
        complaints.refused,
    )


def _of_the_file(table: pa.Table) -> list[Problem]:
    """Return what is to be said of a file as a whole: sheets that were not read."""
    names = (table.schema.metadata or {}).get(OTHER_SHEETS, b"").decode()
    return [Problem(0, "", "sheets-left", names)] if names else []


def _check_contradictions(
    series: npt.NDArray[np.int32],
    statistic: npt.NDArray[np.int8],
    starts: npt.NDArray[np.int64],
    numbers: dict[str, Decimals],
    flag: pa.Array,
    complaints: _Complaints,
) -> None:
    """Complain about every row of a period that occurs more than once with different contents.

    Which of them counts is not ours to guess; the same row twice is harmless.
    """
    kept = np.flatnonzero(~complaints.bad)
    order = kept[np.lexsort((starts[kept], statistic[kept], series[kept]))]
    first, second = order[:-1], order[1:]
    same = (
        (series[first] == series[second])
        & (statistic[first] == statistic[second])
        & (starts[first] == starts[second])
    )
    if not same.any():
        return
    words = flag.to_numpy(zero_copy_only=False)
    differs: Mask = words[first] != words[second]
    for one in numbers.values():
        given = np.where(one.valid, one.to_float(), np.inf)
        differs |= given[first] != given[second]
    group = np.concatenate(([0], np.cumsum(~same)))
    wrong = np.zeros(len(series), np.bool_)
    wrong[order] = np.isin(group, group[1:][same & differs])
    complaints.add(wrong, "time", "period-contradicted")


def _named(table: pa.Table) -> pa.Table:
    names: list[str] = []
    for name in table.column_names:
        role = _ROLE.get(name.strip().lower(), "")
        names.append(role if role and role not in names else name.strip())
    return table.rename_columns(names)


def _unpivot(table: pa.Table, directory: Directory, source: ImportSource) -> pa.Table:
    """Turn a wide table into a long one: columns that mean a series become rows."""
    kept = [name for name in _OF_A_ROW if name in table.column_names]
    if "time" not in kept:
        raise IntakeError(Problem(1, "", "columns", "time/时间, value/值"))
    if "row" not in kept:
        table = table.append_column("row", pa.array(np.arange(2, table.num_rows + 2)))
        kept.append("row")
    measured = [name for name in table.column_names if name not in _NAMES]
    if not measured:
        raise IntakeError(Problem(1, "", "columns", "value/值"))
    if "limit" in table.column_names:
        if len(measured) > 1:
            raise IntakeError(Problem(1, "", "limit-of-which"))
        kept.append("limit")
    beside = [name for name in _NUMBERS if name in table.column_names]
    if beside and len(measured) > 1:
        raise IntakeError(Problem(1, ", ".join(beside), "column-of-which"))
    kept += beside
    parts = []
    for name in measured:
        part = table.select(kept)
        code = pa.repeat(pa.scalar(name), table.num_rows)
        by_code = directory.series_by_code(name) is not None
        part = part.append_column("series" if by_code else "factor", code)
        parts.append(part.append_column("value", table.column(name)))
    long = pa.concat_tables(parts, promote_options="default").combine_chunks()
    # An empty cell is no row at all, whether or not the point measures what the column means.
    there = pa.array(np.zeros(long.num_rows, np.bool_))
    for name in ("value", "flag", *beside):
        if name in long.column_names:
            there = pc.or_(there, _holds_something(_whole(long.column(name))))
    return long.filter(there).combine_chunks()


def _holds_something(column: pa.Array) -> pa.Array:
    there = pc.is_valid(column)
    if not pa.types.is_string(column.type):
        return there
    return pc.and_(there, pc.not_equal(pc.fill_null(pc.utf8_trim_whitespace(column), ""), ""))


def _series(
    table: pa.Table, directory: Directory, source: ImportSource, complaints: _Complaints
) -> tuple[npt.NDArray[np.int32], dict[int, Series]]:
    """Return the series id of each row; rows without one are complained about."""
    count = table.num_rows
    if "series" not in table.column_names and "factor" not in table.column_names:
        raise IntakeError(Problem(1, "", "columns", "series/序列, point/点位 + factor/因子"))
    if "series" in table.column_names and not pa.types.is_string(table.schema.field("series").type):
        ids = np.asarray(table.column("series").to_numpy(), np.int32)
        known = {int(one): hit for one in np.unique(ids) if (hit := directory.series_by_id(int(one)))}
        complaints.add(~np.isin(ids, list(known)), "series", "series-unknown", ids)
        return ids, known
    keys = [_texts_or(table, name, None) for name in ("series", "point", "factor", "origin", "position")]
    columns = [pa.repeat("", count) if one is None else pc.fill_null(one, "") for one in keys]
    joined = _whole(pc.binary_join_element_wise(*columns, "\x1f")).dictionary_encode()
    ids_of: list[int] = []
    found: dict[int, Series] = {}
    texts: list[str] = []
    for key in joined.dictionary.to_pylist():
        code, point, factor, origin, position = key.split("\x1f")
        one = _find(directory, code, point or source.point, factor, origin or source.origin, position)
        ids_of.append(-1 if one is None else one.id)
        texts.append(code or f"{point or source.point} {factor}")
        if one is not None:
            found[one.id] = one
    places = joined.indices.to_numpy()
    ids = np.array(ids_of, np.int32)[places]
    unknown = ids < 0
    if unknown.any():
        complaints.add(unknown, "series", "series-unknown", np.array(texts, object)[places])
    return ids, found


def _find(
    directory: Directory, code: str, point: str, factor: str, origin: str, position: str
) -> Series | None:
    if code:
        return directory.series_by_code(code)
    matching = [
        one
        for one in directory.series
        if one.point == point
        and factor in (one.factor, one.name_zh, one.name_en)
        and (not origin or one.origin == origin)
        and (not position or str(one.position) == position)
    ]
    return matching[0] if len(matching) == 1 else None


def _statistics(table: pa.Table, source: ImportSource, complaints: _Complaints) -> npt.NDArray[np.int8]:
    texts = _texts_or(table, "statistic", None)
    if texts is None:
        if source.statistic not in STATISTIC_CODES:
            raise IntakeError(Problem(1, "", "columns", "statistic/统计"))
        return np.full(table.num_rows, STATISTIC_CODES[source.statistic], np.int8)
    encoded = _whole(pc.fill_null(texts, "")).dictionary_encode()
    codes = []
    for text in encoded.dictionary.to_pylist():
        name = _STATISTIC_NAMES.get(text.strip().lower() or source.statistic, "")
        codes.append(STATISTIC_CODES.get(name, -1))
    result: npt.NDArray[np.int8] = np.array(codes, np.int8)[encoded.indices.to_numpy()]
    complaints.add(result < 0, "statistic", "statistic-unknown", texts)
    return result


def _starts(
    table: pa.Table, statistic: npt.NDArray[np.int8], source: ImportSource, complaints: _Complaints
) -> npt.NDArray[np.int64]:
    """Return the start of each period in microseconds UTC; what cannot be one is complained about."""
    if "time" not in table.column_names:
        raise IntakeError(Problem(1, "", "columns", "time/时间"))
    column = _whole(table.column("time"))
    starts, malformed = times.moments(column)
    complaints.add(malformed, "time", "time-malformed", column)
    implausible = times.implausible(starts) & ~malformed
    complaints.add(implausible, "time", "time-implausible", column)
    starts[implausible] = 0  # left out; what follows computes with every row
    if source.time_names == "end":
        times.ends_to_starts(starts, statistic, malformed)
    complaints.add(times.off_period(starts, statistic), "time", "time-off-period", column)
    return starts


def _check_validity(
    ids: npt.NDArray[np.int32],
    known: Mapping[int, Series],
    starts: npt.NDArray[np.int64],
    complaints: _Complaints,
) -> None:
    for number, one in known.items():
        for moment, is_before in ((one.valid_from, True), (one.valid_to, False)):
            if moment is not None:
                limit = int(moment.timestamp() * 1_000_000)
                outside = starts < limit if is_before else starts >= limit
                complaints.add((ids == number) & outside, "time", "not-valid-then")


def _check_unit(
    table: pa.Table, ids: npt.NDArray[np.int32], known: Mapping[int, Series], complaints: _Complaints
) -> None:
    texts = _texts_or(table, "unit", None)
    if texts is None:
        return
    encoded = _whole(pc.fill_null(texts, "")).dictionary_encode()
    units = np.array(encoded.dictionary.to_pylist(), object)[encoded.indices.to_numpy()]
    for number, one in known.items():
        complaints.add((ids == number) & (units != one.unit) & (units != ""), "unit", "unit-differs", units)


def _numbers(table: pa.Table, complaints: _Complaints) -> tuple[dict[str, Decimals], Mask]:
    """Return the number columns, and whose value is a text that is neither a number nor says that there is none."""
    numbers: dict[str, Decimals] = {}
    silent: Mask = np.zeros(table.num_rows, np.bool_)
    for name in _NUMBERS:
        if name not in table.column_names:
            continue
        column = _whole(table.column(name))
        if not pa.types.is_string(column.type) and not pa.types.is_null(column.type):
            floats = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
            numbers[name] = from_float(floats)
            continue
        texts = column.cast(pa.string())
        read = from_text(texts)
        odd = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(texts), ""), False).to_numpy(
            zero_copy_only=False
        )
        odd &= ~read.valid & ~_missing_word(texts)
        numbers[name] = read
        if name == "value":
            silent = odd
        else:
            complaints.add(odd, name, "value-malformed", texts)
    return numbers, silent


def _limits(
    table: pa.Table,
    directory: Directory,
    series: npt.NDArray[np.int32],
    known: Mapping[int, Series],
    starts: npt.NDArray[np.int64],
    silent: Mask,
    complaints: _Complaints,
) -> Decimals:
    """Return the detection limit of each value below it; what names none takes that of its row, then the register's."""
    if not silent.any():
        return Decimals.nulls(table.num_rows)
    texts = _whole(table.column("value")).cast(pa.string())
    named = non_detects.named_limits(texts)
    bare = silent & non_detects.without_limit(texts)
    beside = Decimals.nulls(table.num_rows)
    if "limit" in table.column_names:
        beside = non_detects.given_limits(_whole(table.column("limit")))
    registered = non_detects.registered_limits(directory, known, series, starts, bare & ~beside.valid)
    found = non_detects.first_of(named, beside, registered)
    read = silent & (named.valid | (bare & found.valid))
    complaints.add(bare & ~read, "value", "limit-missing", texts)
    complaints.add(silent & ~bare & ~read, "value", "value-malformed", texts)
    return Decimals(
        np.where(read, found.mantissa, 0), np.where(read, found.decimals, 0).astype(np.int16), read
    )


def _missing_word(texts: pa.Array) -> Mask:
    """Return which texts say that there is no value."""
    words = pc.is_in(
        pc.utf8_lower(texts), value_set=pa.array(["na", "nan", "null", "none", "-", "--", "—", "/", "缺测"])
    )
    result: Mask = words.to_numpy(zero_copy_only=False)
    return result


def _texts_or(table: pa.Table, name: str, default: Any) -> Any:
    if name not in table.column_names:
        return default
    column = _whole(table.column(name))
    return column.to_numpy(zero_copy_only=False) if name == "row" else column.cast(pa.string())


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column

"""Read the panel folders of the screening contract and write its output files."""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from qingjian.screening.panel import (
    FLAG_CODES,
    FLAG_OTHER,
    MEASURED,
    Panel,
    PanelError,
    Parameter,
    Station,
    panel_from_records,
)

CHINESE = "gb18030"
TIMES = (
    (r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})", r"\1-\2-\3"),
    (r"^(\d{4})-(\d)-", r"\1-0\2-"),
    (r"^(\d{4}-\d{2})-(\d)([ T]|$)", r"\1-0\2\3"),
    (r"^(\d{4}-\d{2}-\d{2})[ T]+(\d{2}:)", r"\1T\2"),
    (r"^(\d{4}-\d{2}-\d{2})[ T]+(\d:)", r"\1T0\2"),
)
"""How spreadsheets write times, and how they are meant."""
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
HALF_DAY = r"(?i)[ap]\.?m|上午|下午"
COLUMNS = ("station", "parameter", "time", "value", "flag")


def read_panel(folder: Path) -> Panel:
    """Panel of a folder with stations.csv, parameters.csv and observations.parquet or .csv.gz.

    Of stations or parameters listed twice the first line counts. Raises PanelError with a bilingual message when a file
    or column is missing or cannot be read, or when no record is of use; EmptyPanelError when there are no records.
    """
    try:
        return _read(folder)
    except (OSError, UnicodeError, csv.Error, pa.ArrowException, zlib.error, EOFError) as error:
        raise PanelError(f"{folder.name} 无法读取 / {folder.name} cannot be read: {error}") from error


def _read(folder: Path) -> Panel:
    stations = tuple(
        Station(r["station"], r.get("name") or "", r.get("medium") or "", r.get("parent") or "")
        for r in _first_of_each(_rows(folder / "stations.csv", ("station",)), "station")
    )
    parameters = tuple(
        _parameter(r) for r in _first_of_each(_rows(folder / "parameters.csv", ("parameter",)), "parameter")
    )
    table = _observations(folder)
    station = _positions(table["station"], [s.code for s in stations])
    parameter = _positions(table["parameter"], [p.code for p in parameters])
    known = (station >= 0) & (parameter >= 0)
    minute, readable = _minutes(table["time"])
    keep = known & readable
    notes = _left_out(int((~known).sum()), int((known & ~readable).sum()))
    if len(table) and not keep.any():
        raise PanelError(
            f"{len(table)} 条记录没有一条可用：{'；'.join(notes)} / none of {len(table)} records is of use"
        )
    value = _numbers(table["value"])
    flag = _flags(table["flag"])
    panel = panel_from_records(
        stations, parameters, station[keep], parameter[keep], minute[keep], value[keep], flag[keep]
    )
    return replace(
        panel, notes=(*panel.notes, *notes, *_unlike_zones(table["time"].filter(pa.array(readable))))
    )


def _unlike_zones(column: pa.ChunkedArray) -> list[str]:
    """What is said of times that carry more than one offset: which clock they mean, nobody knows."""
    if pa.types.is_timestamp(column.type):
        return []
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    behind = pc.unique(pc.utf8_slice_codeunits(text, -6, None)).to_pylist()
    found = {
        match[1].replace(":", "").replace("Z", "+0000") for one in behind if (match := ZONE.search(one or ""))
    }
    if len(found) < 2:
        return []
    zones = "、".join(sorted(found))
    return [
        f"时间带有不同的时区（{zones}），均按所写钟点取用，请核对时钟 / times carry unlike time zones ({zones}): all are taken as "
        "written, compare the clocks"
    ]


def _left_out(unknown: int, unreadable: int) -> list[str]:
    """What is left out, in words."""
    notes = []
    if unknown:
        notes.append(
            f"{unknown} 条记录的站点或参数未登记，已忽略 / {unknown} records name an unknown station or parameter"
        )
    if unreadable:
        notes.append(
            f"{unreadable} 条记录的时间无法识别，已忽略 / {unreadable} records have an unreadable time"
        )
    return notes


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise PanelError(f"缺少文件 {path.name} / missing file {path.name}")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What a Chinese spreadsheet writes.
        text = content.decode(CHINESE)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = [row for row in reader if all(row.get(name) for name in needed)]
    names = reader.fieldnames or []
    if not rows or any(name not in names for name in needed):
        raise PanelError(f"{path.name} 为空或缺少列 / {path.name} is empty or lacks a column of {needed}")
    _refuse_twice(path.name, names)
    return rows


def _refuse_twice(name: str, columns: Sequence[str]) -> None:
    """Refuse a file with a column twice: nobody knows which one is meant."""
    if twice := sorted({one for one in columns if columns.count(one) > 1}):
        raise PanelError(f"{name} 的列重复：{twice} / {name} has columns twice: {twice}")


def _first_of_each(rows: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    """The first row of each code, in the order of the file."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row[name], row)
    return list(found.values())


def _number(text: str | None) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return float("nan")


def _parameter(row: dict[str, str]) -> Parameter:
    resolution = _number(row.get("resolution"))
    return Parameter(
        row["parameter"],
        row.get("name") or "",
        row.get("unit") or "",
        resolution if resolution > 0 else 0.0,
        (row.get("role") or MEASURED).strip().lower(),
        _number(row.get("limit")),
    )


def _observations(folder: Path) -> pa.Table:
    parquet, text = folder / "observations.parquet", folder / "observations.csv.gz"
    if not text.is_file() and (folder / "observations.csv").is_file():
        text = folder / "observations.csv"
    try:
        if parquet.is_file():
            table = pa_parquet.read_table(parquet)
        elif text.is_file():
            table = _text(text)
        else:
            raise PanelError("缺少 observations.csv.gz 或 observations.parquet / no observations file")
    except (pa.ArrowInvalid, OSError) as error:
        raise PanelError(f"观测文件无法读取 / the observations cannot be read: {error}") from error
    _refuse_twice("观测文件 / the observations", table.column_names)
    if "flag" not in table.column_names:
        table = table.append_column("flag", pa.nulls(len(table), pa.string()))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise PanelError(f"观测文件缺少列 {missing} / the observations lack columns {missing}")
    return table


def _text(path: Path) -> pa.Table:
    """The observations of a text file, in UTF-8 or as a Chinese spreadsheet writes them."""
    options = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in COLUMNS}, strings_can_be_null=False
    )
    try:
        return pa_csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        return pa_csv.read_csv(
            path, read_options=pa_csv.ReadOptions(encoding=CHINESE), convert_options=options
        )


def _positions(column: pa.ChunkedArray, codes: list[str]) -> Any:
    found = pc.index_in(column.cast(pa.string()), value_set=pa.array(codes, pa.string()))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def _minutes(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Minutes since 1970-01-01 as the local clock showed them (an offset behind the time is not applied), and which rows
    have a readable time."""
    if pa.types.is_timestamp(column.type):
        if column.type.tz is not None:
            column = pc.local_timestamp(column)
    else:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        # Half a day cannot be told from the digits alone: such a time is not read rather than read twelve hours wrong.
        text = pc.if_else(pc.match_substring_regex(text, HALF_DAY), "", text)
        for written, meant in TIMES:
            text = pc.replace_substring_regex(text, written, meant)
        text = pc.utf8_slice_codeunits(text, 0, 16)
        whole_day = pc.equal(pc.utf8_length(text), 10)
        text = pc.if_else(whole_day, pc.binary_join_element_wise(text, "T00:00", ""), text)
        try:
            column = pc.strptime(text, format="%Y-%m-%dT%H:%M", unit="s", error_is_null=True)
        except pa.ArrowInvalid as error:
            raise PanelError(f"时间列无法识别 / unreadable times: {error}") from error
    readable = pc.is_valid(column).to_numpy()
    seconds = pc.fill_null(column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), 0).to_numpy()
    return seconds // 60, readable


def _numbers(column: pa.ChunkedArray) -> Any:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()
    text = column.cast(pa.string())
    number = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
    plain = pc.fill_null(pc.match_substring_regex(text, number), False)
    cleaned = pc.utf8_trim_whitespace(pc.if_else(plain, text, "nan"))
    return pc.fill_null(cleaned.cast(pa.float64()), float("nan")).to_numpy()


def _flags(column: pa.ChunkedArray) -> Any:
    text = pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))
    names = list(FLAG_CODES)
    at = pc.index_in(text, value_set=pa.array(names, pa.string()))
    codes = np.array([FLAG_CODES[n] for n in names] + [FLAG_OTHER], np.uint8)
    return codes[pc.fill_null(at, len(names)).to_numpy().astype(np.int64)]


def write_rows(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Write a csv file with one header row."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, content: object) -> None:
    """Write readable JSON, Chinese kept as it is."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

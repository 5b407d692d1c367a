"""Read the panel folders of the screening contract and write its output files."""

from __future__ import annotations

import csv
import json
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

COLUMNS = ("station", "parameter", "time", "value", "flag")


def read_panel(folder: Path) -> Panel:
    """Panel of a folder with stations.csv, parameters.csv and observations.parquet or .csv.gz.

    Of stations or parameters listed twice the first line counts. Raises PanelError with a bilingual message when a file
    or column is missing or cannot be read, EmptyPanelError when there are no records.
    """
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
    value = _numbers(table["value"])
    flag = _flags(table["flag"])
    panel = panel_from_records(
        stations, parameters, station[keep], parameter[keep], minute[keep], value[keep], flag[keep]
    )
    notes = list(panel.notes)
    if int((~known).sum()):
        n = int((~known).sum())
        notes.append(
            f"{n} 条记录的站点或参数未登记，已忽略 / {n} records name an unknown station or parameter"
        )
    if int((known & ~readable).sum()):
        n = int((known & ~readable).sum())
        notes.append(f"{n} 条记录的时间无法识别，已忽略 / {n} records have an unreadable time")
    return Panel(
        panel.stations, panel.parameters, panel.start, panel.step, panel.values, panel.flags, tuple(notes)
    )


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise PanelError(f"缺少文件 {path.name} / missing file {path.name}")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    if not rows or any(name not in rows[0] for name in needed):
        raise PanelError(f"{path.name} 为空或缺少列 / {path.name} is empty or lacks a column of {needed}")
    return rows


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
            strings = {name: pa.string() for name in COLUMNS}
            table = pa_csv.read_csv(
                text,
                convert_options=pa_csv.ConvertOptions(
                    column_types={**strings, "value": pa.string()}, strings_can_be_null=False
                ),
            )
        else:
            raise PanelError("缺少 observations.csv.gz 或 observations.parquet / no observations file")
    except (pa.ArrowInvalid, OSError) as error:
        raise PanelError(f"观测文件无法读取 / the observations cannot be read: {error}") from error
    if "flag" not in table.column_names:
        table = table.append_column("flag", pa.nulls(len(table), pa.string()))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise PanelError(f"观测文件缺少列 {missing} / the observations lack columns {missing}")
    return table


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
        text = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(column.cast(pa.string())), 0, 16)
        text = pc.replace_substring(text, " ", "T")
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

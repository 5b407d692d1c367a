"""CSV and XLSX files → a table of texts, every cell as a person sees it, whatever state the file is in."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa

from qingjian.intake.problems import IntakeError, Problem

LARGEST_FILE = 512 << 20
_LARGEST_UNPACKED = 2 << 30
"""An XLSX of a few kilobytes can unpack to gigabytes; what claims more than this is refused."""
_MOST_ROWS = 5_000_000
_MOST_COLUMNS = 2_000
_ROWS_LOOKED_AT = 50
_CHUNK = 1 << 20
OTHER_SHEETS = b"other_sheets"
"""Key of the table's metadata: names of worksheets that hold something and were not read."""
BEYOND = "beyond"
"""Column with the first cell of a row that stands under no head; only where there is one."""


def read_sheet(path: Path, name: str = "") -> pa.Table:
    """Read a file into string columns named by its header row, plus `row` (int64, the row in the file).

    Blank rows are left out. Where cells stand under no head, `beyond` names the first of each row. IntakeError when nothing can be read. `name` decides the kind of file if `path` does not
    have its original name.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise IntakeError(Problem(0, "", "too-large", f"{path.stat().st_size >> 20} MiB"))
    suffix = Path(name or path.name).suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        others: list[str] = []
        table = _table(_xlsx_rows(path, others))
        return table.replace_schema_metadata({OTHER_SHEETS: "、".join(others)}) if others else table
    if suffix in (".csv", ".txt", ".tsv"):
        return _csv(path)
    raise IntakeError(Problem(0, "", "kind", suffix))


def _csv(path: Path) -> pa.Table:
    text = decode(path.read_bytes())
    sample = text[:8192].split("\n", 1)[0]
    delimiter = max(",;\t", key=sample.count)
    try:
        return _table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise IntakeError(Problem(0, "", "unreadable", str(error))) from error


def decode(content: bytes) -> str:
    """Decode UTF-8 (with or without mark), UTF-16 with mark, else GB 18030 as Chinese Excel writes it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")


def _xlsx_rows(path: Path, others: list[str]) -> Iterator[Sequence[str]]:
    """Yield the rows of the first worksheet; further ones that hold anything are named in `others`.

    A formula whose result the file does not hold stands as its text, so that the cell is not taken for an empty one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > _LARGEST_UNPACKED:
            raise IntakeError(Problem(0, "", "too-large", f"{unpacked >> 20} MiB"))
        with path.open("rb") as handle:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some writers state a wrong size
            if _has_formulas(path):
                yield from _with_formulas(path, sheet)
            else:
                for row in sheet.iter_rows(values_only=True):
                    yield [_cell(value) for value in row]
            others += [one.title for one in book.worksheets[1:] if holds_anything(one)]
    except IntakeError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise on a damaged file
        raise IntakeError(Problem(0, "", "unreadable", f"{type(error).__name__}: {error}"[:200])) from error


def holds_anything(sheet: Any) -> bool:
    """Say whether the first rows of a worksheet hold anything."""
    sheet.reset_dimensions()
    return any(
        value not in (None, "")
        for row in sheet.iter_rows(max_row=_ROWS_LOOKED_AT, values_only=True)
        for value in row
    )


def _has_formulas(path: Path) -> bool:
    """Say whether any worksheet holds a formula; most hold none and need not be read twice."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                kept = b""
                with archive.open(name) as part:
                    while chunk := part.read(_CHUNK):
                        if b"<f>" in kept + chunk or b"<f " in kept + chunk:
                            return True
                        kept = chunk[-3:]
    return False


def _with_formulas(path: Path, results: Any) -> Iterator[Sequence[str]]:
    """Yield the results of a sheet, and the formula itself where there is none; an empty text is a result."""
    with path.open("rb") as handle:
        book = openpyxl.load_workbook(handle, read_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for found, written in zip(results.iter_rows(), sheet.iter_rows(values_only=True), strict=True):
            yield [
                str(formula)
                if cell.value is None and cell.data_type != "str" and str(formula or "").startswith("=")
                else _cell(cell.value)
                for cell, formula in zip(found, written, strict=True)
            ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime):
        rounded = value + timedelta(
            milliseconds=500
        )  # Excel's serial days miss whole seconds by microseconds
        return rounded.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _table(rows: Iterator[Sequence[str]] | Any) -> pa.Table:
    header: list[str] = []
    columns: list[list[str]] = []
    numbers: list[int] = []
    beyond: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = _header(row)
            columns = [[] for _ in header]
            continue
        if len(numbers) >= _MOST_ROWS:
            raise IntakeError(Problem(number, "", "too-large", f"> {_MOST_ROWS}"))
        numbers.append(number)
        width = len(row)
        for place, column in enumerate(columns):
            column.append(row[place].strip() if place < width else "")
        beyond.append(_under_no_head(header, row))
    if not numbers:
        raise IntakeError(Problem(0, "", "empty"))
    names = [name for name in header if name]
    kept = [column for name, column in zip(header, columns, strict=True) if name]
    arrays = [pa.array(column, pa.string()) for column in kept]
    if any(beyond):
        arrays, names = [*arrays, pa.array(beyond, pa.string())], [*names, BEYOND]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, "row"])


def _under_no_head(header: Sequence[str], row: Sequence[str]) -> str:
    """Return the first cell of a row that holds something and stands under no head."""
    found = (
        cell.strip()
        for place, cell in enumerate(row)
        if (place >= len(header) or not header[place]) and cell.strip()
    )
    return next(found, "")


def _header(row: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    while names and not names[-1]:
        names.pop()
    if len(names) > _MOST_COLUMNS:
        raise IntakeError(Problem(1, "", "too-large", f"{len(names)} > {_MOST_COLUMNS}"))
    seen: set[str] = set()
    for name in names:
        if name and (name in seen or name in ("row", BEYOND)):
            raise IntakeError(Problem(1, name, "column-repeated"))
        seen.add(name)
    return names

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


def read_sheet(path: Path, name: str = "") -> pa.Table:
    """Read a file into string columns named by its header row, plus `row` (int64, the row in the file).

    Blank rows are left out. IntakeError when nothing can be read. `name` decides the kind of file if `path` does not
    have its original name.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise IntakeError(Problem(0, "", "too-large", f"{path.stat().st_size >> 20} MiB"))
    suffix = Path(name or path.name).suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return _table(_xlsx_rows(path))
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


def _xlsx_rows(path: Path) -> Iterator[Sequence[str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > _LARGEST_UNPACKED:
            raise IntakeError(Problem(0, "", "too-large", f"{unpacked >> 20} MiB"))
        with path.open("rb") as handle:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some writers state a wrong size
            for row in sheet.iter_rows(values_only=True):
                yield [_cell(value) for value in row]
    except IntakeError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise on a damaged file
        raise IntakeError(Problem(0, "", "unreadable", f"{type(error).__name__}: {error}"[:200])) from error


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
    if not numbers:
        raise IntakeError(Problem(0, "", "empty"))
    names = [name for name in header if name]
    kept = [column for name, column in zip(header, columns, strict=True) if name]
    arrays = [pa.array(column, pa.string()) for column in kept]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, "row"])


def _header(row: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    while names and not names[-1]:
        names.pop()
    if len(names) > _MOST_COLUMNS:
        raise IntakeError(Problem(1, "", "too-large", f"{len(names)} > {_MOST_COLUMNS}"))
    seen: set[str] = set()
    for name in names:
        if name and (name in seen or name == "row"):
            raise IntakeError(Problem(1, name, "column-repeated"))
        seen.add(name)
    return names

"""One table out of a small workbook that people fill in: typed cells, and nothing left out without a word."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import openpyxl

from qingjian.intake.problems import IntakeError, Problem
from qingjian.intake.sheets import holds_anything

_PIECE = 1 << 20
_TAG = re.compile(rb"<(?:\w+:)?(?:(?P<formula>f)[\s>]|mergeCell\s[^>]*?ref=\"(?P<merged>[^\"]+)\")")
_LONGEST_TAG = 512


def read_table(content: bytes, *, most_rows: int, most_columns: int, most_unpacked: int) -> list[list[Any]]:
    """Return the cells of the only worksheet that holds anything, as openpyxl types them; the first row is the head.

    At most `most_rows` rows are read. IntakeError: the file is damaged or would unpack to more than `most_unpacked` bytes; cells are merged (only the first of them would hold the value); further
    worksheets hold something; a formula has no stored result or an error for one; a cell stands beyond `most_columns`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
            if unpacked > most_unpacked:
                raise IntakeError(Problem(0, "", "unpacks-too-large", f"> {most_unpacked >> 20} MB"))
            formulas, merged = _looked_through(archive)
        if merged:
            raise IntakeError(Problem(0, "", "cells-merged", merged))
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        others = [one.title for one in book.worksheets[1:] if holds_anything(one)]
        if others:
            raise IntakeError(Problem(0, "", "sheets-several", "、".join(others)))
        written = openpyxl.load_workbook(io.BytesIO(content), read_only=True) if formulas else None
        return _rows(book.worksheets[0], written and written.worksheets[0], most_rows, most_columns)
    except IntakeError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise on a damaged file
        raise IntakeError(Problem(0, "", "unreadable", f"{type(error).__name__}: {error}"[:200])) from error


def _looked_through(archive: zipfile.ZipFile) -> tuple[bool, str]:
    """Return whether any worksheet holds a formula, and the first range of merged cells."""
    formulas = False
    for name in archive.namelist():
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            kept = b""
            with archive.open(name) as part:
                while piece := part.read(_PIECE):
                    for found in _TAG.finditer(kept + piece):
                        if found["merged"]:
                            return formulas, found["merged"].decode("ascii", "replace")
                        formulas = True
                    kept = piece[-_LONGEST_TAG:]
    return formulas, ""


def _rows(sheet: Any, written: Any, most_rows: int, most_columns: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    for one in (sheet, written):
        if one is not None:
            one.reset_dimensions()  # some programs state a wrong size
    formulas = None if written is None else written.iter_rows(max_row=most_rows, values_only=True)
    for number, row in enumerate(sheet.iter_rows(max_row=most_rows), start=1):
        texts = () if formulas is None else next(formulas, ())
        for place, cell in enumerate(row):
            column = openpyxl.utils.get_column_letter(place + 1)
            if cell.data_type == "e":
                raise IntakeError(Problem(number, column, "cell-error", str(cell.value)))
            text = str(texts[place] or "") if place < len(texts) else ""
            # An empty text is a result.
            if cell.value is None and cell.data_type != "str" and text.startswith("="):
                raise IntakeError(Problem(number, column, "formula-without-result", text[:80]))
            if place >= most_columns and cell.value not in (None, ""):
                raise IntakeError(Problem(number, column, "too-wide", str(cell.value)[:80]))
        found.append([cell.value for cell in row[:most_columns]])
    return found

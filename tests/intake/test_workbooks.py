"""A table of a workbook is read whole or refused: nothing people see in it is left out without a word."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from qingjian.intake import IntakeError, read_table


def content_of(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book_of(*rows: list[object]) -> Workbook:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    return book


def read(content: bytes, most_rows: int = 10, most_columns: int = 5) -> list[list[object]]:
    return read_table(content, most_rows=most_rows, most_columns=most_columns, most_unpacked=1 << 20)


def merged(book: Workbook) -> None:
    book.active.merge_cells("A2:A3")


def formula(book: Workbook) -> None:
    book.active["B3"] = "=1+1"


def broken_formula(book: Workbook) -> None:
    book.active["B3"] = "#REF!"


def second_sheet(book: Workbook) -> None:
    book.create_sheet("停用的").append(["code"])


def far_to_the_right(book: Workbook) -> None:
    book.active.cell(2, 9, "备注")


@pytest.mark.parametrize(
    ("spoil", "code", "where", "value"),
    [
        (merged, "cells-merged", (0, ""), "A2:A3"),
        (formula, "formula-without-result", (3, "B"), "=1+1"),
        (broken_formula, "cell-error", (3, "B"), "#REF!"),
        (second_sheet, "sheets-several", (0, ""), "停用的"),
        (far_to_the_right, "too-wide", (2, "I"), "备注"),
    ],
)
def test_what_would_be_lost_is_named(
    spoil: Callable[[Workbook], None], code: str, where: tuple[int, str], value: str
) -> None:
    book = book_of(["code", "name"], ["A1", "站"], ["A2", "站二"])
    assert read(content_of(book)) == [["code", "name"], ["A1", "站"], ["A2", "站二"]]
    spoil(book)
    with pytest.raises(IntakeError) as caught:
        read(content_of(book))
    problem = caught.value.problem
    assert (problem.code, (problem.row, problem.column), problem.value) == (code, where, value)
    assert problem.text("zh-hans") == problem.zh != problem.en == problem.text("en")


def test_an_empty_further_sheet_and_stored_results_are_no_problem() -> None:
    book = book_of(["code", "name"], ["A1", "x"])
    book.create_sheet("Sheet2")
    source = zipfile.ZipFile(io.BytesIO(content_of(book)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(
                    b"</sheetData>",
                    b'<row r="3"><c r="A3" t="str"><f>A2</f><v>A1</v></c><c r="B3" t="str"><f>""</f><v></v></c></row></sheetData>',
                )
            archive.writestr(name, part)
    assert read(buffer.getvalue())[2] == ["A1", None]


@given(rows=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=13))
def test_rows_come_back_as_they_stand_up_to_the_most(rows: list[list[int]]) -> None:
    found = read(content_of(book_of(*rows)))
    assert [[one for one in row if one is not None] for row in found] == rows[:10]


def test_what_would_unpack_to_too_much_is_refused_unread() -> None:
    buffer = io.BytesIO(content_of(book_of(["code"])))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/filler", b"0" * (1 << 20))
    with pytest.raises(IntakeError) as caught:
        read(buffer.getvalue())
    assert caught.value.problem.code == "unpacks-too-large"

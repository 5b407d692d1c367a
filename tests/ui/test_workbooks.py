"""Workbooks of lists: nothing is left out without a word, and text stays text."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook

from qingjian.ui import listing


def sheets(response) -> dict[str, list[tuple]]:
    book = load_workbook(io.BytesIO(response.content))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, [1]), (3, [4]), (4, [5]), (5, [5, 2]), (8, [5, 5]), (9, [5, 5, 2])]
)
def test_rows_that_do_not_fit_on_a_sheet_go_on_in_the_next(monkeypatch, count: int, lengths: list) -> None:
    monkeypatch.setattr(listing, "SHEET_ROWS", 4)
    response = listing.sheets_response("x", [("数据", ["时间", "值"], ([f"=A{n}", n] for n in range(count)))])
    found = sheets(response)
    assert list(found) == ["数据", "数据 (2)", "数据 (3)"][: len(lengths)]
    assert [len(rows) for rows in found.values()] == lengths
    assert all(rows[0] == ("时间", "值") for rows in found.values())
    assert [row for rows in found.values() for row in rows[1:]] == [(f"=A{n}", n) for n in range(count)]


def test_a_long_title_keeps_the_number_of_its_further_sheets(monkeypatch) -> None:
    monkeypatch.setattr(listing, "SHEET_ROWS", 1)
    found = sheets(listing.sheets_response("x", [("长" * 40, ["a"], [[1], [2]])]))
    assert [len(title) for title in found] == [31, 31]


def test_dates_numbers_and_widths_are_kept() -> None:
    moment = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    response = listing.workbook_response("x", ["t"], [[moment], [1.5], [None], [True]])
    sheet = load_workbook(io.BytesIO(response.content)).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(values_only=True)][1:3] == [
        datetime(2026, 11, 21, 10, 0),  # noqa: DTZ001 - Excel knows no zones
        1.5,
    ]
    assert sheet.column_dimensions["A"].width > 15
    assert sheet.freeze_panes == "A2"

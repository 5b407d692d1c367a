"""A report as an Excel file: a sheet for each section, with native charts of the figures."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from qingjian.apps.reporting import documents
from qingjian.apps.reporting.content import said, sections_of

SHEET_NAME_LENGTH = 31
CHART_KINDS: dict[str, dict[str, str]] = {
    "bars": {"type": "column"},
    "stack": {"type": "column", "subtype": "stacked"},
    "lines": {"type": "line"},
}


def build(content: Mapping[str, Any], meta: Mapping[str, str], language: str) -> bytes:
    """Return the .xlsx; text stays text, so that no cell is taken for a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    formats = {
        "title": book.add_format({"bold": True, "font_size": 15}),
        "head": book.add_format({"bold": True, "bg_color": "#E8F1EC", "border": 1, "text_wrap": True}),
        "cell": book.add_format({"border": 1, "text_wrap": True, "valign": "top"}),
        "warning": book.add_format({"bold": True, "font_color": "#B45309", "text_wrap": True}),
        "note": book.add_format({"italic": True, "text_wrap": True}),
        "strong": book.add_format({"bold": True}),
    }
    used: set[str] = set()
    first = book.add_worksheet(_sheet_name(said(content["title"], language), used))
    _front(first, content, meta, language, formats)
    for one in sections_of(content):
        sheet = book.add_worksheet(_sheet_name(said(one["title"], language), used))
        _section(book, sheet, one, language, formats)
    book.close()
    return buffer.getvalue()


def _sheet_name(title: str, used: set[str]) -> str:
    name = re.sub(r"[\[\]:*?/\\']", " ", title)[:SHEET_NAME_LENGTH].strip() or "1"
    number = 2
    while name.lower() in used:
        name = f"{name[: SHEET_NAME_LENGTH - 3]} {number}"
        number += 1
    used.add(name.lower())
    return name


def _front(
    sheet: Worksheet,
    content: Mapping[str, Any],
    meta: Mapping[str, str],
    language: str,
    formats: Mapping[str, Any],
) -> None:
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, said(content["title"], language), formats["title"])
    sheet.write_string(1, 0, content["region"]["name"])
    sheet.write_string(1, 1, said(content["period"], language))
    line = 2
    for text in documents.warnings(content, language):
        sheet.write_string(line, 1, text, formats["warning"])
        line += 1
    line += 1
    for one in content["facts"]:
        sheet.write_string(line, 0, said(one["name"], language), formats["head"])
        _write(sheet, line, 1, one["value"], language, formats["cell"])
        line += 1
    line += 1
    for one in content["summary"]:
        sheet.write_string(line, 1, said(one, language), formats["cell"])
        line += 1
    line += 1
    for name, value in documents.facts_of(meta, language):
        sheet.write_string(line, 0, name, formats["head"])
        sheet.write_string(line, 1, value, formats["cell"])
        line += 1


def _write(sheet: Worksheet, line: int, column: int, value: Any, language: str, form: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(line, column, value, form)
    else:
        sheet.write_string(line, column, said(value, language), form)


def _section(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    one: Mapping[str, Any],
    language: str,
    formats: Mapping[str, Any],
) -> None:
    sheet.write_string(0, 0, said(one["title"], language), formats["strong"])
    line = 1
    if one["note"]:
        sheet.write_string(line, 0, said(one["note"], language), formats["note"])
        line += 1
    line += 1
    if one["table"]:
        line = _table(sheet, line, one["table"], language, formats) + 1
    if one["chart"]:
        _chart(book, sheet, line, one["chart"], language, formats)


def _table(
    sheet: Worksheet, line: int, table: Mapping[str, Any], language: str, formats: Mapping[str, Any]
) -> int:
    widths: list[int] = []
    for column, head in enumerate(table["heads"]):
        text = head[language] + (f" ({head['unit']})" if head["unit"] else "")
        sheet.write_string(line, column, text, formats["head"])
        widths.append(_width(text))
    for row in table["rows"]:
        line += 1
        for column, value in enumerate(row):
            _write(sheet, line, column, value, language, formats["cell"])
            widths[column] = max(widths[column], _width(said(value, language)))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width, 8), 50))
    return line + 1


def _width(text: str) -> int:
    return sum(2 if ord(letter) > 255 else 1 for letter in text[:60]) + 2


def _chart(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    line: int,
    chart: Mapping[str, Any],
    language: str,
    formats: Mapping[str, Any],
) -> None:
    """Write the figures of a chart as a block and the chart over them."""
    last = line + len(chart["categories"])
    for row, name in enumerate(chart["categories"], start=line + 1):
        sheet.write_string(row, 0, said(name, language), formats["cell"])
    drawn = book.add_chart(dict(CHART_KINDS[chart["kind"]]))
    for column, one in enumerate(chart["series"], start=1):
        sheet.write_string(line, column, said(one["name"], language), formats["head"])
        for row, value in enumerate(one["values"], start=line + 1):
            if value is None:
                sheet.write_blank(row, column, None, formats["cell"])
            else:
                sheet.write_number(row, column, value, formats["cell"])
        options: dict[str, Any] = {
            "name": [sheet.get_name(), line, column],
            "categories": [sheet.get_name(), line + 1, 0, last, 0],
            "values": [sheet.get_name(), line + 1, column, last, column],
        }
        if "colours" in one:
            options["points"] = [{"fill": {"color": colour}} for colour in one["colours"]]
        elif chart["kind"] == "lines":
            options["line"] = {"color": one["colour"], "width": 1.75}
        else:
            options["fill"] = {"color": one["colour"]}
            options["border"] = {"color": "#808080", "width": 0.25}
        drawn.add_series(options)
    _decorate(drawn, chart, language)
    sheet.insert_chart(line, len(chart["series"]) + 2, drawn, {"x_scale": 1.6, "y_scale": 1.2})


def _decorate(drawn: Any, chart: Mapping[str, Any], language: str) -> None:
    title = said(chart["title"], language)
    drawn.set_title({"name": title, "name_font": {"size": 12}})
    drawn.set_y_axis(
        {"name": chart["unit"], "major_gridlines": {"visible": True, "line": {"color": "#DEE2E6"}}}
    )
    drawn.set_legend({"none": True} if _single(chart["series"]) else {"position": "bottom"})
    drawn.show_blanks_as("gap")


def _single(series: Sequence[Any]) -> bool:
    return len(series) == 1

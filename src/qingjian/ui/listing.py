"""One list for every page: filter bar, sortable table, pages, empty state, Excel export.

A listing is declared once per table and given the rows a person may see; it never widens them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any, ClassVar
from urllib.parse import urlencode

import xlsxwriter
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Text = str | Promise
PAGE_SIZE = 25
EXPORT_LIMIT = 100_000
SHEET_ROWS = 1_000_000
"""Rows of data on one sheet: Excel takes 1,048,576, the head among them."""
SHEET_NAME_LENGTH = 31
PRINT_LIMIT = 2_000
"""Rows on the page made for printing; whoever needs more takes the workbook."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: attribute (or `value`), title, and how it is shown."""

    attribute: str
    title: Text
    value: Callable[[Any], Any] | None = None
    order: str | None = None
    """Database field to sort by; the attribute when it is one; "" forbids sorting."""
    link: Callable[[Any], str | None] | None = None
    badge: Callable[[Any], str | None] | None = None
    """Colour name of Tabler for a badge around the text."""
    numeric: bool = False
    whole: bool = False
    """Whether a text stays on one line: short words of Chinese would break in two where a column is narrow."""
    long: bool = False
    """Whether a text is a sentence: beside many columns it would become a word wide."""
    breaks: bool = False
    """Whether a text may break anywhere: a long code would push other columns off the page."""

    def of(self, row: Any) -> Any:
        """Return the plain value of a row."""
        if self.value is not None:
            return self.value(row)
        value = getattr(row, self.attribute)
        return value() if callable(value) else value


@dataclass(frozen=True, slots=True)
class Search:
    """Free text over several fields."""

    fields: Sequence[str]
    name: str = "q"

    def apply(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        condition = Q()
        for field in self.fields:
            condition |= Q(**{f"{field}__icontains": text})
        return rows.filter(condition)


@dataclass(frozen=True, slots=True)
class Choice:
    """A drop-down over one field."""

    name: str
    title: Text
    choices: Iterable[tuple[Any, Text]] | Callable[[], Iterable[tuple[Any, Text]]]
    field: str | None = None
    use: Callable[[QuerySet[Any], str], QuerySet[Any]] | None = None

    def options(self) -> list[tuple[str, Text]]:
        pairs = self.choices() if callable(self.choices) else self.choices
        return [(str(value), label) for value, label in pairs]

    def apply(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        if text not in {value for value, _label in self.options()}:
            return rows
        return self.use(rows, text) if self.use else rows.filter(**{self.field or self.name: text})


@dataclass(frozen=True, slots=True)
class Cell:
    """What the template shows of one value."""

    value: Any
    title: Text
    """Title of the column: on a phone it stands beside the value."""
    link: str | None
    badge: str | None
    numeric: bool
    unbroken: bool = False
    long: bool = False
    breaks: bool = False

    @property
    def nothing(self) -> bool:
        """Say whether there is nothing to show: a phone leaves the line out."""
        return self.value is None or self.value == ""

    @property
    def whole(self) -> bool:
        """Say whether the text must stay on one line: a day broken in two reads badly."""
        return self.unbroken or (isinstance(self.value, date) and not isinstance(self.value, datetime))


class Line(list[Cell]):
    """The cells of one row, and the row itself for pages that do something with it."""

    def __init__(self, row: Any, cells: Iterable[Cell]) -> None:
        super().__init__(cells)
        self.row = row


class Listing:
    """Declare `title`, `name`, `columns` and `filters`; call `response()`."""

    title: ClassVar[Text] = ""
    name: ClassVar[str] = "list"
    columns: ClassVar[Sequence[Column]] = ()
    filters: ClassVar[Sequence[Search | Choice]] = ()
    model: ClassVar[type[Model] | None] = None
    add_url: ClassVar[str] = ""
    add_text: ClassVar[Text] = _("Add")
    empty_text: ClassVar[Text] = _("Nothing here yet.")
    template: ClassVar[str] = "ui/listing.html"
    wrapped_heads: ClassVar[bool] = False
    """Whether titles of columns take two lines: many columns under long words would not fit the page."""

    def __init__(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.request = request
        self.rows = rows
        self.order = request.GET.get("order", "")
        self.filtered = False

    def selected(self) -> QuerySet[Any]:
        """Return the rows after filters and order."""
        rows = self.rows
        for one in self.filters:
            text = self.request.GET.get(one.name, "").strip()
            if text:
                self.filtered = True
                rows = one.apply(rows, text)
        field = self.order.lstrip("-")
        if field in {self._order_of(column) for column in self.columns if self._order_of(column)}:
            rows = rows.order_by(self.order, "pk")
        return rows

    def _order_of(self, column: Column) -> str | None:
        if column.order is not None:
            return column.order or None
        if self.model is not None and column.value is None and not column.attribute.startswith("get_"):
            names = {field.name for field in self.model._meta.fields}
            return column.attribute if column.attribute in names else None
        return None

    def _orders(self) -> list[tuple[str, str]]:
        """Return the orders a drop-down offers where the heads of the columns are not shown: on a phone."""
        found = []
        for column in self.columns:
            if field := self._order_of(column):
                found.extend([(field, f"{column.title} ↑"), (f"-{field}", f"{column.title} ↓")])
        return found

    def context(self) -> dict[str, Any]:
        """Return what the template needs."""
        rows = self.selected()
        whole = self.request.GET.get("rows") == "all"
        page = Paginator(rows, PRINT_LIMIT if whole else PAGE_SIZE).get_page(self.request.GET.get("page"))
        keep = {
            key: value
            for key, value in self.request.GET.items()
            if key not in ("page", "order", "export", "rows") and value
        }
        heads = []
        for column in self.columns:
            field = self._order_of(column)
            direction = ""
            if field and self.order.lstrip("-") == field:
                direction = "desc" if self.order.startswith("-") else "asc"
            following = f"-{field}" if direction == "asc" else field
            heads.append(
                {
                    "title": column.title,
                    "numeric": column.numeric,
                    "direction": direction,
                    "url": f"?{urlencode({**keep, 'order': following})}" if field else "",
                }
            )
        lines = [
            Line(
                row,
                [
                    Cell(
                        column.of(row),
                        column.title,
                        column.link(row) if column.link else None,
                        column.badge(row) if column.badge else None,
                        column.numeric,
                        column.whole,
                        column.long,
                        column.breaks,
                    )
                    for column in self.columns
                ],
            )
            for row in page
        ]
        order = {"order": self.order} if self.order else {}
        filters = [
            {
                "search": isinstance(one, Search),
                "name": one.name,
                "value": self.request.GET.get(one.name, ""),
                "title": getattr(one, "title", ""),
                "options": one.options() if isinstance(one, Choice) else (),
            }
            for one in self.filters
        ]
        return {
            "listing": self,
            "title": self.title,
            "heads": heads,
            "orders": self._orders(),
            "lines": lines,
            "page": page,
            "page_url": f"?{urlencode({**keep, **order})}&page=" if keep or order else "?page=",
            "export_url": f"?{urlencode({**keep, **order, 'export': 'xlsx'})}",
            "print_url": f"?{urlencode({**keep, **order, 'rows': 'all'})}",
            "whole": whole,
            "filters": filters,
            "add_href": reverse(self.add_url) if self.add_url else "",
        }

    def response(self, extra: Mapping[str, Any] | None = None) -> HttpResponse:
        """Return the page, or the workbook when `export=xlsx` is asked for."""
        if self.request.GET.get("export") == "xlsx":
            return workbook_response(
                self.name, [str(column.title) for column in self.columns], self._export_rows()
            )
        return render(self.request, self.template, {**self.context(), **(extra or {})})

    def _export_rows(self) -> Iterable[list[Any]]:
        for number, row in enumerate(self.selected()[: EXPORT_LIMIT + 1]):
            if number == EXPORT_LIMIT:
                yield [
                    gettext("Only the first %(most)d rows: filter the list for the others.")
                    % {"most": number}
                ]
                return
            yield [column.of(row) for column in self.columns]


def workbook_response(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return an Excel file of one sheet."""
    return sheets_response(name, [("", heads, rows)])


def sheets_response(
    name: str, sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]
) -> HttpResponse:
    """Return an Excel file of sheets (title, heads, rows); text stays text, so that no cell is taken for a formula.

    Rows are written as they come and none is kept; what does not fit on a sheet goes on in a further one.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    for title, heads, rows in sheets:
        left = iter(rows)
        part = 1
        while _write_sheet(book, _part_title(title, part), heads, islice(left, SHEET_ROWS)) == SHEET_ROWS:
            following = next(left, None)
            if following is None:
                break
            left = chain([following], left)
            part += 1
    book.close()
    response = HttpResponse(
        buffer.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


def _part_title(title: str, part: int) -> str:
    ending = f" ({part})" if part > 1 else ""
    return f"{str(title)[: SHEET_NAME_LENGTH - len(ending)]}{ending}" if str(title) else ""


def _write_sheet(book: Any, title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write one sheet; returns how many rows it holds."""
    sheet = book.add_worksheet(title or None)
    bold = book.add_format({"bold": True, "bg_color": "#E8F1EC", "border": 1})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    widths = [len(str(head)) + 2 for head in heads]
    for column, head in enumerate(heads):
        sheet.write_string(0, column, str(head), bold)
    line = 0
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(
                    line,
                    column,
                    timezone.localtime(value).replace(tzinfo=None) if value.tzinfo else value,
                    moment,
                )
                width = 17
            elif isinstance(value, date):
                sheet.write_datetime(line, column, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
                width = 11
            elif isinstance(value, bool) or value is None or not isinstance(value, int | float):
                if isinstance(value, bool):
                    value = _("Yes") if value else _("No")
                text = "" if value is None else str(value)
                sheet.write_string(line, column, text)
                width = sum(2 if ord(letter) > 255 else 1 for letter in text[:60]) + 1
            else:
                sheet.write_number(line, column, value)
                width = 10
            widths[column] = max(widths[column], min(width, 60))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width + 1)
    sheet.freeze_panes(1, 0)
    return line

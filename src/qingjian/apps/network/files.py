"""Registry rows in files: templates to fill in, and reading what comes back row by row."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.network import registered
from qingjian.apps.network.checking import Proposal
from qingjian.intake import IntakeError, read_table

MOST_ROWS = 20_000
MOST_BYTES = 10 * 1024 * 1024
MOST_UNPACKED = 100 * 1024 * 1024
"""A workbook of a few kilobytes can unpack to gigabytes; zipfile never reads more of a part than it claims."""
MOST_COLUMNS = 200
MOST_NAMED = 10


def heads(kind: registered.Kind) -> list[str]:
    """Return the column heads of a template: title and field name, so that either language is understood."""
    return [f"{kind.field_title(name)} [{name}]" for name in kind.fields]


def read(kind: registered.Kind, name: str, content: bytes) -> list[Proposal]:
    """Read an Excel or CSV file into proposals; ValidationError when the file as a whole cannot be read."""
    if len(content) > MOST_BYTES:
        raise ValidationError(_("The file is larger than 10 MB. Split it."))
    rows = _excel(content) if name.lower().endswith((".xlsx", ".xlsm")) else _csv(content)
    if not rows:
        raise ValidationError(_("The file is empty."))
    columns = [_field_of(kind, str(head or "")) for head in rows[0]]
    twice = sorted(name for name, count in Counter(columns).items() if name is not None and count > 1)
    if twice:
        raise ValidationError(
            _("Columns that stand twice: %(columns)s.")
            % {"columns": ", ".join(kind.field_title(name) for name in twice)}
        )
    unknown = [
        str(head)
        for head, column in zip(rows[0], columns, strict=True)
        if column is None and str(head or "").strip()
    ]
    if unknown:
        raise ValidationError(
            _("Columns not known in this table: %(columns)s. Download the template.")
            % {"columns": ", ".join(one[:60] for one in unknown[:MOST_NAMED])}
        )
    if len(rows) - 1 > MOST_ROWS:
        raise ValidationError(_("More than %(most)d rows. Split the file.") % {"most": MOST_ROWS})
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if all(value in (None, "") for value in row):
            continue
        headless = [
            value
            for place, value in enumerate(row)
            if (place >= len(columns) or columns[place] is None) and str(value or "").strip()
        ]
        if headless:
            raise ValidationError(
                _(
                    "Row %(row)d: “%(value)s” stands under no column head. Is there a comma within a number? Empty the cell"
                    " or correct the row."
                )
                % {"row": number, "value": str(headless[0])[:60]}
            )
        fields: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=False):
            if column is not None:
                fields[column] = value_of(kind, column, value)
        found.append(Proposal(kind.name, fields, number))
    if not found:
        raise ValidationError(_("The file has a head but no rows."))
    return found


def _field_of(kind: registered.Kind, head: str) -> str | None:
    head = head.strip()
    if head.endswith("]") and "[" in head:
        head = head[head.rindex("[") + 1 : -1]
    if head in kind.fields:
        return head
    return next((name for name in kind.fields if kind.field_title(name) == head), None)


def value_of(kind: registered.Kind, name: str, value: Any) -> Any:
    """Return a cell or form field as a plain value; lists may be written with commas."""
    if isinstance(value, str) and kind.model._meta.get_field(name).get_internal_type() == "JSONField":
        text = value.strip()
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return [part.strip() for part in text.split(",")]
    return value


def _excel(content: bytes) -> list[list[Any]]:
    try:
        return read_table(
            content, most_rows=MOST_ROWS + 2, most_columns=MOST_COLUMNS, most_unpacked=MOST_UNPACKED
        )
    except IntakeError as error:
        if error.problem.code == "unreadable":
            raise ValidationError(_("This is not an Excel file this program can read (.xlsx).")) from error
        raise ValidationError(error.problem.text(get_language() or "")) from error


def _csv(content: bytes) -> list[list[Any]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ValidationError(_("The file is neither UTF-8 nor GB18030 text."))
    if "\0" in text:
        raise ValidationError(_("This is not a CSV file."))
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ValidationError(_("This is not a CSV file.")) from error

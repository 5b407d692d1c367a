"""Reads of the rulebook as this office has it."""

from __future__ import annotations

from functools import cache

from qingjian.apps.rulekeeping.models import RuleConfirmation
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Confirmation, Row, Rulebook, packaged
from qingjian.rulebook.tables import TABLES


def rulebook() -> Rulebook:
    """Return the packaged rows with the confirmations of this office whose content still is what was seen."""
    stamps = tuple(
        RuleConfirmation.objects.values_list(
            "row_id", "row_digest", "document", "author__name", "at"
        ).order_by("id")
    )
    return _with(stamps)


@cache
def _packaged() -> Rulebook:
    return packaged()


def _with(stamps: tuple[tuple, ...]) -> Rulebook:
    book = _packaged()
    for row_id, digest, document, author, at in stamps:
        try:
            same = book.row(row_id).digest == digest
        except KeyError:
            continue
        if same:
            book = book.with_confirmation(
                row_id, Confirmation(author, at.astimezone(CHINA).date(), document, digest)
            )
    return book


def table_titles(english: bool) -> dict[str, str]:
    """Return the titles of the tables."""
    return {name: table.title_en if english else table.title_zh for name, table in TABLES.items()}


def find(table: str, confidence: str, text: str, state: str) -> list[Row]:
    """Return rows by table, confidence, free text and state (open: not V and not confirmed; confirmed; all)."""
    book = rulebook()
    rows: list[Row] = []
    for name in [table] if table in TABLES else book.tables():
        for row in book.rows(name):
            if confidence and row.confidence.value != confidence:
                continue
            if state == "open" and (row.confidence.value == "V" or row.confirmed):
                continue
            if state == "confirmed" and not row.confirmed:
                continue
            if text and text.lower() not in " ".join(row.values.values()).lower():
                continue
            rows.append(row)
    return rows

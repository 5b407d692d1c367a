"""Reads of the rulebook as this office has it."""

from __future__ import annotations

from functools import cache, lru_cache

from django.conf import settings

from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Confirmation, Row, Rulebook, packaged
from qingjian.rulebook.tables import TABLES


def rulebook() -> Rulebook:
    """Return the packaged rows with this office's own, and its confirmations of what still is what was seen."""
    local = tuple(LocalRow.objects.filter(withdrawn_at=None).values_list("pk", flat=True).order_by("pk"))
    stamps = tuple(
        RuleConfirmation.objects.values_list(
            "row_id", "row_digest", "document", "author__name", "at"
        ).order_by("id")
    )
    return _with(str(settings.DATABASES["default"]["NAME"]), local, stamps)


def local_rows() -> dict[str, LocalRow]:
    """Return this office's own rows in force, by row id."""
    found = LocalRow.objects.filter(withdrawn_at=None).select_related("author")
    return {one.row_id: one for one in found}


@cache
def _packaged() -> Rulebook:
    return packaged()


@lru_cache(maxsize=4)
def _with(_database: str, local: tuple[int, ...], stamps: tuple[tuple, ...]) -> Rulebook:
    """Rows and stamps are never changed, so their numbers say what the book is."""
    book = _packaged()
    if local:
        rows = LocalRow.objects.filter(pk__in=local).order_by("pk")
        book = book.with_rows(Row.from_values(one.table, one.values, override=True) for one in rows)
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
    """Return rows by table, confidence, free text and state (open: not V and not confirmed; confirmed; local; all)."""
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
            if state == "local" and not row.override:
                continue
            if text and text.lower() not in " ".join(row.values.values()).lower():
                continue
            rows.append(row)
    return rows

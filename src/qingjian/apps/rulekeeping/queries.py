"""Reads of the rulebook as this office has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.rulekeeping import protocol
from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation, RuleProposal
from qingjian.contracts.clock import CHINA
from qingjian.rulebook import Confirmation, Row, Rulebook, packaged
from qingjian.rulebook.tables import TABLES
from qingjian.standards.spelling import QUALITY_LIMITS

LIMIT_TABLES = (
    *QUALITY_LIMITS,
    "emission_limits",
    "outlet_standards",
    "regional_targets",
    "tax_equivalents",
    "eqi_indicators",
    "composite_index",
    "aqi_breakpoints",
    "evaluation_parameters",
    "aqi_levels",
    "water_rating",
    "tli",
    "cwqi",
    "eqi",
    "noise_rating_hj640",
    "data_validity",
    "cems_checks",
    "water_checks",
    "warning_levels",
    "spearman_critical",
)
"""Tables whose rows decide results: an office adds or replaces them on the page of limits, where a second person decides.

Limits, and what makes classes, levels and valid data of measured values.
"""
PERMIT_TABLE = "permit_limits"
"""Limits of permits are kept in the registry, by outlet: nothing reads rows of this table of an office's own."""
COMMON_COLUMNS = ("clause", "effective_from", "effective_to", "source", "confidence")
MORE_COLUMNS = {
    "regional_targets": ("unit", "note"),
    "outlet_standards": ("left_out", "note"),
    "eqi_indicators": ("direction", "lo", "hi", "unit", "note"),
}
"""Columns that are neither key nor required, of tables that ship without rows."""


def rulebook() -> Rulebook:
    """Return the packaged rows with this office's own, and its confirmations of what still is what was seen."""
    rows = LocalRow.objects.filter(withdrawn_at=None).exclude(table=protocol.TABLE)
    local = tuple(rows.values_list("pk", flat=True).order_by("pk"))
    stamps = tuple(
        RuleConfirmation.objects.values_list(
            "row_id", "row_digest", "document", "author__name", "at"
        ).order_by("id")
    )
    return _with(str(settings.DATABASES["default"]["NAME"]), local, stamps)


def rulebook_at(moment: datetime) -> Rulebook:
    """Return the rulebook as it was at a moment: own rows and confirmations of that time.

    Packaged rows are those of the present release; where a release changed them, the version tells.
    """
    rows = LocalRow.objects.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=moment), at__lte=moment)
    stamps = RuleConfirmation.objects.filter(at__lte=moment).order_by("id")
    return _with(
        str(settings.DATABASES["default"]["NAME"]),
        tuple(rows.values_list("pk", flat=True).order_by("pk")),
        tuple(stamps.values_list("row_id", "row_digest", "document", "author__name", "at")),
    )


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
    confirmed: dict[str, Row] = {}
    for row_id, digest, document, author, at in stamps:
        try:
            row = book.row(row_id)
        except KeyError:
            continue
        if row.digest == digest:
            confirmed[row_id] = row.confirmed_by(
                Confirmation(author, at.astimezone(CHINA).date(), document, digest)
            )
    return book.with_rows(confirmed.values()) if confirmed else book


def proposed(change: RuleProposal) -> Rulebook:
    """Return the rulebook as it would be with a change."""
    return with_changes(
        change.taken_back, [Row.from_values(change.table, values, override=True) for values in change.rows]
    )


def with_changes(taken_back: Sequence[str], rows: Sequence[Row]) -> Rulebook:
    """Return the rulebook without some own rows, where what was packaged under their keys holds again, and with others."""
    book = rulebook()
    gone = [row_id for row_id in taken_back if any(row.id == row_id for row in book.local_rows())]
    original = [_packaged_row(row_id) for row_id in gone]
    book = book.without_rows(gone).with_rows([row for row in original if row is not None])
    return book.with_rows(rows)


def _packaged_row(row_id: str) -> Row | None:
    try:
        return _packaged().row(row_id)
    except KeyError:
        return None


def table_titles(english: bool) -> dict[str, str]:
    """Return the titles of the tables."""
    return {name: table.title_en if english else table.title_zh for name, table in TABLES.items()}


def row(row_id: str) -> Row:
    """Return a row of the rulebook or an unconfirmed fact of HJ 212; KeyError."""
    return protocol.row(row_id) if row_id.startswith(f"{protocol.TABLE}-") else rulebook().row(row_id)


def facts_switched_off() -> frozenset[str]:
    """Return what this office switches off of HJ 212, as `hj212.profiles.switched_off` takes it."""
    return protocol.off()


def find(table: str, confidence: str, text: str, state: str, group: str = "") -> list[Row]:
    """Return rows by table, confidence, free text, state and, for facts of HJ 212, group.

    States: open (not V and not confirmed), confirmed, local (own rules), off (facts that are switched off), all.
    """
    book = rulebook()
    rows: list[Row] = []
    off = protocol.off_ids() if state == "off" else frozenset()
    for name in [table] if table in TABLES else [*book.tables(), protocol.TABLE]:
        of_table = book.rows(name)
        if name == protocol.TABLE:
            of_table = protocol.matching(protocol.rows(), group) if group else protocol.rows()
        for row in of_table:
            if state == "off" and row.values.get("fact") not in off:
                continue
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


def limits(table: str, text: str = "", origin: str = "", on: date | None = None) -> list[Row]:
    """Return rows of a table by free text, origin (local, packaged) and the day on which they hold."""
    book = rulebook()
    return [
        row
        for row in (book.rows(table) if on is None else book.rows(table, on))
        if (not text or text.lower() in " ".join(row.values.values()).lower())
        and (not origin or row.override == (origin == "local"))
    ]


def columns(table: str) -> list[str]:
    """Return the columns of a table in the order of its file; a table without packaged rows has the common ones."""
    rows = _packaged().rows(table)
    definition = TABLES[table]
    found: list[str] = list(rows[0].values) if rows else []
    more = MORE_COLUMNS.get(table, ())
    wanted = (*definition.key, *definition.required, *definition.numeric, *more, *COMMON_COLUMNS)
    found += [name for name in dict.fromkeys(wanted) if name not in found]
    return found


def needed_columns(table: str) -> tuple[str, ...]:
    """Return the columns an own row must fill: without its source, and its first day where rows have one, nobody could judge it."""
    definition = TABLES[table]
    dated = "effective_from" in definition.key or any(row.valid_from for row in _packaged().rows(table))
    return (*definition.required, "source", *(("effective_from",) if dated else ()))


def changes_visible_to(user: Any) -> QuerySet[RuleProposal]:
    """Return the changes of rules; rules are the same for the whole office, so whoever sees the registry sees them."""
    rows = RuleProposal.objects.select_related("author", "decided_by")
    return rows if account_rules.may(user, Capability.VIEW_REGISTRY) else rows.none()


def waiting() -> int:
    """Return how many changes of rules wait for a second person."""
    return RuleProposal.objects.filter(state=RuleProposal.State.PROPOSED).count()


def compared(change: RuleProposal) -> list[dict[str, Any]]:
    """Return each row of a change beside what it replaces: row, column by column, changed or not."""
    names = columns(change.table)
    found = []
    for values in change.rows:
        row = Row.from_values(change.table, values, override=True)
        found.append(_sides(row.id, row.citation, names, change.before.get(row.id), values))
    found += [
        _sides(row_id, "", names, change.before.get(row_id), None)
        for row_id in change.taken_back
        if row_id in change.before
    ]
    return found


def _sides(
    row_id: str,
    citation: str,
    names: Sequence[str],
    before: Mapping[str, str] | None,
    after: Mapping[str, str] | None,
) -> dict[str, Any]:
    cells = [
        {"name": name, "before": (before or {}).get(name, ""), "after": (after or {}).get(name, "")}
        for name in names
    ]
    return {
        "id": row_id,
        "citation": citation,
        "new": before is None,
        "taken_back": after is None,
        "cells": [one for one in cells if one["before"] or one["after"]],
    }

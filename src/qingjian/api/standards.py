"""Limits in force on a day, and the rows that results rest on, of the rulebook as this office has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils.translation import gettext_noop as _
from ninja import Path, Query, Router, Schema
from pydantic import Field

from qingjian.api.asked import Day, Paged, Word, keys_of, nothing, page, text
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.accounts.rules import today
from qingjian.apps.rulekeeping import queries
from qingjian.rulebook import Row

Table = Literal[queries.LIMIT_TABLES]  # type: ignore[valid-type]
STANDARD = _("A standard by its number (GB 3095) or as cited (GB 3095-2026)")
router = Router()


class Confirmed(Schema):
    by: str
    on: str
    document: str


class RowOut(Schema):
    """A row of the rulebook; `values` has every column of its table as text."""

    id: str
    table: str
    document: str = Field(description="As cited, with its year: GB 3095-2026")
    standard: str
    edition: str
    clause: str
    item: str
    symbol: str
    unit: str
    averaging_period: str
    category: str = Field(serialization_alias="class", description="Class, zone or category the limit is of")
    condition: str
    op: str = Field(description="<=, >=, range, or empty where the row is no limit")
    limit: str
    effective_from: str | None
    effective_to: str | None = Field(description="Last day, null while no end is known")
    source: str
    confidence: Literal["V", "S", "U"] = Field(
        description="V checked in the full text, S secondary source, U unconfirmed"
    )
    confirmed: Confirmed | None = Field(description="Who of this office compared the row with the document")
    origin: Literal["packaged", "local"] = Field(description="local: this office's own row")
    replaces: str = Field(description="What a local row stands in the place of")
    values: dict[str, str]


class Rows(Schema):
    rulebook: str = Field(description="Version of the whole rulebook")
    on: str | None
    rows: list[RowOut]
    next: str = Field(description="Cursor of the next page, empty on the last")


class Rowed(Schema):
    rulebook: str
    row: RowOut


class RowsAsked(Paged):
    on: Day | None = Field(None, description=_("The day on which the rows hold; today when none is given"))
    every_edition: bool = Field(False, description=_("All editions, whatever the day"))
    table: Table | None = Field(None, description=_("One table, e.g. ambient_air_limits"))
    symbol: Word = Field("", description=_("Symbol of the item, e.g. PM2.5"))
    category: Word = Field("", alias="class", description=_("Class, zone or category the limit is of"))
    origin: Literal["packaged", "local"] | None = Field(
        None, description=_("packaged: as shipped; local: rows of this office")
    )
    q: Word = Field("", description=_("Text anywhere in the row"))


class LimitsAsked(RowsAsked):
    standard: Word = Field("", description=STANDARD)


@router.get("/standards", response=Rows, by_alias=True, summary=_("Limits in force on a day"))
def limits(request: HttpRequest, asked: Query[LimitsAsked]) -> dict[str, Any]:
    """Limits and other numbers that decide results, with clause, unit, period, class, condition, source, confidence."""
    return _limits(request, asked, asked.standard)


@router.get("/standards/{path:standard}", response=Rows, by_alias=True, summary=_("Limits of one standard"))
def limits_of_standard(
    request: HttpRequest, standard: Annotated[str, Path(..., description=STANDARD)], asked: Query[RowsAsked]
) -> dict[str, Any]:
    """The rows of one standard in force on a day; 404 where the rulebook has none of it in any edition."""
    if not any(_is_of(row, standard) for table in queries.LIMIT_TABLES for row in queries.limits(table)):
        raise Http404
    return _limits(request, asked, standard)


def _limits(request: HttpRequest, asked: RowsAsked, standard: str) -> dict[str, Any]:
    account_rules.require(request.auth, Capability.VIEW_REGISTRY)
    on = None if asked.every_edition else asked.on or today()
    behind = keys_of(asked.cursor, text, text)
    tables = [asked.table] if asked.table else list(queries.LIMIT_TABLES)
    found = [
        row
        for table in sorted(tables)
        for row in sorted(
            queries.limits(table, asked.q.strip(), asked.origin or "", on), key=lambda one: one.id
        )
        if (not standard or _is_of(row, standard))
        and asked.symbol in ("", row.values.get("symbol", ""))
        and asked.category in ("", row.values.get("class", ""))
        and (behind is None or [row.table, row.id] > behind)
    ]
    rows, following = page(found, asked.limit, lambda one: (one.table, one.id))
    return {
        "rulebook": queries.rulebook().version,
        "on": on.isoformat() if on else None,
        "rows": [shown(row) for row in rows],
        "next": following,
    }


def _is_of(row: Row, standard: str) -> bool:
    return standard in (row.standard, row.document)


@router.get("/rules/{row_id}", response=Rowed, by_alias=True, summary=_("A row of the rulebook"))
def rule(
    request: HttpRequest, row_id: Annotated[str, Path(..., description=_("Id that a trace or result names"))]
) -> dict[str, Any]:
    """One row by the id that traces and results name."""
    account_rules.require(request.auth, Capability.VIEW_REGISTRY)
    nothing(request)
    try:
        row = queries.row(row_id)
    except KeyError as error:
        raise Http404 from error
    return {"rulebook": queries.rulebook().version, "row": shown(row)}


def shown(row: Row) -> dict[str, Any]:
    """Return a row as it is written in answers."""
    values = row.values
    confirmation = row.confirmation
    return {
        "id": row.id,
        "table": row.table,
        "document": row.document,
        "standard": row.standard,
        "edition": row.edition,
        "clause": row.clause,
        "item": values.get("pollutant_cn") or values.get("item", ""),
        "symbol": values.get("symbol", ""),
        "unit": values.get("unit", ""),
        "averaging_period": values.get("averaging_period", ""),
        "category": values.get("class", ""),
        "condition": values.get("condition", ""),
        "op": values.get("op", ""),
        "limit": values.get("limit", ""),
        "effective_from": row.valid_from.isoformat() if row.valid_from else None,
        "effective_to": row.valid_to.isoformat() if row.valid_to else None,
        "source": row.source,
        "confidence": row.confidence.value,
        "confirmed": {
            "by": confirmation.who,
            "on": confirmation.when.isoformat(),
            "document": confirmation.document,
        }
        if confirmation
        else None,
        "origin": "local" if row.override else "packaged",
        "replaces": row.replaces,
        "values": dict(values),
    }

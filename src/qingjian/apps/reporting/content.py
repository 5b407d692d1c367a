"""The content of a report: figures and texts in both languages, from which page, Word and Excel are made.

Everything is plain JSON. A text is {"zh", "en"}; a cell is a text, a plain string, a number or None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import rfc8785

FORMAT = 1
Text = dict[str, str]
Cell = Any


def text(zh: str, en: str) -> Text:
    return {"zh": zh, "en": en}


def listed(items: Iterable[str]) -> Text | None:
    """Return items one after the other as each language writes them; None for none."""
    kept = [one for one in items if one]
    return text("、".join(kept), ", ".join(kept)) if kept else None


def said(value: Cell, language: str) -> str:
    """Return a cell as it is printed."""
    if value is None or value == "":
        return "–"
    if isinstance(value, Mapping):
        return str(value[language]) or "–"
    if isinstance(value, bool):
        return {"zh": "是" if value else "否", "en": "yes" if value else "no"}[language]
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(value: Decimal | float | int | None) -> float | int | None:
    """Return a plain number for JSON; whole numbers without a fraction."""
    if value is None:
        return None
    plain = float(value)
    return int(plain) if plain == int(plain) else plain


def column(zh: str, en: str, unit: str = "") -> dict[str, str]:
    return {"zh": zh, "en": en, "unit": unit}


def table(heads: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    return {"heads": list(heads), "rows": [list(row) for row in rows]}


def section(
    title: Text,
    *,
    note: Text | None = None,
    table: Mapping[str, Any] | None = None,
    chart: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return {"title": title, "note": note, "table": table, "chart": chart}


def chart(
    kind: str,
    title: Text,
    unit: str,
    categories: Sequence[Cell],
    series: Sequence[Mapping[str, Any]],
    limits: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a chart: `kind` is bars, stack or lines.

    Each series has `name`, `values` (None = gap) and `colour` or, per value, `colours`; limits have `name` and `value`.
    """
    return {
        "kind": kind,
        "title": title,
        "unit": unit,
        "categories": list(categories),
        "series": [dict(one) for one in series],
        "limits": [dict(one) for one in limits],
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """Return SHA-256 of the canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(dict(content))).hexdigest()


def sections_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the sections of a report with those of its evaluation basis, in the order they are printed."""
    return [*content["sections"], *content["basis"]["sections"]]

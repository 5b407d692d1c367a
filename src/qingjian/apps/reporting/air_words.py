"""Words and colours of air in reports."""

from __future__ import annotations

from qingjian.apps.evaluation.models import Evaluation
from qingjian.apps.reporting.content import text
from qingjian.standards.words import english

CATEGORIES = ("优", "良", "轻度污染", "中度污染", "重度污染", "严重污染")
COLOURS = ("#00e400", "#ffff00", "#ff7e00", "#ff0000", "#99004c", "#7e0023")
NO_COLOUR = "#e9ecef"
GOOD = CATEGORIES[:2]


def unit_of(name: str) -> str:
    return "mg/m³" if name == "CO" else "μg/m³"


def category(name: str) -> dict[str, str]:
    return text(name, english(name).capitalize()) if name else text("", "")


def colour_of(name: str) -> str:
    return COLOURS[CATEGORIES.index(name)] if name in CATEGORIES else NO_COLOUR


def aqi_of(row: Evaluation | None) -> int | str | None:
    """Return the index as it is published: NA where HJ 633-2026 asks for it."""
    if row is None or row.aqi is None:
        return None
    return row.aqi if row.publishable else "NA"

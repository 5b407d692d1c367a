"""The chart of a clue as the page draws it, and as a workbook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.observing.models import Clue, Mark

AN_HOUR = 3_600_000
"""Milliseconds between the values of charts that were kept without a step."""


def chart(kept: Mapping[str, Any] | None, marks: Iterable[Mark]) -> dict[str, Any] | None:
    """Return what a chart draws, with its words and the marks around; None where nothing was kept."""
    if not kept:
        return None
    return {
        "step": AN_HOUR,
        **kept,
        "marks": [
            {
                "from": int(one.start.timestamp() * 1000),
                "to": int(one.end.timestamp() * 1000),
                "text": one.get_kind_display(),
            }
            for one in marks
        ],
        "texts": {
            "value": _("value"),
            "expected": _("expected"),
            "band": _("range of honest errors"),
            "around": _("median of %(count)d related stations") % {"count": kept.get("stations", 0)},
            "limit": _("limit"),
            "clue": _("clue"),
        },
    }


def heads() -> list[str]:
    """Return the heads of the workbook."""
    return [
        str(one)
        for one in (
            _("Hour"),
            _("Value"),
            _("Expected"),
            _("Lower edge"),
            _("Upper edge"),
            _("Related stations"),
        )
    ]


def lines(clue: Clue) -> Iterator[list[Any]]:
    """Yield the hours (or days, where it is long) of the chart for the workbook."""
    kept = clue.evidence.get("chart") or {"values": []}
    start = datetime.fromtimestamp(kept.get("start", 0) / 1000, UTC)
    step = timedelta(milliseconds=kept.get("step", AN_HOUR))
    for k, value in enumerate(kept["values"]):
        yield [
            start + k * step,
            value,
            *(kept[name][k] if kept.get(name) else None for name in ("expected", "low", "high", "around")),
        ]

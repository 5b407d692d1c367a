"""Gaps as pages show them: their state, and what was asked of the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from qingjian.apps.observing import completeness, words

COLOURS = {"filled": "green", "lasting": "red", "partly": "orange", "missing": "orange"}
MOST_ASKED = 5
"""Requests shown beside one gap."""


def lines(gaps: Sequence[completeness.Gap]) -> list[dict[str, Any]]:
    """Return gaps for the template `observing/gap_rows.html`."""
    return [_line(gap) for gap in gaps]


def heads() -> list[str]:
    """Return the column heads of gaps in a workbook."""
    return [
        _("Monitoring point"),
        _("Series"),
        _("Factor"),
        _("Statistic"),
        _("From"),
        _("To (not included)"),
        _("Values missed"),
        _("Came since"),
        _("State"),
        _("Asked of the device"),
        _("Last asked"),
    ]


def cells(line: dict[str, Any]) -> list[Any]:
    """Return a line as the cells of a workbook."""
    gap: completeness.Gap = line["gap"]
    one = gap.series
    return [
        one.point.name if one is not None else "",
        gap.record.subject,
        str(one.factor) if one is not None else "",
        str(line["statistic"]),
        gap.record.start,
        gap.record.end,
        gap.periods,
        gap.came,
        line["state"],
        len(gap.asked),
        max((command.created_at for command in gap.asked), default=None),
    ]


def _line(gap: completeness.Gap) -> dict[str, Any]:
    if gap.missing == 0 and gap.periods:
        state, text = "filled", _("filled")
    elif gap.record.end is None:
        state, text = "lasting", _("lasting")
    elif gap.came:
        state, text = "partly", _("partly filled")
    else:
        state, text = "missing", _("missing")
    asked = []
    for command in gap.asked[:MOST_ASKED]:
        begin, end = completeness.asked_period(command)
        command_state, colour = words.COMMAND_STATES[str(command.state)]
        asked.append(
            {
                "command": command,
                "begin": begin,
                "end": end,
                "state": command_state,
                "colour": colour,
                "answers": len(command.answers),
            }
        )
    return {
        "gap": gap,
        "state": text,
        "colour": COLOURS[state],
        "statistic": words.STATISTICS.get(gap.statistic, gap.statistic),
        "asked": asked,
        "more": max(0, len(gap.asked) - len(asked)),
    }

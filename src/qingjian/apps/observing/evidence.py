"""What stands behind a finding, in words: figures named, times readable, frames linked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qingjian.apps.observing.statuses import english
from qingjian.apps.observing.words import STATISTICS
from qingjian.rulebook import Confidence
from qingjian.ui.templatetags.kit import moment

TITLES = {
    "statistic": gettext_lazy("Statistic"),
    "periods": gettext_lazy("Periods"),
    "missing": gettext_lazy("Periods missing"),
    "filled": gettext_lazy("Filled since"),
    "changes": gettext_lazy("Changes"),
    "flags": gettext_lazy("Flags"),
    "frames": gettext_lazy("Frames"),
    "offset_seconds": gettext_lazy("Clock differs by (s)"),
    "last_frame_at": gettext_lazy("Last frame"),
    "column": gettext_lazy("Figure"),
    "own": gettext_lazy("The platform computes"),
    "sent": gettext_lazy("The device sent"),
    "difference": gettext_lazy("Difference"),
    "allowed": gettext_lazy("Largest difference that is explained"),
    "explained_percent": gettext_lazy("of it by moving oxygen (% of the own value)"),
    "peak": gettext_lazy("Highest value"),
    "multiple": gettext_lazy("Times above the limit"),
    "lasting": gettext_lazy("Lasting"),
    "zone": gettext_lazy("Acoustic zone class"),
    "levels": gettext_lazy("Levels and limits"),
    "excess": gettext_lazy("Above the limit by (dB(A))"),
    "held_against": gettext_lazy("Limit"),
    "value": gettext_lazy("Value"),
    "share_percent": gettext_lazy("Share of the limit (%)"),
    "slope": gettext_lazy("Rise per period"),
    "expected_at": gettext_lazy("Limit expected at"),
    "hours": gettext_lazy("Hours"),
    "found": gettext_lazy("Found"),
    "threshold": gettext_lazy("Threshold"),
    "withdrawn": gettext_lazy("Withdrawn: data or marks changed"),
    "tonnes": gettext_lazy("Emitted this year (t)"),
    "permitted_t": gettext_lazy("Permitted this year (t)"),
    "used_percent": gettext_lazy("Used (%)"),
    "clause": gettext_lazy("Called for by"),
    "confidence": gettext_lazy("Confidence of that row"),
    "projected_percent": gettext_lazy("Projected to the end of the year (%)"),
    "reason": gettext_lazy("Reason"),
    "since": gettext_lazy("Waiting since"),
    "registered_seconds": gettext_lazy("Registered interval (s)"),
    "seen_seconds": gettext_lazy("Interval that came (s)"),
    "out_of_service": gettext_lazy("Ended because out of service"),
    "count": gettext_lazy("Frames not read"),
    "reasons": gettext_lazy("Reasons"),
    "command": gettext_lazy("Command"),
    "packets": gettext_lazy("Sub-packets of the message"),
    "came": gettext_lazy("Sub-packets that came"),
    "absent": gettext_lazy("Sub-packets that never came"),
}
FIGURES = {
    "value": gettext_lazy("Mean"),
    "min": gettext_lazy("Minimum"),
    "max": gettext_lazy("Maximum"),
    "total": gettext_lazy("Total"),
    "converted": gettext_lazy("Converted mean"),
    "flag": gettext_lazy("Flag"),
}
LEFT_OUT = {"series", "start", "evaluation", "rule_row", "limit", "outcome"}
"""Keys of the program's own; the page shows series and time of each finding beside the evidence."""
IN_ALL = "_in_all"
"""What the name of a figure ends with that says how many there are of what the evidence lists only some of."""
MOST_CHANGES = 5
MOST_FRAMES = 20
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One statement: what it is, its text, where the frames behind it are (text, address).

    `more`: this line only says how many are left out of the line before it.
    """

    title: str
    text: str = ""
    links: tuple[tuple[str, str], ...] = ()
    more: int = 0


def lines(evidence: Mapping[str, Any], *, whole: bool = False) -> list[Line]:
    """Return the evidence of a finding for people; a key without a name here keeps its own and comes last.

    In the order of `TITLES`: databases do not all keep the order in which an object was written. `whole`: everything
    the evidence lists, however long; else the first of it, and how many more there are.
    """
    found: list[Line] = []
    known = [key for key in TITLES if key in evidence]
    for key in (*known, *sorted(evidence.keys() - TITLES.keys())):
        value = evidence[key]
        if key in LEFT_OUT or value is None or key.endswith(IN_ALL):
            continue
        in_all = evidence.get(f"{key}{IN_ALL}") or (len(value) if isinstance(value, list) else 0)
        if key == "changes":
            changes = value if whole else value[:MOST_CHANGES]
            found += map(change, changes)
            found += _left_out(in_all - len(changes))
        elif key == "frames":
            frames = value if whole else value[:MOST_FRAMES]
            found.append(Line(str(TITLES[key]), "", _frames(frames)))
            found += _left_out(in_all - len(frames))
        else:
            found.append(Line(str(TITLES.get(key, key)), _text(key, value)))
            found += _left_out(in_all - len(value) if in_all else 0)
    return found


def _left_out(count: int) -> list[Line]:
    return [Line("", _("… and %(count)d more") % {"count": count}, more=count)] if count else []


def change(one: Mapping[str, Any]) -> Line:
    """Return one changed period: both values, and the frames they came in."""
    sides = [
        ", ".join(
            f"{title} {_number(one[side][name])}"
            for name, title in FIGURES.items()
            if name in one.get(side, {})
        )
        for side in ("old", "new")
    ]
    text = " → ".join(side or "–" for side in sides)
    return Line(_time(one.get("start", "")), text, _frames(one.get("frames", ())))


def _frames(frames: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(one[1]), reverse("frame", args=(one[0], one[1])))
        for one in frames
        if isinstance(one, list | tuple) and len(one) == 2 and one[0] and one[1]
    )


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if key == "statistic":
        return str(STATISTICS.get(value, value))
    if key == "confidence":
        mark = Confidence(value)
        return f"{mark} {mark.label_en if english() else mark.label_zh}"
    if key == "column":
        return str(FIGURES.get(value, value))
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text("", one) for one in value)
    return _time(value) if isinstance(value, str) else str(value)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, float):
        short = float(f"{value:.{DIGITS}g}")
        return number_format(int(short) if short.is_integer() else short)
    return str(value)


def _time(text: str) -> str:
    found: datetime | None = parse_datetime(text) if "T" in text else None
    return moment(found) if found else text

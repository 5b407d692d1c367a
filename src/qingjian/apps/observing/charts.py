"""JSON of charts: series with gaps, status and reasons, what the device sent beside it, limit lines and marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from qingjian.apps.network.models import Series
from qingjian.apps.observing import limit_lines, queries, replayed, statuses
from qingjian.apps.observing.values import Values, page_values
from qingjian.quality.facts import LEVELS
from qingjian.quality.flags import Validity, flag_meaning
from qingjian.quality.status import Status
from qingjian.ui.templatetags.kit import own_language

PERIOD_SECONDS = {"realtime": 60, "minute": 60, "hour": 3600, "day": 86400, "month": 2678400}
MOST_POINTS = 20_000


def validity(flag: str, series: Series) -> tuple[str, str]:
    """Return how a device's mark alone is drawn (ok, look, bad) and what it means in the present language."""
    edition = (
        series.device.edition if series.device is not None and series.device.edition != "auto" else "2017"
    )
    try:
        meaning = flag_meaning(flag, series.medium, edition)
    except (KeyError, ValueError):
        return "look", flag
    word = {Validity.VALID: "ok", Validity.NEEDS_LOOK: "look", Validity.INVALID: "bad"}[meaning.validity]
    return word, meaning.meaning_en if statuses.english() else meaning.meaning_zh


def chart(
    user: Any,
    series: Sequence[Series],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Return what the chart draws; a gap is an explicit null, never a line across.

    A point is [milliseconds, value, device's mark, ok|look|bad|gap, place in `reasons`, place in `levels`]. `sent` is
    what the device sent for the same periods ([milliseconds, value, differs]) where the platform has an own value;
    `converted` the converted values ([milliseconds, value]), to which a limit may apply.
    """
    values = page_values(user, series, statistic, start, end, as_of)
    book = queries.rulebook_at(as_of)
    shown = []
    for one in series:
        if one.pk not in values.described:
            continue
        fact = values.described[one.pk].fact
        period = fact.expected.get(statistic) or PERIOD_SECONDS.get(statistic, 3600)
        places = values.places(one.pk)[-MOST_POINTS:]
        shown.append(
            {
                "code": one.code,
                "name": fact.name_en if statuses.english() else fact.name_zh,
                "place": one.point.name,
                "unit": fact.unit,
                "decimals": fact.decimals,
                "origin": fact.origin,
                "origin_text": one.get_origin_display(),
                "notice": own_language(fact.notice),
                "points": _points(values, places, period),
                "sent": _sent(values, places),
                "converted": _converted(values, places, period),
                "limits": limit_lines.lines(one, statistic, start, end, book),
            }
        )
    marks = _played_again(values, shown, series)
    for point in {one.point_id: one.point for one in series}.values():
        for mark in queries.marks_in_force(point, start, end, as_of):
            if set(mark.series) & {one.code for one in series}:
                marks.append(
                    {
                        "from": _milliseconds(mark.start),
                        "to": _milliseconds(mark.end),
                        "text": mark.get_kind_display(),
                        "reason": mark.reason,
                    }
                )
    return {
        "series": shown,
        "marks": marks,
        "reasons": list(values.texts),
        "levels": [str(statuses.LEVEL_TITLES[word]) for word in LEVELS],
        "statistic": statistic,
        "from": _milliseconds(start),
        "to": _milliseconds(end),
        "texts": {
            "limit": _("limit"),
            "no_data": _("No data in this period."),
            "flag": _("mark"),
            "value": _("value"),
            "table": _("Table"),
            "sent": _("sent by the device"),
            "converted": _("converted"),
            "differs": _("differs"),
        },
    }


def _played_again(
    values: Values, shown: Sequence[dict[str, Any]], series: Sequence[Series]
) -> list[dict[str, Any]]:
    """Return, on a demo node, the stretches that stand twice in the demo's time, each once."""
    numbers = {one.code: one.pk for one in series}
    found = {
        stretch
        for one in shown
        for stretch in replayed.played_again(
            one["code"],
            values.start[values.places(numbers[one["code"]])],
            PERIOD_SECONDS.get(values.statistic, 3600),
        )
    }
    return [
        {"from": begin * 1000, "to": end * 1000, "text": _("played again from its beginning"), "reason": ""}
        for begin, end in sorted(found)
    ]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _points(values: Values, places: Any, period: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    previous: int | None = None
    for place in places.tolist():
        moment = int(values.start[place]) * 1000
        if previous is not None and moment - previous > period * 1500:
            found.append([previous + period * 1000, None, "", "gap", -1, 0])
        number = float(values.value[place])
        found.append(
            [
                moment,
                None if np.isnan(number) else number,
                values.flag[place],
                statuses.STATUS_WORDS[Status(int(values.code[place]))],
                int(values.text[place]),
                int(values.level[place]),
            ]
        )
        previous = moment
    return found


def _sent(values: Values, places: Any) -> list[list[Any]]:
    """Return what the device sent where an own value stands beside it."""
    both = places[np.isfinite(values.own[places]) & np.isfinite(values.sent[places])]
    return [
        [int(values.start[place]) * 1000, float(values.sent[place]), bool(values.differs[place])]
        for place in both.tolist()
    ]


def _converted(values: Values, places: Any, period: int) -> list[list[Any]]:
    """Return the converted values (折算), gaps as nulls; nothing when there is none."""
    found: list[list[Any]] = []
    for place in places[np.isfinite(values.converted[places])].tolist():
        moment = int(values.start[place]) * 1000
        if found and moment - found[-1][0] > period * 1500:
            found.append([found[-1][0] + period * 1000, None])
        found.append([moment, float(values.converted[place])])
    return found

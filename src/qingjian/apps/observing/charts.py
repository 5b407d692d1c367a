"""JSON of charts: series with gaps, status and reasons, what the device sent beside it, limit lines and marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
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
    `converted` the converted values ([milliseconds, value]), to which a limit may apply. Of more than `MOST_POINTS`
    values the lowest, the highest and the worst judged of each stretch are drawn, and `thinned` says so.
    """
    values = page_values(user, series, statistic, start, end, as_of)
    book = queries.rulebook_at(as_of)
    shown = []
    for one in series:
        if one.pk not in values.described:
            continue
        fact = values.described[one.pk].fact
        period = fact.expected.get(statistic) or PERIOD_SECONDS.get(statistic, 3600)
        places = values.places(one.pk)
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
                "thinned": _thinned(len(places)),
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


def _thinned(count: int) -> str:
    """Return what to say of a series of which not every value is drawn; empty when all are."""
    if count <= MOST_POINTS:
        return ""
    return _(
        "%(count)d values in this period: drawn are the lowest, the highest and the worst judged of every %(each)d in a"
        " row. A shorter period shows each; the table below lists the newest."
    ) % {"count": count, "each": -(-count // (MOST_POINTS // 3))}


def _drawn(numbers: npt.NDArray[np.float64], worst: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the places to draw: all, or of each of so many stretches the lowest, the highest and the worst."""
    count, stretches = len(numbers), MOST_POINTS // 3
    if count <= MOST_POINTS:
        return np.arange(count)
    stretch = np.arange(count) * stretches // count
    firsts = np.flatnonzero(np.diff(stretch, prepend=-1))
    lasts = np.append(firsts[1:], count) - 1
    kept = [
        np.lexsort((np.where(np.isnan(numbers), np.inf, numbers), stretch))[firsts],
        np.lexsort((np.where(np.isnan(numbers), -np.inf, numbers), stretch))[lasts],
        np.lexsort((worst, stretch))[lasts],
    ]
    return np.unique(np.concatenate(kept))


def _breaks(starts: npt.NDArray[np.int64], drawn: npt.NDArray[np.intp], period: int) -> dict[int, int]:
    """Return, for the places drawn before which something is missing, the milliseconds of the first missing period."""
    missing = np.flatnonzero(np.diff(starts) > period * 1.5)  # after these places
    before = np.searchsorted(missing, drawn)
    changed = np.flatnonzero(np.diff(before)) + 1
    return {int(drawn[one]): (int(starts[missing[before[one - 1]]]) + period) * 1000 for one in changed}


def _points(values: Values, places: Any, period: int) -> list[list[Any]]:
    drawn = _drawn(values.value[places], _badness(values.code[places]))
    breaks = _breaks(values.start[places], drawn, period)
    found: list[list[Any]] = []
    for one in drawn.tolist():
        if one in breaks:
            found.append([breaks[one], None, "", "gap", -1, 0])
        place = int(places[one])
        number = float(values.value[place])
        found.append(
            [
                int(values.start[place]) * 1000,
                None if np.isnan(number) else number,
                values.flag[place],
                statuses.STATUS_WORDS[Status(int(values.code[place]))],
                int(values.text[place]),
                int(values.level[place]),
            ]
        )
    return found


def _badness(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return for each status whether it is drawn as ok, look or bad: 0, 1, 2."""
    ranks = np.zeros(256, np.int64)
    for status, word in statuses.STATUS_WORDS.items():
        ranks[int(status)] = ("ok", "look", "bad").index(word)
    return ranks[codes]


def _sent(values: Values, places: Any) -> list[list[Any]]:
    """Return what the device sent where an own value stands beside it."""
    both = places[np.isfinite(values.own[places]) & np.isfinite(values.sent[places])]
    drawn = both[_drawn(values.sent[both], values.differs[both])]
    return [
        [int(values.start[place]) * 1000, float(values.sent[place]), bool(values.differs[place])]
        for place in drawn.tolist()
    ]


def _converted(values: Values, places: Any, period: int) -> list[list[Any]]:
    """Return the converted values (折算), gaps as nulls; nothing when there is none."""
    there = places[np.isfinite(values.converted[places])]
    drawn = _drawn(values.converted[there], np.zeros(len(there), np.int64))
    breaks = _breaks(values.start[there], drawn, period)
    found: list[list[Any]] = []
    for one in drawn.tolist():
        if one in breaks:
            found.append([breaks[one], None])
        found.append([int(values.start[there[one]]) * 1000, float(values.converted[there[one]])])
    return found

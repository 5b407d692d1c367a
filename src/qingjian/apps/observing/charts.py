"""JSON of charts: series with gaps, flags, limit lines and marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.network import queries as network
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.apps.observing import queries
from qingjian.quality.flags import Validity, flag_meaning

PERIOD_SECONDS = {"realtime": 60, "minute": 60, "hour": 3600, "day": 86400, "month": 2678400}
MOST_POINTS = 20_000


def validity(flag: str, series: Series) -> tuple[str, str]:
    """Return how a device's mark is drawn (ok, look, bad) and what it means in the present language."""
    try:
        meaning = flag_meaning(flag, series.medium, "2017")
    except (KeyError, ValueError):
        return "look", flag
    word = {Validity.VALID: "ok", Validity.NEEDS_LOOK: "look", Validity.INVALID: "bad"}[meaning.validity]
    english = (get_language() or "").startswith("en")
    return word, meaning.meaning_en if english else meaning.meaning_zh


def chart(
    user: Any,
    series: Sequence[Series],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Return what the chart draws; a gap is an explicit null, never a line across."""
    table = queries.observations(user, series, statistic, start, end, as_of)
    shown = []
    for one in series:
        rows = table.filter(pc.equal(table.column("series"), one.pk))
        period = one.expected.get(statistic) or PERIOD_SECONDS.get(statistic, 3600)
        shown.append(
            {
                "code": one.code,
                "name": str(one.factor),
                "place": one.point.name,
                "unit": one.unit,
                "decimals": one.decimals,
                "origin": one.origin,
                "origin_text": one.get_origin_display(),
                "notice": one.notice,
                "points": _points(rows, one, period),
                "limits": _limits(one, statistic, end),
            }
        )
    marks = []
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
        "statistic": statistic,
        "from": _milliseconds(start),
        "to": _milliseconds(end),
        "texts": {
            "limit": _("limit"),
            "no_data": _("No data in this period."),
            "flag": _("mark"),
            "value": _("value"),
            "table": _("Table"),
        },
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _points(rows: pa.Table, series: Series, period: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    meanings: dict[str, tuple[str, str]] = {}
    previous: int | None = None
    starts = rows.column("start").to_pylist()
    values = rows.column("value").to_pylist()
    flags = rows.column("flag").to_pylist()
    for start, value, flag in zip(
        starts[-MOST_POINTS:], values[-MOST_POINTS:], flags[-MOST_POINTS:], strict=True
    ):
        moment = int(start.replace(tzinfo=start.tzinfo or UTC).timestamp() * 1000)
        if previous is not None and moment - previous > period * 1500:
            found.append([previous + period * 1000, None, "", "gap"])
        flag = flag or ""
        if flag not in meanings:
            meanings[flag] = validity(flag, series)
        found.append([moment, value, flag, meanings[flag][0]])
        previous = moment
    return found


def _limits(series: Series, statistic: str, at: datetime) -> list[dict[str, Any]]:
    outlet = series.point.outlet_id
    if outlet is None:
        return []
    rows = PermitLimit.objects.filter(outlet_id=outlet, factor=series.factor, averaging=statistic)
    found = []
    for limit in network.in_force(rows, at):
        for value in (limit.upper, limit.lower):
            if value is not None:
                found.append({"value": float(value), "basis": limit.basis})
    return found

"""The newest values of some series with the chart below them: on the page of a point and of a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import User
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Series, Source
from qingjian.apps.observing import present, queries, words
from qingjian.apps.observing.own import platform_series
from qingjian.apps.observing.values import newest_status
from qingjian.contracts.current import now
from qingjian.contracts.latest import LatestValue

RANGES = {
    "day": (timedelta(days=1), _("24 hours")),
    "week": (timedelta(days=7), _("7 days")),
    "month": (timedelta(days=31), _("31 days")),
    "year": (timedelta(days=366), _("1 year")),
}
Row = dict[str, Any]


def ordered(series: Iterable[Series]) -> list[Series]:
    """Return measured series first, each kind in the order they were registered."""
    return sorted(series, key=lambda one: (one.origin == "simulated", one.pk))


def rows_of(user: User, series: Sequence[Series]) -> list[Row]:
    """Return series, newest value, newest hour, mark and its meaning; what the platform made stands beside its series."""
    beside = set(platform_series(list(series)).values())
    latest: dict[int, dict[str, Any]] = {}
    for value in queries.latest_of(user, [one.pk for one in series]):
        latest.setdefault(value.series, {})[value.statistic] = value
    newest = {
        one.pk: present.present(latest[one.pk].values(), one.expected) for one in series if one.pk in latest
    }
    judged = newest_status(list(series), newest)
    return [
        {
            "series": one,
            "newest": newest.get(one.pk),
            "hour": latest.get(one.pk, {}).get("hour"),
            **_shown(one, newest.get(one.pk)),
            **judged.get(one.pk, {"mark": "", "meaning": ""}),
        }
        for one in series
        if one.pk not in beside
    ]


def _shown(series: Series, value: LatestValue | None) -> Row:
    """Return which arriving values may take the place of the shown one, and what a mean of a longer period is called."""
    long = value is not None and value.statistic not in present.SHORT
    return {
        "statistics": " ".join(present.statistics(series.expected)),
        "end": int(present.period_end(value).timestamp() * 1000) if value else "",
        "statistic": words.STATISTICS.get(value.statistic, "") if long else "",
    }


def panel(
    request: HttpRequest, groups: Sequence[tuple[str, list[Row]]], comparable: Sequence[tuple[str, str]] = ()
) -> Row:
    """Return what `observing/series_chart.html` shows: rows under their titles, and how the chart begins."""
    series = [row["series"] for _title, rows in groups for row in rows]
    codes = [one.code for one in series]
    statistics = [
        name
        for name in words.STATISTICS
        if any(name in one.expected for one in series) or name in ("hour", "day", "month")
    ]
    return {
        "groups": groups,
        "chosen": [code for code in request.GET.getlist("series") if code in codes] or codes[:1],
        "comparable": comparable,
        "statistics": [(name, words.STATISTICS[name]) for name in statistics],
        "statistic": request.GET.get("statistic", "hour"),
        "ranges": [(name, text) for name, (_delta, text) in RANGES.items()],
        "range": request.GET.get("range", "week"),
        "now": now(),
    }


def of_source(request: HttpRequest, source: Source) -> Mapping[str, Any]:
    """Return the panel of a source: the series of each of its outlets that the reader may see."""
    series = network.series_visible_to(request.user).filter(point__outlet__source=source)
    rows = rows_of(request.user, ordered(series.select_related("point__outlet", "factor")))
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["series"].point.outlet.code):
        groups.setdefault(row["series"].point.outlet.name, []).append(row)
    return panel(request, list(groups.items()))

"""Months and years of outlets: mean concentrations against the limits of a permit or standard for that period.

Waste water is weighted by its flow over the hours of valid days (HJ 356), flue gas is the mean of its valid hours (HJ 75), as
the tables have both from memory (U). Nothing was found for years, which are made as the months are, nor for the share of hours
that must be valid in a month of waste water.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from qingjian.apps.evaluation import in_service
from qingjian.apps.evaluation.bounds import LONG, Bound, mean_item_of
from qingjian.apps.evaluation.drafts import Chosen, Draft, midnight, month_of, next_month, short
from qingjian.apps.evaluation.outlets import Block, Outlet, exceeding
from qingjian.apps.evaluation.outlets import outlets as outlets_since
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.rulebook import Rulebook
from qingjian.standards.emissions.judgement import period_of
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder

LOOKED_BACK = timedelta(days=7)
"""A period is worked out once more in the days after it: the last ones of an outlet may have no data that ask for it."""


@dataclass(frozen=True)
class Span:
    """An averaging period that is made of whole months."""

    averaging: str
    kind: str
    title: Text
    mean: Text

    def begin(self, day: date) -> date:
        """Return the first day of the period a day lies in."""
        return month_of(day) if self.averaging == "month" else date(day.year, 1, 1)

    def following(self, first: date) -> date:
        """Return the first day of the next period."""
        return next_month(first) if self.averaging == "month" else date(first.year + 1, 1, 1)

    def name(self, first: date) -> str:
        return f"{first:%Y-%m}" if self.averaging == "month" else f"{first:%Y}"


SPANS = (
    Span("month", "outlet_month", Text("排口评价（月）", "outlet, month"), Text("月均值", "monthly mean")),
    Span("year", "outlet_year", Text("排口评价（年）", "outlet, year"), Text("年均值", "yearly mean")),
)
BY_KIND = {one.kind: one for one in SPANS}


def held(outlet: Outlet, span: Span, first: date, book: Rulebook) -> list[tuple[Series, bool, list[Bound]]]:
    """Return what the means of a period are held against.

    The limits in force on its first day; of what had none then, those in force on its last.
    """
    found = outlet.held(first, span.averaging, book)
    known = {(series.pk, converted) for series, converted, _bounds in found}
    last = span.following(first) - timedelta(days=1)
    return found + [
        one for one in outlet.held(last, span.averaging, book) if (one[0].pk, one[1]) not in known
    ]


def evaluate(book: Rulebook, first: date, last: date, today: date, chosen: Chosen) -> Iterator[Draft]:
    """Evaluate the months and years that are over and that days first … last belong to, or follow by a week at most."""
    if not (PermitLimit.objects.filter(averaging__in=LONG).exists() or _in_standards(book)):
        return
    since = date((first - LOOKED_BACK).year, 1, 1)
    outlets = [one for one in outlets_since(book, since) if chosen.has(one.point.pk)]
    out = in_service.pauses([one.point for one in outlets])
    for span in SPANS:
        begin = span.begin(first - LOOKED_BACK)
        while begin <= last and span.following(begin) <= today:
            own = [one for one in outlets if held(one, span, begin, book)]
            if own:
                block = Block(book, own, begin, span.following(begin) - timedelta(days=1))
                for outlet in own:
                    made = _evaluated(block, outlet, span, out)
                    if made is not None:
                        yield made
            begin = span.following(begin)


@lru_cache(maxsize=8)
def _in_standards(book: Rulebook) -> bool:
    """Say whether any emission standard has a limit of a month or a year."""
    return any(_long(row["averaging_period"]) for row in book.rows("emission_limits"))


def _long(text: str) -> bool:
    try:
        return period_of(text) in LONG
    except EvaluationError:  # what nobody can read judges nothing
        return False


def in_service_hours(block: Block, outlet: Outlet, out: in_service.Pauses) -> np.ndarray:
    """Return the hours of a block in which an outlet was in service."""
    days = [block.first + timedelta(days=place) for place in range(block.count)]
    return np.repeat([in_service.served_on(out, outlet.point.pk, day) for day in days], 24)


def mean_of(
    block: Block, outlet: Outlet, series: Series, converted: bool, span: Span, out: in_service.Pauses
) -> tuple[float | None, int, int, int | None]:
    """Return the mean of a period, None where it is not valid, how many hours count and were due, and how many days count.

    Of waste water the hours of days whose own mean is not valid are due, and do not count; days are None for other means.
    """
    volume, served = block.volume(outlet), in_service_hours(block, outlet, out)
    counts, days = np.ones(len(served), np.bool_), None
    if outlet.medium == "water" and series.averaging == "flow_weighted":
        valid = [
            block.mean_of(outlet, series, converted, slice(day * 24, day * 24 + 24), volume, served=served)[0]
            is not None
            for day in range(block.count)
        ]
        counts, days = np.repeat(valid, 24), sum(valid)
    value, good, due = block.mean_of(
        outlet,
        series,
        converted,
        slice(0, block.count * 24),
        volume,
        averaging=span.averaging,
        served=served,
        counts=counts,
    )
    return value, good, due, days


def _evaluated(block: Block, outlet: Outlet, span: Span, out: in_service.Pauses) -> Draft | None:
    items, used = [], {}
    served = in_service_hours(block, outlet, out)
    for series, converted, bounds in held(outlet, span, block.first, block.book):
        value, valid, due, _days = mean_of(block, outlet, series, converted, span, out)
        if valid == 0 and not np.any(np.isfinite(block.hours.of(series.pk, "value")) & served):
            continue
        items.append(mean_item_of(series, bounds, value, valid, due))
        used[series.factor.wire_code] = value
    if not items:
        return None
    row = exceeding(outlet, span.kind, midnight(block.first), items)
    row.values = {"used": used}
    row.confidence = "U"  # how the mean is made and when it is valid rests on unverified rows
    return row


def explain_mean(
    made: TraceBuilder, block: Block, outlet: Outlet, series: Series, converted: bool, span: Span
) -> None:
    """Say of what hours the mean of a period is made, and whether they are enough."""
    out = in_service.pauses([outlet.point])
    value, valid, due, days = mean_of(block, outlet, series, converted, span, out)
    way = (
        Text(
            f"{days} 个有效日按流量加权 Σ(C·Q)/ΣQ",
            f"weighted by flow over {days} valid days, Σ(C·Q)/ΣQ",
        )
        if days is not None
        else Text("有效小时的算术平均", "arithmetic mean of the valid hours")
    )
    name, code = series.factor.name_zh, series.factor.wire_code
    row = block.share(outlet, span.averaging)
    needed = row["value"]
    figure = "–" if value is None else f"{short(value)}"
    made.step(
        f"{name} {span.name(block.first)} {span.mean.zh}: {way.zh} = {figure}（有效小时 {valid}/{due}，至少 {needed}%）",
        f"{code} {span.mean.en} of {span.name(block.first)}: {way.en} = {figure} ({valid} of {due} hours valid, {needed}% needed)",
        [row],
    )
    made.step(
        f"{span.mean.zh}的计算方法和有效性凭记忆录入或沿用，未与标准原文核对",
        f"how a {span.mean.en} is made and when it is valid is told from memory or carried on, not compared with a text",
        [row],
    )

"""What a clue states: one paragraph in both languages, tests, circumstances, and the data of its chart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from qingjian.apps.integrity.panels import Group, day_of, midnight
from qingjian.apps.integrity.words import MONTH
from qingjian.apps.network.models import Series
from qingjian.apps.observing.services import ClueStatement
from qingjian.screening.context import Expectation
from qingjian.screening.findings import Finding
from qingjian.screening.learning import Learned
from qingjian.screening.panel import Panel
from qingjian.screening.plots import Row, plot_of
from qingjian.screening.record import Record, alone, join
from qingjian.screening.wording import KINDS, one_in


def finding_record(group: Group, finding: Finding, series: Series) -> dict[str, Any]:
    """Return a finding as plain values, with the names people know instead of codes."""
    other = next((one.name for one in group.stations if one.code == finding.other_station), "")
    named = replace(finding, station=series.point.name, other_station=other)
    zh = replace(named, parameter=series.factor.name_zh).text()[0]
    en = replace(named, parameter=series.factor.name_en).text()[1]
    record = finding.as_record()
    # The chart is drawn for months and twins too, and with the stations around: see `Drawing`.
    record.pop("plot", None)
    return {
        **record,
        "other_station": finding.other_station,
        "text_zh": zh,
        "text_en": en,
    }


def month_record(series: Series, month: str, score: float, kind: str, low: bool) -> dict[str, Any]:
    """Return the record of a month that is suspect as a whole although no single day is."""
    words = KINDS.get(kind, KINDS[""])
    rare = one_in(1 - score)
    zh = (
        f"{series.point.name} {series.factor.name_zh} {month} 整月数据{words.zh}：单日都不突出，整月合并后异常。"
        f"正常历史中约每 {rare} 个月有一个月达到这一程度。需先排除：{words.innocent_zh}。"
        f"{'历史不足或难以比较，结论可信度低。' if low else ''}"
    )
    en = (
        f"{series.point.name} {series.factor.name_en}, {month} as a whole: resembles {words.en}. No single day "
        f"stands out, the month does. About 1 in {rare} honest months reaches this. "
        f"Rule out first: {words.innocent_en}.{' Little or hardly comparable history: low confidence.' if low else ''}"
    )
    return {
        "station": series.point.code,
        "parameter": series.factor.code,
        "score": round(score, 6),
        "fault_score": 0.0,
        "kind": kind,
        "confidence": "low" if low else "normal",
        "rule": MONTH,
        "other_station": "",
        "circumstances": list(words.circumstances),
        "tests": [],
        "text_zh": zh,
        "text_en": en,
        "fault": False,
    }


def statement(series: Series, record: dict[str, Any], first: int, last: int) -> ClueStatement:
    """Return what goes into the clue; `first` and `last` are days since 1970-01-01."""
    words = KINDS.get(record["kind"], KINDS[""])
    return ClueStatement(
        series_id=series.pk,
        start=midnight(day_of(first)),
        end=midnight(day_of(last) + timedelta(days=1)),
        score=record["score"],
        statement=record["text_zh"],
        statement_en=record["text_en"],
        evidence={**record, "innocent_zh": words.innocent_zh, "innocent_en": words.innocent_en},
        confidence=record["confidence"],
        simulated=series.origin == "simulated",
    )


class Drawing:
    """Draws the charts of one group: values, what was expected from the context, and the stations around."""

    def __init__(self, panel: Panel, learned: Learned | None) -> None:
        self._record: Record = join(learned.history, panel) if learned is not None else alone(panel)
        self._learned = learned
        self._shaped = learned.models.context.shaped(self._record) if learned is not None else None
        self._station = {one.code: i for i, one in enumerate(self._record.stations)}
        self._parameter = {one.code: i for i, one in enumerate(self._record.parameters)}

    def chart(self, point: str, factor: str, first: int, last: int) -> dict[str, Any]:
        """Return the plot of the days with a week around, times in milliseconds; rows without any value are empty."""
        record = self._record
        s, p = self._station[point], self._parameter[factor]
        if self._learned is None or self._shaped is None:
            nothing = np.full(record.days * 24, np.nan)
            guess, back = Expectation(nothing, nothing), np.array
        else:
            context = self._learned.models.context
            guess, back = context.expect(record, self._shaped, s, p), context.shapes[p].back
        drawn = plot_of(record, guess, back, s, p, first - record.first_day, last - record.first_day)
        (begin, end), *_others = drawn.marked
        return {
            "start": _milliseconds(drawn.start),
            "step": drawn.step * 60_000,
            "values": list(drawn.values),
            "around": _known(drawn.around),
            "stations": drawn.stations,
            "unit": drawn.unit,
            "limit": drawn.limit,
            "first": _milliseconds(begin),
            "last": _milliseconds(end),
            "expected": _known(drawn.expected),
            "low": _known(drawn.low),
            "high": _known(drawn.high),
        }


def _milliseconds(minute: int) -> int:
    """Return a local minute of a panel as milliseconds since 1970-01-01 UTC."""
    return int(midnight(day_of(0)).timestamp() * 1000) + minute * 60_000


def _known(row: Row) -> list[float | None]:
    return list(row) if any(value is not None for value in row) else []

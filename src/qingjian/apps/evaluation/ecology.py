"""Ecological quality: the index of a year from its four parts, and the class of change against the year before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import laboratory, samples
from qingjian.apps.evaluation.drafts import Draft, midnight
from qingjian.apps.evaluation.samples import Sample
from qingjian.apps.network.models import Point, Series
from qingjian.rulebook import Rulebook
from qingjian.standards import ecology
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder
from qingjian.standards.quantity import measured

PARTS = {"生态格局": "structure", "生态功能": "function", "生物多样性": "diversity", "生态胁迫": "stress"}
STATISTIC = "year"


def points() -> list[Point]:
    return laboratory.points_of("ecology")


def item_of(series: Series) -> str | None:
    name = series.factor.name_zh
    return name if series.medium == "ecology" and name in PARTS else None


def year(sample: Sample, before: Sample | None, book: Rulebook) -> Draft:
    """Work out the index of one area and year; all four parts are needed."""
    trace = TraceBuilder(Text("生态质量指数（年）", "ecological quality index, year"))
    _usable(sample)
    sample.explain(trace)
    missing = [name for name in PARTS if name not in sample.given]
    values: dict[str, Any] = sample.plain()
    row = Draft(
        "ecology_year", sample.point.pk, sample.point.region_id, midnight(sample.day), "", values, "V"
    )
    if missing:
        names = "、".join(missing)
        trace.step(f"缺 {names}，不计算 EQI", f"{names} missing: no EQI")
    else:
        found = _quality(sample, book)
        trace.include(found.trace)
        row.category = found.cls
        row.edition = next(iter(found.trace.editions), "")
        row.result = {
            "eqi": float(found.value),
            "parts": {name: float(value) for name, value in found.parts.items()},
            "place": "一二三四五".index(found.cls[0]),
        }
        if before is not None:
            _usable(before)
        if before is not None and all(name in before.given for name in PARTS):
            earlier = _quality(before, book)
            change = ecology.change(found.value, earlier.value, rulebook=book)
            trace.include(change.trace)
            values["before"] = before.plain()["used"]
            row.result |= {
                "change": round(float(change.difference), 2),
                "change_label": change.label,
                "before": float(earlier.value),
            }
        else:
            trace.step("上一年没有完整数据，不评价变化", "no complete data of the year before: no change")
    made = trace.done()
    row.confidence = made.confidence.value
    row.trace = made.to_dict()
    return row


def _usable(sample: Sample) -> None:
    sample.keep_usable(lambda item, one: measured(one, item, "", highest=Decimal(100)))


def _quality(sample: Sample, book: Rulebook) -> ecology.EcologicalQuality:
    return ecology.quality(**{PARTS[name]: sample.given[name] for name in PARTS}, rulebook=book)


def evaluate(book: Rulebook, first: date, last: date, until: Any, chosen: set[int] | None) -> Iterator[Draft]:
    """Yield the years that begin within natural days first … last, and the years after them: their change follows."""
    own = [one for one in points() if chosen is None or one.pk in chosen]
    begin, end = date(first.year - 1, 1, 1), date(last.year + 1, 12, 31)
    found = {(one.point.pk, one.day.year): one for one in samples.read(own, begin, end, item_of, STATISTIC)}
    for (point, number), sample in sorted(found.items()):
        if first.year <= number <= last.year + 1:
            try:
                yield year(sample, found.get((point, number - 1)), book)
            except EvaluationError as error:
                trace = TraceBuilder(Text("生态质量指数（年）", "ecological quality index, year"))
                trace.step(error.zh, error.en)
                made = trace.done()
                yield Draft(
                    "ecology_year",
                    sample.point.pk,
                    sample.point.region_id,
                    midnight(sample.day),
                    "",
                    sample.plain(),
                    made.confidence.value,
                    trace=made.to_dict(),
                )

"""Ecological quality: the index of a year from its four parts, entered or worked out from the office's own indicators, and the
class of change against the year before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import laboratory, samples
from qingjian.apps.evaluation.drafts import Chosen, Draft, day_of, midnight
from qingjian.apps.evaluation.samples import Sample
from qingjian.apps.network.models import Point, Series
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.rulebook import Rulebook
from qingjian.standards import ecology
from qingjian.standards.ecology_tree import TABLE, IndicatorTree, Node, PartIndex, indicator_tree
from qingjian.standards.errors import EvaluationError
from qingjian.standards.explanation import Text, TraceBuilder
from qingjian.standards.quantity import measured

PARTS = {"生态格局": "structure", "生态功能": "function", "生物多样性": "diversity", "生态胁迫": "stress"}
STATISTIC = "year"


def points(since: date | None = None) -> list[Point]:
    return laboratory.points_of("ecology", since)


def item_of(series: Series) -> str | None:
    """The part or indicator a series holds; None for what is neither."""
    name = series.factor.name_zh
    if series.medium != "ecology":
        return None
    return name if name in PARTS or rulebook().rows(TABLE, item=name) else None


def _parts(
    sample: Sample, book: Rulebook, trace: TraceBuilder | None = None
) -> tuple[dict[str, Any], list[PartIndex]]:
    """Return the parts of a year, entered or worked out, and those that were worked out.

    Where indicators are missing or the office's table is broken, a part that was entered as such stands in.
    """
    values: dict[str, Any] = {}
    computed: list[PartIndex] = []
    try:
        tree: IndicatorTree | None = indicator_tree(date(sample.day.year, 12, 31), rulebook=book)
    except EvaluationError as error:
        tree = None
        if trace is not None:
            trace.step(
                f"本机关指标表不可用：{error.zh}", f"the office's own indicators are no tree: {error.en}"
            )
    for name in PARTS:
        if tree is not None and tree.covers(name):
            try:
                computed.append(tree.part(name, sample.given))
            except EvaluationError as error:
                if trace is not None:
                    trace.step(f"{name} 不能由下级指标计算：{error.zh}", f"{name} not worked out: {error.en}")
            else:
                values[name] = computed[-1].value
                continue
        if name in sample.given:
            values[name] = sample.given[name]
    return values, computed


def year(sample: Sample, before: Sample | None, book: Rulebook) -> Draft:
    """Work out the index of one area and year; all four parts are needed."""
    trace = TraceBuilder(Text("生态质量指数（年）", "ecological quality index, year"))
    book = book.on(date(sample.day.year, 12, 31))
    _usable(sample)
    sample.explain(trace)
    parts, computed = _parts(sample, book, trace)
    missing = [name for name in PARTS if name not in parts]
    values: dict[str, Any] = sample.plain()
    row = Draft(
        "ecology_year", sample.point.pk, sample.point.region_id, midnight(sample.day), "", values, "V"
    )
    if missing:
        names = "、".join(missing)
        trace.step(f"缺 {names}，不计算 EQI", f"{names} missing: no EQI")
    else:
        found = _quality(parts, computed, book)
        trace.include(found.trace)
        row.category = found.cls
        row.edition = next(iter(found.trace.editions), "")
        row.result = {
            "eqi": float(found.value),
            "parts": {name: float(value) for name, value in found.parts.items()},
            "place": "一二三四五".index(found.cls[0]),
        }
        if computed:
            row.result["tree"] = [_node(one) for part in computed for one in _with_part(part)]
            row.result["own"] = sorted({row_.standard for part in computed for row_ in part.trace.rows})
        earlier_parts: dict[str, Any] = {}
        if before is not None:
            _usable(before)
            earlier_parts, earlier_computed = _parts(before, book)
        if before is not None and len(earlier_parts) == len(PARTS):
            earlier = _quality(earlier_parts, earlier_computed, book)
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


def _with_part(part: PartIndex) -> Iterator[Node]:
    yield Node(part.part, "", 1, Decimal(1), None, "", part.value)
    yield from part.nodes


def _node(one: Node) -> dict[str, Any]:
    return {
        "name": one.name,
        "level": one.level,
        "weight": float(one.weight) if one.level > 1 else None,
        "given": one.given,
        "unit": one.unit,
        "score": round(float(one.score), 2),
    }


def _usable(sample: Sample) -> None:
    """Leave out impossible values of the parts; those of indicators are refused where the tree needs them."""
    sample.keep_usable(
        lambda item, one: measured(one, item, "", highest=Decimal(100)) if item in PARTS else None
    )


def _quality(
    parts: Mapping[str, Any], computed: Sequence[PartIndex], book: Rulebook
) -> ecology.EcologicalQuality:
    return ecology.quality(**{PARTS[name]: parts[name] for name in PARTS}, computed=computed, rulebook=book)


def evaluate(book: Rulebook, first: date, last: date, until: datetime, chosen: Chosen) -> Iterator[Draft]:
    """Yield the years that begin within natural days first … last, and the years after them: their change follows."""
    own = [one for one in points(date(first.year, 1, 1)) if chosen.has(one.pk)]
    begin, end = date(first.year - 1, 1, 1), min(date(last.year + 1, 12, 31), day_of(until))
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

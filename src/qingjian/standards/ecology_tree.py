"""The indices below the four parts of the ecological quality index, by an office's own table of indicators and weights.

The names and weights of the 11 and 18 indicators of 环监测〔2021〕99号 are not known here. An office that has them enters them as
rows of the table `eqi_indicators`; what is worked out from them says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured

TABLE = "eqi_indicators"
PARTS = ("生态格局", "生态功能", "生物多样性", "生态胁迫")
DIRECTIONS = ("", "positive", "negative")
"""Of an indicator: more is better (also when empty), or less is better. Below 生态胁迫 "better" means more stress."""
_HIGHEST = Decimal(100)
_TOLERANCE = Decimal("0.001")
"""How far the weights of one index may add up to something else than 1: published weights are rounded."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One index below a part: its share of the index above it, and how a measured value becomes 0–100.

    With bounds `(x − lowest) / (highest − lowest) · 100`, cut off at 0 and 100; without, the value is an index of 0–100 already.
    """

    name: str
    above: str
    weight: Decimal
    negative: bool
    lowest: Decimal | None
    highest: Decimal | None
    unit: str
    row: Row


@dataclass(frozen=True, slots=True)
class Node:
    """One index of a computed tree. `level` 2 or 3; `given` as entered, None where it was worked out from those below."""

    name: str
    above: str
    level: int
    weight: Decimal
    given: str | None
    unit: str
    score: Decimal


@dataclass(frozen=True, slots=True)
class PartIndex:
    """One of the four parts from the indicators below it, 0–100."""

    part: str
    value: Decimal
    nodes: tuple[Node, ...]
    trace: Trace


class IndicatorTree:
    """The indicators of an office on one day. Raises InputError for a table that cannot be a tree."""

    def __init__(self, rows: Iterable[Row]) -> None:
        rows = tuple(rows)
        problems = tree_problems(rows)
        if problems:
            raise InputError("；".join(one.zh for one in problems), "; ".join(one.en for one in problems))
        self._below: dict[str, list[Indicator]] = {}
        for row in rows:
            self._below.setdefault(row["parent"], []).append(_indicator(row))

    def __bool__(self) -> bool:
        return bool(self._below)

    def covers(self, part: str) -> bool:
        """Whether a part is worked out from indicators."""
        return part in self._below

    def leaves(self, part: str) -> tuple[Indicator, ...]:
        """The indicators of a part that are measured and entered."""
        return tuple(self._leaves(part))

    def _leaves(self, name: str) -> Iterator[Indicator]:
        for one in self._below.get(name, ()):
            if one.name in self._below:
                yield from self._leaves(one.name)
            else:
                yield one

    def part(self, part: str, given: Mapping[str, Given]) -> PartIndex:
        """Work out a part from its indicators. Raises InputError where one is missing or impossible."""
        missing = [one.name for one in self.leaves(part) if one.name not in given]
        if missing:
            raise InputError(f"{part} 缺指标 {'、'.join(missing)}", f"{part} lacks {', '.join(missing)}")
        trace = TraceBuilder(Text(f"{part}（按本机关指标表）", f"{part} by the office's own indicators"))
        nodes: list[Node] = []
        value = self._index(part, given, 2, nodes, trace)
        documents = "、".join(dict.fromkeys(row.standard for row in self._rows(part)))
        trace.step(
            f"{part} 以下的指标与权重为本机关所定（{documents}），随系统的依据不含这些内容",
            f"indicators and weights below {part} are this office's own ({documents}); they do not ship with the system",
        )
        return PartIndex(part, value, tuple(nodes), trace.done())

    def _rows(self, name: str) -> Iterator[Row]:
        for one in self._below.get(name, ()):
            yield one.row
            yield from self._rows(one.name)

    def _index(
        self, name: str, given: Mapping[str, Given], level: int, nodes: list[Node], trace: TraceBuilder
    ) -> Decimal:
        total, weights, shown = Decimal(0), Decimal(0), []
        for one in self._below[name]:
            place = len(nodes)
            if one.name in self._below:
                score, entered = self._index(one.name, given, level + 1, nodes, trace), None
            else:
                score, entered = _scored(one, given[one.name], trace)
            nodes.insert(place, Node(one.name, name, level, one.weight, entered, one.unit, score))
            total += one.weight * score
            weights += one.weight
            shown.append(f"{plain(one.weight)}×{plain(score.quantize(Decimal('0.0001')))}")
        found = total / weights
        divided = "" if weights == 1 else f" / {plain(weights)}"
        formula = f"{name} = ({' + '.join(shown)}){divided} = {plain(found.quantize(Decimal('0.0001')))}"
        trace.step(formula, formula, [one.row for one in self._below[name]])
        return found


def indicator_tree(on: date, *, rulebook: Rulebook | None = None) -> IndicatorTree:
    """The office's own tree in force on a day; empty where it has none. Raises InputError."""
    return IndicatorTree((rulebook or packaged()).rows(TABLE, on))


def tree_problems(rows: Iterable[Row]) -> list[Text]:
    """What keeps rows of the table from being a tree: parents, depth, weights, bounds, directions."""
    rows = list(rows)
    above = {row["item"]: row["parent"] for row in rows}
    found = [problem for row in rows for problem in _row_problems(row, above)]
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["parent"]] = sums.get(row["parent"], Decimal(0)) + Decimal(row["weight"])
    found += [
        Text(
            f"{name} 以下各指标的权重之和为 {plain(total)}，应为 1（同一上级的指标请在一个文件中一起提出）",
            f"the weights below {name} add up to {plain(total)}, not 1 (propose all indicators of one parent in one file)",
        )
        for name, total in sums.items()
        if abs(total - 1) > _TOLERANCE
    ]
    return found


def _row_problems(row: Row, above: Mapping[str, str]) -> Iterator[Text]:
    item, parent = row["item"], row["parent"]
    if item in PARTS:
        yield Text(
            f"{item} 是一级指标，不能作为下级", f"{item} is one of the four parts and cannot stand below"
        )
    if parent not in PARTS and above.get(parent) not in PARTS:
        yield Text(
            f"{item} 的上级 {parent} 不是一级指标，也不是其下的二级指标",
            f"{parent}, above {item}, is neither one of the four parts nor directly below one",
        )
    if not 0 < Decimal(row["weight"]) <= 1:
        yield Text(f"{item} 的权重应大于 0、不大于 1", f"the weight of {item} must be above 0 and at most 1")
    if row.values.get("direction", "") not in DIRECTIONS:
        yield Text(
            f"{item} 的方向只能为空、positive 或 negative",
            f"the direction of {item} is empty, positive or negative",
        )
    low, high = (row.values.get(name, "") for name in ("lo", "hi"))
    if bool(low) != bool(high) or (low and high and Decimal(low) >= Decimal(high)):
        yield Text(
            f"{item} 的上下限须成对且下限小于上限",
            f"the bounds of {item} come as a pair, the lower below the higher",
        )


def _indicator(row: Row) -> Indicator:
    bounds = [Decimal(row.values[name]) if row.values.get(name) else None for name in ("lo", "hi")]
    return Indicator(
        row["item"],
        row["parent"],
        Decimal(row["weight"]),
        row.values.get("direction") == "negative",
        bounds[0],
        bounds[1],
        row.values.get("unit", ""),
        row,
    )


def _scored(one: Indicator, given: Given, trace: TraceBuilder) -> tuple[Decimal, str]:
    """0–100 and the value as entered."""
    if one.lowest is None or one.highest is None:
        item = measured(given, one.name, one.unit, highest=_HIGHEST)
        score = item.value
    else:
        item = measured(given, one.name, one.unit, lowest=None)
        exact = (item.value - one.lowest) / (one.highest - one.lowest) * _HIGHEST
        score = min(_HIGHEST, max(Decimal(0), exact))
        cut = "" if score == exact else "，截于界限", "" if score == exact else ", cut off at the bound"
        shown = plain(score.quantize(Decimal("0.0001")))
        trace.step(
            f"{one.name}：({item.received} − {plain(one.lowest)}) / ({plain(one.highest)} − {plain(one.lowest)}) × 100 = {shown}{cut[0]}",
            f"{one.name}: ({item.received} − {plain(one.lowest)}) / ({plain(one.highest)} − {plain(one.lowest)}) × 100 = {shown}{cut[1]}",
        )
    trace.use(item)
    if one.negative:
        score = _HIGHEST - score
        trace.step(
            f"{one.name} 为逆向指标，取 100 − x = {plain(score)}",
            f"{one.name}: less is better, 100 − x = {plain(score)}",
        )
    return score, item.received

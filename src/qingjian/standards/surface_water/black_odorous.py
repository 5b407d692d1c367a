"""Black-odorous urban water: mild or severe by dissolved oxygen, ammonia and transparency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.errors import InputError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Given, measured
from qingjian.standards.surface_water.items import measured_item

Grade = Literal["none", "mild", "severe"]
_GRADES: tuple[Grade, ...] = ("none", "mild", "severe")
_WORDS = {"none": "未达黑臭", "mild": "轻度黑臭", "severe": "重度黑臭"}


@dataclass(frozen=True, slots=True)
class BlackOdorous:
    """Grade of a point by its worst indicator."""

    grade: Grade
    label: str
    indicators: dict[str, Grade]
    trace: Trace


def grade(
    *,
    oxygen: Given | None = None,
    ammonia: Given | None = None,
    transparency: Given | None = None,
    depth: Given | None = None,
    rulebook: Rulebook | None = None,
) -> BlackOdorous:
    """Grade from dissolved oxygen (mg/L), NH3-N (mg/L), transparency (cm) and, for shallow water, depth (cm).

    In water less deep than the mild limit (25 cm) the transparency is held against 40 % of the depth instead of either
    limit: above it there is no finding. Which of the two the guide replaces has not been compared with its text; read so,
    no water is severe and yet clearer than what is mild. Raises InputError.
    """
    book = rulebook or packaged()
    rows = {row["item"]: row for row in book.rows("evaluation_parameters", subject="black_odorous")}
    trace = TraceBuilder(Text("黑臭水体判别", "black-odorous water"))
    found: dict[str, Grade] = {}
    for name, given, falling in (("DO", oxygen, True), ("NH3-N", ammonia, False), ("SD", transparency, True)):
        if given is None:
            continue
        mild, severe = rows[f"{name} mild"], rows[f"{name} severe"]
        value = measured_item(given, name, mild["unit"], book)
        trace.use(value)
        bound, worse = Decimal(mild["value"]), Decimal(severe["value"])
        used: list[Row] = [mild, severe]
        if name == "SD" and depth is not None:
            deep = measured(depth, "depth", mild["unit"])
            trace.use(deep)
            if deep.value < bound:
                used.append(rows["SD share of depth"])
                bound = worse = deep.value * Decimal(used[-1]["value"]) / 100
        found[name] = _grade(value.value, bound, worse, falling)
        trace.step(
            f"{name} {plain(value.value)} {mild['unit']}（轻度 {plain(bound)}，重度 {plain(worse)}）→ {_WORDS[found[name]]}",
            f"{name} {plain(value.value)} {mild['unit']} (mild {plain(bound)}, severe {plain(worse)}) → {found[name]}",
            used,
        )
    if not found:
        raise InputError("没有黑臭指标", "no indicator given")
    worst = max(found.values(), key=_GRADES.index)
    return BlackOdorous(worst, _WORDS[worst], found, trace.done())


def _grade(value: Decimal, mild: Decimal, severe: Decimal, falling: bool) -> Grade:
    if falling:
        return "severe" if value < severe else ("mild" if value <= mild else "none")
    return "severe" if value > severe else ("mild" if value >= mild else "none")

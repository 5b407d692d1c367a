"""Explanations: which inputs were used or rejected, which rows decided, how it was rounded, how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from qingjian.rulebook import Confidence, Row, may_act_alone
from qingjian.standards.quantity import Measured

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in Chinese and in English."""

    zh: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Input:
    """One input as received. `used` is the value that entered the calculation, None if it was rejected."""

    name: str
    received: str
    used: str | None
    unit: str
    remark: Text | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the reasoning and the ids of the rulebook rows it rests on."""

    text: Text
    row_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything a person needs to check a result by hand."""

    title: Text
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    rows: tuple[Row, ...]

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the rows used."""
        return Confidence.weakest(row.confidence for row in self.rows)

    @property
    def may_act_alone(self) -> bool:
        """False while an unverified, unconfirmed row is among the rows used."""
        return may_act_alone(self.rows)

    @property
    def editions(self) -> tuple[str, ...]:
        """Documents used, with their editions, in order of use."""
        return tuple(dict.fromkeys(row.document for row in self.rows))

    def lines(self, language: Language = "zh") -> list[str]:
        """The explanation, one line per input and step."""
        chinese = language == "zh"
        lines = [self.title[language]]
        for item in self.inputs:
            remark = f" ({item.remark[language]})" if item.remark else ""
            unit = f" {item.unit}" if item.unit not in ("", "无量纲") else ""
            if item.used is None:
                lines.append(f"{'未采用' if chinese else 'not used'}: {item.name} = {item.received}{remark}")
            else:
                shown = item.used if item.used == item.received else f"{item.received} → {item.used}"
                lines.append(f"{'采用' if chinese else 'used'}: {item.name} = {shown}{unit}{remark}")
        lines.extend(step.text[language] for step in self.steps)
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(row.citation if row.replaces else row.document, []).append(row)
        for name, rows in groups.items():
            mark = Confidence.weakest(row.confidence for row in rows)
            clauses = ", ".join(dict.fromkeys(row.clause for row in rows if row.clause and not row.replaces))
            label = mark.label_zh if chinese else mark.label_en
            lines.append(
                f"{'依据' if chinese else 'basis'}: {name} {clauses} [{mark.value} {label}]".replace(
                    "  ", " "
                )
            )
        if not self.may_act_alone:
            lines.append(
                "含未核实规则，仅供计算和提示，不能单独作为处罚或结论依据"
                if chinese
                else "rests on unverified rules: computes and warns, cannot act alone"
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """JSON form for storage, API and command line."""
        return {
            "title": {"zh": self.title.zh, "en": self.title.en},
            "inputs": [
                {"name": i.name, "received": i.received, "used": i.used, "unit": i.unit}
                | ({"remark": {"zh": i.remark.zh, "en": i.remark.en}} if i.remark else {})
                for i in self.inputs
            ],
            "steps": [{"zh": s.text.zh, "en": s.text.en, "rows": list(s.row_ids)} for s in self.steps],
            "rows": [
                {
                    "id": row.id,
                    "citation": row.citation,
                    "edition": row.edition,
                    "confidence": row.confidence.value,
                    "confirmed": row.confirmed,
                }
                | ({"replaces": row.replaces} if row.replaces else {})
                for row in self.rows
            ],
            "editions": list(self.editions),
            "confidence": self.confidence.value,
            "may_act_alone": self.may_act_alone,
        }


@dataclass(slots=True)
class TraceBuilder:
    """Collects a trace while a result is worked out."""

    title: Text
    _inputs: list[Input] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)
    _rows: dict[str, Row] = field(default_factory=dict)

    def use(self, item: Measured, *, used: Decimal | None = None, remark: Text | None = None) -> None:
        """Note an input that entered the calculation (`used`: the value after conversion or rounding)."""
        value = item.value if used is None else used
        if item.detection_limit is not None and remark is None:
            limit = plain(item.detection_limit)
            remark = Text(f"低于检出限 {limit}，按规定比例计", f"below the detection limit {limit}")
        self._inputs.append(Input(item.name, item.received, plain(value), item.unit, remark))

    def reject(self, name: str, received: object, zh: str, en: str) -> None:
        """Note an input that was left out, and why."""
        self._inputs.append(Input(name, str(received), None, "", Text(zh, en)))

    def step(self, zh: str, en: str, rows: Iterable[Row] = ()) -> None:
        """Note a step and the rows it rests on."""
        held = tuple(rows)
        for row in held:
            self._rows.setdefault(row.id, row)
        self._steps.append(Step(Text(zh, en), tuple(row.id for row in held)))

    def include(self, trace: Trace, prefix: str = "") -> None:
        """Take over inputs, steps and rows of a part result."""
        self._inputs.extend(
            Input(prefix + item.name, item.received, item.used, item.unit, item.remark)
            for item in trace.inputs
        )
        self._steps.extend(trace.steps)
        for row in trace.rows:
            self._rows.setdefault(row.id, row)

    def done(self) -> Trace:
        """Return the trace; it says of every row of an office's own in the place of the standard's where it comes from."""
        own = [Step(_own(row), (row.id,)) for row in self._rows.values() if row.replaces]
        steps = [*self._steps, *(step for step in own if step not in self._steps)]
        return Trace(self.title, tuple(self._inputs), tuple(steps), tuple(self._rows.values()))


def _own(row: Row) -> Text:
    """Say that a row is an office's own, and who approved it against which document."""
    item = row.values.get("pollutant_cn") or row.values.get("item") or row.values.get("symbol") or row.table
    seen = row.confirmation
    zh = f"{seen.who} 于 {seen.when} 对照《{seen.document}》核准" if seen else "尚未由第二人确认"
    en = (
        f"approved by {seen.who} on {seen.when} against {seen.document}"
        if seen
        else "nobody has confirmed it"
    )
    return Text(
        f"{item}: 采用本单位（地方）规则“{row.source}”，替代 {row.replaces} 的规定；{zh}",
        f"{item}: a local rule of this office, “{row.source}”, holds in place of {row.replaces}; {en}",
    )


def plain(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text

"""Findings: alarms of successive days in words a person can check (clues, never verdicts)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qingjian.screening.calibration import p_value
from qingjian.screening.panel import Floats, Mask, day_text
from qingjian.screening.plots import Plot
from qingjian.screening.wording import KINDS, one_in, test_words

SMALLEST_P = 5e-4  # a history of a few years cannot say less
STRONG = 2.3  # normal score of a test that is worth naming (p about 1 %)
MOST_TESTS = 6
RULE_VERSION = "screening/1"


@dataclass(frozen=True)
class Evidence:
    """One test: its name, the smallest p-value in the own history, the day on which it was reached.

    `zh` and `en` say what exactly was seen, where a test has more to say than its name.
    """

    test: str
    p: float
    day: int
    zh: str = ""
    en: str = ""

    @property
    def words(self) -> tuple[str, str]:
        """What was seen, or the name of the test, in Chinese and English."""
        words = test_words(self.test)
        return self.zh or words[0], self.en or words[1]


@dataclass(frozen=True)
class Finding:
    """A clue: series, first and last day, how unusual, what speaks for what."""

    station: str
    parameter: str
    first_day: int
    last_day: int
    score: float
    fault_score: float
    kind: str
    evidence: tuple[Evidence, ...]
    confidence: str
    other_station: str = ""
    plot: Plot | None = None

    @property
    def circumstances(self) -> tuple[str, ...]:
        """Official circumstances this resembles, by id."""
        return KINDS.get(self.kind, KINDS[""]).circumstances

    @property
    def looks_like_fault(self) -> bool:
        """Whether instrument trouble explains the days better than falsification."""
        return self.fault_score > self.score

    def text(self) -> tuple[str, str]:
        """One paragraph in Chinese and in English."""
        kind = KINDS.get(self.kind, KINDS[""])
        first, last = day_text(self.first_day), day_text(self.last_day)
        tests_zh = "、".join(f"{e.words[0]}（p≤{e.p:.1g}）" for e in self.evidence)
        named = ", ".join(f"{e.words[1]} (p at most {e.p:.1g})" for e in self.evidence)
        tests_en = named[:1].upper() + named[1:]
        rare = one_in(1 - self.score)
        other_zh = f"，另一站点：{self.other_station}" if self.other_station else ""
        other_en = f" Other station: {self.other_station}." if self.other_station else ""
        fault_zh = "更像设备故障。" if self.looks_like_fault else ""
        fault_en = " Instrument trouble explains it better." if self.looks_like_fault else ""
        zh = (
            f"{self.station} {self.parameter} 在 {first} 至 {last} {kind.zh}{other_zh}：{tests_zh or '多项检验合并异常'}。"
            f"正常历史中约每 {rare} 天有一天达到这一程度。{fault_zh}需先排除：{kind.innocent_zh}。"
            f"{'历史不足或难以比较，结论可信度低。' if self.confidence == 'low' else ''}"
        )
        en = (
            f"{self.station} {self.parameter}, {first} to {last}: resembles {kind.en}.{other_en} "
            f"{tests_en or 'Several weak tests together'}. About 1 in {rare} honest days reaches this.{fault_en} "
            f"Rule out first: {kind.innocent_en}."
            f"{' Little or hardly comparable history: low confidence.' if self.confidence == 'low' else ''}"
        )
        return zh, en

    def as_record(self) -> dict[str, object]:
        """The finding as plain values, for files and pages."""
        zh, en = self.text()
        return {
            "station": self.station,
            "parameter": self.parameter,
            "from": day_text(self.first_day),
            "to": day_text(self.last_day),
            "score": round(self.score, 6),
            "fault_score": round(self.fault_score, 6),
            "kind": self.kind,
            "fault": self.looks_like_fault,
            "confidence": self.confidence,
            "rule": RULE_VERSION,
            "other_station": self.other_station,
            "circumstances": list(self.circumstances),
            "innocent_zh": KINDS.get(self.kind, KINDS[""]).innocent_zh,
            "innocent_en": KINDS.get(self.kind, KINDS[""]).innocent_en,
            "tests": [
                {
                    "test": e.test,
                    "p": float(f"{e.p:.3g}"),
                    "day": day_text(e.day),
                    "zh": e.words[0],
                    "en": e.words[1],
                }
                for e in self.evidence
            ],
            "plot": self.plot.as_record() if self.plot else None,
            "text_zh": zh,
            "text_en": en,
        }


def stretches(alarm: Mask, bridge: int = 1) -> list[tuple[int, int]]:
    """First and last position of runs of alarms, gaps of up to `bridge` days bridged."""
    at = np.flatnonzero(alarm)
    if not len(at):
        return []
    cuts = np.flatnonzero(np.diff(at) > bridge + 1)
    return list(zip(at[np.r_[0, cuts + 1]].tolist(), at[np.r_[cuts, len(at) - 1]].tolist(), strict=True))


def evidence_of(scores: Floats, tests: tuple[str, ...], first_day: int) -> tuple[Evidence, ...]:
    """Strongest tests of a stretch of days from their normal scores (days, tests), one a family."""
    best: dict[str, Evidence] = {}
    filled = np.nan_to_num(scores[:, : len(tests)], nan=-9.0)
    for j in np.argsort(-filled.max(axis=0), kind="stable"):
        name, day = tests[j], int(filled[:, j].argmax())
        family = name.split(".")[0]
        if filled[day, j] < STRONG or len(best) >= MOST_TESTS:
            break
        if family not in best:
            p = max(SMALLEST_P, float(p_value(np.array([filled[day, j]]))[0]))
            best[family] = Evidence(name, p, first_day + day)
    return tuple(best.values())

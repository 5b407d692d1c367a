"""Evidence from other sources: process logic and device facts, calibrated on their own past and joined to findings.

A data test, a change of a device parameter and a material balance are different witnesses. Each is turned into a
p-value in the clean history of the same outlet; within one source the tests depend on each other (the smallest p-value
counts, paid for by their number), different sources are independent (Fisher).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from qingjian.screening.budget import alarm_score
from qingjian.screening.device_side import DeviceFact
from qingjian.screening.findings import SMALLEST_P, Evidence, Finding, stretches
from qingjian.screening.panel import MINUTES_A_DAY, Floats, Mask
from qingjian.screening.plots import plot_of_values
from qingjian.screening.wording import KINDS

WINDOWS = (1, 7, 30)  # days: patience, because weeks of small evidence count
LEAST_HISTORY_DAYS = 30
LEAST_SEPARATE = 5  # weeks or months of history that do not overlap
SAME_OCCASION_DAYS = 2
CHANGE_DAYS = 7
WORTH_NAMING = 0.02
LOWEST_SCORE = 1e-12


@dataclass(frozen=True)
class DailyTest:
    """A test of process logic by days: `p` (D,) is the share of honest days that look at least as bad (NaN: nothing to say).

    `kind` is the way of falsifying it points to; `answers` whether there was enough history to say anything.
    """

    name: str
    kind: str
    p: Floats

    @property
    def answers(self) -> bool:
        """Whether the test could be calibrated."""
        return bool(np.isfinite(self.p).any())


def daily(hourly: Floats, least_hours: int = 6) -> Floats:
    """Means of whole days of an hourly series; NaN below `least_hours` values."""
    rows = hourly[: len(hourly) // 24 * 24].reshape(-1, 24)
    count = np.isfinite(rows).sum(axis=1)
    return np.where(count >= least_hours, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)


def calibrated_test(name: str, kind: str, statistic: Floats, history: Mask) -> DailyTest:
    """Turn a daily statistic (high = suspicious) into p-values over windows of a day, a week and a month.

    `history` marks the clean days. A day is counted among the days of the history; means of weeks, which overlap and are
    few, are judged by a t-distribution with as many degrees of freedom as the history has separate weeks. The smallest
    p-value of the windows counts, times their number.
    """
    if kind not in KINDS:
        raise ValueError(f"未知的情形 {kind} / unknown kind {kind}")
    out = np.full(len(statistic), np.nan)
    for width in WINDOWS:
        means = _back_mean(statistic, width)
        held = np.sort(means[history & np.isfinite(means)])
        separate = len(held) / width
        if len(held) < LEAST_HISTORY_DAYS or separate < LEAST_SEPARATE:
            continue
        if width == 1:
            at_least = len(held) - np.searchsorted(held, means, "left")
            p = (at_least + 1.0) / (len(held) + 1.0)
        else:
            spread = max(float(np.std(held)), 1e-12) * np.sqrt(1 + 1 / separate)
            p = stats.t.sf((means - float(np.mean(held))) / spread, separate - 1)
        out = np.fmin(out, np.where(np.isfinite(means), p, np.nan))
    return DailyTest(name, kind, np.minimum(out * len(WINDOWS), 1.0))


def joint_test(name: str, kind: str, signs: Sequence[Floats], needed: int, history: Mask) -> DailyTest:
    """A test that asks for `needed` of several daily signs at once (each high = suspicious).

    Every sign is calibrated by itself and the `needed`-th smallest p-value counts, times the number of signs it is the smallest
    of (a partial conjunction): fewer strong signs beside ordinary unrest of the others say nothing.
    """
    table = np.sort(np.stack([calibrated_test(name, kind, sign, history).p for sign in signs]), axis=0)
    p = table[needed - 1] * (len(signs) - needed + 1)  # NaN sorts last: a sign that cannot speak is none
    return DailyTest(name, kind, np.minimum(p, 1.0))


def change_point_test(error: Floats, marked: Mask, history: Mask) -> DailyTest:
    """Does the level fall where a device was maintained, calibrated or changed?

    `error` (days) is the daily mean error against what was expected, in usual errors; `marked` the days of maintenance,
    calibration or changed parameters. The fall from the week before to the week after is compared with the falls at
    all days of the history; days without a mark say nothing (NaN). Needs the week after: known seven days later.
    """
    after = _back_mean(error[::-1], CHANGE_DAYS)[::-1]
    before = np.r_[np.nan, _back_mean(error, CHANGE_DAYS)[:-1]]
    fall = before - np.r_[after[1:], np.nan]
    held = np.sort(fall[history & np.isfinite(fall)])
    p = np.full(len(error), np.nan)
    if len(held) >= LEAST_HISTORY_DAYS:
        at_least = len(held) - np.searchsorted(held, fall, "left")
        p = np.where(marked & np.isfinite(fall), (at_least + 1.0) / (len(held) + 1.0), np.nan)
    return DailyTest("process.change_point", "level_change", p)


def _back_mean(values: Floats, width: int) -> Floats:
    """Mean of a day and the days before it, at least half of them known; nothing later is looked at."""
    known = np.isfinite(values)
    total = np.cumsum(np.r_[np.zeros(width), np.where(known, values, 0.0)])
    count = np.cumsum(np.r_[np.zeros(width), known.astype(float)])
    n = count[width:] - count[:-width]
    return np.where(n >= max(1, width // 2), (total[width:] - total[:-width]) / np.maximum(n, 1), np.nan)


def of_one_source(p_values: Sequence[float]) -> float:
    """p-value of several tests of one source that may depend on each other (Simes)."""
    ordered = np.sort([p for p in p_values if np.isfinite(p)])
    if not len(ordered):
        return 1.0
    return float(min(1.0, np.min(ordered * len(ordered) / np.arange(1, len(ordered) + 1))))


def of_sources(p_values: Sequence[float]) -> float:
    """p-value of independent sources together (Fisher)."""
    held = [float(np.clip(p, LOWEST_SCORE, 1.0)) for p in p_values]
    if not held:
        return 1.0
    return float(stats.chi2.sf(-2 * np.sum(np.log(held)), 2 * len(held)))


def process_findings(
    station: str,
    parameter: str,
    tests: Sequence[DailyTest],
    first_day: int,
    screened: Mask,
    false_alarms_per_station_month: float = 1.0,
    hourly: Floats | None = None,
    unit: str = "",
) -> tuple[Finding, ...]:
    """Findings of process logic on the `screened` days of one outlet; day 0 of the tests is `first_day`.

    The tests of a day are joined as tests of one source. Tests without history say nothing; when none can speak there
    is no finding. `hourly` values of the factor, from day 0 on, are drawn.
    """
    speaking = [test for test in tests if test.answers]
    if not speaking:
        return ()
    table = np.stack([test.p for test in speaking])
    joint = np.array([of_one_source(column.tolist()) for column in table.T])
    bound = 1 - alarm_score(false_alarms_per_station_month, 1)
    out = []
    for a, b in stretches(screened & (joint <= bound)):
        best = int(
            np.nanargmin(np.where(np.isfinite(table[:, a : b + 1]), table[:, a : b + 1], 1.0).min(axis=1))
        )
        evidence = []
        for test in speaking:
            p = np.where(np.isfinite(test.p[a : b + 1]), test.p[a : b + 1], 1.0)
            day = int(p.argmin())
            if p[day] <= max(WORTH_NAMING, bound):
                evidence.append(Evidence(test.name, max(SMALLEST_P, float(p[day])), first_day + a + day))
        out.append(
            Finding(
                station,
                parameter,
                first_day + a,
                first_day + b,
                float(1 - joint[a : b + 1].min()),
                0.0,
                speaking[best].kind,
                tuple(sorted(evidence, key=lambda e: (e.p, e.test))),
                "normal",
                plot=None if hourly is None else plot_of_values(hourly, first_day, a, b, unit),
            )
        )
    return tuple(sorted(out, key=lambda f: (-f.score, f.first_day)))


@dataclass(frozen=True)
class FactHistory:
    """How often facts of each kind came up in a clean past of `days` days (kinds not named: never)."""

    days: int
    counts: Mapping[str, int]

    def p_value(self, kind: str, window_days: int) -> float:
        """Chance that an honest stretch of that length holds a fact of this kind; never below what the past can say."""
        rate = (self.counts.get(kind, 0) + 0.5) / (self.days + 1.0)
        return float(min(1.0, -np.expm1(-rate * max(window_days, 1))))


def device_findings(
    station: str, parameter: str, facts: Sequence[DeviceFact], past: FactHistory
) -> tuple[Finding, ...]:
    """One finding for each occasion: facts about a device that lie at most two days apart."""
    out = []
    for group in _occasions(facts):
        first, last = group[0].minute // MINUTES_A_DAY, group[-1].minute // MINUTES_A_DAY
        evidence = _as_evidence(group, past, last - first + 1)
        p = of_one_source([e.p for e in evidence])
        kind = min(evidence, key=lambda e: e.p).test.removeprefix("device.")
        confidence = "normal" if past.days >= LEAST_HISTORY_DAYS else "low"
        out.append(Finding(station, parameter, first, last, 1 - p, 0.0, kind, evidence, confidence))
    return tuple(out)


def corroborated(
    findings: Sequence[Finding],
    others: Sequence[Finding],
) -> tuple[Finding, ...]:
    """Findings on data joined by what other sources say about the same series and days (or within two days).

    `others` come from process logic or devices; one that speaks of parameter "" speaks of the whole station. A
    joint finding keeps period, kind and plot of the finding on data, gets all tests, and its score is one minus the
    joint p-value of the sources, never below its own: a source with nothing unusual to say excuses nothing. What meets no finding on data stays a finding of its own.
    """
    used: set[int] = set()
    out = []
    for finding in findings:
        near = [i for i, other in enumerate(others) if meets(finding, other)]
        used.update(near)
        if not near:
            out.append(finding)
            continue
        together = [others[i] for i in near]
        p = of_sources([1 - finding.score, *(1 - other.score for other in together)])
        evidence = [*finding.evidence, *(e for other in together for e in other.evidence)]
        out.append(
            replace(
                finding,
                score=max(finding.score, 1 - p),
                kind=finding.kind or together[0].kind,
                evidence=tuple(evidence),
            )
        )
    out += [other for i, other in enumerate(others) if i not in used]
    return tuple(sorted(out, key=lambda f: (-f.score, f.station, f.parameter, f.first_day)))


def meets(finding: Finding, other: Finding) -> bool:
    """Whether what another source says is about the series of a finding, on its days or within two days of them."""
    return (
        finding.station == other.station
        and other.parameter in ("", finding.parameter)
        and other.first_day <= finding.last_day + SAME_OCCASION_DAYS
        and finding.first_day <= other.last_day + SAME_OCCASION_DAYS
    )


def _occasions(facts: Sequence[DeviceFact]) -> list[list[DeviceFact]]:
    groups: list[list[DeviceFact]] = []
    for fact in sorted(facts, key=lambda f: (f.minute, f.kind)):
        if groups and fact.minute - groups[-1][-1].minute <= SAME_OCCASION_DAYS * MINUTES_A_DAY:
            groups[-1].append(fact)
        else:
            groups.append([fact])
    return groups


def _as_evidence(facts: Sequence[DeviceFact], past: FactHistory, window_days: int) -> tuple[Evidence, ...]:
    best: dict[str, Evidence] = {}
    for fact in facts:
        if fact.kind not in best:
            p = past.p_value(fact.kind, window_days)
            best[fact.kind] = Evidence(
                f"device.{fact.kind}", p, fact.minute // MINUTES_A_DAY, fact.zh, fact.en
            )
    return tuple(best.values())

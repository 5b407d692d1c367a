"""Evidence of other sources: calibrated on the own past, joined to findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.screening.corroboration import (
    DailyTest,
    FactHistory,
    calibrated_test,
    change_point_test,
    corroborated,
    daily,
    device_findings,
    joint_test,
    of_one_source,
    of_sources,
    process_findings,
)
from qingjian.screening.device_side import DeviceFact
from qingjian.screening.findings import Evidence, Finding
from qingjian.screening.wording import KINDS

FIRST = 20_000
HISTORY = np.arange(400) < 300


def diluted(seed: int = 1, level: float = 0.0) -> DailyTest:
    statistic = np.random.default_rng(seed).normal(size=400)
    statistic[350:365] += level
    return calibrated_test("process.dilution", "dilution", statistic, HISTORY)


def data_finding(score: float = 0.98, first: int = FIRST + 352, last: int = FIRST + 356) -> Finding:
    return Finding(
        "s1", "SO2", first, last, score, 0.1, "scale", (Evidence("level.bias.7", 0.01, first),), "normal"
    )


def test_p_values_of_honest_days_are_honest() -> None:
    p = np.concatenate([diluted(seed).p[300:] for seed in range(30)])
    for bound in (0.02, 0.05, 0.2):
        assert np.mean(p <= bound) < 1.6 * bound


def test_weeks_of_small_evidence_count() -> None:
    p = [diluted(seed, 1.2).p[364] for seed in range(8)]
    assert np.median(p) < 0.01
    assert np.median([diluted(seed).p[364] for seed in range(8)]) > 0.1


def test_signs_asked_together_are_honest_and_one_of_them_says_nothing() -> None:
    low, alone, both = [], [], []
    for seed in range(40):
        signs = [np.random.default_rng(seed * 3 + k).normal(size=400) for k in range(3)]
        low.append(joint_test("process.dilution", "dilution", signs, 2, HISTORY).p[300:])
        signs[0][350:] += 8
        alone.append(joint_test("process.dilution", "dilution", signs, 2, HISTORY).p[350:])
        signs[1][350:] += 8
        both.append(joint_test("process.dilution", "dilution", signs, 2, HISTORY).p[351:])
    for bound in (0.02, 0.05, 0.2):
        assert np.mean(np.concatenate(low) <= bound) < bound
        assert np.mean(np.concatenate(alone) <= bound) < 1.6 * bound
    assert np.median(np.concatenate(both)) < 1e-6
    deaf = [np.full(400, np.nan), signs[1]]
    assert not joint_test("process.dilution", "dilution", deaf, 2, HISTORY).answers


def test_without_history_nothing_is_said() -> None:
    test = calibrated_test("process.balance", "balance", np.ones(50), np.zeros(50, bool))
    assert not test.answers
    assert process_findings("s", "SO2", [test], FIRST, np.ones(50, bool)) == ()
    with pytest.raises(ValueError, match="unknown kind"):
        calibrated_test("process.x", "nonsense", np.ones(50), np.zeros(50, bool))


def test_a_month_of_dilution_becomes_one_finding() -> None:
    quiet = calibrated_test("process.load", "load", np.random.default_rng(5).normal(size=400), HISTORY)
    found = process_findings("s1", "SO2", [diluted(3, 4.0), quiet], FIRST, ~HISTORY, 0.5)
    strongest = found[0]
    assert strongest.kind == "dilution"
    assert FIRST + 348 <= strongest.first_day <= FIRST + 352
    assert next(e.test for e in strongest.evidence) == "process.dilution"
    assert "D03" in strongest.circumstances
    assert "稀释" in strongest.text()[0]


def test_honest_process_data_stay_within_the_budget() -> None:
    days = 0
    for seed in range(20):
        tests = [diluted(seed), calibrated_test("process.load", "load", diluted(seed + 50).p, HISTORY)]
        days += sum(
            f.last_day - f.first_day + 1 for f in process_findings("s", "x", tests, FIRST, ~HISTORY, 1.0)
        )
    assert days / (20 * 100 / 30.4) < 2.0


def test_simes_and_fisher() -> None:
    assert of_one_source([0.01, 0.5, 0.9]) == pytest.approx(0.03)
    assert of_one_source([]) == 1.0
    assert of_one_source([float("nan"), 0.2]) == pytest.approx(0.2)
    assert of_sources([0.04]) == pytest.approx(0.04)
    assert of_sources([0.05, 0.05]) < 0.05
    assert of_sources([0.05, 1.0]) > 0.05
    assert of_sources([]) == 1.0


def fact(minute: int, kind: str = "setting_off_register") -> DeviceFact:
    return DeviceFact(minute, kind, "参数 slope 上报值 0.7", "slope reported 0.7", ("T08",))


def test_a_fact_that_never_happens_says_more_than_one_that_often_does() -> None:
    past = FactHistory(365, {"clock_jump": 40})
    assert past.p_value("setting_off_register", 1) < 0.01 < past.p_value("clock_jump", 1)
    assert past.p_value("setting_off_register", 30) > past.p_value("setting_off_register", 1)


def test_facts_of_one_occasion_are_one_finding() -> None:
    minute = (FIRST + 353) * 1440
    facts = [fact(minute), fact(minute + 60, "change_in_remote_session"), fact(minute + 20 * 1440)]
    found = device_findings("s1", "", facts, FactHistory(365, {}))
    assert [(f.first_day, f.last_day) for f in found] == [(FIRST + 353,) * 2, (FIRST + 373,) * 2]
    assert len(found[0].evidence) == 2
    assert "slope" in found[0].text()[0]
    assert device_findings("s1", "", facts, FactHistory(3, {}))[0].confidence == "low"


def test_data_and_device_together_weigh_more_than_each() -> None:
    data = data_finding()
    device = device_findings("s1", "", [fact((FIRST + 351) * 1440)], FactHistory(365, {}))
    far = device_findings("s1", "", [fact((FIRST + 390) * 1440)], FactHistory(365, {}))
    elsewhere = device_findings("s2", "", [fact((FIRST + 353) * 1440)], FactHistory(365, {}))
    joint = corroborated([data], [*device, *far, *elsewhere])
    assert len(joint) == 3
    held = next(f for f in joint if f.parameter == "SO2")
    assert held.score > max(data.score, device[0].score)
    assert held.kind == "scale"
    assert {e.test for e in held.evidence} == {"level.bias.7", "device.setting_off_register"}
    assert corroborated([data], []) == (data,)


def test_a_fall_at_a_marked_day_and_marks_without_a_fall() -> None:
    error = np.random.default_rng(4).normal(size=400)
    error[350:] -= 3
    marked = np.zeros(400, bool)
    marked[[310, 330, 349]] = True
    test = change_point_test(error, marked, HISTORY)
    assert test.p[349] < 0.01
    assert np.nanmin(test.p[[310, 330]]) > 0.02
    assert np.isfinite(test.p).sum() == 3
    assert not change_point_test(error, marked, np.zeros(400, bool)).answers


def test_findings_of_process_logic_can_be_drawn() -> None:
    hourly = np.arange(400 * 24.0)
    found = process_findings("s1", "SO2", [diluted(3, 4.0)], FIRST, ~HISTORY, 0.5, hourly, "mg/m3")[0]
    assert found.plot is not None
    first = found.first_day - FIRST
    at = (found.plot.marked[0][0] - found.plot.start) // found.plot.step
    assert found.plot.values[at] == hourly[24 * first]
    assert found.plot.unit == "mg/m3"


def test_daily_means_need_enough_hours() -> None:
    hourly = np.arange(72.0)
    hourly[24:44] = np.nan
    assert daily(hourly).tolist()[::2] == [11.5, 59.5]
    assert np.isnan(daily(hourly)[1])


def test_every_kind_names_circumstances_and_innocent_explanations() -> None:
    for name, kind in KINDS.items():
        assert kind.innocent_zh, name
        assert kind.innocent_en, name
        assert kind.circumstances or not name, name


@given(own=st.floats(0.5, 0.9999), rate=st.integers(0, 365))
def test_what_another_source_says_never_lowers_the_score(own: float, rate: int) -> None:
    data = replace(data_finding(), score=own)
    device = device_findings(
        "s1", "", [fact((FIRST + 351) * 1440)], FactHistory(365, {"setting_off_register": rate})
    )
    (joint,) = corroborated([data], device)
    assert joint.score >= own
    assert len(joint.evidence) == len(data.evidence) + 1

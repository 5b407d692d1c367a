"""Calibration, budget and months."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qingjian.screening.budget import ABSENT, Tail, alarm_score, muted
from qingjian.screening.calibration import against_season, normal_scores, yardstick
from qingjian.screening.months import month_answers

reals = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, 60, elements=reals), arrays(np.float64, 20, elements=reals))
def test_normal_scores_keep_the_order(held: np.ndarray, values: np.ndarray) -> None:
    scores = normal_scores(np.sort(values), np.sort(held))
    assert np.all(np.diff(scores) >= -1e-9)


def test_normal_scores_need_a_history_and_keep_gaps() -> None:
    assert np.isnan(normal_scores(np.ones(3), np.zeros(5))).all()
    assert np.isnan(normal_scores(np.array([np.nan]), np.arange(100.0))).all()


def test_normal_scores_of_the_history_itself_are_calibrated() -> None:
    held = np.random.default_rng(1).gamma(1, size=4000)
    fresh = np.random.default_rng(2).gamma(1, size=4000)
    share = (normal_scores(fresh, np.sort(held)) > 2.326).mean()
    assert 0.005 < share < 0.016


def test_a_series_without_history_is_measured_with_its_mates() -> None:
    r = np.random.default_rng(3)
    clean = {(0, 0): r.normal(size=(200, 1)), (1, 0): np.full((200, 1), np.nan)}
    measure = yardstick(("test",), clean)
    assert measure.borrowed((1, 0))
    assert not measure.borrowed((0, 0))
    scores = measure.measure((1, 0), r.normal(size=(100, 1)), np.ones(100, bool))
    assert np.isfinite(scores).all()


def test_days_before_a_series_began_are_no_part_of_its_past() -> None:
    r = np.random.default_rng(5)
    days = np.arange(900) >= 500
    # Runs of equal values: none before the station was built, some on each of its days.
    tests = tuple(f"t{j}" for j in range(40))
    clean = {(0, 0): np.where(days[:, None], r.gamma(4, size=(900, 40)), 0.0)}
    measure = yardstick(tests, clean, {(0, 0): days})
    assert {len(held) for held in measure.own[0, 0]} == {400}
    later, every = r.gamma(4, size=(400, 40)), np.ones(400, bool)
    rare, before = (
        float(np.mean(one.measure((0, 0), later, every) > 2)) for one in (measure, yardstick(tests, clean))
    )
    assert 0.015 < rare < 0.03  # 0.023 of honest days
    assert before > 1.5 * rare


def test_a_series_of_a_season_is_measured_with_what_all_stations_showed() -> None:
    r = np.random.default_rng(6)
    clean = {(s, 0): r.gamma(2, size=(900, 40)) for s in range(4)}
    begun = {key: np.arange(900) >= (810 if key[0] == 0 else 0) for key in clean}
    measure = yardstick(tuple(f"t{j}" for j in range(40)), clean, begun)
    assert not measure.borrowed((0, 0))
    later, every = r.gamma(2, size=(900, 40)), np.ones(900, bool)
    few = np.sort(against_season(clean[0, 0], begun[0, 0])[810:], axis=0)
    local = against_season(later, every)
    alone = np.stack([normal_scores(local[:, j], few[:, j]) for j in range(40)], axis=1)
    young, old = (measure.measure((s, 0), later, every) for s in (0, 1))
    rare, usual, strange = (float(np.mean(one > 2.6)) for one in (young, old, alone))
    assert rare < 1.5 * usual
    assert strange > 1.7 * rare


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, (120, 2), elements=st.one_of(reals, st.just(np.nan))))
def test_against_season_is_finite_where_there_are_values(values: np.ndarray) -> None:
    local = against_season(values, np.ones(120, bool))
    assert not np.isinf(local).any()
    assert np.isnan(local[np.isnan(values)]).all()


def test_scores_are_strictly_ordered_and_calibrated() -> None:
    honest = np.random.default_rng(1).normal(-4, 1, 5000)
    tail = Tail.of(honest)
    answers = np.linspace(-8, 10, 400)
    scores = tail.score(answers)
    assert np.all(np.diff(scores) > 0)
    assert scores.min() >= 0
    assert scores.max() < 1
    fresh = np.random.default_rng(2).normal(-4, 1, 5000)
    assert 0.004 < (tail.score(fresh) >= 0.99).mean() < 0.02
    assert tail.score(np.array([ABSENT - 1]))[0] == 0


def test_the_budget_counts_all_factors_of_a_station() -> None:
    assert alarm_score(1, 6) > alarm_score(1, 2) > alarm_score(5, 2)
    assert alarm_score(1000, 1) == 0


def test_a_series_that_always_looks_odd_is_muted_but_an_episode_is_not() -> None:
    answers = np.random.default_rng(1).normal(-4, 0.5, (2, 300))
    answers[0] += 5
    answers[:, 100:110] += 4
    out = muted(answers, -3.8)
    assert out[0, 200:].mean() < -3
    assert np.allclose(out[1, 100:110], answers[1, 100:110], atol=0.3)
    assert out[0, 100:110].mean() > out[0, 150:].mean() + 3


def test_days_of_a_muted_series_stay_there() -> None:
    odd = np.full((1, 400), 4.0)
    odd[0, 100:110] = -11.0
    out = muted(odd, usual_level=-4.0)
    assert (out > ABSENT).all()
    gone = np.full((1, 400), ABSENT - 5)
    assert np.array_equal(muted(gone, usual_level=-4.0), gone)


def test_months_need_days_and_take_the_strongest() -> None:
    answers = np.full((2, 61), -4.0)
    answers[0, 35:50] = 2.0
    answers[1, 31:] = ABSENT - 5
    first = int(np.datetime64("2025-03-01", "D").astype(int))
    months = {(m.series, m.month): m.answer for m in month_answers(answers, first)}
    assert months[0, "2025-04"] == 2.0
    assert months[0, "2025-03"] == -4.0
    assert (1, "2025-04") not in months

"""The combination looks at a day, at the weeks around it, and no further."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.screening.budget import ABSENT
from qingjian.screening.combination import (
    ANSWER_EDGE,
    FAMILY_WIDTHS,
    FEW_COPIES,
    FOLDS,
    OF_FEW_COPIES,
    OF_MANY_COPIES,
    REACH_DAYS,
    SURE,
    UNSURE,
    Combination,
    Days,
    Doubt,
    learn,
    less_where_trouble,
    mean_around,
)
from qingjian.screening.rehearsal import CLEAN
from qingjian.screening.ways import KINDS

SERIES, LENGTH, TESTS = 4, 400, 6
DIGITS = KINDS.index("last_digit")
NOISE = KINDS.index("noise")


def rehearsed(seed: int) -> Days:
    """Days on which the first test shows invented digits and the second one noise; the others say nothing."""
    r = np.random.default_rng(seed)
    kind = np.full((SERIES, LENGTH), CLEAN)
    tests = r.normal(size=(SERIES, LENGTH, TESTS))
    for begin in range(10, LENGTH - 20, 40):
        series = int(r.integers(SERIES))
        digits = (begin // 40) % 2 == 0
        kind[series, begin : begin + 8] = DIGITS if digits else NOISE
        tests[series, begin : begin + 8, 0 if digits else 1] += 3.5
    label = np.where(kind == CLEAN, 0, np.where(kind == DIGITS, 1, 2))
    every = np.ones((SERIES, LENGTH), bool)
    return Days(tests, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 16_000, every, label, kind)


@pytest.fixture(scope="module")
def combination() -> Combination:
    return learn([rehearsed(seed) for seed in range(3)])


def test_what_was_rehearsed_as_tampering_ranks_above_clean_and_trouble(combination: Combination) -> None:
    days = rehearsed(9)
    tampered, trouble = combination.answers(days, np.zeros(LENGTH, bool))
    digits, noise, clean = (days.label == 1, days.label == 2, days.label == 0)
    assert np.median(tampered[digits]) > np.quantile(tampered[clean], 0.99)
    assert np.median(tampered[digits]) > np.quantile(tampered[noise], 0.9)
    assert np.median(trouble[noise]) > np.quantile(trouble[digits], 0.9)


def test_trouble_lowers_a_day_only_where_it_explains_it_about_as_well() -> None:
    tampered, trouble = np.array([3.0, 3.0, 3.0, -5.0, -5.0]), np.array([-8.0, 0.9, 3.0, -3.0, 2.0])
    lowered = less_where_trouble(tampered, trouble)
    assert lowered[:2].tolist() == [
        3.0,
        3.0,
    ]  # whatever else it resembles a little, nothing explains it as well
    assert lowered[2] < 3.0
    assert lowered[3] == -5.0  # neither is likely
    assert lowered[4] < lowered[3] - 5


@pytest.mark.parametrize("doubt", [SURE, UNSURE])
def test_a_day_of_nothing_but_trouble_is_still_there(doubt: Doubt) -> None:
    surest = np.log((1 - ANSWER_EDGE) / ANSWER_EDGE)
    assert (less_where_trouble(np.array([-surest, -5.0, 0.0]), np.full(3, surest), doubt) > ABSENT).all()


def test_trouble_counts_earlier_where_the_history_is_small(combination: Combination) -> None:
    noise_that_looks_invented = np.array([0.75]), np.array([-1.85])
    assert less_where_trouble(*noise_that_looks_invented, SURE) == 0.75
    assert less_where_trouble(*noise_that_looks_invented, UNSURE) < -1
    days, unseen = rehearsed(9), np.zeros(LENGTH, bool)
    small = replace(combination, holding_out=OF_MANY_COPIES)
    wide, few = (one.answers(days, unseen)[0] for one in (combination, small))
    assert (few <= wide).all()
    assert (few < wide).any()


@given(
    tampered=st.lists(st.floats(-20, 12), min_size=2, max_size=20, unique=True),
    trouble=st.floats(-20, 12),
    more=st.floats(0, 5),
    doubt=st.sampled_from((SURE, UNSURE)),
)
def test_more_trouble_never_raises_and_more_tampering_never_lowers(
    tampered: list[float], trouble: float, more: float, doubt: Doubt
) -> None:
    ordered = np.sort(np.array(tampered))
    lowered = less_where_trouble(ordered, np.full(len(ordered), trouble), doubt)
    assert (np.diff(lowered) >= 0).all()
    assert (less_where_trouble(ordered, np.full(len(ordered), trouble + more), doubt) <= lowered).all()


def test_the_answer_of_a_day_does_not_depend_on_days_out_of_reach(combination: Combination) -> None:
    days = rehearsed(9)
    first, beyond = 150, 250
    part = days.part(first, beyond)
    whole = combination.answers(days, np.zeros(LENGTH, bool))
    near = combination.answers(part, np.zeros(beyond - first, bool))
    for all_days, some in zip(whole, near, strict=True):
        assert np.array_equal(
            all_days[:, first + REACH_DAYS : beyond - REACH_DAYS], some[:, REACH_DAYS:-REACH_DAYS]
        )


def test_days_without_labels_cannot_be_learned_from() -> None:
    with pytest.raises(ValueError, match="labels"):
        learn([rehearsed(1).part(0, LENGTH)])


@pytest.mark.parametrize("width", FAMILY_WIDTHS)
def test_means_of_weeks_are_cut_at_the_ends(width: int) -> None:
    values = np.random.default_rng(2).normal(size=(2, 50, 3))
    found = mean_around(values, width)
    half = width // 2
    for day in (0, 3, 25, 49):
        expected = values[:, max(day - half, 0) : day + half + 1].mean(axis=1)
        assert np.allclose(found[:, day], expected)


@pytest.mark.parametrize(("days", "apart"), [(1100, 20), (640, 20), (400, 20), (40, 2), (8, 0)])
def test_a_fold_learns_nothing_next_to_what_it_is_asked_about(days: int, apart: int) -> None:
    """Weeks around a held-out day show the same readings: learning from them would make the history look cleaner than
    any later panel."""
    nothing = np.zeros((1, days, 1))
    one = Days(nothing, np.zeros(1, np.int64), np.zeros(1, np.int64), 16_003, np.ones((1, days), bool))
    learned = 0
    for fold in range(FOLDS):
        held_out = np.flatnonzero(OF_MANY_COPIES.fold(one) == fold)
        used = np.flatnonzero(OF_MANY_COPIES.learned(one, fold))
        assert len(held_out)
        if len(used):
            assert np.abs(used[:, None] - held_out[None, :]).min() > apart
        learned += len(used)
    assert learned >= (FOLDS - 1) / 2 * days if days >= 40 else learned > 0


def test_only_a_history_copied_often_is_held_out_with_its_weeks(combination: Combination) -> None:
    assert combination.holding_out == OF_FEW_COPIES
    often = learn([rehearsed(seed) for seed in range(FEW_COPIES + 1)])
    assert often.holding_out == OF_MANY_COPIES

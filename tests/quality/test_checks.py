"""Each check against its words; many series at once; the catalogue."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality.checks import CheckSettings, catalogue, robust_threshold, run_checks
from qingjian.quality.observations import Observations
from qingjian.quality.periods import day_start
from qingjian.quality.status import Status, effective_status

TODAY = day_start(date(2026, 11, 21))
NAMES = [check.id for check in catalogue()]


def rows(values: list[float], series: int = 1, slots: list[int] | None = None) -> Observations:
    places = np.asarray(slots if slots is not None else range(len(values)), np.int64)
    return Observations.of([series] * len(values), TODAY + 3600 * places, values, flag=["N"] * len(values))


def hit_rows(name: str, observations: Observations, **parameters: object) -> list[int]:
    settings = [CheckSettings(1, 3600, **parameters)]  # type: ignore[arg-type]
    hits = run_checks(observations, settings, only=[name])
    assert {NAMES[c] for c in hits.check} <= {name}
    return sorted(hits.row.tolist())


def test_the_catalogue_says_everything_about_each_check() -> None:
    assert len(set(NAMES)) == len(NAMES) == 10
    for check in catalogue():
        for text in (
            check.name_zh,
            check.name_en,
            check.formula_zh,
            check.formula_en,
            check.clause,
            check.version,
        ):
            assert text
        assert check.severity in ("information", "minor", "major", "critical")
        for parameter in check.parameters:
            assert parameter in CheckSettings.__slots__


def test_each_check_on_its_example() -> None:
    nan = float("nan")
    assert hit_rows("range", rows([1, 5, 11, nan, -1]), low=0.0, high=10.0) == [2, 4]
    assert hit_rows("range", rows([1, 5, 11]), high=10.0) == [2]
    assert hit_rows("negative", rows([1, -0.5, -2]), negative_tolerance=1.0) == [2]
    assert hit_rows("constant", rows([1, 2, 2, 2, 3, 3]), constant_count=3) == [1, 2, 3]
    assert hit_rows("constant", rows([2, 2, 2], slots=[0, 1, 3]), constant_count=3) == []
    assert hit_rows("constant", rows([0, 0, 0]), constant_count=3, zero_is_normal=True) == []
    assert hit_rows("constant", rows([1, 1, 1]), constant_count=3, detection_limit=1.0) == []
    assert hit_rows("step", rows([1, 2, 9, 9]), step=5.0) == [2]
    assert hit_rows("step", rows([1, 9], slots=[0, 2]), step=5.0) == []
    assert hit_rows("spike", rows([1, 9, 1, 1]), spike=5.0) == [1]
    assert hit_rows("spike", rows([1, 9, 17, 17]), spike=5.0) == []
    assert hit_rows("flat", rows([1, 1.1, 1.0, 1.2, 5]), flat_count=4, flat_tolerance=0.2) == [0, 1, 2, 3]
    assert hit_rows("detection_limit", rows([3, 1, 0.5, 1]), detection_limit=1.0, detection_count=3) == [
        1,
        2,
        3,
    ]


def test_pairs_of_series() -> None:
    both = Observations.of([1] * 3 + [2] * 2, [0, 3600, 7200, 0, 3600], [30.0, 80.0, 50.0, 60.0, 70.0])
    settings = [CheckSettings(1, 3600, pm10_series=2, companions=(2, 9)), CheckSettings(2, 3600)]
    inverted = run_checks(both, settings, only=["pm_inversion"])
    assert inverted.row.tolist() == [1]
    assert (inverted.found[0], inverted.allowed[0]) == (80.0, 70.0)
    missing = run_checks(both, settings, only=["companion"])
    assert missing.row.tolist() == [0, 1, 2]
    assert missing.found.tolist() == [1.0, 1.0, 2.0]


def test_a_clock_that_is_off_by_a_day() -> None:
    observations = rows([1.0, 1.0, 1.0, 1.0])
    ends = observations.start + 3600
    received = ends + np.asarray([30, 86_400 + 30, -86_400 + 30, 86_400])
    received[3] = -1
    settings = [CheckSettings(1, 3600, clock_tolerance_seconds=600)]
    hits = run_checks(observations, settings, received=received, only=["clock_jump"])
    assert hits.row.tolist() == [1, 2]
    assert len(run_checks(observations, settings, only=["clock_jump"])) == 0
    old = Observations.of([1], [82_800], [1.0])
    assert len(run_checks(old, settings, received=np.asarray([-1]), only=["clock_jump"])) == 0


def test_hits_join_into_stretches_and_feed_the_status() -> None:
    observations = rows([1, 20, 30, 2, 25], slots=[0, 1, 2, 3, 4])
    settings = [CheckSettings(1, 3600, high=10.0, step=5.0)]
    hits = run_checks(observations, settings)
    stretches = [one for one in hits.stretches(observations, settings) if one.check.id == "range"]
    assert [(one.rows, one.found) for one in stretches] == [(2, 30.0), (1, 25.0)]
    assert stretches[0].end - stretches[0].start == 7200
    status = effective_status(observations, suspect=hits.suspect(5))
    assert status.code.tolist() == [0, Status.NEEDS_LOOK, Status.NEEDS_LOOK, 0, Status.NEEDS_LOOK]


def test_rows_that_are_not_usable_count_as_absent() -> None:
    observations = rows([5.0, 0.0, 5.0])
    settings = [CheckSettings(1, 3600, step=1.0, low=1.0)]
    usable = np.asarray([True, False, True])
    assert len(run_checks(observations, settings, usable=usable)) == 0
    assert len(run_checks(observations, settings)) == 3


def test_unknown_checks_and_empty_input() -> None:
    with pytest.raises(ValueError, match="unknown checks"):
        run_checks(rows([1.0]), [], only=["magic"])
    assert len(run_checks(Observations.of([], [], []), [CheckSettings(1, 60)])) == 0
    assert len(run_checks(rows([1.0]), [CheckSettings(2, 3600, high=0.0)])) == 0


def test_a_threshold_from_history() -> None:
    rng = np.random.default_rng(1)
    thresholds = robust_threshold(rows(np.cumsum(rng.normal(0, 1, 500)).tolist()))
    assert 6 < thresholds[1] < 14
    assert robust_threshold(rows([1.0] * 100)) == {}
    assert robust_threshold(rows([1.0, 2.0])) == {}


VALUES = st.lists(st.sampled_from([0.0, 1.0, 1.1, 2.0, 9.0, -3.0, float("nan")]), min_size=1, max_size=25)


@given(VALUES, VALUES, st.sets(st.integers(0, 24)), st.integers(2, 6))
def test_against_the_slow_definitions(
    first: list[float], second: list[float], dropped: set[int], count: int
) -> None:
    """Two series in one call, some periods missing; each check compared with its words."""
    places = [(1, i, v) for i, v in enumerate(first) if i not in dropped] + [
        (2, i, v) for i, v in enumerate(second)
    ]
    observations = Observations.of(
        [s for s, _, _ in places], [TODAY + 3600 * i for _, i, _ in places], [v for _, _, v in places]
    )
    settings = [
        CheckSettings(
            s, 3600, constant_count=count, step=2.0, spike=1.5, flat_count=count, flat_tolerance=0.1,
            detection_limit=1.05, detection_count=count,
        )
        for s in (1, 2)
    ]  # fmt: skip
    hits = run_checks(observations, settings)
    got = {(NAMES[int(c)], int(r)) for c, r in zip(hits.check, hits.row, strict=True)}
    at = {(s, i): v for s, i, v in places if np.isfinite(v)}
    number = {(s, i): n for n, (s, i, _) in enumerate(places)}
    expected = set()
    for (s, i), v in at.items():
        before, after = at.get((s, i - 1)), at.get((s, i + 1))
        if before is not None and abs(v - before) > 2.0:
            expected.add(("step", number[s, i]))
        if before is not None and after is not None:
            size = abs(v - (before + after) / 2) - abs(after - before) / 2
            expected |= {("spike", number[s, i])} if size > 1.5 + 1e-12 else set()
        for name, same in (
            ("constant", lambda x, y=v: x == y and x > 1.05),
            ("detection_limit", lambda x: x <= 1.05),
        ):
            low, high = i, i
            if not same(v):
                continue
            while (s, low - 1) in at and same(at[s, low - 1]):
                low -= 1
            while (s, high + 1) in at and same(at[s, high + 1]):
                high += 1
            if high - low + 1 >= count:
                expected.add((name, number[s, i]))
        for head in range(i - count + 1, i + 1):
            window = [at.get((s, head + k)) for k in range(count)]
            if all(x is not None for x in window) and max(window) - min(window) <= 0.1:  # type: ignore[type-var,operator]
                expected.add(("flat", number[s, i]))
    assert got == expected

"""Gaps against a slow definition; transmission rates of a day."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality.completeness import Expectation, find_gaps, quarterly_capture, transmission
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import day_start
from qingjian.quality.status import effective_status
from qingjian.rulebook import Confidence, packaged

BOOK = packaged()
TODAY = day_start(date(2026, 11, 21))


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(-3, 30)), max_size=40),
    st.integers(0, 12),
    st.integers(0, 25),
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 8)), max_size=3),
)
def test_gaps_against_the_slow_definition(
    arrived: list[tuple[int, int]], begin: int, length: int, stopped: list[tuple[int, int]]
) -> None:
    """Series 1 owes an hour each hour; series 2 every second hour and only from hour 4 to hour 20."""
    stops = [
        IntervalFact(str(i), FactKind.STOP, frozenset({1}), TODAY + 3600 * a, TODAY + 3600 * (a + n))
        for i, (a, n) in enumerate(stopped)
    ]
    low, high = TODAY + 3600 * begin, TODAY + 3600 * (begin + length)
    got = find_gaps(
        np.asarray([s for s, _ in arrived], np.int32),
        np.asarray([TODAY + 3600 * h for _, h in arrived], np.int64),
        [Expectation(2, 7200, TODAY + 4 * 3600, TODAY + 20 * 3600), Expectation(1, 3600)],
        low,
        high,
        stops=stops,
    )
    missing: set[tuple[int, int]] = set()
    for hour in range(begin, begin + length):
        still = any(a <= hour < a + n for a, n in stopped)
        if (1, hour) not in arrived and not still:
            missing.add((1, hour))
    for hour in range(0, 40, 2):
        owed = max(begin, 4) <= hour and hour + 2 <= min(begin + length, 20)
        if owed and not {(2, hour), (2, hour + 1)} & set(arrived):
            missing.add((2, hour))
    covered = set()
    for series, start, end, periods in zip(got.series, got.start, got.end, got.periods, strict=True):
        step = 1 if series == 1 else 2
        hours = range(int(start - TODAY) // 3600, int(end - TODAY) // 3600, step)
        assert len(hours) == periods > 0
        covered |= {(int(series), hour) for hour in hours}
        assert (int(series), hours[0] - step) not in missing
        assert (int(series), hours[-1] + step) not in missing
    assert covered == missing


def test_an_interval_must_divide_the_day() -> None:
    with pytest.raises(ValueError, match="divide"):
        Expectation(1, 7 * 3600)


def hours(flags: list[str], series: int = 1) -> Observations:
    n = len(flags)
    return Observations.of([series] * n, TODAY + 3600 * np.arange(n), [1.0] * n, flag=flags)


def rates(rows: Observations, info: list[SeriesInfo], facts: list[IntervalFact] | None = None):  # type: ignore[no-untyped-def]
    return transmission(rows, effective_status(rows, facts or [], info), info, TODAY, TODAY + 86400, BOOK)


def test_the_rate_is_transmission_times_valid_share() -> None:
    got = rates(hours(["N"] * 18 + ["D"] * 2), [SeriesInfo(1, "flue_gas", "a21026", 3600)])
    assert got.transmission[0] == pytest.approx(20 / 24)
    assert got.valid_share[0] == pytest.approx(18 / 20)
    assert got.rate[0] == pytest.approx(18 / 24)
    assert got.rate[0] == pytest.approx(got.transmission[0] * got.valid_share[0])


def test_a_stop_leaves_the_base() -> None:
    stop = [IntervalFact("s", FactKind.STOP, frozenset({1}), TODAY + 12 * 3600, TODAY + 86400)]
    info = [SeriesInfo(1, "flue_gas", "a21026", 3600)]
    stated = rates(hours(["N"] * 12), info, stop)
    assert (stated.base[0], stated.rate[0]) == (12, 1.0)
    marked = rates(hours(["N"] * 12 + ["F"] * 12), info)
    assert (marked.base[0], marked.received[0], marked.rate[0]) == (12, 12, 1.0)
    whole = rates(hours(["F"] * 24), info)
    assert whole.base[0] == 0
    assert np.isnan(whole.rate[0])


def test_waste_water_may_lose_one_hour_to_the_standard_check() -> None:
    for factor, count, rate in (("w01018", 23, 1.0), ("w01018", 22, 22 / 23), ("w01001", 23, 23 / 24)):
        got = rates(hours(["N"] * count), [SeriesInfo(1, "waste_water", factor, 3600)])
        assert got.rate[0] == pytest.approx(rate), factor
        assert got.row is not None
        assert got.row.confidence is Confidence.S


def test_nothing_received_is_zero_not_unknown() -> None:
    got = rates(Observations.of([], [], []), [SeriesInfo(1, "air", "SO2", 3600)])
    assert (got.transmission[0], got.valid_share[0], got.rate[0]) == (0.0, 0.0, 0.0)


def test_several_series_and_days_keep_apart() -> None:
    info = [SeriesInfo(7, "air", "SO2", 3600), SeriesInfo(3, "air", "NO2", 3600)]
    rows = Observations.of(
        [3] * 24 + [7] * 12,
        np.concatenate([TODAY + 3600 * np.arange(24), TODAY + 86400 + 3600 * np.arange(12)]),
        [1.0] * 36,
        flag=["N"] * 36,
    )
    got = transmission(rows, effective_status(rows, (), info), info, TODAY, TODAY + 2 * 86400, BOOK)
    assert got.series.tolist() == [7, 7, 3, 3]
    assert got.rate.tolist() == [0.0, 0.5, 1.0, 0.0]
    with pytest.raises(ValueError, match="whole natural days"):
        transmission(rows, effective_status(rows, (), info), info, TODAY + 60, TODAY + 86460, BOOK)


def test_quarterly_capture() -> None:
    assert quarterly_capture(2208, 200, 208) == pytest.approx(0.9)
    assert np.isnan(quarterly_capture(2208, 0, 2208))
    with pytest.raises(ValueError, match="add up"):
        quarterly_capture(100, 60, 50)

"""Own results first, what was sent where finer data are not there."""

from datetime import date

import numpy as np
import pytest

from qingjian.quality.aggregation import aggregate_hours
from qingjian.quality.chain import aggregate_upwards, finest
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import day_start
from qingjian.rulebook import packaged

BOOK = packaged()
TODAY = day_start(date(2026, 11, 21))
GAS = [SeriesInfo(1, "flue_gas", "a21026", 60)]


def minutes(n: int, hour: int = 0, flag: str = "N", value: float = 1.0) -> Observations:
    return Observations.of([1] * n, TODAY + 3600 * hour + 60 * np.arange(n), [value] * n, flag=[flag] * n)


def sent_hours(n: int, value: float = 9.0) -> Observations:
    return Observations.of([1] * n, TODAY + 3600 * np.arange(n), [value] * n, flag=["N"] * n)


def test_the_own_hour_stands_where_it_is_valid_or_complete() -> None:
    valid = finest(aggregate_hours(minutes(45), GAS, BOOK), sent_hours(2))
    assert valid.observations.value.tolist() == [1.0, 9.0]
    assert valid.own.tolist() == [True, False]
    lost = finest(aggregate_hours(minutes(30), GAS, BOOK), sent_hours(1))
    assert lost.observations.value.tolist() == [9.0]
    # all sixty minutes came and are marked as faults: the device's "normal" hour does not replace them
    faulty = finest(aggregate_hours(minutes(60, flag="D"), GAS, BOOK), sent_hours(1))
    assert np.isnan(faulty.observations.value[0])
    assert faulty.own.tolist() == [True]
    alone = finest(aggregate_hours(minutes(30), GAS, BOOK), Observations.of([], [], []))
    assert np.isnan(alone.observations.value[0])
    assert alone.own.tolist() == [True]
    assert finest(None, sent_hours(2)).own.tolist() == [False, False]


def test_minutes_hours_days_and_months_in_one_call() -> None:
    got = aggregate_upwards({"minute": minutes(45), "hour": sent_hours(24)}, GAS, BOOK)
    assert list(got) == ["hour", "day", "month"]
    assert got["hour"].value.tolist() == [1.0]
    assert got["day"].value[0] == pytest.approx((1.0 + 23 * 9.0) / 24)
    assert got["day"].valid.tolist() == [True]
    assert got["day"].expected.tolist() == [24]
    assert got["month"].count.tolist() == [1]
    assert got["month"].valid.tolist() == [False]
    assert aggregate_upwards({}, GAS, BOOK) == {}


def test_series_that_owe_only_four_hourly_values() -> None:
    river = [SeriesInfo(1, "surface_water", "w21003", 14400)]
    rows = Observations.of([1] * 5, TODAY + 14400 * np.arange(5), [0.5] * 5, flag=["N"] * 5)
    got = aggregate_upwards({"hour": rows}, river, BOOK)
    assert got["day"].expected.tolist() == [6]
    assert got["day"].valid.tolist() == [True]


@pytest.mark.parametrize("seconds", [3600, 14400, 86400])
def test_a_stray_minute_of_a_series_without_minutes_is_no_hour(seconds: int) -> None:
    coarse = [SeriesInfo(1, "flue_gas", "a21026", seconds)]
    got = aggregate_upwards({"minute": minutes(1), "hour": sent_hours(24)}, coarse, BOOK)
    assert got["hour"].valid.tolist() == [False]
    assert got["day"].value.tolist() == [9.0], "the hour the device sent stands"


def test_facts_reach_every_step() -> None:
    mark = IntervalFact("m", FactKind.MARK, frozenset({1}), TODAY, TODAY + 12 * 3600, "M", known_at=5)
    for moment, count in ((4, 24), (5, 12)):
        got = aggregate_upwards({"hour": sent_hours(24)}, GAS, BOOK, [mark], moment=moment)
        assert got["day"].count.tolist() == [count]


def test_a_water_hour_with_one_abnormal_value_stays_valid_in_the_day() -> None:
    flags = ["N"] * 5 + ["C"]
    water = [SeriesInfo(1, "waste_water", "w01018", 600)]
    rows = Observations.of([1] * 6, TODAY + 600 * np.arange(6), [2.0] * 6, flag=flags)
    got = aggregate_upwards({"minute": rows}, water, BOOK)
    assert got["hour"].flags[int(got["hour"].flag[0])] == "C"
    assert got["day"].count.tolist() == [1]
    assert got["day"].value.tolist() == [2.0]
    assert got["day"].flags[int(got["day"].flag[0])] == "C"

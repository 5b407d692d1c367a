from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.air.means import (
    daily_maximum_8h,
    daily_mean,
    eight_hour_means,
    rolling_mean,
    round_means,
    site_mean,
    validity_rules,
)
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.rounding import round_places

DAY = np.arange(24, dtype=float)


def with_gaps(hours: int) -> np.ndarray:
    day = np.full(24, 10.0)
    day[:hours] = np.nan
    return day


def test_a_day_needs_20_hours() -> None:
    assert daily_mean(with_gaps(4)) == 10.0
    assert np.isnan(daily_mean(with_gaps(5)))
    assert daily_mean(np.stack([DAY, DAY + 1])).tolist() == [11.5, 12.5]
    assert np.isnan(daily_mean(np.full(24, np.nan)))


def test_eight_hour_windows_stay_inside_the_day() -> None:
    means = eight_hour_means(DAY)
    assert means.shape == (17,)
    assert means[0] == np.mean(DAY[:8])
    assert means[-1] == np.mean(DAY[16:])
    day = DAY.copy()
    day[0:3] = np.nan
    assert np.isnan(eight_hour_means(day)[0])
    assert eight_hour_means(day)[1] == np.mean(day[3:9])


def test_daily_maximum_needs_14_windows_or_an_exceedance() -> None:
    value, windows = daily_maximum_8h(DAY, limit=160)
    assert (value, windows) == (19.5, 17)
    short = np.full(24, 150.0)
    short[10:] = np.nan
    value, windows = daily_maximum_8h(short, limit=160)
    assert windows == 5
    assert np.isnan(value)
    value, windows = daily_maximum_8h(short + 20, limit=160)
    assert value == 170.0
    # the result must exceed the limit, reaching it is not enough
    assert np.isnan(daily_maximum_8h(short + 10, limit=160)[0])
    edge = np.full(24, 50.0)
    edge[18:] = np.nan
    assert daily_maximum_8h(edge, limit=160)[1] == 13
    assert np.isnan(daily_maximum_8h(edge, limit=160)[0])
    edge[18] = 50.0
    assert daily_maximum_8h(edge, limit=160)[0] == 50.0
    assert np.isnan(daily_maximum_8h(np.full(24, np.nan), limit=160)[0])


def test_rolling_means() -> None:
    series = np.arange(30, dtype=float)
    means = rolling_mean(series, 24, at_least=20)
    assert np.isnan(means[18])
    assert means[19] == np.mean(series[:20])
    assert means[29] == np.mean(series[6:30])
    assert rolling_mean(np.stack([series, series]), 8, at_least=6).shape == (2, 30)
    with pytest.raises(InputError):
        rolling_mean(series, 8, at_least=9)


def test_city_mean_needs_three_quarters_of_the_sites() -> None:
    sites = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, np.nan], [6.0, np.nan]])
    assert site_mean(sites).tolist()[0] == 3.0
    assert np.isnan(site_mean(sites)[1])
    assert site_mean(np.array([[1.0], [2.0], [3.0], [np.nan]]))[0] == 2.0
    assert np.isnan(site_mean(np.array([[1.0], [2.0], [np.nan]]))[0])
    assert site_mean(sites, share=Decimal("0.5"))[1] == 1.5


@pytest.mark.parametrize("bad", [np.zeros(23), np.full(24, -1.0), np.full(24, np.inf), 3.0])
def test_impossible_days(bad: object) -> None:
    with pytest.raises(InputError):
        daily_mean(bad)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 9999), min_size=20, max_size=24), st.sampled_from([0, 1]))
def test_means_are_rounded_like_exact_decimals(tenths: list[int], places: int) -> None:
    """Means of hours with one decimal: ties such as 12.35 are decided as on paper."""
    hours = np.full(24, np.nan)
    hours[: len(tenths)] = np.array(tenths) / 10
    exact = Decimal(sum(tenths)) / 10 / len(tenths)
    assert round_means(daily_mean(hours), places) == float(round_places(exact, places))


def test_round_means_keeps_gaps() -> None:
    assert round_means(np.array([0.5, 1.5, 2.25, np.nan]), 0).tolist()[:3] == [0.0, 2.0, 2.0]
    assert np.isnan(round_means(np.array([np.nan]), 0)[0])


def test_rules_are_read_from_the_rulebook() -> None:
    rules = validity_rules(Basis(date(2026, 3, 1)))
    assert (rules.day_hours, rules.eight_hour_hours, rules.eight_hour_windows) == (20, 6, 14)
    assert (rules.year_days, rules.month_days, rules.february_days) == (324, 27, 25)
    assert rules.site_share == Decimal("0.75")
    assert {row.edition for row in rules.rows} == {"2026"}
    with pytest.raises(EditionError):
        validity_rules(Basis(date(2000, 1, 1)))

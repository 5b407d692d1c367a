"""A mean is rounded once on its way to an index: as the edition of HJ 633 says, or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.standards.air import index, kernel, means
from qingjian.standards.air.breakpoints import POLLUTANTS

PERIODS = {name: "8h" if name == "O3" else "24h" for name in POLLUTANTS}
DAYS = (date(2024, 6, 1), date(2026, 6, 1))


def test_a_mean_just_below_a_half_is_not_lifted_by_a_rounding_before() -> None:
    mean = np.asarray([35.4967, 35.5, 35.5033])
    found = kernel.indices({"PM2.5": mean}, periods=PERIODS, on=DAYS[1], decimals=None)
    assert found.iaqi["PM2.5"].tolist() == [50, 52, 52], "35, and twice 36"


def test_the_edition_of_2012_rounds_no_concentration() -> None:
    found = kernel.indices({"PM2.5": np.asarray([35.0, 35.004])}, periods=PERIODS, on=DAYS[0], decimals=None)
    assert found.iaqi["PM2.5"].tolist() == [50, 51]


@given(
    st.dictionaries(
        st.sampled_from(POLLUTANTS),
        st.lists(st.integers(0, 900_000), min_size=20, max_size=24),
        min_size=1,
    ),
    st.sampled_from(DAYS),
)
def test_the_arrays_say_of_means_what_the_decimals_say(hours: dict[str, list[int]], on: date) -> None:
    """Hours with three decimals; the oracle works on the exact mean at nine decimals."""
    values = {
        name: means.round_means(np.asarray([np.mean(np.asarray(given) / 1000)]), means.MEAN_DECIMALS)
        for name, given in hours.items()
    }
    found = kernel.indices(values, periods=PERIODS, on=on, decimals=None)
    used = {
        "O3_8h" if name == "O3" else name: (sum(map(Decimal, given)) / len(given) / 1000).quantize(
            Decimal("1e-9")
        )
        for name, given in hours.items()
    }
    oracle = index.daily(used, on=on)
    assert int(found.aqi[0]) == oracle.aqi


@pytest.mark.parametrize("on", DAYS)
def test_missing_negative_and_endless_values_count_as_missing(on: date) -> None:
    given = {"PM2.5": np.asarray([np.nan, -1.0, np.inf, 1e300])}
    found = kernel.indices(given, periods=PERIODS, on=on, decimals=None)
    assert found.iaqi["PM2.5"].tolist() == [-1, -1, -1, 500]

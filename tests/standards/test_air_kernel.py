from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.rulebook import packaged
from qingjian.standards.air.breakpoints import POLLUTANTS, scale
from qingjian.standards.air.index import daily, hourly
from qingjian.standards.air.kernel import MISSING, build_lookup, indices
from qingjian.standards.editions import Basis
from qingjian.standards.errors import EditionError, InputError

BOOK = packaged()
ITEMS = [
    ("SO2", "1h"),
    ("SO2", "24h"),
    ("NO2", "1h"),
    ("NO2", "24h"),
    ("O3", "1h"),
    ("O3", "8h"),
    ("PM10", "24h"),
]
ITEMS += [("PM2.5", "24h"), ("CO", "1h"), ("CO", "24h")]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: "-".join(item))
@pytest.mark.parametrize("day", [date(2026, 2, 28), date(2026, 3, 1)], ids=["2012", "2026"])
def test_the_table_agrees_with_decimal_for_every_representable_input(
    item: tuple[str, str], day: date
) -> None:
    """Every input with one decimal (CO: two), from 0 to above the last breakpoint."""
    table = scale(BOOK, Basis(day), *item)
    decimals = 2 if item[0] == "CO" else 1
    lookup = build_lookup(table, decimals)
    assert lookup[0] == MISSING
    top = int(table.points[-1][1].scaleb(decimals))
    assert len(lookup) > top + 1
    for number in range(top + 5):
        found = table.index(table.rounded(Decimal(number).scaleb(-decimals)))
        assert lookup[number + 1] == (MISSING if found is None else found[0]), number
    assert np.all(np.diff(lookup[1 : top + 2].astype(int)) >= 0)


CONCENTRATION = st.one_of(st.none(), st.integers(0, 12_000).map(lambda n: n / 10))
HOUR = st.fixed_dictionaries(
    {name: CONCENTRATION for name in POLLUTANTS if name != "CO"}
    | {"CO": st.one_of(st.none(), st.integers(0, 60_000).map(lambda n: n / 1000))}
)


@settings(max_examples=60)
@given(st.lists(HOUR, min_size=1, max_size=8), st.sampled_from(["2012", "2026"]))
def test_arrays_agree_with_single_hours(hours: list[dict[str, Any]], edition: str) -> None:
    arrays = {name: np.array([np.nan if h[name] is None else h[name] for h in hours]) for name in POLLUTANTS}
    result = indices(arrays, edition=edition)
    for place, hour in enumerate(hours):
        try:
            single = hourly(hour, edition=edition)
        except InputError:
            assert result.aqi[place] == MISSING
            continue
        assert result.aqi[place] == single.aqi
        assert result.primary_names(place) == single.primary
        assert result.complete[place] == (not single.missing)


@settings(max_examples=40)
@given(HOUR, st.sampled_from(["2012", "2026"]))
def test_daily_arrays_agree_with_single_days(day: dict[str, Any], edition: str) -> None:
    arrays = {name: np.array([[np.nan if value is None else value]]) for name, value in day.items()}
    periods = dict.fromkeys(POLLUTANTS, "24h") | {"O3": "8h"}
    result = indices(arrays, edition=edition, periods=periods)
    values = {("O3_8h" if name == "O3" else name): value for name, value in day.items()}
    try:
        single = daily(values, edition=edition)
    except InputError:
        assert result.aqi[0, 0] == MISSING
        return
    assert result.aqi[0, 0] == single.aqi


def test_missing_negative_and_infinite_values() -> None:
    arrays = {"SO2": [5.0, np.nan, -3.0, np.inf, -np.inf], "PM25": [10.0, 10.0, 10.0, 10.0, 10.0]}
    result = indices(arrays, edition="2026")
    assert result.iaqi["SO2"].tolist() == [2, MISSING, MISSING, MISSING, MISSING]
    assert result.iaqi["PM2.5"].tolist() == [15] * 5
    assert result.aqi.tolist() == [15] * 5
    assert not result.complete.any()
    empty = indices({"SO2": np.array([np.nan])}, edition="2026")
    assert empty.aqi.tolist() == [MISSING]
    assert empty.primary.tolist() == [0]


def test_above_the_scale() -> None:
    values = {"SO2": [801.0, 1e9], "PM10": [5000.0, 1e9]}
    new = indices(values, edition="2026")
    assert new.iaqi["SO2"].tolist() == [200, 200]
    assert new.aqi.tolist() == [500, 500]
    assert indices(values, edition="2012").iaqi["SO2"].tolist() == [MISSING, MISSING]


def test_shapes_blocks_and_errors() -> None:
    rng = np.random.default_rng(7)
    big = {name: np.round(rng.gamma(2.0, 30.0, (50, 1500)), 1) for name in POLLUTANTS}
    whole = indices(big, edition="2026")
    assert whole.aqi.shape == (50, 1500)
    part = indices({name: array[20:21, 700:800] for name, array in big.items()}, edition="2026")
    assert np.array_equal(part.aqi, whole.aqi[20:21, 700:800])
    assert np.array_equal(part.primary, whole.primary[20:21, 700:800])
    with pytest.raises(InputError, match="shapes"):
        indices({"SO2": [1.0], "NO2": [1.0, 2.0]}, edition="2026")
    with pytest.raises(InputError):
        indices({"radon": [1.0]}, edition="2026")
    with pytest.raises(InputError):
        indices({"PM25": [1.0], "PM2.5": [1.0]}, edition="2026")
    with pytest.raises(InputError, match="decimals"):
        indices({"SO2": [1.0]}, edition="2026", decimals=9)
    with pytest.raises(EditionError):
        indices({"SO2": [1.0]})

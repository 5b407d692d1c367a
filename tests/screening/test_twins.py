"""Two monitors with one series, in a network that knows nothing of the pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.panel import Panel
from qingjian.screening.record import history_record
from qingjian.screening.twins import find_twins


@pytest.mark.parametrize("disguise", ["exact", "noise", "rounding", "noise and rounding"])
def test_one_series_in_two_places(make_network: Callable[..., Panel], disguise: str) -> None:
    panel = make_network(90, stations=5)
    values = panel.values.copy()
    copy = values[1, 0].copy()
    if "noise" in disguise:
        copy = copy + np.random.default_rng(1).normal(0, 0.02 * copy.std(), len(copy))
    if "rounding" in disguise:
        copy = np.round(copy / 2) * 2
    values[4, 0] = copy
    twins = find_twins(history_record(replace(panel, values=values)))
    record = history_record(replace(panel, values=values))
    assert twins
    assert {frozenset({record.stations[t.first].code, record.stations[t.second].code}) for t in twins} == {
        frozenset({"s1", "s4"})
    }
    assert twins[0].last_day - twins[0].first_day > 60
    if disguise == "exact":
        assert twins[0].equal_share == 1


def test_honest_neighbours_are_not_twins(make_network: Callable[..., Panel]) -> None:
    assert find_twins(history_record(make_network(90, stations=5))) == ()


def test_two_stations_only_and_a_dead_network(make_network: Callable[..., Panel]) -> None:
    panel = make_network(40, stations=2)
    assert find_twins(history_record(panel)) == ()
    assert find_twins(history_record(replace(panel, values=np.full(panel.values.shape, 5.0)))) == ()

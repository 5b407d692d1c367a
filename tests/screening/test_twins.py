"""Two monitors with one series, in a network that knows nothing of the pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.panel import Panel
from qingjian.screening.record import history_record
from qingjian.screening.twins import _standing_out, find_twins


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


def named(panel: Panel) -> set[tuple[str, ...]]:
    record = history_record(panel)
    return {
        tuple(sorted((record.stations[t.first].code, record.stations[t.second].code)))
        for t in find_twins(record)
        if t.parameter == [one.code for one in record.parameters].index("DUST")
    }


@pytest.mark.parametrize("noise", [(0.0, 0.0), (0.01, 0.01), (0.0, 0.02)])
@pytest.mark.parametrize("stations", [4, 6, 10])
def test_two_pairs_do_not_hide_each_other(
    make_network: Callable[..., Panel], stations: int, noise: tuple[float, float]
) -> None:
    panel = make_network(60, stations=stations)
    values = panel.values.copy()
    for (one, copy), size in zip(((0, 1), (2, 3)), noise, strict=True):
        own = values[one, 0]
        values[copy, 0] = own + np.random.default_rng(one).normal(0, size * own.std(), len(own))
    assert named(replace(panel, values=values)) == {("s0", "s1"), ("s2", "s3")}


def test_a_copy_that_just_falls_short_does_not_hide_a_clear_one() -> None:
    closeness = np.array([[0, 6.4, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 5.4], [0, 0, 0, 0]])
    correlation = np.sqrt(1 - np.exp(-(closeness + closeness.T)))
    assert set(_standing_out(correlation, np.ones((4, 4), bool))) == {(0, 1)}


def test_a_row_of_close_neighbours_is_no_group_of_copies() -> None:
    """Each is close to the next, the ends are not: they carry no one series."""
    closeness = np.array([[0, 6.2, 3.0, 2.0], [0, 0, 6.1, 3.0], [0, 0, 0, 6.0], [0, 0, 0, 0]])
    correlation = np.sqrt(1 - np.exp(-(closeness + closeness.T)))
    assert _standing_out(correlation, np.ones((4, 4), bool)) == {}


@pytest.mark.parametrize("stations", [3, 4, 6])
def test_a_group_of_copies_is_named_whole(make_network: Callable[..., Panel], stations: int) -> None:
    panel = make_network(60, stations=stations)
    values = panel.values.copy()
    group = min(stations, 4)
    values[:group, 0] = values[0, 0]
    wanted = {(f"s{i}", f"s{j}") for i in range(group) for j in range(i + 1, group)}
    assert named(replace(panel, values=values)) == wanted


def test_a_pair_that_parts_and_meets_again_is_named_for_each_time(make_network: Callable[..., Panel]) -> None:
    panel = make_network(240, stations=5)
    values = panel.values.copy()
    for days in (slice(0, 60 * 24), slice(210 * 24, None)):
        values[1, 0, days] = values[0, 0, days]
    twins = find_twins(history_record(replace(panel, values=values)))
    spans = sorted((t.first_day - panel.first_day, t.last_day - panel.first_day) for t in twins)
    assert spans == [(0, 59), (210, 239)]

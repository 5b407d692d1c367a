"""Panels on the grid, joined records, canonical order; bad input gives a clear answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from qingjian.screening.panel import FLAG_NORMAL, Panel, PanelError, Parameter, Station, panel_from_records
from qingjian.screening.record import alone, block_means, fine_block, history_record, join


def records(minutes: list[int], values: list[float]) -> Panel:
    n = len(minutes)
    zero = np.zeros(n, np.int64)
    return panel_from_records(
        [Station("a")],
        [Parameter("X")],
        zero,
        zero,
        np.array(minutes, np.int64),
        np.array(values, float),
        np.full(n, FLAG_NORMAL, np.uint8),
    )


def test_the_last_of_repeated_records_counts_and_is_noted() -> None:
    panel = records([0, 60, 60, 120], [1, 2, 3, 4])
    assert panel.values[0, 0, :3].tolist() == [1, 3, 4]
    assert panel.values.shape == (1, 1, 24)
    assert "1" in panel.notes[0]


def test_records_off_the_grid_are_taken_to_their_period_and_noted() -> None:
    panel = records([0, 60, 125, 180, 240], [1, 2, 3, 4, 5])
    assert panel.values[0, 0, 2] == 3
    assert len(panel.notes) == 1


def test_infinite_values_are_missing() -> None:
    assert np.isnan(records([0, 60, 120], [1, float("inf"), 2]).values[0, 0, 1])


@pytest.mark.parametrize(
    "minutes",
    [[], [0, 7, 14, 21], [0, 1440 * 3, 1440 * 6], [0, 120, 240], [0, 60, 60_000_000], [0, 45, 90, 135]],
)
def test_panels_that_cannot_be_put_on_a_grid(minutes: list[int]) -> None:
    with pytest.raises(PanelError, match="/"):
        records(minutes, [1.0] * len(minutes))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60])
def test_every_step_that_divides_an_hour_has_fine_and_hourly_values(step: int) -> None:
    minutes = list(range(0, 3 * 1440, step))
    record = history_record(records(minutes, [float(m) for m in minutes]))
    assert record.hourly.shape == (1, 1, 72)
    fine = record.fine(0, 0)
    assert len(fine) == 3
    assert 24 <= fine.shape[1] <= 96
    assert (60 // step) % fine_block(60 // step) == 0


def test_until_forgets_everything_later(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    cut = panel.until(panel.first_day + 4)
    assert cut.days == 5
    assert np.array_equal(cut.values, panel.values[:, :, : 5 * 24])
    assert panel.until(panel.first_day - 3).days == 0


def test_only_the_last_days_are_kept(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    last = panel.since(5)
    assert last.days == 5
    assert last.first_day == panel.first_day + 15
    assert np.array_equal(last.values, panel.values[:, :, 15 * 24 :])
    assert panel.since(50).days == 20


def test_order_and_names_do_not_change_a_record(make_network: Callable[..., Panel]) -> None:
    panel = make_network(20)
    one = history_record(panel)
    other = history_record(panel.reordered([2, 0, 3, 1], [2, 1, 0]))
    assert np.array_equal(one.values, other.values)
    assert [s.code for s in one.stations] == [s.code for s in other.stations]


def test_overlap_of_history_and_panel_is_panel(make_network: Callable[..., Panel]) -> None:
    history, panel = make_network(30), make_network(10, seed=6, first_day=16_025)
    record = join(history_record(history), panel)
    assert record.history_days.sum() == 25
    assert record.panel_days.sum() == 10
    assert any("重叠" in note for note in record.notes)


def test_a_panel_knows_stations_the_history_does_not(make_network: Callable[..., Panel]) -> None:
    history = history_record(make_network(30, stations=2))
    record = join(history, make_network(10, stations=4, first_day=16_030))
    assert len(record.stations) == 4
    assert np.isnan(record.values[2:, :, : 30 * 24]).all()


def test_different_steps_cannot_be_joined(make_network: Callable[..., Panel]) -> None:
    fine = records(list(range(0, 1440, 15)), [1.0] * 96)
    with pytest.raises(PanelError, match="步长"):
        join(history_record(make_network(10)), fine)


def test_a_panel_alone_is_its_own_reference(make_network: Callable[..., Panel]) -> None:
    record = alone(make_network(10))
    assert record.history_days.all()
    assert record.panel_days.all()


def test_block_means_skip_gaps() -> None:
    assert block_means(np.array([1.0, 3.0, np.nan, np.nan, np.nan, 5.0]), 2)[[0, 2]].tolist() == [2.0, 5.0]
    assert np.isnan(block_means(np.array([np.nan, np.nan]), 2))[0]

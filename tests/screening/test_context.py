"""What is to be expected at an hour: from what else was known, and never from the series itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.context import ContextModels, Expectation, Shape, fit_context, shape_of
from qingjian.screening.panel import Panel
from qingjian.screening.record import Record, history_record, join

HISTORY, DAYS = 120, 30


@pytest.fixture(scope="module")
def halves(make_network: Callable[..., Panel]) -> tuple[Panel, Panel]:
    """History and panel of one network."""
    whole = make_network(HISTORY + DAYS)
    return whole.until(whole.first_day + HISTORY - 1), whole.since(DAYS)


def place(record: Record) -> tuple[int, int]:
    """The dust of station s1, wherever it stands in the record."""
    return (
        [one.code for one in record.stations].index("s1"),
        [one.code for one in record.parameters].index("DUST"),
    )


def expected(models: ContextModels, history: Record, panel: Panel) -> tuple[Record, Expectation, np.ndarray]:
    """The joined record, what is expected of the dust of s1, and its errors in usual errors on the panel's hours."""
    record = join(history, panel)
    shaped = models.shaped(record)
    at = place(record)
    guess = models.expect(record, shaped, *at)
    inside = np.repeat(record.panel_days, 24)
    return record, guess, ((shaped[at] - guess.expected) / guess.spread)[inside]


@pytest.fixture(scope="module")
def learned(halves: tuple[Panel, Panel]) -> tuple[Record, ContextModels]:
    record = history_record(halves[0])
    return record, fit_context(record)


def test_neighbours_other_factors_and_weather_explain_most_of_a_series(
    halves: tuple[Panel, Panel], learned: tuple[Record, ContextModels]
) -> None:
    record, models = learned
    model = models.models[place(record)]
    parameters = [one.code for one in record.parameters]
    looked_at = {(s == place(record)[0], parameters[p]) for s, p in model.columns}
    assert looked_at == {(False, "DUST"), (True, "NO2"), (True, "WIND")}
    assert place(record) not in model.columns
    assert model.explained > 0.8
    _, _, error = expected(models, record, halves[1])
    assert 0.5 < np.nanstd(error) < 2.0  # the spread is what it says


def test_a_change_of_the_series_does_not_move_its_expectation(
    halves: tuple[Panel, Panel], learned: tuple[Record, ContextModels]
) -> None:
    record, models = learned
    lowered = halves[1].values.copy()
    lowered[1, 0] *= 0.5
    _, honest, usual = expected(models, record, halves[1])
    _, after, low = expected(models, record, replace(halves[1], values=lowered))
    assert np.array_equal(honest.expected, after.expected)
    assert np.nanmedian(low) < np.nanmedian(usual) - 3


def test_missing_neighbours_and_weather_widen_nothing_into_nonsense(
    halves: tuple[Panel, Panel], learned: tuple[Record, ContextModels]
) -> None:
    record, models = learned
    values = halves[1].values.copy()
    values[0] = np.nan
    values[2, :, 100:400] = np.nan
    values[:, 2, 300:] = np.nan
    _, guess, error = expected(models, record, replace(halves[1], values=values))
    assert np.isfinite(guess.expected).all()
    assert np.nanmean(np.abs(error)) < 2.5


def test_faults_in_the_history_hardly_move_what_is_expected(halves: tuple[Panel, Panel]) -> None:
    history, panel = halves
    r = np.random.default_rng(4)
    faulty = history.values.copy()
    spikes = r.random(faulty.shape[2]) < 0.02
    faulty[1, 0, spikes] += 400
    faulty[0, 0, 24 * 30 : 24 * 35] = 0.0
    honest, spoiled = history_record(history), history_record(replace(history, values=faulty))
    record, clean_guess, _ = expected(fit_context(honest), honest, panel)
    _, guess, error = expected(fit_context(spoiled), spoiled, panel)
    inside = np.repeat(record.panel_days, 24)
    apart = np.abs(np.exp(guess.expected) - np.exp(clean_guess.expected))[inside]
    assert np.median(apart) < 8.0  # of about 60: the spikes were 400
    assert abs(np.nanmedian(error)) < 1.0


def test_the_days_of_the_history_are_predicted_by_models_that_never_saw_them(
    halves: tuple[Panel, Panel], learned: tuple[Record, ContextModels]
) -> None:
    """Otherwise what is usual would be measured too small."""
    record, models = learned
    at = place(record)
    shaped = models.shaped(record)
    error = np.abs(shaped[at] - models.expect(record, shaped, *at).expected)
    _, guess, _ = expected(models, record, halves[1])
    joined = join(record, halves[1])
    later = np.abs(models.shaped(joined)[at] - guess.expected)[np.repeat(joined.panel_days, 24)]
    assert 0.6 < np.nanmedian(error) / np.nanmedian(later) < 1.6


def test_what_was_said_of_the_history_is_remembered_bit_for_bit(halves: tuple[Panel, Panel]) -> None:
    history, panel = halves
    record = history_record(history)
    fresh, asked = fit_context(record), fit_context(record)
    for s in range(len(record.stations)):
        for p in record.measured():
            asked.expect(record, asked.shaped(record), s, p)
    joined = join(record, panel)
    overlapping = join(record, replace(panel, start=panel.start - 5 * 1440))
    staged = joined.with_values(
        np.where(joined.values > 60, joined.values * 0.7, joined.values), joined.flags
    )
    for one in (joined, overlapping, staged):
        for s in range(len(record.stations)):
            first, again = (models.expect(one, models.shaped(one), s, 0) for models in (fresh, asked))
            assert np.array_equal(first.expected, again.expected, equal_nan=True)
            assert np.array_equal(first.spread, again.spread, equal_nan=True)


def test_a_series_alone_is_expected_from_hour_and_season(halves: tuple[Panel, Panel]) -> None:
    one = halves[0].reordered([1], [0])
    models = fit_context(history_record(one))
    assert models.models[0, 0].columns == ()


def test_too_little_history_gives_no_model_and_no_expectation(make_network: Callable[..., Panel]) -> None:
    record = history_record(make_network(10))
    models = fit_context(record)
    assert models.models == {}
    assert np.isnan(models.expect(record, models.shaped(record), 0, 0).expected).all()


def test_the_scale_of_a_factor_follows_its_values() -> None:
    r = np.random.default_rng(1)
    assert shape_of(r.normal(15, 8, 500), 0.1).linear  # temperatures below zero
    assert shape_of(r.normal(7.5, 0.3, 500), 0.01).linear  # pH
    assert not shape_of(r.lognormal(3, 1, 500), 1.0).linear
    assert shape_of(np.full(5, np.nan), 1.0) == Shape(True, 0.0)
    shape = shape_of(r.lognormal(3, 1, 500), 1.0)
    assert np.allclose(shape.back(shape.of(np.array([0.0, 1.0, 200.0]))), [0.0, 1.0, 200.0])

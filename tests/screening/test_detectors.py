"""Every detector on a constructed case: what it must see, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qingjian.screening import (
    bunching,
    ceiling,
    constants,
    copied_runs,
    copies,
    coupling,
    detection_floor,
    faults,
    hours_of_day,
    jumps,
    last_digits,
    level_and_scale,
    missing_when_high,
    mist,
    physical_logic,
    smoothing,
    spraying,
)
from qingjian.screening.calibration import against_season, normal_scores
from qingjian.screening.panel import FLAG_CALIBRATION, FLAG_FAULT, FLAG_MAINTENANCE
from qingjian.screening.series import SeriesDays

Make = Callable[..., SeriesDays]
TAMPERED = slice(40, 47)
MIDDLE = 43
CLEAN = np.r_[np.arange(10, 30), np.arange(58, 70)]


def stands_out(found: dict[str, np.ndarray], name: str) -> bool:
    """The middle of the tampered week lies beyond every clean day."""
    return bool(found[name][MIDDLE] > np.nanmax(found[name][CLEAN]))


def changed(
    make: Make, change: Callable[[np.ndarray, np.random.Generator], np.ndarray], **more: Any
) -> SeriesDays:
    """A series with one week changed."""
    values = make().values.copy()
    values[TAMPERED] = change(values[TAMPERED], np.random.default_rng(9))
    return make(values=values, **more)


def test_a_held_value_is_a_run_and_flat(make_series: Make) -> None:
    found = constants.statistics(changed(make_series, lambda x, r: np.full_like(x, 50)))
    for name in ("constants.run", "constants.repeats.1", "constants.variety", "constants.flat.3"):
        assert stands_out(found, name), name


def test_a_held_value_with_scatter_is_still_flat(make_series: Make) -> None:
    found = constants.statistics(changed(make_series, lambda x, r: np.round(50 + r.normal(0, 1.2, x.shape))))
    assert stands_out(found, "constants.flat.3")


def test_repeats_of_a_batch_analyser_are_not_constants(make_series: Make) -> None:
    """A cycle of four hours repeats three of four values: against the own history that is nothing."""
    batch = np.repeat(make_series().values[:, ::4], 4, axis=1)
    usual = constants.statistics(make_series(values=batch))
    held = batch.copy()
    held[TAMPERED] = held[MIDDLE, 0]
    stuck = constants.statistics(make_series(values=held))
    for name in ("constants.run", "constants.repeats.3"):
        reference = np.sort(usual[name])
        assert normal_scores(usual[name], reference)[CLEAN].max() < 3
        assert normal_scores(stuck[name], reference)[MIDDLE] > 3


def test_run_lengths_count_equal_neighbours_and_gaps_break_them() -> None:
    values = np.array([1.0, 1.0, np.nan, 1.0, 2.0, 2.0, 2.0])
    assert constants.run_lengths(values).tolist() == [2, 2, 0, 1, 3, 3, 3]
    assert constants.run_lengths(np.zeros(0)).tolist() == []


def test_a_ceiling_repeats_its_value_below_the_expectation(make_series: Make) -> None:
    found = ceiling.statistics(changed(make_series, lambda x, r: np.minimum(x, np.quantile(x, 0.6))))
    for name in ("ceiling.ties.7", "ceiling.pressed.7"):
        assert stands_out(found, name), name


def test_a_quiet_week_is_no_ceiling(make_series: Make) -> None:
    expected = make_series().expected.copy()
    expected[TAMPERED] = 0.5 * (expected[TAMPERED] + expected[TAMPERED].mean())
    r = np.random.default_rng(4)
    found = ceiling.statistics(
        make_series(values=np.round(expected + r.normal(0, 3, expected.shape)), expected=expected)
    )
    assert not stands_out(found, "ceiling.pressed.7")


def test_values_pressed_under_the_limit(make_series: Make) -> None:
    limit = {"limit": 62.0, "shaped_limit": np.array([0.9, 1.0, 1.6]) * 62.0}
    found = bunching.statistics(
        changed(
            make_series, lambda x, r: np.where(x > 62, np.round(60 + r.uniform(-1, 1, x.shape)), x), **limit
        )
    )
    clean = bunching.statistics(make_series(**limit))
    for name in ("bunching.below.7", "bunching.gap.7", "bunching.pressed.7"):
        assert found[name][MIDDLE] > np.max(clean[name]), name
    assert bunching.statistics(make_series()) == {}


def test_a_level_that_lies_below_the_limit_is_no_bunching(make_series: Make) -> None:
    expected = make_series().expected.copy()
    expected[TAMPERED] = 58 + 0.1 * (expected[TAMPERED] - expected[TAMPERED].mean())
    r = np.random.default_rng(4)
    found = bunching.statistics(
        make_series(
            values=np.round(expected + r.normal(0, 3, expected.shape)),
            expected=expected,
            limit=62.0,
            shaped_limit=np.array([0.9, 1.0, 1.6]) * 62.0,
        )
    )
    for name in ("bunching.gap.7", "bunching.pressed.7"):
        assert not stands_out(found, name), name
    assert found["bunching.below.7"][MIDDLE] < 3  # many just below the limit, and none missing above it


def test_the_density_breaks_off_at_the_limit_where_values_were_moved_under_it(make_series: Make) -> None:
    clean = make_series(days=200, limit=62.0, shaped_limit=np.array([0.9, 1.0, 1.6]) * 62.0)
    r, weeks = np.random.default_rng(3), slice(90, 105)
    values = clean.values.copy()
    moved = (values[weeks] > 62) & (values[weeks] < 99) & (r.random(values[weeks].shape) < 0.7)
    values[weeks][moved] = np.round(62 * r.uniform(0.92, 0.998, moved.sum()))
    found = bunching.statistics(
        make_series(days=200, values=values, limit=62.0, shaped_limit=clean.shaped_limit)
    )
    for name in ("bunching.break.15", "bunching.break.31"):
        assert found[name][97] > np.nanmax(bunching.statistics(clean)[name]), name


@pytest.mark.parametrize(("level", "spread"), [(50.0, 12.0), (62.0, 10.0), (75.0, 14.0)])
def test_a_density_that_rises_or_falls_through_the_limit_is_no_break(
    make_series: Make, level: float, spread: float
) -> None:
    """Independent values: the fall at the limit is a standard normal number, whichever way the density slopes there."""
    values = np.round(np.random.default_rng(8).normal(level, spread, (400, 24)))
    found = bunching.statistics(
        make_series(days=400, values=values, limit=62.0, shaped_limit=np.array([0.9, 1.0, 1.6]) * 62.0)
    )["bunching.break.7"]
    assert np.isfinite(found).all()
    assert abs(found.mean()) < 0.6
    assert found.max() < 4.5


def test_values_on_the_limit_keep_it_and_too_few_values_near_it_say_nothing(make_series: Make) -> None:
    r = np.random.default_rng(2)
    limit = {"limit": 62.0, "shaped_limit": np.array([0.9, 1.0, 1.6]) * 62.0}
    kept = bunching.statistics(
        make_series(values=np.where(r.random((80, 24)) < 0.5, 62.0, r.integers(40, 62, (80, 24))), **limit)
    )
    above = bunching.statistics(
        make_series(values=np.where(r.random((80, 24)) < 0.5, 63.0, r.integers(64, 84, (80, 24))), **limit)
    )
    assert kept["bunching.break.15"].min() > 3
    assert above["bunching.break.15"].max() < -3
    far = bunching.statistics(
        make_series(values=np.full((80, 24), 10.0) + r.integers(0, 9, (80, 24)), **limit)
    )
    assert np.isnan(far["bunching.break.31"]).all()


@pytest.mark.parametrize("favourites", [(0, 5), (3,), (1, 2, 7, 8)])
def test_invented_last_digits_whatever_the_favourites(make_series: Make, favourites: tuple[int, ...]) -> None:
    found = last_digits.statistics(
        changed(make_series, lambda x, r: np.floor(x / 10) * 10 + r.choice(favourites, x.shape))
    )
    assert stands_out(found, "last_digits.shares.7")


def test_an_instrument_that_always_rounds_to_five_is_its_own_history(make_series: Make) -> None:
    found = last_digits.statistics(make_series(values=np.round(make_series().values / 5) * 5))
    assert found["last_digits.shares.7"].max() < 5


def test_the_same_last_digit_twice_in_a_row(make_series: Make) -> None:
    """Whoever invents numbers repeats an ending more or less often than an instrument does."""

    def paired(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        flat = (np.round(x.ravel() / 10) * 10).reshape(-1, 2)
        return (flat + r.integers(0, 10, len(flat))[:, None] + np.array([0, 10])).reshape(x.shape)

    found = last_digits.statistics(changed(make_series, paired))
    assert stands_out(found, "last_digits.same_again.3")
    held = last_digits.statistics(changed(make_series, lambda x, r: np.full_like(x, 47)))
    assert not stands_out(held, "last_digits.same_again.3")  # a value that stands still is no pair


def test_last_digits_that_follow_from_the_ones_before(make_series: Make) -> None:
    """Every digit as often as ever, but after a 3 always a 6: only the pairs tell."""

    def counted_on(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        endings = (3 * np.arange(x.size)) % 10
        return (np.floor(x.ravel() / 10) * 10 + endings).reshape(x.shape)

    found = last_digits.statistics(changed(make_series, counted_on))
    assert stands_out(found, "last_digits.pairs.7")
    assert not stands_out(found, "last_digits.shares.7")


def test_last_two_digits_together_against_the_own_history(make_series: Make) -> None:
    """Doubled endings (11, 22 ...) use every last digit alike; below a hundred steps the ending is the value itself."""
    r = np.random.default_rng(6)
    fine = make_series().values * 10 + r.integers(0, 10, (80, 24))
    doubled = fine.copy()
    doubled[TAMPERED] = np.floor(fine[TAMPERED] / 100) * 100 + 11 * r.integers(0, 10, fine[TAMPERED].shape)
    found = last_digits.statistics(make_series(values=doubled))
    assert stands_out(found, "last_digits.last_two.7")
    assert not stands_out(found, "last_digits.shares.7")
    always = np.floor(fine / 100) * 100 + 11 * r.integers(0, 10, fine.shape)
    usual = last_digits.statistics(make_series(values=always))["last_digits.last_two.7"]
    assert usual.max() < found["last_digits.last_two.7"][MIDDLE] - 1.5
    low = last_digits.statistics(make_series(values=fine % 90))
    assert not any(name.startswith("last_digits.last_two") for name in low)


def test_heaping_on_0_and_5_and_an_instrument_that_always_did(make_series: Make) -> None:
    found = last_digits.statistics(changed(make_series, lambda x, r: np.round(x / 5) * 5))
    assert stands_out(found, "last_digits.heaping.7")
    always = last_digits.statistics(make_series(values=np.round(make_series().values / 5) * 5))
    assert always["last_digits.heaping.7"].max() < 2


def test_unknown_resolution_says_nothing_about_digits(make_series: Make) -> None:
    assert last_digits.statistics(make_series(resolution=0.0)) == {}


@pytest.mark.parametrize(("scale", "noise"), [(1.0, 0.0), (0.93, 0.0), (1.04, 0.5)])
def test_a_replayed_week_is_found_exact_rescaled_and_noisy(
    make_series: Make, scale: float, noise: float
) -> None:
    values = make_series().values.copy()
    r = np.random.default_rng(2)
    values[TAMPERED] = values[5:12] * scale + r.normal(0, noise + 1e-9, values[TAMPERED].shape)
    found = copies.statistics(make_series(values=values, history=np.arange(80) < 40))
    assert stands_out(found, "copies.past.3")
    if scale == 1.0:
        assert stands_out(found, "copies.past_equal")


def test_similar_weather_is_no_replay(make_series: Make) -> None:
    expected = make_series().expected.copy()
    expected[TAMPERED] = expected[5:12]
    r = np.random.default_rng(3)
    found = copies.statistics(
        make_series(values=np.round(expected + r.normal(0, 3, expected.shape)), expected=expected)
    )
    assert not stands_out(found, "copies.past_equal")


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_a_borrowed_series_is_found_and_the_borrower_is_blamed(make_series: Make, noise: float) -> None:
    other = make_series(seed=1).values + np.random.default_rng(8).normal(4, 4, (80, 24))
    error = (other - make_series().expected - 4) / 4
    values = make_series().values.copy()
    values[TAMPERED] = other[TAMPERED] * 1.02 + np.random.default_rng(6).normal(0, noise + 1e-9, (7, 24))
    found = copies.statistics(make_series(values=values, relatives=(other,), relative_errors=(error,)))
    assert stands_out(found, "copies.relative.3")
    assert stands_out(found, "copies.relative_closeness")
    assert found["copies.relative_blame"][MIDDLE] > 0


def test_a_series_computed_from_another_factor_is_found(make_series: Make) -> None:
    factor = make_series(seed=2).values
    found = copies.statistics(
        make_series(
            values=np.vstack(
                [make_series().values[:40], 20 + 0.4 * factor[40:47], make_series().values[47:]]
            ),
            factors=(factor,),
        )
    )
    assert stands_out(found, "copies.factor.3")


def test_stations_and_factors_under_one_weather_are_no_copies(make_series: Make) -> None:
    own = make_series()
    r = np.random.default_rng(12)
    other = np.round(own.expected + 4 + r.normal(0, 3, own.expected.shape))
    factor = np.round(0.5 * own.expected + 10 + r.normal(0, 2, own.expected.shape))
    error = (other - own.expected - 4) / 3
    found = copies.statistics(make_series(relatives=(other,), relative_errors=(error,), factors=(factor,)))
    for name in (
        "copies.relative.3",
        "copies.relative_closeness",
        "copies.relative_equal",
        "copies.factor.3",
    ):
        assert not stands_out(found, name), name


HALF = np.arange(80) < 40


@pytest.mark.parametrize(("begin", "back"), [(40 * 24, 35 * 24), (40 * 24 + 7, 500), (1000, 211)])
def test_a_run_copied_from_the_own_past_is_certain_wherever_it_begins(
    make_series: Make, begin: int, back: int
) -> None:
    flat = make_series().values.ravel().copy()
    flat[begin : begin + 100] = flat[begin - back : begin - back + 100]
    flat[begin + 40 : begin + 42] = np.nan  # a routine check in between
    found = copied_runs.statistics(make_series(values=flat.reshape(80, 24), history=HALF))["copies.exact"]
    inside = np.arange(begin // 24 + 1, (begin + 99) // 24)
    assert found[inside].all()
    assert not found[: begin // 24].any()
    assert not found[(begin + 99) // 24 + 1 :].any()


@pytest.mark.parametrize("hours", [17, 30, 100])
def test_a_table_played_again_and_again_is_a_run_of_the_own_past(make_series: Make, hours: int) -> None:
    """A simulation function replays a table; whichever its length, every round but the first stood there before."""
    values = make_series().values.copy()
    table = np.random.default_rng(3).normal(60, 12, hours).round()
    begin, beyond = 45 * 24, 65 * 24
    values.ravel()[begin:beyond] = np.resize(table, beyond - begin)
    found = copied_runs.statistics(make_series(values=values, history=HALF))["copies.exact"]
    assert found[45 + hours // 24 + 2 : 64].all()
    assert not found[:45].any()


def test_honest_series_hold_no_certain_copies(make_series: Make) -> None:
    quiet = np.round(make_series().values / 20)  # near the detection limit equal runs are everyday
    batch = np.repeat(make_series().values[:, ::4], 4, axis=1)
    for values in (make_series().values, quiet, batch, np.full((80, 24), 3.0)):
        for history in (HALF, np.ones(80, bool)):
            found = copied_runs.statistics(make_series(values=values, history=history))
            assert not found["copies.exact"].any()


def test_who_jumps_to_the_other_has_copied(make_series: Make) -> None:
    own, other = make_series(seed=1).values.copy(), make_series(seed=2).values
    own[TAMPERED] = other[TAMPERED]
    copier = copied_runs.statistics(make_series(values=own, relatives=(other,), history=HALF))
    original = copied_runs.statistics(make_series(values=other, relatives=(own,), history=HALF))
    assert copier["copies.exact"][TAMPERED].all()
    assert not original["copies.exact"].any()
    assert copier["copies.run_relative_blame"][MIDDLE] > 0 > original["copies.run_relative_blame"][MIDDLE]


def test_who_stops_fitting_the_own_surroundings_has_copied(make_series: Make) -> None:
    own, other = make_series(seed=1).values.copy(), make_series(seed=2).values
    own[TAMPERED] = other[TAMPERED]
    fits = (other - make_series(seed=2).expected) / 3.0
    copier = make_series(values=own, relatives=(other,), relative_errors=(fits,), history=HALF)
    original = make_series(
        seed=2, values=other, relatives=(own,), relative_errors=(copier.error,), history=HALF
    )
    runs = [(TAMPERED.start * 24, TAMPERED.stop * 24 - 1)]
    misfit = copied_runs.misfit(copier.error, fits, runs, 24)
    assert misfit[0] > 2
    assert copied_runs.misfit(fits, copier.error, runs, 24)[0] == pytest.approx(-misfit[0])
    assert copied_runs.misfit(np.full((80, 24), np.nan), fits, runs, 24).tolist() == [0.0]
    assert copied_runs.statistics(copier)["copies.exact"][TAMPERED].all()
    assert not copied_runs.statistics(original)["copies.exact"].any()


def test_stations_that_always_share_an_instrument_are_no_copy(make_series: Make) -> None:
    other = make_series().values
    found = copied_runs.statistics(make_series(values=other, relatives=(other,), history=HALF))
    assert not found["copies.exact"].any()


def test_a_stretch_lowered_and_raised_again_lies_between_two_jumps(make_series: Make) -> None:
    low = jumps.statistics(changed(make_series, lambda x, r: x - 40))
    high = jumps.statistics(changed(make_series, lambda x, r: x + 40))
    assert stands_out(low, "jumps.error_pair_low.15")
    assert stands_out(high, "jumps.error_pair_high.15")
    assert low["jumps.error_pair_low.15"][MIDDLE] > high["jumps.error_pair_low.15"][MIDDLE]


def test_a_slow_change_and_a_single_reading_are_no_jump(make_series: Make) -> None:
    slope = np.linspace(0, 40, 7 * 24).reshape(7, 24)
    drift = jumps.statistics(
        changed(make_series, lambda x, r: x + slope * (slope < 20) + (40 - slope) * (slope >= 20))
    )
    values = make_series().values.copy()
    values[MIDDLE, 12] += 60
    single = jumps.statistics(make_series(values=values))
    for found in (drift, single):
        for name in ("jumps.error_pair_low.15", "jumps.error_pair_high.15"):
            assert found[name][MIDDLE] < 1.3 * found[name][CLEAN].max()


def test_values_in_random_order_are_disordered_and_noise_widens_too(make_series: Make) -> None:
    r = np.random.default_rng(5)
    level = 40 + 10 * np.sin(np.arange(80 * 96) / 96 * 2 * np.pi) + r.normal(0, 0.05, 80 * 96)
    fine = level.reshape(80, 96)
    shuffled, noisy = fine.copy(), fine.copy()
    blocks = shuffled[TAMPERED].reshape(-1, 24)
    shuffled[TAMPERED] = np.stack([r.permutation(b) for b in blocks]).reshape(7, 96)
    noisy[TAMPERED] += r.normal(0, 4, (7, 96))
    for values, widened in ((shuffled, False), (noisy, True)):
        found = coupling.statistics(make_series(values=fine, fine=values, resolution=0.01))
        assert stands_out(found, "coupling.disorder.3")
        assert stands_out(found, "coupling.block_spread.3") == widened


def test_fine_values_lose_their_texture_when_smoothed(make_series: Make) -> None:
    r = np.random.default_rng(6)
    fine = (40 + 10 * np.sin(np.arange(80 * 96) / 96 * 2 * np.pi) + r.normal(0, 0.3, 80 * 96)).reshape(80, 96)
    smooth = fine.copy()
    smooth[TAMPERED] = np.convolve(fine[TAMPERED].ravel(), np.ones(12) / 12, "same").reshape(7, 96)
    found = smoothing.statistics(make_series(values=fine, fine=smooth, resolution=0.01))
    assert stands_out(found, "smoothing.texture.3")
    assert stands_out(found, "smoothing.turns.3")


def test_gaps_between_the_highest_values_need_no_model(make_series: Make) -> None:
    nothing = np.full((80, 24), np.nan)
    high = missing_when_high.statistics(
        changed(make_series, lambda x, r: np.where(x > np.quantile(x, 0.8), np.nan, x), expected=nothing)
    )
    any_level = missing_when_high.statistics(
        changed(make_series, lambda x, r: np.where(r.random(x.shape) < 0.2, np.nan, x), expected=nothing)
    )
    assert high["missing_when_high.edges.7"][MIDDLE] > 3
    assert abs(any_level["missing_when_high.edges.7"][MIDDLE]) < 2.5


@pytest.mark.parametrize("hours", [3, 7])
def test_calm_weather_is_no_smoothing(make_series: Make, hours: int) -> None:
    """Fewer swings of the weather, the instrument as restless as ever."""
    expected = make_series().expected.copy()
    expected[TAMPERED] = expected[TAMPERED].mean() + (expected[TAMPERED] - expected[TAMPERED].mean()) / hours
    r = np.random.default_rng(4)
    found = smoothing.statistics(
        make_series(values=np.round(expected + r.normal(0, 3, expected.shape)), expected=expected)
    )
    assert not stands_out(found, "smoothing.momentum.3")
    assert found["smoothing.rough.3"][MIDDLE] > np.nanmin(found["smoothing.rough.3"][CLEAN])


@pytest.mark.parametrize("hours", [3, 7])
def test_smoothing_takes_the_unrest_away(make_series: Make, hours: int) -> None:
    def smooth(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return np.convolve(x.ravel(), np.ones(hours) / hours, "same").reshape(x.shape)

    found = smoothing.statistics(changed(make_series, smooth))
    assert stands_out(found, "smoothing.momentum.3")
    assert found["smoothing.rough.3"][MIDDLE] < np.nanmin(found["smoothing.rough.3"][CLEAN])


@pytest.mark.parametrize("change", [lambda x, r: x * 0.8, lambda x, r: x - 12])
def test_lower_readings_than_promised(make_series: Make, change: Any) -> None:
    found = level_and_scale.statistics(changed(make_series, change))
    for name in ("level.bias.7", "level.contrast.3"):
        assert stands_out(found, name), name


def test_a_clean_week_with_clean_air_is_not_low(make_series: Make) -> None:
    expected = make_series().expected.copy()
    expected[TAMPERED] -= 25
    r = np.random.default_rng(4)
    found = level_and_scale.statistics(
        make_series(values=np.round(expected + r.normal(0, 3, expected.shape)), expected=expected)
    )
    assert not stands_out(found, "level.bias.7")


def test_errors_that_spread_or_shrink(make_series: Make) -> None:
    wild = level_and_scale.statistics(changed(make_series, lambda x, r: x + r.normal(0, 15, x.shape)))
    tame = level_and_scale.statistics(changed(make_series, lambda x, r: x))
    assert stands_out(wild, "level.spread.3")
    assert not stands_out(tame, "level.spread.3")


def test_swings_reduced_show_in_the_response(make_series: Make) -> None:
    found = level_and_scale.statistics(changed(make_series, lambda x, r: x.mean() + 0.4 * (x - x.mean())))
    assert stands_out(found, "level.response.7")


def test_what_responds_as_ever_is_no_loss_of_response(make_series: Make) -> None:
    """Weather that swings less makes the readings swing less: the slope on what was promised stays."""
    expected = make_series().expected.copy()
    expected[TAMPERED] = expected[TAMPERED].mean() + 0.5 * (expected[TAMPERED] - expected[TAMPERED].mean())
    r = np.random.default_rng(4)
    found = level_and_scale.statistics(
        make_series(values=np.round(expected + r.normal(0, 3, expected.shape)), expected=expected)
    )
    assert not stands_out(found, "level.response.7")


def test_weather_that_is_hard_to_foresee_is_no_loss_of_ties(make_series: Make) -> None:
    quiet = coupling.statistics(make_series())
    assert not any(stands_out(quiet, name) for name in ("coupling.level.3", "coupling.order.3"))


def test_invented_and_reordered_values_lose_their_ties(make_series: Make) -> None:
    invented = coupling.statistics(changed(make_series, lambda x, r: r.normal(x.mean(), x.std(), x.shape)))
    shuffled = coupling.statistics(
        changed(make_series, lambda x, r: np.apply_along_axis(r.permutation, 1, x))
    )
    for found in (invented, shuffled):
        assert stands_out(found, "coupling.level.3")
    assert stands_out(shuffled, "coupling.order.3")


def test_gaps_at_high_levels_and_gaps_at_any_level(make_series: Make) -> None:
    high = missing_when_high.statistics(
        changed(make_series, lambda x, r: np.where(x > np.quantile(x, 0.7), np.nan, x))
    )
    any_level = missing_when_high.statistics(
        changed(make_series, lambda x, r: np.where(r.random(x.shape) < 0.3, np.nan, x))
    )
    assert high["missing_when_high.lift.7"][MIDDLE] > 3
    assert abs(any_level["missing_when_high.lift.7"][MIDDLE]) < 2.5
    assert any_level["missing_when_high.hours.7"][MIDDLE] > 2


def test_calibration_declared_when_high_and_at_a_fixed_hour(make_series: Make) -> None:
    base = make_series()
    flags = base.flags.copy()
    flags[TAMPERED][base.expected[TAMPERED] > np.quantile(base.expected[TAMPERED], 0.85)] = FLAG_CALIBRATION
    routine = base.flags.copy()
    routine[::9, 10] = FLAG_CALIBRATION
    name = "calibration_when_high.lift.7"
    assert missing_when_high.statistics(make_series(flags=flags))[name][MIDDLE] > 3
    assert np.max(np.abs(missing_when_high.statistics(make_series(flags=routine))[name])) < 2.5


@pytest.mark.parametrize("flag", [FLAG_MAINTENANCE, FLAG_FAULT])
def test_maintenance_or_breakdown_declared_when_high_and_at_any_level(make_series: Make, flag: int) -> None:
    base = make_series()
    high, routine = base.flags.copy(), base.flags.copy()
    high[TAMPERED][base.expected[TAMPERED] > np.quantile(base.expected[TAMPERED], 0.85)] = flag
    routine[np.random.default_rng(5).random(routine.shape) < 0.1] = flag
    name = "declared_when_high.lift.7"
    assert missing_when_high.statistics(make_series(flags=high))[name][MIDDLE] > 3
    usual = missing_when_high.statistics(make_series(flags=routine))
    assert np.max(np.abs(usual[name])) < 2.5
    assert usual["declared_when_high.hours.7"].max() > 1


@pytest.mark.parametrize(
    ("flag", "name"),
    [(FLAG_CALIBRATION, "calibration_when_high.lift.7"), (FLAG_MAINTENANCE, "declared_when_high.lift.7")],
)
def test_what_is_declared_beside_the_flags_when_high_is_tested_and_is_no_trouble(
    make_series: Make, flag: int, name: str
) -> None:
    base = make_series()
    declared = base.flags.copy()
    declared[TAMPERED][base.expected[TAMPERED] > np.quantile(base.expected[TAMPERED], 0.85)] = flag
    said = make_series(declared=declared)
    assert missing_when_high.statistics(said)[name][MIDDLE] > 3
    assert missing_when_high.statistics(base)[name][MIDDLE] < 1
    assert faults.statistics(said)["faults.declared.3"][MIDDLE] == 0


def test_common_dips_of_both_particle_factors(make_series: Make) -> None:
    r = np.random.default_rng(1)
    own, partner = r.normal(size=(80, 24)), r.normal(size=(80, 24))
    quiet = spraying.statistics(make_series(own_error=own.copy(), partner_error=partner.copy()))
    for day in range(TAMPERED.start, TAMPERED.stop):
        for hour in (7, 14, 20):
            own[day, hour : hour + 2] -= 4
            partner[day, hour : hour + 2] -= 4
    found = spraying.statistics(make_series(own_error=own, partner_error=partner))
    assert stands_out(found, "spraying.together.7")
    assert not stands_out(quiet, "spraying.together.7")


def test_dips_of_one_factor_only_are_not_common(make_series: Make) -> None:
    r = np.random.default_rng(1)
    own, partner = r.normal(size=(80, 24)), r.normal(size=(80, 24))
    own[TAMPERED, 8:10] -= 4
    found = spraying.statistics(make_series(own_error=own, partner_error=partner))
    assert found["spraying.together_size.3"][MIDDLE] < 3.5


def test_the_same_low_hours_day_after_day(make_series: Make) -> None:
    tampered = make_series(days=120).values.copy()
    tampered[30:61, 7:11] *= 0.9
    found = hours_of_day.statistics(make_series(values=tampered, days=120))
    usual = hours_of_day.statistics(make_series(days=120))
    for name in ("hours.low.31", "hours.uneven.31"):
        assert found[name][45] > np.nanmax(usual[name]), name
        assert found[name][105] < np.nanmax(usual[name]) + 0.5, name


def test_low_all_day_is_not_low_at_certain_hours(make_series: Make) -> None:
    values = make_series().values.copy()
    values[TAMPERED] -= 20
    found = hours_of_day.statistics(make_series(values=values))
    assert not stands_out(found, "hours.low.7")


def test_both_particle_factors_low_at_the_same_hours(make_series: Make) -> None:
    r = np.random.default_rng(1)
    own, partner = r.normal(size=(80, 24)), r.normal(size=(80, 24))
    usual = hours_of_day.statistics(make_series(own_error=own.copy(), partner_error=partner.copy()))
    own[25:56, 8:11] -= 1
    alone = hours_of_day.statistics(make_series(own_error=own, partner_error=partner.copy()))
    partner[25:56, 8:11] -= 1
    found = hours_of_day.statistics(make_series(own_error=own, partner_error=partner))
    assert found["hours.together.low.15"][40] > np.nanmax(usual["hours.together.low.15"])
    assert found["hours.together.low.15"][40] > alone["hours.together.low.15"][40] + 0.5


def test_readings_below_everything_ever_seen(make_series: Make) -> None:
    history = np.ones(80, bool)
    history[40:] = False
    found = detection_floor.statistics(changed(make_series, lambda x, r: np.zeros_like(x), history=history))
    assert found["detection_floor.below.1"][MIDDLE] > 3
    assert found["detection_floor.below.1"][:40].max() < 1.2


def test_low_readings_that_were_seen_before_are_nothing_new(make_series: Make) -> None:
    history = np.ones(80, bool)
    history[40:] = False
    values = make_series().values.copy()
    values[12] = 3.0
    values[TAMPERED] = 3.0
    found = detection_floor.statistics(make_series(values=values, history=history))
    assert found["detection_floor.below.1"][MIDDLE] == 0


def test_a_part_below_the_whole_is_as_it_should_be(make_series: Make) -> None:
    whole = make_series().values * 1.5
    found = physical_logic.statistics(changed(make_series, lambda x, r: x * 1.3, upper_partner=whole))
    assert not stands_out(found, "physical_logic.part_above_whole.3")
    alike = physical_logic.statistics(make_series(upper_partner=make_series().values))
    assert alike["physical_logic.part_above_whole.3"].max() == 0  # equal is not above


def test_a_part_above_the_whole(make_series: Make) -> None:
    whole = make_series().values * 1.5
    found = physical_logic.statistics(changed(make_series, lambda x, r: x * 1.9, upper_partner=whole))
    assert stands_out(found, "physical_logic.part_above_whole.3")
    assert physical_logic.statistics(make_series()) == {}


def test_signs_of_honest_trouble(make_series: Make) -> None:
    spiky = faults.statistics(changed(make_series, lambda x, r: np.where(r.random(x.shape) < 0.1, x + 60, x)))
    noisy = faults.statistics(changed(make_series, lambda x, r: x + r.normal(0, 15, x.shape)))
    drifting = faults.statistics(
        changed(make_series, lambda x, r: x + np.linspace(0, 30, x.size).reshape(x.shape))
    )
    lost = faults.statistics(changed(make_series, lambda x, r: np.where(r.random(x.shape) < 0.5, np.nan, x)))
    assert stands_out(spiky, "faults.spikes.3")
    assert stands_out(noisy, "faults.noise.3")
    assert stands_out(drifting, "faults.drift.7")
    assert stands_out(lost, "faults.lost.3")


def test_honest_days_show_no_signs_of_trouble(make_series: Make) -> None:
    found = faults.statistics(make_series())
    for name in ("faults.spikes.3", "faults.noise.3", "faults.drift.7", "faults.lost.3", "faults.declared.1"):
        assert not stands_out(found, name), name


def test_a_declared_breakdown_counts_as_declared(make_series: Make) -> None:
    flags = make_series().flags.copy()
    flags[TAMPERED] = FLAG_FAULT
    found = faults.statistics(make_series(flags=flags))
    assert found["faults.declared.1"][MIDDLE] == 1
    assert found["faults.declared.1"][CLEAN].max() == 0


def particle_errors(days: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of both particle factors: each with its own noise, both with weather that stays for hours."""
    r = np.random.default_rng(4)
    sky = np.zeros(days * 24)
    for i in range(1, len(sky)):
        sky[i] = 0.9 * sky[i - 1] + 0.4 * r.normal()
    own, partner = (sky.reshape(days, 24) + r.normal(0, 0.5, (days, 24)) for _ in range(2))
    return own, partner


@pytest.mark.parametrize(
    ("hours", "fall", "name"),
    [
        ((7, 8, 15, 20), 0.5, "mist.bursts_at_work.31"),
        ((9, 10, 11, 12, 13, 14, 15, 16), 1.6, "mist.day_shift.31"),
        ((1, 4, 12, 22), 0.5, "mist.bursts.31"),
    ],
)
def test_a_month_of_light_mist_at_the_same_hours_stands_out_where_no_day_does(
    make_series: Make, hours: tuple[int, ...], fall: float, name: str
) -> None:
    own, partner = particle_errors(300)
    clean = mist.statistics(make_series(days=300, own_error=own.copy(), partner_error=partner.copy()))
    for error in (own, partner):
        error[150:181, hours] -= fall
    found = mist.statistics(make_series(days=300, own_error=own, partner_error=partner))
    usual = clean[name][np.r_[20:100, 230:280]]
    assert found[name][165] > usual.max() + 2 * usual.std()
    assert found[f"{name.rpartition('.')[0]}.1"][165] < np.nanmax(clean[f"{name.rpartition('.')[0]}.1"])


def test_what_lowers_one_factor_or_the_whole_day_or_is_usual_at_an_hour_is_no_mist(make_series: Make) -> None:
    own, partner = particle_errors(300)
    clean = mist.statistics(make_series(days=300, own_error=own.copy(), partner_error=partner.copy()))
    name = "mist.bursts_at_work.31"
    bound = clean[name].max() + clean[name].std()
    one = own.copy()
    one[150:181, [7, 8, 15, 20]] -= 0.5
    assert mist.statistics(make_series(days=300, own_error=one, partner_error=partner))[name][165] < bound + 2
    washed = [error.copy() for error in (own, partner)]
    for error in washed:
        error[150:181] -= 0.5
    rain = mist.statistics(make_series(days=300, own_error=washed[0], partner_error=washed[1]))
    assert rain[name][165] < bound
    usual = [error.copy() for error in (own, partner)]
    for error in usual:
        error[:, [7, 8, 15, 20]] -= 0.5
    always = mist.statistics(make_series(days=300, own_error=usual[0], partner_error=usual[1]))
    assert always[name][20:280].max() < bound


def test_mist_needs_both_particle_factors_and_months_of_history(make_series: Make) -> None:
    own, partner = particle_errors(80)
    assert mist.statistics(make_series()) == {}
    assert mist.statistics(make_series(own_error=own, partner_error=partner)) == {}


@pytest.mark.parametrize("values", [np.full((80, 24), np.nan), np.full((80, 24), 7.0)])
def test_empty_and_constant_series_are_survived(make_series: Make, values: np.ndarray) -> None:
    series = make_series(values=values)
    for module in (
        constants,
        ceiling,
        bunching,
        last_digits,
        copies,
        copied_runs,
        jumps,
        smoothing,
        level_and_scale,
        coupling,
        missing_when_high,
        spraying,
        mist,
        detection_floor,
        faults,
    ):
        with np.errstate(all="ignore"):
            for name, found in module.statistics(series).items():
                assert found.shape == (80,), name
                assert not np.isinf(found).any(), name


def test_a_slow_change_of_a_statistic_is_taken_off() -> None:
    r = np.random.default_rng(0)
    drifting = np.linspace(0, 10, 400)[:, None] + r.normal(0, 1, (400, 1))
    local = against_season(drifting, np.ones(400, bool))
    assert abs(np.median(local[:80]) - np.median(local[-80:])) < 0.6

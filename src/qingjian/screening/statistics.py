"""All daily statistics of all series of a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
from qingjian.screening.context import ContextModels, fit_context
from qingjian.screening.panel import FLAG_NORMAL, Flags, Floats
from qingjian.screening.parallel import each
from qingjian.screening.record import Record
from qingjian.screening.series import SeriesDays, Statistics
from qingjian.screening.vocabulary import PART_AND_WHOLE, PARTICLES, common_name

TESTS: tuple[Callable[[SeriesDays], Statistics], ...] = (
    constants.statistics,
    ceiling.statistics,
    bunching.statistics,
    last_digits.statistics,
    copies.statistics,
    copied_runs.statistics,
    smoothing.statistics,
    level_and_scale.statistics,
    coupling.statistics,
    missing_when_high.statistics,
    spraying.statistics,
    mist.statistics,
    hours_of_day.statistics,
    detection_floor.statistics,
    physical_logic.statistics,
    jumps.statistics,
    faults.statistics,
)
MOST_COMPARED = 10

# Tests whose answer at the station's other factors and at related stations belongs to the picture: weather,
# floods and power cuts show everywhere at once.
COMMON = (
    "constants.run",
    "constants.flat.1",
    "constants.repeats.3",
    "coupling.disorder.1",
    "jumps.level_down.1",
    "jumps.level_up.1",
    "last_digits.shares.3",
    "level.bias.1",
    "level.contrast.3",
    "level.spread.1",
    "smoothing.rough.1",
    "smoothing.rough.3",
    "missing_when_high.hours.1",
    "faults.noise.1",
)

# Statistics that mean the same everywhere (hours, shares, agreement, distances from the own usual months): they also enter
# as they are. What goes on for weeks is itself half of the half-year it is calibrated with.
ABSOLUTE = (
    "constants.run",
    "constants.repeats.1",
    "constants.variety",
    "ceiling.ties.1",
    "ceiling.ties.3",
    "ceiling.ties.7",
    "copies.relative_closeness",
    "copies.factor_closeness",
    "copies.relative_equal_hours",
    "copies.relative_blame",
    "copies.relative_level_blame",
    "copies.past.1",
    "copies.past.3",
    "copies.past_level.1",
    "copies.past_equal",
    "copies.run_past",
    "copies.run_relative",
    "copies.run_relative_blame",
    "copies.run_factor",
    "last_digits.shares.3",
    "last_digits.shares.7",
    "last_digits.pairs.15",
    "bunching.break.15",
    "bunching.break.31",
    "coupling.disorder.1",
    "coupling.disorder.3",
    "coupling.block_spread.3",
    "jumps.level_pair_low.15",
    "jumps.level_pair_high.15",
    "jumps.error_pair_low.15",
    "jumps.error_pair_high.15",
    "missing_when_high.edges.3",
    "missing_when_high.edges.7",
    "calibration_when_high.edges.7",
    "smoothing.momentum.1",
    "smoothing.momentum.3",
    "smoothing.turns.3",
    "missing_when_high.lift.1",
    "missing_when_high.lift.3",
    "missing_when_high.lift.7",
    "missing_when_high.hours.1",
    "calibration_when_high.lift.1",
    "calibration_when_high.lift.3",
    "calibration_when_high.lift.7",
    "calibration_when_high.hours.1",
    "calibration_when_high.hours.7",
    "calibration_when_high.times.3",
    "declared_when_high.hours.1",
    "declared_when_high.lift.3",
    "spraying.together.3",
    "spraying.together.7",
    "hours.together.low.31",
    "mist.bursts.7",
    "mist.bursts.15",
    "mist.bursts.31",
    "mist.bursts_at_work.15",
    "mist.bursts_at_work.31",
    "mist.day_shift.15",
    "mist.day_shift.31",
    "faults.lost.1",
    "faults.declared.1",
)


@dataclass(frozen=True)
class Models:
    """Context models, and those of the particle factors that do not look at each other."""

    context: ContextModels
    apart: ContextModels | None


def fit_models(record: Record) -> Models:
    """Fit all context models of a record on its history."""
    names = [common_name(p.code) for p in record.parameters]
    particles = [p for p in record.measured() if names[p] in PARTICLES]
    apart = None
    if len(particles) == 2:
        apart = fit_context(record, {p: frozenset(particles) for p in particles}, only=particles)
    return Models(fit_context(record), apart)


def series_of(record: Record, models: Models) -> dict[tuple[int, int], SeriesDays]:
    """Every measured series of a record that has any value, laid out by days."""
    shaped = models.context.shaped(record)
    days, k = record.days, record.per_day
    names = [common_name(p.code) for p in record.parameters]
    errors = _apart_errors(record, models, shaped)
    fine = {(s, p): record.fine(s, p) for p in record.measured() for s in range(len(record.stations))}
    keys = [(s, p) for p in record.measured() for s in range(len(record.stations))]
    found = each(lambda key: models.context.expect(record, shaped, *key), keys)
    guesses = dict(zip(keys, found, strict=True))
    out: dict[tuple[int, int], SeriesDays] = {}

    def by_day(flat: Floats, n: int) -> Floats:
        return flat.reshape(days, n)

    for p in record.measured():
        parameter, shape = record.parameters[p], models.context.shapes[p]
        limits = shape.of(np.array([0.9, 1.0, 1.6]) * parameter.limit)
        for s in range(len(record.stations)):
            if not np.isfinite(record.values[s, p]).any():
                continue
            guess = guesses[s, p]
            near = [r for r in record.relatives(s) if np.isfinite(record.hourly[r, p]).any()][:MOST_COMPARED]
            own = [q for q in record.measured() if q != p and np.isfinite(record.hourly[s, q]).any()]
            usable = np.where(record.flags[s, p] <= 1, record.values[s, p], np.nan)
            partner = next((q for t, q in errors if t == s and q != p and (s, p) in errors), None)
            out[s, p] = SeriesDays(
                values=by_day(usable, k),
                flags=record.flags[s, p].reshape(days, k),
                declared=_declared(record, s, p),
                fine=fine[s, p],
                hourly=by_day(record.hourly[s, p], 24),
                shaped=by_day(shaped[s, p], 24),
                expected=by_day(guess.expected, 24),
                spread=by_day(guess.spread, 24),
                history=record.history_days,
                resolution=parameter.resolution,
                limit=parameter.limit,
                shaped_limit=limits,
                relatives=tuple(fine[r, p] for r in near),
                relative_errors=tuple(
                    by_day((shaped[r, p] - guesses[r, p].expected) / guesses[r, p].spread, 24) for r in near
                ),
                factors=tuple(fine[s, q] for q in own),
                own_error=None if partner is None else errors[s, p],
                partner_error=None if partner is None else errors[s, partner],
                upper_partner=_partner(record, s, names, p, 0),
                lower_partner=_partner(record, s, names, p, 1),
            )
    return out


def _declared(record: Record, station: int, parameter: int) -> Flags | None:
    """Flags of a series (days, n) with what was declared beside them laid over; None where nothing was."""
    if record.declared is None or not record.declared[station, parameter].any():
        return None
    said, flags = record.declared[station, parameter], record.flags[station, parameter]
    laid: Flags = np.where(said > FLAG_NORMAL, said, flags).reshape(record.days, record.per_day)
    return laid


def _apart_errors(record: Record, models: Models, shaped: Floats) -> dict[tuple[int, int], Floats]:
    if models.apart is None:
        return {}
    out = {}
    for s, p in models.apart.models:
        guess = models.apart.expect(record, shaped, s, p)
        error = np.clip((shaped[s, p] - guess.expected) / guess.spread, -12, 12)
        out[s, p] = error.reshape(record.days, 24)
    return out


def _partner(record: Record, station: int, names: list[str], parameter: int, side: int) -> Floats | None:
    """Hourly values of the whole this factor is part of (side 0), or of the part it contains (side 1)."""
    for pair in PART_AND_WHOLE:
        if pair[side] == names[parameter] and pair[1 - side] in names:
            other = record.hourly[station, names.index(pair[1 - side])]
            if np.isfinite(other).any():
                return np.asarray(other.reshape(record.days, 24), dtype=np.float64)
    return None


def gather(series: dict[tuple[int, int], SeriesDays]) -> dict[tuple[int, int], Statistics]:
    """Statistics of every test for every series: name to one number a day (NaN: cannot be said)."""
    return dict(zip(series, each(_statistics, series.values(), forking=True), strict=True))


def _statistics(one: SeriesDays) -> Statistics:
    found: Statistics = {}
    with np.errstate(all="ignore"):
        for test in TESTS:
            found.update(test(one))
    return found

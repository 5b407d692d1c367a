"""Context model: the value to be expected from what else was known at that hour.

For every series a boosted-tree regression on the same factor at related stations, the station's other
factors, context (weather, load, process values), hour of day and season. It is fitted on the history only,
in three parts of successive thirds (years, for a history of three), so that each third is predicted by models that
never saw it nor the weeks around it, as a screened period will be; a screened day is predicted by the mean of the three.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import CONTEXT, Floats, Mask
from qingjian.screening.parallel import each
from qingjian.screening.record import FOUR_YEARS, Record

PARTS = 3
MOST_RELATIVES = 10
MOST_ROWS = 9000
LEAST_ROWS = 500
TREES = 90


@dataclass(frozen=True)
class Shape:
    """Scale on which residuals are taken: logarithmic with a small floor, or linear (temperature-like)."""

    linear: bool
    floor: float

    def of(self, values: Floats) -> Floats:
        """Values on this scale."""
        if self.linear:
            return values
        return np.log(np.maximum(values, 0.0) + self.floor)

    def back(self, shaped: Floats) -> Floats:
        """Shaped values back in the unit of the series."""
        return shaped if self.linear else np.exp(shaped) - self.floor


def shape_of(values: Floats, resolution: float) -> Shape:
    """Shape of one parameter from all its values: linear if negative or nearly constant relative to the mean."""
    found = values[np.isfinite(values)]
    if not len(found):
        return Shape(True, 0.0)
    mean, spread = float(np.mean(found)), float(np.std(found))
    if float(np.min(found)) < 0 or mean <= 0 or spread < 0.25 * mean:
        return Shape(True, 0.0)
    return Shape(False, max(5 * resolution, 0.02 * mean, 1e-9))


@dataclass(frozen=True)
class SeriesModel:
    """Fitted model of one series: a booster for each part, the columns it uses, the spread of its residuals."""

    columns: tuple[tuple[int, int], ...]
    boosters: tuple[lgb.Booster, ...]
    knots: Floats
    spread: Floats
    explained: float


@dataclass(frozen=True)
class Expectation:
    """Expected shaped value and its usual error for every hour of one series (NaN: no model)."""

    expected: Floats
    spread: Floats


class ContextModels:
    """Context models of all series of a record.

    What they said of the history they were fitted on is remembered: a daily screening joins the same years of history to a
    few weeks again and again.
    """

    def __init__(
        self, shapes: list[Shape], models: dict[tuple[int, int], SeriesModel], history: Record | None = None
    ) -> None:
        self.shapes = shapes
        self.models = models
        self._history = history
        self._expected: dict[tuple[int, int], Floats] = {}

    def shaped(self, record: Record) -> Floats:
        """Hourly means on the scale of each parameter (stations, parameters, hours)."""
        out = record.hourly.copy()
        for p, shape in enumerate(self.shapes):
            out[:, p] = shape.of(record.hourly[:, p])
        return out

    def expect(self, record: Record, shaped: Floats, station: int, parameter: int) -> Expectation:
        """Expected values of one series; out of sample on the days of the history."""
        hours = record.days * 24
        model = self.models.get((station, parameter))
        if model is None:
            return Expectation(np.full(hours, np.nan), np.full(hours, np.nan))
        history = np.repeat(record.history_days, 24)
        expected = np.zeros(hours)
        asked = np.ones(hours, bool)
        if (known := self._remembered(record, (station, parameter), model)) is not None:
            expected[history] = known
            asked = ~history
        inputs = _inputs(record, shaped, model.columns)
        part = _part_of_hours(record)
        weight = np.where(history, 1.0, 1.0 / PARTS)
        for k, booster in enumerate(model.boosters):
            use = asked & (~history | (part == k))
            if use.any():
                expected[use] += weight[use] * booster.predict(inputs[use], num_threads=1)
        if record is self._history:
            self._expected[station, parameter] = expected
        return Expectation(expected, np.interp(expected, model.knots, model.spread))

    def _remembered(self, record: Record, key: tuple[int, int], model: SeriesModel) -> Floats | None:
        """What was said of the whole history, if this record holds it unchanged in all the model looks at."""
        past, known = self._history, self._expected.get(key)
        if past is None or known is None:
            return None
        at = np.flatnonzero(record.history_days)
        if len(at) != past.days or at[-1] - at[0] + 1 != past.days:
            return None
        if (record.first_day + int(at[0]) - past.first_day) % FOUR_YEARS:
            return None
        hours = slice(int(at[0]) * 24, (int(at[-1]) + 1) * 24)
        same = all(
            np.array_equal(record.hourly[s, p, hours], past.hourly[s, p], equal_nan=True)
            for s, p in model.columns
        )
        return known if same else None


def fit_context(
    record: Record, without: dict[int, frozenset[int]] | None = None, only: list[int] | None = None
) -> ContextModels:
    """Fit a model for every measured series (or those of the parameters `only`) that has enough history.

    `without` maps a parameter to own parameters its model must not use (both sprayed at once, for example).
    """
    shapes = [
        shape_of(record.hourly[:, p][:, np.repeat(record.history_days, 24)], parameter.resolution)
        if record.history_days.any()
        else shape_of(record.hourly[:, p], parameter.resolution)
        for p, parameter in enumerate(record.parameters)
    ]
    models = ContextModels(shapes, {}, record)
    shaped = models.shaped(record)
    history = np.repeat(record.history_days, 24)
    wanted = record.measured() if only is None else only
    keys = [(s, p) for p in wanted for s in range(len(record.stations))]

    def fit(key: tuple[int, int]) -> SeriesModel | None:
        columns = _columns(record, shaped, *key, history, (without or {}).get(key[1], frozenset()))
        return _fit_series(record, shaped, *key, columns, history)

    found = dict(zip(keys, each(fit, keys), strict=True))
    models.models.update({key: model for key, model in found.items() if model is not None})
    return models


def _columns(
    record: Record, shaped: Floats, station: int, parameter: int, history: Mask, without: frozenset[int]
) -> tuple[tuple[int, int], ...]:
    """Series the model looks at: best related stations, own other factors, own context."""
    own = shaped[station, parameter]
    near: list[tuple[float, int]] = []
    for other in record.relatives(station):
        both = history & np.isfinite(own) & np.isfinite(shaped[other, parameter])
        if both.sum() >= LEAST_ROWS:
            a, b = own[both], shaped[other, parameter][both]
            if a.std() > 0 and b.std() > 0:
                near.append((-float(np.corrcoef(a, b)[0, 1]), other))
    columns = [(other, parameter) for _, other in sorted(near)[:MOST_RELATIVES]]
    for q, described in enumerate(record.parameters):
        if q == parameter or q in without:
            continue
        present = np.isfinite(shaped[station, q]) & history
        if present.sum() >= (1 if described.role == CONTEXT else LEAST_ROWS):
            columns.append((station, q))
    return tuple(columns)


def _inputs(record: Record, shaped: Floats, columns: tuple[tuple[int, int], ...]) -> Floats:
    hours = np.arange(record.days * 24)
    day_of_year = ((record.first_day + hours // 24) % 365.25) / 365.25 * 2 * np.pi
    near = [shaped[c] for c in columns]
    return np.column_stack([*near, hours % 24, np.sin(day_of_year), np.cos(day_of_year)])


def _part_of_hours(record: Record) -> NDArray[np.int64]:
    """Which third of the history each hour lies in (hours outside it: the nearest)."""
    inside = np.flatnonzero(record.history_days)
    first, beyond = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, record.days)
    third = max((beyond - first) / PARTS, 1.0)
    part = ((np.arange(record.days) - first) // third).astype(np.int64)
    return np.repeat(np.clip(part, 0, PARTS - 1), 24)


def _fit_series(
    record: Record,
    shaped: Floats,
    station: int,
    parameter: int,
    columns: tuple[tuple[int, int], ...],
    history: Mask,
) -> SeriesModel | None:
    own = shaped[station, parameter]
    rows = np.flatnonzero(history & np.isfinite(own))
    part = _part_of_hours(record)
    if len(rows) < LEAST_ROWS or len(np.unique(part[rows])) < PARTS:
        return None
    inputs = _inputs(record, shaped, columns)
    settings = {
        "objective": "regression",
        "learning_rate": 0.1,
        "num_leaves": 31,
        "min_data_in_leaf": 25,
        "lambda_l2": 1.0,
        "feature_fraction": 0.8,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    predicted = np.full(len(own), np.nan)
    boosters = []
    for k in range(PARTS):
        fit = rows[part[rows] != k]
        fit = fit[:: max(1, len(fit) // MOST_ROWS)]
        booster = lgb.train(settings, lgb.Dataset(inputs[fit], own[fit]), TREES)
        held = rows[part[rows] == k]
        predicted[held] = booster.predict(inputs[held], num_threads=1)
        boosters.append(booster)
    error = np.abs(own[rows] - predicted[rows])
    knots, spread = _spread(predicted[rows], error)
    variance = float(np.var(own[rows]))
    explained = 1 - float(np.mean(error**2)) / variance if variance > 0 else 0.0
    return SeriesModel(columns, tuple(boosters), knots, spread, explained)


def _spread(predicted: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Usual error by level of the prediction: 1.48 × the median error in ten classes of equal size."""
    order = np.argsort(predicted, kind="stable")
    classes = np.array_split(order, 10)
    knots = np.array([float(np.median(predicted[c])) for c in classes])
    level = np.array([1.4826 * float(np.median(error[c])) for c in classes])
    overall = 1.4826 * float(np.median(error))
    level = np.maximum(level, max(0.2 * overall, 1e-9))
    knots, first = np.unique(knots, return_index=True)
    return knots, level[first]

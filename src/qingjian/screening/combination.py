"""Combination: from calibrated tests to one score a day, learned from the rehearsal.

First a boosted-tree classifier weighs the calibrated tests of one day (clean, tampered, instrument trouble);
then a second one looks at the course of its answers over the days around, at the station's other factors and
at the network. Both are fitted on rehearsals only, with blocks of days held out, so that the answers for the
clean history show how often an honest day gets a score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import Floats, Mask
from qingjian.screening.parallel import each

FOLDS = 4
FOLD_DAYS = 40
CLASSES = 3  # clean, tampered, instrument trouble
ANSWER_EDGE = 1e-5
SILENCE_DAYS = 3  # a series without any value for a week is not there; nothing can be said about it
NOTHING = -20.0
TROUBLE_WEIGHT, TROUBLE_FROM = 1.0, -2.5  # what looks like instrument trouble is less of a case


@dataclass(frozen=True)
class Days:
    """Calibrated tests of all series of a record: `tests` (series, days, tests); `group` numbers below.

    `station` and `parameter` give the position of each series, `first_day` the calendar day of column 0, `present` (series, days) whether there is any value,
    `label` (series, days) is 0 clean, 1 tampered, 2 trouble, -1 not to be learned from.
    """

    tests: Floats
    station: NDArray[np.int64]
    parameter: NDArray[np.int64]
    first_day: int
    present: Mask
    label: NDArray[np.int64] | None = None
    kind: NDArray[np.int64] | None = None

    def fold(self) -> NDArray[np.int64]:
        """Fold of each day: blocks of 40 days, shorter ones where that would leave a fold empty."""
        n = self.tests.shape[1]
        block = FOLD_DAYS if n >= 2 * FOLDS * FOLD_DAYS else max(n // (2 * FOLDS), 1)
        return (self.first_day + np.arange(n)) // block % FOLDS


@dataclass(frozen=True)
class Combination:
    """Fitted classifiers of both steps, one for each fold."""

    first: tuple[lgb.Booster, ...]
    second: tuple[lgb.Booster, ...]
    trouble: tuple[lgb.Booster, ...]

    def answers(self, days: Days, held_out: Mask) -> tuple[Floats, Floats]:
        """Log-odds of tampering and of trouble (series, days); `held_out` days use the fold that never saw them."""
        course = _course(_first_answers(self.first, days, held_out), days)
        silent = ~_near(days.present, SILENCE_DAYS)
        tampered, trouble = (
            _log_odds(_predict(boosters, course, days, held_out)) for boosters in (self.second, self.trouble)
        )
        tampered = tampered - TROUBLE_WEIGHT * np.maximum(trouble - TROUBLE_FROM, 0.0)
        return np.where(silent, NOTHING, tampered), np.where(silent, NOTHING, trouble)


def learn(rehearsals: list[Days]) -> Combination:
    """Fit both steps on rehearsed days."""
    first = _fit(
        rehearsals,
        [r.tests for r in rehearsals],
        {"objective": "multiclass", "num_class": CLASSES, "num_leaves": 24, "learning_rate": 0.07},
        110,
        lambda label: label,
    )
    courses = [_course(_first_answers(first, r, np.ones(r.tests.shape[1], bool)), r) for r in rehearsals]
    settings = {"objective": "binary", "num_leaves": 12, "learning_rate": 0.06, "min_data_in_leaf": 60}
    second = _fit(rehearsals, courses, settings, 120, lambda label: (label == 1).astype(np.int64))
    trouble = _fit(rehearsals, courses, settings, 80, lambda label: (label == 2).astype(np.int64))
    return Combination(first, second, trouble)


def _fit(
    rehearsals: list[Days],
    inputs: list[Floats],
    settings: dict[str, object],
    trees: int,
    target: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> tuple[lgb.Booster, ...]:
    common = {
        "min_data_in_leaf": 40,
        "lambda_l2": 2.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "max_bin": 63,
        "verbosity": -1,
    }

    def fit(k: int) -> lgb.Booster:
        rows, labels = [], []
        for days, values in zip(rehearsals, inputs, strict=True):
            if days.label is None:
                raise ValueError("days without labels cannot be learned from")
            known = days.label >= 0
            use = known & (days.fold() != k)[None, :]
            if not use.any():
                use = known
            rows.append(values[use])
            labels.append(target(days.label[use]))
        data = lgb.Dataset(np.concatenate(rows).astype(np.float32), np.concatenate(labels))
        return lgb.train(common | settings, data, trees)

    return tuple(each(fit, range(FOLDS)))


def _predict(boosters: tuple[lgb.Booster, ...], values: Floats, days: Days, held_out: Mask) -> Floats:
    """Prediction for every series-day: mean of all folds, on held-out days only the fold that left them out."""
    fold = days.fold()
    n_series, n_days = values.shape[:2]
    out: Floats | None = None
    for k, booster in enumerate(boosters):
        weight = np.where(held_out, (fold == k).astype(float), 1.0 / FOLDS)
        use = weight > 0
        if not use.any():
            continue
        rows = values[:, use].reshape(-1, values.shape[2]).astype(np.float32)
        found = np.asarray(booster.predict(rows, num_threads=1)).reshape(n_series, int(use.sum()), -1)
        if out is None:
            out = np.zeros((n_series, n_days, found.shape[2]))
        out[:, use] += weight[use][None, :, None] * found
    return np.zeros((n_series, n_days, 1)) if out is None else out


def _log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, ANSWER_EDGE, 1 - ANSWER_EDGE)
    return np.asarray(np.log(clipped / (1 - clipped))[:, :, 0], dtype=np.float64)


def _first_answers(first: tuple[lgb.Booster, ...], days: Days, held_out: Mask) -> Floats:
    """Log-odds of tampered and of trouble (series, days, 2)."""
    p = np.clip(_predict(first, days.tests, days, held_out), ANSWER_EDGE, 1)
    return np.log(
        np.stack([p[:, :, 1] / (p[:, :, 0] + p[:, :, 2]), p[:, :, 2] / (p[:, :, 0] + p[:, :, 1])], axis=2)
    )


def _course(answers: Floats, days: Days) -> Floats:
    """Inputs of the second step (series, days, n): the answers around each day, at the station, in the network."""
    tampered, trouble = answers[:, :, 0], answers[:, :, 1]
    columns = [tampered, trouble, tampered - trouble]
    for shift in (1, 2, 3, 5):
        columns += [_shifted(tampered, shift), _shifted(tampered, -shift)]
    columns += [_shifted(trouble, 1), _shifted(trouble, -1)]
    for width in (3, 7, 15, 31):
        columns.append(_mean(tampered, width))
        if width < 31:
            columns += [_mean(trouble, width)]
    for width in (4, 10):
        columns += [_mean_side(tampered, width, 1), _mean_side(tampered, width, -1)]
    columns += [_best_side(tampered, 6, 1), _best_side(tampered, 6, -1)]
    for group in (days.station, days.parameter):
        columns += [_others(tampered, group), _middle_of_others(tampered, group)]
        columns += [_middle_of_others(trouble, group)]
    return np.stack(columns, axis=2)


def _near(present: Mask, days: int) -> Mask:
    out = present.copy()
    for shift in range(1, days + 1):
        out[:, shift:] |= present[:, :-shift]
        out[:, :-shift] |= present[:, shift:]
    return out


def _shifted(values: Floats, shift: int) -> Floats:
    out = np.full(values.shape, np.nan)
    if shift > 0:
        out[:, shift:] = values[:, :-shift]
    else:
        out[:, :shift] = values[:, -shift:]
    return out


def _stack(values: Floats, first: int, last: int) -> Floats:
    return np.stack([_shifted(values, k) if k else values for k in range(first, last + 1)])


def _nan_mean(stack: Floats) -> Floats:
    count = np.isfinite(stack).sum(axis=0)
    return np.where(count > 0, np.nansum(stack, axis=0) / np.maximum(count, 1), np.nan)


def _mean(values: Floats, width: int) -> Floats:
    return _nan_mean(_stack(values, -(width // 2), width // 2))


def _mean_side(values: Floats, width: int, side: int) -> Floats:
    return _nan_mean(_stack(values, 1, width) if side > 0 else _stack(values, -width, -1))


def _best_side(values: Floats, width: int, side: int) -> Floats:
    stack = _stack(values, 1, width) if side > 0 else _stack(values, -width, -1)
    return np.asarray(np.max(np.nan_to_num(stack, nan=-12.0), axis=0), dtype=np.float64)


def _others(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Highest answer of the other series of the same group on the same day (NaN: there is none)."""
    out = np.full(values.shape, np.nan)
    for g in np.unique(group):
        rows = np.flatnonzero(group == g)
        if len(rows) < 2:
            continue
        ordered = np.sort(values[rows], axis=0)
        top, next_top = ordered[-1], ordered[-2]
        out[rows] = np.where(values[rows] == top, next_top, top)
    return out


def _middle_of_others(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Median answer of the other series of the same group on the same day: what all of them show has one cause."""
    out = np.full(values.shape, np.nan)
    for i, own in enumerate(group):
        others = np.flatnonzero((group == own) & (np.arange(len(group)) != i))
        if len(others) >= 2:
            out[i] = np.median(values[others], axis=0)
    return out

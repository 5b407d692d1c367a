"""Combination: from calibrated tests to one score a day, learned from the rehearsal.

First a boosted-tree classifier weighs the calibrated tests of one day: clean, one of the families of tampering, one of
instrument trouble. Families learn apart, so that a rare and plain sign is not lost among the common ones. Then a second
one looks at the course of the answers over the days and weeks around, family by family, at the station's other factors and
at the network. Both are fitted on rehearsals only, with blocks of days held out (and, where a small history is copied often, the
weeks next to them), so that the answers for the clean history show how often an honest day gets a score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from qingjian.screening.budget import lowered
from qingjian.screening.panel import Floats, Mask
from qingjian.screening.parallel import each
from qingjian.screening.ways import FAMILIES, FAMILY_OF_KIND, TAMPERING_FAMILIES

FOLDS = 4
CLEAN_THINNED = 3  # one clean day in three is learned from in the first step, with threefold weight
FAMILY_WIDTHS = (7, 31)  # days over which the answers of a family are followed
ANSWER_EDGE = 1e-5
FAMILY_EDGE = 1e-6
SILENCE_DAYS = 3  # a series without any value for a week is not there; nothing can be said about it
NOTHING = -20.0
REACH_DAYS = 31  # the answer of a day does not depend on days further away
TROUBLE_FROM = -2.5


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

    def part(self, first: int, beyond: int) -> Days:
        """The days from `first` up to before `beyond` (positions), without labels."""
        inside = slice(first, beyond)
        return Days(
            self.tests[:, inside],
            self.station,
            self.parameter,
            self.first_day + first,
            self.present[:, inside],
        )


@dataclass(frozen=True)
class HoldingOut:
    """How days are held out: blocks of `block` days, and nothing is learned within `apart` days of a held-out one.

    Shorter blocks where these would leave a fold empty, and then at most half a block apart.
    """

    block: int
    apart: int

    def fold(self, days: Days) -> NDArray[np.int64]:
        """Fold of each day."""
        return (days.first_day + np.arange(days.tests.shape[1])) // self._block(days) % FOLDS

    def learned(self, days: Days, fold: int) -> Mask:
        """Days the classifier of a fold learns from."""
        held_out: Mask = self.fold(days) == fold
        away: Mask = ~_near(held_out[None, :], min(self.apart, self._block(days) // 2))[0]
        return away

    def _block(self, days: Days) -> int:
        n = days.tests.shape[1]
        return self.block if n >= 2 * FOLDS * self.block else max(n // (2 * FOLDS), 1)


FEW_COPIES = 4
# Tests look at weeks, so the days next to a held-out one show the same readings. Where a small history is copied often, each
# of them is learned from as often, and the held-out day is remembered as honest: the history would look better than any
# later panel of honest days. A wide network is copied once or twice and needs its days.
OF_FEW_COPIES, OF_MANY_COPIES = HoldingOut(40, 0), HoldingOut(80, 20)


@dataclass(frozen=True)
class Doubt:
    """How much trouble takes from a case of tampering: `weight` times what its log-odds have beyond those of tampering less `below`."""

    below: float
    weight: float


# What instrument trouble explains about as well is less of a case. A day that looks like tampering far more than like trouble
# is none the less for looking a little like both; but a small history tells the two apart less well, and trouble counts earlier.
SURE, UNSURE = Doubt(2.0, 2.0), Doubt(4.0, 3.0)


@dataclass(frozen=True)
class Combination:
    """Fitted classifiers of both steps, one for each fold."""

    first: tuple[lgb.Booster, ...]
    second: tuple[lgb.Booster, ...]
    trouble: tuple[lgb.Booster, ...]
    holding_out: HoldingOut

    def answers(self, days: Days, held_out: Mask) -> tuple[Floats, Floats]:
        """Log-odds of tampering and of trouble (series, days); `held_out` days use the fold that never saw them."""
        fold = self.holding_out.fold(days)
        course = _course(_first_answers(self.first, days, held_out, fold), days)
        silent = ~_near(days.present, SILENCE_DAYS)
        tampered, trouble = (
            _log_odds(_predict(boosters, course, held_out, fold)) for boosters in (self.second, self.trouble)
        )
        tampered = less_where_trouble(
            tampered, trouble, UNSURE if self.holding_out == OF_MANY_COPIES else SURE
        )
        return np.where(silent, NOTHING, tampered), np.where(silent, NOTHING, trouble)


def less_where_trouble(tampered: Floats, trouble: Floats, doubt: Doubt = SURE) -> Floats:
    """Log-odds of tampering, lowered where trouble is likelier, or nearly as likely."""
    enough = np.maximum(tampered - doubt.below, TROUBLE_FROM)
    return lowered(tampered, doubt.weight * np.maximum(trouble - enough, 0.0))


def learn(rehearsals: list[Days]) -> Combination:
    """Fit both steps on rehearsed days."""
    holding_out = OF_MANY_COPIES if len(rehearsals) > FEW_COPIES else OF_FEW_COPIES
    first = _fit(
        rehearsals,
        [r.tests for r in rehearsals],
        {
            "objective": "multiclass",
            "num_class": 1 + len(FAMILIES),
            "num_leaves": 16,
            "learning_rate": 0.08,
            "feature_fraction": 0.3,
            "min_data_in_leaf": 25,
        },
        60,
        _family,
        holding_out,
        CLEAN_THINNED,
    )
    courses = each(
        lambda r: _course(_first_answers(first, r, np.ones(r.tests.shape[1], bool), holding_out.fold(r)), r),
        rehearsals,
    )
    settings = {"objective": "binary", "num_leaves": 12, "learning_rate": 0.06, "min_data_in_leaf": 60}
    second = _fit(rehearsals, courses, settings, 140, lambda days: _is(days, 1), holding_out)
    trouble = _fit(rehearsals, courses, settings, 90, lambda days: _is(days, 2), holding_out)
    return Combination(first, second, trouble, holding_out)


def _is(days: Days, label: int) -> NDArray[np.int64]:
    return np.asarray(_labels(days) == label, dtype=np.int64)


def _labels(days: Days) -> NDArray[np.int64]:
    if days.label is None:
        raise ValueError("days without labels cannot be learned from")
    return days.label


def _family(days: Days) -> NDArray[np.int64]:
    """Class of each series-day in the first step: 0 clean, above it the position of the family."""
    if days.kind is None:
        raise ValueError("days without labels cannot be learned from")
    return np.asarray(np.where(_labels(days) > 0, 1 + FAMILY_OF_KIND[np.maximum(days.kind, 0)], 0), np.int64)


def _fit(
    rehearsals: list[Days],
    inputs: list[Floats],
    settings: dict[str, object],
    trees: int,
    target: Callable[[Days], NDArray[np.int64]],
    holding_out: HoldingOut,
    thinned: int = 1,
) -> tuple[lgb.Booster, ...]:
    """Fit one classifier a fold; of the clean days only one in `thinned` is used, with its weight."""
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
        rows, labels, weights = [], [], []
        for days, values in zip(rehearsals, inputs, strict=True):
            label = _labels(days)
            turn = np.add.outer(np.arange(label.shape[0]), np.arange(label.shape[1])) % thinned == 0
            known = (label > 0) | ((label == 0) & turn)
            use = known & holding_out.learned(days, k)[None, :]
            if not use.any():
                use = known
            rows.append(values[use].astype(np.float32))
            labels.append(target(days)[use])
            weights.append(np.where(label[use] == 0, float(thinned), 1.0))
        data = lgb.Dataset(np.concatenate(rows), np.concatenate(labels), weight=np.concatenate(weights))
        return lgb.train(common | settings, data, trees)

    return tuple(each(fit, range(FOLDS)))


def _predict(
    boosters: tuple[lgb.Booster, ...], values: Floats, held_out: Mask, fold: NDArray[np.int64]
) -> Floats:
    """Prediction for every series-day: mean of all folds, on held-out days only the fold that left them out."""
    n_series, n_days = values.shape[:2]
    table = values.astype(np.float32)

    def part(k: int) -> tuple[Mask, Floats] | None:
        weight = np.where(held_out, (fold == k).astype(float), 1.0 / FOLDS)
        use = weight > 0
        if not use.any():
            return None
        rows = (table if use.all() else table[:, use]).reshape(-1, values.shape[2])
        found = np.asarray(boosters[k].predict(rows, num_threads=1)).reshape(n_series, int(use.sum()), -1)
        return use, weight[use][None, :, None] * found

    parts = [one for one in each(part, range(FOLDS)) if one is not None]
    out = np.zeros((n_series, n_days, parts[0][1].shape[2] if parts else 1))
    for use, found in parts:
        out[:, use] += found
    return out


def _log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, ANSWER_EDGE, 1 - ANSWER_EDGE)
    return np.asarray(np.log(clipped / (1 - clipped))[:, :, 0], dtype=np.float64)


def _first_answers(
    first: tuple[lgb.Booster, ...], days: Days, held_out: Mask, fold: NDArray[np.int64]
) -> Floats:
    """Log-odds of tampered and of trouble, then of each family against clean (series, days, 2 + families)."""
    p = np.clip(_predict(first, days.tests, held_out, fold), FAMILY_EDGE, 1)
    clean = p[:, :, 0]
    tampered = p[:, :, 1 : 1 + TAMPERING_FAMILIES].sum(axis=2)
    trouble = p[:, :, 1 + TAMPERING_FAMILIES :].sum(axis=2)
    whole = np.stack([tampered / (clean + trouble), trouble / (clean + tampered)], axis=2)
    return np.asarray(np.log(np.concatenate([whole, p[:, :, 1:] / clean[:, :, None]], axis=2)), np.float64)


def _course(answers: Floats, days: Days) -> Floats:
    """Inputs of the second step (series, days, n): the answers around each day, at the station, in the network."""
    families = answers[:, :, 2:]
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
    weeks = [mean_around(families, width) for width in FAMILY_WIDTHS]
    return np.concatenate([np.stack(columns, axis=2), families, *weeks], axis=2)


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


def mean_around(values: Floats, width: int) -> Floats:
    """Mean of finite (series, days, n) values over `width` days, cut at the ends, without a copy for every day."""
    total, count = values.copy(), np.ones(values.shape[1])
    for shift in range(1, width // 2 + 1):
        total[:, shift:] += values[:, :-shift]
        total[:, :-shift] += values[:, shift:]
        count[shift:] += 1
        count[:-shift] += 1
    return total / count[None, :, None]


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
    """Median answer of the other series of the same group on the same day: what all of them show has one cause.

    A group is sorted once: without one of its members the places from the first of its answer on move down by one.
    """
    out = np.full(values.shape, np.nan)
    for g in np.unique(group):
        members = np.flatnonzero(group == g)
        others = len(members) - 1
        if others < 2:
            continue
        ordered = np.sort(values[members], axis=0)
        middle = (others - 1) // 2, others // 2
        for i in members:
            left_out = (ordered < values[i]).sum(axis=0)
            low, high = (np.where(left_out <= at, ordered[at + 1], ordered[at]) for at in middle)
            out[i] = low if others % 2 else (low + high) / 2
    return out

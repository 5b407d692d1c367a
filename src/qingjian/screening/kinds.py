"""Guess of the kind of tampering, learned from the tampered days of the rehearsal."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from qingjian.screening.combination import Days
from qingjian.screening.panel import Floats
from qingjian.screening.ways import KINDS, TAMPERING

TREES = 35
MOST_DAYS = 12_000


@dataclass(frozen=True)
class KindGuess:
    """Classifier of tampered days; `names` belong to its classes."""

    booster: lgb.Booster | None
    names: tuple[str, ...]

    def of(self, tests: Floats) -> NDArray[np.int64]:
        """Position in `names` of the likeliest kind for each row (rows, tests); -1 without a classifier."""
        if self.booster is None or not len(tests):
            return np.full(len(tests), -1, np.int64)
        found = np.asarray(self.booster.predict(tests.astype(np.float32), num_threads=1))
        return np.asarray(found.argmax(axis=1), np.int64)


def learn_kinds(rehearsals: list[Days]) -> KindGuess:
    """Fit the classifier on rehearsed days of tampering."""
    rows, labels = [], []
    for days in rehearsals:
        if days.label is None or days.kind is None:
            raise ValueError("days without labels cannot be learned from")
        use = days.label == 1
        rows.append(days.tests[use])
        labels.append(days.kind[use])
    kind = np.concatenate(labels) if labels else np.zeros(0, np.int64)
    present = [k for k, name in enumerate(KINDS) if name in TAMPERING and (kind == k).sum() >= 10]
    if len(present) < 2:
        return KindGuess(None, ())
    use = np.isin(kind, present)
    values = np.concatenate(rows)[use].astype(np.float32)
    target = np.searchsorted(np.array(present), kind[use])
    thin = max(1, len(values) // MOST_DAYS)
    settings = {
        "objective": "multiclass",
        "num_class": len(present),
        "num_leaves": 15,
        "learning_rate": 0.12,
        "min_data_in_leaf": 10,
        "feature_fraction": 0.4,
        "max_bin": 63,
        "seed": 11,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    booster = lgb.train(settings, lgb.Dataset(values[::thin], target[::thin]), TREES)
    return KindGuess(booster, tuple(KINDS[k] for k in present))

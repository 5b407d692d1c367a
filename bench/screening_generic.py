"""Generic anomaly detectors in the format of the kit's baselines: Sub-KNN, k-means, polynomial and matrix profile.

  PYTHON bench/screening_generic.py --kit KIT --history HISTORY --panel P1 P2 … --out O1 O2 … [--method …]

Run by an interpreter of its own with pandas, numpy, scikit-learn, pyod and stumpy; nothing of it is needed by the product.
The methods are the best-ranked cheap ones of TSB-AD (univariate: Sub-PCA, KMeansAD, POLY, Sub-KNN, MatrixProfile; multivariate:
PCA); Sub-PCA and IForest are in the kit's own baselines. All look at windows of 24 hours and are fitted on the clean
history. A method whose package cannot be imported is named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

HOURS = 24
EVERY = 6
CENTRES = 20
DEGREE = 4


def knn() -> Any:
    return importlib.import_module("pyod.models.knn").KNN(n_neighbors=10)


class Nearest:
    """Distance to the nearest of k centres of the history's windows (KMeansAD)."""

    def fit(self, rows: Any) -> Nearest:
        kmeans = importlib.import_module("sklearn.cluster").KMeans
        self.model = kmeans(CENTRES, n_init=3, random_state=0).fit(rows)
        return self

    def decision_function(self, rows: Any) -> Any:
        return self.model.transform(rows).min(axis=1)


class Polynomial:
    """What a polynomial leaves of a window, against the history's usual (POLY)."""

    def fit(self, rows: Any) -> Polynomial:
        at = np.linspace(-1, 1, HOURS)
        base = np.linalg.qr(np.vander(at, DEGREE + 1))[0]
        self.rest = np.eye(HOURS) - base @ base.T
        return self

    def decision_function(self, rows: Any) -> Any:
        return ((rows @ self.rest) ** 2).sum(axis=1)


class Profile:
    """Distance of a window to the nearest other window of the history, each scaled to mean 0 and spread 1 (MatrixProfile)."""

    def fit(self, rows: Any) -> Profile:
        # the kit hands over every sixth window of the history: their first six values are the history itself
        self.history = np.r_[rows[:, :EVERY].ravel(), rows[-1, EVERY:]].astype(float)
        return self

    def decision_function(self, rows: Any) -> Any:
        stumpy = importlib.import_module("stumpy")
        series = np.r_[rows[:, 0], rows[-1, 1:]].astype(float)
        # The kit measures the history too, to know what is usual: there a window is not its own nearest one.
        both = min(len(series), len(self.history))
        if np.array_equal(series[:both], self.history[:both]):
            found = stumpy.stump(series, HOURS)[:, 0]
        else:
            found = stumpy.stump(series, HOURS, self.history, ignore_trivial=False)[:, 0]
        return np.nan_to_num(found.astype(float), posinf=0.0)


METHODS = {
    "subknn": (knn, "pyod"),
    "kmeansad": (Nearest, "sklearn"),
    "poly": (Polynomial, "numpy"),
    "matrixprofile": (Profile, "stumpy"),
}


def main() -> None:
    """Write days.csv and months.csv of each method for each panel."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--history", required=True)
    parser.add_argument("--panel", nargs="+", required=True)
    parser.add_argument("--out", nargs="+", type=Path, required=True)
    parser.add_argument("--method", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    sys.path.insert(0, str(options.kit))
    baselines: Any = importlib.import_module("baselines")
    panels: Any = importlib.import_module("panel_io")
    history = None if options.history == "none" else panels.read_panel(options.history)
    wanted = []
    for name in options.method:
        make, package = METHODS[name]
        if importlib.util.find_spec(package) is None:
            print(f"{name}: left out, {package} is not installed in this interpreter", flush=True)
            continue
        baselines.GUESS[name] = ""
        wanted.append((name, baselines.stat_windows(make)))
    past: dict[Any, Any] = {}
    shared: dict[Any, Any] = {}
    for panel, out in zip(options.panel, options.out, strict=True):
        task = baselines.Screen(history, panels.read_panel(panel))
        task.models = shared
        for name, statistic in wanted:
            days, months = baselines.screen(task, name, statistic, past)
            (out / name).mkdir(parents=True, exist_ok=True)
            days.to_csv(out / name / "days.csv", index=False, float_format="%.7g")
            months.to_csv(out / name / "months.csv", index=False, float_format="%.7g")
            print(f"{out}: {name}", flush=True)


if __name__ == "__main__":
    main()

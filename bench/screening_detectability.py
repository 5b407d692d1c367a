"""What can be seen in principle: the best linear filter that knows the hours of a change, against the errors of clean days.

  python -m bench.screening_detectability --history FOLDER [--learned SHARE]

FOLDER is a clean panel folder of hourly ambient data. For every station the errors of the context models (what was read
against what neighbours, weather and the other factors promise) are taken by days; the filter is the inverse covariance of
these errors, learned on the first part of the history, times the mean change that a way of falsifying makes. It is told the
kind, the size and the hours, and looks for nothing else: no screen can do better with these errors and a linear test.
Printed for windows of one day, a week and a month: the mean change in standard deviations of clean windows, and the share
found on the last part of the history when 1 clean station-day a month may be an alarm, and when this test gets a sixth of that.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import numpy as np

from qingjian.cli.screen_panel import read_panel
from qingjian.screening.budget import DAYS_A_MONTH
from qingjian.screening.context import ContextModels
from qingjian.screening.panel import Floats
from qingjian.screening.record import Record, history_record
from qingjian.screening.screen import LEARNED_DAYS
from qingjian.screening.statistics import fit_models
from qingjian.screening.vocabulary import PARTICLES, common_name

WINDOWS = (1, 7, 30)
LEAST_HOURS = 20
AROUND_DAYS = 45
SPRAY_HOURS = (7, 8, 9, 10, 14, 15, 16, 20, 21)
RECOVERY = (1.0, 0.8, 0.5, 0.25)
DEPTHS = (0.15, 0.30, 0.50)
SLOPES = (0.84, 0.68, 0.40)


def sprayed(days: int, depth: float, r: np.random.Generator) -> Floats:
    """Share that is left of each hour (days, 24) when a burst begins at half of the hours, with slow recovery."""
    drop = np.zeros(days * 24)
    for begin in range(days * 24):
        if begin % 24 in SPRAY_HOURS and r.random() < 0.5:
            part = drop[begin : begin + len(RECOVERY)]
            part[:] = np.maximum(part, depth * np.array(RECOVERY)[: len(part)])
    return 1 - drop.reshape(days, 24)


class Errors:
    """Errors of one model by days; the expectation does not depend on what the series itself reads."""

    def __init__(self, record: Record, context: ContextModels) -> None:
        self.record, self.context = record, context
        shaped = context.shaped(record)
        self.expected = {key: context.expect(record, shaped, *key).expected for key in context.models}

    def when(self, station: int, parameter: int, share: Floats) -> Floats:
        """Errors (days, 24) on the scale of the model when only `share` (days, 24) of what was there is read."""
        resolution = self.record.parameters[parameter].resolution
        read = self.record.hourly[station, parameter] * share.ravel()
        if resolution > 0:
            read = np.round(read / resolution) * resolution
        away = self.context.shapes[parameter].of(read) - self.expected[station, parameter]
        return away.reshape(self.record.days, 24)


def _particles(record: Record) -> list[int]:
    return [p for p in record.measured() if common_name(record.parameters[p].code) in PARTICLES]


def filled(rows: Floats) -> Floats:
    """Missing hours count as expected; days with too few hours are NaN throughout."""
    enough = np.isfinite(rows).sum(axis=1) >= LEAST_HOURS
    return np.where(enough[:, None], np.nan_to_num(rows), np.nan)


def against_around(rows: Floats) -> Floats:
    """Errors minus the median error of each hour of the day in the months around: what is usual is no evidence."""
    out = np.empty_like(rows)
    with np.errstate(all="ignore"):
        for day in range(len(rows)):
            near = rows[max(day - AROUND_DAYS, 0) : day + AROUND_DAYS + 1]
            out[day] = rows[day] - np.nanmedian(near, axis=0)
    return out


def weights(clean: Floats, change: Floats) -> Floats:
    """Inverse covariance of clean days times the mean change; a hundredth of the mean variance is added to every hour."""
    held = clean[np.isfinite(clean).all(axis=1)]
    covariance = np.cov(held.T)
    covariance += 0.01 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return np.asarray(np.linalg.solve(covariance, change))


def windows(daily: Floats, width: int) -> Floats:
    """Means of runs of `width` days, at least two thirds of them known."""
    rows = np.lib.stride_tricks.sliding_window_view(daily, width)
    count = np.isfinite(rows).sum(axis=1)
    return np.where(count >= 2 * width / 3, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)


def measure(name: str, errors: Errors, parameters: list[int], shares: list[Floats], learned: int) -> None:
    """Print the table of one way: one row a severity, means over the stations."""
    record = errors.record
    stations = [s for s in range(len(record.stations)) if all((s, p) in errors.expected for p in parameters)]
    whole = np.ones((record.days, 24))
    clean = {
        s: np.hstack([against_around(filled(errors.when(s, p, whole))) for p in parameters]) for s in stations
    }
    for share, label in zip(shares, ("subtle", "medium", "gross"), strict=True):
        found: dict[int, list[tuple[float, ...]]] = {width: [] for width in WINDOWS}
        size = []
        for s in stations:
            # the months around are those of the clean series: a short episode hardly moves them
            moved = np.hstack(
                [filled(errors.when(s, p, share)) - filled(errors.when(s, p, whole)) for p in parameters]
            )
            w = weights(clean[s][:learned], np.nanmean(moved[:learned], axis=0))
            honest, tampered = clean[s][learned:] @ w, (clean[s] + moved)[learned:] @ w
            size.append((float(np.nanmean(moved)), float(np.nanstd(clean[s]))))
            for width in WINDOWS:
                usual, changed = windows(honest, width), windows(tampered, width)
                held, changed = usual[np.isfinite(usual)], changed[np.isfinite(changed)]
                bounds = [float(np.quantile(held, 1 - part / DAYS_A_MONTH)) for part in (1.0, 1 / 6)]
                found[width].append(
                    (
                        float((changed.mean() - held.mean()) / held.std()),
                        *(float((changed > bound).mean()) for bound in bounds),
                    )
                )
        mean, spread = np.mean(size, axis=0)
        cells = []
        for width in WINDOWS:
            distance, full, sixth = np.mean(found[width], axis=0)
            cells.append(f"{distance:.2f} / {full:.2f} / {sixth:.2f}")
        print(f"| {name}, {label} | {mean:.3f} | {spread:.3f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Fit the models of a history once and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument(
        "--learned", type=float, default=2 / 3, help="share of the history the filter learns from"
    )
    options = parser.parse_args()
    print(f"host: {platform.processor() or platform.machine()}, {os.cpu_count()} cores", flush=True)
    record = history_record(read_panel(options.history).since(LEARNED_DAYS))
    models = fit_models(record)
    learned = int(options.learned * record.days)
    print(
        "| way | mean change (scale of the model) | spread of an hour's error | "
        + " | ".join(f"{width} d: distance / found at 1 / at 1/6" for width in WINDOWS)
        + " |\n|---|---|---|"
        + "---|" * len(WINDOWS)
    )
    particles = _particles(record)
    if len(particles) == 2:
        r = np.random.default_rng(1)
        bursts = [sprayed(record.days, depth, r) for depth in DEPTHS]
        apart = models.apart or models.context
        measure("spray, both particle factors", Errors(record, apart), particles, bursts, learned)
    alone = Errors(record, models.context)
    for p in record.measured():
        slopes = [np.full((record.days, 24), slope) for slope in SLOPES]
        measure(f"slope, {record.parameters[p].code}", alone, [p], slopes, learned)


if __name__ == "__main__":
    main()

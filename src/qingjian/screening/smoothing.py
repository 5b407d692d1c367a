"""Smoothing: damping turned up, averaging, interpolation - the small unrest of the instrument is gone."""

from __future__ import annotations

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.series import SeriesDays, Statistics, mean_over, over, steps, unexplained


def roughness(values: Floats, width: int) -> Floats:
    """Mean absolute change from one value to the next over `width` days."""
    return mean_over(np.abs(steps(values)), width)


def statistics(series: SeriesDays) -> Statistics:
    """Roughness against what level and neighbours explain, order of successive changes, kinks."""
    tiny = 0.2 * series.resolution + 1e-12
    out: Statistics = {}
    level = np.log(np.maximum(np.abs(mean_over(series.hourly, 1)), tiny))
    for width in (1, 3, 7):
        near = _typical([np.log(roughness(r, width) + tiny) for r in series.relatives])
        slow = np.log(mean_over(np.abs(steps(series.hourly, 6)), width) + tiny)
        given = [level, slow] + ([near] if near is not None else [])
        fast = np.log(roughness(series.hourly, width) + tiny)
        out[f"smoothing.rough.{width}"] = unexplained(fast, given, series.reference)
        if series.values.shape[1] > 24:
            fast = np.log(roughness(series.values, width) + tiny)
            out[f"smoothing.fine.{width}"] = unexplained(fast, given, series.reference)
        change = steps(series.hourly)
        following = np.r_[change.ravel()[1:], np.nan].reshape(change.shape)
        both = np.isfinite(change) & np.isfinite(following)
        product = over(np.where(both, change * following, 0).sum(axis=1), width)
        square = over(np.where(both, change**2, 0).sum(axis=1), width)
        out[f"smoothing.momentum.{width}"] = np.where(
            square > 0, product / np.maximum(square, 1e-300), np.nan
        )
        kink = mean_over(np.abs(following - change), width)
        straight = mean_over(np.abs(change), width)
        out[f"smoothing.kinks.{width}"] = np.log((kink + tiny) / (straight + tiny))
        out.update(_texture(series, width, tiny))
    return out


def _texture(series: SeriesDays, width: int, tiny: float) -> Statistics:
    """The unrest of the instrument itself, free of the level: turns of direction, and bends against hourly changes."""
    fine = series.fine
    first = steps(fine)
    later = np.r_[first.ravel()[1:], np.nan].reshape(first.shape)
    both = np.isfinite(first) & np.isfinite(later) & (first != 0) & (later != 0)
    turns = np.where(both, (first * later < 0).astype(float), np.nan)
    out = {f"smoothing.turns.{width}": -mean_over(turns, width)}
    per_hour = fine.shape[1] // 24
    if per_hour > 1:
        bend = mean_over(np.abs(later - first), width)
        hourly = mean_over(np.abs(steps(fine, per_hour)), width)
        out[f"smoothing.texture.{width}"] = -np.log((bend + tiny) / (hourly + tiny))
    return out


def _typical(columns: list[Floats]) -> Floats | None:
    if not columns:
        return None
    table = np.column_stack(columns)
    empty = ~np.isfinite(table).any(axis=1)
    table[empty] = 0.0
    return np.where(empty, np.nan, np.nanmedian(table, axis=1))

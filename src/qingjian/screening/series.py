"""One series laid out by days, with what the tests compare it with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qingjian.screening.panel import Flags, Floats, Mask

WORST_ERROR = 12.0

Statistics = dict[str, Floats]


@dataclass(frozen=True)
class SeriesDays:
    """A series of D days with n native values and 24 hourly means a day.

    `values` (D, n) usable values, `flags` (D, n), `fine` (D, up to 96) 15-minute or coarser values, `hourly` (D, 24) means in the unit of the series,
    `shaped` the same on the scale of the context model, `expected` and `spread` (D, 24) what the model
    expects and its usual error, `relatives` and `factors` fine values of the same factor elsewhere
    and of the other factors here, `history` (D,) the days that belong to the clean history.
    `relative_errors` are the standardised errors (D, 24) of the relatives.
    `partner_error` is the standardised error of the other particle factor, when there is one, and
    `own_error` the one of this series, both from models that use neither of the two.
    `declared` (D, n) are the flags with what was declared beside them laid over; None: nothing was.
    """

    values: Floats
    flags: Flags
    fine: Floats
    hourly: Floats
    shaped: Floats
    expected: Floats
    spread: Floats
    history: Mask
    resolution: float
    limit: float
    shaped_limit: Floats
    relatives: tuple[Floats, ...] = ()
    factors: tuple[Floats, ...] = ()
    relative_errors: tuple[Floats, ...] = ()
    own_error: Floats | None = None
    partner_error: Floats | None = None
    declared: Flags | None = None
    lower_partner: Floats | None = None
    upper_partner: Floats | None = None
    error: Floats = field(init=False)

    def __post_init__(self) -> None:
        error = (self.shaped - self.expected) / self.spread
        object.__setattr__(self, "error", np.clip(error, -WORST_ERROR, WORST_ERROR))

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.values)

    @property
    def reference(self) -> Mask:
        """Days that normal behaviour is learned from: the history, or every day when there is none."""
        return self.history if self.history.any() else np.ones(self.days, bool)


def over(day_sums: Floats, width: int) -> Floats:
    """Sums of (D,) or (D, n) values over `width` days centred on each day (cut at the ends); NaN counts as zero.

    Added day by day, so that a value depends on nothing outside its window.
    """
    clean = np.nan_to_num(day_sums)
    total = clean.copy()
    for shift in range(1, width // 2 + 1):
        total[shift:] += clean[:-shift]
        total[:-shift] += clean[shift:]
    return total


def mean_over(values: Floats, width: int, least: int = 6) -> Floats:
    """Mean of the finite entries of (D, n) values over `width` days; NaN below `least` entries."""
    count = over(np.isfinite(values).sum(axis=1).astype(float), width)
    total = over(np.nansum(values, axis=1), width)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def usual_course(error: Floats, width: int, least_share: float) -> Floats:
    """Mean of each column of (days, n) values over `width` days; NaN where a smaller share of the days is known."""
    known = np.isfinite(error)
    total, count = np.where(known, error, 0.0), known.astype(float)
    held = [total.copy(), count.copy()]
    for sums, part in zip(held, (total, count), strict=True):
        for shift in range(1, width // 2 + 1):
            sums[shift:] += part[:-shift]
            sums[:-shift] += part[shift:]
    return np.where(held[1] >= least_share * width, held[0] / np.maximum(held[1], 1), np.nan)


def days_around(values: Floats, width: int) -> Floats:
    """Rows (D, width * n): all values of the `width` days centred on each day, NaN beyond the ends."""
    half = width // 2
    empty = np.full((half, values.shape[1]), np.nan)
    padded = np.vstack([empty, values, empty])
    return np.concatenate([padded[i : i + len(values)] for i in range(width)], axis=1)


def steps(values: Floats, lag: int = 1) -> Floats:
    """Differences x(t) - x(t - lag) of (D, n) values across midnight; the first `lag` are NaN."""
    flat = values.ravel()
    out = np.full(flat.shape, np.nan)
    out[lag:] = flat[lag:] - flat[:-lag]
    return out.reshape(values.shape)


def correlation_over(a: Floats, b: Floats, width: int, least: int = 10) -> Floats:
    """Pearson correlation of two (D, n) arrays over `width` days; NaN below `least` pairs or without spread."""
    both = np.isfinite(a) & np.isfinite(b)
    a0, b0 = np.where(both, a, 0.0), np.where(both, b, 0.0)
    n = over(both.sum(axis=1).astype(float), width)
    sa, sb = over(a0.sum(axis=1), width), over(b0.sum(axis=1), width)
    m = np.maximum(n, 1)
    va = over((a0 * a0).sum(axis=1), width) / m - (sa / m) ** 2
    vb = over((b0 * b0).sum(axis=1), width) / m - (sb / m) ** 2
    cov = over((a0 * b0).sum(axis=1), width) / m - sa / m * sb / m
    product = va * vb
    enough = (n >= least) & (product > 1e-18)
    return np.where(enough, np.clip(cov / np.sqrt(np.where(enough, product, 1.0)), -1, 1), np.nan)


def unexplained(target: Floats, given: list[Floats], reference: Mask) -> Floats:
    """Target minus its linear prediction from the given daily columns, fitted on the reference days.

    Missing entries of the columns are replaced by their reference median. Without enough reference days the
    median of the target is taken off instead.
    """
    known = reference & np.isfinite(target)
    if known.sum() < 60:
        found = target[np.isfinite(target)]
        return target - (float(np.median(found)) if len(found) else 0.0)
    columns = [np.ones(len(target))]
    for column in given:
        held = column[reference & np.isfinite(column)]
        if len(held):
            columns.append(np.where(np.isfinite(column), column, float(np.median(held))))
    design = np.column_stack(columns)
    gram = design[known].T @ design[known] + 1e-6 * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, design[known].T @ target[known])
    return target - design @ weights

"""Means of hourly concentrations: days, rolling windows, daily maximum 8 h mean (GB 3095, HJ 663).

Hours are named by their start in local time (UTC+08:00): a day has the places 0–23, place 0 being the hour 00–01.
NaN is a missing or invalid hour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from qingjian.rulebook import Row, Rulebook, packaged
from qingjian.standards.editions import Basis, in_force
from qingjian.standards.errors import EditionError, InputError
from qingjian.standards.rounding import round_scaled, to_scaled

Floats = npt.NDArray[np.float64]
_EIGHT = 8
_WINDOWS = 17  # 8 h windows inside one natural day: ending at 08:00 … 24:00
MEAN_DECIMALS = 9
"""Means are compared and rounded at so many: finer than a mean of hours with three decimals can differ from a tie."""


@dataclass(frozen=True, slots=True)
class ValidityRules:
    """How many values a mean needs, and the rows that say so."""

    day_hours: int
    eight_hour_hours: int
    eight_hour_windows: int
    year_days: int
    month_days: int
    february_days: int
    site_share: Decimal
    rows: tuple[Row, ...]


def validity_rules(basis: Basis, rulebook: Rulebook | None = None) -> ValidityRules:
    """Read the validity rules of GB 3095 and HJ 663 in force on the basis. Raises EditionError if one is unreadable."""
    book = rulebook or packaged()
    rows: list[Row] = []

    def read(standard: str, pattern: str, **equals: str) -> tuple[str, ...]:
        (row, *_) = in_force(book, "data_validity", basis, standard=standard, **equals)
        rows.append(row)
        match = re.search(pattern, row["rule"])
        if match is None:
            raise EditionError(f"规则无法识别: {row['rule']}", f"cannot read the rule: {row['rule']}")
        return match.groups()

    (eight,) = read("GB 3095", r">=(\d+) hourly", item="O3", scope="8h")
    (hours,) = read("GB 3095", r">=(\d+) hourly", scope="日平均")
    days, month, february = read(
        "GB 3095", r">=(\d+) daily means; >=(\d+) per month \(Feb >=(\d+)\)", scope="年平均"
    )
    (windows,) = read("HJ 663", r">=(\d+) valid 8h", item="O3")
    (share,) = read("HJ 663", r">=(\d+)\s*% of sites", item="city aggregation")
    return ValidityRules(
        day_hours=int(hours),
        eight_hour_hours=int(eight),
        eight_hour_windows=int(windows),
        year_days=int(days),
        month_days=int(month),
        february_days=int(february),
        site_share=Decimal(share) / 100,
        rows=tuple(rows),
    )


def daily_mean(hours: npt.ArrayLike, *, at_least: int = 20) -> Floats:
    """Daily means. `hours`: (…, 24). Returns (…); NaN where fewer than `at_least` hours are valid."""
    return _mean_of_last_axis(_day_grid(hours), at_least)


def eight_hour_means(hours: npt.ArrayLike, *, at_least: int = 6) -> Floats:
    """The 17 eight-hour means inside a natural day. `hours`: (…, 24). Returns (…, 17), the first ending at 08:00."""
    grid = _day_grid(hours)
    windows = np.lib.stride_tricks.sliding_window_view(grid, _EIGHT, axis=-1)
    return _mean_of_last_axis(windows, at_least)


def daily_maximum_8h(
    hours: npt.ArrayLike, *, limit: float, hours_at_least: int = 6, windows_at_least: int = 14
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Daily maximum 8 h mean (O3). `hours`: (…, 24). Returns (values (…), number of valid windows (…)).

    With fewer than `windows_at_least` valid windows the maximum is valid only if it exceeds `limit` (HJ 663).
    """
    means = eight_hour_means(hours, at_least=hours_at_least)
    valid = np.sum(~np.isnan(means), axis=-1)
    highest = np.fmax.reduce(means, axis=-1)
    enough = (valid >= windows_at_least) | (highest > limit)
    return np.where(enough, highest, np.nan), valid


def rolling_mean(hours: npt.ArrayLike, window: int, *, at_least: int) -> Floats:
    """Trailing means over `window` hours. `hours`: (…, hours). Returns the same shape; the first hours use what exists.

    The value at hour h covers the hours h-window+1 … h; NaN where fewer than `at_least` of them are valid.
    """
    values = np.asarray(hours, dtype=np.float64)
    if window < 1 or not 1 <= at_least <= window:
        raise InputError("窗口或最少个数不合理", "the window or the least number of values makes no sense")
    lead = np.full((*values.shape[:-1], window - 1), np.nan)
    padded = np.concatenate([lead, values], axis=-1)
    return _mean_of_last_axis(np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1), at_least)


def site_mean(sites: npt.ArrayLike, *, share: Decimal = Decimal("0.75")) -> Floats:
    """City value: arithmetic mean over the valid sites. `sites`: (sites, …). NaN where fewer than `share` are valid."""
    values = np.asarray(sites, dtype=np.float64)
    needed = -((-values.shape[0] * share.as_integer_ratio()[0]) // share.as_integer_ratio()[1])
    return _mean_of_last_axis(np.moveaxis(values, 0, -1), max(int(needed), 1))


def round_means(values: npt.ArrayLike, places: int) -> Floats:
    """Round means half to even at `places` decimals (GB/T 8170); NaN stays NaN."""
    array = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(array)
    result = np.full(array.shape, np.nan)
    scaled = round_scaled(to_scaled(array[known], MEAN_DECIMALS), MEAN_DECIMALS - places)
    result[known] = scaled / 10.0**places
    return result


def _day_grid(hours: npt.ArrayLike) -> Floats:
    grid = np.asarray(hours, dtype=np.float64)
    if grid.ndim == 0 or grid.shape[-1] != 24:
        raise InputError("一天应有24个小时值", "a day must have 24 hourly places")
    with np.errstate(invalid="ignore"):
        if bool(np.any(grid < 0)) or bool(np.any(np.isinf(grid))):
            raise InputError("小时值含负数或无穷大", "negative or infinite hourly values")
    return grid


def _mean_of_last_axis(values: Floats, at_least: int) -> Floats:
    known = ~np.isnan(values)
    count = np.sum(known, axis=-1)
    total = np.sum(values, axis=-1, where=known)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= max(at_least, 1), total / count, np.nan)

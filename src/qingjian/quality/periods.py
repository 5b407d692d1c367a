"""Periods: named by their start, aligned to the natural day of UTC+08:00."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CHINA_SECONDS = 8 * 3600
HOUR = 3600
DAY = 86400
LENGTHS = {"hour": HOUR, "day": DAY}
TARGETS = ("minute", "hour", "day", "month", "year")


def period_start(moments: Ints, target: str, minute_seconds: int = 60) -> Ints:
    """Start (epoch seconds UTC) of the period each moment lies in.

    ``minute_seconds`` is the length of a "minute" value (HJ 212 MinInterval: 60 … 1800). Raises ValueError
    for an unknown target or a length that does not divide the day.
    """
    local = np.asarray(moments, np.int64) + CHINA_SECONDS
    if target in ("month", "year"):
        unit = "M" if target == "month" else "Y"
        months = local.astype("datetime64[s]").astype(f"datetime64[{unit}]")
        return np.asarray(months.astype("datetime64[s]").astype(np.int64) - CHINA_SECONDS, np.int64)
    length = minute_seconds if target == "minute" else LENGTHS.get(target, 0)
    if length <= 0 or DAY % length:
        raise ValueError(f"no such period: {target!r} of {length} s")
    return local - local % length - CHINA_SECONDS


def period_end(starts: Ints, target: str, minute_seconds: int = 60) -> Ints:
    """First second after each period."""
    if target in ("month", "year"):
        unit = "M" if target == "month" else "Y"
        months = (
            (np.asarray(starts, np.int64) + CHINA_SECONDS)
            .astype("datetime64[s]")
            .astype(f"datetime64[{unit}]")
        )
        following = months + np.timedelta64(1, unit)  # type: ignore[call-overload]
        return np.asarray(following.astype("datetime64[s]").astype(np.int64) - CHINA_SECONDS, np.int64)
    return np.asarray(starts, np.int64) + (minute_seconds if target == "minute" else LENGTHS[target])


def local_day(moment: int) -> date:
    """The natural day (UTC+08:00) of one moment."""
    return (datetime.fromtimestamp(int(moment), UTC) + timedelta(seconds=CHINA_SECONDS)).date()


def day_start(day: date) -> int:
    """Epoch seconds of the beginning of a natural day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - CHINA_SECONDS

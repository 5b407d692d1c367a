"""What aggregation must know of a series, and which series follow from another one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qingjian.contracts.directory import Series
from qingjian.pipeline.windows import Ints
from qingjian.quality.observations import SeriesInfo

_SECONDS = {"realtime": 60, "minute": 60, "hour": 3600, "day": 86_400}


def info_of(one: Series, seconds: int | None = None, edition: str = "2017") -> SeriesInfo:
    """Return the description `quality` works with; ValueError where the register holds something nobody can work with."""
    # Means are made of reported minutes, hours or days; real-time values are never handed in.
    finest = next((name for name in ("minute", "hour", "day") if name in one.expected), "hour")
    return SeriesInfo(
        one.id,
        one.medium,
        one.factor,
        seconds or one.expected.get(finest) or _SECONDS[finest],
        one.averaging,
        one.flow_series,
        one.decimals,
        edition,
    )


def with_dependents(
    series: Ints, starts: Ints, dependents: Mapping[int, frozenset[int]]
) -> tuple[Ints, Ints]:
    """Add what is converted with a series to what came for it: oxygen that comes late changes the values beside it."""
    order = np.argsort(series, kind="stable")
    inputs = np.asarray(sorted(dependents), np.int64)
    low, high = (np.searchsorted(series[order], inputs, side) for side in ("left", "right"))
    parts = [(series, starts)]
    for place in np.flatnonzero(high > low).tolist():
        came = starts[order[low[place] : high[place]]]
        parts += [(np.full(len(came), one, np.int64), came) for one in sorted(dependents[int(inputs[place])])]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

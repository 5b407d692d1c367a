"""Which of the newest values of a series is its present one, and for how long it is.

The latest store keeps one value per statistic by its period, whatever arrived last: the mean of yesterday arrives after
midnight, and an imported month can be years old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.latest import LatestValue

FINEST_FIRST = ("realtime", "minute", "hour", "day", "month", "year")
SHORT = ("realtime", "minute", "hour")
LENGTHS = {
    "realtime": timedelta(),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
LEAST_ALLOWED = timedelta(hours=3)
PERIODS_ALLOWED = 3
"""A value is present until so many owed periods, and at least the time above, have passed since its period began."""


def statistics(expected: Mapping[str, float]) -> tuple[str, ...]:
    """Return the statistics that can be a present value: a mean of a day or month is none where finer ones are owed."""
    return SHORT if any(name in expected for name in SHORT) else FINEST_FIRST


def period_end(value: LatestValue) -> datetime:
    """Return the end of the period of a value."""
    length = LENGTHS.get(value.statistic)
    if length is not None:
        return value.start + length
    first = value.start.astimezone(CHINA).replace(day=1)
    if value.statistic == "year" or first.month == 12:
        return first.replace(year=first.year + 1, month=1)
    return first.replace(month=first.month + 1)


def present(values: Iterable[LatestValue], expected: Mapping[str, float]) -> LatestValue | None:
    """Return the value of a series whose period ended last, of two the finer; None without values."""
    known = list(values)
    fitting = [one for one in known if one.statistic in statistics(expected)]
    return max(
        fitting or known,
        key=lambda one: (period_end(one), -FINEST_FIRST.index(one.statistic)),
        default=None,
    )


def is_current(value: LatestValue | None, expected: Mapping[str, float]) -> bool:
    """Say whether a value still speaks of the present: by the period that the series owes."""
    owed = timedelta(seconds=min(expected.values(), default=0))
    return value is not None and now() - value.start <= max(LEAST_ALLOWED, PERIODS_ALLOWED * owed)

"""What a run of aggregation looks at, and the hours, local days and local months it is cut into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from qingjian.contracts.clock import CHINA
from qingjian.lake.reading import local_month, month_bounds

Ints = npt.NDArray[np.int64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOUR_US, DAY_US, OFFSET_US = 3_600_000_000, 86_400_000_000, 28_800_000_000
_LONGEST = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Window:
    """What one run looks at: known in (known_after, known_until]; periods ended in (ended_after, ended_until]."""

    known_after: datetime
    known_until: datetime
    ended_after: datetime
    ended_until: datetime
    only_from: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Only periods that begin in [only_from, only_to): a long history is worked through month by month."""
    only_to: datetime = datetime(9999, 1, 1, tzinfo=UTC)
    facts_after: int = 0
    """Numbers of the fact log: what was stated in (facts_after, facts_until] changes periods already made; all up to
    facts_until counts for every period made."""
    facts_until: int = 0
    directory_before: int = 0
    """Version of the directory at the last run: where the settings of checks differ, periods are made anew."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the batch log."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in plain.items()
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Window:
        """Inverse of `to_json`; a batch written before facts were counted in has none."""
        plain: dict[str, Any] = {
            name: datetime.fromisoformat(one) if isinstance(one, str) else one for name, one in value.items()
        }
        return cls(**plain)


def work_of(
    items: Iterable[tuple[datetime, datetime, set[int]]], window: Window
) -> list[tuple[datetime, datetime, list[int]]]:
    """Return what is over, neighbouring periods of the same series joined (up to a month)."""
    joined: list[tuple[datetime, datetime, list[int]]] = []
    for begin, end, numbers in sorted((begin, end, sorted(numbers)) for begin, end, numbers in items):
        if end > window.ended_until or not numbers or not window.only_from <= begin < window.only_to:
            continue
        if joined and joined[-1][1] == begin and joined[-1][2] == numbers and end - joined[-1][0] <= _LONGEST:
            joined[-1] = (joined[-1][0], end, numbers)
        else:
            joined.append((begin, end, numbers))
    return joined


def floor_hour(moment: datetime) -> datetime:
    """Return the beginning of the hour a moment lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def floor_day(moment: datetime) -> datetime:
    """Return the beginning of the local day a moment lies in."""
    local = moment.astimezone(CHINA)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def floor_month(moment: datetime) -> datetime:
    """Return the beginning of the local month a moment lies in."""
    return month_bounds(local_month(moment))[0]


def gather(periods: dict[datetime, set[int]], series: Ints, begins: Ints) -> None:
    """Add each series to the periods that begin at `begins` (microseconds since 1970)."""
    pairs = np.unique(np.stack([begins, series]), axis=1)
    for begin, number in pairs.T.tolist():
        periods[EPOCH + timedelta(microseconds=begin)].add(number)


def months_between(begin: datetime, end: datetime) -> list[datetime]:
    """Return the beginnings of the local months that overlap [begin, end)."""
    found = []
    moment = floor_month(begin)
    while moment < end:
        found.append(moment)
        moment = next_month(moment)
    return found


def next_month(begin: datetime) -> datetime:
    """Return the beginning of the local month after the one that begins at `begin`."""
    return month_bounds(local_month(begin))[1]

"""Minute → hour → day → month: own results first, what the device sent where the finer data are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from qingjian.quality.aggregation import Aggregates, aggregate
from qingjian.quality.facts import IntervalFact
from qingjian.quality.observations import Bools, Observations, SeriesInfo
from qingjian.quality.status import effective_status
from qingjian.rulebook import Rulebook

_STEPS = (("minute", 60), ("hour", 3600), ("day", 86400), ("month", 0))
_LONGEST_MINUTES = 1800
"""Seconds of the longest interval of minute data (HJ 212-2017, MinInterval)."""


@dataclass(frozen=True, slots=True, eq=False)
class Finest:
    """Rows of one statistic, one per series and start; ``own`` is True where the own aggregate stands."""

    observations: Observations
    own: Bools


def finest(own: Aggregates | None, sent: Observations) -> Finest:
    """The own aggregate where it is valid or was made of all expected rows; else the row that was sent.

    A period the device calls normal while all its finer values, received in full, are not valid stays invalid.
    """
    if own is None or len(own) == 0:
        rows = sent.ordered()
        return Finest(rows, np.zeros(len(rows), np.bool_))
    mine = own.observations(valid_only=True)
    decisive = own.valid | (own.received >= own.expected)
    words = list(dict.fromkeys([*mine.flags, *sent.flags]))
    place = {word: index for index, word in enumerate(words)}
    columns = {
        f.name: np.concatenate([getattr(sent, f.name), getattr(mine, f.name)])
        for f in fields(Observations)
        if f.name not in ("flags", "flag")
    }
    both = Observations(
        **columns,
        flag=np.concatenate(
            [np.asarray([place[word] for word in one.flags], np.int32)[one.flag] for one in (sent, mine)]
        ),
        flags=tuple(words),
    )
    rank = np.concatenate([np.ones(len(sent), np.int8), np.where(decisive, 2, 0).astype(np.int8)])
    order = np.lexsort((rank, both.start, both.series))
    both, rank = both.take(order), rank[order]
    last = np.ones(len(both), np.bool_)
    last[:-1] = (both.series[1:] != both.series[:-1]) | (both.start[1:] != both.start[:-1])
    return Finest(both.take(last), rank[last] != 1)


def aggregate_upwards(
    sent: Mapping[str, Observations],
    series: Sequence[SeriesInfo],
    book: Rulebook,
    facts: Iterable[IntervalFact] = (),
    *,
    moment: int | None = None,
    prefer: Mapping[tuple[str, str], str] | None = None,
    doubts: Callable[[Observations], Bools] | None = None,
) -> dict[str, Aggregates]:
    """Own hours, days and months from what was sent (statistic → rows as ``as_of`` gives them).

    ``series`` describes the finest rows of each series by ``source_seconds``: its minutes (60 … 1800), or its
    hours (3600) or days (86400) where it has nothing finer; minutes that come nevertheless stand for 60 s each. The
    result holds the keys ``hour``, ``day``,
    ``month`` for which there are rows. ``facts``, ``moment`` and ``prefer`` as in
    ``effective_status`` and ``aggregate``. ``doubts`` says of rows that were sent (never of own ones) which an
    automatic check doubts: they need a look and do not count.
    """
    held = tuple(facts)
    result: dict[str, Aggregates] = {}
    previous: Aggregates | None = None
    nothing = Observations.of([], [], [])
    for (source, seconds), (target, _) in pairwise(_STEPS):
        best = finest(previous, sent.get(source, nothing))
        if len(best.observations) == 0:
            previous = None
            continue
        at_this_step = [
            replace(one, source_seconds=_step(one.source_seconds, source, seconds)) for one in series
        ]
        status = effective_status(
            best.observations,
            held,
            at_this_step,
            moment=moment,
            suspect=None if doubts is None else doubts(best.observations) & ~best.own,
            trusted=best.own,
            period_seconds=0 if source == "minute" else seconds,
        )
        previous = aggregate(best.observations, at_this_step, book, target, status, prefer=prefer)
        result[target] = previous
    return result


def _step(described: int, source: str, seconds: int) -> int:
    """Seconds one row of a statistic stands for, of a series described by its finest rows."""
    if source == "minute":
        return described if described <= _LONGEST_MINUTES else seconds
    return max(described, seconds)

"""From the finest data upwards: values, extremes, totals, completeness and marks of longer periods.

One call handles any number of series. Means are made of usable values only (see ``status``); whether the
period is valid is decided by the rulebook's row for its medium, factor, period and day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.facts import stopped_seconds, stops_by_series
from qingjian.quality.observations import Bools, Floats, Ints, Observations, SeriesInfo, series_slices
from qingjian.quality.periods import day_start, local_day, period_end, period_start
from qingjian.quality.rules import Rule, change_days, gas_share, rules_for
from qingjian.quality.status import Reason, Status, Statuses, effective_status
from qingjian.rulebook import Confidence, Rulebook

METHODS = ("arithmetic", "flow_weighted", "sum", "last", "vector")
_ARITHMETIC, _FLOW, _SUM, _LAST, _VECTOR = range(5)
_WATER = ("waste_water", "surface_water")


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """One entry per series and period with at least one row, sorted by series and start.

    ``value``, ``minimum``, ``maximum``, ``total`` float64 (NaN where nothing counts) · ``valid`` bool: the
    governing rule is met · ``disputed`` bool: another document would decide otherwise · ``received``,
    ``count`` (usable), ``expected``, ``due`` (expected while running or discharging) int32 · ``completeness``
    float64 = count / due (1 when nothing was due) · ``flag`` int32, position in ``flags`` · ``method`` uint8,
    position in ``METHODS``: the one really used · ``rule`` int32, position in ``rules`` (governing) ·
    ``reasons`` int32: all reasons of the rows that did not count · ``confidence`` uint8 (0 V, 1 S, 2 U) · ``step`` int64: seconds one
    row stands for, as described or less where the rows lie closer together · ``own_extremes``, ``own_totals`` bool:
    every row received counts and came with extremes (a total) of its own.
    """

    target: str
    series: NDArray[np.int32]
    start: Ints
    value: Floats
    minimum: Floats
    maximum: Floats
    total: Floats
    valid: Bools
    disputed: Bools
    received: NDArray[np.int32]
    count: NDArray[np.int32]
    expected: NDArray[np.int32]
    due: NDArray[np.int32]
    completeness: Floats
    flag: NDArray[np.int32]
    flags: tuple[str, ...]
    method: NDArray[np.uint8]
    rule: NDArray[np.int32]
    rules: tuple[Rule, ...]
    reasons: NDArray[np.int32]
    confidence: NDArray[np.uint8]
    step: Ints
    own_extremes: Bools
    own_totals: Bools

    def __len__(self) -> int:
        return len(self.series)

    def rule_of(self, row: int) -> Rule:
        return self.rules[int(self.rule[row])]

    def confidence_of(self, row: int) -> Confidence:
        return Confidence("VSU"[int(self.confidence[row])])

    def observations(self, known_at: int = 0, *, valid_only: bool = False) -> Observations:
        """As rows for the next longer period. With ``valid_only`` the value of an invalid period is NaN."""
        n = len(self)
        return Observations(
            series=self.series,
            start=self.start,
            value=np.where(self.valid, self.value, np.nan) if valid_only else self.value,
            minimum=self.minimum,
            maximum=self.maximum,
            total=self.total,
            flag=self.flag,
            flags=self.flags,
            known_at=np.full(n, known_at, np.int64),
            revision=np.zeros(n, np.int32),
        )


def aggregate_minutes(
    observations: Observations,
    series: Sequence[SeriesInfo],
    book: Rulebook,
    status: Statuses | None = None,
    *,
    minute_seconds: int = 60,
) -> Aggregates:
    """Minute values (of ``minute_seconds``, HJ 212 MinInterval) from real-time values. See :func:`aggregate`."""
    return aggregate(observations, series, book, "minute", status, minute_seconds=minute_seconds)


def aggregate_hours(
    observations: Observations, series: Sequence[SeriesInfo], book: Rulebook, status: Statuses | None = None
) -> Aggregates:
    """Hour values from minute (or real-time) values. See :func:`aggregate`."""
    return aggregate(observations, series, book, "hour", status)


def aggregate_days(
    observations: Observations, series: Sequence[SeriesInfo], book: Rulebook, status: Statuses | None = None
) -> Aggregates:
    """Day values (natural day, UTC+08:00) from hour values. See :func:`aggregate`."""
    return aggregate(observations, series, book, "day", status)


def aggregate_months(
    observations: Observations, series: Sequence[SeriesInfo], book: Rulebook, status: Statuses | None = None
) -> Aggregates:
    """Month values from day values. See :func:`aggregate`."""
    return aggregate(observations, series, book, "month", status)


def aggregate(
    observations: Observations,
    series: Sequence[SeriesInfo],
    book: Rulebook,
    target: str,
    status: Statuses | None = None,
    *,
    minute_seconds: int = 60,
    prefer: Mapping[tuple[str, str], str] | None = None,
) -> Aggregates:
    """Longer periods from shorter ones, for all series at once.

    ``observations``: rows of one statistic, sorted by series and start, one row per key (``as_of`` gives that).
    ``series``: one entry per series that occurs, ``source_seconds`` being the length of the rows' periods (rows that
    lie closer together stand for the time between them only, so that a few of them never fill a period); the
    flow series of a flow-weighted series must be among the rows. ``status``: from ``effective_status`` over the
    same rows; made from the marks alone when left out. ``prefer``: (medium, period) → name of the rule that
    governs where documents differ, e.g. ``{("flue_gas", "day"): "hj212"}``.

    Flow-weighted means use totals of the flow as weights where all are there, else its values. A series asked
    to be flow-weighted without any flow in the period falls back to the arithmetic mean (``method`` says so);
    with flow zero throughout, nothing was discharged: the value is NaN and nothing is due.
    Raises ValueError for a series that is not described, rows out of order, or an unknown period.
    """
    _check(observations, series)
    if status is None:
        status = effective_status(observations, (), series)
    info = _PerRow.of(observations, series)
    begin = period_start(observations.start, target, minute_seconds)
    n = len(observations)
    first = np.ones(n, np.bool_)
    first[1:] = (observations.series[1:] != observations.series[:-1]) | (begin[1:] != begin[:-1])
    heads = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    groups = _Groups(observations, status, info, heads, group, len(heads))
    starts = begin[heads]
    ends = period_end(starts, target, minute_seconds)
    of_group = info.position[heads]
    step = _steps(observations, info, heads, group)
    expected = ((ends - starts) // step).astype(np.int32)
    weights = _flow_weights(observations, series, group, len(heads))
    groups.leave_out(weights == 0.0)
    value, method = groups.values(info.method[heads], weights)
    stopped = _not_due(groups, status, observations.series[heads], starts, ends, step)
    due = np.maximum(expected - stopped, 0).astype(np.int32)
    count = groups.count
    rules, governing, valid, disputed = _verdicts(
        book, series, target, of_group, starts, count, expected, due, step, prefer or {}
    )
    flag, flags = _period_flags(observations, status, info, groups, heads, book)
    with np.errstate(invalid="ignore", divide="ignore"):
        completeness = np.where(due > 0, np.minimum(count / np.maximum(due, 1), 1.0), 1.0)
    rule_marks = np.asarray(["VSU".index(rule.confidence.value) for rule in rules] or [0], np.uint8)
    row_marks = groups.greatest(status.confidence * status.usable)
    return Aggregates(
        target=target,
        series=observations.series[heads],
        start=starts,
        value=value,
        minimum=groups.extreme(np.fmin, observations.minimum, np.inf),
        maximum=groups.extreme(np.fmax, observations.maximum, -np.inf),
        total=groups.totals(),
        valid=valid & np.isfinite(value),
        disputed=disputed,
        received=groups.received,
        count=count,
        expected=expected,
        due=due,
        completeness=completeness,
        flag=flag,
        flags=flags,
        method=method,
        rule=governing,
        rules=rules,
        reasons=groups.reasons(),
        confidence=np.maximum(rule_marks[governing], row_marks).astype(np.uint8),
        step=step,
        own_extremes=groups.all_carry(observations.minimum, observations.maximum),
        own_totals=groups.all_carry(observations.total),
    )


@dataclass(frozen=True, slots=True)
class _PerRow:
    """Properties of the series spread over the rows."""

    position: Ints
    seconds: Ints
    method: NDArray[np.uint8]
    water: Bools

    @classmethod
    def of(cls, observations: Observations, series: Sequence[SeriesInfo]) -> _PerRow:
        ids = np.asarray([one.id for one in series], np.int64)
        order = np.argsort(ids, kind="stable")
        position = order[np.searchsorted(ids[order], observations.series)] if len(series) else ids
        seconds = np.asarray([one.source_seconds for one in series], np.int64)
        method = np.asarray([METHODS.index(one.averaging) for one in series], np.uint8)
        water = np.asarray([one.medium in _WATER for one in series], np.bool_)
        return cls(position, seconds[position], method[position], water[position])


class _Groups:
    """Sums, counts and extremes per (series, period); rows of a group are neighbours."""

    def __init__(
        self,
        observations: Observations,
        status: Statuses,
        info: _PerRow,
        heads: Ints,
        group: Ints,
        n: int,
    ) -> None:
        self._rows = observations
        self._status = status
        self._info = info
        self._heads = heads
        self._group = group
        self._n = n
        self.usable = status.usable & np.isfinite(status.used)
        self.idle = np.zeros(len(observations), np.bool_)
        self.received = np.diff(np.append(heads, len(observations))).astype(np.int32)
        self.count = self.sum(self.usable).astype(np.int32)

    def leave_out(self, idle: Bools) -> None:
        """Rows without any discharge: no concentration of the discharge belongs to them."""
        self.idle = idle
        self.usable = self.usable & ~idle
        self.count = self.sum(self.usable).astype(np.int32)

    def sum(self, column: Floats | Bools | NDArray[np.float64]) -> Floats:
        if self._n == 0:
            return np.zeros(0)
        return np.asarray(np.add.reduceat(column.astype(np.float64), self._heads), np.float64)

    def greatest(self, column: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._n == 0:
            return np.zeros(0, np.uint8)
        return np.asarray(np.maximum.reduceat(column, self._heads), np.uint8)

    def spread(self, per_group: Floats) -> Floats:
        """A number per group, repeated for each of its rows."""
        return per_group[self._group]

    def values(self, method: NDArray[np.uint8], weights: Floats) -> tuple[Floats, NDArray[np.uint8]]:
        """Value and the method really used of each group."""
        used = np.where(self.usable, self._status.used, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = self.sum(used)
            mean = np.where(self.count > 0, sums / self.count, np.nan)
            # A second pass about the mean keeps a long constant run exact.
            rest = self.sum(np.where(self.usable, used - self.spread(np.nan_to_num(mean)), 0.0))
            mean = mean + np.where(self.count > 0, rest / np.maximum(self.count, 1), 0.0)
            paired = self.usable & np.isfinite(weights)
            heavy = self.sum(np.where(paired, weights, 0.0))
            weighted = self.sum(np.where(paired, used * weights, 0.0)) / heavy
        method = method.copy()
        # Values without a flow beside them cannot be weighed; then all are taken alike, and the result says so.
        method[(method == _FLOW) & (self.sum(paired) < self.count)] = _ARITHMETIC
        value = np.where((method == _FLOW) & (self.count > 0), weighted, mean)
        value = np.where((method == _SUM) & (self.count > 0), sums, value)
        if bool((method == _LAST).any()):
            value = np.where(method == _LAST, self._last(), value)
        if bool((method == _VECTOR).any()):
            value = np.where(method == _VECTOR, self._direction(), value)
        return value, method

    def _last(self) -> Floats:
        place = np.where(self.usable, np.arange(len(self._rows)), -1)
        last = np.maximum.reduceat(place, self._heads)
        return np.where(last >= 0, self._status.used[last], np.nan)

    def _direction(self) -> Floats:
        """Direction of the mean unit vector, degrees 0…360; NaN when the directions cancel out."""
        angle = np.deg2rad(np.where(self.usable, self._status.used, 0.0))
        east = self.sum(np.where(self.usable, np.sin(angle), 0.0))
        north = self.sum(np.where(self.usable, np.cos(angle), 0.0))
        length = np.hypot(east, north)
        degrees = np.rad2deg(np.arctan2(east, north)) % 360.0
        return np.where(length > 1e-9 * np.maximum(self.count, 1), degrees, np.nan)

    def extreme(self, pick: np.ufunc, column: Floats, nothing: float) -> Floats:
        """Least or greatest of the usable rows' own extremes, else of their values."""
        if self._n == 0:
            return np.zeros(0)
        substituted = self._status.code == Status.SUBSTITUTED
        source = np.where(np.isfinite(column) & ~substituted, column, self._status.used)
        found = pick.reduceat(np.where(self.usable, source, nothing), self._heads)
        return np.where(self.count > 0, found, np.nan)

    def all_carry(self, *columns: Floats) -> Bools:
        """Whether every row counts and has a number in each of these columns."""
        lacking = ~self.usable
        for column in columns:
            lacking = lacking | ~np.isfinite(column)
        return np.asarray(self.sum(lacking) == 0)

    def totals(self) -> Floats:
        """Sum of the amounts of usable rows; NaN when no row has one."""
        there = self.usable & np.isfinite(self._rows.total)
        return np.where(self.sum(there) > 0, self.sum(np.where(there, self._rows.total, 0.0)), np.nan)

    def reasons(self) -> NDArray[np.int32]:
        if self._n == 0:
            return np.zeros(0, np.int32)
        column = np.where(self.usable, self._status.reasons & int(Reason.SUBSTITUTED), self._status.reasons)
        return np.asarray(np.bitwise_or.reduceat(column, self._heads), np.int32)


def _steps(observations: Observations, info: _PerRow, heads: Ints, group: Ints) -> Ints:
    """Seconds one row of each group stands for: those described, but never more than the usual distance of its rows.

    The (lower) median distance: one row that lies astray between others says nothing of them.
    """
    step = info.seconds[heads]
    distance = np.diff(observations.start)
    within = np.flatnonzero(np.diff(group) == 0)
    close = np.unique(group[within[distance[within] < info.seconds[within]]])
    if len(close) == 0:
        return step
    mine = within[np.isin(group[within], close)]
    mine = mine[np.lexsort((distance[mine], group[mine]))]
    first, count = np.unique(group[mine], return_index=True, return_counts=True)[1:]
    step[close] = np.minimum(step[close], distance[mine[first + (count - 1) // 2]])
    return step


def _flow_weights(observations: Observations, series: Sequence[SeriesInfo], group: Ints, n: int) -> Floats:
    """Flow of the same period for each row of a flow-weighted series; NaN for others and where none is known.

    Within one group either all weights are totals or all are mean flows.
    """
    weights = np.full(len(observations), np.nan)
    totals = np.full(len(observations), np.nan)
    rows = series_slices(observations.series)
    for one in series:
        if one.averaging != "flow_weighted" or one.flow_series is None:
            continue
        mine, flow = rows.get(one.id), rows.get(one.flow_series)
        if mine is None or flow is None:
            continue
        place = np.searchsorted(observations.start[flow], observations.start[mine])
        place = np.minimum(place, flow.stop - flow.start - 1)
        match = observations.start[flow][place] == observations.start[mine]
        weights[mine] = np.where(match, observations.value[flow][place], np.nan)
        totals[mine] = np.where(match, observations.total[flow][place], np.nan)
    weights[~(weights >= 0)] = np.nan
    totals[~(totals >= 0)] = np.nan
    short = np.bincount(group[np.isfinite(weights) & ~np.isfinite(totals)], minlength=n) > 0
    use_total = np.isfinite(totals) & ~short[group] if n else np.zeros(0, np.bool_)
    return np.where(use_total, totals, weights)


def _not_due(
    groups: _Groups,
    status: Statuses,
    of_series: NDArray[np.int32],
    starts: Ints,
    ends: Ints,
    seconds: Ints,
) -> NDArray[np.int32]:
    """How many values of each period were not due: the source stood still or discharged nothing."""
    marked = groups.sum(status.stopped)
    stated = np.zeros(len(starts), np.int64)
    slices = series_slices(of_series)
    for one, stops in stops_by_series(status.facts).items():
        if one in slices:
            mine = slices[one]
            stated[mine] = stopped_seconds(stops, one, starts[mine], ends[mine])
    still = np.maximum(marked, stated // np.maximum(seconds, 1))
    return np.asarray(still + groups.sum(groups.idle & ~status.stopped), np.int32)


def _verdicts(
    book: Rulebook,
    series: Sequence[SeriesInfo],
    target: str,
    of_group: Ints,
    starts: Ints,
    count: NDArray[np.int32],
    expected: NDArray[np.int32],
    due: NDArray[np.int32],
    seconds: Ints,
    prefer: Mapping[tuple[str, str], str],
) -> tuple[tuple[Rule, ...], NDArray[np.int32], Bools, Bools]:
    """Governing rule and verdict per group; rules are looked up once per kind of series and stretch of days."""
    changes = np.asarray([day_start(day) for day in change_days(book)], np.int64)
    segment = np.searchsorted(changes, starts, "right")
    kinds = list(dict.fromkeys((one.medium, one.factor, one.source_seconds) for one in series))
    kind_of_series = np.asarray(
        [kinds.index((one.medium, one.factor, one.source_seconds)) for one in series], np.int64
    )
    key = kind_of_series[of_group] * (len(changes) + 1) + segment
    rules: list[Rule] = []
    places: dict[Rule, int] = {}
    governing = np.zeros(len(starts), np.int32)
    valid = np.zeros(len(starts), np.bool_)
    disputed = np.zeros(len(starts), np.bool_)
    local = (starts + 8 * 3600).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    is_february = local % 12 == 1
    for one in np.unique(key):
        mine = key == one
        medium, factor, source_seconds = kinds[int(one) // (len(changes) + 1)]
        found = rules_for(book, medium, factor, target, local_day(int(starts[mine][0])), source_seconds)
        wanted = prefer.get((medium, target))
        found = tuple(sorted(found, key=lambda rule: rule.name != wanted)) if wanted else found
        verdicts = []
        for rule in found:
            threshold = np.where(is_february[mine], rule.february, rule.threshold)
            verdicts.append(_met(rule.kind, threshold, count[mine], expected[mine], due[mine], seconds[mine]))
        rule = found[0]
        if rule not in places:
            places[rule] = len(rules)
            rules.append(rule)
        governing[mine] = places[rule]
        valid[mine] = verdicts[0]
        disputed[mine] = (
            np.any([verdict != verdicts[0] for verdict in verdicts[1:]], axis=0) if verdicts[1:] else False
        )
    return tuple(rules), governing, valid, disputed


def _met(
    kind: str,
    threshold: Floats,
    count: NDArray[np.int32],
    expected: NDArray[np.int32],
    due: NDArray[np.int32],
    seconds: Ints,
) -> Bools:
    if kind == "minutes":
        return np.asarray(count * seconds >= threshold * 60)
    if kind == "count":
        return np.asarray(count >= threshold)
    base = expected if kind == "share_of_expected" else due
    # A small allowance keeps 75 % of 24 at 18 whatever the rounding of the percentage.
    return np.asarray((count > 0) & (count >= threshold * base - 1e-9))


def _period_flags(
    observations: Observations,
    status: Statuses,
    info: _PerRow,
    groups: _Groups,
    heads: Ints,
    book: Rulebook,
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The mark of each period by HJ 212-2017 tables C.16–C.18 (other media as gas).

    Water: one abnormal value makes the period abnormal, with the most frequent abnormal mark (D where the
    values carry none). Gas: N from 75 % normal values on, else D. Normal is a value that counts and whose mark,
    unless a person overruled it, is normal.
    """
    flags = tuple(dict.fromkeys(["N", "D", *observations.flags]))
    if len(heads) == 0:
        return np.zeros(0, np.int32), flags
    place = {word: index for index, word in enumerate(flags)}
    abnormal = ~status.usable | status.abnormal_mark
    bad = groups.sum(abnormal)
    share = gas_share(book, local_day(int(observations.start.max())))
    enough = (groups.received - bad) >= share * groups.received - 1e-9
    water = info.water[heads]
    flag = np.where(np.where(water, bad == 0, enough), place["N"], place["D"]).astype(np.int32)
    if bool((water & (bad > 0)).any()):
        most = np.zeros(len(heads))
        for index in np.argsort(observations.flags):
            word = observations.flags[int(index)]
            if word in ("", "N"):
                continue
            mine = groups.sum(status.abnormal_mark & (observations.flag == index))
            flag[water & (mine > most)] = place[word]
            most = np.maximum(most, mine)
    return flag, flags


def _check(observations: Observations, series: Sequence[SeriesInfo]) -> None:
    ids = [one.id for one in series]
    if len(set(ids)) != len(ids):
        raise ValueError("a series is described twice")
    unknown = np.setdiff1d(observations.series, np.asarray(ids, np.int64))
    if len(unknown):
        raise ValueError(f"series without a description: {unknown[:5].tolist()}")
    if len(observations) < 2:
        return
    same = observations.series[1:] == observations.series[:-1]
    ascending = np.where(
        same,
        observations.start[1:] > observations.start[:-1],
        observations.series[1:] > observations.series[:-1],
    )
    if not bool(ascending.all()):
        raise ValueError("rows must be sorted by series and start, one row per key (use as_of first)")

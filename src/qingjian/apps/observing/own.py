"""Own hours, days and months of the platform for a page: from the finest data, with people's marks counted in.

The pipeline makes its stored results (series of origin `platform`) anew after a mark, a minute later. A page computes
the periods it shows itself, by the same functions, from what was known; only where that would be too much does it take
the stored ones, and without those the device's longer periods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.apps.network.models import Series
from qingjian.apps.observing import queries, statuses, stores
from qingjian.apps.observing.statuses import Described
from qingjian.contracts.checking import suspect
from qingjian.quality.aggregation import Aggregates
from qingjian.quality.chain import aggregate_upwards
from qingjian.quality.comparison import Outcome, compare
from qingjian.quality.facts import IntervalFact
from qingjian.quality.flags import Validity, flag_meaning
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import period_end, period_start
from qingjian.rulebook import Row, Rulebook

TARGETS = ("hour", "day", "month")
STEPS = ("realtime", "minute", "hour", "day", "month")
MOST_ROWS = 400_000
"""Finer values read for one answer; beyond it the stored results are shown."""
_COLUMNS = ("series", "start", "value", "min", "max", "total", "flag", "known_at", "revision")
_RULE_SOURCE = "rule:"


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """Own periods of several series, one entry per series and start, sorted.

    `due` is -1 where only the stored result is known. `rule` holds places in `rules`, -1 where it is not known.
    `differs` says that what the device sent is further away than rounding explains.
    """

    series: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    valid: npt.NDArray[np.bool_]
    decisive: npt.NDArray[np.bool_]
    disputed: npt.NDArray[np.bool_]
    differs: npt.NDArray[np.bool_]
    received: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    due: npt.NDArray[np.int32]
    flag: npt.NDArray[np.object_]
    rule: npt.NDArray[np.int32]
    rules: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.series)


_NO_NUMBERS = np.zeros(0)
_NO_COUNTS = np.zeros(0, np.int32)
_NO_ANSWERS = np.zeros(0, np.bool_)
NOTHING = Own(
    series=_NO_COUNTS,
    start=np.zeros(0, np.int64),
    value=_NO_NUMBERS,
    minimum=_NO_NUMBERS,
    maximum=_NO_NUMBERS,
    total=_NO_NUMBERS,
    valid=_NO_ANSWERS,
    decisive=_NO_ANSWERS,
    disputed=_NO_ANSWERS,
    differs=_NO_ANSWERS,
    received=_NO_COUNTS,
    count=_NO_COUNTS,
    due=_NO_COUNTS,
    flag=np.zeros(0, object),
    rule=_NO_COUNTS,
    rules=(),
)


def finest(expected: Mapping[str, int], target: str) -> str | None:
    """Return the finest statistic a series owes below `target`: minutes before single values, else the next one up."""
    below = STEPS[: STEPS.index(target)]
    return next(
        (name for name in ("minute", "realtime", "hour", "day") if name in below and name in expected), None
    )


def own(
    series: Mapping[int, Described],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None,
    facts: Sequence[IntervalFact],
    book: Rulebook,
    sent: Observations,
) -> Own | None:
    """Return the own periods whose start lies in [start, end), compared with what was sent; None where there are none."""
    if statistic not in TARGETS:
        return None
    sources = {
        number: source
        for number, one in series.items()
        if one.fact.origin in ("device", "simulated") and (source := finest(one.fact.expected, statistic))
    }
    if not sources:
        return None
    begin, last = bounds(statistic, start, end)
    rows = sum((last - begin) // series[number].fact.expected[source] for number, source in sources.items())
    if rows > MOST_ROWS:
        stored = _stored(series, sources, statistic, start, end, as_of, book, sent)
        if stored is not None:
            return stored
        sources = {
            number: coarser
            for number in sources
            if (coarser := finest(_without_fine(series[number].fact.expected), statistic))
        }
        if not sources:
            return None
    made, infos = computed(series, sources, statistic, begin, last, as_of, facts, book)
    if made is None:
        return None
    low, high = int(start.timestamp()), int(end.timestamp())
    inside = np.isin(made.series, list(sources)) & (made.start >= low) & (made.start < high)
    comparison = compare(made, sent, infos)
    differing = {
        (int(one), int(moment))
        for one, moment, outcome in zip(comparison.series, comparison.start, comparison.outcome, strict=True)
        if outcome == Outcome.DIFFER
    }
    words = np.asarray(made.flags, dtype=object)[made.flag]
    return Own(
        series=made.series[inside],
        start=made.start[inside],
        value=made.value[inside],
        minimum=made.minimum[inside],
        maximum=made.maximum[inside],
        total=made.total[inside],
        valid=made.valid[inside],
        decisive=(made.valid | (made.received >= made.expected))[inside],
        disputed=made.disputed[inside],
        differs=np.asarray(
            [
                (int(a), int(b)) in differing
                for a, b in zip(made.series[inside], made.start[inside], strict=True)
            ],
            np.bool_,
        ),
        received=made.received[inside],
        count=made.count[inside],
        due=made.due[inside],
        flag=words[inside],
        rule=made.rule[inside],
        rules=tuple(rule.row for rule in made.rules),
    )


def bounds(statistic: str, start: datetime, end: datetime) -> tuple[int, int]:
    """Return the whole periods that begin in [start, end), as epoch seconds."""
    seconds = np.asarray([int(start.timestamp()), int(end.timestamp()) - 1], np.int64)
    starts = period_start(seconds, statistic)
    return int(starts[0]), int(period_end(starts, statistic)[1])


def computed(
    series: Mapping[int, Described],
    sources: Mapping[int, str],
    statistic: str,
    begin: int,
    last: int,
    as_of: datetime | None,
    facts: Sequence[IntervalFact],
    book: Rulebook,
) -> tuple[Aggregates | None, list[SeriesInfo]]:
    """Return the periods of [begin, last) made of what was known, and the descriptions used."""
    seconds = {number: series[number].fact.expected[source] for number, source in sources.items()}
    infos = [series[number].info(seconds[number]) for number in sources]
    flows = {
        info.flow_series: info.id for info in infos if info.flow_series and info.flow_series not in seconds
    }
    by_source: dict[str, set[int]] = {}
    for number, source in sources.items():
        by_source.setdefault(source, set()).add(number)
    for flow, number in flows.items():
        by_source[sources[number]].add(flow)
        seconds[flow] = seconds[number]
    moment = datetime.fromtimestamp(begin, UTC)
    directory = queries.directory_at(as_of)
    infos += statuses.infos_beside(directory, flows, seconds, moment)
    known = {info.id for info in infos}
    fine = [
        _read(by_source[source] & known, source, begin, last, as_of)
        for source in ("realtime", "minute")
        if source in by_source
    ]
    sent = {"minute": Observations.from_table(pa.concat_tables(fine)).ordered()} if fine else {}
    for step in STEPS[2 : STEPS.index(statistic)]:
        numbers = {one for one in known if one in seconds}
        rows = _read(numbers, step, begin, last, as_of)
        if rows.num_rows:
            sent[step] = Observations.from_table(rows)
    if not any(len(rows) for rows in sent.values()):
        return None, infos
    doubts = None if directory is None else (lambda rows: suspect(directory, infos, rows))
    return aggregate_upwards(sent, infos, book, facts, doubts=doubts).get(statistic), infos


def _read(numbers: Iterable[int], statistic: str, begin: int, last: int, as_of: datetime | None) -> pa.Table:
    return stores.lake().series(
        sorted(numbers),
        statistic,
        datetime.fromtimestamp(begin, UTC),
        datetime.fromtimestamp(last, UTC),
        as_of=as_of,
        columns=_COLUMNS,
    )


def _without_fine(expected: Mapping[str, int]) -> dict[str, int]:
    return {name: seconds for name, seconds in expected.items() if name in ("hour", "day")}


def platform_series(series: Iterable[Series]) -> dict[int, int]:
    """Return the series of origin `platform` that holds the stored results of each series that has one."""
    wanted = {
        (one.point_id, one.factor_id, one.position): one.pk
        for one in series
        if one.origin in ("device", "simulated")
    }
    rows = Series.objects.filter(origin="platform", point_id__in={key[0] for key in wanted})
    return {
        wanted[key]: one.pk for one in rows if (key := (one.point_id, one.factor_id, one.position)) in wanted
    }


def rule_of_source(source: str | None, book: Rulebook) -> Row | None:
    """Return the rulebook row a stored result names (`rule:<id>@<version>`)."""
    if not source or not source.startswith(_RULE_SOURCE):
        return None
    try:
        return book.row(source.removeprefix(_RULE_SOURCE).partition("@")[0])
    except KeyError:
        return None


def _stored(
    series: Mapping[int, Described],
    sources: Mapping[int, str],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None,
    book: Rulebook,
    sent: Observations,
) -> Own | None:
    of = {
        platform: number for number, platform in platform_series(one.row for one in series.values()).items()
    }
    of = {platform: number for platform, number in of.items() if number in sources}
    if not of:
        return None
    rows: list[dict[str, Any]] = (
        stores.lake().series(sorted(of), statistic, start, end, as_of=as_of).to_pylist()
    )
    rows.sort(key=lambda row: (of[row["series"]], row["start"]))
    if not rows:
        return None
    rules: dict[str, Row | None] = {row["source"]: rule_of_source(row["source"], book) for row in rows}
    known = tuple({row.id: row for row in rules.values() if row is not None}.values())
    place = {row.id: index for index, row in enumerate(known)}
    was_sent = dict(
        zip(zip(sent.series.tolist(), sent.start.tolist(), strict=True), sent.value.tolist(), strict=True)
    )
    numbers = [of[row["series"]] for row in rows]
    starts = [int(row["start"].timestamp()) for row in rows]
    valid = [
        flag_meaning(row["flag"] or "", series[number].fact.medium).validity is Validity.VALID
        for number, row in zip(numbers, rows, strict=True)
    ]

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.asarray([np.nan if row[name] is None else row[name] for row in rows], np.float64)

    def differs(number: int, moment: int, value: float | None) -> bool:
        theirs = was_sent.get((number, moment))
        step = 10.0 ** -series[number].fact.decimals
        return theirs is not None and value is not None and abs(theirs - value) > step + 1e-9 * abs(value)

    count = np.asarray([row["sequence"] or 0 for row in rows], np.int32)
    return Own(
        series=np.asarray(numbers, np.int32),
        start=np.asarray(starts, np.int64),
        value=column("value"),
        minimum=column("min"),
        maximum=column("max"),
        total=column("total"),
        valid=np.asarray(valid, np.bool_),
        decisive=np.ones(len(rows), np.bool_),
        disputed=np.zeros(len(rows), np.bool_),
        differs=np.asarray(
            [differs(a, b, row["value"]) for a, b, row in zip(numbers, starts, rows, strict=True)], np.bool_
        ),
        received=count,
        count=count,
        due=np.full(len(rows), -1, np.int32),
        flag=np.asarray([row["flag"] or "" for row in rows], dtype=object),
        rule=np.asarray(
            [place[rule.id] if (rule := rules[row["source"]]) is not None else -1 for row in rows], np.int32
        ),
        rules=known,
    )

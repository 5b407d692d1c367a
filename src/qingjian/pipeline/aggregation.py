"""Own hours, days and months from the finest data, through `quality`; compared with what the device sent.

Each run is a batch of kind "aggregate" in the batch log: it looks at what became known up to a moment and at periods
that ended up to another, so carrying it out again gives the same rows. Results go to the series of origin `platform`
with the same point, factor and position; without such a series they are compared and not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.contracts.checking import checked_settings, suspect
from qingjian.contracts.clock import CHINA
from qingjian.contracts.directory import Directory, Series
from qingjian.contracts.facts import StatedFact
from qingjian.contracts.findings import Finding
from qingjian.lake import CANDIDATES, STATISTIC_CODES, Decimals, Lake, candidates, from_float
from qingjian.lake.reading import local_month, month_bounds
from qingjian.pipeline.watch import finest_statistic, make_finding
from qingjian.quality.aggregation import Aggregates
from qingjian.quality.chain import aggregate_upwards
from qingjian.quality.comparison import compare
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.rulebook import Rulebook

_CHUNK = 256
"""Series aggregated at once: a day of their minutes is about 370,000 rows."""
_COLUMNS = ("series", "start", "value", "min", "max", "total", "flag", "known_at", "revision")
_DECIMALS_MORE = 2
"""Results keep so many decimals more than the series reports; rounding for a report happens there."""
_SECONDS = {"realtime": 60, "minute": 60, "hour": 3600, "day": 86_400}
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_HOUR_US, _DAY_US, _OFFSET_US = 3_600_000_000, 86_400_000_000, 28_800_000_000
Ints = npt.NDArray[np.int64]
_LONGEST = timedelta(days=31)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_NOTHING = Observations.of([], [], [])


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


@dataclass(frozen=True, slots=True)
class Aggregated:
    """Rows to store and findings about what the device sent."""

    observations: pa.Table
    findings: list[Finding]


class Aggregator:
    """Works on one lake with one directory and rulebook snapshot, and with what people stated."""

    def __init__(
        self,
        lake: Lake,
        directory: Directory,
        book: Rulebook,
        facts: Sequence[tuple[int, StatedFact]] = (),
        earlier: Directory | None = None,
    ) -> None:
        """`facts` are those of the fact log up to a window's `facts_until`, with their numbers; `earlier` is the
        directory of the run before."""
        self._earlier = earlier
        self._lake = lake
        self._directory = directory
        self._book = book
        numbers = {one.code: one.id for one in directory.series}
        self._facts = [(number, one.interval(numbers)) for number, one in facts]
        self._series = {
            one.id: one
            for one in directory.series
            if one.origin in ("device", "simulated") and finest_statistic(one)
        }
        self._devices = {one.mn: one for one in directory.devices}
        self._platform = {
            (one.point, one.factor, one.position): one.id
            for one in directory.series
            if one.origin == "platform"
        }

    def run(self, window: Window, known_at: datetime) -> Aggregated:
        """Aggregate what the window asks for; depends only on what was known at window.known_until."""
        parts: list[pa.Table] = []
        findings: list[Finding] = []
        hours, days, months = self._due(window)
        for target, work in (("hour", hours), ("day", days)):
            for begin, end, numbers in work:
                for chunk in _chunks(numbers):
                    made = self._aggregate(chunk, begin, end, target, window)
                    if made is not None:
                        parts.append(self._rows(made, begin, end, window))
                        findings += self._compare(made, target, begin, end, window, known_at)
        # Months are made of the days of this very run too, which are not stored yet.
        fresh = _days_of(parts)
        for begin, end, numbers in months:
            for chunk in _chunks(numbers):
                made = self._month(chunk, begin, end, window, fresh)
                if made is not None:
                    parts.append(self._rows(made, begin, end, window))
        rows = pa.concat_tables(parts) if parts else CANDIDATES.empty_table()
        return Aggregated(rows, findings)

    def slices(self, window: Window, again: Sequence[str] = ()) -> list[Window]:
        """Cut a window into one for each local month it touches, newest first; at least one.

        Of the months in `again` (YYYY-MM) everything known is made anew: a rule has changed.
        """
        starts: set[datetime] = {_floor_month(window.ended_after)}
        anew = {month_bounds(month)[0] for month in again}
        starts |= anew
        for begin, end, _ in self._restated(window):
            starts |= set(_months_between(begin, min(end, window.ended_until)))
        for statistic in ("minute", "hour", "day"):
            touched = self._lake.touched(statistic, window.known_after, window.known_until)
            days = np.unique(touched.column("start").cast(pa.int64()).to_numpy() // 86_400_000_000)
            starts |= {
                _floor_month(_EPOCH + int(day) * _DAY + hours * _HOUR) for day in days for hours in (0, 23)
            }
        return [
            replace(
                window,
                only_from=begin,
                only_to=_next_month(begin),
                known_after=_EPOCH if begin in anew else window.known_after,
            )
            for begin in sorted(starts, reverse=True)
        ]

    def _restated(self, window: Window) -> list[tuple[datetime, datetime, frozenset[int]]]:
        """Return (begin, end, series) of the stretches about which something new was stated or set.

        What a new statement replaces or takes back changes the stretch of the old one too.
        """
        by_id = {fact.id: fact for _, fact in self._facts}
        found = self._reset()
        for number, fact in self._facts:
            if not window.facts_after < number <= window.facts_until:
                continue
            for one in (fact, by_id.get(fact.supersedes)):
                if one is not None and one.kind is not FactKind.LEVEL:
                    end = _LAST if one.end is None else datetime.fromtimestamp(one.end, UTC)
                    found.append((datetime.fromtimestamp(one.start, UTC), end, one.series))
        return found

    def _reset(self) -> list[tuple[datetime, datetime, frozenset[int]]]:
        """Return the stretches whose checks have other settings than at the run before."""
        months = self._lake.months() if self._earlier is not None else []
        if self._earlier is None or not months:
            return []
        oldest = month_bounds(months[0])[0]
        found = []
        for one in self._series.values():
            held, before = (
                checked_settings(self._directory, one.code),
                checked_settings(self._earlier, one.code),
            )
            changed = held ^ before
            if changed:
                begin = min(setting.valid_from or oldest for setting in changed)
                found.append((max(begin, oldest), _LAST, frozenset({one.id})))
        return found

    def _held(self, window: Window) -> list[IntervalFact]:
        return [fact for number, fact in self._facts if number <= window.facts_until]

    # -- what is due -------------------------------------------------------------------------------------------

    def _due(self, window: Window) -> tuple[list[tuple[datetime, datetime, list[int]]], ...]:
        """Return (begin, end, series) of the hours, days and months to make anew."""
        hours: dict[datetime, set[int]] = defaultdict(set)
        days: dict[datetime, set[int]] = defaultdict(set)
        months: dict[datetime, set[int]] = defaultdict(set)
        for statistic in ("minute", "hour", "day"):
            series, starts = self._touched(statistic, window)
            if statistic == "minute":
                _gather(hours, series, starts // _HOUR_US * _HOUR_US)
            local_days = (starts + _OFFSET_US) // _DAY_US
            if statistic != "day":
                _gather(days, series, local_days * _DAY_US - _OFFSET_US)
            firsts = local_days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[us]")
            _gather(months, series, firsts.astype(np.int64) - _OFFSET_US)
        for begin, end, series_of_fact in self._restated(window):
            low, high = max(begin, window.only_from), min(end, window.only_to, window.ended_until)
            mine = series_of_fact & set(self._series) if low < high else set()
            for floored, length, periods in (
                (_floor_hour(low), _HOUR, hours),
                (_floor_day(low), _DAY, days),
            ):
                moment = floored
                while mine and moment < high:
                    periods[moment] |= mine
                    moment += length
            for month_begin in _months_between(low, high) if mine else ():
                months[month_begin] |= mine
        # Periods that had not ended at the last run have their rows from before it.
        hour, day, month = (floor(window.ended_after) for floor in (_floor_hour, _floor_day, _floor_month))
        hours[hour] |= self._present(("minute",), hour, hour + _HOUR)
        days[day] |= self._present(("minute", "hour"), day, day + _DAY)
        months[month] |= self._present(("hour", "day"), month, _next_month(month))
        return (
            _work(((begin, begin + _HOUR, numbers) for begin, numbers in hours.items()), window),
            _work(((begin, begin + _DAY, numbers) for begin, numbers in days.items()), window),
            _work(((begin, _next_month(begin), numbers) for begin, numbers in months.items()), window),
        )

    def _touched(self, statistic: str, window: Window) -> tuple[Ints, Ints]:
        """Return series and start (microseconds) of what became known, for the series that are aggregated."""
        limits = (window.only_from, window.only_to) if window.only_to.year < 9999 else (None, None)
        rows = self._lake.touched(statistic, window.known_after, window.known_until, *limits)
        series = rows.column("series").to_numpy().astype(np.int64)
        mine = np.isin(series, list(self._series))
        return series[mine], rows.column("start").cast(pa.int64()).to_numpy()[mine]

    def _present(self, statistics: Sequence[str], begin: datetime, end: datetime) -> set[int]:
        """Return the aggregated series that have observations in a period."""
        found: set[int] = set()
        for statistic in statistics:
            found |= set(self._lake.newest(statistic, begin, end).column("series").to_pylist())
        return found & set(self._series)

    # -- making ------------------------------------------------------------------------------------------------

    def _aggregate(
        self, numbers: Sequence[int], begin: datetime, end: datetime, target: str, window: Window
    ) -> Aggregates | None:
        flows = {one for number in numbers if (one := self._series[number].flow_series)}
        wanted = sorted({*numbers, *flows})
        sent = {
            statistic: self._read(wanted, statistic, begin, end, window.known_until)
            for statistic in (("minute",) if target == "hour" else ("minute", "hour"))
        }
        made = self._upwards(sent, self._infos(wanted), window).get(target)
        return _within(made, numbers, begin, end)

    def _upwards(
        self, sent: Mapping[str, Observations], infos: Sequence[SeriesInfo], window: Window
    ) -> dict[str, Aggregates]:
        """Own periods by the rulebook, with people's marks and the checks that doubt values counted in."""
        return aggregate_upwards(
            sent,
            infos,
            self._book,
            self._held(window),
            doubts=lambda rows: suspect(self._directory, infos, rows),
        )

    def _month(
        self, numbers: Sequence[int], begin: datetime, end: datetime, window: Window, fresh: pa.Table
    ) -> Aggregates | None:
        """Make months of own days where there are any, of the device's days elsewhere."""
        as_of = window.known_until
        sent = self._read(numbers, "day", begin, end, as_of)
        own_of = {own: number for number in numbers if (own := self._own(number)) is not None}
        own = self._lake.series(sorted(own_of), "day", begin, end, as_of=as_of, columns=_COLUMNS)
        days = _own_days(own, fresh, own_of, begin, end)
        best = _prefer(days, sent)
        infos = [_info(self._series[number], seconds=86_400) for number in numbers]
        made = self._upwards({"day": best}, infos, window).get("month") if len(best) else None
        return _within(made, numbers, begin, end)

    def _read(
        self, numbers: Sequence[int], statistic: str, begin: datetime, end: datetime, as_of: datetime
    ) -> Observations:
        rows = self._lake.series(numbers, statistic, begin, end, as_of=as_of, columns=_COLUMNS)
        return Observations.from_table(rows) if rows.num_rows else _NOTHING

    def _infos(self, numbers: Iterable[int]) -> list[SeriesInfo]:
        known = [self._directory.series_by_id(number) for number in numbers]
        return [_info(one, edition=self._edition(one)) for one in known if one is not None]

    def _edition(self, series: Series) -> str:
        """Return the edition of the reporting device, which says what its marks mean."""
        device = self._devices.get(series.device)
        return device.edition if device is not None and device.edition in ("2005", "2017", "2025") else "2017"

    def _own(self, number: int) -> int | None:
        one = self._series[number]
        return self._platform.get((one.point, one.factor, one.position))

    def _rows(self, made: Aggregates, begin: datetime, end: datetime, window: Window) -> pa.Table:
        """Return the rows of the platform's series; those without one are left out.

        A period without any value that counts has a row only where there was a value before, to take that back.
        """
        own = np.array([self._own(int(number)) or -1 for number in made.series], np.int32)
        some = np.isfinite(made.value)
        if not some.all():
            some |= self._stored_before(own, made, begin, end, window)
        kept = np.flatnonzero((own >= 0) & some)
        decimals = np.array(
            [self._series[int(number)].decimals + _DECIMALS_MORE for number in made.series[kept]]
        )
        words = [
            made.flags[code] if valid else "D" if made.flags[code] in ("N", "") else made.flags[code]
            for code, valid in zip(made.flag[kept], made.valid[kept], strict=True)
        ]
        sources = [f"rule:{made.rule_of(int(row)).row.id}@{self._book.version}" for row in kept]
        return candidates(
            series=own[kept],
            statistic=made.target,
            start=made.start[kept] * 1_000_000,
            numbers={
                "value": _rounded(made.value[kept], decimals),
                "min": _rounded(made.minimum[kept], decimals),
                "max": _rounded(made.maximum[kept], decimals),
                "total": _rounded(made.total[kept], decimals),
            },
            flag=words,
            sequence=made.count[kept].astype(np.int64),
            source=sources,
        )

    def _stored_before(
        self, own: npt.NDArray[np.int32], made: Aggregates, begin: datetime, end: datetime, window: Window
    ) -> npt.NDArray[np.bool_]:
        empty = (own >= 0) & ~np.isfinite(made.value)
        rows = self._lake.series(
            sorted(set(own[empty].tolist())),
            made.target,
            begin,
            end,
            as_of=window.known_until,
            columns=("series", "start"),
        )
        starts = (rows.column("start").cast(pa.int64()).to_numpy() // 1_000_000).tolist()
        known = set(zip(rows.column("series").to_pylist(), starts, strict=True))
        pairs = zip(own.tolist(), made.start.tolist(), strict=True)
        return empty & np.array([pair in known for pair in pairs], np.bool_)

    def _compare(
        self,
        made: Aggregates,
        target: str,
        begin: datetime,
        end: datetime,
        window: Window,
        known_at: datetime,
    ) -> list[Finding]:
        numbers = sorted({int(one) for one in made.series})
        sent = self._read(numbers, target, begin, end, window.known_until)
        if not len(sent):
            return []
        differing = compare(made, sent, self._infos(numbers)).differing()
        found = []
        for row in range(len(differing)):
            evidence = differing.evidence(row)
            start = datetime.fromtimestamp(int(evidence["start"]), UTC)
            length = _HOUR if target == "hour" else _DAY
            found.append(
                make_finding(
                    "device-against-platform",
                    self._series[int(evidence["series"])].code,
                    start,
                    start + length,
                    {**evidence, "statistic": target},
                    known_at,
                    part=target,
                )
            )
        return found


def _info(one: Series, seconds: int | None = None, edition: str = "2017") -> SeriesInfo:
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


def _rounded(values: npt.NDArray[np.float64], decimals: npt.NDArray[np.int64]) -> Decimals:
    power = 10.0**decimals
    return from_float(np.rint(values * power) / power)


def _chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    for place in range(0, len(numbers), _CHUNK):
        yield numbers[place : place + _CHUNK]


def _work(
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


def _floor_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _floor_day(moment: datetime) -> datetime:
    local = moment.astimezone(CHINA)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _floor_month(moment: datetime) -> datetime:
    return month_bounds(local_month(moment))[0]


def _gather(periods: dict[datetime, set[int]], series: Ints, begins: Ints) -> None:
    """Add each series to the periods that begin at `begins` (microseconds since 1970)."""
    pairs = np.unique(np.stack([begins, series]), axis=1)
    for begin, number in pairs.T.tolist():
        periods[_EPOCH + timedelta(microseconds=begin)].add(number)


def _months_between(begin: datetime, end: datetime) -> list[datetime]:
    """Return the beginnings of the local months that overlap [begin, end)."""
    found = []
    moment = _floor_month(begin)
    while moment < end:
        found.append(moment)
        moment = _next_month(moment)
    return found


def _next_month(begin: datetime) -> datetime:
    return month_bounds(local_month(begin))[1]


def _within(
    made: Aggregates | None, numbers: Sequence[int], begin: datetime, end: datetime
) -> Aggregates | None:
    """Keep the entries asked for (a flow series read along is not)."""
    if made is None or not len(made):
        return None
    chosen = np.isin(made.series, list(numbers))
    chosen &= (made.start >= begin.timestamp()) & (made.start < end.timestamp())
    if not chosen.any():
        return None
    columns = {
        one.name: getattr(made, one.name)[chosen]
        for one in fields(made)
        if isinstance(getattr(made, one.name), np.ndarray)
    }
    return replace(made, **columns)


def _days_of(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the day rows among the results of this run."""
    if not parts:
        return CANDIDATES.empty_table()
    rows = pa.concat_tables(parts)
    return rows.filter(pa.array(rows.column("statistic").to_numpy() == STATISTIC_CODES["day"]))


def _own_days(
    stored: pa.Table, fresh: pa.Table, own_of: Mapping[int, int], begin: datetime, end: datetime
) -> dict[tuple[int, int], tuple[float, str]]:
    """Return (device series, start in seconds) → (value, flag) of own days, those of this run over stored ones."""
    days: dict[tuple[int, int], tuple[float, str]] = {}
    for row in stored.to_pylist():
        days[own_of[row["series"]], int(row["start"].timestamp())] = (row["value"], row["flag"] or "")
    numbers = Decimals.from_arrow(
        fresh.column("value_mantissa").combine_chunks(), fresh.column("value_decimals").combine_chunks()
    ).to_float()
    for row, value in zip(fresh.select(["series", "start", "flag"]).to_pylist(), numbers, strict=True):
        if row["series"] in own_of and begin <= row["start"] < end:
            days[own_of[row["series"]], int(row["start"].timestamp())] = (float(value), row["flag"] or "")
    return days


def _prefer(own: Mapping[tuple[int, int], tuple[float, str]], sent: Observations) -> Observations:
    """Put own days before the device's."""
    rows = {
        (int(number), int(start)): (float(value), str(word))
        for number, start, value, word in zip(
            sent.series, sent.start, sent.value, sent.flag_words(), strict=True
        )
    }
    rows.update(own)
    keys = sorted(rows)
    return Observations.of(
        [key[0] for key in keys],
        [key[1] for key in keys],
        [rows[key][0] for key in keys],
        flag=[rows[key][1] for key in keys],
    )

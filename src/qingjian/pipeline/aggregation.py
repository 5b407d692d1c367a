"""Own hours, days and months from the finest data, through `quality`; compared with what the device sent.

Each run is a batch of kind "aggregate" in the batch log: it looks at what became known up to a moment and at periods
that ended up to another, so carrying it out again gives the same rows. Results go to the series of origin `platform`
with the same point, factor and position; without such a series they are compared and not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.contracts.checking import checked_settings, suspect
from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory, Series
from qingjian.contracts.facts import StatedFact
from qingjian.contracts.findings import Finding
from qingjian.lake import CANDIDATES, Decimals, Lake, candidates, from_float
from qingjian.lake.numbers import MOST_DIGITS
from qingjian.lake.reading import month_bounds
from qingjian.pipeline.comparing import differing, intervals
from qingjian.pipeline.converting import Values, means
from qingjian.pipeline.described import info_of, with_dependents
from qingjian.pipeline.flags import finest_statistic
from qingjian.pipeline.halting import Halted, Halting, not_judged, stretches
from qingjian.pipeline.isolating import isolated
from qingjian.pipeline.neighbours import Hours, NeighbourChecks
from qingjian.pipeline.own_rows import own_rows, prefer, rows_of
from qingjian.pipeline.routing import readable_scale
from qingjian.pipeline.windows import (
    DAY,
    DAY_US,
    EPOCH,
    HOUR,
    HOUR_US,
    OFFSET_US,
    Ints,
    Window,
    floor_day,
    floor_hour,
    floor_month,
    gather,
    months_between,
    next_month,
    work_of,
)
from qingjian.quality.aggregation import Aggregates
from qingjian.quality.chain import aggregate_upwards, finest
from qingjian.quality.facts import FactKind, IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.status import effective_status
from qingjian.rulebook import Rulebook

_CHUNK = 256
"""Series aggregated at once: a day of their minutes is about 370,000 rows."""
_COLUMNS = ("series", "start", "value", "min", "max", "total", "flag", "known_at", "revision")
_DECIMALS_MORE = 2
"""Results keep so many decimals more than the series reports; rounding for a report happens there."""
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_NOTHING = Observations.of([], [], [])
Work = tuple[datetime, datetime, list[int]]
"""(begin, end, series)."""


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
        halted: Mapping[str, Halted] | None = None,
        *,
        retry: bool = False,
    ) -> None:
        """`facts` are those of the fact log up to a window's `facts_until`, with their numbers; `earlier` is the
        directory of the run before. `halted`: code → series that could not be computed before; they are left out, with
        `retry` made anew from where they stopped."""
        self._earlier = earlier
        self._lake = lake
        self._directory = directory
        self._book = book
        numbers = {one.code: one.id for one in directory.series}
        self._facts = [(number, one.interval(numbers)) for number, one in facts]
        self._converter = Converter(directory, book)
        self._dependents = self._converter.dependents()
        self._neighbours = NeighbourChecks(directory, book, self._converter)
        self._series = {
            one.id: one
            for one in directory.series
            if one.origin in ("device", "simulated") and finest_statistic(one)
        }
        self._devices = {one.mn: one for one in directory.devices}
        self._wrong = self._not_describable()
        self._halted = {numbers[code]: one for code, one in (halted or {}).items() if code in numbers}
        self._retry = retry
        self._platform = {
            (one.point, one.factor, one.position): one.id
            for one in directory.series
            if one.origin == "platform"
        }

    def run(self, window: Window, known_at: datetime) -> Aggregated:
        """Aggregate what the window asks for; depends only on what was known at window.known_until."""
        hours, days, months, touched = self._due(window)
        halting = Halting(self._directory, self._halted, known_at)
        halting.affected(
            (begin, number) for work in (hours, days, months) for begin, _, some in work for number in some
        )
        parts, findings = self._tried_again(halting, window, known_at) if self._retry else ([], [])
        failed = dict.fromkeys(self._halted, "") | self._wrong
        for target, work in (("hour", hours), ("day", days)):
            for begin, end, numbers in work:
                self._one(target, begin, end, numbers, window, known_at, failed, parts, findings)
        findings += self._checked(touched, parts, window, known_at)
        # Months are made of the days of this very run too, which are not stored yet.
        fresh = rows_of(parts, "day")
        for begin, end, numbers in months:
            self._one("month", begin, end, numbers, window, known_at, failed, parts, findings, fresh)
        findings += halting.stated(failed, self._unscalable(window.ended_until), window.ended_until)
        rows = pa.concat_tables(parts) if parts else CANDIDATES.empty_table()
        return Aggregated(rows, findings)

    def _one(
        self,
        target: str,
        begin: datetime,
        end: datetime,
        numbers: Sequence[int],
        window: Window,
        known_at: datetime,
        failed: dict[int, str],
        parts: list[pa.Table],
        findings: list[Finding],
        fresh: pa.Table | None = None,
    ) -> None:
        """Make the periods of one stretch; what a single series makes impossible is told in `failed`."""

        def work(chunk: Sequence[int]) -> tuple[pa.Table | None, list[Finding]]:
            hours: Aggregates | None = None
            if fresh is not None:
                made, converted = self._month(chunk, begin, end, window, fresh)
            else:
                made, converted, hours = self._aggregate(chunk, begin, end, target, window)
            if made is None:
                return None, []
            rows = self._rows(made, begin, end, window, converted)
            if fresh is not None:
                return rows, []
            owners = sorted({int(one) for one in made.series})
            columns = (*_COLUMNS, "converted")
            sent = self._lake.series(owners, target, begin, end, as_of=window.known_until, columns=columns)
            found = differing(
                made, sent, self._infos(owners), self._series, hours, converted, self._book, known_at
            )
            return rows, found + (intervals(made, self._series, known_at) if target == "hour" else [])

        for chunk in _chunks(numbers):
            for rows, found in isolated(chunk, work, failed):
                parts += [] if rows is None else [rows]
                findings += found

    def _tried_again(
        self, halting: Halting, window: Window, known_at: datetime
    ) -> tuple[list[pa.Table], list[Finding]]:
        """Make the halted series anew from where they stopped; one succeeds wholly or stays as it was."""
        parts: list[pa.Table] = []
        findings: list[Finding] = []
        whole = replace(window, only_from=EPOCH, only_to=_LAST)
        for number in sorted(self._halted):
            if number not in self._series or number in self._wrong:
                continue
            failed: dict[int, str] = {}
            mine: list[pa.Table] = []
            found: list[Finding] = []
            since = halting.since(number)
            for target, begin, end in stretches(since, window.ended_until):
                if target != "month":
                    self._one(target, begin, end, [number], whole, known_at, failed, mine, found)
            fresh = rows_of(mine, "day")
            for target, begin, end in stretches(since, window.ended_until):
                if target == "month":
                    self._one(target, begin, end, [number], whole, known_at, failed, mine, found, fresh)
            if failed:
                halting.failed_again(number, failed[number])
            else:
                halting.recovered(number)
                parts += mine
                findings += found
        return parts, findings

    def _not_describable(self) -> dict[int, str]:
        """Return the series whose registration no computation can start from, with the reason."""
        found = {}
        for one in self._directory.series:
            try:
                info_of(one, edition=self._edition(one))
                if not 0 <= one.decimals <= MOST_DIGITS - _DECIMALS_MORE:
                    raise ValueError(f"decimals {one.decimals}")
            except Exception as error:
                found[one.id] = str(error)
        return found

    def _unscalable(self, at: datetime) -> dict[int, str]:
        """Return the series whose route of a moment has a factor that is no number."""
        routes = (one for one in self._directory.routes if readable_scale(one) is None)
        return {
            one.series: f"scale {one.scale!r}"
            for one in routes
            if self._directory.route(one.mn, one.wire_factor, at) is one
        }

    def slices(self, window: Window, again: Sequence[str] = ()) -> list[Window]:
        """Cut a window into one for each local month it touches, newest first; at least one.

        Of the months in `again` (YYYY-MM) everything known is made anew: a rule has changed.
        """
        starts: set[datetime] = {floor_month(window.ended_after)}
        anew = {month_bounds(month)[0] for month in again}
        starts |= anew
        for begin, end, _ in self._restated(window):
            starts |= set(months_between(begin, min(end, window.ended_until)))
        for statistic in ("minute", "hour", "day"):
            touched = self._lake.touched(statistic, window.known_after, window.known_until)
            days = np.unique(touched.column("start").cast(pa.int64()).to_numpy() // 86_400_000_000)
            starts |= {
                floor_month(EPOCH + int(day) * DAY + hours * HOUR) for day in days for hours in (0, 23)
            }
        return [
            replace(
                window,
                only_from=begin,
                only_to=next_month(begin),
                known_after=EPOCH if begin in anew else window.known_after,
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
        """Return the stretches whose checks or conversions have other settings than at the run before."""
        months = self._lake.months() if self._earlier is not None else []
        if self._earlier is None or not months:
            return []
        oldest = month_bounds(months[0])[0]
        earlier = Converter(self._earlier, self._book)
        found = []
        for one in self._series.values():
            held = checked_settings(self._directory, one.code) | self._converter.settings_of(one.id)
            before = checked_settings(self._earlier, one.code) | earlier.settings_of(one.id)
            changed = held ^ before
            if changed:
                begin = min(setting.valid_from or oldest for setting in changed)
                found.append((max(begin, oldest), _LAST, frozenset({one.id})))
        return found

    def _held(self, window: Window) -> list[IntervalFact]:
        return [fact for number, fact in self._facts if number <= window.facts_until]

    # -- what is due -------------------------------------------------------------------------------------------

    def _due(self, window: Window) -> tuple[list[Work], list[Work], list[Work], Mapping[datetime, set[int]]]:
        """Return (begin, end, series) of the hours, days and months to make anew, and the days touched, over or not."""
        hours: dict[datetime, set[int]] = defaultdict(set)
        days: dict[datetime, set[int]] = defaultdict(set)
        months: dict[datetime, set[int]] = defaultdict(set)
        for statistic in ("minute", "hour", "day"):
            series, starts = self._touched(statistic, window)
            if statistic == "minute":
                gather(hours, series, starts // HOUR_US * HOUR_US)
            local_days = (starts + OFFSET_US) // DAY_US
            if statistic != "day":
                gather(days, series, local_days * DAY_US - OFFSET_US)
            firsts = local_days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[us]")
            gather(months, series, firsts.astype(np.int64) - OFFSET_US)
        for begin, end, series_of_fact in self._restated(window):
            low, high = max(begin, window.only_from), min(end, window.only_to, window.ended_until)
            mine = series_of_fact & set(self._series) if low < high else set()
            for floored, length, periods in (
                (floor_hour(low), HOUR, hours),
                (floor_day(low), DAY, days),
            ):
                moment = floored
                while mine and moment < high:
                    periods[moment] |= mine
                    moment += length
            for month_begin in months_between(low, high) if mine else ():
                months[month_begin] |= mine
        # Periods that had not ended at the last run have their rows from before it.
        hour, day, month = (floor(window.ended_after) for floor in (floor_hour, floor_day, floor_month))
        hours[hour] |= self._present(("minute",), hour, hour + HOUR)
        days[day] |= self._present(("minute", "hour"), day, day + DAY)
        months[month] |= self._present(("hour", "day"), month, next_month(month))
        return (
            work_of(((begin, begin + HOUR, numbers) for begin, numbers in hours.items()), window),
            work_of(((begin, begin + DAY, numbers) for begin, numbers in days.items()), window),
            work_of(((begin, next_month(begin), numbers) for begin, numbers in months.items()), window),
            {begin: series for begin, series in days.items() if window.only_from <= begin < window.only_to},
        )

    def _touched(self, statistic: str, window: Window) -> tuple[Ints, Ints]:
        """Return series and start (microseconds) of what became known, for the series that are aggregated."""
        limits = (window.only_from, window.only_to) if window.only_to.year < 9999 else (None, None)
        rows = self._lake.touched(statistic, window.known_after, window.known_until, *limits)
        series = rows.column("series").to_numpy().astype(np.int64)
        starts = rows.column("start").cast(pa.int64()).to_numpy()
        if self._dependents and len(series):
            series, starts = with_dependents(series, starts, self._dependents)
        mine = np.isin(series, list(self._series))
        return series[mine], starts[mine]

    def _present(self, statistics: Sequence[str], begin: datetime, end: datetime) -> set[int]:
        """Return the aggregated series that have observations in a period."""
        found: set[int] = set()
        for statistic in statistics:
            found |= set(self._lake.newest(statistic, begin, end).column("series").to_pylist())
        return found & set(self._series)

    # -- making ------------------------------------------------------------------------------------------------

    def _aggregate(
        self, numbers: Sequence[int], begin: datetime, end: datetime, target: str, window: Window
    ) -> tuple[Aggregates | None, Values, Aggregates | None]:
        """Return own periods, the converted values of flue gas, and the own hours that days were made of."""
        flows = {one for number in numbers if (one := self._series[number].flow_series)}
        beside = {one for number in numbers for one in self._converter.inputs_of(number)}
        wanted = sorted({*numbers, *flows, *beside} - self._wrong.keys())
        sent = {
            statistic: self._read(wanted, statistic, begin, end, window.known_until)
            for statistic in (("minute",) if target == "hour" else ("minute", "hour"))
        }
        infos = self._infos(wanted)
        made = self._upwards(sent, infos, window)
        converted: Values = {}
        if any(self._converter.converts(number) for number in numbers):
            counting = self._counting_hours(made.get("hour"), sent.get("hour", _NOTHING), infos, window)
            converted = self._converter.values(numbers, *counting)
        if target == "day":
            converted = means(converted, "day")
        hours = made.get("hour") if target == "day" else None
        return _within(made.get(target), numbers, begin, end), converted, hours

    def _counting_hours(
        self,
        own: Aggregates | None,
        sent: Observations,
        infos: Sequence[SeriesInfo],
        window: Window,
    ) -> tuple[npt.NDArray[np.int32], Ints, npt.NDArray[np.float64]]:
        """Return series, start and value of the hours a longer mean would be made of; NaN where one does not count."""
        best = finest(own, sent)
        rows = best.observations
        doubts = suspect(self._directory, infos, rows) & ~best.own
        status = effective_status(
            rows, self._held(window), infos, suspect=doubts, trusted=best.own, period_seconds=3600
        )
        return rows.series, rows.start, status.used

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
    ) -> tuple[Aggregates | None, Values]:
        """Make months of own days where there are any, of the device's days elsewhere."""
        as_of = window.known_until
        sent = self._read(numbers, "day", begin, end, as_of)
        own_of = {own: number for number in numbers if (own := self._own(number)) is not None}
        columns = (*_COLUMNS, "converted")
        own = self._lake.series(sorted(own_of), "day", begin, end, as_of=as_of, columns=columns)
        days = own_rows(own, fresh, own_of, begin, end)
        converted = means({key: day[2] for key, day in days.items() if np.isfinite(day[2])}, "month")
        best = prefer(days, sent)
        infos = [info_of(self._series[number], seconds=86_400) for number in numbers]
        made = self._upwards({"day": best}, infos, window).get("month") if len(best) else None
        return _within(made, numbers, begin, end), converted

    def _checked(
        self, days: Mapping[datetime, set[int]], parts: Sequence[pa.Table], window: Window, known_at: datetime
    ) -> list[Finding]:
        """Return what the checks of neighbouring hours state about the days touched."""
        found: list[Finding] = []
        fresh: pa.Table | None = None
        for begin in sorted(days):
            wanted = self._neighbours.wanted(days[begin])
            if not wanted or begin >= window.ended_until:
                continue
            fresh = rows_of(parts, "hour") if fresh is None else fresh
            hours = partial(self._hours, fresh, window)
            wrong = dict(self._wrong)
            judge = partial(self._judged, begin, window, hours, known_at)
            for chunk in _chunks(wanted):
                found += [one for some in isolated(chunk, judge, wrong) for one in some]
            found += [
                not_judged(self._series[number].code, begin, reason, known_at)
                for number, reason in wrong.items()
                if number not in self._wrong
            ]
        return found

    def _judged(
        self, begin: datetime, window: Window, hours: Hours, known_at: datetime, chunk: Sequence[int]
    ) -> list[Finding]:
        return self._neighbours.day(chunk, begin, window.ended_until, hours, known_at)

    def _hours(
        self, fresh: pa.Table, window: Window, numbers: Sequence[int], begin: datetime, end: datetime
    ) -> tuple[Observations, npt.NDArray[np.bool_]]:
        """Return the hours of some series, and which of them count."""
        as_of = window.known_until
        own_of = {own: number for number in numbers if (own := self._own(number)) is not None}
        columns = (*_COLUMNS, "converted")
        stored = self._lake.series(sorted(own_of), "hour", begin, end, as_of=as_of, columns=columns)
        made = own_rows(stored, fresh, own_of, begin, end)
        rows = prefer(made, self._read(numbers, "hour", begin, end, as_of), valid_only=True)
        status = effective_status(rows, self._held(window), self._infos(numbers), period_seconds=3600)
        return rows, status.usable

    def _read(
        self, numbers: Sequence[int], statistic: str, begin: datetime, end: datetime, as_of: datetime
    ) -> Observations:
        rows = self._lake.series(numbers, statistic, begin, end, as_of=as_of, columns=_COLUMNS)
        return Observations.from_table(rows) if rows.num_rows else _NOTHING

    def _infos(self, numbers: Iterable[int]) -> list[SeriesInfo]:
        known = [self._directory.series_by_id(number) for number in numbers if number not in self._wrong]
        return [info_of(one, edition=self._edition(one)) for one in known if one is not None]

    def _edition(self, series: Series) -> str:
        """Return the edition of the reporting device, which says what its marks mean."""
        device = self._devices.get(series.device)
        return device.edition if device is not None and device.edition in ("2005", "2017", "2025") else "2017"

    def _own(self, number: int) -> int | None:
        one = self._series[number]
        return self._platform.get((one.point, one.factor, one.position))

    def _rows(
        self, made: Aggregates, begin: datetime, end: datetime, window: Window, converted: Values
    ) -> pa.Table:
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
                **self._converted(made, kept, decimals, converted),
            },
            flag=words,
            sequence=made.count[kept].astype(np.int64),
            source=sources,
        )

    def _converted(
        self, made: Aggregates, kept: npt.NDArray[np.intp], decimals: Ints, converted: Values
    ) -> dict[str, Decimals]:
        """Return the column of the converted values, none when there is no such value."""
        if not converted:
            return {}
        keys = zip(made.series[kept].tolist(), made.start[kept].tolist(), strict=True)
        return {"converted": _rounded(np.array([converted.get(key, np.nan) for key in keys]), decimals)}

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


def _rounded(values: npt.NDArray[np.float64], decimals: npt.NDArray[np.int64]) -> Decimals:
    power = 10.0**decimals
    return from_float(np.rint(values * power) / power)


def _chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    for place in range(0, len(numbers), _CHUNK):
        yield numbers[place : place + _CHUNK]


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

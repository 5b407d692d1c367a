"""Expected periods against received ones: findings, and what `asking` requests of the devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from qingjian.contracts.commands import Command, CommandQueue
from qingjian.contracts.directory import Directory, Series
from qingjian.contracts.findings import Finding
from qingjian.lake import Lake
from qingjian.pipeline.asking import HISTORY_COMMAND, Requests
from qingjian.pipeline.settings import GapSettings
from qingjian.pipeline.stating import PERIOD_SECONDS, make_finding
from qingjian.quality.completeness import Expectation, Gaps, find_gaps


class GapFinder:
    """Looks for gaps and asks for history. Its memory is stored with its findings."""

    def __init__(self, lake: Lake, memory: Mapping[str, Any], settings: GapSettings | None = None) -> None:
        self._lake = lake
        self._settings = settings or GapSettings()
        self._open: dict[str, dict[str, Any]] = dict(memory.get("open", {}))
        self._until: dict[str, int] = dict(memory.get("until", {}))
        self._searched: dict[str, dict[str, list[int]]] = dict(memory.get("searched", {}))
        self._requests = Requests(memory, self._settings)

    def memory(self) -> dict[str, Any]:
        """Return what must be remembered."""
        return {
            "open": self._open,
            "until": self._until,
            "searched": self._searched,
            **self._requests.memory(),
        }

    def look(
        self, directory: Directory, now: datetime, watched_since: datetime, started: datetime | None = None
    ) -> list[Finding]:
        """State new gaps, and how far the open ones are filled.

        Each period is judged once it is over; afterwards only the gaps found are looked at again. Series without
        valid_from are watched from `watched_since`. `started`: when this node began to hear; what ended before could
        not arrive, and devices deliver it when they have connected.
        """
        findings: list[Finding] = []
        hears = started is None or now - started >= self._settings.grace
        for statistic in HISTORY_COMMAND if hears else ():
            owing = [one for one in directory.series if statistic in one.expected and one.device]
            begin, end = self._window(directory, owing, now, statistic, watched_since)
            before = self._until.get(statistic, begin)
            findings += self._look_behind(
                directory, statistic, owing, (begin, min(before, end)), now, watched_since
            )
            begin = max(begin, before)
            if begin < end and (owing or any(one["statistic"] == statistic for one in self._open.values())):
                found = self._gaps(directory, owing, statistic, _moment(begin), _moment(end), watched_since)
                findings += self._take(directory, statistic, found, end, now)
                self._until[statistic] = end
        findings += self._look_again(directory, now)
        return findings

    def _window(
        self,
        directory: Directory,
        owing: Sequence[Series],
        now: datetime,
        statistic: str,
        watched_since: datetime,
    ) -> tuple[int, int]:
        """Return whole hours (whole local days for days), so that no period lies across two windows."""
        length = PERIOD_SECONDS["day" if statistic == "day" else "hour"]
        end = _floor(int((now - self._settings.grace).timestamp()), length)
        stretches = (since for one in owing for since, _ in directory.in_service(one))
        earliest = min([watched_since, *(since for since in stretches if since is not None)])
        return _floor(int(max(earliest, now - self._settings.window).timestamp()), length), end

    def _look_behind(
        self,
        directory: Directory,
        statistic: str,
        owing: Sequence[Series],
        span: tuple[int, int],
        now: datetime,
        watched_since: datetime,
    ) -> list[Finding]:
        """Search what lies behind the common progress for series that owe something else of it than they did: registered
        later, from an earlier day on, in another step. Of each series is remembered when and how often it owed."""
        begin, end = span
        known = self._searched.setdefault(statistic, {})
        changed: list[Series] = []
        for one in owing:
            stretches = directory.in_service(one)
            owes = [one.expected[statistic], *(_seconds(moment, -1) for pair in stretches for moment in pair)]
            if known.get(str(one.id)) != owes:
                known[str(one.id)] = owes
                changed.append(one)
        ids = {str(one.id) for one in owing}
        self._searched[statistic] = {key: held for key, held in known.items() if key in ids}
        if not changed or begin >= end:
            return []
        found = self._gaps(directory, changed, statistic, _moment(begin), _moment(end), watched_since)
        return self._take_behind(directory, statistic, found, now)

    def _gaps(
        self,
        directory: Directory,
        owing: Sequence[Series],
        statistic: str,
        begin: datetime,
        end: datetime,
        watched_since: datetime,
    ) -> Gaps:
        expectations = [
            Expectation(
                one.id,
                one.expected[statistic],
                int((since or watched_since).timestamp()),
                None if until is None else int(until.timestamp()),
            )
            for one in owing
            for since, until in directory.in_service(one)
        ]
        if not expectations:
            return _NO_GAPS
        parts = [
            self._missing(expectations[place : place + 500], statistic, begin, end)
            for place in range(0, len(expectations), 500)
        ]
        return Gaps(*(np.concatenate([getattr(part, name) for part in parts]) for name in Gaps.__slots__))

    def _missing(self, some: Sequence[Expectation], statistic: str, begin: datetime, end: datetime) -> Gaps:
        numbers = sorted({one.series for one in some})
        rows = self._lake.series(numbers, statistic, begin, end, columns=("series", "start"))
        starts = rows.column("start").cast(pa.int64()).to_numpy() // 1_000_000
        series = rows.column("series").to_numpy()
        return find_gaps(series, starts, some, int(begin.timestamp()), int(end.timestamp()))

    def _take(
        self, directory: Directory, statistic: str, gaps: Gaps, until: int, now: datetime
    ) -> list[Finding]:
        """Open the gaps found; one that goes on where an open one ended lengthens it."""
        ending = {
            (one["series"], one["end"]): key
            for key, one in self._open.items()
            if one["statistic"] == statistic
        }
        lengthened: set[str] = set()
        changed: list[str] = []
        for number, start, stop, periods in zip(
            gaps.series.tolist(), gaps.start.tolist(), gaps.end.tolist(), gaps.periods.tolist(), strict=True
        ):
            key = ending.get((number, start)) or f"{number}|{statistic}|{start}"
            held = self._open.get(key)
            first, before = (held["start"], held["periods"]) if held else (start, 0)
            self._open[key] = {
                "series": number,
                "statistic": statistic,
                "start": first,
                "end": stop,
                "periods": before + periods,
                "missing": (held["missing"] if held else 0) + periods,
                "lasts": stop >= until,
            }
            lengthened.add(key)
            changed.append(key)
        for key, one in self._open.items():
            if one["statistic"] == statistic and one["lasts"] and key not in lengthened:
                one["lasts"] = False
                changed.append(key)
        return [self._stated(directory, self._open[key], now) for key in changed]

    def _take_behind(self, directory: Directory, statistic: str, gaps: Gaps, now: datetime) -> list[Finding]:
        """Open gaps behind the common progress, without what an open one has already."""
        held: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for one in self._open.values():
            if one["statistic"] == statistic:
                held[one["series"]].append((one["start"], one["end"]))
        fresh: list[str] = []
        for number, start, stop, periods in zip(
            gaps.series.tolist(), gaps.start.tolist(), gaps.end.tolist(), gaps.periods.tolist(), strict=True
        ):
            step = (stop - start) // periods
            for first, last in _without(start, stop, sorted(held[number])):
                key = f"{number}|{statistic}|{first}"
                self._open[key] = {
                    "series": number,
                    "statistic": statistic,
                    "start": first,
                    "end": last,
                    "periods": (last - first) // step,
                    "missing": (last - first) // step,
                    "lasts": False,
                }
                fresh.append(key)
        return [self._stated(directory, self._open[key], now) for key in fresh]

    def _look_again(self, directory: Directory, now: datetime) -> list[Finding]:
        """Look at the open gaps: what has been filled since?"""
        findings: list[Finding] = []
        by_statistic: dict[str, list[str]] = defaultdict(list)
        for key, one in self._open.items():
            by_statistic[one["statistic"]].append(key)
        for statistic, keys in by_statistic.items():
            for place in range(0, len(keys), 500):
                findings += self._look_at(directory, statistic, keys[place : place + 500], now)
        return findings

    def _look_at(
        self, directory: Directory, statistic: str, keys: Sequence[str], now: datetime
    ) -> list[Finding]:
        findings: list[Finding] = []
        some = []
        for key in keys:
            one = self._open[key]
            series = directory.series_by_id(one["series"])
            step = series.expected.get(statistic) if series is not None else None
            if series is None or step is None:
                findings.append(self._retired(directory, key, now))  # no longer owed
                continue
            served = [
                _seconds(stop, _FAR)
                for since, stop in directory.in_service(series)
                if _seconds(since, 0) < one["end"] and one["start"] < _seconds(stop, _FAR)
            ]
            if not served:
                findings.append(self._retired(directory, key, now))  # as the register says now, never owed
                continue
            if max(served) < one["end"]:
                one["end"], one["lasts"] = max(served), False
                one["periods"] = one["missing"] = (one["end"] - one["start"]) // step
                findings.append(self._stated(directory, one, now))
            some.append(Expectation(one["series"], step, one["start"], one["end"]))
        if not some:
            return findings
        begin = _moment(min(one.valid_from or 0 for one in some))
        end = _moment(max(one.valid_to or 0 for one in some))
        gaps = self._missing(some, statistic, begin, end)
        for key in keys:
            if key not in self._open:
                continue
            one = self._open[key]
            inside = (gaps.series == one["series"]) & (gaps.start >= one["start"]) & (gaps.end <= one["end"])
            missing = int(gaps.periods[inside].sum())
            if missing == one["missing"]:
                continue
            one["missing"] = missing
            if not missing:
                one["lasts"] = False  # all that was owed has come: what is missing next is another gap
                del self._open[key]
                self._requests.forget(key)
            findings.append(self._stated(directory, one, now))
        return findings

    def _retired(self, directory: Directory, key: str, now: datetime) -> Finding:
        """End an open gap of what is out of service."""
        one = self._open.pop(key)
        self._requests.forget(key)
        return self._stated(directory, {**one, "lasts": False}, now)

    def _is_owed(self, directory: Directory, one: Mapping[str, Any]) -> bool:
        """Whether more is owed after the end of a gap."""
        series = directory.series_by_id(one["series"])
        if series is None or one["statistic"] not in series.expected:
            return False
        return any(
            _seconds(since, 0) <= one["end"] < _seconds(stop, _FAR)
            for since, stop in directory.in_service(series)
        )

    def _stated(self, directory: Directory, one: Mapping[str, Any], now: datetime) -> Finding:
        evidence: dict[str, Any] = {
            "statistic": one["statistic"],
            "periods": one["periods"],
            "missing": one["missing"],
            "filled": one["missing"] == 0,
        }
        if not one["lasts"] and not self._is_owed(directory, one):
            evidence["out_of_service"] = True
        end = None if one["lasts"] else _moment(one["end"])
        subject = _code(directory, one["series"])
        return make_finding("gap", subject, _moment(one["start"]), end, evidence, now, part=one["statistic"])

    def ask(self, directory: Directory, queue: CommandQueue, now: datetime) -> list[Command]:
        """Put requests for the open gaps into the queue, within the bounds."""
        return self._requests.put(self._open, directory, queue, now)

    def open_gaps(self) -> list[dict[str, Any]]:
        """Return the gaps last found."""
        return list(self._open.values())


_FAR = 2**62
_NO_GAPS = find_gaps(np.zeros(0, np.int32), np.zeros(0, np.int64), [], 0, 0)


def _floor(seconds: int, length: int) -> int:
    """Round down to whole local hours or days."""
    return (seconds + 28_800) // length * length - 28_800


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _without(start: int, stop: int, held: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what of [start, stop) lies outside sorted stretches."""
    found = []
    for begin, end in held:
        if begin > start:
            found.append((start, min(begin, stop)))
        start = max(start, end)
        if start >= stop:
            break
    return [one for one in [*found, (start, stop)] if one[0] < one[1]]


def _seconds(moment: datetime | None, without: int) -> int:
    return without if moment is None else int(moment.timestamp())


def _code(directory: Directory, number: int) -> str:
    known = directory.series_by_id(number)
    return known.code if known is not None else str(number)

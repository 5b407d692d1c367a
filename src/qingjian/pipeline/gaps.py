"""Expected periods against received ones: findings, and requests to the device for its history.

Requests are bounded (periods per command, commands waiting per device and in all, tries per gap) and paced, so that a
filling device does not drown its live data.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command, CommandQueue, CommandState
from qingjian.contracts.directory import Directory, Series
from qingjian.contracts.findings import Finding
from qingjian.hj212.policy import DEFAULT
from qingjian.lake import Lake
from qingjian.pipeline.watch import make_finding
from qingjian.quality.completeness import Expectation, Gaps, find_gaps

HISTORY_COMMAND = {"minute": "2051", "hour": "2061", "day": "2031"}
"""Statistic → CN that asks for history; both ends of BeginTime … EndTime are included (HJ 212, both editions)."""
RUNNING_HOURS_COMMAND = "2041"
"""Asks for the daily running hours of plant (factors SB…), which 2031 does not bring."""
AUTHORISATION = "rule:gap@1"


@dataclass(frozen=True, slots=True)
class GapSettings:
    """Bounds of searching and asking."""

    window: timedelta = timedelta(days=35)
    """How far back gaps are looked for."""
    grace: timedelta = timedelta(minutes=15)
    """A period may arrive so late after its end without being missed."""
    most_periods: int = 1_440
    """Periods asked for by one command."""
    most_waiting: int = 1
    """Commands not yet ended, per device."""
    most_at_once: int = 20
    """New commands of one round, all devices together."""
    most_tries: int = 3
    """Commands for the same gap and device."""
    pause: timedelta = timedelta(minutes=10)
    """Between two commands for the same device."""
    expiry: timedelta = timedelta(hours=6)


@dataclass(slots=True)
class _Asked:
    tries: int
    last: float


class GapFinder:
    """Looks for gaps and asks for history. Its memory is stored with its findings."""

    def __init__(self, lake: Lake, memory: Mapping[str, Any], settings: GapSettings | None = None) -> None:
        self._lake = lake
        self._settings = settings or GapSettings()
        self._open: dict[str, dict[str, Any]] = dict(memory.get("open", {}))
        self._asked = {key: _Asked(*value) for key, value in memory.get("asked", {}).items()}
        self._until: dict[str, int] = dict(memory.get("until", {}))
        self._device_asked: dict[str, float] = dict(memory.get("device_asked", {}))

    def memory(self) -> dict[str, Any]:
        """Return what must be remembered."""
        return {
            "open": self._open,
            "until": self._until,
            "asked": {key: [one.tries, one.last] for key, one in self._asked.items()},
            "device_asked": self._device_asked,
        }

    def look(self, directory: Directory, now: datetime, watched_since: datetime) -> list[Finding]:
        """State new gaps, and how far the open ones are filled.

        Each period is judged once it is over; afterwards only the gaps found are looked at again. Series without
        valid_from are watched from `watched_since`.
        """
        findings: list[Finding] = []
        for statistic in HISTORY_COMMAND:
            owing = [one for one in directory.series if statistic in one.expected and one.device]
            begin, end = self._window(now, watched_since, statistic, owing)
            if owing and begin < end:
                found = self._gaps(owing, statistic, begin, end, watched_since)
                findings += self._take(directory, statistic, found, int(end.timestamp()), now)
                self._until[statistic] = int(end.timestamp())
        findings += self._look_again(directory, now)
        return findings

    def _window(
        self, now: datetime, watched_since: datetime, statistic: str, owing: Sequence[Series]
    ) -> tuple[datetime, datetime]:
        """Return whole hours (whole local days for days), so that no period lies across two windows."""
        length = _SECONDS["day" if statistic == "day" else "hour"]
        end = _floor(int((now - self._settings.grace).timestamp()), length)
        earliest = min([watched_since, *(one.valid_from for one in owing if one.valid_from is not None)])
        begin = _floor(int(max(earliest, now - self._settings.window).timestamp()), length)
        return _moment(max(begin, self._until.get(statistic, begin))), _moment(end)

    def _gaps(
        self, owing: Sequence[Series], statistic: str, begin: datetime, end: datetime, watched_since: datetime
    ) -> Gaps:
        expectations = [
            Expectation(
                one.id,
                one.expected[statistic],
                int((one.valid_from or watched_since).timestamp()),
                None if one.valid_to is None else int(one.valid_to.timestamp()),
            )
            for one in owing
        ]
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
            if step is None:
                del self._open[key]  # no longer owed
                continue
            some.append(Expectation(one["series"], step, one["start"], one["end"]))
        if not some:
            return []
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
            if not missing and not one["lasts"]:
                del self._open[key]
                self._asked = {
                    asked: held for asked, held in self._asked.items() if not asked.startswith(key)
                }
            findings.append(self._stated(directory, one, now))
        return findings

    def _stated(self, directory: Directory, one: Mapping[str, Any], now: datetime) -> Finding:
        evidence = {
            "statistic": one["statistic"],
            "periods": one["periods"],
            "missing": one["missing"],
            "filled": one["missing"] == 0,
        }
        end = None if one["lasts"] else _moment(one["end"])
        subject = _code(directory, one["series"])
        return make_finding("gap", subject, _moment(one["start"]), end, evidence, now, part=one["statistic"])

    # -- asking ------------------------------------------------------------------------------------------------

    def ask(self, directory: Directory, queue: CommandQueue, now: datetime) -> list[Command]:
        """Put requests for the open gaps into the queue: least tried first, then newest, within the bounds."""
        wanted: dict[str, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: defaultdict(list))
        for key, one in self._open.items():
            series = directory.series_by_id(one["series"])
            if not one["missing"] or series is None or directory.device(series.device, now) is None:
                continue
            wanted[series.device][history_command(series.factor, one["statistic"])].append(
                (one["start"], one["end"], key)
            )
        put: list[Command] = []
        # Whoever was asked longest ago comes first, so that a round's bound starves nobody.
        for mn in sorted(wanted, key=lambda one: self._device_asked.get(one, 0.0)):
            if len(put) >= self._settings.most_at_once:
                break
            command = self._request(directory, queue, mn, wanted[mn], now)
            if command is not None:
                queue.put(command)
                put.append(command)
        return put

    def _request(
        self,
        directory: Directory,
        queue: CommandQueue,
        mn: str,
        wanted: Mapping[str, Iterable[tuple[int, int, str]]],
        now: datetime,
    ) -> Command | None:
        moment = now.timestamp()
        if moment - self._device_asked.get(mn, 0.0) < self._settings.pause.total_seconds():
            return None
        mine = [one for one in queue.recent(mn, 50) if one.authorisation == AUTHORISATION]
        if sum(not one.state.is_final for one in mine) >= self._settings.most_waiting:
            return None
        refused = {
            (one.code, one.parameters.get("BeginTime")) for one in mine if one.state is CommandState.REFUSED
        }
        choices = []
        device = directory.device(mn, now)
        shift = partial(named_later, device.policy if device is not None else {})
        owed = [one for one in directory.series if one.device == mn]
        for code, pieces in wanted.items():
            step = min(
                seconds
                for one in owed
                for statistic, seconds in one.expected.items()
                if statistic in HISTORY_COMMAND and history_command(one.factor, statistic) == code
            )
            for start, end, gap in _merged(pieces):
                for begin, stop in _cut(start, end, step * self._settings.most_periods):
                    tries = self._asked[f"{gap}|{begin}"].tries if f"{gap}|{begin}" in self._asked else 0
                    if (
                        tries < self._settings.most_tries
                        and (code, _wire(begin + shift(code))) not in refused
                    ):
                        choices.append((tries, -begin, stop, step, code, f"{gap}|{begin}"))
        if not choices:
            return None
        tries, negative, stop, step, code, key = min(choices)
        begin = -negative
        self._asked[key] = _Asked(tries + 1, moment)
        self._device_asked[mn] = moment
        later = shift(code)
        text = f"{mn}|{code}|{begin}|{stop}|{tries}|{moment}"
        return Command(
            id="gap-" + hashlib.sha256(text.encode()).hexdigest()[:24],
            mn=mn,
            code=code,
            parameters={"BeginTime": _wire(begin + later), "EndTime": _wire(stop - step + later)},
            author="pipeline",
            authorisation=AUTHORISATION,
            created_at=now,
            expires_at=now + self._settings.expiry,
            purpose=f"gap {_moment(begin).isoformat()}/{_moment(stop).isoformat()}",
        )

    def open_gaps(self) -> list[dict[str, Any]]:
        """Return the gaps last found."""
        return list(self._open.values())


_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


def history_command(factor: str, statistic: str) -> str:
    """Return the CN that asks for the history of a factor (its code on the wire); KeyError for other statistics."""
    runtime = statistic == "day" and factor.startswith("SB")
    return RUNNING_HOURS_COMMAND if runtime else HISTORY_COMMAND[statistic]


def named_later(policy: Mapping[str, Any], command: str) -> int:
    """Return the seconds by which a device names its periods later than they begin: it goes by their end, or 0.

    `policy` is that of the directory. BeginTime and EndTime are compared with the DataTime the device itself writes, so
    a device that names the end must be asked for the ends.
    """
    if policy.get("datatime") != "end":
        return 0
    if command == HISTORY_COMMAND["minute"]:
        return 60 * int(policy.get("minute_interval", DEFAULT.minute_interval))
    return _SECONDS["hour" if command == HISTORY_COMMAND["hour"] else "day"]


def _floor(seconds: int, length: int) -> int:
    """Round down to whole local hours or days."""
    return (seconds + 28_800) // length * length - 28_800


def _merged(pieces: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Join gaps of several series of one device that overlap: one answer carries all factors."""
    merged: list[tuple[int, int, str]] = []
    for start, end, key in sorted(pieces):
        if merged and start <= merged[-1][1]:
            before = merged[-1]
            merged[-1] = (before[0], max(before[1], end), before[2])
        else:
            merged.append((start, end, key))
    return merged


def _cut(start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Cut a gap into pieces of one command each, newest first."""
    return [(begin, min(end, begin + longest)) for begin in range(start, end, longest)][::-1]


def _wire(seconds: int) -> str:
    return _moment(seconds).astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _code(directory: Directory, number: int) -> str:
    known = directory.series_by_id(number)
    return known.code if known is not None else str(number)

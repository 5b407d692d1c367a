"""Expected periods against received ones: findings, and requests to the device for its history.

Requests are bounded (periods per command, commands waiting per device and in all, tries per gap) and paced, so that a
filling device does not drown its live data.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
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
from qingjian.pipeline.stating import make_finding
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
    """A period may arrive so late after its end, or after the start of the node if that was later, without being missed."""
    most_periods: int = 1_440
    """Periods asked for by one command."""
    most_waiting: int = 1
    """Commands not yet ended, per device."""
    most_at_once: int = 20
    """New commands of one round, all devices together."""
    most_tries: int = 3
    """Commands for the same stretch that reached the device; what still grows at its end has no such bound."""
    pause: timedelta = timedelta(minutes=10)
    """Between two commands for the same device; for the same stretch it doubles each time."""
    longest_pause: timedelta = timedelta(hours=6)
    expiry: timedelta = timedelta(hours=6)


@dataclass(slots=True)
class _Asked:
    tries: int
    last: float
    command: str = ""
    """Id of the last command; empty once it is known that it never reached the device."""
    what: str = ""
    """The gaps the command asked for and where it ended: with other gaps, or once they grew, counting begins anew."""
    times: int = 0
    """How often, with what never reached the device."""


class GapFinder:
    """Looks for gaps and asks for history. Its memory is stored with its findings."""

    def __init__(self, lake: Lake, memory: Mapping[str, Any], settings: GapSettings | None = None) -> None:
        self._lake = lake
        self._settings = settings or GapSettings()
        self._open: dict[str, dict[str, Any]] = dict(memory.get("open", {}))
        self._asked = {key: _Asked(*value) for key, value in memory.get("asked", {}).items()}
        self._until: dict[str, int] = dict(memory.get("until", {}))
        self._searched: dict[str, dict[str, list[int]]] = dict(memory.get("searched", {}))
        self._device_asked: dict[str, float] = dict(memory.get("device_asked", {}))

    def memory(self) -> dict[str, Any]:
        """Return what must be remembered."""
        return {
            "open": self._open,
            "until": self._until,
            "searched": self._searched,
            "asked": {key: list(astuple(one)) for key, one in self._asked.items()},
            "device_asked": self._device_asked,
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
        length = _SECONDS["day" if statistic == "day" else "hour"]
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
            if not missing and not one["lasts"]:
                del self._open[key]
                self._asked = {
                    asked: held for asked, held in self._asked.items() if not asked.startswith(f"{key}|")
                }
            findings.append(self._stated(directory, one, now))
        return findings

    def _retired(self, directory: Directory, key: str, now: datetime) -> Finding:
        """End an open gap of what is out of service."""
        one = self._open.pop(key)
        self._asked = {asked: held for asked, held in self._asked.items() if not asked.startswith(f"{key}|")}
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
        self._give_back({one.id for one in mine if _never_arrived(one)})
        refused = {
            (one.code, one.parameters.get("BeginTime"), one.parameters.get("EndTime"))
            for one in mine
            if one.state is CommandState.REFUSED
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
                    what, grows = self._what(pieces, begin, stop)
                    asked = self._asked.get(f"{gap}|{begin}")
                    if asked is None or asked.what != what:
                        asked = _Asked(0, 0.0)
                    parameters = {
                        "BeginTime": _wire(begin + shift(code)),
                        "EndTime": _wire(stop - step + shift(code)),
                    }
                    if (
                        (grows or asked.tries < self._settings.most_tries)
                        and moment - asked.last >= self._pause(asked.times)
                        and (code, *parameters.values()) not in refused
                    ):
                        choices.append((asked.tries, -begin, stop, code, f"{gap}|{begin}", parameters, what))
        if not choices:
            return None
        tries, negative, stop, code, key, parameters, what = min(choices, key=lambda one: one[:5])
        begin = -negative
        text = f"{mn}|{code}|{begin}|{stop}|{tries}|{moment}"
        number = "gap-" + hashlib.sha256(text.encode()).hexdigest()[:24]
        before = self._asked.get(key)
        times = before.times if before is not None and before.what == what else 0
        self._asked[key] = _Asked(tries + 1, moment, number, what, times + 1)
        self._device_asked[mn] = moment
        return Command(
            id=number,
            mn=mn,
            code=code,
            parameters=parameters,
            author="pipeline",
            authorisation=AUTHORISATION,
            created_at=now,
            expires_at=now + self._settings.expiry,
            purpose=f"gap {_moment(begin).isoformat()}/{_moment(stop).isoformat()}",
        )

    def _what(self, pieces: Iterable[tuple[int, int, str]], begin: int, stop: int) -> tuple[str, bool]:
        """Return what names the gaps within a stretch, and whether it still grows: the device may have nothing yet."""
        keys = sorted(key for start, end, key in pieces if start < stop and begin < end)
        grows = any(self._open[key]["lasts"] and self._open[key]["end"] == stop for key in keys)
        text = f"{keys}|{'' if grows else stop}"
        return hashlib.sha256(text.encode()).hexdigest()[:16], grows

    def _pause(self, times: int) -> float:
        """Return the seconds after which the same stretch is asked for again."""
        doubled = self._settings.pause * 2 ** min(times - 1, 16) if times else timedelta(0)
        return min(doubled, self._settings.longest_pause).total_seconds()

    def _give_back(self, unheard: set[str]) -> None:
        """What never reached the device was no try."""
        for one in self._asked.values():
            if one.command in unheard:
                one.tries, one.command = one.tries - 1, ""

    def open_gaps(self) -> list[dict[str, Any]]:
        """Return the gaps last found."""
        return list(self._open.values())


_FAR = 2**62
_NO_GAPS = find_gaps(np.zeros(0, np.int32), np.zeros(0, np.int64), [], 0, 0)
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


def _never_arrived(command: Command) -> bool:
    """Whether a request expired before it was sent (the device was away) or went out on a link that was dead."""
    if command.state is CommandState.FAILED:
        return command.result_code in ("no_answer", "disconnected")
    return command.state is CommandState.EXPIRED and not command.qn


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

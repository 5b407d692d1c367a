"""Requests to devices for what is missing of their history.

They are bounded (periods per command, commands waiting per device and in all, tries per gap) and paced, so that a
filling device does not drown its live data.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command, CommandQueue, CommandState
from qingjian.contracts.directory import Directory
from qingjian.hj212.policy import DEFAULT
from qingjian.pipeline.settings import GapSettings
from qingjian.pipeline.stating import PERIOD_SECONDS

HISTORY_COMMAND = {"minute": "2051", "hour": "2061", "day": "2031"}
"""Statistic → CN that asks for history; both ends of BeginTime … EndTime are included (HJ 212, both editions)."""
RUNNING_HOURS_COMMAND = "2041"
"""Asks for the daily running hours of plant (factors SB…), which 2031 does not bring."""
AUTHORISATION = "rule:gap@1"


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


class Requests:
    """What was asked of which device, and what to ask next. Its memory is stored with that of the gaps."""

    def __init__(self, memory: Mapping[str, Any], settings: GapSettings) -> None:
        self._settings = settings
        self._asked = {key: _Asked(*value) for key, value in memory.get("asked", {}).items()}
        self._device_asked: dict[str, float] = dict(memory.get("device_asked", {}))

    def memory(self) -> dict[str, Any]:
        """Return what must be remembered."""
        return {
            "asked": {key: list(astuple(one)) for key, one in self._asked.items()},
            "device_asked": self._device_asked,
        }

    def forget(self, gap: str) -> None:
        """Drop what was asked for a gap that is no more."""
        self._asked = {key: held for key, held in self._asked.items() if not key.startswith(f"{gap}|")}

    def put(
        self, gaps: Mapping[str, Mapping[str, Any]], directory: Directory, queue: CommandQueue, now: datetime
    ) -> list[Command]:
        """Put requests for the open gaps into the queue: least tried first, then newest, within the bounds."""
        wanted: dict[str, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: defaultdict(list))
        for key, one in gaps.items():
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
            command = self._request(directory, queue, mn, wanted[mn], gaps, now)
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
        gaps: Mapping[str, Mapping[str, Any]],
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
                    what, grows = _what(pieces, gaps, begin, stop)
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

    def _pause(self, times: int) -> float:
        """Return the seconds after which the same stretch is asked for again."""
        doubled = self._settings.pause * 2 ** min(times - 1, 16) if times else timedelta(0)
        return min(doubled, self._settings.longest_pause).total_seconds()

    def _give_back(self, unheard: set[str]) -> None:
        """What never reached the device was no try."""
        for one in self._asked.values():
            if one.command in unheard:
                one.tries, one.command = one.tries - 1, ""


def _what(
    pieces: Iterable[tuple[int, int, str]], gaps: Mapping[str, Mapping[str, Any]], begin: int, stop: int
) -> tuple[str, bool]:
    """Return what names the gaps within a stretch, and whether it still grows: the device may have nothing yet."""
    keys = sorted(key for start, end, key in pieces if start < stop and begin < end)
    grows = any(gaps[key]["lasts"] and gaps[key]["end"] == stop for key in keys)
    text = f"{keys}|{'' if grows else stop}"
    return hashlib.sha256(text.encode()).hexdigest()[:16], grows


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
    return PERIOD_SECONDS["hour" if command == HISTORY_COMMAND["hour"] else "day"]


def _never_arrived(command: Command) -> bool:
    """Whether a request expired before it was sent (the device was away) or went out on a link that was dead."""
    if command.state is CommandState.FAILED:
        return command.result_code in ("no_answer", "disconnected")
    return command.state is CommandState.EXPIRED and not command.qn


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

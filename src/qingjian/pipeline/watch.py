"""Rules that look at what devices and gateways do, and all rules that look at batches.

What a rule remembers between batches is stored with its findings, so a batch that is carried out again after a crash
finds the memory it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from qingjian.contracts.directory import Directory
from qingjian.contracts.findings import Finding
from qingjian.lake import Appended
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.changes import ChangeWatcher
from qingjian.pipeline.decoded import Decoded, Unread
from qingjian.pipeline.flags import FlagWatcher
from qingjian.pipeline.stating import (
    EPOCH,
    FRAMES_LISTED,
    REASONS_LISTED,
    Memory,
    Outcome,
    listed,
    make_finding,
    microseconds,
    moment,
    out_of_service,
)

_READ_AGAIN = 5


class ClockWatcher:
    """clock-drift: device time against receiving time in live frames."""

    def __init__(self, memory: Memory) -> None:
        self._open: dict[str, dict[str, Any]] = memory("clock-open", {})

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        if heard is None or not heard.offsets:
            return [], {}
        found: list[Finding] = []
        journal = next(iter(intent.ranges), "")
        for mn, received, offset, sequence in heard.offsets:
            device = directory.device(mn, moment(received))
            if device is None:
                continue
            drifts = abs(offset) > device.clock_tolerance_seconds
            if drifts and mn not in self._open:
                held = self._open[mn] = {
                    "start": received,
                    "offset": round(offset, 1),
                    "frame": [journal, sequence],
                    "code": device.code,
                }
                found.append(self._statement(device.code, held, None, intent.known_at))
            elif not drifts and mn in self._open:
                held = self._open.pop(mn)
                found.append(
                    self._statement(held.get("code", device.code), held, moment(received), intent.known_at)
                )
        return found, {"clock-open": self._open} if found else {}

    def on_tick(self, directory: Directory, now: datetime) -> Outcome:
        """End what is open of devices that are out of service."""
        found = []
        for mn in list(self._open):
            held = self._open[mn]
            code = held.get("code") or _code_of_device(directory, mn, moment(held["start"]))
            end = _device_left(directory, mn, code, now)
            if end is not None:
                del self._open[mn]
                found.append(self._statement(code, held, max(end, moment(held["start"])), now, True))
        return found, {"clock-open": self._open} if found else {}

    def _statement(
        self,
        subject: str,
        held: Mapping[str, Any],
        end: datetime | None,
        known_at: datetime,
        retired: bool = False,
    ) -> Finding:
        evidence: dict[str, Any] = {"offset_seconds": held["offset"], "frames": [held["frame"]]}
        if retired:
            evidence["out_of_service"] = True
        return make_finding("clock-drift", subject, moment(held["start"]), end, evidence, known_at)


class PacketWatcher:
    """sub-packets-missing: uploads in several packets that were never complete."""

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        found: list[Finding] = []
        for one in heard.missing if heard is not None else ():
            device = directory.device(one.mn, moment(one.first_us))
            if device is None:
                continue
            absent = [number for number in range(1, one.packets + 1) if number not in one.came]
            evidence = {
                "command": one.command,
                "packets": one.packets,
                "came": list(one.came),
                "absent": absent,
                "reason": one.reason,
                **listed("frames", [[one.journal, sequence] for sequence in one.sequences], FRAMES_LISTED),
            }
            start = moment(one.first_us)
            part = f"{one.command}|{one.packets}"
            found.append(
                make_finding(
                    "sub-packets-missing", device.code, start, start, evidence, intent.known_at, part=part
                )
            )
        return found, {}


class UnreadWatcher:
    """frame-unread: accepted frames of which nothing could be read, one statement for each device and batch.

    Under the next few versions of the register they are read again: a key that was exchanged stands there a little
    later than the device uses it.
    """

    def __init__(self, memory: Memory) -> None:
        self._waiting: dict[str, list[int]] = memory("unread", {})
        """MN → first and last receipt in microseconds, directory version, times read again."""

    def due(self, directory: Directory) -> Iterator[tuple[str, int, int, Mapping[str, object]]]:
        """Yield MN, first and last receipt of what is to be read again now, and what to remember once that is done."""
        for mn, (first, last, version, times) in list(self._waiting.items()):
            if directory.version <= version:
                continue
            if times + 1 < _READ_AGAIN:
                self._waiting[mn] = [first, last, directory.version, times + 1]
            else:
                del self._waiting[mn]
            yield mn, first, last, {"unread": self._waiting}

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        by_device: dict[str, list[Unread]] = {}
        for one in heard.unread if heard is not None else ():
            device = directory.device(one.mn, moment(one.received_us))
            by_device.setdefault(device.code if device is not None else one.mn, []).append(one)
        found = []
        for subject, frames in by_device.items():
            received = [one.received_us for one in frames]
            evidence = {
                "count": len(frames),
                **listed("reasons", sorted({one.reason for one in frames}), REASONS_LISTED),
                **listed("frames", [[one.journal, one.sequence] for one in frames], FRAMES_LISTED),
            }
            begin, end = moment(min(received)), moment(max(received))
            found.append(make_finding("frame-unread", subject, begin, end, evidence, intent.known_at))
        for one in heard.unread if heard is not None else ():
            first, last, *_ = self._waiting.get(one.mn, [one.received_us, one.received_us])
            span = [min(first, one.received_us), max(last, one.received_us)]
            self._waiting[one.mn] = [*span, intent.directory_version, 0]
        return found, {"unread": self._waiting} if found else {}


class SilenceWatcher:
    """device-silent: judged by the clock, ended by the next frame."""

    def __init__(self, memory: Memory, started: datetime) -> None:
        self._heard: dict[str, int] = memory("silence-heard", {})
        self._open: dict[str, int] = memory("silence-open", {})
        self._codes: dict[str, str] = memory("silence-codes", {})
        self._started = started

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        if heard is None or not heard.heard:
            return [], {}
        found: list[Finding] = []
        for mn, received in heard.heard.items():
            self._heard[mn] = max(received, self._heard.get(mn, 0))
            if mn in self._open:
                found.append(self._ended(directory, mn, moment(received), intent.known_at))
        return found, {"silence-heard": self._heard, **self._memory()}

    def on_tick(self, directory: Directory, now: datetime) -> Outcome:
        """Look for devices that have been silent for too long, and end the silence of those out of service."""
        found: list[Finding] = []
        for mn in list(self._open):
            end = _device_left(directory, mn, self._code(directory, mn), now)
            if end is not None:
                found.append(self._ended(directory, mn, end, now, retired=True))
        for device in directory.devices:
            if directory.device(device.mn, now) is not device or device.mn in self._open:
                continue
            known = self._heard.get(device.mn)
            in_force = device.valid_from or EPOCH
            # A device that comes back into service is given its time from then on.
            since = max(self._started, in_force) if known is None else max(moment(known), in_force)
            # While the node itself was away nobody could be heard: each device has its time to speak again.
            if (now - max(since, self._started)).total_seconds() > device.silence_seconds:
                self._open[device.mn] = microseconds(since)
                self._codes[device.mn] = device.code
                found.append(self._statement(device.code, microseconds(since), None, now))
        return found, self._memory() if found else {}

    def _memory(self) -> dict[str, object]:
        return {"silence-open": self._open, "silence-codes": self._codes}

    def _code(self, directory: Directory, mn: str) -> str:
        return self._codes.get(mn) or _code_of_device(directory, mn, moment(self._open[mn]))

    def _ended(
        self, directory: Directory, mn: str, end: datetime, known_at: datetime, *, retired: bool = False
    ) -> Finding:
        code, since = self._code(directory, mn), self._open.pop(mn)
        self._codes.pop(mn, None)
        return self._statement(code, since, max(end, moment(since)), known_at, retired)

    def _statement(
        self, subject: str, since: int, end: datetime | None, known_at: datetime, retired: bool = False
    ) -> Finding:
        evidence: dict[str, Any] = {"last_frame_at": moment(since).isoformat()}
        if retired:
            evidence["out_of_service"] = True
        return make_finding("device-silent", subject, moment(since), end, evidence, known_at)


class JournalWatcher:
    """journal-unavailable: what gateway processes say of their disk."""

    def __init__(self, memory: Memory) -> None:
        self._open: dict[str, dict[str, str]] = memory("journal-failing", {})

    def on_tick(self, statuses: Mapping[str, Mapping[str, Any]], now: datetime) -> Outcome:
        """Look at the newest status of each gateway process; one that ended fails no more."""
        found: list[Finding] = []
        for name, status in statuses.items():
            since = status.get("journal_failing_from") if status.get("state") != "stopped" else None
            held = self._open.get(name)
            if held is not None and held["since"] != since:
                found.append(self._statement(name, self._open.pop(name), now, now))
                held = None
            if since and held is None:
                self._open[name] = {"since": since, "reason": str(status.get("journal_reason", ""))}
                found.append(self._statement(name, self._open[name], None, now))
        return found, {"journal-failing": self._open} if found else {}

    def _statement(self, name: str, held: Mapping[str, str], end: datetime | None, now: datetime) -> Finding:
        start = datetime.fromisoformat(held["since"])
        end = None if end is None else max(end, start)
        return make_finding("journal-unavailable", name, start, end, {"reason": held["reason"]}, now)


def _code_of_device(directory: Directory, mn: str, at: datetime) -> str:
    """Return the code under which a device went by an MN at a moment, or ever."""
    device = directory.device(mn, at) or next(iter(directory.devices_of(mn)), None)
    return mn if device is None else device.code


def _device_left(directory: Directory, mn: str, code: str, now: datetime) -> datetime | None:
    """Return since when a device is out of service (or another one speaks under its MN); None while it is in service."""
    present = directory.device(mn, now)
    if present is not None and present.code == code:
        return None
    mine = [(one.valid_from, one.valid_to) for one in directory.devices_of(mn) if one.code == code]
    return out_of_service(mine, now) or now


def all_watchers(memory: Memory, started: datetime) -> Sequence[Any]:
    """Return every rule that looks at batches."""
    return [
        ChangeWatcher(),
        FlagWatcher(memory),
        ClockWatcher(memory),
        PacketWatcher(),
        UnreadWatcher(memory),
        SilenceWatcher(memory, started),
    ]

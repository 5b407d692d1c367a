"""Rules that look at each batch, and the one that looks at the clock.

What a rule remembers between batches is stored with its findings, so a batch that is carried out again after a crash
finds the memory it had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.directory import STATISTICS, Directory, Series
from qingjian.contracts.findings import Finding, finding_id
from qingjian.lake import STATISTIC_CODES, Appended
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.decoded import Decoded, Unread
from qingjian.pipeline.latest import AHEAD_US
from qingjian.pipeline.rules import CATALOGUE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LISTED = 20
"""Changes that a finding lists itself; the lake has all."""
FRAMES_LISTED = 1_000
REASONS_LISTED = 5
Memory = Callable[[str, Any], Any]
Outcome = tuple[list[Finding], dict[str, object]]
_READ_AGAIN = 5
NORMAL_FLAGS = frozenset({"N", "", None})
"""N of all editions; air stations of 2005 write 3 for normal."""
_NORMAL_AIR_2005 = "3"
LATE_SECONDS = 3_600
"""A period that comes later than this after its end is history."""


def make_finding(
    rule: str,
    subject: str,
    start: datetime,
    end: datetime | None,
    evidence: Mapping[str, Any],
    known_at: datetime,
    *,
    part: str = "",
) -> Finding:
    """Return a finding of a catalogued rule; `part` tells apart statements about one subject and start."""
    row = CATALOGUE[rule]
    key = f"{subject}|{part}" if part else subject
    return Finding(
        id=finding_id(rule, row.version, key, start),
        rule=rule,
        rule_version=row.version,
        subject=subject,
        subject_kind=row.subject_kind,
        start=start,
        end=end,
        severity=row.severity,
        evidence=dict(evidence),
        known_at=known_at,
    )


def listed(name: str, items: Sequence[Any], most: int) -> dict[str, Any]:
    """Return evidence that lists at most so many things; `…_in_all` says how many there are where it lists fewer."""
    return {name: list(items[:most])} | ({f"{name}_in_all": len(items)} if len(items) > most else {})


class ChangeWatcher:
    """changed-after-the-fact: neighbouring periods of one batch become one finding."""

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        if not appended.changes.num_rows or intent.kind in ("aggregate", "correction"):
            # What the platform computes anew follows from changes that were reported; a correction has its author,
            # reason and approval.
            return [], {}
        return [
            self._finding(rows, intent, directory)
            for rows in _neighbours(sorted(appended.changes.to_pylist(), key=_change_order))
        ], {}

    def _finding(self, rows: list[dict[str, Any]], intent: Intent, directory: Directory) -> Finding:
        first, last = rows[0], rows[-1]
        statistic = STATISTICS[first["statistic"]]
        end = last["start"] + timedelta(seconds=_SECONDS.get(statistic, 0))
        evidence: dict[str, Any] = {
            "statistic": statistic,
            "periods": len({row["start"] for row in rows}),
            **listed("changes", rows, LISTED),
        }
        evidence["changes"] = [_change_evidence(row) for row in evidence["changes"]]
        subject = _code(directory, first["series"])
        return make_finding(
            "changed-after-the-fact",
            subject,
            first["start"],
            end,
            evidence,
            intent.known_at,
            part=f"{statistic}|{first['revision']}",
        )


class FlagWatcher:
    """flag-not-normal: runs of periods the device does not call normal, in the finest statistic it owes."""

    def __init__(self, memory: Memory) -> None:
        self._open: dict[str, dict[str, Any]] = memory("flag-open", {})
        self._seen: dict[str, int] = memory("flag-seen", {})
        self._finest: tuple[int, np.ndarray[tuple[int], np.dtype[np.int8]]] | None = None

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        rows = appended.rows
        if heard is None or not rows.num_rows:
            return [], {}
        if self._finest is None or self._finest[0] != directory.version:
            watched = _watched(directory)
            finest = np.full(max(watched, default=0) + 1, -1, np.int8)
            for number, code in watched.items():
                finest[number] = code
            self._finest = (directory.version, finest)
        finest = self._finest[1]
        series = rows.column("series").to_numpy()
        mine = (series < len(finest)) & (
            finest[np.minimum(series, len(finest) - 1)] == rows.column("statistic").to_numpy()
        )
        rows = rows.filter(pa.array(mine)).select(["series", "start", "flag", "journal", "sequence"])
        if not rows.num_rows:
            return [], {}
        starts = rows.column("start").cast(pa.int64()).to_numpy()
        encoded = rows.column("flag").combine_chunks().dictionary_encode(null_encoding="encode")
        words = encoded.dictionary.to_pylist()
        series = rows.column("series").to_numpy()
        found: list[Finding] = []
        ahead = _microseconds(intent.known_at) + AHEAD_US
        is_normal = np.array([word in NORMAL_FLAGS or word == _NORMAL_AIR_2005 for word in words])
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        normal = is_normal[codes]
        # Only series with something to say are looked at one by one; the usual batch has none.
        speaking = set(series[~normal].tolist()) | {int(one) for one in self._open}
        theirs = np.flatnonzero(np.isin(series, list(speaking))) if speaking else np.zeros(0, np.intp)
        theirs = theirs[_is_live(heard, rows.take(pa.array(theirs)), starts[theirs], finest[series[theirs]])]
        for place in theirs[np.lexsort((starts[theirs], series[theirs]))]:
            number = int(series[place])
            key, start = str(number), int(starts[place])
            if start > ahead:
                continue  # a time to come would settle what is said until then
            seen = self._seen.get(key, -(2**62))
            if start <= seen <= ahead:
                continue  # history that arrives late does not move the present state
            self._seen[key] = start
            if normal[place]:
                if key in self._open:
                    held = self._open.pop(key)
                    end = _moment(max(start, held["start"]))
                    found.append(self._statement(directory, number, held, end, intent.known_at))
                continue
            held = self._open.setdefault(key, {"start": start, "flags": [], "periods": 0})
            held["periods"] += 1
            word = words[codes[place]]
            if word not in held["flags"]:
                held["flags"].append(word)
                row = rows.slice(int(place), 1).to_pylist()[0]
                held.setdefault("frames", []).append([row["journal"], row["sequence"]])
                found.append(self._statement(directory, number, held, None, intent.known_at))
        self._seen = {key: start for key, start in self._seen.items() if int(key) in speaking}
        return found, {"flag-open": self._open, "flag-seen": self._seen}

    def on_tick(self, directory: Directory, now: datetime) -> Outcome:
        """End what is open of series that are out of service."""
        found = []
        for key in list(self._open):
            series = directory.series_by_id(int(key))
            end = None if series is None else _out_of_service(directory.in_service(series), now)
            if end is not None:
                held = self._open.pop(key)
                found.append(
                    self._statement(directory, int(key), held, max(end, _moment(held["start"])), now, True)
                )
        return found, {"flag-open": self._open} if found else {}

    def _statement(
        self,
        directory: Directory,
        number: int,
        held: Mapping[str, Any],
        end: datetime | None,
        known_at: datetime,
        retired: bool = False,
    ) -> Finding:
        frames = listed("frames", held.get("frames", []), FRAMES_LISTED)
        evidence: dict[str, Any] = {"flags": list(held["flags"]), **frames}
        if end is not None:
            evidence["periods"] = held["periods"]
        if retired:
            evidence["out_of_service"] = True
        subject = _code(directory, number)
        return make_finding("flag-not-normal", subject, _moment(held["start"]), end, evidence, known_at)


def _is_live(
    heard: Decoded,
    rows: pa.Table,
    starts: np.ndarray[tuple[int], np.dtype[np.int64]],
    statistics: np.ndarray[tuple[int], np.dtype[np.int8]],
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows came soon after their period: history that is filled in says nothing of the present."""
    if not rows.num_rows:
        return np.zeros(0, np.bool_)
    wanted = set(rows.column("sequence").to_pylist())
    received = {
        (one["journal"], one["sequence"]): _microseconds(one["received_at"])
        for one in heard.frames.filter(pc.is_in(heard.frames["sequence"], pa.array(wanted)))
        .select(["journal", "sequence", "received_at"])
        .to_pylist()
    }
    came = np.array(
        [
            received.get(pair, start)
            for pair, start in zip(
                zip(rows.column("journal").to_pylist(), rows.column("sequence").to_pylist(), strict=True),
                starts.tolist(),
                strict=True,
            )
        ]
    )
    seconds = np.array([_SECONDS.get(STATISTICS[code], 0) for code in statistics.tolist()])
    return np.asarray(came - starts <= (seconds + LATE_SECONDS) * 1_000_000, np.bool_)


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
            device = directory.device(mn, _moment(received))
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
                    self._statement(held.get("code", device.code), held, _moment(received), intent.known_at)
                )
        return found, {"clock-open": self._open} if found else {}

    def on_tick(self, directory: Directory, now: datetime) -> Outcome:
        """End what is open of devices that are out of service."""
        found = []
        for mn in list(self._open):
            held = self._open[mn]
            code = held.get("code") or _code_of_device(directory, mn, _moment(held["start"]))
            end = _device_left(directory, mn, code, now)
            if end is not None:
                del self._open[mn]
                found.append(self._statement(code, held, max(end, _moment(held["start"])), now, True))
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
        return make_finding("clock-drift", subject, _moment(held["start"]), end, evidence, known_at)


class PacketWatcher:
    """sub-packets-missing: uploads in several packets that were never complete."""

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        found: list[Finding] = []
        for one in heard.missing if heard is not None else ():
            device = directory.device(one.mn, _moment(one.first_us))
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
            start = _moment(one.first_us)
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
            device = directory.device(one.mn, _moment(one.received_us))
            by_device.setdefault(device.code if device is not None else one.mn, []).append(one)
        found = []
        for subject, frames in by_device.items():
            received = [one.received_us for one in frames]
            evidence = {
                "count": len(frames),
                **listed("reasons", sorted({one.reason for one in frames}), REASONS_LISTED),
                **listed("frames", [[one.journal, one.sequence] for one in frames], FRAMES_LISTED),
            }
            begin, end = _moment(min(received)), _moment(max(received))
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
                found.append(self._ended(directory, mn, _moment(received), intent.known_at))
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
            in_force = device.valid_from or _EPOCH
            # A device that comes back into service is given its time from then on.
            since = max(self._started, in_force) if known is None else max(_moment(known), in_force)
            # While the node itself was away nobody could be heard: each device has its time to speak again.
            if (now - max(since, self._started)).total_seconds() > device.silence_seconds:
                self._open[device.mn] = _microseconds(since)
                self._codes[device.mn] = device.code
                found.append(self._statement(device.code, _microseconds(since), None, now))
        return found, self._memory() if found else {}

    def _memory(self) -> dict[str, object]:
        return {"silence-open": self._open, "silence-codes": self._codes}

    def _code(self, directory: Directory, mn: str) -> str:
        return self._codes.get(mn) or _code_of_device(directory, mn, _moment(self._open[mn]))

    def _ended(
        self, directory: Directory, mn: str, end: datetime, known_at: datetime, *, retired: bool = False
    ) -> Finding:
        code, since = self._code(directory, mn), self._open.pop(mn)
        self._codes.pop(mn, None)
        return self._statement(code, since, max(end, _moment(since)), known_at, retired)

    def _statement(
        self, subject: str, since: int, end: datetime | None, known_at: datetime, retired: bool = False
    ) -> Finding:
        evidence: dict[str, Any] = {"last_frame_at": _moment(since).isoformat()}
        if retired:
            evidence["out_of_service"] = True
        return make_finding("device-silent", subject, _moment(since), end, evidence, known_at)


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


_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


def finest_statistic(series: Series) -> str | None:
    """Return the finest statistic a series owes, None when it owes nothing."""
    owed = [name for name in STATISTICS if name in series.expected]
    return owed[0] if owed else None


def _watched(directory: Directory) -> Mapping[int, int]:
    """Return series → code of the statistic whose marks count."""
    return {
        one.id: STATISTIC_CODES[finest_statistic(one) or "hour"] for one in directory.series if one.device
    }


def _change_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["series"], row["statistic"], row["start"], row["revision"]


def _neighbours(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Join changes of the same series whose periods follow each other."""
    held: list[dict[str, Any]] = []
    for row in rows:
        if held and not _follows(held[-1], row):
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _follows(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    seconds = _SECONDS.get(STATISTICS[after["statistic"]], 0)
    return (before["series"], before["statistic"]) == (after["series"], after["statistic"]) and (
        (after["start"] - before["start"]).total_seconds() <= seconds
    )


def _change_evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        side: {
            name: row[f"{side}_{name}"]
            for name in ("value", "min", "max", "total", "converted", "flag", "source")
            if row[f"{side}_{name}"] is not None
        }
        for side in ("old", "new")
    }
    frames = [[row[f"{side}_journal"], row[f"{side}_sequence"]] for side in ("old", "new")]
    return {"start": row["start"].isoformat(), "revision": row["revision"], **sides, "frames": frames}


def _code(directory: Directory, series: int) -> str:
    known = directory.series_by_id(series)
    return known.code if known is not None else str(series)


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
    return _out_of_service(mine, now) or now


def _out_of_service(
    stretches: Sequence[tuple[datetime | None, datetime | None]], now: datetime
) -> datetime | None:
    """Return when the last stretch before a moment ended, the moment itself when there was none; None within one."""
    if any((since is None or since <= now) and (stop is None or now < stop) for since, stop in stretches):
        return None
    return max((stop for _, stop in stretches if stop is not None and stop <= now), default=now)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(moment: datetime) -> int:
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


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

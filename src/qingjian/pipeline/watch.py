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

from qingjian.contracts.directory import STATISTICS, Directory, Series
from qingjian.contracts.findings import Finding, finding_id
from qingjian.lake import STATISTIC_CODES, Appended
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.decoding import Decoded
from qingjian.pipeline.rules import CATALOGUE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Memory = Callable[[str, Any], Any]
Outcome = tuple[list[Finding], dict[str, object]]
NORMAL_FLAGS = frozenset({"N", "", None})
"""N of all editions; air stations of 2005 write 3 for normal."""
_NORMAL_AIR_2005 = "3"


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
        evidence = {
            "statistic": statistic,
            "periods": len({row["start"] for row in rows}),
            "changes": [_change_evidence(row) for row in rows[:20]],
        }
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
        is_normal = np.array([word in NORMAL_FLAGS or word == _NORMAL_AIR_2005 for word in words])
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        normal = is_normal[codes]
        # Only series with something to say are looked at one by one; the usual batch has none.
        speaking = set(series[~normal].tolist()) | {int(one) for one in self._open}
        theirs = np.flatnonzero(np.isin(series, list(speaking))) if speaking else np.zeros(0, np.intp)
        for place in theirs[np.lexsort((starts[theirs], series[theirs]))]:
            number = int(series[place])
            key, start = str(number), int(starts[place])
            if start <= self._seen.get(key, -(2**62)):
                continue  # history that arrives late does not move the present state
            self._seen[key] = start
            if normal[place]:
                if key in self._open:
                    found.append(
                        self._statement(directory, number, self._open.pop(key), _moment(start), intent)
                    )
                continue
            held = self._open.setdefault(key, {"start": start, "flags": [], "periods": 0})
            held["periods"] += 1
            word = words[codes[place]]
            if word not in held["flags"]:
                held["flags"].append(word)
                row = rows.slice(int(place), 1).to_pylist()[0]
                held.setdefault("frames", []).append([row["journal"], row["sequence"]])
                found.append(self._statement(directory, number, held, None, intent))
        self._seen = {key: start for key, start in self._seen.items() if int(key) in speaking}
        return found, {"flag-open": self._open, "flag-seen": self._seen}

    def _statement(
        self, directory: Directory, number: int, held: Mapping[str, Any], end: datetime | None, intent: Intent
    ) -> Finding:
        evidence = {"flags": list(held["flags"]), "frames": held.get("frames", [])[:20]}
        if end is not None:
            evidence["periods"] = held["periods"]
        subject = _code(directory, number)
        return make_finding(
            "flag-not-normal", subject, _moment(held["start"]), end, evidence, intent.known_at
        )


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
                }
                found.append(self._statement(device.code, held, None, intent))
            elif not drifts and mn in self._open:
                found.append(self._statement(device.code, self._open.pop(mn), _moment(received), intent))
        return found, {"clock-open": self._open} if found else {}

    def _statement(
        self, subject: str, held: Mapping[str, Any], end: datetime | None, intent: Intent
    ) -> Finding:
        evidence = {"offset_seconds": held["offset"], "frames": [held["frame"]]}
        return make_finding("clock-drift", subject, _moment(held["start"]), end, evidence, intent.known_at)


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
                "absent": absent[:100],
                "reason": one.reason,
                "frames": [[one.journal, sequence] for sequence in one.sequences[:20]],
            }
            start = _moment(one.first_us)
            part = f"{one.command}|{one.packets}"
            found.append(
                make_finding(
                    "sub-packets-missing", device.code, start, start, evidence, intent.known_at, part=part
                )
            )
        return found, {}


class SilenceWatcher:
    """device-silent: judged by the clock, ended by the next frame."""

    def __init__(self, memory: Memory, started: datetime) -> None:
        self._heard: dict[str, int] = memory("silence-heard", {})
        self._open: dict[str, int] = memory("silence-open", {})
        self._started = started

    def on_batch(
        self, intent: Intent, directory: Directory, heard: Decoded | None, appended: Appended
    ) -> Outcome:
        if heard is None or not heard.heard:
            return [], {}
        found: list[Finding] = []
        for mn, received in heard.heard.items():
            self._heard[mn] = max(received, self._heard.get(mn, 0))
            since = self._open.pop(mn, None)
            device = directory.device(mn, _moment(received))
            if since is not None and device is not None:
                found.append(self._statement(device.code, since, _moment(received), intent.known_at))
        return found, {"silence-heard": self._heard, "silence-open": self._open}

    def on_tick(self, directory: Directory, now: datetime) -> Outcome:
        """Look for devices that have been silent for too long."""
        found: list[Finding] = []
        for device in directory.devices:
            if directory.device(device.mn, now) is not device or device.mn in self._open:
                continue
            known = self._heard.get(device.mn)
            since = (
                _moment(known)
                if known is not None
                else max(self._started, device.valid_from or self._started)
            )
            if (now - since).total_seconds() > device.silence_seconds:
                self._open[device.mn] = _microseconds(since)
                found.append(self._statement(device.code, _microseconds(since), None, now))
        return found, {"silence-open": self._open} if found else {}

    def _statement(self, subject: str, since: int, end: datetime | None, known_at: datetime) -> Finding:
        evidence = {"last_frame_at": _moment(since).isoformat()}
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


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(moment: datetime) -> int:
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def all_watchers(memory: Memory, started: datetime) -> tuple[Sequence[Any], SilenceWatcher]:
    """Return every rule that looks at batches, and the one that also wants the clock."""
    silence = SilenceWatcher(memory, started)
    return [ChangeWatcher(), FlagWatcher(memory), ClockWatcher(memory), PacketWatcher(), silence], silence

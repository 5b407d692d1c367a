"""The rule that looks at the marks devices give their data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.directory import STATISTICS, Directory, Series
from qingjian.contracts.findings import Finding
from qingjian.lake import STATISTIC_CODES, Appended
from qingjian.pipeline.batches import Intent
from qingjian.pipeline.decoded import Decoded
from qingjian.pipeline.latest import AHEAD_US
from qingjian.pipeline.stating import (
    FRAMES_LISTED,
    PERIOD_SECONDS,
    Memory,
    Outcome,
    listed,
    make_finding,
    microseconds,
    moment,
    out_of_service,
    series_code,
)

NORMAL_FLAGS = frozenset({"N", "", None})
"""N of all editions; air stations of 2005 write 3 for normal."""
_NORMAL_AIR_2005 = "3"
LATE_SECONDS = 3_600
"""A period that comes later than this after its end is history."""


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
        ahead = microseconds(intent.known_at) + AHEAD_US
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
                    end = moment(max(start, held["start"]))
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
            end = None if series is None else out_of_service(directory.in_service(series), now)
            if end is not None:
                held = self._open.pop(key)
                found.append(
                    self._statement(directory, int(key), held, max(end, moment(held["start"])), now, True)
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
        subject = series_code(directory, number)
        return make_finding("flag-not-normal", subject, moment(held["start"]), end, evidence, known_at)


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
        (one["journal"], one["sequence"]): microseconds(one["received_at"])
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
    seconds = np.array([PERIOD_SECONDS.get(STATISTICS[code], 0) for code in statistics.tolist()])
    return np.asarray(came - starts <= (seconds + LATE_SECONDS) * 1_000_000, np.bool_)


def finest_statistic(series: Series) -> str | None:
    """Return the finest statistic a series owes, None when it owes nothing."""
    owed = [name for name in STATISTICS if name in series.expected]
    return owed[0] if owed else None


def _watched(directory: Directory) -> Mapping[int, int]:
    """Return series → code of the statistic whose marks count."""
    return {
        one.id: STATISTIC_CODES[finest_statistic(one) or "hour"] for one in directory.series if one.device
    }

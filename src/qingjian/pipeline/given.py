"""Whether stored observations are what the frames, files, rules and corrections they name gave, decoded once more.

A row that was added to the lake past the program names something real as a rule: its frame is read again, and the
batch log says what became known at its moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from qingjian.contracts.directory import Directory
from qingjian.journal import Frame, Kind
from qingjian.lake import NUMBERS, Lake
from qingjian.lake.revisions import CORRECTION_SOURCE, RULE_SOURCE
from qingjian.pipeline.batches import BatchLog, Intent
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.joining import TIMEOUT, Parts
from qingjian.pipeline.replay import REPLAYED, admitted, frame_of

Row = Mapping[str, Any]
"""A stored observation as plain values, columns as in `lake.schemas.OBSERVATIONS`."""
FRAMES_AT_ONCE = 1_000
_AROUND = 2 * TIMEOUT
_MOST_AROUND = 10_000
_FIELDS = (*NUMBERS, "limit")
_FILE_SOURCE = "file:"
_KINDS = {RULE_SOURCE: "aggregate", CORRECTION_SOURCE: "correction", _FILE_SOURCE: "import"}

NO_FRAME = "指明的报文不在数据湖中 / the frame it names is not there"
NOT_GIVEN = "指明的报文给出的不是此值 / the frame it names does not give this value"
NO_BATCH = "当时没有处理批次写入此值 / nothing the pipeline did at that moment brought it"


class GivenRows:
    """Judges stored rows. `directory` returns a published directory by its version, None when there is none."""

    def __init__(
        self, lake: Lake, directory: Callable[[int], Directory | None], batches: BatchLog | None
    ) -> None:
        self._lake = lake
        self._directory = directory
        self._batches = batches
        self._intents: dict[int, Intent | None] = {}
        self._logged = batches.logged() if batches is not None else None

    def wrong(self, rows: Sequence[Row], history: Sequence[Row]) -> Iterator[tuple[Row, str]]:
        """Return those of the rows that nothing gave, each with what is wrong.

        `history` holds every stored row of the same keys: a frame completes what was known before it.
        """
        from_frames: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for row in rows:
            if not self._brought(row):
                yield row, NO_BATCH
            elif row["journal"]:
                from_frames[row["directory_version"], row["journal"]].append(row)
        earlier: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in history:
            earlier[_key(row)].append(row)
        for (version, journal), same in sorted(from_frames.items()):
            directory = self._directory(version)
            if directory is None:
                yield from ((row, NOT_GIVEN) for row in same)
                continue
            same.sort(key=lambda row: row["sequence"])
            for first in range(0, len(same), FRAMES_AT_ONCE):
                part = same[first : first + FRAMES_AT_ONCE]
                yield from self._decoded(Decoder(directory, self._directory), journal, part, earlier)

    # What the batch log says ------------------------------------------------------------------------------------

    def _brought(self, row: Row) -> bool:
        """Whether a batch of the right kind became known at the moment the row says it became known.

        Nothing is said against what is older than the log, or newer: a batch may just be on its way.
        """
        if self._batches is None or self._logged is None:
            return True
        known = int(row["known_at"])
        if not self._logged[0] < known <= self._logged[1]:
            return True
        if known not in self._intents:
            self._intents[known] = self._batches.known_at(known)
        intent = self._intents[known]
        if intent is None:
            return False
        if row["journal"]:
            low, high = intent.ranges.get(row["journal"], (0, 0))
            return intent.kind == "replay" or (intent.kind == "frames" and low < row["sequence"] <= high)
        kind = next((kind for source, kind in _KINDS.items() if (row["source"] or "").startswith(source)), "")
        return intent.kind == kind or not kind

    # What the frames say ----------------------------------------------------------------------------------------

    def _decoded(
        self,
        decoder: Decoder,
        journal: str,
        rows: Sequence[Row],
        earlier: Mapping[tuple[Any, ...], Sequence[Row]],
    ) -> Iterator[tuple[Row, str]]:
        numbers = sorted({row["sequence"] for row in rows})
        frames = {
            one["sequence"]: frame_of(one) for one in self._lake.frames_numbered(journal, numbers).to_pylist()
        }
        given = _given(decoder, list(frames.values()))
        for row in rows:
            frame = frames.get(row["sequence"])
            if frame is None:
                yield row, NO_FRAME
            elif not self._gives(given, row, earlier) and not self._gives(
                _given(decoder, self._around(frame)), row, earlier
            ):
                yield row, NOT_GIVEN

    def _around(self, frame: Frame) -> list[Frame]:
        """The frames of a device about a moment, for a value that was put together from several."""
        low, high = frame.received_at - _AROUND, frame.received_at + _AROUND
        stored = self._lake.frames(low, high, mn=frame.mn, limit=_MOST_AROUND).to_pylist()
        frames = [frame_of(one) for one in stored if one["journal"] == frame.journal]
        # Whatever still waits for its siblings is given up by a frame that comes much later.
        later = frame._replace(sequence=0, received_us=frame.received_us + 3 * _AROUND // _MICROSECOND)
        return [*frames, later]

    def _gives(
        self,
        given: Mapping[tuple[Any, ...], Sequence[Row]],
        row: Row,
        earlier: Mapping[tuple[Any, ...], Sequence[Row]],
    ) -> bool:
        before = [one for one in earlier[_key(row)] if one["revision"] < row["revision"]]
        return any(_same(row, one, before) for one in given.get((row["sequence"], *_key(row)), ()))


_MICROSECOND = timedelta(microseconds=1)


def _given(decoder: Decoder, frames: Sequence[Frame]) -> dict[tuple[Any, ...], list[Row]]:
    """Return what frames of one journal give, by sequence, series, statistic and start."""
    read = [one for one in frames if one.kind is Kind.ACCEPTED or admitted(one, decoder.directory)]
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in decoder.decode(read, REPLAYED, Parts()).observations.to_pylist():
        found[row["sequence"], *_key(row)].append(row)
    return found


def _key(row: Row) -> tuple[Any, ...]:
    return row["series"], row["statistic"], row["start"].astimezone(UTC)


def _same(row: Row, given: Row, before: Sequence[Row]) -> bool:
    """Whether a stored row is what was given, completed by what was known before."""
    for name in _FIELDS:
        stored, arrived = _number(row, name), _number(given, name)
        if arrived is not None:
            if stored != arrived:
                return False
        elif stored is not None and stored not in [_number(one, name) for one in before]:
            return False
    if given["flag"] is not None:
        flagged = row["flag"] == given["flag"]
    else:
        flagged = row["flag"] is None or row["flag"] in [one["flag"] for one in before]
    return bool(flagged and row["qualifier"] == given["qualifier"])


def _number(row: Row, name: str) -> tuple[int, int] | None:
    """A stored decimal in its shortest spelling, None where there is none."""
    mantissa, decimals = row[f"{name}_mantissa"], row[f"{name}_decimals"]
    if mantissa is None:
        return None
    while mantissa and mantissa % 10 == 0:
        mantissa, decimals = mantissa // 10, decimals - 1
    return mantissa, decimals if mantissa else 0

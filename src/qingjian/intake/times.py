"""Times as files write them → starts of periods in microseconds UTC; a day that no calendar has is no time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.clock import CHINA
from qingjian.lake import STATISTIC_CODES

_CLOCK = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))?)?"
_SHAPES = (
    rf"^(?P<year>\d{{4}})-(?P<month>\d{{1,2}})(?:-(?P<day>\d{{1,2}})(?:\s+{_CLOCK})?)?$",
    rf"^(?P<year>\d{{4}})/(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})(?:\s+{_CLOCK})?$",
    r"^(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?P<second>\d\d))?)?$",
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]|\d{8}[T ]")
"""What is left for `fromisoformat`, which by itself would also read weeks and whatever stands between date and time."""
_OFFSET = 8 * 3600 * 1_000_000
_EARLIEST = int(datetime(1970, 1, 1, tzinfo=CHINA).timestamp()) * 1_000_000
_LATEST = int(datetime(2100, 1, 1, tzinfo=CHINA).timestamp()) * 1_000_000
"""Local years 1970 to 2099: 0001 and 9999 are what programs write for "no time"."""
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}

Mask = npt.NDArray[np.bool_]
Micros = npt.NDArray[np.int64]


def moments(column: pa.Array) -> tuple[Micros, Mask]:
    """Read a column of texts or timestamps; without zone UTC+08:00. Returns (microseconds UTC, malformed)."""
    if not pa.types.is_timestamp(column.type):
        return _read(column.cast(pa.string()))
    micros = pc.fill_null(column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()), 0)
    starts: Micros = micros.to_numpy(zero_copy_only=False).copy()
    starts -= 0 if column.type.tz else _OFFSET
    return starts, pc.is_null(column).to_numpy(zero_copy_only=False)


def implausible(starts: Micros) -> Mask:
    """Return which moments lie outside the years 1970 to 2099."""
    found: Mask = (starts < _EARLIEST) | (starts >= _LATEST)
    return found


def ends_to_starts(starts: Micros, statistic: npt.NDArray[np.int8], malformed: Mask) -> None:
    """Turn ends of periods into their starts, in place."""
    for name, seconds in _SECONDS.items():
        starts[statistic == STATISTIC_CODES[name]] -= seconds * 1_000_000
    for name in ("month", "year"):
        for place in np.flatnonzero((statistic == STATISTIC_CODES[name]) & ~malformed):
            starts[place] = _period_before(int(starts[place]), name)


def off_period(starts: Micros, statistic: npt.NDArray[np.int8]) -> Mask:
    """Return which starts are not the beginning of a period of their statistic, on the clock of China."""
    local = starts + _OFFSET
    off: Mask = np.zeros(len(starts), np.bool_)
    for name, seconds in _SECONDS.items():
        off |= (statistic == STATISTIC_CODES[name]) & (local % (seconds * 1_000_000) != 0)
    for name, unit in (("month", "M"), ("year", "Y")):
        mine: Mask = statistic == STATISTIC_CODES[name]
        if mine.any():
            begins = local.astype("datetime64[us]").astype(f"datetime64[{unit}]").astype("datetime64[us]")
            off |= mine & (begins.astype(np.int64) != local)
    return off


def _period_before(end: int, name: str) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=end)
    before = (moment - timedelta(seconds=1)).astimezone(CHINA)
    first = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int((first.replace(month=1) if name == "year" else first).timestamp()) * 1_000_000


def _read(texts: pa.Array) -> tuple[Micros, Mask]:
    """Read times in the usual forms, and ISO 8601 with zone; returns (microseconds UTC, malformed)."""
    plain = pc.replace_substring(pc.utf8_trim_whitespace(pc.fill_null(texts, "")), "T", " ")
    starts = np.zeros(len(texts), np.int64)
    left: Mask = np.ones(len(texts), np.bool_)
    for shape in _SHAPES:
        if not left.any():
            return starts, left
        rows = np.flatnonzero(left)
        parts = pc.extract_regex(plain.take(pa.array(rows)), shape)
        matching = pc.is_valid(parts).to_numpy(zero_copy_only=False)
        local, exists = _on_the_calendar(parts.filter(pa.array(matching)))
        hit = rows[matching][exists]
        starts[hit] = local[exists] - _OFFSET
        left[hit] = False
    for row in np.flatnonzero(left):
        text = str(texts[int(row)].as_py()).strip()
        if not _ISO.match(text):
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
        starts[row] = round(aware.timestamp() * 1_000_000)
        left[row] = False
    return starts, left


def _on_the_calendar(parts: pa.StructArray) -> tuple[Micros, Mask]:
    """Return microseconds of the local clock for matched parts of times, and which of them exist."""
    names = {field.name for field in parts.type}

    def number(name: str, missing: int) -> Micros:
        if name not in names:
            return np.full(len(parts), missing, np.int64)
        texts = pc.struct_field(parts, name)
        given = pc.if_else(pc.equal(texts, ""), str(missing), texts)
        found: Micros = given.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return found

    year, month, day = number("year", 1), number("month", 1), number("day", 1)
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
    exists: Mask = (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    exists &= days.astype("datetime64[M]").astype(np.int64) == months
    seconds = days.astype(np.int64) * 86_400 + hour * 3600 + minute * 60 + second
    return seconds * 1_000_000, exists

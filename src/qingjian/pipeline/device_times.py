"""Times as devices write them: the period that DataTime names, and how far the device's clock is off."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from qingjian.hj212.times import parse, period
from qingjian.journal import Frame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0
_HOUR_US, _MINUTE_US, _OFFSET_US = 3_600_000_000, 60_000_000, 28_800_000_000
_RESENT_AFTER = 600.0
"""A frame of minutes, hours or days whose QN is older than so many seconds is a resend."""


@lru_cache(maxsize=8192)
def period_start(command: str, text: str, convention: str, minute_interval: int) -> tuple[int, bool] | None:
    """Return the start (microseconds) of the period that DataTime names, and whether the device named it exactly.

    A data logger that writes the second of sending (08:00:05) means the period it lies in: the one that began before it,
    or where devices name the end, the one whose end is nearest.
    """
    found = period(command, text, convention, minute_interval) if text else None
    if found is None:
        return None
    told, length = microseconds(found[0]), int(found[1].total_seconds()) * 1_000_000
    if not length:
        return told, True
    grid = length if length >= _HOUR_US else _MINUTE_US
    local = told + _OFFSET_US
    if convention == "end":
        local += grid // 2
    start = local // grid * grid - _OFFSET_US
    return start, start == told


@lru_cache(maxsize=8192)
def instant(text: str) -> int | None:
    """Return the microseconds of a time to the second, None when it is none."""
    told = parse(text)
    return None if told is None else microseconds(told)


def note_offset(
    frame: Frame, qn: str | None, command: str, start: int, offsets: list[tuple[str, int, float, int]]
) -> None:
    """Measure the device's clock: its time of sending (QN) when that is a time, else the time of the data."""
    told = instant(qn[:14]) if qn and len(qn) in (14, 17) and qn.isdecimal() else None
    device = start if told is None else told
    offset = (device - frame.received_us) / 1_000_000
    ahead = (start - frame.received_us) / 1_000_000
    if command != "2011":
        # A resend keeps its QN, so a QN of the past says nothing, unless it is a day back: the jump clocks are known for.
        if offset < -_RESENT_AFTER and abs(offset + _DAY) > _RESENT_AFTER:
            return
        offset = 0.0 if told is None else offset
    offsets.append((frame.mn, frame.received_us, max(offset, ahead), frame.sequence))


def microseconds(moment: datetime) -> int:
    """Return microseconds since 1970."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds

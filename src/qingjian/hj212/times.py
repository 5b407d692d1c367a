"""Times of the wire: 14 digits YYYYMMDDhhmmss, fixed UTC+08:00."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

BEIJING = timezone(timedelta(hours=8))
_DIGITS = re.compile(r"20\d{12}(?:\d{3})?", re.ASCII)
"""A plausible time, as QN has it: the year 0001 is what some programs send for "no time"."""


@lru_cache(maxsize=4096)
def parse(text: str) -> datetime | None:
    """Aware time of 14 digits (17 with milliseconds, which are cut) of the years 2000 to 2099, or None when it is none."""
    if _DIGITS.fullmatch(text) is None:
        return None
    try:
        return datetime(
            int(text[:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:12]),
            int(text[12:14]),
            tzinfo=BEIJING,
        )
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def iso(text: str) -> str | None:
    """``20160801085857`` → ``2016-08-01T08:58:57+08:00``; None when it is no time of the years 2000 to 2099."""
    # Every second brings a new text, so the cache helps little: written for speed, and tested against ``parse``.
    if _DIGITS.fullmatch(text) is None:
        return None
    written = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}"
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if text[8:10] == "24" else f"{written}+08:00"  # newer Python reads 24:00 as midnight


def text14(moment: datetime) -> str:
    """14 digits of an aware time, in UTC+08:00."""
    return _beijing(moment).strftime("%Y%m%d%H%M%S").zfill(14)


def text17(moment: datetime) -> str:
    """17 digits (milliseconds) of an aware time, in UTC+08:00: the form of QN."""
    local = _beijing(moment)
    return local.strftime("%Y%m%d%H%M%S").zfill(14) + f"{local.microsecond // 1000:03d}"


def _beijing(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("时间必须带时区 the time must be aware")
    return moment.astimezone(BEIJING)


_DAY_COMMANDS = frozenset({"2031", "2041"})


def period(
    cn: str, datatime: str, convention: str = "start", minute_interval: int = 10
) -> tuple[datetime, timedelta] | None:
    """(start in UTC, length) of the period an upload stands for; length 0 for an instant (2011, 2021 and others).

    ``convention`` says which end of the period the device writes (2017/2025: start; 2005 leaves it open).
    None when DataTime is no valid time.
    """
    moment = parse(datatime)
    if moment is None:
        return None
    if cn in _DAY_COMMANDS:
        length = timedelta(days=1)
    elif cn == "2061":
        length = timedelta(hours=1)
    elif cn == "2051":
        length = timedelta(minutes=minute_interval)
    elif cn == "2111":
        length = timedelta(minutes=5)
    else:
        length = timedelta()
    if convention == "end":
        moment -= length
    return moment.astimezone(UTC), length


def next_number(now: datetime, last: str) -> str:
    """A QN for ``now`` that is later than ``last`` (17 digits, or empty): two commands never share one."""
    text = text17(now)
    if text > last:
        return text
    moment = parse(last)
    if moment is None:
        return text
    return text17(moment + timedelta(milliseconds=int(last[14:] or "0") + 1))

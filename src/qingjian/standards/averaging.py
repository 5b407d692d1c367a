"""Averaging periods as offices write them: `24 小时均值`, `日平均浓度`, `一次值`, `昼间` are what the tables call otherwise."""

from __future__ import annotations

import functools
import re
import unicodedata
from types import MappingProxyType

from qingjian.rulebook import Row, packaged
from qingjian.standards.explanation import Text

COLUMN = "averaging_period"
EMISSIONS = "emission_limits"
_WRITTEN = MappingProxyType(
    {
        "hour": "小时均值",
        "day": "日均值",
        "month": "月均值",
        "year": "年均值",
        "instant": "任意一次",
        "determination": "测定均值",
    }
)
"""How a period of an emission limit is written where its document has none of that kind."""
_ENDING = re.compile(r"(最高允许排放|排放|浓度|限值|平均值|平均|均值|均|值)$")
_MEANT = MappingProxyType(
    {
        **dict.fromkeys(("小时", "1小时", "一小时", "每小时", "时", "h", "1h"), "hour"),
        **dict.fromkeys(("日", "每日", "一日", "24小时", "24h", "日24小时"), "day"),
        **dict.fromkeys(
            ("8小时", "8h", "日最大8小时", "日最大8h", "最大8小时", "日最大8小时滑动", "8小时滑动"), "8h"
        ),
        **dict.fromkeys(("月", "每月", "月度"), "month"),
        **dict.fromkeys(("季", "季度", "每季"), "quarter"),
        **dict.fromkeys(("年", "年度", "每年"), "year"),
        **dict.fromkeys(("一次", "任意一次", "任何一次", "瞬时", "单次"), "instant"),
        "测定": "determination",
        "昼": "昼间",
        "昼间": "昼间",
        "夜": "夜间",
        "夜间": "夜间",
    }
)
_HOURS = re.compile(r"\(?0?(\d{1,2})(?::00|时|点)?[-~–—至到]0?(\d{1,2})(?::00|时|点)?\)?$")


def written(row: Row) -> str:
    """The period of a row as the tables write it; as it is where nobody could say what is meant."""
    given = row.values.get(COLUMN, "")
    own = _of(row.table, row.standard)
    if not given or given in own:
        return given
    kind = kind_of(given)
    if kind is None:
        return given
    for known in (own, () if row.table == EMISSIONS else _of(row.table, "")):
        found = [one for one in known if _same(given, one)]
        if len(found) == 1:
            return found[0]
    return _WRITTEN.get(kind, given) if row.table == EMISSIONS else given


def kind_of(text: str) -> str | None:
    """What a period is: hour, day, 8h, month, quarter, year, instant, determination, 昼间, 夜间; None where nobody knows."""
    return _read(text)[0]


def problem(row: Row) -> tuple[str, Text] | None:
    """Return (column, why) for a period that no evaluation of the table reads."""
    if COLUMN not in row.values:
        return None
    given = row.values[COLUMN].strip()
    if row.table == EMISSIONS:
        return _of_emission(given)
    known = _of(row.table, row.standard) or _of(row.table, "")
    if given in known or not known:
        return None
    listing = "、".join(one for one in known if one)
    return (
        COLUMN,
        Text(
            f"不认识的统计时段: {given}（可用 {listing}）",
            f"unknown averaging period: {given} (known: {listing})",
        ),
    )


def _of_emission(given: str) -> tuple[str, Text] | None:
    kind = kind_of(given)
    if not given or kind in _WRITTEN:
        return None
    listing = "、".join(_WRITTEN.values())
    if kind == "quarter":
        return (
            COLUMN,
            Text(
                f"排放限值不按季评价: {given}（可用 {listing}）",
                f"nothing is judged by the quarter: {given} (known: {listing})",
            ),
        )
    return (
        COLUMN,
        Text(
            f"不认识的统计时段: {given}（可用 {listing}）",
            f"unknown averaging period: {given} (known: {listing})",
        ),
    )


def _same(one: str, other: str) -> bool:
    """Whether two texts mean one period; hours of the day only where both name them the same or one names none."""
    (kind, hours), (wanted, wanted_hours) = _read(one), _read(other)
    return kind is not None and kind == wanted and (hours in (None, wanted_hours) or wanted_hours is None)


@functools.lru_cache(maxsize=512)
def _read(text: str) -> tuple[str | None, tuple[str, str] | None]:
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).casefold()
    hours = None
    if plain[:1] in ("昼", "夜") and (found := _HOURS.search(plain)) is not None:
        hours = (found[1], found[2])
        plain = plain[: found.start()]
    while plain not in _MEANT and (short := _ENDING.sub("", plain)) != plain:
        plain = short
    return _MEANT.get(plain), hours


@functools.cache
def _of(table: str, standard: str) -> tuple[str, ...]:
    rows = packaged().rows(table, standard=standard) if standard else packaged().rows(table)
    return tuple(dict.fromkeys(one.values.get(COLUMN, "") for one in rows))

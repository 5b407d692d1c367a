"""How each legal instrument counts: what a bare "日" means, the first day, the last day.

The rules differ from text to text, so none is built into the code: ``data/instruments.csv`` holds one row
per instrument with its clause and confidence (V checked against the text, S one secondary source,
U unverified).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources


class Unit(Enum):
    """The unit of a limit. ``DAY`` is the bare word 日, which the instrument turns into one of the others."""

    HOUR = "hour"
    DAY = "day"
    NATURAL_DAY = "natural day"
    WORKING_DAY = "working day"
    MONTH = "month"
    YEAR = "year"
    OCLOCK_NEXT_DAY = "o'clock next day"
    JANUARY_NEXT_YEAR = "January next year"


class UnknownUnitError(ValueError):
    """The text names no unit of time that can be counted."""


_UNIT_WORDS = {
    **{unit.value: unit for unit in Unit},
    "小时": Unit.HOUR,
    "日": Unit.DAY,
    "天": Unit.DAY,
    "自然日": Unit.NATURAL_DAY,
    "工作日": Unit.WORKING_DAY,
    "个工作日": Unit.WORKING_DAY,
    "月": Unit.MONTH,
    "个月": Unit.MONTH,
    "年": Unit.YEAR,
}


def parse_unit(text: str) -> Unit:
    """The unit named by a table cell. Raises :class:`UnknownUnitError` for what is no countable limit."""
    unit = _UNIT_WORDS.get(text.strip())
    if unit is None:
        raise UnknownUnitError(f"不是可计算的期限单位 / not a unit of time to count: {text!r}")
    return unit


@dataclass(frozen=True, slots=True)
class Instrument:
    """The counting rules of one legal text.

    ``working_days`` lists the lengths for which a bare 日 means a working day, ``working_up_to`` the longest
    such length (-1: none); ``bare_day_always_working`` covers every length.
    """

    id: str
    name_zh: str
    name_en: str
    aliases: tuple[str, ...] = ()
    bare_day_always_working: bool = False
    working_days: frozenset[int] = frozenset()
    working_up_to: int = -1
    bare_day_clause: str = ""
    bare_day_confidence: str = "U"
    first_day_counted: bool = False
    last_day_rolls: bool = False
    last_day_clause: str = ""
    last_day_confidence: str = "U"
    note_zh: str = ""
    note_en: str = ""

    def resolve(self, limit: int, unit: Unit) -> Unit:
        """The unit that is counted: a bare 日 becomes natural or working days, others stay."""
        if unit is not Unit.DAY:
            return unit
        working = (
            self.bare_day_always_working or limit in self.working_days or 0 <= limit <= self.working_up_to
        )
        return Unit.WORKING_DAY if working else Unit.NATURAL_DAY


@cache
def packaged_instruments() -> tuple[Instrument, ...]:
    """All instruments of the packaged table, in its order."""
    path = resources.files("qingjian.workdays").joinpath("data", "instruments.csv")
    return tuple(_instrument(row) for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def instrument(identifier: str) -> Instrument:
    """The packaged instrument with this id. Raises KeyError when there is none."""
    for candidate in packaged_instruments():
        if candidate.id == identifier:
            return candidate
    raise KeyError(identifier)


def instrument_for(source: str) -> Instrument | None:
    """The instrument a source text cites first (e.g. ``环保部令29号 第15条; 行政强制法第25条``), or None.

    Where two names begin at the same place the longer one is meant.
    """
    found: tuple[int, int, Instrument] | None = None
    for candidate in packaged_instruments():
        for alias in candidate.aliases:
            place = source.find(alias)
            if place >= 0 and (found is None or (place, -len(alias)) < found[:2]):
                found = (place, -len(alias), candidate)
    return None if found is None else found[2]


def _instrument(row: dict[str, str]) -> Instrument:
    rule = row["bare_day"]
    lengths: frozenset[int] = frozenset()
    up_to = -1
    if rule.startswith("working:"):
        lengths = frozenset(int(part) for part in rule.removeprefix("working:").split(","))
    elif rule.startswith("working<="):
        up_to = int(rule.removeprefix("working<="))
    elif rule not in ("working", "natural"):
        raise ValueError(f"unknown rule for a bare day: {rule!r}")
    return Instrument(
        id=row["id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        aliases=tuple(part for part in row["aliases"].split(";") if part),
        bare_day_always_working=rule == "working",
        working_days=lengths,
        working_up_to=up_to,
        bare_day_clause=row["bare_day_clause"],
        bare_day_confidence=row["bare_day_confidence"],
        first_day_counted=row["first_day_counted"] == "yes",
        last_day_rolls=row["last_day_rolls"] == "yes",
        last_day_clause=row["last_day_clause"],
        last_day_confidence=row["last_day_confidence"],
        note_zh=row["note_zh"],
        note_en=row["note_en"],
    )

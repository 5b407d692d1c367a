"""Which rule of the rulebook says when a period is valid, by medium, factor, period and day.

``data/aggregation_rules.csv`` says where in the rulebook each threshold stands; the number itself is read from
the row, so a local row or a newer edition changes the result without code.
"""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from qingjian.rulebook import Confidence, Row, Rulebook

_PERCENT = re.compile(r">=\s*(\d+(?:\.\d+)?)\s*%")
_GAS_SHARE = 0.75
"""The share of 2017, for days before that edition (2005 has no such rule)."""

KINDS = ("minutes", "count", "share_of_expected", "share_of_operating")


class RuleTextError(ValueError):
    """A row of the rulebook is named by a selector, but no number can be read from its text."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold with its row.

    ``kind``: ``minutes`` of valid data in the period; ``count`` of valid values; ``share_of_expected`` values
    (0…1); ``share_of_operating``: share of the values due while the source runs or discharges.
    """

    target: str
    name: str
    kind: str
    threshold: float
    february: float
    row: Row
    analogy: bool
    note_zh: str
    note_en: str

    @property
    def confidence(self) -> Confidence:
        """That of the row; U where the row is applied by analogy."""
        return Confidence.U if self.analogy else self.row.confidence


@dataclass(frozen=True, slots=True)
class _Selector:
    medium: str
    items: frozenset[str]
    target: str
    name: str
    kind: str
    table: str
    where: tuple[tuple[str, str], ...]
    pattern: re.Pattern[str]
    february: re.Pattern[str] | None
    max_source_seconds: int
    analogy: bool
    note_zh: str
    note_en: str


@functools.cache
def _selectors() -> tuple[_Selector, ...]:
    found = []
    for row in csv.DictReader(_text("aggregation_rules.csv").splitlines()):
        pairs = tuple(
            (name, value) for name, _, value in (part.partition("=") for part in row["where"].split(";"))
        )
        found.append(
            _Selector(
                medium=row["medium"],
                items=frozenset(row["items"].split()),
                target=row["target"],
                name=row["name"],
                kind=row["kind"],
                table=row["table"],
                where=pairs,
                pattern=re.compile(row["pattern"]),
                february=re.compile(row["february"]) if row["february"] else None,
                max_source_seconds=int(row["max_source_seconds"] or 0),
                analogy=row["analogy"] == "yes",
                note_zh=row["note_zh"],
                note_en=row["note_en"],
            )
        )
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def rules_for(
    book: Rulebook, medium: str, factor: str, target: str, on: date, source_seconds: int = 60
) -> tuple[Rule, ...]:
    """The rules that decide whether a period of that day is valid, the governing one first.

    More than one where documents differ (flue gas): the others only tell whether the verdict is disputed.
    There is always at least one: where no document is known, an own convention of confidence U.
    Raises :class:`RuleTextError` when a local row holds no number that can be read.
    """
    fitting = [
        one
        for one in _selectors()
        if one.medium == medium
        and one.target == target
        and (not one.max_source_seconds or source_seconds <= one.max_source_seconds)
    ]
    named = [one for one in fitting if factor in one.items]
    chosen = named or [one for one in fitting if not one.items]
    rules = [rule for one in chosen for rule in _resolve(book, one, target, on)]
    if not rules:
        rules = [r for one in _selectors() if not one.medium for r in _resolve(book, one, target, on)]
    return tuple(rules)


@functools.lru_cache(maxsize=8)
def change_days(book: Rulebook) -> tuple[date, ...]:
    """Days on which a rule that may be selected begins to hold or has ceased to hold, in order."""
    days = set()
    for one in _selectors():
        for row in book.rows(one.table, None, **dict(one.where)):
            if row.valid_from:
                days.add(row.valid_from)
            if row.valid_to:
                days.add(row.valid_to + timedelta(days=1))
    return tuple(sorted(days))


def gas_share(book: Rulebook, on: date) -> float:
    """Share of normal values from which the mark of a gas period is N (HJ 212 tables C.16–C.18)."""
    rows = book.rows("data_validity", on, standard="HJ 212", item="废气", scope="flag")
    return number_in(rows[0], _PERCENT) * 0.01 if rows else _GAS_SHARE


def check_text(row: Row) -> None:
    """Raises :class:`RuleTextError` when a selector would take its number from this row and finds none."""
    for one in _selectors():
        if row.table == one.table and all(row.values.get(name, "") == value for name, value in one.where):
            number_in(row, one.pattern)
            if one.february:
                number_in(row, one.february)


def number_in(row: Row, pattern: re.Pattern[str]) -> float:
    """The number a row's text states. Raises :class:`RuleTextError` when there is none."""
    text = row.values.get("rule") or row.values.get("criterion") or ""
    match = pattern.search(text)
    if match is None:
        raise RuleTextError(
            f"规则 {row.id} 的文字中读不出数值：{text} / no number can be read from rule {row.id}: {text}"
        )
    return float(match[1])


def _resolve(book: Rulebook, one: _Selector, target: str, on: date) -> list[Rule]:
    rules = []
    for row in book.rows(one.table, on, **dict(one.where)):
        scale = 0.01 if one.kind.startswith("share") else 1.0
        threshold = number_in(row, one.pattern) * scale
        february = number_in(row, one.february) * scale if one.february else threshold
        rules.append(
            Rule(
                target,
                one.name,
                one.kind,
                threshold,
                february,
                row,
                one.analogy,
                one.note_zh,
                one.note_en,
            )
        )
    return rules[:1]


def _text(name: str) -> str:
    return resources.files("qingjian.quality").joinpath("data", name).read_text("utf-8")

"""Shapes of data areas: names and separators, worked out once and kept in a bounded table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from qingjian.hj212.model import Deviation
from qingjian.hj212.profiles import NOTHING, Profile, profile

_SHAPES_KEPT = 2048
_NAMES_KEPT = 131_072
_SHAPES_PER_FINGERPRINT = 4
# A pattern takes a millisecond to compile: only shapes that come again and again get one.
_USES_BEFORE_PATTERN = 32
_LONGEST_PATTERN = 200
_STATISTICS = frozenset({"Avg", "Min", "Max", "Cou", "ZsAvg", "ZsMin", "ZsMax"})
_VALUES_BEFORE_MARK = frozenset({"Rtd", "Avg", "Min", "Max", "Cou", "Data"})


Tables = str | tuple[str, frozenset[str]]
"""Which tables names and marks are compared with: an edition, or an edition and what is switched off of it."""
Key = tuple[Tables, bytes, tuple[str, ...]]
Fingerprint = tuple[Tables, int, bytes]


def tables_of(tables: Tables) -> Profile:
    return profile(tables) if isinstance(tables, str) else profile(*tables)


def name_of(edition: str, without: frozenset[str] = NOTHING) -> Tables:
    """The tables of an edition as a key; the usual ones by the edition alone."""
    return (edition, without) if without else edition


class Shape:
    """Names and separators of a data area, with all that follows from them alone.

    ``names``: as on the wire, one per value. ``columns``: (factor, suffix) per value, or None for a parameter.
    ``groups``: length of each ``;`` group. ``item_indices``, ``factors``, ``suffixes``: of the items only.
    ``blocks``: (factor, suffixes, index of each) per factor in order of first appearance. Shapes are compared by
    identity: a consumer may keep its own findings in a dictionary keyed by shape.
    """

    __slots__ = (
        "blocks",
        "canonical",
        "columns",
        "datatime",
        "deviations",
        "factors",
        "groups",
        "item_indices",
        "mark_indices",
        "marks",
        "names",
        "number_indices",
        "one_time",
        "parameter_indices",
        "pattern",
        "pick_items",
        "pick_marks",
        "pick_numbers",
        "pickers",
        "statistics",
        "suffixes",
        "time_indices",
        "times_of_items",
        "uses",
    )

    def __init__(self, names: tuple[str, ...], groups: tuple[int, ...], tables_name: Tables) -> None:
        self.names = names
        self.groups = groups
        columns: list[tuple[str, str] | None] = []
        for name in names:
            factor, dash, suffix = name.rpartition("-")
            columns.append((factor, suffix) if dash and factor and suffix else None)
        self.columns = tuple(columns)
        self.item_indices = tuple(index for index, column in enumerate(columns) if column is not None)
        self.parameter_indices = tuple(index for index, column in enumerate(columns) if column is None)
        self.factors = tuple(column[0] for column in columns if column is not None)
        self.suffixes = tuple(column[1] for column in columns if column is not None)
        datatimes = [index for index in self.parameter_indices if names[index] == "DataTime"]
        self.datatime = datatimes[0] if datatimes else -1
        self.times_of_items = self._times_of_items(datatimes)
        self.one_time = len(set(self.times_of_items)) <= 1
        blocks: dict[str, list[int]] = {}
        for index, column in enumerate(columns):
            if column is not None:
                blocks.setdefault(column[0], []).append(index)
        self.blocks = tuple(
            (factor, tuple(columns[index][1] for index in indices), tuple(indices))  # type: ignore[index]
            for factor, indices in blocks.items()
        )
        self.pickers = tuple(
            _first_of_each(suffixes, indices, factor) for factor, suffixes, indices in self.blocks
        )
        self.statistics = next((suffix for suffix in self.suffixes if suffix in _STATISTICS), "")
        tables = tables_of(tables_name)
        self.marks = frozenset(tables.marks)
        kinds = [
            None
            if column is None
            else _kind(column[0], tables.suffixes[column[1]].kind if column[1] in tables.suffixes else "text")
            for column in columns
        ]
        self.number_indices = tuple(index for index, kind in enumerate(kinds) if kind == "number")
        self.mark_indices = tuple(index for index, kind in enumerate(kinds) if kind == "mark")
        self.time_indices = tuple(index for index, kind in enumerate(kinds) if kind == "time")
        self.pick_numbers = _picker(self.number_indices)
        self.pick_marks = _picker(self.mark_indices)
        self.pick_items = _picker(self.item_indices)
        self.canonical = groups == canonical_groups(self.columns)
        self.deviations = tuple(self._static_deviations(tables, datatimes))
        self.uses = 0
        self.pattern: re.Pattern[str] | None = None

    def compile(self, separators: bytes) -> None:
        """Make the pattern that recognises this shape with values beyond reproach, in one pass.

        ``separators``: the byte before each name but the first.
        """
        marks = "|".join(sorted(map(re.escape, self.marks), key=len, reverse=True))
        if not marks:
            marks = "(?!)"  # none is known
        elif all(len(mark) == 1 for mark in self.marks):
            marks = f"[{marks.replace('|', '')}]"
        numbers, marked, timed = map(frozenset, (self.number_indices, self.mark_indices, self.time_indices))
        parts = []
        for index, name in enumerate(self.names):
            if index in numbers:
                value = r"-?+[0-9]{1,8}+\.?+[0-9]{0,6}+"
            elif index in marked:
                value = marks
            elif index in timed or name == "DataTime":
                value = "[0-9]{14}"
            else:
                value = r"[!-%'-+\-.0-:<>-~]*+"
            parts.append(f"{chr(separators[index - 1]) if index else ''}{re.escape(name)}=({value})")
        self.pattern = re.compile("".join(parts))

    def _times_of_items(self, datatimes: list[int]) -> tuple[int, ...]:
        """Per item the index of the DataTime it stands under (-1: none)."""
        result = []
        for index in self.item_indices:
            above = [position for position in datatimes if position < index]
            result.append(above[-1] if above else self.datatime)
        return tuple(result)

    def _static_deviations(self, tables: Profile, datatimes: list[int]) -> Iterator[Deviation]:
        if len(datatimes) > 1:
            yield Deviation("datatime_repeated", f"{len(datatimes)} x DataTime")
        for factor, suffixes, _ in self.blocks:
            if tables.factor(factor) is None:
                elsewhere = any(
                    profile(other).factor(factor) is not None
                    for other in ("2005", "2017", "2025")
                    if other != tables.edition
                )
                yield Deviation("factor_other_edition" if elsewhere else "factor_unknown", factor)
            for suffix in suffixes:
                if suffix not in tables.suffixes:
                    yield Deviation("suffix_unknown", f"{factor}-{suffix}")
            if len(set(suffixes)) != len(suffixes):
                yield Deviation("item_duplicate", factor)
            if "Flag" in suffixes:
                values = [
                    position for position, suffix in enumerate(suffixes) if suffix in _VALUES_BEFORE_MARK
                ]
                if values and suffixes.index("Flag") < values[0]:
                    yield Deviation("mark_before_value", factor)
        seen: set[str] = set()
        for index in self.parameter_indices:
            name = self.names[index]
            if name not in tables.parameters:
                yield Deviation("parameter_unknown", name)
            elif name in seen and name not in ("CTime", "Ctime", "CstartTime", "DataTime"):
                yield Deviation("item_duplicate", name)
            seen.add(name)
        yield from self._grouping_deviations()

    def _grouping_deviations(self) -> Iterator[Deviation]:
        """A comma between values of different factors, or a semicolon inside one factor."""
        start = 0
        before: str | None = None
        for size in self.groups:
            members = {None if column is None else column[0] for column in self.columns[start : start + size]}
            first = self.columns[start]
            if len(members) > 1 and not members <= {None, "SBx"}:
                named = sorted(factor for factor in members if factor is not None)
                if len(named) > 1 or (None in members and not self._alarm(start, size)):
                    yield Deviation("separator_mixed", ",".join(self.names[start : start + size][:3]))
                    return
            if first is not None and first[0] == before:
                yield Deviation("separator_mixed", f"{first[0]}: ;")
                return
            last = self.columns[start + size - 1]
            before = None if last is None else last[0]
            start += size

    def _alarm(self, start: int, size: int) -> bool:
        """2005 table of 2071/2072 itself writes ``101-Ala=1.1,AlarmType=1``."""
        names = self.names[start : start + size]
        return names[-1] == "AlarmType" and all(name.endswith("-Ala") for name in names[:-1])


def _kind(factor: str, kind: str) -> str:
    # 关键生产工况标记 (2025): the value is a mark such as N, St, Sr.
    return "text" if kind == "number" and factor.startswith("p") else kind


def _picker(indices: tuple[int, ...]) -> Any:
    """A function from the values to a sequence of the chosen ones."""
    if not indices:
        return lambda values: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    if indices == tuple(range(indices[0], indices[-1] + 1)):
        return itemgetter(slice(indices[0], indices[-1] + 1))
    return itemgetter(*indices)


def _first_of_each(
    suffixes: tuple[str, ...], indices: tuple[int, ...], factor: str
) -> tuple[str, tuple[str, ...], Any]:
    """(factor, distinct suffixes, picker of their values); of a repeated suffix the first."""
    first: dict[str, int] = {}
    for suffix, index in zip(suffixes, indices, strict=True):
        first.setdefault(suffix, index)
    return factor, tuple(first), _picker(tuple(first.values()))


def canonical_groups(columns: tuple[tuple[str, str] | None, ...]) -> tuple[int, ...] | None:
    """Group sizes of the plain order: parameters first, one per group; then items, one group per factor.

    None when a parameter follows an item, so that the order itself is not the plain one.
    """
    groups: list[int] = []
    before: str | None = None
    items = False
    for column in columns:
        if column is None:
            if items:
                return None
            groups.append(1)
        elif items and column[0] == before:
            groups[-1] += 1
        else:
            groups.append(1)
            items = True
            before = column[0]
    return tuple(groups)


class Shapes:
    """The bounded table of shapes: senders can invent names, so it starts anew when it grows too large."""

    def __init__(self) -> None:
        self.known: dict[Key, Shape] = {}
        self.patterns: dict[Fingerprint, tuple[Shape, ...]] = {}
        self._names = 0

    def add(self, key: Key, groups: tuple[int, ...]) -> Shape:
        shape = Shape(key[2], groups, key[0])
        self._names += len(key[2]) + 8
        if len(self.known) >= _SHAPES_KEPT or self._names > _NAMES_KEPT:
            self.known.clear()
            self.patterns.clear()
            self._names = len(key[2]) + 8
        self.known[key] = shape
        return shape

    def used(self, shape: Shape, skeleton: bytes, fingerprint: Fingerprint) -> None:
        """Count a use; a shape that comes often gets its pattern."""
        shape.uses += 1
        if shape.uses == _USES_BEFORE_PATTERN and len(shape.names) <= _LONGEST_PATTERN:
            shape.compile(skeleton[1::2])
        if shape.pattern is not None:
            others = [other for other in self.patterns.get(fingerprint, ()) if other is not shape]
            self.patterns[fingerprint] = (shape, *others[: _SHAPES_PER_FINGERPRINT - 1])
            if len(self.patterns) > _SHAPES_KEPT:
                self.patterns.clear()


SHAPES = Shapes()

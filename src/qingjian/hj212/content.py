"""The data area CP: items, parameters, and the departures found in it.

Frames of one device repeat the same names in the same order; only the values change. So what can be said about
names and separators (which factor, which suffix, is it known, is the grouping canonical) is worked out once per
*shape* and kept in a bounded table; per frame only the values are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

from qingjian.hj212 import times
from qingjian.hj212.model import Deviation, Item
from qingjian.hj212.profiles import profile

# What is left of a data area when only separators, spaces and control bytes are kept.
_NOT_SEPARATORS = bytes(byte for byte in range(0x21, 256) if byte not in b";,=\x7f")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_FITTING = re.compile(r"-?\d{1,14}(?:\.\d{1,6})?", re.ASCII)
_SHORT_NUMBER = 8  # up to this length a number cannot break the widest format (N14.2, N1.6)
_SHAPES_KEPT = 2048
_NAMES_KEPT = 131_072
_STATISTICS = frozenset({"Avg", "Min", "Max", "Cou", "ZsAvg", "ZsMin", "ZsMax"})
_VALUES_BEFORE_MARK = frozenset({"Rtd", "Avg", "Min", "Max", "Cou", "Data"})


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
        "parameter_indices",
        "pick_items",
        "pick_marks",
        "pick_numbers",
        "pickers",
        "statistics",
        "suffixes",
        "time_indices",
        "times_of_items",
    )

    def __init__(self, names: tuple[str, ...], groups: tuple[int, ...], edition: str) -> None:
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
        tables = profile(edition)
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
        self.deviations = tuple(self._static_deviations(edition, datatimes))

    def _times_of_items(self, datatimes: list[int]) -> tuple[int, ...]:
        """Per item the index of the DataTime it stands under (-1: none)."""
        result = []
        for index in self.item_indices:
            above = [position for position in datatimes if position < index]
            result.append(above[-1] if above else self.datatime)
        return tuple(result)

    def _static_deviations(self, edition: str, datatimes: list[int]) -> Iterator[Deviation]:
        tables = profile(edition)
        if len(datatimes) > 1:
            yield Deviation("datatime_repeated", f"{len(datatimes)} x DataTime")
        for factor, suffixes, _ in self.blocks:
            if tables.factor(factor) is None:
                elsewhere = any(
                    profile(other).factor(factor) is not None
                    for other in ("2005", "2017", "2025")
                    if other != edition
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
    """A function from the values to the tuple of the chosen ones."""
    if not indices:
        return lambda values: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
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


# Item._make without its length check: the tuples come from zip and have four members.
_AS_ITEM: Callable[[tuple[Any, ...]], Item] = partial(tuple.__new__, Item)


class Data(NamedTuple):
    """A parsed data area. ``values`` run parallel to ``shape.names``; ``deviations`` are complete."""

    shape: Shape
    values: list[str]
    deviations: tuple[Deviation, ...]

    @property
    def datatime(self) -> str | None:
        """DataTime as on the wire, or None."""
        return None if self.shape.datatime < 0 else self.values[self.shape.datatime]

    def factors(self) -> dict[str, dict[str, str]]:
        """factor → suffix → value text; of repeated items the first."""
        values = self.values
        return {
            factor: dict(zip(suffixes, pick(values), strict=True))
            for factor, suffixes, pick in self.shape.pickers
        }

    def parameters(self) -> dict[str, str | list[str]]:
        """name → value; a repeated name has the list of its values."""
        found: dict[str, str | list[str]] = {}
        for index in self.shape.parameter_indices:
            name, value = self.shape.names[index], self.values[index]
            if name not in found:
                found[name] = value
                continue
            known = found[name]
            if isinstance(known, list):
                known.append(value)
            else:
                found[name] = [known, value]
        return found

    def items(self) -> list[Item]:
        """All items in wire order."""
        shape, values = self.shape, self.values
        if len(set(shape.times_of_items)) <= 1:
            moment = times.iso(values[shape.datatime]) if shape.datatime >= 0 else None
            moments: Any = repeat(moment)
        else:
            moments = [times.iso(values[index]) if index >= 0 else None for index in shape.times_of_items]
        return list(
            map(_AS_ITEM, zip(moments, shape.factors, shape.suffixes, shape.pick_items(values), strict=False))
        )

    def layout(self) -> list[list[str]]:
        """Names as grouped on the wire."""
        names, start, result = self.shape.names, 0, []
        for size in self.shape.groups:
            result.append(list(names[start : start + size]))
            start += size
        return result


class _Shapes:
    """The bounded table of shapes: senders can invent names, so it starts anew when it grows too large."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, bytes, tuple[str, ...]], Shape] = {}
        self._names = 0

    def add(self, key: tuple[str, bytes, tuple[str, ...]], groups: tuple[int, ...]) -> Shape:
        shape = Shape(key[2], groups, key[0])
        self._names += len(key[2]) + 8
        if len(self.known) >= _SHAPES_KEPT or self._names > _NAMES_KEPT:
            self.known.clear()
            self._names = len(key[2]) + 8
        self.known[key] = shape
        return shape


_SHAPES = _Shapes()


def _groups_of(skeleton: bytes) -> tuple[int, ...]:
    return tuple(group.count(b"=") for group in skeleton.split(b";"))


def parse_data(cp: bytes, edition: str = "2017", cn: str = "2011") -> Data:
    """Parse the bytes between ``CP=&&`` and ``&&``. Never raises; what is odd is in ``deviations``.

    ``edition`` chooses the tables names and marks are compared with; ``cn`` tells an upload of data from others.
    """
    if (b"/" in cp and b"//" in cp) or (b"&" in cp and b"&&" in cp):  # log text, which may hold separators
        return _parse_irregular(cp, edition, cn)
    try:
        text = cp.decode("utf-8")
    except UnicodeDecodeError:
        return _parse_irregular(cp, edition, cn)
    skeleton = cp.translate(None, _NOT_SEPARATORS)
    pieces = text.replace(";", "=").replace(",", "=").split("=")
    key = (edition, skeleton, tuple(pieces[0::2]))
    shape = _SHAPES.known.get(key)
    if shape is None:
        if not _regular(skeleton) or "" in key[2]:
            return _parse_irregular(cp, edition, cn)
        shape = _SHAPES.add(key, _groups_of(skeleton))
    values = pieces[1::2]
    deviations = _value_deviations(shape, values, cn)
    if deviations or shape.deviations:
        return Data(shape, values, (*shape.deviations, *deviations))
    return Data(shape, values, ())


def iterate_items(cp: bytes, edition: str = "2017") -> Iterator[Item]:
    """The items of a data area, one after another."""
    return iter(parse_data(cp, edition).items())


def _regular(skeleton: bytes) -> bool:
    """``=`` at every even place, a separator at every odd one, nothing else."""
    equals, separators = skeleton[0::2], skeleton[1::2]
    return (
        len(equals) == len(separators) + 1
        and equals.count(b"=") == len(equals)
        and separators.count(b";") + separators.count(b",") == len(separators)
    )


def _value_deviations(shape: Shape, values: list[str], cn: str) -> list[Deviation]:
    found: list[Deviation] = []
    numbers = shape.pick_numbers(values)
    if numbers:
        try:
            if "".join(numbers).encode().translate(None, b"0123456789.-"):
                raise ValueError
            list(map(float, numbers))
            suspicious = max(map(len, numbers)) > _SHORT_NUMBER
        except ValueError:
            suspicious = True
        if suspicious:
            for index in shape.number_indices:
                _check_number(shape.names[index], values[index], found)
    marks = shape.pick_marks(values)
    if marks and not shape.marks.issuperset(marks):
        for index in shape.mark_indices:
            if values[index] not in shape.marks:
                found.append(Deviation("mark_unknown", f"{shape.names[index]}={values[index]}"))
    if shape.datatime >= 0:
        text = values[shape.datatime]
        if times.iso(text) is None:
            found.append(Deviation("datatime_invalid", text))
        elif len(text) == 17:
            found.append(Deviation("datatime_milliseconds", text))
    elif shape.item_indices and cn in _DATA_COMMANDS:
        found.append(Deviation("datatime_missing", cn))
    for index in shape.time_indices:
        if times.iso(values[index]) is None:
            found.append(Deviation("datatime_invalid", f"{shape.names[index]}={values[index]}"))
    if shape.statistics and cn == "2011":
        found.append(Deviation("realtime_with_statistics", shape.statistics))
    return found


_DATA_COMMANDS = frozenset(
    {"2011", "2013", "2021", "2031", "2041", "2051", "2052", "2061", "2062", "2081", "2111"}
)


def _check_number(name: str, value: str, found: list[Deviation]) -> None:
    if not value:
        found.append(Deviation("value_empty", name))
    elif _NUMBER.fullmatch(value) is None:
        found.append(Deviation("value_not_numeric", f"{name}={value[:40]}"))
    elif _FITTING.fullmatch(value) is None:
        found.append(Deviation("value_precision", f"{name}={value[:40]}"))


def decode_text(cp: bytes) -> tuple[str, Deviation | None]:
    """UTF-8, then GB18030 with a deviation; what is neither is kept with ``\\x..`` escapes and a deviation."""
    try:
        return cp.decode("utf-8"), None
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
    try:
        return cp.decode("gb18030"), Deviation("text_gb18030", where)
    except UnicodeDecodeError:
        return cp.decode("utf-8", "backslashreplace"), Deviation("text_undecodable", where)


_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
_SEPARATOR = re.compile("[;,]")
_SEPARATOR_OR_EQUALS = re.compile("[;,=]")
_LOG_TEXT = re.compile(r"//.*//", re.DOTALL)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """(piece, separator after it). A value in ``//…//`` is log text (2017 table B.8) and may hold separators."""
    position = 0
    closable = True
    while position <= len(text):
        match = _SEPARATOR.search(text, position)
        equals = text.find("=", position, match.start() if match else len(text))
        if closable and equals >= 0 and text[equals + 1 :][:16].lstrip().startswith("//"):
            closing = text.find("//", text.index("//", equals) + 2)
            closable = closing >= 0
            if closable:
                match = _SEPARATOR.search(text, closing + 2)
        if match is None:
            yield text[position:], ""
            return
        yield text[position : match.start()], match[0]
        position = match.end()


def _parse_irregular(cp: bytes, edition: str, cn: str) -> Data:
    deviations: list[Deviation] = []
    text, problem = decode_text(cp)
    if problem is not None:
        deviations.append(problem)
    if not text.isprintable():
        cleaned = text.translate(_CONTROL)
        if cleaned != text:
            deviations.append(Deviation("text_control", f"{len(cleaned) - len(text)}"))
            text = cleaned
    if "&&" in text:
        deviations.append(Deviation("delimiter_inside", "&&"))
    names: list[str] = []
    values: list[str] = []
    groups: list[int] = [0]
    empty = stripped = 0
    malformed: list[str] = []
    for piece, separator in _pieces(text):
        name, equals, value = piece.partition("=")
        name_bare, value_bare = name.strip(" "), value.strip(" ")
        stripped += name_bare != name or value_bare != value
        if not equals and not name_bare:
            empty += bool(text)
        else:
            quoted = _SEPARATOR_OR_EQUALS.search(value_bare) is None or _LOG_TEXT.fullmatch(value_bare)
            if not equals or not name_bare or not quoted:
                malformed.append(piece[:40])
            names.append(name_bare)
            values.append(value_bare)
            groups[-1] += 1
        if separator == ";":
            groups.append(0)
    if empty:
        deviations.append(Deviation("separator_trailing", f"{empty}"))
    if stripped:
        deviations.append(Deviation("spaces", f"{stripped}"))
    deviations.extend(Deviation("item_malformed", part) for part in malformed)
    sizes = tuple(size for size in groups if size)
    key = (edition, b"irregular:" + bytes(str(sizes), "ascii"), tuple(names))
    shape = _SHAPES.known.get(key)
    if shape is None:
        shape = _SHAPES.add(key, sizes)
    deviations.extend(shape.deviations)
    deviations.extend(_value_deviations(shape, values, cn))
    return Data(shape, values, tuple(deviations))

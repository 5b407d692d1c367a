"""The data area CP: items, parameters, and the departures found in it.

Frames of one device repeat the same names in the same order; only the values change. So what can be said about
names and separators (which factor, which suffix, is it known, is the grouping canonical) is worked out once per
*shape* and kept in a bounded table; per frame only the values are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

from qingjian.hj212 import times
from qingjian.hj212.model import Deviation, Item
from qingjian.hj212.profiles import NOTHING
from qingjian.hj212.shape import SHAPES, Shape, Tables, name_of

# What is left of a data area when only separators, spaces and control bytes are kept.
_NOT_SEPARATORS = bytes(byte for byte in range(0x21, 256) if byte not in b";,=\x7f")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_FITTING = re.compile(r"-?(?:\d{1,14}(?:\.\d{0,6})?|\.\d{1,6})", re.ASCII)
_SHORT_NUMBER = 8  # up to this length a number cannot break the widest format (N14.2, N1.6)

__all__ = ["Data", "Shape", "decode_text", "iterate_items", "parse_data"]


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
            factor: dict(zip(suffixes, pick(values)))  # noqa: B905 - of equal length by construction
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

    def rows(self) -> list[tuple[str | None, str, str, str]]:
        """(time, factor, suffix, value) of all items in wire order: what ``items`` gives, as plain tuples."""
        shape, values = self.shape, self.values
        if shape.one_time:
            moments: Any = repeat(times.iso(values[shape.datatime]) if shape.datatime >= 0 else None)
        else:
            moments = [times.iso(values[index]) if index >= 0 else None for index in shape.times_of_items]
        return list(zip(moments, shape.factors, shape.suffixes, shape.pick_items(values)))  # noqa: B905 - repeat()

    def items(self) -> list[Item]:
        """All items in wire order."""
        return list(map(Item, self.rows()))

    def layout(self) -> list[list[str]]:
        """Names as grouped on the wire."""
        names, start, result = self.shape.names, 0, []
        for size in self.shape.groups:
            result.append(list(names[start : start + size]))
            start += size
        return result


def _groups_of(skeleton: bytes) -> tuple[int, ...]:
    return tuple(group.count(b"=") for group in skeleton.split(b";"))


def parse_data(cp: bytes, edition: str = "2017", cn: str = "2011", without: frozenset[str] = NOTHING) -> Data:
    """Parse the bytes between ``CP=&&`` and ``&&``. Never raises; what is odd is in ``deviations``.

    ``edition`` chooses the tables names and marks are compared with, less the facts ``without`` switches off; ``cn``
    tells an upload of data from others.
    """
    tables = name_of(edition, without)
    # Number of names, and the bytes behind DataTime=…; : the beginning of the first factor's name.
    fingerprint = (tables, cp.count(b"="), cp[24:34])
    candidates = SHAPES.patterns.get(fingerprint)
    if candidates is not None:
        text = cp.decode("latin-1")
        for candidate in candidates:
            match = candidate.pattern.fullmatch(text)  # type: ignore[union-attr]
            if match is not None:
                return _beyond_reproach(candidate, list(match.groups()), cn)
    if (b"/" in cp and b"//" in cp) or (b"&" in cp and b"&&" in cp):  # log text, which may hold separators
        return _parse_irregular(cp, tables, cn)
    try:
        text = cp.decode("utf-8")
    except UnicodeDecodeError:
        return _parse_irregular(cp, tables, cn)
    skeleton = cp.translate(None, _NOT_SEPARATORS)
    pieces = text.replace(";", "=").replace(",", "=").split("=")
    key = (tables, skeleton, tuple(pieces[0::2]))
    shape = SHAPES.known.get(key)
    if shape is None:
        if not _regular(skeleton) or "" in key[2]:
            return _parse_irregular(cp, tables, cn)
        shape = SHAPES.add(key, _groups_of(skeleton))
    values = pieces[1::2]
    SHAPES.used(shape, skeleton, fingerprint)
    deviations = _value_deviations(shape, values, cn)
    if deviations or shape.deviations:
        return Data(shape, values, (*shape.deviations, *deviations))
    return Data(shape, values, ())


def _beyond_reproach(shape: Shape, values: list[str], cn: str) -> Data:
    """Data whose numbers and marks the shape's pattern has judged; times and the command remain."""
    if (
        not (shape.datatime < 0 and shape.item_indices)
        and not shape.time_indices
        and not (shape.statistics and cn == "2011")
        and (shape.datatime < 0 or times.iso(values[shape.datatime]) is not None)
    ):
        return Data(shape, values, shape.deviations)
    return Data(shape, values, (*shape.deviations, *_value_deviations(shape, values, cn)))


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


def _parse_irregular(cp: bytes, tables: Tables, cn: str) -> Data:
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
    key = (tables, b"irregular:" + bytes(str(sizes), "ascii"), tuple(names))
    shape = SHAPES.known.get(key)
    if shape is None:
        shape = SHAPES.add(key, sizes)
    deviations.extend(shape.deviations)
    deviations.extend(_value_deviations(shape, values, cn))
    return Data(shape, values, tuple(deviations))

"""The editions as data: factors, commands, marks, system and answer codes, each row with source and confidence.

The tables are packaged CSV files; correcting one needs no code. Confidence: V read in the standard's text, S taken
from open code that quotes it, U inferred. The confidence of a 2025 fact stands in its own column.

What nobody has read in the standard's text is a `Fact` with an id, and can be left out of a profile by it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple, TypeVar

_Entry = TypeVar("_Entry")
NOTHING: frozenset[str] = frozenset()
KINDS = ("factor", "command", "mark", "suffix", "parameter", "system", "return")
_SELECTOR = re.compile(
    rf"hj212:(?:2005|2017|2025)(?::(?:{'|'.join(KINDS)})(?::[0-9A-Za-z][0-9A-Za-z:]{{0,39}})?)?"
)
_EQUIPMENT = re.compile(r"SB[0-9A-Za-z]{1,4}", re.ASCII)


class Factor(NamedTuple):
    """A monitored factor, an item of process state or of field information. ``code`` is that of the edition asked."""

    code: str
    name_zh: str
    medium: str
    unit: str
    unit_total: str
    format: str
    confidence: str
    source: str


class Command(NamedTuple):
    """A row of the command list.

    ``direction``: ``down`` host → field device, ``up``, ``both``. ``flow``: ``execute`` (9011, 9012), ``read`` (9011,
    one upload with the request's QN, 9012), ``history`` (9011, uploads, 9012), ``start`` (9011, 9012, then uploads
    at their interval), ``notify`` (9013), ``upload`` (9014 when the answer bit is set), ``answer`` (the upload of a
    read), ``interaction`` (9011…9014 themselves). ``parameters``: names of the data area with the separators of the
    canonical form; ``[x]`` optional, ``*`` factors.
    """

    cn: str
    direction: str
    name_zh: str
    flow: str
    parameters: str
    feature: str
    confidence: str
    source: str


class Mark(NamedTuple):
    """A data mark (xxxxxx-Flag)."""

    mark: str
    name_zh: str
    name_en: str
    confidence: str
    source: str


class Suffix(NamedTuple):
    """A suffix of an item; ``kind``: number, mark, time, text."""

    suffix: str
    kind: str
    name_zh: str
    confidence: str
    source: str


class Parameter(NamedTuple):
    """A field of the data area that belongs to no factor."""

    name: str
    type: str
    name_zh: str
    confidence: str
    source: str


class System(NamedTuple):
    """A system code ST."""

    st: str
    name_zh: str
    confidence: str
    source: str


class Return(NamedTuple):
    """A QnRtn or ExeRtn code."""

    value: str
    name_zh: str
    name_en: str
    confidence: str
    source: str


class Fact(NamedTuple):
    """Something an edition's tables say that nobody has read in the standard's text.

    ``id``: ``hj212:<edition>:<kind>:<code>``, e.g. ``hj212:2025:factor:a01001``, ``hj212:2025:command:3023:up``,
    ``hj212:2025:return:QnRtn:1``. ``kind``: one of ``KINDS``. ``says``: what is stated beyond the name, in the words of the
    tables. ``confidence``: S or U. ``feature``: for what is off until a policy names it (`Policy.unconfirmed`), else empty.
    """

    id: str
    edition: str
    kind: str
    code: str
    name_zh: str
    says: str
    confidence: str
    source: str
    feature: str

    @property
    def group(self) -> str:
        """The id of its group: switching that off switches off all of its facts of confidence U."""
        return f"hj212:{self.edition}:{self.kind}"


Named = Factor | Command | Mark | Suffix | Parameter | System | Return


@dataclass(frozen=True, slots=True)
class Profile:
    """One edition's tables, without what is switched ``off`` (ids of facts)."""

    edition: str
    factors: dict[str, Factor]
    commands: dict[tuple[str, str], Command]
    marks: dict[str, Mark]
    suffixes: dict[str, Suffix]
    parameters: dict[str, Parameter]
    systems: dict[str, System]
    request_returns: dict[str, Return]
    execution_returns: dict[str, Return]
    command_numbers: frozenset[str] = field(default_factory=frozenset)
    off: frozenset[str] = NOTHING

    def factor(self, code: str) -> Factor | None:
        """The factor of a code on the wire, also through the standard's families (``e101xx``, ``i3331x``, ``SBx``)."""
        known = self.factors.get(code)
        if known is not None or len(code) < 3:
            return known
        if len(code) == 6:
            known = self.factors.get(code[:4] + "xx") or self.factors.get(code[:5] + "x")
            if known is not None:
                return known
        if _EQUIPMENT.fullmatch(code):
            return self.factors.get("SBx")
        return None

    def command(self, cn: str, direction: str, features: frozenset[str] = frozenset()) -> Command | None:
        """The command a number stands for in one direction; None when unknown or its feature is not switched on."""
        known = self.commands.get((cn, direction)) or self.commands.get((cn, "both"))
        if known is not None and known.feature and known.feature not in features:
            return None
        return known


def _rows(table: str) -> list[dict[str, str]]:
    text = files("qingjian.hj212").joinpath(f"data/{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _confidence(row: dict[str, str], edition: str) -> str:
    if edition == "2025" and row.get("confidence_2025"):
        return row["confidence_2025"]
    return row["confidence"]


def _of(table: str, edition: str) -> list[dict[str, str]]:
    return [row for row in _rows(table) if edition in row["editions"].split(";")]


def _source(row: dict[str, str], edition: str) -> str:
    newer = edition == "2025" and row.get("format_2025")
    return row["source_2025"] if newer else row["source"]


def _factors(edition: str) -> dict[str, Factor]:
    factors: dict[str, Factor] = {}
    for row in _of("factors", edition):
        code = row["code_2005"] if edition == "2005" else row["code"]
        newer = edition == "2025" and row["format_2025"]
        factors.setdefault(
            code,
            Factor(
                code,
                row["name_zh"],
                row["medium"],
                row["unit"],
                row["unit_total"],
                row["format_2025"] if newer else row["format"],
                _confidence(row, edition),
                _source(row, edition),
            ),
        )
    return factors


@lru_cache(maxsize=256)
def profile(edition: str, without: frozenset[str] = NOTHING) -> Profile:
    """Tables of ``2005``, ``2017`` or ``2025``. Raises ValueError for any other text.

    ``without``: what is switched off, see `switched_off`. A profile from which nothing is left out is the plain one.
    """
    if edition not in ("2005", "2017", "2025"):
        raise ValueError(f"未知版本 unknown edition: {edition!r}")
    whole = _whole(edition)
    off = switched_off(edition, without)
    return _reduced(whole, off) if off else whole


@cache
def _whole(edition: str) -> Profile:
    commands = {
        (row["cn"], row["direction"]): Command(
            row["cn"],
            row["direction"],
            row["name_zh"],
            row["flow"],
            row["parameters"],
            row["feature"],
            _confidence(row, edition),
            row["source"],
        )
        for row in _of("commands", edition)
    }
    returns: dict[str, dict[str, Return]] = {"QnRtn": {}, "ExeRtn": {}}
    for row in _of("returns", edition):
        returns[row["kind"]][row["value"]] = Return(
            row["value"], row["name_zh"], row["name_en"], _confidence(row, edition), row["source"]
        )
    return Profile(
        edition=edition,
        factors=_factors(edition),
        commands=commands,
        marks={
            row["mark"]: Mark(row["mark"], row["name_zh"], row["name_en"], row["confidence"], row["source"])
            for row in _rows("marks")
            if row["edition"] == edition
        },
        suffixes={
            row["suffix"]: Suffix(
                row["suffix"], row["kind"], row["name_zh"], row["confidence"], row["source"]
            )
            for row in _of("suffixes", edition)
        },
        parameters={
            row["name"]: Parameter(row["name"], row["type"], row["name_zh"], row["confidence"], row["source"])
            for row in _of("parameters", edition)
        },
        systems={
            row["st"]: System(row["st"], row["name_zh"], _confidence(row, edition), row["source"])
            for row in _of("systems", edition)
        },
        request_returns=returns["QnRtn"],
        execution_returns=returns["ExeRtn"],
        command_numbers=_numbers(commands),
    )


def _numbers(commands: Mapping[tuple[str, str], Command]) -> frozenset[str]:
    return frozenset(cn for (cn, _), command in commands.items() if not command.feature)


def _reduced(whole: Profile, off: frozenset[str]) -> Profile:
    gone: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for one in facts():
        if one.id in off:
            gone[one.kind].add(one.code)
    commands = {key: one for key, one in whole.commands.items() if ":".join(key) not in gone["command"]}
    return Profile(
        edition=whole.edition,
        factors=_kept(whole.factors, gone["factor"]),
        commands=commands,
        marks=_kept(whole.marks, gone["mark"]),
        suffixes=_kept(whole.suffixes, gone["suffix"]),
        parameters=_kept(whole.parameters, gone["parameter"]),
        systems=_kept(whole.systems, gone["system"]),
        request_returns=_kept(whole.request_returns, gone["return"], "QnRtn:"),
        execution_returns=_kept(whole.execution_returns, gone["return"], "ExeRtn:"),
        command_numbers=_numbers(commands),
        off=off,
    )


def _kept(table: dict[str, _Entry], gone: set[str], prefix: str = "") -> dict[str, _Entry]:
    return {code: entry for code, entry in table.items() if prefix + code not in gone}


# -- what nobody has read in the standard's text -------------------------------------------------------------------------


@cache
def facts() -> tuple[Fact, ...]:
    """All rows of confidence S or U, by edition, kind and the order of the tables."""
    return tuple(one for edition in ("2005", "2017", "2025") for one in _facts(_whole(edition)))


def _facts(tables: Profile) -> Iterator[Fact]:
    def fact(kind: str, code: str, row: Named, says: Iterable[str] = (), feature: str = "") -> Iterator[Fact]:
        if row.confidence != "V":
            yield Fact(
                f"hj212:{tables.edition}:{kind}:{code}",
                tables.edition,
                kind,
                code,
                row.name_zh,
                " ".join(word for word in says if word),
                row.confidence,
                row.source,
                feature,
            )

    for factor in tables.factors.values():
        says = (factor.medium, factor.unit, factor.unit_total, factor.format)
        yield from fact("factor", factor.code, factor, says)
    for (cn, direction), command in tables.commands.items():
        says_command = (command.flow, command.parameters)
        yield from fact("command", f"{cn}:{direction}", command, says_command, command.feature)
    for mark in tables.marks.values():
        yield from fact("mark", mark.mark, mark)
    for suffix in tables.suffixes.values():
        yield from fact("suffix", suffix.suffix, suffix, (suffix.kind,))
    for parameter in tables.parameters.values():
        yield from fact("parameter", parameter.name, parameter, (parameter.type,))
    for system in tables.systems.values():
        yield from fact("system", system.st, system)
    for name, returns in (("QnRtn", tables.request_returns), ("ExeRtn", tables.execution_returns)):
        for value in returns.values():
            yield from fact("return", f"{name}:{value.value}", value)


def switched_off(edition: str, without: Iterable[str]) -> frozenset[str]:
    """Ids of an edition's facts that selectors switch off.

    A selector is the id of a fact, ``hj212:<edition>:<kind>`` (its facts of confidence U) or ``hj212:<edition>`` (all
    facts of confidence U). One that names no fact, or one that has been confirmed in the tables since, has no effect.
    """
    named = frozenset(without)
    if not named:
        return NOTHING
    whole = f"hj212:{edition}" in named
    return frozenset(
        one.id
        for one in facts()
        if one.edition == edition
        and (one.id in named or (one.confidence == "U" and (whole or one.group in named)))
    )


def is_selector(text: str) -> bool:
    """Whether a text has the form of a selector, also of a fact these tables do not hold."""
    return _SELECTOR.fullmatch(text) is not None


def unknown_selectors(without: Iterable[str]) -> list[str]:
    """Selectors that name nothing these tables hold: of a fact that is confirmed, or never was there."""
    known = {one.id for one in facts()} | {one.group for one in facts()}
    known |= {f"hj212:{one.edition}" for one in facts()}
    return sorted(set(without) - known)


@cache
def successor(code_2005: str) -> str | None:
    """The 2017 code of a 2005 factor code, or None when the tables name none."""
    return next(
        (row["code"] for row in _rows("factors") if row["code_2005"] == code_2005 and row["code"]), None
    )

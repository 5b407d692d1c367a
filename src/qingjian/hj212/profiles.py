"""The editions as data: factors, commands, marks, system and answer codes, each row with source and confidence.

The tables are packaged CSV files; correcting one needs no code. Confidence: V read in the standard's text, S taken
from open code that quotes it, U inferred. The confidence of a 2025 fact stands in its own column.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

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


@dataclass(frozen=True, slots=True)
class Profile:
    """One edition's tables."""

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
            return self.factors["SBx"]
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
                row["source_2025"] if newer else row["source"],
            ),
        )
    return factors


@cache
def profile(edition: str) -> Profile:
    """Tables of ``2005``, ``2017`` or ``2025``. Raises ValueError for any other text."""
    if edition not in ("2005", "2017", "2025"):
        raise ValueError(f"未知版本 unknown edition: {edition!r}")
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
        command_numbers=frozenset(cn for (cn, _), command in commands.items() if not command.feature),
    )


@cache
def successor(code_2005: str) -> str | None:
    """The 2017 code of a 2005 factor code, or None when the tables name none."""
    return next(
        (row["code"] for row in _rows("factors") if row["code_2005"] == code_2005 and row["code"]), None
    )

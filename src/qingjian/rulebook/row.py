"""One row of the rulebook: what a standard or rule says, since when, how sure, and who confirmed it."""

from __future__ import annotations

import calendar
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from qingjian.rulebook.tables import TABLES


class Confidence(StrEnum):
    """How sure a row is; the weakest row used decides for a result."""

    V = "V"
    S = "S"
    U = "U"

    @property
    def label_zh(self) -> str:
        return {"V": "已核对原文", "S": "二手来源", "U": "未核实"}[self.value]

    @property
    def label_en(self) -> str:
        return {"V": "verified in the text", "S": "secondary source", "U": "unverified"}[self.value]

    @classmethod
    def weakest(cls, marks: Iterable[Confidence]) -> Confidence:
        """The weakest of some marks; V when there is none."""
        order = "VSU"
        return max(marks, key=lambda mark: order.index(mark.value), default=cls.V)


@functools.cache
def _undated_key(table: str) -> tuple[str, ...]:
    """Columns of the key of a table but for those that tell one edition from another."""
    return tuple(
        name for name in TABLES[table].key if name not in {"edition", "effective_from", "effective_to"}
    )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person has compared a row with the document. `row_digest` binds it to the content that was seen."""

    who: str
    when: date
    document: str
    row_digest: str = ""


_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z")


def parse_day(text: str, *, last: bool = False) -> date | None:
    """Read `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; a partial date means its first (or, with `last`, last) day.

    Empty text is None. Raises ValueError on anything else.
    """
    text = text.strip()
    if not text:
        return None
    match = _PARTIAL_DATE.match(text)
    if match is None:
        raise ValueError(f"not a date: {text!r}")
    year = int(match[1])
    month = int(match[2]) if match[2] else (12 if last else 1)
    if not 1 <= month <= 12:
        raise ValueError(f"not a date: {text!r}")
    day = int(match[3]) if match[3] else (calendar.monthrange(year, month)[1] if last else 1)
    return date(year, month, day)


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `values` holds every column of its table as text.

    `id` depends on the table and its key columns only, so it survives re-ordering and a changed value.
    `valid_to` is the last day on which the row is in force; None means no end is known.
    """

    id: str
    table: str
    values: Mapping[str, str] = field(hash=False)
    standard: str
    edition: str
    clause: str
    valid_from: date | None
    valid_to: date | None
    confidence: Confidence
    source: str
    override: bool = False
    confirmation: Confirmation | None = None
    replaces: str = field(default="", compare=False)
    """Citation of the packaged row whose key this row of an office has taken; a snapshot sets it."""

    @classmethod
    def from_values(cls, table: str, values: Mapping[str, str], *, override: bool = False) -> Row:
        """Build a row from column texts. Raises KeyError for an unknown table, ValueError for a bad date or mark."""
        definition = TABLES[table]
        content = {name: value.strip() for name, value in values.items() if name is not None}
        return cls(
            id=f"{table}-{_digest([content.get(name, '') for name in definition.key])[:12]}",
            table=table,
            values=MappingProxyType(content),
            standard=content.get("standard", ""),
            edition=content.get("edition", ""),
            clause=content.get("clause", ""),
            valid_from=parse_day(content.get("effective_from", "")),
            valid_to=parse_day(content.get("effective_to", ""), last=True),
            confidence=Confidence(content.get("confidence") or "U"),
            source=content.get("source", ""),
            override=override,
        )

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def digest(self) -> str:
        """Digest of the content, to see whether a confirmed row is still the one that was confirmed."""
        return _digest([self.table, sorted(self.values.items())])[:16]

    @property
    def subject(self) -> tuple[str, ...]:
        """What the row speaks about, whatever its edition and date: later rows on a subject replace earlier."""
        return (self.table, *(self.values.get(name, "") for name in _undated_key(self.table)))

    @property
    def confirmed(self) -> bool:
        return self.confirmation is not None

    @property
    def citation(self) -> str:
        """Standard, edition and clause in one line, as printed beside a result.

        A row of an office in the place of a packaged one is named by the document a second person compared it with (until
        then by its source): the standard does not say it.
        """
        if self.replaces:
            named = self.confirmation.document if self.confirmation else self.source
            return f"{named} (本单位 own; 替代 in place of {self.replaces})"
        return f"{self.document} {self.clause}".strip()

    @property
    def document(self) -> str:
        """The document as cited: numbered standards with their year (`GB 3095-2026`), others by their own number."""
        numbered = re.match(r"(GB|HJ|DB)", self.standard) is not None and self.edition[:4].isdigit()
        return f"{self.standard}-{self.edition}" if numbered else self.standard

    def in_force(self, on: date) -> bool:
        """True if the row is in force on that day."""
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_to is None or on <= self.valid_to
        )

    def confirmed_by(self, confirmation: Confirmation) -> Row:
        """The same row with a confirmation. Raises ValueError if the confirmation was given for other content."""
        if confirmation.row_digest not in ("", self.digest):
            raise ValueError(f"{self.id}: the row has changed since it was confirmed; confirm it again")
        return replace(self, confirmation=replace(confirmation, row_digest=self.digest))

    def to_dict(self) -> dict[str, Any]:
        """JSON form: table, values, override and confirmation; everything else follows from them."""
        confirmation = self.confirmation and {
            "who": self.confirmation.who,
            "when": self.confirmation.when.isoformat(),
            "document": self.confirmation.document,
            "row_digest": self.confirmation.row_digest,
        }
        return {
            "table": self.table,
            "values": dict(self.values),
            "override": self.override,
            "confirmation": confirmation,
        } | ({"replaces": self.replaces} if self.replaces else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """Inverse of `to_dict`."""
        row = cls.from_values(data["table"], data["values"], override=bool(data["override"]))
        row = replace(row, replaces=data.get("replaces", ""))
        if (given := data.get("confirmation")) is None:
            return row
        return row.confirmed_by(
            Confirmation(
                given["who"], date.fromisoformat(given["when"]), given["document"], given["row_digest"]
            )
        )


def _digest(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

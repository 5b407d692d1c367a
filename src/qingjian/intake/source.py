"""Where imported observations come from, and what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qingjian.intake.problems import Problem


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file (or table) and how to understand it."""

    digest: str
    """SHA-256 of the file, hexadecimal; with the row it is what an observation was made from."""
    name: str = ""
    author: str = ""
    origin: str = ""
    """Origin of the series meant by point and factor: device, manual, laboratory …; empty: the only one there is."""
    point: str = ""
    """Point of all rows, for files that do not name it."""
    statistic: str = ""
    """Statistic of all rows, for files that do not name it: minute, hour, day, month, year, realtime."""
    time_names: str = "start"
    """start or end: which end of the period the time column names (network labels name the end)."""

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> ImportSource:
        return cls(**value)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of an import; problems are per row, the other rows are stored."""

    digest: str
    rows: int = 0
    """Rows of data in the file."""
    observations: int = 0
    """Observations taken from them."""
    new: int = 0
    repeated: int = 0
    changed: int = 0
    problems: Sequence[Problem] = field(default=())
    already: bool = False
    """True when the same file was imported before; nothing was done."""
    batch: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "rows": self.rows,
            "observations": self.observations,
            "new": self.new,
            "repeated": self.repeated,
            "changed": self.changed,
            "problems": [one.to_json() for one in self.problems],
            "batch": self.batch,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ImportResult:
        problems = [
            Problem(one["row"], one["column"], one["code"], one["value"]) for one in value["problems"]
        ]
        return cls(**{**value, "problems": problems})


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

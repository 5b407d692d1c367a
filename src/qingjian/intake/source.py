"""Where imported observations come from, and what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
    order: str = ""
    """Which attempt at the file this is; what became of it is recorded under the same word."""

    @property
    def options(self) -> dict[str, str]:
        """How the file is to be understood: the same bytes can say something else with other options."""
        return {name: getattr(self, name) for name in ("origin", "point", "statistic", "time_names")}

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
    refused: int = 0
    """Rows of which something was refused; the first of them are among the problems."""
    observations: int = 0
    """Observations taken from them."""
    new: int = 0
    repeated: int = 0
    changed: int = 0
    problems: Sequence[Problem] = field(default=())
    already: bool = False
    """True when the whole file was taken before, understood in the same way; nothing was done."""
    batch: int = 0
    order: str = ""
    options: Mapping[str, str] | None = None
    """How the file was understood; None in results of earlier programs."""

    def covers(self, source: ImportSource) -> bool:
        """Say whether an import left nothing of the file that the same file, as it is to be understood now, could add."""
        return not self.problems and self.options in (None, source.options)

    def as_already(self) -> ImportResult:
        """Return what is told when the file comes again: everything in it is known."""
        return replace(self, already=True, new=0, changed=0, repeated=self.observations)

    def to_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "rows": self.rows,
            "refused": self.refused,
            "observations": self.observations,
            "new": self.new,
            "repeated": self.repeated,
            "changed": self.changed,
            "problems": [one.to_json() for one in self.problems],
            "batch": self.batch,
            "order": self.order,
            "options": None if self.options is None else dict(self.options),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ImportResult:
        problems = [
            Problem(one["row"], one["column"], one["code"], one["value"]) for one in value["problems"]
        ]
        refused = value.get("refused", len({one.row for one in problems}))
        return cls(**{**value, "problems": problems, "refused": refused})


def file_source(source: ImportSource) -> str:
    """Return what an observation of a file names as its source."""
    return f"file:{source.digest}"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()

"""Values that people corrected: an approved correction becomes a new revision, whose source names it.

An order is a small file, because the pipeline is the only writer while the node runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qingjian.contracts.directory import STATISTICS
from qingjian.contracts.folders import make_durably, write_durably
from qingjian.lake import CANDIDATES, NUMBERS, Lake, candidates, from_text
from qingjian.lake.reading import microseconds
from qingjian.lake.revisions import CORRECTION_SOURCE


@dataclass(frozen=True, slots=True)
class CorrectionOrder:
    """An approved correction of one observation."""

    number: int
    """Number of the correction in the people's records."""
    series: int
    statistic: str
    start: str
    """ISO 8601 with zone."""
    numbers: Mapping[str, str]
    """Decimal text by name (value, min, max, total, converted); what is not named stays as it was."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CorrectionOrder:
        """Return an order; ValueError, TypeError or KeyError for anything that is none."""
        order = cls(
            int(value["number"]),
            int(value["series"]),
            str(value["statistic"]),
            str(value["start"]),
            {str(name): str(text) for name, text in value["numbers"].items()},
        )
        if order.statistic not in STATISTICS or order.numbers.keys() - set(NUMBERS):
            raise ValueError("not a correction of an observation")
        if datetime.fromisoformat(order.start).tzinfo is None:
            raise ValueError("a moment without a time zone")
        return order

    @property
    def source(self) -> str:
        """What the revision is made from."""
        return source_of(self.number)


def source_of(number: int) -> str:
    """Return the source of the revision a correction makes."""
    return f"{CORRECTION_SOURCE}{number}"


def number_of(source: str | None) -> int | None:
    """Return the number of the correction a source names, None when it names none."""
    text = source.removeprefix(CORRECTION_SOURCE) if source else ""
    return int(text) if text != source and text.isascii() and text.isdigit() else None


def order_correction(folder: Path, order: CorrectionOrder) -> None:
    """Ask the pipeline to store a correction; asking again changes nothing."""
    make_durably(folder)
    write_durably(folder / f"{order.number:012d}.json", json.dumps(order.to_json()).encode())


def waiting_corrections(folder: Path) -> list[tuple[Path, CorrectionOrder]]:
    """Return the orders, by number; an unreadable one is set aside."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found.append((path, CorrectionOrder.from_json(json.loads(path.read_bytes()))))
        except (ValueError, KeyError, TypeError, AttributeError):
            path.rename(path.with_suffix(".unreadable"))
    return found


def corrected_observation(lake: Lake, content: Mapping[str, Any], before: datetime) -> pa.Table:
    """Return the row of a correction; none when it was stored before, or when there is no value to correct."""
    order = CorrectionOrder.from_json(content)
    start = datetime.fromisoformat(order.start).astimezone(UTC)
    history = lake.observation_history(order.series, order.statistic, start).to_pylist()
    known = [row["source"] for row in history if row["known_at"] < before]
    if not known or order.source in known:
        return CANDIDATES.empty_table()
    return candidates(
        series=np.array([order.series], np.int32),
        statistic=order.statistic,
        start=np.array([microseconds(start)]),
        numbers={name: from_text(pa.array([text])) for name, text in order.numbers.items()},
        source=order.source,
    )

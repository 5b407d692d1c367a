"""The packaged measurements: read from Parquet inside the package, once each."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from qingjian.simulator.demo.replay import Span

_FOLDER = files("qingjian.simulator.demo") / "data"
MISSING = np.int64(-(2**62))
"""Stands for a missing value in the integer arrays."""


@dataclass(frozen=True)
class Dataset:
    """One instrument site of a public data set."""

    code: str
    file: str
    attribution: str
    place_zh: str
    place_en: str
    kind: str
    timed: bool
    """False where the source has no times and its rows run from 1 January."""
    span: Span
    decimals: Mapping[str, int]
    units: Mapping[str, str]

    @cached_property
    def columns(self) -> Mapping[str, npt.NDArray[np.int64]]:
        """Parameter → value × 10^decimals by row, `MISSING` where the source has none."""
        table = pq.read_table(io.BytesIO((_FOLDER / self.file).read_bytes()))
        return MappingProxyType(
            {
                name: table.column(name).cast("int64").fill_null(int(MISSING)).to_numpy()
                for name in table.column_names
            }
        )

    def value(self, parameter: str, row: int) -> int | None:
        """Return the stored integer of one row, or None where the source has no value."""
        stored = self.columns[parameter][row]
        return None if stored == MISSING else int(stored)


@cache
def _index() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_FOLDER / "datasets.json").read_text("utf-8"))
    if document["format"] != 1:
        raise ValueError(f"demo data format {document['format']!r} is not known to this version")
    return document


@cache
def datasets() -> Mapping[str, Dataset]:
    """Return the packaged data sets by code."""
    found = {}
    for row in _index()["datasets"]:
        span = Span(
            datetime.fromisoformat(row["start"]),
            datetime.fromisoformat(row["end"]),
            timedelta(seconds=row["step_seconds"]),
            row["shift_years"],
        )
        found[row["code"]] = Dataset(
            code=row["code"],
            file=row["file"],
            attribution=row["attribution"],
            place_zh=row["place_zh"],
            place_en=row["place_en"],
            kind=row["kind"],
            timed=row["timed"],
            span=span,
            decimals=MappingProxyType({k: v["decimals"] for k, v in row["parameters"].items()}),
            units=MappingProxyType({k: v["unit"] for k, v in row["parameters"].items()}),
        )
    return MappingProxyType(found)


def national_sections() -> list[dict[str, str | None]]:
    """Return eleven days of nameless national river sections (2024) as published: text values, class and state."""
    rows: list[dict[str, str | None]] = pq.read_table(
        io.BytesIO((_FOLDER / _index()["sections"]["file"]).read_bytes())
    ).to_pylist()
    return rows


def attribution() -> str:
    """Return the sources, licences and changes of the replayed data as Markdown text, to be shown on a page."""
    return (files("qingjian.simulator.demo") / "ATTRIBUTION.md").read_text("utf-8")

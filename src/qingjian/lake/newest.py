"""Upper bounds of the newest start of every series, to tell surely new arrivals without a look into files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from qingjian.contracts.directory import STATISTICS
from qingjian.lake.reading import microseconds
from qingjian.lake.table import StoredTable


class NewestStarts:
    """Upper bounds of the newest start per (series, statistic): later arrivals are surely new.

    A bound that is too high only costs a look-up. After opening, one bound serves all: the newest start of any file.
    """

    def __init__(self) -> None:
        self._floor = -(2**62)
        self._bounds = np.full(0, self._floor, np.int64)

    def load(self, table: StoredTable) -> None:
        starts = [one.high["start"] for one in table.pin().files if one.high.get("start") is not None]
        self._floor = microseconds(max(starts)) if starts else -(2**62)
        self._bounds = np.full(0, self._floor, np.int64)

    def _places(self, rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        series = rows.column("series").to_numpy().astype(np.int64)
        places: np.ndarray[Any, np.dtype[np.int64]] = (
            series * len(STATISTICS) + rows.column("statistic").to_numpy()
        )
        if len(places) and places.max() >= len(self._bounds):
            grown = np.full(int(places.max()) + 1024, self._floor, np.int64)
            grown[: len(self._bounds)] = self._bounds
            self._bounds = grown
        return places

    def may_be_known(self, rows: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
        starts = rows.column("start").cast(pa.int64()).to_numpy()
        places = self._places(rows)  # may grow the bounds, so it comes first
        answer: np.ndarray[Any, np.dtype[np.bool_]] = starts <= self._bounds[places]
        return answer

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            places = self._places(rows)
            np.maximum.at(self._bounds, places, rows.column("start").cast(pa.int64()).to_numpy())

"""The columns this library works on: many series in one batch, sorted by series and start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MEDIA = ("air", "weather", "surface_water", "flue_gas", "waste_water", "noise", "process", "synthetic")
AVERAGING = ("arithmetic", "flow_weighted", "sum", "last", "vector")


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What the library must know of a series.

    ``factor`` is the HJ 212 code or the symbol. ``source_seconds`` is the length of one period of the rows
    that are handed in (60 for minutes, 3600 for hours …). ``decimals`` is the number of decimals the device
    reports. ``flow_series`` gives the weights of a flow-weighted mean. ``edition`` is that of the sending
    device (2005, 2017, 2025): it says what its marks mean.
    """

    id: int
    medium: str
    factor: str
    source_seconds: int
    averaging: str = "arithmetic"
    flow_series: int | None = None
    decimals: int = 3
    edition: str = "2017"

    def __post_init__(self) -> None:
        if self.source_seconds <= 0:
            raise ValueError(f"series {self.id}: source_seconds must be positive, not {self.source_seconds}")
        if self.averaging not in AVERAGING:
            raise ValueError(f"series {self.id}: unknown averaging {self.averaging!r}; known: {AVERAGING}")


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows of **one** statistic (all minutes, or all hours …), one array per column, all of length n.

    ``series`` int32 · ``start`` int64, epoch seconds UTC of the period's start · ``value``, ``minimum``,
    ``maximum``, ``total`` float64 in the series' unit (NaN where there is none; ``total`` is the amount of the
    period, e.g. kg or m³) · ``flag`` int32, position in ``flags`` (words as received, "" = none) ·
    ``known_at`` int64, any unit that only grows · ``revision`` int32.
    """

    series: NDArray[np.int32]
    start: Ints
    value: Floats
    minimum: Floats
    maximum: Floats
    total: Floats
    flag: NDArray[np.int32]
    flags: tuple[str, ...]
    known_at: Ints
    revision: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        series: Sequence[int] | NDArray[np.integer],
        start: Sequence[int] | NDArray[np.integer],
        value: Sequence[float] | NDArray[np.floating],
        *,
        minimum: Sequence[float] | NDArray[np.floating] | None = None,
        maximum: Sequence[float] | NDArray[np.floating] | None = None,
        total: Sequence[float] | NDArray[np.floating] | None = None,
        flag: Iterable[str] | None = None,
        known_at: Sequence[int] | NDArray[np.integer] | None = None,
        revision: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> Self:
        """Build from sequences; columns left out become NaN, "" or 0. Raises ValueError on unequal lengths."""
        n = len(series)
        nothing = np.full(n, np.nan)
        words = np.asarray([""] * n if flag is None else list(flag), dtype=object)
        names, codes = np.unique(words.astype(str), return_inverse=True)
        made = cls(
            series=np.asarray(series, np.int32),
            start=np.asarray(start, np.int64),
            value=np.asarray(value, np.float64),
            minimum=nothing if minimum is None else np.asarray(minimum, np.float64),
            maximum=nothing if maximum is None else np.asarray(maximum, np.float64),
            total=nothing if total is None else np.asarray(total, np.float64),
            flag=codes.astype(np.int32).reshape(-1),
            flags=tuple(str(name) for name in names) or ("",),
            known_at=np.zeros(n, np.int64) if known_at is None else np.asarray(known_at, np.int64),
            revision=np.zeros(n, np.int32) if revision is None else np.asarray(revision, np.int32),
        )
        made._check_lengths()
        return made

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """From an Arrow table with the columns series, start, value and any of the others; nulls become NaN.

        ``start`` and ``known_at`` may be integers or timestamps (then start becomes seconds, known_at
        microseconds); ``flag`` is text or dictionary-encoded text. Raises KeyError for a missing column.
        """
        n = table.num_rows

        def numbers(name: str) -> Floats:
            if name not in table.column_names:
                return np.full(n, np.nan)
            cast = table[name].cast(pa.float64()).combine_chunks()
            return np.asarray(cast.to_numpy(zero_copy_only=False), np.float64)

        def integers(name: str, unit: str) -> Ints:
            if name not in table.column_names:
                return np.zeros(n, np.int64)
            column = table[name]
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.timestamp(unit, column.type.tz), safe=False)
            return np.asarray(
                column.cast(pa.int64()).combine_chunks().to_numpy(zero_copy_only=False), np.int64
            )

        codes = np.zeros(n, np.int32)
        flags: tuple[str, ...] = ("",)
        if "flag" in table.column_names and n:
            encoded = table["flag"].cast(pa.string()).combine_chunks().fill_null("").dictionary_encode()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.combine_chunks()
            codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int32)
            flags = tuple(str(word) for word in encoded.dictionary.to_pylist())
        for required in ("series", "start", "value"):
            if required not in table.column_names:
                raise KeyError(required)
        return cls(
            series=integers("series", "s").astype(np.int32),
            start=integers("start", "s"),
            value=numbers("value"),
            minimum=numbers("min" if "min" in table.column_names else "minimum"),
            maximum=numbers("max" if "max" in table.column_names else "maximum"),
            total=numbers("total"),
            flag=codes,
            flags=flags,
            known_at=integers("known_at", "us"),
            revision=integers("revision", "s").astype(np.int32),
        )

    def __len__(self) -> int:
        return len(self.series)

    def take(self, chosen: NDArray[np.integer] | Bools) -> Self:
        """The chosen rows, by position or mask."""
        columns = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "flags"}
        return replace(self, **columns)

    def ordered(self) -> Self:
        """The same rows sorted by series, start, revision and known_at (no copy when they already are)."""
        order = np.lexsort((self.known_at, self.revision, self.start, self.series))
        return self if bool(np.all(order[1:] > order[:-1])) else self.take(order)

    def flag_words(self) -> NDArray[np.object_]:
        """The mark of each row as text."""
        return np.asarray(self.flags, dtype=object)[self.flag]

    def _check_lengths(self) -> None:
        for f in fields(self):
            if f.name != "flags" and len(getattr(self, f.name)) != len(self.series):
                raise ValueError(f"column {f.name} has {len(getattr(self, f.name))} rows, not {len(self)}")


def as_of(observations: Observations, moment: int | None = None) -> Observations:
    """What was current at ``moment`` (in the unit of ``known_at``; None = now): one row per series and start.

    Rows known later are left out; of the rest the highest revision stands, and of equal revisions the one
    known last. The result is sorted by series and start.
    """
    known = observations
    if moment is not None:
        known = observations.take(observations.known_at <= moment)
    known = known.ordered()
    if len(known) == 0:
        return known
    last = np.ones(len(known), np.bool_)
    last[:-1] = (known.series[1:] != known.series[:-1]) | (known.start[1:] != known.start[:-1])
    return known if bool(last.all()) else known.take(last)


def series_slices(series: NDArray[np.int32]) -> dict[int, slice]:
    """The stretch of rows of each series in a column sorted by series."""
    if len(series) == 0:
        return {}
    heads = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]]))
    tails = np.append(heads[1:], len(series))
    return {int(series[a]): slice(int(a), int(b)) for a, b in zip(heads, tails, strict=True)}

"""What a chunk of frames yields: rows for the lake, and what rules and later batches need to know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.pipeline.joining import Missing


@dataclass(slots=True)
class Decoded:
    """A chunk of frames, ready for the sinks."""

    frames: pa.Table
    observations: pa.Table
    statements: pa.Table
    counts: Counter[str] = field(default_factory=Counter)
    heard: dict[str, int] = field(default_factory=dict)
    """MN → microseconds of the newest frame received."""
    offsets: list[tuple[str, int, float, int]] = field(default_factory=list)
    """(MN, received microseconds, device time minus receiving time in seconds, sequence) of live frames."""
    received: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each observation, when its frame was received."""
    missing: list[Missing] = field(default_factory=list)
    """Sub-packets given up."""
    unread: list[Unread] = field(default_factory=list)
    """Accepted frames of which nothing could be read."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A frame the gateway accepted and the pipeline cannot read; it is kept as it came."""

    journal: str
    sequence: int
    mn: str
    received_us: int
    reason: str

"""A lake in a temporary folder, driven by a manual clock, and short ways to fill it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from qingjian.contracts.clock import ManualClock
from qingjian.lake import FRAMES, Lake, candidates, from_float

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def lake(tmp_path: Path, clock: ManualClock) -> Iterator[Lake]:
    with Lake(tmp_path / "lake", clock) as opened:
        yield opened


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    """Return a maker of observations: rows([(series, minute, value), …], statistic="minute")."""

    def make(values: list[tuple[int, int, float]], statistic: str = "minute", flag: str = "N") -> pa.Table:
        return candidates(
            series=np.array([one[0] for one in values], np.int32),
            statistic=statistic,
            start=pa.array([START + timedelta(minutes=one[1]) for one in values], pa.timestamp("us", "UTC")),
            numbers={"value": from_float(np.array([one[2] for one in values], float))},
            flag=flag,
            journal="gateway-1",
            sequence=np.arange(len(values)),
        )

    return make


@pytest.fixture
def frames() -> Callable[..., pa.Table]:
    """Return a maker of frames: frames(first sequence, count)."""

    def make(first: int, count: int) -> pa.Table:
        numbers = range(first, first + count)
        return pa.table(
            {
                "journal": ["gateway-1"] * count,
                "sequence": pa.array(numbers, pa.int64()),
                "received_at": pa.array(
                    [START + timedelta(seconds=one) for one in numbers], pa.timestamp("us", "UTC")
                ),
                "peer": ["127.0.0.1:5"] * count,
                "connection": [1] * count,
                "mn": ["MN1"] * count,
                "kind": ["accepted"] * count,
                "content": [f"##{one}\r\n".encode() for one in numbers],
                "codes": [""] * count,
                "policy": [""] * count,
                "frame_directory": pa.array([1] * count, pa.int32()),
                "nonce": [b"0"] * count,
                "batch": [0] * count,
            },
            schema=FRAMES,
        )

    return make

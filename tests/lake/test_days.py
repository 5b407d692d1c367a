"""Rows of a natural day as they are stored: the same before and after every rewrite of the files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.contracts.clock import ManualClock
from qingjian.lake import Lake, candidates, from_text
from qingjian.lake.days import COLUMNS, days_known, keys_known, stored_rows

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


def put(lake: Lake, series: int, starts: list[datetime], texts: list[str], statistic: str = "hour") -> None:
    import pyarrow as pa

    rows = candidates(
        series=np.full(len(starts), series, np.int32),
        statistic=statistic,
        start=np.array([int(one.timestamp() * 1e6) for one in starts]),
        numbers={"value": from_text(pa.array(texts))},
        flag="N",
        journal="gateway-1",
        sequence=np.arange(len(starts)) + 1,
    )
    lake.append(lake.next_batch(), observations=rows)


def everything(lake: Lake, until: datetime | None = None) -> dict:
    until = until or lake.known_until()
    keys = keys_known(lake, DAY, None, until)
    return {key: (rows, known) for key, rows, known in stored_rows(lake, DAY, until, keys)}


@pytest.fixture
def lake(tmp_path: Path):
    clock = ManualClock(datetime(2026, 3, 3, tzinfo=UTC))
    with Lake(tmp_path / "lake", clock) as made:
        yield made


def test_a_day_begins_and_ends_at_midnight_of_china(lake: Lake) -> None:
    starts = [
        MIDNIGHT - timedelta(hours=1),
        MIDNIGHT,
        MIDNIGHT + timedelta(hours=23),
        MIDNIGHT + timedelta(hours=24),
    ]
    put(lake, 7, starts, ["1", "12.50", "-0.5", "4"])
    rows, _known = everything(lake)[7, "hour"]
    shown = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    assert [(row["start"], row["value"]) for row in shown] == [
        ("2026-03-02T00:00:00+08:00", "12.50"),
        ("2026-03-02T23:00:00+08:00", "-0.5"),
    ]
    assert shown[0]["converted"] is None
    assert (shown[0]["qualifier"], shown[0]["journal"], shown[0]["sequence"]) == ("none", "gateway-1", 2)
    assert days_known(lake, None, lake.known_until()) == [date(2026, 3, 1), DAY, date(2026, 3, 3)]


def test_a_fraction_of_a_second_is_kept(lake: Lake) -> None:
    put(
        lake,
        7,
        [MIDNIGHT + timedelta(microseconds=1500), MIDNIGHT + timedelta(seconds=1)],
        ["1", "2"],
        "realtime",
    )
    rows, _known = everything(lake)[7, "realtime"]
    assert [row[0] for row in rows] == ["2026-03-02T00:00:00.001500+08:00", "2026-03-02T00:00:01+08:00"]


def test_revisions_and_what_was_known_when(lake: Lake) -> None:
    put(lake, 7, [MIDNIGHT], ["1"])
    put(lake, 8, [MIDNIGHT], ["1"])
    first = lake.known_until()
    put(lake, 7, [MIDNIGHT], ["2"])
    put(lake, 7, [MIDNIGHT], ["3"], "minute")
    assert keys_known(lake, DAY, first, lake.known_until()) == [(7, "minute"), (7, "hour")]
    assert days_known(lake, first, lake.known_until()) == [DAY]
    assert days_known(lake, lake.known_until(), lake.known_until() + timedelta(days=1)) == []
    rows, known = everything(lake)[7, "hour"]
    assert [row[2] for row in rows] == ["1", "2"]
    assert [moment <= first for moment in known] == [True, False]
    assert [row[2] for row in everything(lake, first)[7, "hour"][0]] == ["1"]


def test_nothing_is_known_of_an_empty_lake(lake: Lake) -> None:
    lake.open_for_writing()
    moment = datetime(2026, 3, 3, tzinfo=UTC)
    assert days_known(lake, None, moment) == []
    assert keys_known(lake, DAY, None, moment) == []
    assert list(stored_rows(lake, DAY, moment, [(7, "hour")])) == []


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 40),
            st.sampled_from(["hour", "minute"]),
            st.lists(st.integers(0, 23), min_size=1, max_size=6, unique=True),
            st.decimals(-1000, 1000, places=2),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_compaction_settling_and_copying_change_nothing(tmp_path_factory, batches) -> None:
    folder = tmp_path_factory.mktemp("days")
    clock = ManualClock(datetime(2026, 4, 3, tzinfo=UTC))
    with Lake(folder / "lake", clock) as lake:
        for series, statistic, hours, value in batches:
            put(
                lake,
                series,
                [MIDNIGHT + timedelta(hours=h) for h in hours],
                [str(value)] * len(hours),
                statistic,
            )
        before = everything(lake)
        lake.compact(at_least=2)
        assert everything(lake) == before
        lake.settle("2026-03")
        assert everything(lake) == before
        lake.checkpoint()
        with Lake(folder / "lake") as another:
            assert everything(another) == before

"""Columns, as_of, Arrow input, periods."""

import doctest
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qingjian.quality
from qingjian.quality.observations import Observations, SeriesInfo, as_of
from qingjian.quality.periods import day_start, local_day, period_end, period_start

CHINA = timezone(timedelta(hours=8))

ARRIVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), st.integers(0, 9), st.floats(-5, 5)),
    max_size=30,
)


@given(ARRIVALS, st.integers(-1, 10))
def test_as_of_equals_what_a_page_showed(
    arrivals: list[tuple[int, int, int, int, float]], moment: int
) -> None:
    """Replaying arrivals in the order in which they were known gives the same current values."""
    shown: dict[tuple[int, int], tuple[int, int, float]] = {}
    unique = {(s, t, r, k): v for s, t, r, k, v in arrivals}
    for (series, start, revision, known), value in sorted(unique.items(), key=lambda item: item[0][3]):
        if known <= moment:
            held = shown.get((series, start))
            if held is None or (revision, known) >= held[:2]:
                shown[series, start] = (revision, known, value)
    rows = Observations.of(
        [k[0] for k in unique],
        [k[1] for k in unique],
        list(unique.values()),
        revision=[k[2] for k in unique],
        known_at=[k[3] for k in unique],
    )
    got = as_of(rows, moment)
    assert list(zip(got.series.tolist(), got.start.tolist(), strict=True)) == sorted(shown)
    assert got.value.tolist() == [shown[key][2] for key in sorted(shown)]
    assert len(as_of(rows)) == len({(s, t) for s, t, _, _ in unique})


def test_arrow_tables_with_nulls_timestamps_and_dictionaries() -> None:
    table = pa.table(
        {
            "series": pa.array([1, 1, 2], pa.int32()),
            "start": pa.array([0, 60, 0], pa.timestamp("us", tz="UTC")),
            "value": pa.array([1.5, None, 2.0]),
            "min": pa.array([1.0, None, 2.0], pa.float32()),
            "flag": pa.array(["N", None, "D"]).dictionary_encode(),
            "known_at": pa.array([5, 6, 7], pa.timestamp("us", tz="UTC")),
        }
    )
    table = table.set_column(
        1,
        "start",
        pa.array([datetime(2026, 1, 1, 0, m, tzinfo=UTC) for m in (0, 1, 0)], pa.timestamp("us", "UTC")),
    )
    rows = Observations.from_table(pa.concat_tables([table, table]).slice(0, 3))
    assert rows.start[1] - rows.start[0] == 60
    assert np.isnan(rows.value[1])
    assert rows.minimum[0] == 1.0
    assert np.isnan(rows.total).all()
    assert rows.flag_words().tolist() == ["N", "", "D"]
    assert rows.known_at.tolist() == [5, 6, 7]
    assert len(Observations.from_table(table.slice(0, 0))) == 0
    with pytest.raises(KeyError):
        Observations.from_table(table.drop_columns(["value"]))


def test_unequal_lengths_and_wrong_descriptions_are_refused() -> None:
    with pytest.raises(ValueError, match="start"):
        Observations.of([1], [1, 2], [3.0])
    with pytest.raises(ValueError, match="source_seconds"):
        SeriesInfo(1, "air", "SO2", 0)
    with pytest.raises(ValueError, match="averaging"):
        SeriesInfo(1, "air", "SO2", 60, "median")


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001
def test_periods_against_the_datetime_definition(naive: datetime) -> None:
    local = naive.replace(tzinfo=CHINA)
    moment = np.asarray([int(local.timestamp())], np.int64)
    exact = {
        "hour": local.replace(minute=0, second=0, microsecond=0),
        "day": local.replace(hour=0, minute=0, second=0, microsecond=0),
        "month": local.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
        "year": local.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0),
    }
    for target, expected in exact.items():
        start = period_start(moment, target)
        assert start[0] == int(expected.timestamp()), target
        assert period_start(period_end(start, target) - 1, target)[0] == start[0]
        assert period_start(period_end(start, target), target)[0] == period_end(start, target)[0]
    assert local_day(int(moment[0])) == local.date()
    assert day_start(local.date()) == int(exact["day"].timestamp())


def test_ten_minute_periods_and_unknown_ones() -> None:
    begin = day_start(date(2026, 1, 1))
    assert period_start(np.asarray([begin + 1799]), "minute", 600)[0] == begin + 1200
    for target, seconds in (("week", 60), ("minute", 7 * 60), ("minute", 0)):
        with pytest.raises(ValueError, match="no such period"):
            period_start(np.asarray([begin]), target, seconds)


def test_the_example_in_the_readme() -> None:
    path = Path(qingjian.quality.__file__).with_name("README.md")
    assert doctest.testfile(str(path), module_relative=False).failed == 0

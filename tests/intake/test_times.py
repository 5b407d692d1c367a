"""Times in files: what no calendar has is refused, never moved to another day."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.intake.times import moments

NEVER = [
    "2026-02-30 00:00",
    "2026-02-29",
    "2026/4/31",
    "2026-11-31 05:00",
    "2026/06/31 05:00",
    "20260230000000",
    "2026023005",
    "2026-02-30T00:00:00",
    "2026-02-30T00:00:00+08:00",
    "2026-00-10",
    "2026-01-00",
    "2026-13-01",
    "2026-01-01 24:00",
    "2026-01-01 05:60",
    "2026-01-01 00:00:60",
    "2026010112345",
    "202601011",
    "2026-W05",
    "2026W051",
    "2026-001",
    "",
]


@pytest.mark.parametrize("text", NEVER)
def test_a_time_that_no_calendar_has_is_refused(text: str) -> None:
    _starts, malformed = moments(pa.array([text, "2026-03-02 00:00"]))
    assert malformed.tolist() == [True, False]


EIGHT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 08:00:00", EIGHT),
        ("2026-1-2 8:00", EIGHT),
        ("2026/1/2 8:00", EIGHT),
        ("2026-01-02T08:00", EIGHT),
        ("2026-01-02 08", EIGHT),
        ("20260102080000", EIGHT),
        ("2026010208", EIGHT),
        ("2026-01-02T00:00:00Z", EIGHT),
        ("2026-01-02T08:00:00+08:00", EIGHT),
        ("20260102", EIGHT - timedelta(hours=8)),
        ("2026/01/02", EIGHT - timedelta(hours=8)),
        ("2024-02-29", datetime(2024, 2, 28, 16, tzinfo=UTC)),
        ("2026-01", datetime(2025, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_the_usual_forms_are_read(text: str, expected: datetime) -> None:
    starts, malformed = moments(pa.array([text]))
    assert (malformed.tolist(), starts.tolist()) == ([False], [int(expected.timestamp()) * 1_000_000])


@given(st.integers(1970, 2099), st.integers(0, 13), st.integers(0, 32), st.sampled_from("-/"))
def test_a_day_is_read_where_the_calendar_has_it_and_only_there(
    year: int, month: int, day: int, mark: str
) -> None:
    starts, malformed = moments(pa.array([f"{year}{mark}{month}{mark}{day}", f"{year}{month:02}{day:02}08"]))
    try:
        midnight = datetime(*date(year, month, day).timetuple()[:3], tzinfo=UTC).timestamp() * 1_000_000
    except ValueError:
        assert malformed.all()
    else:
        assert not malformed.any()
        assert starts.tolist() == [midnight - 8 * 3_600_000_000, midnight]

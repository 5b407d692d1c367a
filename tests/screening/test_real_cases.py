"""What the bench of real cases reads out of the technicians' records."""

from __future__ import annotations

import pytest
from bench.screening_real_cases import DayScore, not_corrected, said, stretches_of, taken_out


@pytest.mark.parametrize(
    ("raw", "corrected", "code", "deleted", "untouched"),
    [
        ("12.5", "-9999", "5", True, False),  # deleted, with the reason
        ("12.5", "NULL", "NULL", False, True),  # nobody worked on it
        ("12.5", "12.1", "NULL", False, False),
        ("12.5", "12.5", "4", False, False),
        ("-9999", "-9999", "1", False, False),  # the instrument gave nothing
        ("-9999", "NULL", "NULL", False, False),
        ("12.5", "-9999", "NULL", False, False),
    ],
)
def test_a_reading_nobody_worked_on_is_no_deletion(
    raw: str, corrected: str, code: str, deleted: bool, untouched: bool
) -> None:
    row = {"turb": raw, "turb_cor": corrected, "turb_qual": code}
    assert (taken_out(row, "turb"), not_corrected(row, "turb")) == (deleted, untouched)


def day(station: str, at: str, score: float, fault: float) -> DayScore:
    return DayScore(station, "turb", at, score, fault, "")


def test_days_are_counted_by_what_is_said_of_them() -> None:
    days = [
        day("A", "2019-06-01", 0.2, 0.99),
        day("A", "2019-06-02", 0.999, 0.3),
        day("A", "2019-06-03", 0.3, 0.5),
    ]
    text = said(days, 0.993)
    assert "3 series-days, a fault on 2" in text
    assert "something said of 2, a fault of 1" in text
    assert text.endswith("alarms of falsification: 1")


def test_days_more_than_a_week_apart_are_two_stretches() -> None:
    days = [day("A", "2019-06-01", 0, 1), day("A", "2019-06-08", 0, 1), day("A", "2019-06-16", 0, 1)]
    days.append(day("B", "2019-06-17", 0, 1))
    found = [
        (s, a, b, len(own)) for s, _, a, b, own in stretches_of({(d.station, "turb", d.day): d for d in days})
    ]
    assert found == [
        ("A", "2019-06-01", "2019-06-08", 2),
        ("A", "2019-06-16", "2019-06-16", 1),
        ("B", "2019-06-17", "2019-06-17", 1),
    ]

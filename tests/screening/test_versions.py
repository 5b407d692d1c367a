"""A later look may confirm, revise or withdraw a finding."""

from __future__ import annotations

from dataclasses import replace

from qingjian.screening.findings import Finding
from qingjian.screening.versions import (
    CONFIRMED,
    NEW,
    REVISED,
    WITHDRAWN,
    Spell,
    continued,
    first_versions,
    revise,
)

ONE = Finding("s", "SO2", 100, 104, 0.99, 0.1, "scale", (), "normal")
OTHER = replace(ONE, parameter="NO2")


def test_the_same_answer_confirms() -> None:
    (version,) = revise(first_versions([ONE]), [ONE], 130)
    assert (version.number, version.state) == (1, CONFIRMED)


def test_a_longer_period_or_another_kind_is_a_new_version() -> None:
    longer = replace(ONE, last_day=120)
    (version,) = revise(first_versions([ONE]), [longer], 130)
    assert (version.number, version.state, version.finding, version.before) == (2, REVISED, longer, ONE)
    (again,) = revise((version,), [replace(longer, kind="smooth")], 160)
    assert (again.number, again.state) == (3, REVISED)


def test_what_is_not_seen_any_more_is_withdrawn_once_and_kept() -> None:
    before = first_versions([ONE, OTHER])
    after = revise(before, [OTHER], 130)
    assert [(v.finding.parameter, v.number, v.state) for v in after] == [
        ("NO2", 1, CONFIRMED),
        ("SO2", 2, WITHDRAWN),
    ]
    assert [v.state for v in revise(after, [OTHER], 160)] == [CONFIRMED]


def test_what_lies_beyond_the_look_stays_open() -> None:
    (version,) = revise(first_versions([ONE]), [], 102)
    assert version == first_versions([ONE])[0]


def test_another_series_or_another_month_is_a_new_finding() -> None:
    later = replace(ONE, first_day=140, last_day=145)
    states = {(v.finding.first_day, v.state) for v in revise(first_versions([ONE]), [ONE, later], 150)}
    assert states == {(100, CONFIRMED), (140, NEW)}


def test_what_was_withdrawn_and_is_seen_again_goes_on_counting() -> None:
    withdrawn = revise(first_versions([ONE]), [], 130)
    (again,) = revise(withdrawn, [ONE], 130)
    assert (again.number, again.state, again.before) == (3, REVISED, ONE)


def test_every_earlier_one_is_continued_once_by_the_one_that_shares_most_with_it() -> None:
    held = Spell("SO2", 100, 110)
    assert continued([held], [Spell("SO2", 108, 110), Spell("SO2", 100, 104)]) == [0, None]
    assert continued([Spell("SO2", 100, 104), held], [Spell("SO2", 103, 110)]) == [1]
    assert continued([Spell("SO2", 100, 110, withdrawn=True), held], [held]) == [1]
    assert continued([held], [Spell("NO2", 100, 110), Spell("SO2", 113, 115), Spell("SO2", 112, 115)]) == [
        None,
        None,
        0,
    ]

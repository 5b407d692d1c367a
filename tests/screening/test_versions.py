"""A later look may continue a finding, and say something new of it or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qingjian.screening.findings import Evidence, Finding
from qingjian.screening.versions import Spell, continued, gist

ONE = Finding("s", "SO2", 100, 104, 0.99, 0.1, "scale", (Evidence("level.bias.7", 0.001, 102),), "normal")


def test_every_earlier_one_is_continued_once_by_the_one_that_shares_most_with_it() -> None:
    held = Spell("SO2", 100, 110)
    assert continued([held], [Spell("SO2", 108, 110), Spell("SO2", 100, 104)]) == [None, 0]
    assert continued([Spell("SO2", 100, 104), held], [Spell("SO2", 103, 110)]) == [1]
    assert continued([Spell("SO2", 100, 110, withdrawn=True), held], [held]) == [1]
    assert continued([held], [Spell("NO2", 100, 110), Spell("SO2", 113, 115), Spell("SO2", 112, 115)]) == [
        None,
        None,
        0,
    ]


def test_pairs_that_share_days_come_before_pairs_that_only_touch() -> None:
    held = Spell("SO2", 100, 110)
    assert continued([held], [Spell("SO2", 112, 115), Spell("SO2", 104, 104)]) == [None, 0]


def test_a_month_continues_only_the_same_month() -> None:
    september, october = (Spell("SO2", a, a + 29, bounded=True) for a in (100, 130))
    assert continued([september], [october]) == [None]
    assert continued([september], [october, september]) == [None, 0]
    assert continued([september, october], [october, september]) == [1, 0]
    assert continued([replace(september, withdrawn=True)], [september]) == [0]


@pytest.mark.parametrize(
    "change",
    [
        {"last_day": 120},
        {"kind": "smooth"},
        {"confidence": "low"},
        {"score": 0.999},
        {"fault_score": 0.995},
        {"evidence": (Evidence("coupling.disorder.3", 0.001, 102),)},
    ],
)
def test_another_period_kind_claim_or_ground_is_a_new_version(change: dict[str, Any]) -> None:
    assert gist(replace(ONE, **change).as_record()) != gist(ONE.as_record())


def test_a_p_value_or_the_fourth_digit_of_a_score_is_no_new_version() -> None:
    later = replace(ONE, score=0.9901, evidence=(Evidence("level.bias.7", 0.0012, 103),))
    assert gist(later.as_record()) == gist(ONE.as_record())


def test_the_dossier_of_a_month_is_a_new_version() -> None:
    record = ONE.as_record()
    assert gist(record | {"dossier": [["2026-10", 0.995]]}) != gist(record)
    assert gist(record | {"dossier": [["2026-10", 0.994]]}) == gist(
        record | {"dossier": [["2026-10", 0.995]]}
    )

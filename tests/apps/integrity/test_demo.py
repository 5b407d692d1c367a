"""The demo county's people decide old simulated clues by the list of what was staged."""

from __future__ import annotations

from datetime import date

import pytest
from tests.apps.integrity.conftest import at, found

from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue
from qingjian.simulator.staging import Staged
from qingjian.simulator.tampering import Alteration
from qingjian.site import demo


@pytest.mark.parametrize(
    ("kind", "first", "expected"),
    [
        ("constant", date(2026, 9, 30), "confirmed"),
        ("held", date(2026, 9, 30), "dismissed"),
        ("constant", date(2026, 8, 1), "dismissed"),
    ],
)
def test_old_simulated_clues_follow_the_list(
    screened, office, monkeypatch, kind: str, first: date, expected: str
) -> None:
    Series.objects.filter(code="W1.w01018").update(origin="simulated")
    office.county.person("zhifa1", "enforcement_officer")
    staged = Staged(
        "MN-W1", Alteration(kind, 1.0, at(first), at(date(first.year, first.month + 1, 5))), ("W1.w01018",)
    )
    monkeypatch.setattr(demo, "staged_in", lambda folder: [staged])
    screened(found(first=date(2026, 10, 1), last=date(2026, 10, 3)), found())
    assert demo.decide_past_clues() == 1
    old, new = Clue.objects.order_by("start")
    assert (old.state, new.state) == (expected, "open")
    assert "演示自动判定" in old.reason
    assert demo.decide_past_clues() == 0


def test_replayed_measurements_and_nodes_without_staging_are_left_alone(
    screened, office, monkeypatch
) -> None:
    office.county.person("zhifa1", "enforcement_officer")
    screened(found(first=date(2026, 10, 1), last=date(2026, 10, 3)))
    monkeypatch.setattr(demo, "staged_in", lambda folder: [])
    assert demo.decide_past_clues() == 0
    staged = Staged("MN-W1", Alteration("constant", 1.0, at(date(2026, 9, 30))), ("W1.w01018",))
    monkeypatch.setattr(demo, "staged_in", lambda folder: [staged])
    assert demo.decide_past_clues() == 0
    assert Clue.objects.get().state == "open"

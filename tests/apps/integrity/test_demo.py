"""The demo county's people decide old simulated clues by the list of what was staged."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from tests.apps.integrity.conftest import at, found, scores

from qingjian.apps.integrity import staging
from qingjian.apps.integrity.services import rulesets
from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue
from qingjian.simulator.staging import Staged
from qingjian.simulator.tampering import Alteration
from qingjian.site import demo

WATER = ("W1", "waste_water.w01018")


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


def test_what_was_staged_is_shown_with_what_came_of_it(screened, said, office, monkeypatch, settings) -> None:
    there = [
        Staged("MN-W1", Alteration(kind, 1.0, at(first), at(last)), ("W1.w01018",))
        for kind, first, last in (
            ("constant", date(2026, 10, 1), date(2026, 10, 4)),
            ("held", date(2026, 10, 10), date(2026, 10, 12)),
            ("scaled", date(2026, 10, 20), date(2026, 10, 22)),
            ("offset", date(2026, 1, 1), date(2026, 1, 3)),
        )
    ]
    monkeypatch.setattr(staging, "staged_in", lambda folder: there)
    said.days = [
        *scores(*WATER, {date(2026, 10, 10): 0.01}, fault=0.99),
        *scores(*WATER, {date(2026, 10, 20): 0.91}),
    ]
    screened(found(first=date(2026, 10, 1), last=date(2026, 10, 3)))
    rules = rulesets.active()
    assert staging.staged_stretches(office.handler, rules) == []
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, demo=True)
    found_one, held, scaled, unscored = staging.staged_stretches(office.handler, rules)
    assert [one.clue for one in found_one.suspects] == [Clue.objects.get()]
    ((suspect, factors),) = found_one.answers
    assert (suspect.clue, factors) == (Clue.objects.get(), ["化学需氧量"])
    assert (found_one.first, found_one.last) == (date(2026, 10, 1), date(2026, 10, 3))
    assert not held.suspects
    assert (held.trouble, held.fault) == (True, True)
    assert (scaled.trouble, scaled.score) == (False, 0.91)
    assert "0.910" in scaled.said
    assert unscored.score is None
    assert staging.staged_stretches(office.outsider, rules) == []

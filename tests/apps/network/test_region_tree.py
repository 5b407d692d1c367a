"""The dated tree of regions: at no time a circle, at no time two regions above one."""

from __future__ import annotations

from datetime import date

import pytest

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region, RegionPlacement
from qingjian.apps.network import services
from qingjian.apps.network.services import Proposal, ProposalError


@pytest.fixture
def place(registry):
    """Return place(region, parent, from, to): proposed by one person and approved by another."""
    maker, checker = (
        registry.person(name, "data_manager", region=registry.city) for name in ("maker", "checker")
    )

    def change(region: str, parent: str, begins: str, ends: str = "") -> None:
        fields = {"region": region, "parent": parent, "valid_from": begins}
        proposal = Proposal("placement", {**fields, "valid_to": ends} if ends else fields)
        services.approve(checker, services.propose(maker, "调整", [proposal]), 0)

    return change


@pytest.fixture
def township(registry) -> Region:
    services.register([Proposal("region", {"code": "990111", "name": "镇", "level": "township"})])
    return Region.objects.get(code="990111")


def parents(region: Region, day: str) -> list[str]:
    moment = date.fromisoformat(day)
    return [
        one.parent.code
        for one in RegionPlacement.objects.filter(region=region).select_related("parent")
        if one.valid_from <= moment and (one.valid_to is None or moment < one.valid_to)
    ]


def test_a_move_that_would_close_a_circle_on_a_later_day_is_refused(registry, place) -> None:
    place("990102", "990101", "2027-06-01")
    with pytest.raises(ProposalError):
        place("990101", "990102", "2027-01-01")
    with pytest.raises(ProposalError):
        place("990101", "990102", "2027-01-01", "2027-06-02")
    later = date(2027, 7, 1)
    assert account_rules.subtree({registry.city.pk}, later) == {
        registry.city.pk,
        registry.county.pk,
        registry.other.pk,
    }
    place("990101", "990102", "2027-01-01", "2027-06-01")
    assert parents(registry.county, "2027-05-31") == ["990102"]
    assert parents(registry.county, "2027-06-01") == ["990100"], "afterwards where it was"
    with pytest.raises(ProposalError):
        place("990101", "990102", "2027-05-01")


def test_a_later_move_ends_a_place_that_was_to_hold_longer(township, place) -> None:
    place("990111", "990101", "2026-01-01", "2028-01-01")
    place("990111", "990102", "2026-06-01")
    days = ("2026-05-31", "2026-06-01", "2027-12-31", "2028-01-01")
    assert [parents(township, day) for day in days] == [["990101"], ["990102"], ["990102"], ["990102"]]


def test_a_place_entered_late_stands_back_from_the_one_after_it(township, place) -> None:
    place("990111", "990101", "2026-06-01")
    place("990111", "990102", "2026-01-01")
    days = ("2026-01-01", "2026-05-31", "2026-06-01", "2029-01-01")
    assert [parents(township, day) for day in days] == [["990102"], ["990102"], ["990101"], ["990101"]]

from __future__ import annotations

import pytest
from tests.apps.conftest import NOW

from qingjian.apps.integrity import queries
from qingjian.apps.integrity.processes import CLUE
from qingjian.apps.observing.models import Clue


@pytest.fixture
def clue(office) -> Clue:
    point = office.county.county.point_set.get(code="W1")
    return Clue.objects.create(
        point=point, kind="flat", rule="flat-line", start=NOW, score=0.9, statement="恒值", opened_at=NOW
    )


def finish(office, clue: Clue, conclusion: str):
    matter = office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point)
    matter = office.attach(office.act(matter, "take", office.handler), office.handler)
    matter = office.act(
        matter,
        "report",
        office.handler,
        visited_on="2026-11-20",
        findings="查明",
        cause="other",
        conclusion=conclusion,
    )
    return office.sign(office.sign(matter, office.handler), office.leader)


@pytest.mark.parametrize("conclusion", ["confirmed", "dismissed"])
def test_the_answer_reaches_the_clue(office, clue, conclusion: str) -> None:
    matter = finish(office, clue, conclusion)
    clue.refresh_from_db()
    assert (clue.state, clue.decided_by, matter.state) == (conclusion, office.leader, conclusion)
    assert matter.number in clue.reason


def test_a_clue_decided_meanwhile_keeps_its_first_answer(office, clue) -> None:
    Clue.objects.filter(pk=clue.pk).update(state="dismissed", reason="先前")
    assert finish(office, clue, "confirmed").state == "confirmed"
    clue.refresh_from_db()
    assert (clue.state, clue.reason) == ("dismissed", "先前")


def test_a_void_verification_makes_room_for_another(office, clue) -> None:
    matter = office.open(origin=f"{CLUE}:{clue.pk}")
    assert queries.verification_of(office.handler, clue) == matter
    assert queries.verification_of(office.outsider, clue) is None
    office.act(matter, "void", office.leader, reason="重复")
    assert queries.verification_of(office.handler, clue) is None
    assert set(queries.verifications_visible_to(office.handler)) == {matter}


def test_a_verification_is_never_shown_to_the_organisation_it_is_about(office) -> None:
    office.open(subject=office.county.holder)
    assert not queries.verifications_visible_to(office.holder).exists()

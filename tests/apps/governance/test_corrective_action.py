from __future__ import annotations

import pytest

from qingjian.apps.governance import queries
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters.errors import NotAllowed, RefusedError


def served(office):
    matter = office.act(
        office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="d", basis="b", days=5
    )
    matter = office.sign(office.sign(matter, office.handler), office.leader)
    return office.act(
        office.attach(matter, office.handler),
        "serve",
        office.handler,
        served_on="2026-11-20",
        served_how="post",
    )


def test_the_organisation_sees_the_order_only_after_it_was_served(office) -> None:
    matter = office.act(
        office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="d", basis="b", days=5
    )
    assert not queries.corrective_actions_visible_to(office.holder).exists()
    office.sign(office.sign(matter, office.handler), office.leader)
    assert not queries.corrective_actions_visible_to(office.holder).exists()
    assert served(office) in queries.corrective_actions_visible_to(office.holder)


def test_an_order_needs_an_organisation_and_an_allowed_number_of_days(office) -> None:
    with pytest.raises(RefusedError):
        office.open(CORRECTIVE_ACTION, subject=None)
    with pytest.raises(RefusedError):
        office.act(office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="d", basis="b", days=0)


def test_the_organisation_cannot_recheck_end_or_void_its_own_order(office) -> None:
    matter = served(office)
    for action, data in (
        ("end", {"ending": "x"}),
        ("void", {"reason": "x"}),
        ("assign", {"person": office.holder.pk, "note": "x"}),
        ("serve", {}),
    ):
        with pytest.raises((NotAllowed, RefusedError)):
            office.act(matter, action, office.holder, **data)
    assert matter.trail.last().action == "serve"


def test_a_failed_recheck_starts_the_days_again_and_counts_both_rounds(office) -> None:
    matter = office.act(
        office.attach(served(office), office.holder),
        "report",
        office.holder,
        measures="m",
        finished_on="2026-11-21",
    )
    matter = office.act(
        matter, "fail_recheck", office.second, rechecked_on="2026-11-21", recheck_findings="否", more_days=2
    )
    assert list(matter.deadlines.filter(code="rectify").values_list("state", "limit")) == [
        ("met", 5),
        ("running", 2),
    ]


def test_who_drafted_cannot_end_the_matter(office) -> None:
    from tests.apps.conftest import FIRST_DAY

    from qingjian.apps.accounts.services import place_post

    place_post(office.handler, "leader", office.county.bureau, office.county.county, FIRST_DAY)
    matter = served(office)
    with pytest.raises(NotAllowed):
        office.act(matter, "end", office.handler, ending="x")
    assert office.act(matter, "end", office.leader, ending="企业关停").state == "ended"

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override
from django_fsm import TransitionNotAllowed
from tests.apps.matters.conftest import key

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import queries, services
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Matter, NumberSeries, Receipt, TrailEntry


def reason(caught) -> str:
    return caught.value.reason


def test_a_verification_runs_from_opening_to_two_signatures(office) -> None:
    matter = office.reported()
    assert (matter.state, matter.waiting, matter.assignee) == ("signing", "assignee", office.handler)
    matter = office.sign(matter, office.handler)
    assert (matter.state, matter.waiting) == ("signing", "matters.approve")
    matter = office.sign(matter, office.leader)
    assert (matter.state, matter.waiting, matter.closed_at is not None, matter.due) == (
        "confirmed",
        "",
        True,
        None,
    )
    trail = list(matter.trail.values_list("sequence", "action", "after"))
    assert trail == [
        (1, "open", "opened"),
        (2, "assign_verifier", "verifying"),
        (3, "attach", "verifying"),
        (4, "report", "signing"),
        (5, "sign", "signing"),
        (6, "sign", "signing"),
        (7, "confirm", "confirmed"),
    ]
    assert list(matter.deadlines.values_list("code", "state")) == [("assign", "met"), ("verify", "met")]


def test_the_conclusion_decides_which_action_the_last_signature_takes(office) -> None:
    matter = office.reported("dismissed")
    office.sign(matter, office.handler)
    assert office.sign(matter, office.leader).state == "dismissed"


def test_refusing_to_sign_needs_a_reason_and_sends_back(office) -> None:
    matter = office.sign(office.reported(), office.handler)
    digest = matter.sheets.get().digest
    with pytest.raises(RefusedError):
        office.act(matter, "refuse", office.leader, digest=digest, password="a-long-password-1", reason=" ")
    matter = office.act(
        matter, "refuse", office.leader, digest=digest, password="a-long-password-1", reason="缺少照片说明"
    )
    assert (matter.state, matter.waiting) == ("verifying", "assignee")
    assert matter.sheets.get().state == "refused"
    assert office.handler.notifications.filter(kind="returned").exists()


def test_the_state_cannot_be_set_by_hand(office) -> None:
    matter = office.open()
    with pytest.raises(AttributeError):
        matter.state = "confirmed"
    with pytest.raises(TransitionNotAllowed):
        Matter.objects.get(pk=matter.pk).as_process().take_confirm()


def test_numbers_run_without_gaps_per_process_region_and_year(office, clock) -> None:
    first, second = office.open(), office.open()
    with pytest.raises(RefusedError):
        office.open(data={})
    third = office.open()
    assert [one.number for one in (first, second, third)] == [
        f"核实〔2026〕990101-000{number}" for number in (1, 2, 3)
    ]
    office.act(second, "void", office.leader, reason="登记错误")
    assert Matter.objects.get(pk=second.pk).state == "void"
    assert second.number in set(queries.visible_to(office.leader).values_list("number", flat=True))
    assert office.open(CORRECTIVE_ACTION).number == "整改〔2026〕990101-0001"
    clock.advance(60 * 86400)
    assert office.open().number == "核实〔2027〕990101-0001"
    assert NumberSeries.objects.get(kind=VERIFICATION.code, year=2026).last == 3


def test_the_same_key_acts_once_and_other_content_under_it_is_refused(office) -> None:
    matter, once = office.open(), key()
    data = {"verifier": office.handler.pk, "instruction": ""}
    done = services.act(matter, "assign_verifier", office.leader, data, matter.version, once)
    again = services.act(matter, "assign_verifier", office.leader, data, matter.version, once)
    assert (again.repeated, again.trail) == (True, done.trail)
    assert matter.trail.count() == 2
    with pytest.raises(RefusedError) as caught:
        services.act(matter, "comment", office.leader, {"note": "x"}, None, once)
    assert reason(caught) == "key"
    with pytest.raises(RefusedError):
        services.act(matter, "comment", office.leader, {"note": "x"}, None, "")
    opening = {
        "title": "t",
        "region": office.county.county,
        "data": {"statement": "s"},
        "idempotency_key": once + "b",
    }
    assert (
        services.open_matter(VERIFICATION, office.handler, **opening).matter
        == services.open_matter(VERIFICATION, office.handler, **opening).matter
    )


def test_a_stale_page_is_told_who_was_first_and_changes_nothing(office) -> None:
    matter = office.open()
    services.act(matter, "take", office.handler, {}, 0, key())
    with pytest.raises(RefusedError, match="handler") as caught:
        services.act(matter, "take", office.second, {}, 0, key())
    assert reason(caught) == "stale"
    with pytest.raises(RefusedError) as caught:
        services.act(matter, "take", office.second, {}, None, key())
    assert reason(caught) == "stale"
    assert matter.trail.count() == 2


@pytest.mark.parametrize(
    ("action", "data", "code"),
    [
        ("report", {"findings": "x"}, "evidence"),
        ("assign_verifier", {"verifier": 1}, "allowed"),
        ("confirm", {}, "state"),
        ("no-such-action", {}, "state"),
        ("take", {}, "state"),
        ("take", {"surprise": "x"}, "state"),
    ],
)
def test_wrong_actions_are_refused_with_their_reason(office, action: str, data: dict, code: str) -> None:
    matter = office.act(office.open(), "take", office.handler)
    before = TrailEntry.objects.count(), Receipt.objects.count()
    with pytest.raises((RefusedError, NotAllowed)) as caught:
        services.act(matter, action, office.handler, data, matter.version, key())
    assert code == ("allowed" if isinstance(caught.value, NotAllowed) else reason(caught))
    assert before == (TrailEntry.objects.count(), Receipt.objects.count())


def test_every_wrong_field_is_named(office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    with pytest.raises(RefusedError) as caught:
        office.act(
            matter,
            "report",
            office.handler,
            visited_on="never",
            findings="",
            cause="nonsense",
            conclusion="confirmed",
        )
    assert len(caught.value.messages) == 3
    with pytest.raises(RefusedError, match="surprise"):
        office.act(
            matter,
            "report",
            office.handler,
            visited_on="2026-11-20",
            findings="x",
            cause="other",
            conclusion="confirmed",
            surprise=1,
        )


def test_a_withdrawn_piece_of_evidence_no_longer_counts_and_stays(office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    row = matter.evidence.get()
    with pytest.raises(NotAllowed):
        office.act(matter, "withdraw-evidence", office.second, evidence=row.pk, reason="x")
    office.act(matter, "withdraw-evidence", office.handler, evidence=row.pk, reason="拍错")
    with pytest.raises(RefusedError) as caught:
        office.act(
            matter,
            "report",
            office.handler,
            visited_on="2026-11-20",
            findings="x",
            cause="other",
            conclusion="confirmed",
        )
    assert reason(caught) == "evidence"
    assert matter.evidence.get().withdrawal_reason == "拍错"


def test_only_the_person_in_charge_reports_and_a_leader_hands_over(office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    report = {"visited_on": "2026-11-20", "findings": "x", "cause": "other", "conclusion": "confirmed"}
    with pytest.raises(NotAllowed, match="handler"):
        office.act(matter, "report", office.second, **report)
    office.act(matter, "assign", office.leader, person=office.second.pk, note="调整分工")
    with pytest.raises(RefusedError):
        office.act(matter, "assign", office.leader, person=office.outsider.pk, note="x")
    assert office.act(matter, "report", office.second, **report).state == "signing"
    assert office.second.notifications.filter(kind="assigned").count() == 1


def test_links_and_notes_do_not_disturb_an_open_form(office) -> None:
    one, other = office.open(), office.open()
    version = one.version
    office.act(one, "link", office.handler, number=other.number, kind="concerns")
    office.act(one, "comment", office.handler, note="电话联系过")
    office.attach(one, office.handler)
    assert Matter.objects.get(pk=one.pk).version == version
    with pytest.raises(RefusedError):
        office.act(one, "link", office.handler, number=other.number, kind="concerns")
    assert [one.target for one in one.links_out.all()] == [other]


def test_corrective_action_goes_to_the_holder_and_back(office, clock) -> None:
    matter = office.open(CORRECTIVE_ACTION)
    assert not queries.visible_to(office.holder).exists()
    matter = office.act(matter, "draft", office.handler, demand="补标记", basis="监测条例第23条", days=5)
    matter = office.sign(office.sign(matter, office.handler), office.leader)
    assert matter.state == "approved"
    matter = office.attach(matter, office.handler, "送达回证")
    matter = office.act(matter, "serve", office.handler, served_on="2026-11-20", served_how="hand")
    assert list(queries.inbox(office.holder)) == [matter]
    assert office.holder.notifications.exists()
    matter = office.attach(matter, office.holder, "整改照片")
    with pytest.raises(NotAllowed):
        office.act(matter, "pass_recheck", office.holder, rechecked_on="2026-11-21", recheck_findings="好")
    matter = office.act(matter, "report", office.holder, measures="已补", finished_on="2026-11-21")
    clock.advance(timedelta(days=1).total_seconds())
    matter = office.act(
        matter,
        "fail_recheck",
        office.second,
        rechecked_on="2026-11-22",
        recheck_findings="未补全",
        more_days=3,
    )
    assert (matter.state, matter.deadlines.filter(state="running").get().limit) == ("correcting", 3)
    # What was shown in the first round has been judged: the second needs its own evidence, of the organisation.
    again = {"measures": "已补全", "finished_on": "2026-11-22"}
    for who in (None, office.handler):
        matter = matter if who is None else office.attach(matter, who, "现场照片")
        with pytest.raises(RefusedError) as caught:
            office.act(matter, "report", office.holder, **again)
        assert reason(caught) == "evidence"
    matter = office.attach(matter, office.holder, "再次整改照片")
    matter = office.act(matter, "report", office.holder, measures="已补全", finished_on="2026-11-22")
    matter = office.act(
        matter, "pass_recheck", office.second, rechecked_on="2026-11-22", recheck_findings="完成"
    )
    assert (matter.state, matter.documents.count()) == ("corrected", 2)
    public = matter.disclosures.get().content
    assert (public["number"], public["subject"]) == (matter.number, "甲县化工厂")
    assert set(public["fields"]) == {"kind", "finished_on", "rechecked_on"}


def test_who_drafted_the_order_does_not_sign_as_leader(office) -> None:
    both = office.county.person("both", "leader")
    from tests.apps.conftest import FIRST_DAY

    from qingjian.apps.accounts.services import place_post

    place_post(both, "enforcement_officer", office.county.bureau, office.county.county, FIRST_DAY)
    office.certify(both)
    matter = office.act(office.open(CORRECTIVE_ACTION, both), "draft", both, demand="x", basis="y", days=5)
    matter = office.sign(matter, both)
    with override("en"), pytest.raises(NotAllowed, match="Separation"):
        office.sign(matter, both)


@pytest.mark.parametrize("changed", ["subject", "confidentiality", "follows"])
def test_an_opening_form_sent_again_about_something_else_is_refused_not_swallowed(
    office, changed: str
) -> None:
    first = office.open()
    other = Organisation.objects.exclude(pk=office.county.holder.pk).first()
    sent = {
        "title": "t",
        "region": office.county.county,
        "data": {"kind": "internal", "problem": "p"},
        "subject": office.county.holder,
        "confidentiality": "internal",
        "follows": None,
        "idempotency_key": key(),
    }
    services.open_matter(CORRECTIVE_ACTION, office.handler, **sent)
    assert services.open_matter(CORRECTIVE_ACTION, office.handler, **sent).repeated
    different = {"subject": other, "confidentiality": "normal", "follows": first}[changed]
    with pytest.raises(RefusedError) as caught:
        services.open_matter(CORRECTIVE_ACTION, office.handler, **sent | {changed: different})
    assert reason(caught) == "key"
    assert Matter.objects.filter(kind=CORRECTIVE_ACTION.code).count() == 1


def test_what_the_officer_attached_is_not_what_the_organisation_put_right(office) -> None:
    matter = office.attach(office.attach(office.ordered(), office.handler), office.handler)
    with pytest.raises(RefusedError) as caught:
        office.act(matter, "report", office.holder, measures="m", finished_on="2026-11-20")
    assert reason(caught) == "evidence"
    matter = office.attach(matter, office.holder)
    assert (
        office.act(matter, "report", office.holder, measures="m", finished_on="2026-11-20").state
        == "reported"
    )


def test_evidence_stays_while_a_document_that_rests_on_it_is_signed(office) -> None:
    matter = office.sign(office.reported(), office.handler)
    photo = matter.evidence.get()
    with pytest.raises(RefusedError) as caught:
        office.act(matter, "withdraw-evidence", office.handler, evidence=photo.pk, reason="拍错")
    assert reason(caught) == "evidence"
    matter = office.act(matter, "withdraw_report", office.handler)
    # A document that was taken back waits for no signature any more.
    assert matter.sheets.get().state == "dropped"
    office.act(matter, "withdraw-evidence", office.handler, evidence=photo.pk, reason="拍错")
    assert matter.evidence.get().withdrawn_at is not None


def test_evidence_a_step_was_taken_on_is_withdrawn_only_when_another_piece_takes_its_place(office) -> None:
    matter = office.attach(office.ordered(), office.holder)
    mine = matter.evidence.get(added_by=office.holder)
    matter = office.act(matter, "report", office.holder, measures="m", finished_on="2026-11-20")
    service = matter.evidence.get(added_by=office.handler)
    for person, row in ((office.holder, mine), (office.handler, service)):
        with pytest.raises(RefusedError) as caught:
            office.act(matter, "withdraw-evidence", person, evidence=row.pk, reason="x")
        assert reason(caught) == "evidence"
    # The officer's photo does not take the place of the organisation's.
    office.attach(matter, office.handler)
    with pytest.raises(RefusedError):
        office.act(matter, "withdraw-evidence", office.holder, evidence=mine.pk, reason="x")
    office.attach(matter, office.holder)
    office.act(matter, "withdraw-evidence", office.holder, evidence=mine.pk, reason="有更清楚的照片")
    assert matter.evidence.filter(withdrawn_at=None, side="subject").count() == 1

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from tests.apps.conftest import NOW

from qingjian.apps.integrity import queries
from qingjian.apps.integrity.precision import Precision, precision_of
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.integrity.services import people
from qingjian.apps.integrity.words import reopened_notice
from qingjian.apps.matters.models import Notification
from qingjian.apps.observing.models import Clue
from qingjian.apps.records import queries as records


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


def test_verifying_has_one_name_and_the_way_back_to_the_clue_says_which(client, office, clue) -> None:
    matter = office.act(office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point), "take", office.handler)
    client.force_login(office.handler)
    page = client.get(f"/matters/{matter.pk}/").content.decode()
    assert re.search(rf'<a href="/clues/{clue.pk}/">线索 {clue.pk}</a>', page)
    titles = [str(one.title) for one in (VERIFICATION, *VERIFICATION.states, *VERIFICATION.actions)]
    assert any("核实" in one for one in titles)
    assert not any("核查" in one for one in (page, *titles))
    client.cookies.load({"django_language": "en"})
    assert f">Clue {clue.pk}</a>" in client.get(f"/matters/{matter.pk}/").content.decode()


def test_the_titles_of_the_columns_of_a_list_of_matters_wrap(client, office, clue) -> None:
    office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point)
    client.force_login(office.handler)
    assert "qj-wrapped-heads" in client.get("/integrity/verifications/").content.decode()


def test_a_report_shows_the_clue_and_suggests_no_cause(client, office, clue) -> None:
    matter = office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point, data={"statement": "恒值三日"})
    matter = office.attach(office.act(matter, "take", office.handler), office.handler)
    client.force_login(office.handler)
    address = f"/matters/{matter.pk}/act/report/"
    page = client.get(address).content.decode()
    assert "恒值三日" in page
    causes = re.findall(r"<option value=\"([a-z]*)\"( selected)?", page)
    assert causes[0] == ("", " selected")
    assert not any(chosen for cause, chosen in causes if cause)
    sent = {"visited_on": "2026-11-20", "findings": "查明", "cause": "", "conclusion": "confirmed"}
    refused = client.post(address, sent | {"key": "k1", "version": matter.version})
    assert refused.status_code == 400
    matter.refresh_from_db()
    assert matter.state == "verifying"


@pytest.mark.parametrize("conclusion", ["confirmed", "dismissed"])
def test_the_answer_reaches_the_clue(office, clue, conclusion: str) -> None:
    matter = finish(office, clue, conclusion)
    clue.refresh_from_db()
    assert (clue.state, clue.decided_by, matter.state) == (conclusion, office.leader, conclusion)
    assert matter.number in clue.reason


def test_a_signed_report_stands_above_a_dismissal_and_its_author_is_told(office, clue) -> None:
    people.dismiss(office.second, clue, 0, "先前")
    assert precision_of(clue.rule, clue.kind) == Precision(0, 1)
    matter = finish(office, clue, "confirmed")
    clue.refresh_from_db()
    assert (clue.state, clue.decided_by) == ("confirmed", office.leader)
    assert matter.number in clue.reason
    assert precision_of(clue.rule, clue.kind) == Precision(1, 1)
    notice = Notification.objects.get(kind="clue-overturned")
    assert (notice.person, notice.values["number"]) == (office.second, matter.number)
    assert [one["state"] for one in queries.decisions(clue)] == ["已排除", "属实"]
    assert [one for one in records.differences() if "线索" in one] == []


def test_a_signed_report_that_agrees_leaves_the_first_answer(office, clue) -> None:
    people.dismiss(office.second, clue, 0, "先前")
    finish(office, clue, "dismissed")
    clue.refresh_from_db()
    assert (clue.reason, clue.decided_by) == ("先前", office.second)
    assert not Notification.objects.filter(kind="clue-overturned").exists()


def test_a_dismissal_is_taken_back_with_a_reason_by_whoever_may_decide(client, office, clue) -> None:
    people.dismiss(office.handler, clue, 0, "先前")
    for person, wrong in ((office.outsider, PermissionDenied), (office.handler, ValidationError)):
        with pytest.raises(wrong):
            people.reopen(person, clue, clue.version, " ")
    client.force_login(office.second)
    assert "撤销排除" in client.get(f"/clues/{clue.pk}/").content.decode()
    sent = {"version": clue.version, "reason": "图谱看错了"}
    page = client.post(f"/clues/{clue.pk}/reopen/", sent, follow=True).content.decode()
    assert "图谱看错了" in page
    assert "先前" in page
    clue.refresh_from_db()
    assert (clue.state, precision_of(clue.rule, clue.kind).closed) == ("open", 0)
    assert [one for one in records.differences() if "线索" in one] == []
    with pytest.raises(ValidationError):
        people.reopen(office.handler, clue, clue.version, "再来")


def test_a_decided_clue_is_not_verified_before_it_is_opened_again(client, office, clue) -> None:
    people.dismiss(office.handler, clue, 0, "先前")
    client.force_login(office.handler)
    page = f"/clues/{clue.pk}/verify/"
    assert (client.get(page).status_code, client.post(page).status_code) == (403, 403)
    people.reopen(office.handler, clue, clue.version, "看错了")
    assert client.get(page).status_code == 200


def test_a_dismissal_by_verification_that_was_taken_back_is_verified_anew(client, office, clue) -> None:
    matter = finish(office, clue, "dismissed")
    clue.refresh_from_db()
    client.force_login(office.handler)
    page = f"/clues/{clue.pk}/verify/"
    assert client.get(page).headers["Location"] == f"/matters/{matter.pk}/"
    people.reopen(office.leader, clue, clue.version, "照片是旧的")
    assert client.get(page).status_code == 200
    assert page in client.get(f"/clues/{clue.pk}/").content.decode()


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


def test_only_a_second_verification_undoes_a_confirmation(client, office, clue) -> None:
    finish(office, clue, "confirmed")
    client.force_login(office.handler)
    page = client.get(f"/clues/{clue.pk}/")
    assert "再次核实" in page.content.decode()
    assert page.context["reopen_form"] is None
    assert client.get(f"/clues/{clue.pk}/verify/").status_code == 200
    finish(office, clue, "dismissed")
    clue.refresh_from_db()
    assert clue.state == "dismissed"


def test_no_second_verification_beside_one_that_is_not_seen(client, office, clue) -> None:
    office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point, confidentiality="confidential")
    client.force_login(office.second)
    assert not client.get(f"/clues/{clue.pk}/").context["may_verify"]
    assert client.get(f"/clues/{clue.pk}/verify/").status_code == 403


@pytest.mark.parametrize("by_matter", [True, False])
def test_what_two_people_dismissed_is_taken_back_by_a_leader_and_its_author_is_told(
    client, office, clue, by_matter: bool
) -> None:
    if by_matter:
        finish(office, clue, "dismissed")
    else:
        people.dismiss(office.handler, clue, clue.version, "更换试剂")
    clue.refresh_from_db()
    for person, may in ((office.handler, not by_matter), (office.leader, by_matter)):
        client.force_login(person)
        assert (client.get(f"/clues/{clue.pk}/").context["reopen_form"] is not None) is may, person
    if by_matter:
        with pytest.raises(PermissionDenied):
            people.reopen(office.handler, clue, clue.version, "我不同意")
    people.reopen(office.leader if by_matter else office.second, clue, clue.version, "照片是旧的")
    clue.refresh_from_db()
    assert clue.state == "open"
    notice = Notification.objects.get(kind="clue-reopened")
    assert notice.person == office.handler
    assert "照片是旧的" in reopened_notice(notice.values)

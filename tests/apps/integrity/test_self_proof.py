from __future__ import annotations

import io

import docx
import pytest
from tests.apps.integrity.conftest import found
from tests.apps.matters.conftest import key

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.integrity import queries, rules
from qingjian.apps.integrity.precision import precision_of
from qingjian.apps.integrity.processes import CLUE
from qingjian.apps.integrity.self_proof import SELF_PROOF, answerable
from qingjian.apps.integrity.services import people
from qingjian.apps.matters import queries as matters_queries
from qingjian.apps.matters import services
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Notification
from qingjian.apps.matters.services import files
from qingjian.apps.network.models import Point
from qingjian.apps.observing.models import Clue

ASKED = {"request": "请说明 11 月 10 日至 12 日的数据", "wanted": "运维记录", "days": 5}


@pytest.fixture
def clue(screened) -> Clue:
    return screened(found())[0]


@pytest.fixture
def asked(office, clue):
    return office.open(
        SELF_PROOF,
        subject=office.county.holder,
        point=clue.point,
        origin=f"{CLUE}:{clue.pk}",
        data=ASKED,
        title="自我举证",
    )


@pytest.fixture
def stranger(office):
    other = Organisation.objects.create(
        code="H9", name="别的工厂", kind="holder", region=office.county.county
    )
    return office.county.person("stranger", "permit_holder", organisation=other)


def answered(office, matter):
    matter = office.attach(matter, office.holder, "校准记录")
    return office.act(matter, "answer", office.holder, explanation="当日校准", contact="王 123")


def reviewed(office, matter, opinion: str = "explained"):
    return office.act(
        answered(office, matter), "review", office.handler, opinion=opinion, opinion_text="校准记录相符"
    )


def test_five_working_days_are_counted_from_the_request(asked) -> None:
    (limit,) = asked.deadlines.all()
    assert (limit.code, limit.due.date().isoformat()) == ("answer", "2026-11-27")  # asked on a Saturday


def test_the_unit_answers_with_evidence_only(office, asked) -> None:
    with pytest.raises(RefusedError) as refusal:
        office.act(asked, "answer", office.holder, explanation="当日校准")
    assert refusal.value.reason == "evidence"
    matter = answered(office, asked)
    assert matter.state == "answered"
    assert matter.deadlines.get().state == "met"


def form_of(client, person, matter, action: str) -> str:
    client.force_login(person)
    return client.get(f"/matters/{matter.pk}/act/{action}/").content.decode()


def test_whoever_answers_reviews_or_decides_reads_above_the_form_what_it_is_about(
    office, asked, client
) -> None:
    page = form_of(client, office.holder, asked, "answer")
    assert ASKED["request"] in page
    assert ASKED["wanted"] in page
    matter = office.act(
        answered(office, asked), "ask_more", office.handler, missing="缺少校准原始记录", days=3
    )
    assert "缺少校准原始记录" in form_of(client, office.holder, matter, "answer")
    matter = answered(office, matter)
    assert "当日校准" in form_of(client, office.handler, matter, "review")
    matter = office.act(
        matter, "review", office.handler, opinion="not_explained", opinion_text="记录与数据不符"
    )
    for action in ("accept", "reject", "send_back"):
        page = form_of(client, office.leader, matter, action)
        assert "当日校准" in page
        assert "未能说明：需现场核实" in page
        assert "记录与数据不符" in page
    matter = office.act(matter, "send_back", office.leader, decision="再看一遍")
    matter = office.act(matter, "ask_more", office.handler, missing="还缺流量", days=3)
    page = form_of(client, office.holder, matter, "answer")
    assert "还缺流量" in page
    assert "记录与数据不符" not in page, "an opinion that was sent back is never told"


def test_an_explanation_that_holds_dismisses_the_clue_and_changes_the_precision(office, asked, clue) -> None:
    before = precision_of(clue.rule, clue.kind)
    matter = office.act(reviewed(office, asked), "accept", office.leader, decision="同意")
    clue.refresh_from_db()
    after = precision_of(clue.rule, clue.kind)
    assert (matter.state, clue.state) == ("explained", "dismissed")
    assert matter.number in clue.reason
    assert "同意" in clue.reason
    assert (before.closed, after.closed, after.share) == (0, 1, 0.0)


def test_the_unit_is_told_when_its_explanation_no_longer_suffices(
    client, office, asked, stranger, clue
) -> None:
    matter = office.act(reviewed(office, asked), "accept", office.leader, decision="同意")
    clue.refresh_from_db()
    people.reopen(office.leader, clue, clue.version, "第二次筛查又指向同一仪器")
    (told,) = Notification.objects.filter(kind="proof-reopened")
    assert told.person == office.holder
    client.force_login(office.holder)
    page = client.get("/notifications/").content.decode()
    assert f"{matter.number}：认可贵单位说明的决定已于" in page
    assert f"/matters/{matter.pk}/" in page
    # Neither the clue nor why it was opened again: that is the bureau's.
    assert "筛查" not in page
    assert "线索" not in page
    assert not Notification.objects.filter(person=stranger).exists()


def test_what_one_officer_dismissed_tells_no_unit_when_it_is_taken_back(office, clue) -> None:
    people.dismiss(office.handler, clue, clue.version, "更换试剂")
    clue.refresh_from_db()
    people.reopen(office.second, clue, clue.version, "照片是旧的")
    assert not Notification.objects.filter(kind="proof-reopened").exists()


def test_a_leader_who_decides_against_the_opinion_gives_the_reason_the_clue_keeps(
    office, asked, clue
) -> None:
    matter = answered(office, asked)
    matter = office.act(
        matter, "review", office.handler, opinion="not_explained", opinion_text="校准记录是伪造的"
    )
    office.act(matter, "accept", office.leader, decision="补充说明可信")
    clue.refresh_from_db()
    assert "补充说明可信" in clue.reason
    assert "伪造" not in clue.reason


def test_while_a_visit_is_not_finished_no_explanation_decides_the_clue(office, asked, clue) -> None:
    visit = office.open(origin=f"{CLUE}:{clue.pk}", point=clue.point)
    matter = reviewed(office, asked)
    with pytest.raises(RefusedError, match=visit.number):
        office.act(matter, "accept", office.leader, decision="同意")
    visit = office.attach(office.act(visit, "take", office.handler), office.handler)
    visit = office.act(
        visit,
        "report",
        office.handler,
        visited_on="2026-11-20",
        findings="采样管被堵",
        cause="tampering",
        conclusion="confirmed",
    )
    office.sign(office.sign(visit, office.handler), office.leader)
    with pytest.raises(RefusedError, match="属实"):
        office.act(matter, "accept", office.leader, decision="同意")
    assert office.act(matter, "reject", office.leader, decision="现场属实").state == "not_explained"
    clue.refresh_from_db()
    assert (clue.state, precision_of(clue.rule, clue.kind).share) == ("confirmed", 1.0)


def test_one_that_does_not_hold_leaves_the_clue_to_a_visit(office, asked, clue) -> None:
    matter = office.act(reviewed(office, asked, "not_explained"), "reject", office.leader, decision="不符")
    clue.refresh_from_db()
    assert (matter.state, clue.state) == ("not_explained", "open")
    assert rules.may_verify(office.handler, clue)
    assert queries.verification_of(office.handler, clue) is None


def words_of(document) -> str:
    word = docx.Document(io.BytesIO(files.read(document.file)))
    cells = (cell.text for table in word.tables for row in table.rows for cell in row.cells)
    return "\n".join([*(one.text for one in word.paragraphs), *cells])


def test_the_request_is_a_letter_the_unit_can_read(office, asked) -> None:
    matter = office.act(asked, "letter", office.handler)
    (letter,) = matter.documents.all()
    said = words_of(letter)
    for part in ("自我举证通知书", ASKED["request"], "运维记录", "5 个工作日", "不是对数据是否真实的认定"):
        assert part in said
    assert "恒定" not in said  # how it was found stays with the bureau
    assert matters_queries.documents_visible_to(office.holder).filter(pk=letter.pk).exists()


@pytest.mark.parametrize(
    ("opinion", "action", "result"),
    [("explained", "accept", "已说明"), ("not_explained", "reject", "未能说明")],
)
def test_the_decision_is_a_letter_too(office, asked, opinion: str, action: str, result: str) -> None:
    matter = office.act(reviewed(office, asked, opinion), action, office.leader, decision="同意该意见")
    (letter,) = matter.documents.all()
    said = words_of(letter)
    for part in ("审查意见", result, "当日校准", "同意该意见", "校准记录"):
        assert part in said


def test_who_reviewed_does_not_decide(office, asked) -> None:
    both = office.county.person("both", "leader")
    matter = answered(office, asked)
    with pytest.raises(NotAllowed):
        office.act(matter, "review", both, opinion="explained", opinion_text="好")  # a leader does not handle
    matter = office.act(matter, "review", office.handler, opinion="explained", opinion_text="好")
    with pytest.raises(NotAllowed):
        office.act(matter, "accept", office.handler, decision="好")


def test_more_evidence_gets_a_new_limit(office, asked) -> None:
    matter = office.act(answered(office, asked), "ask_more", office.handler, missing="原始数据", days=3)
    assert matter.state == "requested"
    assert matter.shared
    assert {one.code: one.state for one in matter.deadlines.all()} == {
        "answer": "met",
        "supplement": "running",
    }
    matter = answered(office, matter)
    assert {one.state for one in matter.deadlines.all()} == {"met"}


def test_a_request_is_not_closed_as_unanswered_while_the_unit_has_time(office, asked) -> None:
    with pytest.raises(RefusedError, match="2026-11-27"):
        office.act(asked, "close_unanswered", office.handler, decision="逾期")
    assert asked.deadlines.get().state == "running"


def test_no_answer_closes_the_request_and_not_the_clue(office, asked, clue, clock) -> None:
    clock.advance(7 * 86_400)
    matter = office.act(asked, "close_unanswered", office.handler, decision="逾期")
    clue.refresh_from_db()
    assert (matter.state, clue.state) == ("unanswered", "open")
    assert matter.deadlines.get().state == "missed"


def test_a_unit_sees_requests_about_its_own_outlets_only(office, asked, stranger, clue) -> None:
    for person, seen in (
        (office.holder, True),
        (stranger, False),
        (office.outsider, False),
        (office.handler, True),
    ):
        assert queries.self_proofs_visible_to(person).filter(pk=asked.pk).exists() is seen, person
    with pytest.raises(NotAllowed):
        office.act(asked, "answer", stranger, explanation="不是我")
    file_owner = office.attach(asked, office.holder)
    assert file_owner.evidence.count() == 1
    with pytest.raises(NotAllowed):
        office.attach(asked, stranger)


def test_the_unit_keeps_its_request_and_reads_the_opinion_with_the_decision(office, asked, client) -> None:
    matter = reviewed(office, asked)
    client.force_login(office.holder)

    def page() -> str:
        answer = client.get(f"/matters/{matter.pk}/")
        assert answer.status_code == 200
        return answer.content.decode()

    assert queries.self_proofs_visible_to(office.holder).exists()
    assert "校准记录相符" not in page()
    assert "审查答复" not in page()
    office.act(matter, "send_back", office.leader, decision="看得不细")
    assert "看得不细" not in page()
    matter.refresh_from_db()
    office.act(matter, "review", office.handler, opinion="explained", opinion_text="校准记录相符")
    office.act(matter, "accept", office.leader, decision="同意")
    assert "校准记录相符" in page()
    assert "看得不细" not in page()


def test_the_bureau_finds_back_to_the_clue_and_the_unit_does_not_hear_of_it(
    office, asked, clue, client
) -> None:
    for tab in ("", "?tab=all"):
        for person, told in ((office.handler, True), (office.holder, False)):
            client.force_login(person)
            page = client.get(f"/matters/{asked.pk}/{tab}")
            assert page.status_code == 200
            assert (f'href="/clues/{clue.pk}/"' in page.content.decode()) == told


@pytest.mark.parametrize("end", ["letter", "accept"])
def test_what_was_sent_back_inside_is_never_told(office, asked, client, end: str) -> None:
    matter = office.act(
        answered(office, asked), "review", office.handler, opinion="not_explained", opinion_text="先别惊动"
    )
    matter = office.act(matter, "send_back", office.leader, decision="再查聊天记录")
    matter = office.act(matter, "ask_more", office.handler, missing="原始数据", days=3)
    if end == "letter":
        matter = office.act(matter, "letter", office.handler)
    else:
        matter = office.act(reviewed(office, matter), "accept", office.leader, decision="同意")
    client.force_login(office.holder)
    page = client.get(f"/matters/{matter.pk}/").content.decode()
    assert "原始数据" in page
    assert "先别惊动" not in page
    assert "再查聊天记录" not in page
    assert ("校准记录相符" in page) == (end == "accept")


def test_only_owner_and_maintainer_of_the_point_can_be_asked(office, clue, stranger) -> None:
    assert list(answerable(clue.point)) == [office.county.holder]


def test_a_clue_with_a_running_request_is_not_dismissed_by_hand(office, asked, clue) -> None:
    with pytest.raises(Exception, match=asked.number):
        people.dismiss(office.handler, clue, clue.version, "看过了")
    services.act(asked, "void", office.leader, {"reason": "发错"}, asked.version, key())
    assert people.dismiss(office.handler, clue, clue.version, "看过了").state == "dismissed"


def test_every_request_is_about_a_point_whose_unit_answers_for_it(office, stranger) -> None:
    point = office.county.county.point_set.get(code="W1")
    away = Point.objects.create(
        code="W9",
        name="乙县排口",
        kind="outlet_water",
        level="enterprise",
        region=office.county.other,
        organisation=stranger.organisation,
    )
    for wrong in (
        {"subject": office.county.holder},
        {"subject": stranger.organisation, "point": point},
        {"subject": stranger.organisation, "point": away},
        {
            "subject": office.county.holder,
            "point": point,
            "region": office.county.city,
            "actor": office.leader,
        },
    ):
        with pytest.raises((RefusedError, NotAllowed)):
            office.open(SELF_PROOF, data=ASKED, title="t", **wrong)
    matter = office.open(SELF_PROOF, data=ASKED, title="t", subject=office.county.holder, point=point)
    assert (matter.point, list(queries.self_proofs_visible_to(office.holder))) == (point, [matter])
    assert list(queries.self_proofs_visible_to(stranger)) == []


def test_by_hand_the_officer_chooses_the_point_and_the_unit_reads_its_own(client, office, stranger) -> None:
    Point.objects.create(
        code="W9",
        name="乙县排口",
        kind="outlet_water",
        level="enterprise",
        region=office.county.other,
        organisation=stranger.organisation,
    )
    path = "/matters/open/self-proof/"
    client.force_login(office.handler)
    page = client.get(path).content.decode()
    assert "它涉及哪个监测点位？" in page
    assert "化工厂总排口" in page
    assert "乙县排口" not in page
    assert client.get(path, {"export": "xlsx"}).content.startswith(b"PK")
    assert client.get(path, {"point": "W9"}).status_code == 404
    form = client.get(path, {"point": "W1"}).context["form"]
    assert [one.name for one in form.fields["subject"].queryset] == ["甲县化工厂"]
    assert (form.initial["region"], form.initial["subject"]) == (
        office.county.county.pk,
        office.county.holder.pk,
    )
    sent = {
        "key": key(),
        "title": "请说明数据",
        "region": office.county.county.pk,
        "subject": stranger.organisation.pk,
        "confidentiality": "internal",
        **ASKED,
    }
    assert client.post(f"{path}?point=W1", sent).status_code == 400
    assert client.post(f"{path}?point=W1", {**sent, "subject": office.county.holder.pk}).status_code == 302
    matter = queries.self_proofs_visible_to(office.handler).get()
    assert (matter.point.code, matter.region, matter.subject) == (
        "W1",
        office.county.county,
        office.county.holder,
    )
    client.force_login(office.holder)
    page = client.get(f"/matters/{matter.pk}/").content.decode()
    assert "化工厂总排口" in page
    assert "甲县化工厂 总排口" in page
    assert "化工厂总排口" in client.get("/integrity/self-proofs/").content.decode()
    assert client.get(path).status_code == 403
    client.force_login(stranger)
    assert client.get(f"/matters/{matter.pk}/").status_code == 404
    assert "化工厂总排口" not in client.get("/integrity/self-proofs/").content.decode()

"""Pages beside the steps themselves: the whole file, workbooks, publications, recorders, registers, in both languages."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import override
from tests.apps.matters.conftest import PASSWORD, key, picture

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.matters import dossier, services
from qingjian.apps.matters.models import Certificate, DocumentTemplate, Matter, WebhookTarget
from qingjian.apps.matters.outside import Reading
from qingjian.contracts.clock import CHINA

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def closed(office) -> Matter:
    matter = office.attach(office.ordered(), office.holder)
    matter = office.act(matter, "report", office.holder, measures="已补全", finished_on="2026-11-21")
    return office.act(
        matter, "pass_recheck", office.second, rechecked_on="2026-11-21", recheck_findings="完成"
    )


def sheets(response) -> dict[str, list[tuple]]:
    book = openpyxl.load_workbook(io.BytesIO(response.content))
    return {one.title: list(one.values) for one in book.worksheets}


def test_a_matter_is_exported_with_everything_it_holds(client, office) -> None:
    matter = closed(office)
    other = office.open()
    office.act(matter, "link", office.handler, number=other.number, kind="concerns")
    client.force_login(office.leader)
    assert other.number in client.get(f"/matters/{matter.pk}/?tab=all").content.decode()
    book = sheets(client.get(f"/matters/{matter.pk}/?export=xlsx"))
    assert list(book) == ["内容", "证据", "文书", "签字", "时限", "处理记录", "告知了谁", "关联事项"]
    assert book["关联事项"][1][1] == other.number
    assert (matter.number, len(book["处理记录"]) - 1) == (book["内容"][1][1], matter.trail.count())
    assert len(book["证据"]) - 1 == matter.evidence.count()
    assert {row[2] for row in book["签字"][1:]} == {"handler", "leader"}
    days = [row[6] for row in book["时限"][1:] if row[6]]
    assert "2026-11-20" in {day.strftime("%Y-%m-%d") if hasattr(day, "strftime") else day for day in days}
    client.force_login(office.outsider)
    assert client.get(f"/matters/{matter.pk}/?export=xlsx").status_code == 404


def test_the_whole_file_is_one_page_for_printing(client, office) -> None:
    matter = closed(office)
    client.force_login(office.leader)
    page = client.get(f"/matters/{matter.pk}/?tab=all").content.decode()
    for text in ("已补全", "第 1 日", "SHA-256", "整改情况", "甲县化工厂", matter.number):
        assert text in page, text
    assert page.count("qj-part") == 6


def test_in_english_nothing_of_the_program_is_chinese(office) -> None:
    """Titles and sentences are kept by code: a matter worked on in Chinese reads in English."""
    matter = closed(office)
    with override("en"):
        rows = {
            str(title): (heads, list(lines))
            for title, heads, lines in dossier.sheets(matter, Reading(matter, True))
        }
        assert list(rows)[:4] == ["Content", "Evidence", "Documents", "Signatures"]
        for heads, _lines in rows.values():
            assert not CHINESE.search(" ".join(map(str, heads)))
        assert [line[0] for line in rows["Documents"][1]] == ["Order to correct", "Record of the recheck"]
        assert {str(line[3]) for line in rows["Signatures"][1]} == {
            "Monitoring station staff",
            "Bureau leader",
        }
        office_rule = next(line for line in rows["Deadlines"][1] if line[0] == "Recheck what was reported")
        assert not CHINESE.search(str(office_rule[4]))
        told = " ".join(str(line[2]) for line in rows["Who was told"][1])
        assert not CHINESE.search(told.replace(matter.number, "").replace(matter.title, ""))


def test_what_became_public_is_shown_and_can_be_taken_back(client, office) -> None:
    matter = closed(office)
    client.force_login(office.leader)
    row = matter.disclosures.get()
    path = f"/matters/{matter.pk}/?tab=documents"
    page = client.get(path).content.decode()
    assert "整改情况" in page
    assert "甲县化工厂" in page
    form = {"key": key(), "version": matter.version, "disclosure": row.pk, "reason": "当事人复议"}
    taking = f"/matters/{matter.pk}/act/withdraw-disclosure/"
    client.force_login(office.holder)
    assert client.post(taking, {**form, "key": key()}).status_code == 403
    client.force_login(office.leader)
    assert client.get(f"{taking}?disclosure={row.pk}").status_code == 200
    assert client.post(taking, form).status_code == 302
    row.refresh_from_db()
    assert (row.withdrawal_reason, row.content["subject"]) == ("当事人复议", "甲县化工厂")
    assert "当事人复议" in client.get(path).content.decode()


def test_the_form_says_what_becomes_public_before_it_does(client, office) -> None:
    matter = office.ordered()
    client.force_login(office.second)
    page = client.get(f"/matters/{matter.pk}/act/pass_recheck/").content.decode()
    assert "此步骤将公开" in page
    # Whoever acts reads before what follows: clocks that end, the document, who is told.
    for text in ("结束计时：", "生成文书：", "通知：所涉单位"):
        assert text in page, text
    assert "复查日期" in page


def test_files_of_a_recorder_are_imported_on_the_page(client, office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    client.force_login(office.handler)
    path = f"/matters/{matter.pk}/import-recorder/"
    assert client.get(path).status_code == 200
    files = [
        SimpleUploadedFile("ZF1_20261120_093000.jpg", picture()),
        SimpleUploadedFile("x.mp4", b"not a film"),
    ]
    page = client.post(
        path, {"key": key(), "recorder": "ZF1", "title": "现场", "files": files}
    ).content.decode()
    assert "2026-11-20 09:30" in page
    assert "未附入" in page
    assert matter.evidence.get().recorder == "ZF1"
    assert client.post(path, {"key": key(), "recorder": "ZF1", "title": "现场"}).status_code == 400
    client.force_login(office.outsider)
    assert client.get(path).status_code == 404


def test_a_lacking_certificate_is_named_on_the_page(client, office) -> None:
    matter = office.ordered()
    services.revoke_certificate(office.leader, Certificate.objects.get(person=office.second), "调离")
    client.force_login(office.second)
    page = client.get(f"/matters/{matter.pk}/").content.decode()
    assert "ZF-second" in page
    form = {
        "key": key(),
        "version": matter.version,
        "rechecked_on": "2026-11-21",
        "recheck_findings": "x",
    }
    answer = client.post(
        f"/matters/{matter.pk}/act/pass_recheck/", {**form, "recheck_findings": "写了很久的话"}
    )
    assert answer.status_code == 403
    # Nothing is lost: what was typed is still in the form, beside the reason.
    assert "写了很久的话" in answer.content.decode()
    assert "ZF-second" in answer.content.decode()
    assert Matter.objects.get(pk=matter.pk).state == "correcting"


def test_a_person_present_who_refuses_to_sign_is_kept_with_the_reason(client, office) -> None:
    matter = office.reported()
    client.force_login(office.handler)
    path = f"/matters/{matter.pk}/sign/"
    form = {
        "choice": "sign-outsider",
        "key": key(),
        "version": matter.version,
        "digest": matter.sheets.get().digest,
        "outsider_name": "张三",
        "outsider_capacity": "企业负责人",
        "refused": "on",
    }
    assert client.post(path, form).status_code == 400
    assert client.post(path, {**form, "key": key(), "reason": "对事实有异议"}).status_code == 302
    row = matter.sheets.get().signatures.get()
    assert (row.refused, row.reason, row.drawing, row.signer) == (True, "对事实有异议", None, office.handler)
    # A refusal of an outsider is a fact in the file; it does not stop those who have to sign.
    matter = office.sign(Matter.objects.get(pk=matter.pk), office.handler)
    assert matter.waiting == "matters.approve"
    assert PASSWORD not in str(list(matter.trail.values_list("data", flat=True)))


def test_reading_files_of_a_confidential_matter_is_recorded_too(client, office) -> None:
    matter = office.open(confidentiality="confidential")
    matter = office.act(matter, "assign_verifier", office.leader, verifier=office.handler.pk)
    matter = office.attach(matter, office.handler)
    evidence = matter.evidence.get()
    client.force_login(office.handler)
    for path in (f"/evidence/{evidence.pk}/", f"/matters/{matter.pk}/act/comment/", f"/matters/{matter.pk}/"):
        before = AuditEvent.objects.filter(action="matters:confidential:read").count()
        assert client.get(path).status_code == 200
        assert AuditEvent.objects.filter(action="matters:confidential:read").count() == before + 1


def test_templates_are_taken_out_of_use_and_the_packaged_one_returns(client, office) -> None:
    path = "/document-templates/corrective-action/order/in-use/"
    manager = office.county.person("manager", "data_manager")
    client.force_login(manager)
    content = client.get(path).content
    assert content.startswith(b"PK")
    offer = "/document-templates/corrective-action/order/offer/"
    client.post(offer, {"file": SimpleUploadedFile("o.docx", content)})
    wrong = client.post(offer, {"file": SimpleUploadedFile("o.docx", b"x")}, follow=True).content.decode()
    assert "文件已损坏" in wrong
    row = DocumentTemplate.objects.get()
    client.force_login(office.leader)
    client.post(f"/document-templates/{row.pk}/approve/")
    assert "使用本单位模板" in client.get("/document-templates/").content.decode()
    client.post(f"/document-templates/{row.pk}/withdraw/")
    client.post(f"/document-templates/{row.pk}/withdraw/")
    client.post(f"/document-templates/{row.pk}/approve/")
    row.refresh_from_db()
    assert row.withdrawn_by == office.leader
    assert "使用本单位模板" not in client.get("/document-templates/").content.decode()


def test_webhooks_are_switched_and_deliveries_listed(client, office) -> None:
    system = office.county.person("system", "system_administrator")
    client.force_login(system)
    client.post(
        "/webhooks/",
        {"name": "h", "address": "https://hook.example/x", "secret": "0123456789abcdef", "enabled": "on"},
    )
    office.open()
    page = client.get("/deliveries/").content.decode()
    assert "webhook" in page
    assert client.get("/deliveries/?export=xlsx").content.startswith(b"PK")
    book = sheets(client.get("/webhooks/?export=xlsx"))
    assert next(iter(book.values()))[1][:2] == ("h", "https://hook.example/x")
    target = WebhookTarget.objects.get()
    client.post(f"/webhooks/{target.pk}/switch/")
    target.refresh_from_db()
    assert not target.enabled
    client.force_login(office.leader)
    assert client.get("/deliveries/").status_code == 403
    assert client.post(f"/webhooks/{target.pk}/switch/").status_code == 403


def test_the_scan_of_a_certificate_is_downloaded_as_it_was(client, office) -> None:
    content = picture()
    client.force_login(office.leader)
    client.post(
        "/certificates/add/",
        {
            "kind": "sampling",
            "number": "S-1",
            "person": office.second.pk,
            "issuer": "i",
            "valid_from": "2026-01-01",
            "valid_to": "2027-01-01",
            "upload": SimpleUploadedFile("s.jpg", content),
        },
    )
    row = Certificate.objects.get(number="S-1")
    assert b"".join(client.get(f"/certificates/{row.pk}/scan/").streaming_content) == content
    client.force_login(office.outsider)
    assert client.get(f"/certificates/{row.pk}/scan/").status_code == 404


def test_everybody_hands_over_their_own_work_and_nobody_elses(client, office) -> None:
    own = office.act(office.open(), "take", office.handler)
    client.force_login(office.handler)
    assert client.get("/hand-over/").status_code == 200
    answer = client.post(
        "/hand-over/", {"giver": office.second.pk, "receiver": office.handler.pk, "reason": "x"}
    )
    assert answer.context["form"].errors
    client.post("/hand-over/", {"giver": office.handler.pk, "receiver": office.second.pk, "reason": "调离"})
    own.refresh_from_db()
    assert own.assignee == office.second


@pytest.mark.parametrize("by", ["region", "person", "organisation", "nonsense"])
def test_punctuality_is_counted_by_region_person_or_organisation(client, office, by: str) -> None:
    closed(office)
    client.force_login(office.leader)
    response = client.get(f"/matters/punctuality/?by={by}&to=2027-01-01")
    groups = {row["group"] for row in response.context["rows"]}
    assert (
        groups
        == {
            "region": {"甲县"},
            "person": {"handler", "甲县化工厂"},
            "organisation": {"甲县化工厂"},
            "nonsense": {"甲县"},
        }[by]
    )
    assert client.get(f"/matters/punctuality/?by={by}&export=xlsx").content.startswith(b"PK")


def test_punctuality_is_shown_in_pages_and_printed_whole(client, office, monkeypatch) -> None:
    closed(office)
    client.force_login(office.leader)
    address = "/matters/punctuality/?by=person&to=2027-01-01"
    every = len(client.get(address).context["rows"])
    assert every > 1
    monkeypatch.setattr("qingjian.apps.matters.views.lists.LINES_PER_PAGE", 1)
    pages = [client.get(f"{address}&page={number}").context["lines"] for number in range(1, every + 1)]
    assert [len(one) for one in pages] == [1] * every
    whole = client.get(f"{address}&rows=all")
    assert len(whole.context["lines"]) == every
    assert "data-print-now" in whole.content.decode()


def test_lists_narrow_to_a_region_and_all_below(client, office) -> None:
    office.open()
    client.force_login(office.upper)
    for region, found in ((office.county.city, 1), (office.county.county, 1), (office.county.other, 0)):
        assert len(client.get("/matters/", {"region": region.pk}).context["lines"]) == found


def test_every_clock_in_reach_is_listed_with_its_light_and_leads_to_its_explanation(
    client, office, clock
) -> None:
    matter = office.ordered(days=3)
    closed(office)
    client.force_login(office.leader)

    def lines(which: str = "") -> list[str]:
        return [
            str(line[3].value) for line in client.get(f"/matters/deadlines/?clock={which}").context["lines"]
        ]

    assert lines() == lines("open") == [matter.number]
    assert len(lines("met")) == 2
    assert lines("overdue") == lines("paused") == lines("late") == []
    clock.advance(9 * 86400)
    assert lines("overdue") == [matter.number]
    row = client.get("/matters/deadlines/").context["lines"][0]
    assert (row[1].value, row[1].badge) == ("已逾期", "red")
    assert "第 1 日" in client.get(row[2].link).content.decode()
    client.force_login(office.outsider)
    assert lines() == lines("met") == []


def test_a_void_number_stays_in_the_lists_and_is_not_given_again(client, office) -> None:
    matter = office.open()
    office.act(matter, "void", office.leader, reason="登记错误")
    client.force_login(office.leader)
    for path in ("/matters/", "/matters/?light=closed", "/integrity/verifications/"):
        page = client.get(path).content.decode()
        assert matter.number in page, path
        assert "作废" in page, path
    page = client.get(f"/matters/{matter.pk}/?tab=trail").content.decode()
    assert "登记错误" in page
    assert office.open().number == matter.number.replace("0001", "0002")


def test_on_a_phone_every_value_of_a_list_stands_beside_its_title(client, office) -> None:
    office.open()
    client.force_login(office.leader)
    page = client.get("/matters/?order=-number").content.decode()
    assert "qj-cards" in page
    for title in ("编号", "标题", "状态", "待办人"):
        assert f'data-label="{title}"' in page, title
    # An empty value leaves no line; the orders of the hidden heads are in a drop-down.
    assert 'data-label="所涉单位" class="qj-nothing"' in page
    assert '<option value="-number" selected>' in page
    assert client.get("/matters/?order=-number&q=x").context["listing"].order == "-number"


def test_a_list_is_printed_whole_and_says_where_it_was_cut(client, office, monkeypatch) -> None:
    for _number in range(3):
        office.open()
    client.force_login(office.leader)
    monkeypatch.setattr("qingjian.ui.listing.PAGE_SIZE", 2)
    answer = client.get("/matters/?q=核实")
    assert (len(answer.context["lines"]), "data-print-now" in answer.content.decode()) == (2, False)
    assert answer.context["print_url"].endswith("&rows=all")
    whole = client.get("/matters/" + answer.context["print_url"])
    assert (len(whole.context["lines"]), "data-print-now" in whole.content.decode()) == (3, True)
    monkeypatch.setattr("qingjian.ui.listing.PRINT_LIMIT", 2)
    assert "仅打印前 2 行" in client.get("/matters/?rows=all").content.decode()


def test_regions_are_merged_on_the_pages_while_a_matter_is_open(client, office, clock) -> None:
    """One proposes, another approves; from that day the new bureau sees the matter under its old number, to the old date."""
    county = office.county
    other = county.person(
        "other-handler", "station_staff", organisation=office.outsider.organisation, region=county.other
    )
    matter = office.act(office.open(actor=other, region=county.other), "take", other)
    makers = [county.person(name, "data_manager", region=county.city) for name in ("maker", "checker")]
    client.force_login(office.leader)
    assert client.get(f"/matters/{matter.pk}/").status_code == 404
    client.force_login(makers[0])
    answer = client.post(
        "/propose/placement/",
        {"region": "990102", "parent": "990101", "valid_from": "2026-11-22", "reason": "并县"},
    )
    assert answer.status_code == 302, answer.context["form"].errors
    client.force_login(makers[1])
    client.post(
        f"{answer['Location']}decide/", {"decision": "approve", "version": 0, "comment": "批复文件已核对"}
    )
    client.force_login(office.leader)
    # It holds from its day on, not before.
    assert client.get(f"/matters/{matter.pk}/").status_code == 404
    clock.advance(86400)
    client.force_login(office.leader)
    page = client.get(f"/matters/{matter.pk}/").content.decode()
    assert "核实〔2026〕990102-0001" in page
    assert matter.due.astimezone(CHINA).strftime("%Y-%m-%d") in page
    form = {"key": key(), "version": matter.version, "person": office.second.pk, "note": "并县后移交"}
    assert client.post(f"/matters/{matter.pk}/act/assign/", form).status_code == 302
    client.force_login(office.second)
    assert "990102-0001" in client.get("/matters/inbox/").content.decode()


def test_a_file_changed_on_the_disk_is_not_passed_off_as_evidence(client, office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    row = matter.evidence.get()
    client.force_login(office.leader)
    assert client.get(f"/evidence/{row.pk}/?show=1").status_code == 200
    path = services.files.path_of(row.file_id)
    path.chmod(0o600)
    path.write_bytes(picture())
    answer = client.get(f"/evidence/{row.pk}/?show=1")
    assert answer.status_code == 403
    assert "摘要" in answer.content.decode()
    path.unlink()
    assert client.get(f"/evidence/{row.pk}/").status_code == 404


def test_what_is_the_authoritys_own_stays_inside(client, office) -> None:
    matter = office.ordered()
    for note, shown in (("周五突击复查", False), ("请上传照片", True)):
        office.act(matter, "comment", office.handler, note=note, **({"shown": True} if shown else {}))
    office.act(matter, "comment", office.holder, note="已收到")
    office.act(matter, "assign", office.leader, person=office.second.pk, note="内部分工调整")
    office.act(matter, "urge", office.leader, note="请企业与经办人尽快")
    pages = {}
    for person in (office.leader, office.holder):
        client.force_login(person)
        path = f"/matters/{matter.pk}/"
        book = sheets(client.get(f"{path}?export=xlsx"))
        pages[person] = (
            client.get(f"{path}?tab=trail").content.decode(),
            client.get(f"{path}?tab=all").content.decode(),
            str(book["处理记录"]),
        )
        assert (len(book["告知了谁"]) > 1) is (person == office.leader)
    for text, seen in (
        ("周五突击复查", False),
        ("请上传照片", True),
        ("已收到", True),
        ("内部分工调整", False),
        ("请企业与经办人尽快", True),
    ):
        for page in pages[office.leader]:
            assert text in page, text
        for page in pages[office.holder]:
            assert (text in page) is seen, text
    client.force_login(office.second)
    assert "所涉单位可见" in client.get(f"/matters/{matter.pk}/act/comment/").content.decode()
    client.force_login(office.holder)
    assert "所涉单位可见" not in client.get(f"/matters/{matter.pk}/act/comment/").content.decode()


def test_a_stopped_clock_is_named_in_the_lists(client, office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    office.act(matter, "request-stop", office.handler, reason="检测")
    office.act(matter, "approve-stop", office.leader, note="同意")
    client.force_login(office.leader)
    assert "时限中止" in client.get("/matters/").content.decode()
    client.force_login(office.handler)
    assert "时限中止" in client.get("/").content.decode()

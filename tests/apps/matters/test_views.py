from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.apps.conftest import NOW
from tests.apps.matters.conftest import PASSWORD, key, picture

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.matters import queries
from qingjian.apps.matters.models import Certificate, Delegation, Matter
from qingjian.apps.observing.models import Clue

LISTS = (
    "/matters/",
    "/matters/inbox/",
    "/matters/deadlines/",
    "/matters/punctuality/",
    "/notifications/",
    "/certificates/",
    "/delegations/",
    "/delegations/add/",
    "/integrity/verifications/",
    "/governance/corrective-actions/",
    "/document-templates/",
    "/working-days/",
)


@pytest.fixture
def signed_in(client, office):
    client.force_login(office.leader)
    return office


@pytest.mark.parametrize(
    "path",
    [
        *LISTS,
        "/certificates/add/",
        "/hand-over/",
        "/matters/open/corrective-action/",
        "/working-days/?year=2025",
        "/matters/?light=overdue&kind=clue-verification&q=x",
        "/matters/?light=nonsense&order=password",
        "/matters/punctuality/?from=never",
    ],
)
def test_pages_open_for_a_leader(client, signed_in, path: str) -> None:
    signed_in.reported()
    expected = 403 if path == "/matters/open/corrective-action/" else 200
    assert client.get(path).status_code == expected


@pytest.mark.parametrize("path", LISTS)
def test_pages_open_for_a_permit_holder_and_an_administrator(client, office, path: str) -> None:
    client.force_login(office.holder)
    assert client.get(path).status_code == 200
    client.force_login(office.county.person("system", "system_administrator"))
    assert client.get(path).status_code in (200, 403)


@pytest.mark.parametrize(
    "path",
    [
        "/matters/?export=xlsx",
        "/matters/inbox/?export=xlsx",
        "/matters/deadlines/?export=xlsx",
        "/matters/punctuality/?export=xlsx",
        "/certificates/?export=xlsx",
        "/notifications/?export=xlsx",
        "/working-days/?year=2025&export=xlsx",
        "/governance/corrective-actions/?export=xlsx",
        "/delegations/?export=xlsx",
        "/document-templates/?export=xlsx",
    ],
)
def test_lists_export_to_excel(client, signed_in, path: str) -> None:
    signed_in.reported()
    response = client.get(path)
    assert response.content.startswith(b"PK")


def test_a_clue_is_verified_on_the_pages(client, office) -> None:
    point = office.county.county.point_set.get(code="W1")
    clue = Clue.objects.create(
        point=point,
        kind="flat",
        rule="flat-line",
        start=NOW,
        score=0.9,
        statement="夜间恒值 6 小时",
        opened_at=NOW,
    )
    client.force_login(office.handler)
    assert "夜间恒值" in client.get(f"/clues/{clue.pk}/verify/").content.decode()
    form = {
        "key": key(),
        "title": "核实总排口",
        "region": office.county.county.pk,
        "subject": office.county.holder.pk,
        "confidentiality": "internal",
        "statement": "夜间恒值",
    }
    response = client.post(f"/clues/{clue.pk}/verify/", form)
    matter = Matter.objects.get()
    assert response["Location"] == f"/matters/{matter.pk}/"
    assert client.post(f"/clues/{clue.pk}/verify/", form)["Location"] == f"/matters/{matter.pk}/"
    page = f"/matters/{matter.pk}/"
    assert client.get(page).status_code == 200
    client.post(f"{page}act/take/", {"key": key(), "version": 0})
    upload = SimpleUploadedFile("现场.jpg", picture())
    response = client.post(
        f"{page}act/attach/",
        {"key": key(), "version": 1, "file": upload, "title": "采样口", "kind": "photo", "capture": "live"},
    )
    assert response["Location"].endswith("?tab=evidence"), response.content.decode()
    shown = f"/evidence/{matter.evidence.get().pk}/?show=1"
    assert shown in client.get(f"{page}?tab=evidence").content.decode()
    image = client.get(shown)
    assert (image.status_code, image["Content-Type"]) == (200, "image/jpeg")
    assert "sandbox" in image["Content-Security-Policy"]
    stale = client.post(
        f"{page}act/report/",
        {
            "key": key(),
            "version": 0,
            "visited_on": "2026-11-20",
            "findings": "打字不丢",
            "cause": "tampering",
            "conclusion": "confirmed",
        },
    )
    assert stale.status_code == 400
    assert "打字不丢" in stale.content.decode()
    client.post(
        f"{page}act/report/",
        {
            "key": key(),
            "version": 1,
            "visited_on": "2026-11-20",
            "findings": "堵管",
            "cause": "tampering",
            "conclusion": "confirmed",
        },
    )
    for person in (office.handler, office.leader):
        client.force_login(person)
        shown = client.get(f"{page}sign/").content.decode()
        matter.refresh_from_db()
        sheet = matter.sheets.get()
        assert "堵管" in shown
        assert sheet.digest in shown
        wrong = client.post(
            f"{page}sign/",
            {
                "key": key(),
                "version": matter.version,
                "digest": sheet.digest,
                "password": "wrong",
                "choice": "sign",
            },
        )
        assert wrong.status_code == 400
        assert (
            client.post(
                f"{page}sign/",
                {
                    "key": key(),
                    "version": matter.version,
                    "digest": sheet.digest,
                    "password": PASSWORD,
                    "choice": "sign",
                },
            ).status_code
            == 302
        )
    matter = Matter.objects.get()
    clue.refresh_from_db()
    assert (matter.state, clue.state, clue.decided_by) == ("confirmed", "confirmed", office.leader)
    for tab in ("form", "evidence", "documents", "signatures", "deadlines", "trail", "nonsense"):
        assert client.get(f"{page}?tab={tab}").status_code == 200
    document = matter.documents.get()
    assert b"".join(client.get(f"/documents/{document.pk}/").streaming_content).startswith(b"PK")
    assert client.get(f"/documents/{document.pk}/pdf/").content.startswith(b"%PDF")
    client.force_login(office.handler)
    following = f"/matters/open/corrective-action/?from={matter.pk}"
    assert following in client.get(page).content.decode()
    assert matter.number in client.get(following).content.decode()
    order = {
        "key": key(),
        "title": "整改",
        "region": office.county.county.pk,
        "subject": office.county.holder.pk,
        "confidentiality": "internal",
        "kind": "order",
        "problem": "堵管",
    }
    assert client.post(following, order).status_code == 302
    assert Matter.objects.get(kind="corrective-action").links_out.get().target == matter


def test_what_one_may_not_see_is_not_there(client, office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    evidence = matter.evidence.get()
    for person in (office.outsider, office.holder):
        client.force_login(person)
        for path in (
            f"/matters/{matter.pk}/",
            f"/matters/{matter.pk}/act/comment/",
            f"/matters/{matter.pk}/sign/",
            f"/evidence/{evidence.pk}/",
        ):
            assert client.get(path).status_code == 404, path
        assert (
            client.post(
                f"/matters/{matter.pk}/act/void/", {"key": key(), "version": 1, "reason": "x"}
            ).status_code
            == 404
        )
    client.force_login(office.second)
    assert (
        client.post(
            f"/matters/{matter.pk}/act/void/", {"key": key(), "version": 1, "reason": "x"}
        ).status_code
        == 403
    )


def test_reading_a_confidential_matter_is_recorded(client, office) -> None:
    from qingjian.apps.accounts.models import AuditEvent

    matter = office.open(confidentiality="confidential")
    client.force_login(office.second)
    assert client.get(f"/matters/{matter.pk}/").status_code == 404
    client.force_login(office.leader)
    assert client.get(f"/matters/{matter.pk}/").status_code == 200
    assert AuditEvent.objects.get(action="matters:confidential:read").user == office.leader


def test_a_fake_upload_is_refused_on_the_page_and_nothing_is_kept(client, office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    client.force_login(office.handler)
    fake = SimpleUploadedFile("photo.jpg", b"MZ\x90\x00 this is a program")
    response = client.post(
        f"/matters/{matter.pk}/act/attach/",
        {"key": key(), "version": 1, "file": fake, "title": "x", "kind": "photo", "capture": "live"},
    )
    assert response.status_code == 400
    assert not matter.evidence.exists()


def test_the_workbench_shows_what_waits(client, signed_in) -> None:
    matter = signed_in.open()
    page = client.get("/").content.decode()
    assert matter.number in page


def test_registers_are_kept_on_the_pages(client, signed_in) -> None:
    office = signed_in
    form = {
        "kind": "enforcement",
        "number": "16-1",
        "person": office.handler.pk,
        "issuer": "省政府",
        "valid_from": "2026-01-01",
        "valid_to": "2027-01-01",
    }
    assert client.post("/certificates/add/", form)["Location"] == "/certificates/"
    assert client.post("/certificates/add/", form).status_code == 400
    row = Certificate.objects.get(number="16-1")
    assert client.get(f"/certificates/{row.pk}/").status_code == 200
    client.post(f"/certificates/{row.pk}/", {"reason": "调离"})
    row.refresh_from_db()
    assert row.revoked_at is not None
    client.post(
        "/delegations/add/",
        {
            "person": office.handler.pk,
            "deputy": office.second.pk,
            "valid_from": "2026-11-21",
            "valid_to": "2026-11-28",
            "reason": "年假",
        },
    )
    delegation = Delegation.objects.get()
    client.post(f"/delegations/{delegation.pk}/end/")
    delegation.refresh_from_db()
    assert delegation.ended_at is not None
    matter = office.act(office.open(), "take", office.handler)
    response = client.post(
        "/hand-over/", {"giver": office.handler.pk, "receiver": office.second.pk, "reason": "调离"}
    )
    assert matter.number in response.content.decode()
    matter.refresh_from_db()
    assert matter.assignee == office.second


def test_templates_are_offered_previewed_and_approved_by_two_people(client, office) -> None:
    from importlib import resources

    content = (
        resources.files("qingjian").joinpath("apps/governance/document_templates/order.docx").read_bytes()
    )
    manager = office.county.person("manager", "data_manager")
    client.force_login(manager)
    client.post(
        "/document-templates/corrective-action/order/offer/", {"file": SimpleUploadedFile("o.docx", content)}
    )
    from qingjian.apps.matters.models import DocumentTemplate

    row = DocumentTemplate.objects.get()
    assert (
        client.get(f"/document-templates/corrective-action/order/preview/?template={row.pk}").status_code
        == 200
    )
    assert client.get("/document-templates/corrective-action/order/preview/?format=docx").content.startswith(
        b"PK"
    )
    assert client.post(f"/document-templates/{row.pk}/approve/").status_code == 403
    client.force_login(office.leader)
    client.post(f"/document-templates/{row.pk}/approve/")
    row.refresh_from_db()
    assert row.approved_by == office.leader
    assert client.get("/document-templates/nonsense/order/preview/").status_code == 404


def test_a_notification_is_read_in_the_readers_language(client, office) -> None:
    matter = office.open()
    client.force_login(office.leader)
    assert matter.number in client.get("/notifications/").content.decode()
    assert queries.unread(office.leader) == 1
    client.post("/notifications/read/")
    assert queries.unread(office.leader) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [("990101-0001", 1), ("恒值", 2), ("Pump", 1), ("pump", 1), ("化工", 1), ("nothing", 0), ("%", 0)],
)
def test_search_finds_number_title_and_organisation(client, signed_in, text: str, found: int) -> None:
    signed_in.open(title="核实夜间恒值")
    signed_in.open(title="核实 Pump 恒值", subject=signed_in.county.holder)
    assert len(client.get("/matters/", {"q": text}).context["lines"]) == found


def test_back_and_another_company_opens_a_second_order_after_saying_what_the_first_became(
    client, signed_in
) -> None:
    office = signed_in
    client.force_login(office.handler)
    form = {
        "key": key(),
        "title": "整改",
        "region": office.county.county.pk,
        "subject": office.county.holder.pk,
        "confidentiality": "internal",
        "kind": "internal",
        "problem": "p",
    }
    other = Organisation.objects.exclude(pk=office.county.holder.pk).get(code="B1")
    address = "/matters/open/corrective-action/"
    first = client.post(address, form)["Location"]
    # The same form again: the same matter, and the page says that it was done already.
    assert client.post(address, form)["Location"] == first
    texts = [str(one) for one in get_messages(client.get(first).wsgi_request)]
    assert [("此前" in one) for one in texts] == [False, True]
    # Back, another company, send: nothing is swallowed; what was typed stays, and sent once more it is a second order.
    refused = client.post(address, form | {"subject": other.pk})
    assert refused.status_code == 400
    assert "整改〔2026〕990101-0001" in refused.content.decode()
    fresh = refused.context["key"]
    assert fresh != form["key"]
    second = client.post(address, form | {"subject": other.pk, "key": fresh})["Location"]
    assert Matter.objects.get(pk=second.strip("/").split("/")[-1]).subject == other

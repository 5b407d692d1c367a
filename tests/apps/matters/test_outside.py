"""What the organisation concerned reads: what it was told, not how the authority came to it."""

from __future__ import annotations

import io

from openpyxl import load_workbook
from tests.apps.matters.conftest import PASSWORD

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters import bundles, queries


def drafted(office, demand: str):
    return office.open(CORRECTIVE_ACTION), {"demand": demand, "basis": "b", "days": 5}


def test_an_order_that_is_not_served_is_not_heard_of(office) -> None:
    matter, data = drafted(office, "d")
    matter = office.act(matter, "draft", office.handler, **data)
    matter = office.attach(office.sign(office.sign(matter, office.handler), office.leader), office.handler)
    matter = office.act(matter, "drop", office.leader, ending="证据不足，不予送达")
    assert (matter.state, matter.shared) == ("not_served", False)
    assert not office.holder.notifications.exists()
    assert matter not in queries.visible_to(office.holder)
    assert not queries.evidence_visible_to(office.holder).exists()


def test_after_service_the_first_draft_and_the_leaders_reason_stay_inside(client, office) -> None:
    matter, data = drafted(office, "第一稿要求")
    matter = office.sign(office.act(matter, "draft", office.handler, **data), office.handler)
    refusal = {"digest": matter.sheets.get().digest, "password": PASSWORD, "reason": "处理过轻，须重拟"}
    matter = office.act(matter, "refuse", office.leader, **refusal)
    matter = office.act(matter, "draft", office.handler, demand="第二稿要求", basis="b", days=5)
    matter = office.attach(office.sign(office.sign(matter, office.handler), office.leader), office.handler)
    matter = office.act(matter, "serve", office.handler, served_on="2026-11-20", served_how="hand")
    first, second = matter.documents.order_by("id")
    for person, reads in ((office.handler, True), (office.holder, False)):
        client.force_login(person)
        whole = client.get(f"/matters/{matter.pk}/?tab=all").content.decode()
        book = load_workbook(io.BytesIO(client.get(f"/matters/{matter.pk}/?export=xlsx").content))
        cells = "".join(str(cell.value) for sheet in book for row in sheet.rows for cell in row)
        for text in (whole, cells):
            assert ("处理过轻" in text) is reads
            assert (first.number in text) is reads
            assert second.number in text
            assert "第二稿要求" in text
        assert (client.get(f"/documents/{first.pk}/").status_code == 200) is reads
        assert client.get(f"/documents/{second.pk}/").status_code == 200
        content = bundles.collect({"matter": matter, "inside": reads})
        names = [one.name for one in content.files]
        assert (any(first.number.split("〕")[1] in name for name in names)) is reads
        assert any(second.number.split("〕")[1] in name for name in names)


def test_an_officers_opinion_is_read_with_the_decision_and_not_before(client, office) -> None:
    matter = office.open(
        SELF_PROOF,
        subject=office.county.holder,
        point=office.county.county.point_set.get(code="W1"),
        data={"request": "说明数据", "wanted": "记录", "days": 5},
    )
    matter = office.attach(matter, office.holder)
    matter = office.act(matter, "answer", office.holder, explanation="停产", contact="")
    matter = office.act(matter, "take", office.handler)
    opinion = {"opinion": "not_explained", "opinion_text": "停产记录与电量不符"}
    matter = office.act(matter, "review", office.handler, **opinion)
    matter = office.act(matter, "send_back", office.leader, decision="先核电量再定")
    client.force_login(office.holder)
    page = client.get(f"/matters/{matter.pk}/?tab=all").content.decode()
    assert "停产" in page
    assert not any(text in page for text in ("停产记录与电量不符", "先核电量再定"))
    matter = office.act(matter, "review", office.handler, **opinion)
    matter = office.act(matter, "reject", office.leader, decision="不能说明")
    page = client.get(f"/matters/{matter.pk}/?tab=all").content.decode()
    assert all(text in page for text in ("停产记录与电量不符", "不能说明"))
    assert "先核电量再定" not in page

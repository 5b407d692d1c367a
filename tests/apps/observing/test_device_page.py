"""The page of a device: gaps with what was asked and what came, quarantine, frames as the device wrote them."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from openpyxl import load_workbook
from tests.apps.conftest import NOW

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Device
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import provenance, services
from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command, CommandState
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.quarantine import QuarantineStore, Sender
from qingjian.hj212 import checksum
from qingjian.hj212.encoder import Sender as Encoder
from qingjian.hj212.encoder import factor_group
from qingjian.journal import Code, JournalWriter, Kind, NewFrame
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.stating import make_finding

HOUR = timedelta(hours=1)
GAP = NOW.replace(minute=0) - 20 * HOUR
KEY = "30" * 16


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def page(staff, client):
    def get(language: str = "zh-hans") -> str:
        staff.language = language
        staff.save()
        client.force_login(staff)
        return client.get("/devices/A1-D1/").content.decode()

    return get


def wire(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def put_gap(missing: int) -> None:
    evidence = {"statistic": "hour", "periods": 3, "missing": missing, "filled": missing == 0}
    finding = make_finding("gap", "A1.a34004", GAP, GAP + 3 * HOUR, evidence, NOW, part="hour")
    log = SqliteFindingLog(settings.DATA_FOLDER.findings)
    log.append([finding])
    services.consume_findings(log)
    log.close()


def ask(code: str, begin: datetime, end: datetime, answers: int) -> None:
    queue = SqliteCommandQueue(settings.DATA_FOLDER.commands)
    given = {"BeginTime": wire(begin), "EndTime": wire(end)}
    purpose = f"gap {begin.isoformat()}/{(end + HOUR).isoformat()}"
    queue.put(Command("c1", "MN-A1", code, given, "pipeline", "rule:gap@1", NOW, NOW + HOUR, purpose=purpose))
    queue.claim("gateway-1", ["MN-A1"], NOW)
    came = [("gateway-1", number + 1) for number in range(answers)]
    queue.update("c1", NOW, state=CommandState.SENT, qn="20261121100000000", answers=came)
    queue.close()


def test_the_page_shows_a_gap_what_was_asked_and_what_came(page) -> None:
    assert "近 30 天没有缺口" in page()
    put_gap(missing=1)
    ask("2061", GAP, GAP + 2 * HOUR, answers=2)
    text = page()
    assert "部分补齐" in text
    assert "2061" in text
    last = GAP + 3 * HOUR
    assert (
        f"补采 {GAP.astimezone(CHINA):%Y-%m-%d %H:%M} 至 {last.astimezone(CHINA):%Y-%m-%d %H:%M} 缺测数据"
        in text
    )
    assert "自动补采" in text
    assert "pipeline" not in text
    assert f"{GAP.astimezone(CHINA):%Y-%m-%d %H:%M}" in text
    assert "收到 2 条报文" in text


def test_gaps_go_into_the_workbook_of_completeness(page, client) -> None:
    put_gap(missing=1)
    ask("2061", GAP, GAP + 2 * HOUR, answers=2)
    page()
    book = load_workbook(io.BytesIO(client.get("/completeness/?export=xlsx").content))
    assert book.sheetnames == ["数据传输有效率", "数据缺口"]
    (line,) = book.worksheets[1].iter_rows(min_row=2, values_only=True)
    assert line[:4] == ("县政府站", "A1.a34004", "细颗粒物", "小时")
    assert line[6:10] == (3, 2, "部分补齐", 1)


@pytest.mark.parametrize(("policy", "asked"), [({}, False), ({"datatime": "end"}, True)])
def test_what_was_asked_is_understood_as_the_device_names_its_periods(page, policy, asked) -> None:
    """The last hour of the gap ends where the next begins: only who names ends was asked for it by that time."""
    Device.objects.filter(code="A1-D1").update(policy=policy)
    put_gap(missing=3)
    ask("2061", GAP + 3 * HOUR, GAP + 3 * HOUR, answers=0)
    assert ("未提取" not in page()) is asked


def test_what_was_held_back_stands_on_the_page_in_words(page) -> None:
    store = QuarantineStore(settings.DATA_FOLDER.quarantine)
    store.add(
        [
            Sender("MN-A1", "10.0.0.8", True, 9, 900, 4, 5, "check_modbus", NOW, NOW),
            Sender("MN-A1", "10.0.0.9", False, 2, 200, 2, 0, "password_wrong", NOW, NOW),
            Sender("OTHER", "10.9.9.9", False, 2, 200, 2, 0, "unregistered", NOW, NOW),
        ]
    )
    store.close()
    text = page()
    assert "校验码为 Modbus CRC16（高字节在前）" in text
    assert "访问密码错误" in text
    assert '<strong class="text-danger">5</strong>' in text
    assert "10.9.9.9" not in text
    assert "check is the CRC16 of Modbus" in page("en")


def test_kept_frames_are_read_again_on_a_persons_order(page, staff, client) -> None:
    start, end = NOW - timedelta(days=2), NOW
    given = {
        "again-start": f"{start.astimezone(CHINA):%Y-%m-%dT%H:%M}",
        "again-end": f"{end.astimezone(CHINA):%Y-%m-%dT%H:%M}",
        "again-purpose": "登记后补读",
    }
    assert "again-start" in page()
    assert client.post("/devices/A1-D1/read-again/", given).status_code == 302
    (order,) = (settings.DATA_FOLDER.findings.parent / "replay").glob("*.json")
    told = json.loads(order.read_text())
    assert (told["mn"], told["start"], told["end"]) == ("MN-A1", start.isoformat(), end.isoformat())
    event = AuditEvent.objects.get(action="device:frames:read-again")
    assert (event.user, event.subject, event.detail["purpose"]) == (staff, "MN-A1", "登记后补读")
    wrong = {**given, "again-end": given["again-start"]}
    answer = client.post("/devices/A1-D1/read-again/", wrong, follow=True).content.decode()
    assert "终止时间须晚于起始时间" in answer
    assert len(list(order.parent.glob("*.json"))) == 1


def test_nobody_without_commands_orders_a_reading(registry, client) -> None:
    for role, organisation in (("enforcement_officer", None), ("permit_holder", registry.holder)):
        person = registry.person(role, role, organisation=organisation)
        client.force_login(person)
        code = "A1-D1" if organisation is None else "W1-D1"
        assert "again-start" not in client.get(f"/devices/{code}/").content.decode()
        given = {"again-start": "2026-11-20T00:00", "again-end": "2026-11-21T00:00", "again-purpose": "x"}
        assert client.post(f"/devices/{code}/read-again/", given).status_code == 403
    assert not (settings.DATA_FOLDER.findings.parent / "replay").exists()


def frame_of(edition: str, key: str = "", modbus: bool = False) -> bytes:
    sender = Encoder(edition, "22", "123456", "MN-A1", bytes.fromhex(key) if key else None)
    groups = [factor_group("a34004", {"Rtd": "35", "Flag": "N"})]
    content = sender.upload("2011", "20261121095900", groups, "20261121100000123")
    if modbus:
        body = content[6:-6]
        content = content[:-6] + b"%04X\r\n" % checksum.modbus(body)
    return content


@pytest.mark.parametrize(
    ("changes", "content", "fields", "said"),
    [
        ({"edition": "2025", "sm4_key_hex": KEY}, frame_of("2025", KEY), "2011", "a34004-Rtd=35"),
        (
            {"edition": "2017", "policy": {"accept": ["check_modbus"]}},
            frame_of("2017", modbus=True),
            "2011",
            "校验码为 Modbus CRC16",
        ),
        ({}, frame_of("2017", modbus=True), "", "校验码为 Modbus CRC16"),
    ],
    ids=["encrypted", "variant the policy names", "variant it does not name"],
)
def test_a_frame_is_shown_as_its_device_was_read(
    registry, staff, client, clock, changes, content, fields, said
) -> None:
    if changes:
        before = network.registered.plain(
            network.registered.KINDS["device"], Device.objects.get(code="A1-D1")
        )
        network.install([Proposal("device", {**before, **changes})])
    version = network.publish_directory().version
    with JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock) as writer:
        received = int(NOW.timestamp() * 1_000_000)
        codes = (Code("check_modbus"),) if b"Modbus" in content else ()
        writer.append_many(
            [NewFrame(received, "10.0.0.8:1", 1, "MN-A1", Kind.ACCEPTED, content, codes, "", version)]
        )
    shown = provenance.frame("gateway-1", 1)
    assert shown is not None
    assert shown["fields"].get("CN", "") == fields
    client.force_login(staff)
    text = client.get("/data/frames/gateway-1/1/").content.decode()
    assert said in text
    assert "123456" not in text
    assert ("拒收" in text) == (not fields)


def test_who_may_not_see_data_reads_no_frame(registry, staff, client, clock) -> None:
    """The system administrator finds devices in the register, and what they sent nowhere."""
    with JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock) as writer:
        received = int(NOW.timestamp() * 1_000_000)
        writer.append_many(
            [NewFrame(received, "10.0.0.8:1", 1, "MN-A1", Kind.ACCEPTED, frame_of("2017"), (), "", 1)]
        )
    ask("2061", GAP, GAP + HOUR, answers=1)
    administrator = registry.person("x", "system_administrator")
    seen = []
    for person in (administrator, staff):
        client.force_login(person)
        pages = [client.get(place) for place in ("/devices/A1-D1/", "/data/frames/gateway-1/1/")]
        text = pages[0].content.decode()
        seen.append(([one.status_code for one in pages], "最新报文" in text, "/data/frames/" in text))
    assert seen == [([200, 404], False, False), ([200, 200], True, True)]

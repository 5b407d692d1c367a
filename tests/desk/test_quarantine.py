"""The page of senders nobody registered and of refused frames."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.conf import settings
from openpyxl import load_workbook
from tests.apps.conftest import NOW

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.network import models
from qingjian.apps.network import services as network
from qingjian.contracts.clock import CHINA
from qingjian.gateway.positions import PositionStore
from qingjian.gateway.quarantine import QuarantineStore, Sender
from qingjian.journal import JournalReader, JournalWriter, Kind, NewFrame
from qingjian.lake import CANDIDATES, Lake
from qingjian.pipeline.tables import frames_table


@pytest.fixture
def page(registry, client):
    def get(region=None) -> str:
        person = registry.person("staff", "station_staff", region=region)
        client.force_login(person)
        return client.get("/quarantine/").content.decode()

    return get


def held_back(*senders: Sender) -> None:
    store = QuarantineStore(settings.DATA_FOLDER.quarantine)
    store.add(senders)
    store.close()


def test_who_was_not_accepted_stands_there_with_the_reason_in_words(page) -> None:
    held_back(
        Sender("NEW1", "10.0.0.9", False, 3, 300, 3, 0, "unregistered", NOW, NOW),
        Sender("MN-A1", "10.0.0.8", False, 2, 200, 2, 0, "password_wrong", NOW, NOW),
        Sender("MN-A1", "10.0.0.8", True, 9, 900, 9, 0, "check_wrong", NOW, NOW),
    )
    text = page()
    assert "未登记" in text
    assert "访问密码错误" in text
    assert "校验码错误" in text
    assert 'href="/propose/device/?mn=NEW1"' in text
    assert text.count('href="/devices/A1-D1/#quarantine"') == 2
    assert 'role="status"' not in text.split("<main")[-1]


def test_bytes_without_an_mn_are_no_device_to_register(page) -> None:
    held_back(Sender("", "10.0.0.9", False, 3, 300, 3, 0, "noise", NOW, NOW))
    text = page()
    assert "不是报文的字节" in text
    assert "/propose/device/" not in text.split("<main")[-1]


def test_a_line_says_when_samples_were_dropped(page) -> None:
    held_back(
        Sender("NEW1", "10.0.0.9", False, 70, 700, 30, 40, "unregistered", NOW, NOW),
        Sender("MN-A1", "10.0.0.8", True, 9, 900, 7, 2, "noise", NOW, NOW),
    )
    assert "42 条报文只计数、未留存" in page()


def test_more_senders_than_the_page_shows_are_counted_and_exported(page, client, monkeypatch) -> None:
    monkeypatch.setattr("qingjian.desk.views.SENDERS_SHOWN", 2)
    held_back(
        *(
            Sender(
                f"NEW{n}", "10.0.0.9", False, 3, 300, 3, 0, "unregistered", NOW, NOW + timedelta(minutes=n)
            )
            for n in range(1_100)
        )
    )
    text = page()
    assert "NEW1099" in text
    assert "NEW1097" not in text
    assert "另有 1098 条" in text
    book = load_workbook(io.BytesIO(client.get("/quarantine/?export=xlsx").content))
    assert len(list(book.active.values)) == 1_101


def test_refused_frames_of_devices_elsewhere_are_not_shown(page, registry) -> None:
    held_back(
        Sender("MN-A1", "10.0.0.8", True, 9, 900, 7, 2, "noise", NOW, NOW),
        Sender("NEW1", "10.0.0.9", False, 3, 300, 3, 0, "unregistered", NOW, NOW),
    )
    text = page(registry.other)
    assert "MN-A1" not in text
    assert "NEW1" in text


def test_the_list_goes_into_a_workbook(page, client) -> None:
    held_back(Sender("NEW1", "10.0.0.9", False, 70, 700, 30, 40, "unregistered", NOW, NOW))
    assert "?export=xlsx" in page()
    book = load_workbook(io.BytesIO(client.get("/quarantine/?export=xlsx").content)).active
    assert [list(row)[:8] for row in book.iter_rows(min_row=2, values_only=True)] == [
        ["NEW1", "否", "10.0.0.9", 70, 700, 30, 40, "未登记"]
    ]


def test_the_progress_of_an_upper_platform_is_shown_and_exported(registry, client) -> None:
    client.force_login(registry.person("staff", "station_staff"))
    assert "?export=xlsx" not in client.get("/forwarding/").content.decode()
    models.ForwardTarget.objects.create(code="up", name="省平台", host="10.9.0.1", port=9212, devices=["*"])
    network.publish_directory()
    store = PositionStore(settings.DATA_FOLDER.forwarding)
    store.begin("up", "gateway-1", 0)
    store.link("up", "waiting", NOW, reason="refused", next_attempt_at=NOW)
    store.close()
    text = client.get("/forwarding/").content.decode()
    assert "等待重试" in text
    assert "refused" in text
    book = load_workbook(io.BytesIO(client.get("/forwarding/?export=xlsx").content)).active
    (line,) = book.iter_rows(min_row=2, values_only=True)
    assert line[:8] == ("省平台", "10.9.0.1:9212", "gateway-1", "等待重试", "refused", 0, 0, 0)


def test_what_an_unknown_sender_sent_can_be_looked_at(registry, client, clock) -> None:
    content = b"##0057QN=1;ST=32;CN=2011;PW=654321;MN=NEW1;Flag=5;CP=&&a=1&&FFFF\r\n"
    rows = [(content, "unregistered"), (b"GET / HTTP/1.1", "unregistered"), (b"##own", "accepted")]
    with JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock) as writer:
        received = int(NOW.timestamp() * 1_000_000)
        writer.append_many(
            [NewFrame(received, "10.0.0.9:1", 1, "NEW1", Kind(kind), bytes(one)) for one, kind in rows]
        )
    with (
        JournalReader(settings.DATA_FOLDER.journal / "gateway-1") as reader,
        Lake(settings.DATA_FOLDER.lake, clock) as lake,
    ):
        lake.append(
            lake.next_batch(), observations=CANDIDATES.empty_table(), frames=frames_table(reader.read())
        )
    client.force_login(registry.person("staff", "station_staff", region=registry.city))
    text = client.get("/quarantine/samples/?mn=NEW1").content.decode()
    assert "GET / HTTP/1.1" in text
    assert "PW=******" in text
    assert "654321" not in text
    assert "拒收" in text, "why it would not be read either"
    assert "##own" not in text
    assert "没有" in client.get("/quarantine/samples/?mn=OTHER").content.decode()
    client.force_login(registry.person("officer", "enforcement_officer"))
    assert client.get("/quarantine/samples/?mn=NEW1").status_code == 403


def test_samples_are_shown_where_the_right_to_command_reaches(registry, client, clock, page) -> None:
    """What names no registered device lies in no place; what names one lies where it stands."""
    mns = ("NEW1", "", "MN-A1")
    held_back(*(Sender(mn, "10.0.0.9", False, 1, 100, 1, 0, "password_wrong", NOW, NOW) for mn in mns))
    with JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock) as writer:
        received = int(NOW.timestamp() * 1_000_000)
        writer.append_many(
            [NewFrame(received, "10.0.0.9:1", 1, mn, Kind.UNREGISTERED, b"##sample") for mn in mns]
        )
    with (
        JournalReader(settings.DATA_FOLDER.journal / "gateway-1") as reader,
        Lake(settings.DATA_FOLDER.lake, clock) as lake,
    ):
        lake.append(
            lake.next_batch(), observations=CANDIDATES.empty_table(), frames=frames_table(reader.read())
        )

    def seen() -> dict[str, int]:
        return {mn: client.get(f"/quarantine/samples/?mn={mn}").status_code for mn in mns}

    assert page().count("hx-get") == 1
    assert seen() == {"NEW1": 403, "": 403, "MN-A1": 200}
    assert "##sample" in client.get("/quarantine/samples/?mn=MN-A1").content.decode()
    client.force_login(registry.person("elsewhere", "station_staff", region=registry.other))
    assert set(seen().values()) == {403}
    assert "MN-A1" not in client.get("/quarantine/").content.decode()
    client.force_login(registry.person("whole", "station_staff", region=registry.city))
    assert set(seen().values()) == {200}


def test_frames_are_sent_again_on_a_persons_word(registry, client, clock) -> None:
    staff = registry.person("staff", "station_staff", region=registry.city)
    models.ForwardTarget.objects.create(code="up", name="省平台", host="10.9.0.1", port=9212, devices=["*"])
    with JournalWriter.open(settings.DATA_FOLDER.journal, "gateway-1", clock) as writer:
        for hour in range(6):
            received = int((NOW - timedelta(hours=5 - hour)).timestamp() * 1_000_000)
            writer.append_many([NewFrame(received, "a:1", 1, "MN-A1", Kind.ACCEPTED, b"x")])
    store = PositionStore(settings.DATA_FOLDER.forwarding)
    store.begin("up", "gateway-1", 6)
    client.force_login(staff)
    assert "/forwarding/up/again/" in client.get("/forwarding/").content.decode()
    since = (NOW - timedelta(hours=2)).astimezone(CHINA)
    answer = client.post(
        "/forwarding/up/again/",
        {"start": f"{since:%Y-%m-%dT%H:%M}", "purpose": "省平台丢失数据"},
        follow=True,
    )
    assert "流水中 3 条报文将重新转发" in answer.content.decode()
    assert store.position("up", "gateway-1").sequence == 3
    event = AuditEvent.objects.get(action="forwarding:target:sent-again")
    assert (event.user, event.subject, event.detail["purpose"]) == (staff, "up", "省平台丢失数据")
    client.post("/forwarding/up/again/", {"start": "soon", "purpose": ""})
    assert client.post("/forwarding/none/again/", {}).status_code == 404
    assert store.position("up", "gateway-1").sequence == 3
    store.close()
    client.force_login(registry.person("county", "station_staff"))
    assert "/forwarding/up/again/" not in client.get("/forwarding/").content.decode()
    for person in (None, registry.person("officer", "enforcement_officer")):
        if person is not None:
            client.force_login(person)
        again = client.post("/forwarding/up/again/", {"start": "2026-11-20T00:00", "purpose": "补传"})
        assert again.status_code == 403

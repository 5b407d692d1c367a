"""Commands a person sends to a device: every one of its edition, with the fields it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from qingjian.apps.network.models import Device
from qingjian.apps.observing.device_commands import NOT_OFFERED, TITLES, offered, read_pairs
from qingjian.apps.observing.forms import CommandForm, FirstCommandsForm
from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import services as protocol_services
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.dialogue import groups_of
from qingjian.hj212 import profiles

EDITIONS = ("2005", "2017", "2025")
ROWS = [
    (edition, cn)
    for edition in EDITIONS
    for (cn, direction), command in profiles.profile(edition).commands.items()
    if direction == "down" and command.flow != "interaction"
]
VALUES = {"CstartTime": "000000", "Ctime": "2"}


@pytest.mark.parametrize(("edition", "cn"), ROWS)
def test_every_command_of_the_host_is_offered_with_its_fields(edition: str, cn: str) -> None:
    commands = offered(edition)
    if cn in NOT_OFFERED:
        assert cn not in commands
        return
    one = commands[cn]
    assert cn in TITLES
    given = {name.replace("*", "i13004"): VALUES.get(name, "1") for name in one.asked}
    form = CommandForm(
        {
            "code": cn,
            "parameters": " ".join(f"{name}={value}" for name, value in given.items()),
            "start": "2026-11-20T00:00",
            "end": "2026-11-20T05:00",
            "purpose": "x",
        },
        edition=edition,
    )
    assert form.is_valid(), form.errors
    wire = form.wire_parameters()
    period = {"BeginTime": "20261120000000", "EndTime": "20261120050000"} if one.takes_period else {}
    assert wire == {**given, **period}
    # What the gateway makes of it names every field once, in the groups of the table.
    assert sorted(name for group in groups_of(edition, cn, wire) for name, _ in group) == sorted(wire)


@pytest.mark.parametrize(("edition", "said"), [("2017", []), ("2025", ["1002", "1014"])])
def test_the_page_says_why_a_command_is_not_offered(registry, client, edition: str, said: list[str]) -> None:
    Device.objects.filter(code="A1-D1").update(edition=edition)
    client.force_login(registry.person("m", "data_manager"))
    page = client.get("/devices/A1-D1/").content.decode()
    assert sorted(code for code in NOT_OFFERED if f"<li>{code}（" in page) == said


def test_a_command_that_is_switched_off_is_not_offered() -> None:
    off = frozenset({"hj212:2025:command:3024:down"})
    assert set(offered("2025")) - set(offered("2025", off)) == {"3024"}
    assert offered("2017", off) == offered("2017")


def test_a_title_stands_for_a_command_there_is() -> None:
    assert set(TITLES) == {cn for _, cn in ROWS} - NOT_OFFERED


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"code": "3012"}, "parameters", "PolId"),
        ({"code": "3012", "parameters": "PolId"}, "parameters", "PolId"),
        ({"code": "3012", "parameters": "PolId=a;b"}, "parameters", "PolId=a;b"),
        ({"code": "3012", "parameters": "PolId=1 PolId=2"}, "parameters", "PolId=2"),
        ({"code": "3012", "parameters": "PolId=w01018 Colour=red"}, "parameters", "Colour"),
        ({"code": "1011", "parameters": "SystemTime=1"}, "parameters", "SystemTime"),
        ({"code": "2061", "start": "", "end": ""}, "start", "起止时间"),
        ({"code": "2061", "start": "2026-11-21T00:00", "end": "2026-11-20T00:00"}, "end", "终止"),
        ({"code": "3022"}, "code", ""),
        ({"code": "1002", "parameters": "MN=1"}, "code", ""),
        ({"code": "9014"}, "code", ""),
    ],
)
def test_what_the_device_could_not_take_is_told_before_it_is_sent(
    changes: dict[str, Any], field: str, said: str
) -> None:
    given = {"code": "1011", "purpose": "x", "start": "2026-11-20T00:00", "end": "2026-11-21T00:00"}
    form = CommandForm({**given, **changes}, edition="auto")
    assert not form.is_valid()
    assert set(form.errors) == {field}
    assert said in str(form.errors)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        pairs = read_pairs(text)
    except ValueError as error:
        assert str(error)
        return
    assert all(name and value and not set(value) & set(";,&=#") for name, value in pairs.items())


def test_a_command_goes_into_the_queue_and_the_ledger(registry, client) -> None:
    Device.objects.filter(code="W1-D1").update(edition="2025")
    client.force_login(registry.person("staff", "station_staff"))
    page = client.get("/devices/W1-D1/").content.decode()
    assert "立即留样 (3022) PolId" in page
    sent = {"code": "3022", "parameters": "PolId=w01018", "purpose": "超标留样", "start": "", "end": ""}
    assert client.post("/devices/W1-D1/", sent).status_code == 302
    (command,) = SqliteCommandQueue(settings.DATA_FOLDER.commands).recent("MN-W1")
    assert (command.code, command.parameters, command.purpose) == ("3022", {"PolId": "w01018"}, "超标留样")
    assert LedgerEvent.objects.filter(kind="command.queued").count() == 1
    protocol_services.switch_off(
        registry.person("m", "data_manager", region=registry.city),
        "hj212:2025:command:3024:down",
        "待厂家说明",
    )
    page = client.get("/devices/W1-D1/").content.decode()
    assert "(3024)" not in page
    page = client.post("/devices/W1-D1/", {**sent, "parameters": ""}).content.decode()
    assert "该命令还需要：PolId" in page
    assert len(SqliteCommandQueue(settings.DATA_FOLDER.commands).recent("MN-W1")) == 1


def test_what_a_device_is_told_after_its_first_connection_is_queued_in_the_order_of_the_standard(
    registry, client
) -> None:
    client.force_login(registry.person("staff", "station_staff"))
    assert "/devices/W1-D1/first-commands/" in client.get("/devices/W1-D1/").content.decode()
    given = {
        "first-over_time": "10",
        "first-resends": "3",
        "first-rtd_interval": "60",
        "first-min_interval": "10",
        "first-realtime": "on",
        "first-status": "off",
        "first-purpose": "新装数采仪",
    }
    client.post("/devices/W1-D1/first-commands/", {**given, "first-resends": ""})
    queue = SqliteCommandQueue(settings.DATA_FOLDER.commands)
    assert not queue.recent("MN-W1"), "time-out and resends go together"
    assert client.post("/devices/W1-D1/first-commands/", given).status_code == 302
    assert [(one.code, one.parameters) for one in reversed(queue.recent("MN-W1"))] == [
        ("1012", {}),
        ("1000", {"OverTime": "10", "ReCount": "3"}),
        ("1062", {"RtdInterval": "60"}),
        ("1064", {"MinInterval": "10"}),
        ("2011", {}),
        ("2022", {}),
    ]
    assert LedgerEvent.objects.filter(kind="command.queued").count() == 6
    client.post("/devices/W1-D1/first-commands/", {"first-purpose": "只校时"})
    assert [one.code for one in queue.recent("MN-W1", 1)] == ["1012"]
    client.force_login(registry.person("officer", "enforcement_officer"))
    assert client.post("/devices/W1-D1/first-commands/", given).status_code == 403
    client.force_login(registry.person("away", "station_staff", region=registry.other))
    assert client.post("/devices/W1-D1/first-commands/", given).status_code == 404


def test_an_edition_without_minute_interval_is_not_asked_for_one() -> None:
    form = FirstCommandsForm({"first-purpose": "x", "first-min_interval": "10"}, edition="2005")
    assert form.is_valid(), form.errors
    assert [code for code, _ in form.commands(datetime(2026, 3, 1, tzinfo=UTC))] == ["1012"]

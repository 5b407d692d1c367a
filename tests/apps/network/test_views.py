from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import load_workbook

from qingjian.apps.network import models


@pytest.fixture
def staff(client, registry):
    client.force_login(registry.person("staff", "data_manager"))
    return registry


@pytest.mark.parametrize(
    "path",
    [
        "/points/",
        "/sources/",
        "/series/",
        "/duties/",
        "/changes/",
        "/sources/S1/",
        "/registry/import/",
        "/propose/point/",
        "/propose/point/A1/",
    ],
)
def test_pages_open(client, staff, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/points/?element=air&q=县",
        "/points/?order=-region__code",
        "/points/?order=password",
        "/points/?status=nonsense&page=99",
        "/sources/?list=key_water",
    ],
)
def test_filters_and_orders_never_break_a_list(client, staff, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_change_is_proposed_and_approved_on_the_pages(client, staff) -> None:
    form = {
        "code": "A2",
        "name": "新站",
        "kind": "air_city",
        "level": "county",
        "region": "990101",
        "organisation": "B1",
        "status": "running",
        "reason": "新建",
    }
    response = client.post("/propose/point/", form)
    change = models.ChangeRequest.objects.get()
    assert response["Location"] == f"/changes/{change.pk}/"
    assert (
        client.post(f"/changes/{change.pk}/decide/", {"version": 0, "decision": "approve"}).status_code == 403
    )
    client.force_login(staff.person("checker", "data_manager"))
    assert "新站" in client.get(f"/changes/{change.pk}/").content.decode()
    client.post(f"/changes/{change.pk}/decide/", {"version": 0, "decision": "approve"})
    assert models.Point.objects.filter(code="A2").exists()


def test_a_wrong_import_lists_its_rows_and_stores_nothing(client, staff) -> None:
    content = "code,name,kind,level,region,organisation\nA2,站,air_city,county,990101,B1\nA3,站,nonsense,county,123,B1\n".encode()
    response = client.post(
        "/registry/import/", {"kind": "point", "reason": "批量", "file": SimpleUploadedFile("p.csv", content)}
    )
    page = response.content.decode()
    assert "nonsense" in page
    assert "123" in page
    assert not models.ChangeRequest.objects.exists()


def test_other_people_s_things_are_not_found(client, registry) -> None:
    client.force_login(registry.person("x", "station_staff", region=registry.other))
    for path in ("/sources/S1/", "/points/A1/", "/devices/A1-D1/"):
        assert client.get(path).status_code == 404


def test_rows_of_others_are_not_shown_by_proposing_a_change_of_them(client, registry) -> None:
    client.force_login(registry.person("holder", "permit_holder", organisation=registry.holder))
    assert client.get("/propose/device/W1-D1/").status_code == 200
    assert client.get("/propose/device/A1-D1/").status_code == 404


def test_passwords_of_devices_are_shown_to_those_who_register_them_only(client, staff) -> None:
    assert b"123456" in client.get("/propose/device/A1-D1/").content
    plain = {
        "code": "A1-D9",
        "mn": "MN-A9",
        "password": "geheim99",
        "name": "机",
        "point": "A1",
        "edition": "auto",
    }
    answer = client.post("/propose/device/", {**plain, "system_code": "22", "reason": "新机"})
    page = client.get(answer["Location"]).content.decode()
    assert "geheim99" not in page
    assert "***" in page
    client.force_login(staff.person("leader", "leader"))
    book = load_workbook(io.BytesIO(client.get("/registry/template/device/?rows=1").content)).active
    assert "123456" not in {cell for row in book.iter_rows(values_only=True) for cell in row}


def test_an_unknown_sender_is_registered_with_its_mn_filled_in(client, staff) -> None:
    assert 'value="MN-77"' in client.get("/propose/device/?mn=MN-77").content.decode()


def test_the_workbook_of_duties_has_gaps_overlaps_and_coverage(client, staff) -> None:
    client.post(
        "/propose/duty/", {"point": "A1", "kind": "monitor", "organisation": "B1", "reason": "事权划分"}
    )
    book = load_workbook(io.BytesIO(client.get("/duties/?export=xlsx").content))
    assert len(book.sheetnames) == 4
    gaps = list(book.worksheets[1].iter_rows(min_row=2, values_only=True))
    assert len(gaps) == 8, "nobody has any of the four duties at the two points before the approval"
    coverage = {row[0]: row[1:] for row in book.worksheets[3].iter_rows(min_row=2, values_only=True)}
    assert coverage["园区、开发区自动监测覆盖"][:2] == (0, 0)


def test_the_file_of_a_source_shows_its_permit_whole(client, staff) -> None:
    source = models.Source.objects.get(code="S1")
    duties = "废水：COD 每日一次\n厂界噪声：每季一次"
    models.Permit.objects.create(source=source, number="P-7", issuer="甲市局", self_monitoring=duties)
    models.Source.objects.filter(pk=source.pk).update(notice="虚构单位\ninvented")
    page = client.get("/sources/S1/").content.decode()
    for text in ("P-7", "甲市局", "自行监测", "COD 每日一次<br>厂界噪声", "虚构单位"):
        assert text in page, text


def test_every_row_of_a_long_request_can_be_read_before_it_is_approved(client, staff) -> None:
    head = "code,name,kind,level,region,organisation\n"
    rows = "".join(f"L{number:03},站{number},air_city,county,990101,B1\n" for number in range(230))
    file = SimpleUploadedFile("p.csv", (head + rows).encode())
    answer = client.post("/registry/import/", {"kind": "point", "reason": "批量", "file": file})
    first = client.get(answer["Location"]).content.decode()
    assert "新增 230 行" in first
    assert "L000" in first
    assert "L229" not in first
    assert "L229" in client.get(f"{answer['Location']}?page=10").content.decode()
    book = load_workbook(io.BytesIO(client.get(f"{answer['Location']}?export=xlsx").content)).active
    assert {row[1] for row in book.iter_rows(min_row=2, values_only=True)} == {f"L{n:03}" for n in range(230)}

"""Pages that show the first of many say how many more there are, and lead to all of them."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import openpyxl
import pytest
from tests.apps.conftest import NOW

from qingjian.apps.network.models import ChangeRequest, Point
from qingjian.apps.observing.models import Alert, FindingRecord, Mark

FIRST = NOW - timedelta(days=20)
LISTED = 20
CHANGED = 140


def hour(number: int) -> datetime:
    return FIRST + number * timedelta(hours=1)


def raised(point: Point, number: int = 0, state: str = Alert.State.OPEN) -> Alert:
    return Alert.objects.create(
        state=state,
        rule="changed-after-the-fact",
        subject="A1.a21026",
        subject_kind="series",
        point=point,
        severity="major",
        opened_at=NOW + timedelta(minutes=number),
        last_at=NOW,
        region=point.region,
        findings_count=1,
    )


def stated(alert: Alert, number: int, **evidence: object) -> FindingRecord:
    return FindingRecord.objects.create(
        id=f"f{number}",
        rule=alert.rule,
        rule_version="1",
        point=alert.point,
        subject=alert.subject,
        subject_kind="series",
        start=hour(0) + timedelta(seconds=number),
        end=hour(CHANGED),
        severity="major",
        evidence={"statistic": "hour", **evidence},
        known_at=NOW,
        alert=alert,
    )


@pytest.fixture
def changed(registry, fine, put, clock) -> Alert:
    """An alert about many hours that the device sent again with other values."""
    for value in (10, 20):
        put(fine, "hour", [(hour(n), value + n, "N") for n in range(CHANGED)])
        clock.advance(60)
    alert = raised(fine.point)
    some = [
        {"start": hour(n).isoformat(), "old": {"value": 10 + n}, "new": {"value": 20 + n}}
        for n in range(LISTED)
    ]
    stated(alert, 0, periods=CHANGED, changes=some, changes_in_all=CHANGED)
    return alert


def test_every_change_is_reached_from_the_alert(client, registry, changed) -> None:
    client.force_login(registry.person("s", "station_staff"))
    page = client.get(f"/alerts/{changed.pk}/").content.decode()
    address = f"/alerts/{changed.pk}/findings/f0/"
    assert f"另有 {CHANGED - 5} 项" in page
    assert address in page
    shown = [client.get(f"{address}?page={number}").content.decode() for number in (1, 2)]
    for n in (0, 99):
        assert f"均值 {10 + n}, 标记 N → 均值 {20 + n}, 标记 N" in shown[0]
    assert f"均值 {20 + CHANGED - 1}" in shown[1]
    assert "/data/frames/gateway-1/140/" in shown[1]
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{address}?export=xlsx").content))
    lines = list(book.active.iter_rows(values_only=True))
    assert len(lines) == 1 + CHANGED
    assert lines[-1][3:5] == (10 + CHANGED - 1, 20 + CHANGED - 1)


def test_the_finding_is_shown_to_those_who_see_the_alert(client, registry, changed) -> None:
    client.force_login(registry.person("far", "station_staff", region=registry.other))
    assert client.get(f"/alerts/{changed.pk}/findings/f0/").status_code == 404
    client.force_login(registry.person("near", "station_staff"))
    other = raised(changed.point, state=Alert.State.CLOSED)
    assert client.get(f"/alerts/{other.pk}/findings/f0/").status_code == 404


def test_all_findings_of_an_alert_stand_on_its_pages(client, registry, fine) -> None:
    alert = raised(fine.point)
    for number in range(60):
        stated(alert, number, periods=1000 + number)
    client.force_login(registry.person("s", "station_staff"))
    pages = [client.get(f"/alerts/{alert.pk}/?page={number}").content.decode() for number in (1, 2)]
    assert all(sum(str(1000 + number) in page for page in pages) >= 1 for number in range(60))
    assert 'rel="next"' in pages[0]


def test_a_point_says_how_many_alerts_and_marks_it_does_not_show(client, registry, fine) -> None:
    person = registry.person("s", "station_staff")
    for number in range(25):
        raised(fine.point, number, Alert.State.CLOSED)
    for number in range(33):
        Mark.objects.create(
            point=fine.point,
            series=["A1.a21026"],
            start=hour(number),
            end=hour(number + 1),
            kind="maintenance",
            reason=f"第{number}次",
            author=person,
            known_at=NOW,
        )
    client.force_login(person)
    page = client.get("/points/A1/").content.decode()
    assert '<span class="badge ms-1">25</span>' in page
    assert "另有 5 条" in page
    assert "/alerts/?q=A1" in page
    assert "另有 3 条" in page
    assert page.count("次</td>") == 30
    assert client.get("/points/A1/?marks=all").content.decode().count("次</td>") == 33
    assert "25 条" in client.get("/alerts/?q=A1").content.decode()


def test_what_others_have_to_decide_hides_nothing_that_waits_for_a_person(client, registry) -> None:
    author = registry.person("author", "data_manager", region=registry.city)
    decider = registry.person("decider", "data_manager", region=registry.county)
    for number in range(50):
        ChangeRequest.objects.create(
            author=author,
            reason=f"两县{number}",
            region=registry.county,
            places=["990101", "990102"],
            created_at=NOW + timedelta(minutes=number),
        )
    for number in range(10):
        ChangeRequest.objects.create(
            author=author,
            reason=f"本县{number}",
            region=registry.county,
            places=["990101"],
            created_at=NOW - timedelta(days=1, minutes=number),
        )
    client.force_login(decider)
    page = client.get("/").content.decode()
    assert page.count("<div>本县") == 8
    assert "两县" not in page
    assert "更多名录变更待审" in page

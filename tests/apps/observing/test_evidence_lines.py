from __future__ import annotations

from django.utils import translation
from tests.apps.conftest import NOW

from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import evidence
from qingjian.apps.observing.models import Alert, FindingRecord


def shown(data: dict, language: str = "zh-hans") -> list[tuple[str, str]]:
    with translation.override(language):
        return [(line.title, line.text) for line in evidence.lines(data)]


def test_figures_are_named_and_times_are_china_time() -> None:
    data = {
        "statistic": "hour",
        "missing": 3,
        "filled": False,
        "last_frame_at": "2026-11-21T02:00:00+00:00",
        "own": 12.3456789,
        "column": "converted",
        "flags": ["D", "M"],
        "projected_percent": None,
        "series": 7,
    }
    assert shown(data) == [
        ("数据类型", "小时"),
        ("缺失时段数", "3"),
        ("已补齐", "否"),
        ("标记", "D, M"),
        ("最近报文", "2026-11-21 10:00:00"),
        ("指标", "折算均值"),
        ("平台计算值", "12.3457"),
    ]
    assert shown(data, "en")[1] == ("Periods missing", "3")


def test_changes_show_both_sides_and_link_their_frames() -> None:
    change = {
        "start": "2026-11-21T02:00:00+00:00",
        "revision": 1,
        "old": {"value": 1.5, "flag": "N"},
        "new": {"value": 2.5, "flag": "N", "source": "x"},
        "frames": [["gateway-1", 4], [None, None]],
    }
    with translation.override("zh-hans"):
        first, *others = evidence.lines({"changes": [change] * 7})
    assert (first.title, first.text) == ("2026-11-21 10:00:00", "均值 1.5, 标记 N → 均值 2.5, 标记 N")
    assert first.links == (("4", "/data/frames/gateway-1/4/"),)
    assert len(others) == 5
    assert "2" in others[-1].text


def test_a_key_nobody_named_is_shown_as_it_is() -> None:
    assert shown({"something": [1, "a"]}) == [("something", "1, a")]


def test_the_page_of_an_alert_shows_no_key_of_the_program(client, registry) -> None:
    person = registry.person("s", "station_staff")
    point = Point.objects.get(code="A1")
    alert = Alert.objects.create(
        rule="gap",
        subject="A1.a34004",
        subject_kind="series",
        point=point,
        severity="minor",
        opened_at=NOW,
        last_at=NOW,
        region=point.region,
        findings_count=1,
    )
    FindingRecord.objects.create(
        id="f1",
        rule="gap",
        rule_version="1",
        point=point,
        subject="A1.a34004",
        subject_kind="series",
        start=NOW,
        severity="minor",
        evidence={"statistic": "hour", "missing": 3, "periods": 4, "filled": False},
        known_at=NOW,
        alert=alert,
    )
    client.force_login(person)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert "缺失时段数" in page
    assert "missing" not in page
    assert f'<td data-label="对象">{Series.objects.get(code="A1.a34004").factor}</td>' in page


def test_what_a_check_found_names_its_rule_and_how_sure_it_is() -> None:
    data = {
        "periods": 5,
        "found": 5.0,
        "threshold": 4.0,
        "rule_row": "qc_checks-1",
        "clause": "CNEMC practice",
        "confidence": "U",
    }
    assert shown(data) == [
        ("时段数", "5"),
        ("实际数值", "5"),
        ("阈值", "4"),
        ("依据", "CNEMC practice"),
        ("依据可信度", "U 未核实"),
    ]
    assert shown(data, "en")[-1] == ("Confidence of that row", "U unverified")

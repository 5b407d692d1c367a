"""A demo node says of each replayed value when and where it was measured; any other node says nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from django.utils import translation

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import charts, replayed

HOUR = timedelta(hours=1)
ENDED = datetime(2025, 11, 5, 11, 0, tzinfo=UTC)
"""The stack has no row after this moment of a year."""


@pytest.fixture
def demo(monkeypatch) -> None:
    monkeypatch.setattr(settings, "CONFIGURATION", replace(settings.CONFIGURATION, demo=True))


@pytest.fixture
def stack(registry) -> Series:
    place = {"kind": "outlet_gas", "level": "enterprise", "region": "990101", "organisation": "H1"}
    series = {"factor": "air.a34004", "unit": "mg/m³", "decimals": 1, "medium": "flue_gas"}
    network.install(
        [
            Proposal("point", {"code": "FG01", "name": "燃机排口", **place}),
            Proposal(
                "series", {"code": "FG01.a21002", "point": "FG01", "expected": {"hour": 3600}, **series}
            ),
        ]
    )
    network.publish_directory()
    return Series.objects.get(code="FG01.a21002")


@pytest.mark.parametrize(
    ("series", "moment", "said"),
    [
        ("AQ01.a34004", datetime(2026, 3, 5, 4, 0, tzinfo=UTC), ("原始时间 201", "-03-05 12:00", "北京")),
        ("FG01.a21002", datetime(2025, 3, 5, 4, 0, tzinfo=UTC), ("来源没有时间", "自 1 月 1 日起")),
        ("FG01.a21002", ENDED + HOUR, ("来源已到末尾，从头重放",)),
    ],
)
def test_time_and_place_are_told(demo, series, moment, said) -> None:
    with translation.override("zh-hans"):
        text = replayed.original(series, moment)
    for part in said:
        assert part in text
    with translation.override("en"):
        english = replayed.original(series, moment)
    assert english
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)


@pytest.mark.parametrize("series", ["AQ01.a34004.simulated", "X9.own"])
def test_what_is_simulated_or_the_offices_own_has_no_other_time(demo, series) -> None:
    assert replayed.original(series, ENDED) == ""


def test_another_node_says_nothing() -> None:
    assert replayed.original("AQ01.a34004", ENDED) == ""
    assert replayed.played_again("FG01.a21002", np.array([int(ENDED.timestamp())]), 3600) == []


def test_the_drawer_and_the_chart_of_a_demo_node_say_so(demo, stack, put, registry, client) -> None:
    staff = registry.person("staff", "station_staff")
    starts = [ENDED - 2 * HOUR, ENDED - HOUR, ENDED, ENDED + HOUR]
    put(stack, "hour", [(start, 20.0, "N") for start in starts])
    client.force_login(staff)
    query = f"series={stack.code}&statistic=hour&start={ENDED:%Y-%m-%dT%H:%M}Z"
    assert "来源已到末尾，从头重放" in client.get(f"/data/provenance/?{query}").content.decode()
    (mark,) = charts.chart(staff, [stack], "hour", starts[0], ENDED + 3 * HOUR)["marks"]
    assert (mark["from"], mark["to"]) == (
        int(ENDED.timestamp()) * 1000,
        int((ENDED + 2 * HOUR).timestamp()) * 1000,
    )
    assert mark["text"] == "从头重放"
    assert charts.chart(staff, [stack], "hour", starts[0], ENDED)["marks"] == []

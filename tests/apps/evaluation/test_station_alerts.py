"""Warnings of air stations and sections before a limit, and findings of noise stations above their zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.apps.evaluation.conftest import Data, _factor, _series

from qingjian.apps.evaluation import services
from qingjian.apps.evaluation.models import TrendWarning
from qingjian.apps.network import services as network
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.contracts.clock import CHINA

TODAY = datetime(2026, 11, 21, tzinfo=CHINA)
RISING = (33.0, 37.0, 41.0, 45.0, 49.0, 53.0, 57.0)


def findings(rule: str) -> list[Any]:
    return [one for _position, one in stores.findings().read(0, 1000) if one.rule == rule]


def test_an_air_station_rising_towards_grade_two_warns_and_ends_right(data: Data, clock: Any) -> None:
    for place, value in enumerate(RISING):
        data.air("A1", TODAY - timedelta(days=7 - place), 24, a34004=value)
        data.air("A2", TODAY - timedelta(days=7 - place), 24, a34004=40.0)
    services.catch_up("air", 60)
    warning = TrendWarning.objects.get()
    assert (warning.series.code, warning.averaging, warning.outcome) == ("A1.a34004", "day", "running")
    assert "≤60" in warning.held_against
    assert (warning.limit, warning.rule != "") == (None, True)
    observing.consume_findings()
    assert Alert.objects.get(rule="trend-towards-limit").point.code == "A1"
    clock.advance(24 * 3600)
    data.air("A1", TODAY, 24, a34004=66.0)
    services.follow("air")
    assert TrendWarning.objects.get().outcome == "reached"


def test_a_section_rising_towards_its_target_class_warns(data: Data, client: Any, place: Any) -> None:
    network.install(
        [_factor("surface_water", "w01019", "mg/L"), _series("R1", "surface_water", "w01019", "mg/L")]
    )
    for number, value in enumerate(RISING):
        data.put("R1.w01019", TODAY - timedelta(days=7 - number), [value / 10] * 24)
    services.catch_up("water", 60)
    warning = TrendWarning.objects.get()
    assert (warning.point.code, warning.averaging, warning.outcome) == ("R1", "day", "running")
    assert "≤6" in warning.held_against
    client.force_login(place.person("reader", "station_staff"))
    assert "大桥断面" in client.get("/outlets/trends/").content.decode()
    assert client.get(f"/outlets/trends/{warning.pk}/why/").status_code == 200


def test_oxygen_falling_and_acidity_leaving_its_range_warn_and_end_right(data: Data, clock: Any) -> None:
    for number in range(7):
        day = TODAY - timedelta(days=7 - number)
        data.put("R1.w01009", day, [6.3 - number / 5] * 24)
        data.put("R1.w01001", day, [7.95 + number * 0.15] * 24)
    services.catch_up("water", 60)
    found = {one.series.factor.wire_code: one for one in TrendWarning.objects.all()}
    assert {code: (one.outcome, one.slope < 0) for code, one in found.items()} == {
        "w01009": ("running", True),
        "w01001": ("running", False),
    }
    assert "≥5" in found["w01009"].held_against
    assert "6–9" in found["w01001"].held_against
    observing.consume_findings()
    assert Alert.objects.filter(rule="trend-towards-limit").count() == 2
    clock.advance(24 * 3600)
    data.put("R1.w01009", TODAY, [4.6] * 24)
    data.put("R1.w01001", TODAY, [5.5] * 24)
    services.follow("water")
    # Acidity left its range at the other end: that is no success of the warning.
    assert {one.series.factor.wire_code: one.outcome for one in TrendWarning.objects.all()} == {
        "w01009": "reached",
        "w01001": "passed",
    }


def test_a_noise_station_above_its_zone_alerts_and_the_finding_falls_away(elements: Data, clock: Any) -> None:
    night = TODAY - timedelta(days=2)
    elements.put("N1.Leq", night, [56.0] * 24)
    services.catch_up("noise", 60)
    (finding,) = findings("noise-above-zone")
    assert (finding.severity, finding.subject, finding.evidence["excess"]) == ("major", "N1.Leq", 6.0)
    assert "Ln 56 > 50" in finding.evidence["levels"]
    observing.consume_findings()
    assert Alert.objects.get(rule="noise-above-zone").severity == "major"
    clock.advance(60)
    elements.put("N1.Leq", night, [45.0] * 24)
    services.follow("noise")
    *_earlier, newest = findings("noise-above-zone")
    assert (newest.id, newest.evidence["withdrawn"]) == (finding.id, True)

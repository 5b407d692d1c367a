from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import translation
from tests.apps.conftest import NOW

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import provenance, services
from qingjian.apps.observing.models import FindingRecord
from qingjian.rulebook import packaged

HOUR = timedelta(hours=1)
START = NOW - timedelta(hours=6)


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def an_hour(fine, put):
    put(fine, "minute", [(START + timedelta(minutes=10 * place), 10.0 + place, "N") for place in range(6)])
    put(fine, "hour", [(START, 20.0, "N")])
    return fine


def test_an_own_value_names_its_rule_and_inputs(an_hour, staff) -> None:
    found = provenance.value(staff, an_hour, "hour", START)
    assert (found["value"], found["sent"], found["inputs"]) == (12.5, 20.0, "minute")
    assert (found["count"], found["due"]) == (6, 6)
    assert (found["begin"], found["end"]) == (START, START + HOUR)
    assert "45 分钟" in provenance.rule_text(found["rule"])


def test_the_drawer_says_in_words_what_a_value_was_made_from(an_hour, staff, client) -> None:
    client.force_login(staff)
    with translation.override("en"):
        page = client.get(
            f"/data/provenance/?series={an_hour.code}&statistic=hour&start={START:%Y-%m-%dT%H:%M}Z",
            headers={"Accept-Language": "en"},
        ).content.decode()
    assert "GB 3095" in page
    assert "V · " in page, "the confidence of the rule stands beside it"
    assert "12.5" in page
    assert "statistic=minute" in page


def test_the_drawer_shows_what_was_known_then(an_hour, staff, put, clock, client) -> None:
    clock.advance(1)  # the second batch of a second is known one second later
    before = clock.now()
    clock.advance(60)
    put(an_hour, "hour", [(START, 30.0, "N")])
    services.set_mark(staff, an_hour.point, [an_hour.code], START, START + HOUR, "fault", "泵故障")
    now_known = provenance.value(staff, an_hour, "hour", START)
    then = provenance.value(staff, an_hour, "hour", START, as_of=before)
    assert (now_known["word"], then["word"]) == ("bad", "ok")
    assert (now_known["sent"], then["sent"]) == (30.0, 20.0)
    assert [step["revision"] for step in provenance.steps(an_hour, "hour", START)] == [1, 0]
    assert [step["revision"] for step in provenance.steps(an_hour, "hour", START, before)] == [0]
    client.force_login(staff)
    address = f"/data/provenance/?series={an_hour.code}&statistic=hour&start={START:%Y-%m-%dT%H:%M}Z"
    assert "泵故障" in client.get(address).content.decode()
    assert "泵故障" not in client.get(f"{address}&as_of={before:%Y-%m-%dT%H:%M:%S}Z").content.decode()


def test_what_the_pipeline_stored_stands_with_its_rule(an_hour, staff, put) -> None:
    if not Series.objects.filter(origin="platform", factor=an_hour.factor).exists():
        fields = {"code": "A1.a21026.platform", "point": "A1", "factor": "air.a21026", "origin": "platform"}
        network.install([Proposal("series", {**fields, "unit": "µg/m³", "decimals": 1, "medium": "air"})])
        network.publish_directory()
    platform = Series.objects.get(origin="platform", factor=an_hour.factor)
    rule = packaged().rows("data_validity")[0]
    put(platform, "hour", [(START, 12.5, "N")], source=f"rule:{rule.id}@x", sequence=np.array([6]))
    (stored,) = provenance.value(staff, an_hour, "hour", START)["own_stored"]
    assert (stored["value"], stored["sequence"], stored["rule"].id) == (12.5, 6, rule.id)


def test_nothing_known_is_said_plainly(fine, staff, client) -> None:
    assert provenance.value(staff, fine, "hour", START) is None
    client.force_login(staff)
    page = client.get(f"/data/provenance/?series={fine.code}&start={START:%Y-%m-%dT%H:%M}Z")
    assert page.status_code == 200


def test_a_strangers_value_is_not_found(an_hour, registry, client) -> None:
    client.force_login(registry.person("x", "station_staff", region=registry.other))
    answer = client.get(f"/data/provenance/?series={an_hour.code}&start={START:%Y-%m-%dT%H:%M}Z")
    assert answer.status_code == 404


@pytest.fixture
def stack(registry, put):
    """Dust of a stack, measured in the wet gas of the duct, with what its conversion needs beside it."""
    fields = {
        "point": "A1",
        "device": "A1-D1",
        "medium": "flue_gas",
        "decimals": 2,
        "expected": {"hour": 3600},
    }
    rows = []
    for code, unit in (
        ("a34013", "mg/m³"),
        ("a19001", "%"),
        ("a01012", "℃"),
        ("a01013", "kPa"),
        ("a01014", "%"),
    ):
        names = {"name_zh": code, "name_en": code, "unit": unit, "decimals": 2}
        factor = {"code": f"flue_gas.{code}", "medium": "flue_gas", "wire_code": code, **names}
        rows.append(Proposal("factor", factor))
        rows.append(
            Proposal("series", {**fields, "code": f"A1.{code}", "factor": factor["code"], "unit": unit})
        )
    for name, value, unit in (
        ("measured_state", "actual", ""),
        ("measured_basis", "wet", ""),
        ("reference_oxygen", "6", "%"),
        ("atmospheric_pressure", "101", "kPa"),
    ):
        rows.append(Proposal("setting", {"series": "A1.a34013", "name": name, "value": value, "unit": unit}))
    network.install(rows)
    network.publish_directory()
    for code, value in (("a34013", 30.0), ("a19001", 10.0), ("a01012", 120.0), ("a01013", -0.5)):
        put(Series.objects.get(code=f"A1.{code}"), "hour", [(START, value, "N")])
    return Series.objects.get(code="A1.a34013")


def test_the_drawer_shows_how_flue_gas_was_converted_and_what_was_lacking(
    stack, staff, put, clock, client
) -> None:
    address = f"/data/provenance/?series={stack.code}&statistic=hour&start={START:%Y-%m-%dT%H:%M}Z"
    client.force_login(staff)
    page = client.get(address).content.decode()
    assert "缺少有效的烟气湿度，不能换算到干基" in page
    assert provenance.conversion(staff, stack, "hour", START)["value"] is None
    clock.advance(60)
    put(Series.objects.get(code="A1.a01014"), "hour", [(START, 10.0, "N")])
    page = client.get(address).content.decode()
    assert "标态 = 30 × 101325 / (101000 - 500) × (273 + 120) / 273 = 43.5413 mg/m³" in page
    assert "折算 = 48.3793 × (21 - 6) / (21 - 10)" in page
    assert "U 未核实" in page, "the text of 2025 has not been seen"
    day = provenance.conversion(staff, stack, "day", START)
    assert (day["count"], day["value"]) == (1, pytest.approx(65.97, abs=0.01))
    assert provenance.conversion(staff, stack, "month", START) is None
    assert provenance.conversion(staff, Series.objects.get(code="A1.a19001"), "hour", START) is None


def test_the_drawer_says_what_automatic_checks_found_in_that_hour(an_hour, staff, client, clock) -> None:
    facts = {"rule_version": "1", "subject": an_hour.code, "subject_kind": "series", "point": an_hour.point}
    for number, (rule, begin) in enumerate(
        (("check-step", START), ("check-step", START - 3 * HOUR), ("gap", START))
    ):
        FindingRecord.objects.create(
            id=f"{number:032d}",
            rule=rule,
            start=begin,
            end=begin + 2 * HOUR,
            severity="minor",
            evidence={
                "periods": 2,
                "found": 29.0,
                "threshold": 20.0,
                "clause": "CNEMC practice",
                "confidence": "U",
            },
            known_at=clock.now(),
            **facts,
        )
    ((title, found, lines),) = provenance.checks(an_hour, START + HOUR)
    assert (title, found.start, lines[1].text) == ("突变", START, "29")
    assert provenance.checks(an_hour, START + HOUR, as_of=clock.now() - HOUR) == []
    client.force_login(staff)
    page = client.get(
        f"/data/provenance/?series={an_hour.code}&statistic=hour&start={START:%Y-%m-%dT%H:%M}Z"
    ).content.decode()
    assert "突变" in page
    assert "CNEMC practice" in page
    assert "U 未核实" in page

"""Series whose unit is not that of the standard: HJ 212 lists mg/m³ and ng/m³ for the air, laboratories write μg/L."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from tests.apps.evaluation.conftest import CLEAN, Data, enter

from qingjian.apps.evaluation import queries, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance, TrendWarning
from qingjian.apps.evaluation.tables import unit_warned
from qingjian.apps.network import services as network
from qingjian.apps.network.checking import ProposalError
from qingjian.apps.network.models import PermitLimit, Series
from qingjian.apps.network.services import Proposal
from qingjian.contracts.clock import CHINA

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)


def in_unit(code: str, unit: str) -> None:
    Series.objects.filter(code=code).update(unit=unit)


def test_air_in_the_units_of_hj212_gives_the_index_of_the_same_air(data: Data) -> None:
    in_unit("A1.a34004", "纳克/立方米")
    in_unit("A1.a21026", "mg/m3")
    in_unit("A1.a21005", "µg/m³")
    data.air("A1", START, 24, a34004=80_000.0, a21026=0.008, a21005=600.0)
    data.air("A2", START, 24, a34004=80.0)
    services.evaluate("air", DAY, DAY)
    for kind in ("air_hour", "air_day"):
        found, expected = (
            Evaluation.objects.filter(kind=kind, point__code=code, start=START).get() for code in ("A1", "A2")
        )
        assert (found.aqi, found.primary) == (expected.aqi, expected.primary) == (found.aqi, "PM2.5")
        assert found.aqi > 100
        assert found.values["used"] == expected.values["used"]
        assert found.values["converted_from"] == {"PM2.5": "ng/m³", "SO2": "mg/m³", "CO": "μg/m³"}
        assert "converted_from" not in expected.values
    day = Evaluation.objects.get(kind="air_day", point__code="A1")
    assert any("PM2.5: 由 ng/m³ 换算为 μg/m³" in step["zh"] for step in day.trace["steps"])


def test_air_in_a_unit_that_needs_a_molar_mass_is_refused_and_says_so(data: Data) -> None:
    in_unit("A1.a05024", "ppb")
    data.air("A1", START, 24)
    services.evaluate("air", DAY, DAY)
    hour = Evaluation.objects.filter(kind="air_hour", point__code="A1").first()
    assert "O3" not in hour.values["used"]
    assert "单位 ppb 不能换算" in hour.values["rejected"]["O3"]["zh"]
    assert hour.values["rejected"]["O3"]["value"] == CLEAN["a05024"], "what was received is shown"
    assert not hour.publishable, "an item is missing"


def test_water_in_micrograms_has_the_class_of_the_same_water(data: Data) -> None:
    in_unit("R1.w01009", "μg/L")
    data.put("R1.w01009", START, [5500.0] * 24)
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day")
    assert (row.water_class, row.values["used"]) == ("Ⅲ", {"DO": 5.5})
    assert row.values["converted_from"] == {"DO": "μg/L"}
    in_unit("R1.w01009", "%")
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day", superseded_at=None)
    assert (row.water_class, row.values["used"]) == ("", {})
    assert "单位 % 不能换算为 mg/L" in row.values["rejected"]["DO"]["zh"]


@pytest.mark.parametrize(("unit", "upper"), [("μg/L", 100_000), ("mg/L", 100)])
def test_a_permit_limit_in_another_unit_judges_the_same(data: Data, unit: str, upper: int) -> None:
    PermitLimit.objects.filter(averaging="hour").update(unit=unit, upper=upper)
    data.put("W1.w01018", START, [90.0] * 3 + [120.0] * 2 + [90.0] * 19)
    services.evaluate("outlets", DAY, DAY)
    services.re_evaluate("outlets", DAY, DAY)
    run = Exceedance.objects.get(averaging="hour")
    assert (run.periods, round(run.multiple, 3)) == (2, 0.2)
    row = Evaluation.objects.filter(kind="outlet_hour", exceeds=True).first()
    assert row.result["items"][0]["bounds"] == "≤100"


def test_a_permit_limit_that_cannot_be_expressed_judges_nothing_and_the_page_says_so(
    data: Data, place, client
) -> None:
    PermitLimit.objects.filter(averaging="hour").update(unit="mg/m³")
    data.put("W1.w01018", START, [120.0] * 24)
    services.evaluate("outlets", DAY, DAY)
    assert not Evaluation.objects.filter(kind="outlet_hour").exists()
    client.force_login(place.person("zhiban", "station_staff"))
    text = client.get("/outlets/limits/").content.decode()
    assert "单位无法换算" in text
    assert "mg/m³" in text


def test_a_limit_in_an_impossible_unit_is_no_proposal(data: Data, place) -> None:
    fields = {
        "outlet": "S1-W1",
        "factor": "waste_water.w01018",
        "basis": "排污许可证",
        "valid_from": "2026-01-01",
        "averaging": "hour",
        "upper": "80",
    }
    with pytest.raises(ProposalError) as refused:
        network.install([Proposal("limit", {**fields, "unit": "mg/m³"})])
    assert "mg/L" in refused.value.rows[0].message
    network.install([Proposal("limit", {**fields, "unit": "μg/L"})])


def test_a_station_shown_now_speaks_in_the_unit_of_the_index(data: Data, place) -> None:
    in_unit("A1.a34004", "mg/m³")
    data.air("A1", START, 33, a34004=0.08)
    services.evaluate("air", DAY, DAY + timedelta(days=1))
    cards = queries.air_now(place.person("zhiban", "station_staff"), None)["cards"]
    (card,) = (one for one in cards if one["point"].code == "A1")
    assert card["row"].values["used"]["PM2.5"] == 80


@pytest.mark.parametrize(
    ("flow", "concentration"), [("升/秒", "毫克/升"), ("m3/s", "mg/l"), ("L/min", "μg/L"), ("m³/h", "mg/L")]
)
def test_amounts_are_the_same_in_every_spelling_of_a_unit(data: Data, flow: str, concentration: str) -> None:
    in_unit("W1.w00000", flow)
    in_unit("W1.w01018", concentration)
    volume = {"升/秒": 10.0, "m3/s": 0.01, "L/min": 600.0, "m³/h": 36.0}[flow]
    data.put("W1.w00000", START, [volume] * 24)
    data.put("W1.w01018", START, [40_000.0 if concentration == "μg/L" else 40.0] * 24)
    services.evaluate("outlets", DAY, DAY)
    row = Evaluation.objects.get(kind="outlet_day")
    assert row.result["amounts"]["w01018"]["kg"] == pytest.approx(40 * 36 * 24 / 1000)


def test_no_amount_is_claimed_from_what_is_no_flow(data: Data) -> None:
    in_unit("W1.w00000", "mm")
    data.put("W1.w00000", START, [10.0] * 24)
    data.put("W1.w01018", START, [40.0] * 24)
    services.evaluate("outlets", DAY, DAY)
    assert "w01018" not in Evaluation.objects.get(kind="outlet_day").result.get("amounts", {})


# -- non-detects -------------------------------------------------------------------------------------------------------


def test_hours_below_the_detection_limit_count_half_of_it(elements: Data) -> None:
    for hour in range(23):
        enter({"M1.w20111": "0.00004L"}, f"2026-11-20 {hour:02d}:00", "hour")
    enter({"M1.w20111": "0.0005"}, "2026-11-20 23:00", "hour")
    services.evaluate("water", DAY, DAY)
    row = Evaluation.objects.get(kind="water_station_day", point__code="M1")
    assert (row.values["hours"], row.values["below_detection"]) == ({"Hg": 24}, {"Hg": 23})
    assert row.values["used"]["Hg"] == 0.00004, "four decimals would make nothing of it"
    assert row.water_class == "Ⅰ"
    (said,) = [step for step in row.trace["steps"] if "23 个未检出，按检出限 × 0.5 计" in step["zh"]]
    assert len(said["rows"]) == 1, "the setting that says so"


def test_a_dose_rate_in_an_impossible_unit_stops_nobody_else(elements: Data) -> None:
    in_unit("RD.r00x01", "CGy/h")
    elements.put("RD.r00x01", START, [90.0] * 24)
    services.evaluate("radiation", DAY, DAY)
    row = Evaluation.objects.get(kind="radiation_day")
    assert (row.exceeds, row.values["hours"]) == (None, {})
    assert "不能换算为 nGy/h" in row.values["rejected"]["00:00"]["zh"]


def test_a_warning_is_told_in_the_unit_of_the_limit_it_speaks_of(data: Data) -> None:
    series = Series.objects.get(code="A1.a34004")
    series.unit = "mg/m³"
    for held_against, unit in (
        ("≤60 μg/m³ (GB 3095-2026 表1 二级)", "μg/m³"),
        ("6–9 无量纲 (GB 3838-2002 表1 Ⅲ)", ""),
        ("≤60", "mg/m³"),
    ):
        assert unit_warned(TrendWarning(series=series, held_against=held_against)) == unit

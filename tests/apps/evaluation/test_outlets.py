from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.apps.conftest import County
from tests.apps.evaluation.conftest import HOUR, Data
from tests.apps.evaluation.test_air import data_person

from qingjian.apps.evaluation import amounts, explanation, outlets, services
from qingjian.apps.evaluation.models import Evaluation, Exceedance, RuleChange
from qingjian.apps.evaluation.outlet_clauses import explained_row
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Factor, Outlet, PermitLimit, Point, Series, Setting
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores, words
from qingjian.apps.observing.models import Alert
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.standards.emissions.amounts import amount

START = datetime(2026, 11, 20, tzinfo=CHINA)
NOW_HOUR = datetime(2026, 11, 21, 9, tzinfo=CHINA)
"""The newest hour that has ended: it is 10:00."""


def findings() -> list:
    return [finding for _position, finding in stores.findings().read(0, 1000)]


def test_hours_above_the_limit_become_one_run_one_finding_one_alert(data: Data) -> None:
    data.put("W1.w01018", START, [40] * 5 + [120, 150, 130] + [40] * 16)
    services.catch_up("outlets", 60)
    assert Evaluation.objects.filter(kind="outlet_hour", exceeds=True).count() == 3
    run = Exceedance.objects.get(averaging="hour")
    assert (run.periods, run.peak, run.multiple, run.running, run.marked) == (3, 150, 0.5, False, False)
    assert (run.start, run.end) == (START + 5 * HOUR, START + 8 * HOUR)
    (finding,) = [one for one in findings() if one.rule == "exceedance-hour"]
    assert (finding.severity, finding.start, finding.end, finding.subject) == (
        "major",
        run.start,
        run.end,
        "W1.w01018",
    )
    observing.consume_findings()
    assert Alert.objects.get(rule="exceedance-hour").point.code == "W1"
    assert words.rule_title("exceedance-hour") not in ("", "exceedance-hour")


def test_a_run_that_goes_on_has_no_end_and_twice_the_limit_is_critical(data: Data, clock) -> None:
    data.put("W1.w01018", NOW_HOUR - 3 * HOUR, [40, 120, 130, 250])
    services.catch_up("outlets", 60)
    run = Exceedance.objects.get(averaging="hour")
    assert run.running
    (finding,) = findings()
    assert (finding.end, finding.severity) == (None, "critical")
    clock.advance(4 * 3600)
    data.put("W1.w01018", NOW_HOUR + HOUR, [40, 40, 40, 40])
    services.follow("outlets")
    run.refresh_from_db()
    assert not run.running
    assert findings()[-1].end == NOW_HOUR + HOUR
    assert findings()[-1].id == finding.id


def test_old_runs_of_the_back_history_ask_nobody(data: Data) -> None:
    data.put("W1.w01018", START - timedelta(days=60), [200] * 3)
    services.catch_up("outlets", 60)
    assert [one.severity for one in findings()] == ["information"]
    observing.consume_findings()
    assert not Alert.objects.exists()


def test_marked_hours_neither_exceed_nor_join_a_run(data: Data) -> None:
    data.put("W1.w01018", START, [120, 120])
    data.put("W1.w01018", START + 2 * HOUR, [900], flag="M")
    data.put("W1.w01018", START + 3 * HOUR, [120])
    services.catch_up("outlets", 60)
    counted = Exceedance.objects.filter(marked=False).order_by("start")
    assert [run.periods for run in counted] == [2, 1]
    marked = Exceedance.objects.get(marked=True)
    assert (marked.peak, marked.finding) == (900, "")
    assert "维护" in marked.reason_zh or "设备标记" in marked.reason_zh
    assert len(findings()) == 2
    (outlet,) = outlets.outlets()
    told = explained_row(outlet, [marked], [], (START.date(), START.date()), rulebook())
    [left_out] = [one for one in told.inputs if one.used is None]
    assert left_out.name.endswith(f"{START + 2 * HOUR:%Y-%m-%d %H:%M}"), "in Chinese time"


def test_a_mark_set_later_withdraws_the_exceedance(data: Data) -> None:
    data.put("W1.w01018", START, [40, 120, 120, 40])
    services.catch_up("outlets", 60)
    observing.consume_findings()
    holder = data_person(data)
    observing.set_mark(
        holder,
        Point.objects.get(code="W1"),
        ["W1.w01018"],
        START + HOUR,
        START + 3 * HOUR,
        "calibration",
        "标液核查",
    )
    services.follow("outlets")
    assert not Exceedance.objects.filter(marked=False).exists()
    assert Exceedance.objects.get(marked=True).periods == 2
    last = findings()[-1]
    assert (last.evidence["withdrawn"], last.end) == (True, START + 3 * HOUR)
    row = Evaluation.objects.filter(kind="outlet_hour", start=START + HOUR).order_by("revision").last()
    assert (row.revision, row.exceeds) == (1, False)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("标液核查" in str(one) for one in trace["inputs"])


def test_a_corrected_value_takes_the_exceedance_back(data: Data, clock) -> None:
    data.put("W1.w01018", START, [40, 120, 40])
    services.catch_up("outlets", 60)
    clock.advance(60)
    data.put("W1.w01018", START + HOUR, [45])
    services.follow("outlets")
    assert not Exceedance.objects.exists()
    assert Evaluation.objects.filter(kind="outlet_hour").count() == 2


def test_days_are_flow_weighted_and_need_three_quarters_of_the_hours(data: Data) -> None:
    data.put("W1.w01018", START, [30] * 12 + [90] * 12)
    data.put("W1.w00000", START, [10.0] * 12 + [30.0] * 12)
    services.catch_up("outlets", 60)
    day = Evaluation.objects.get(kind="outlet_day")
    assert (day.values["used"]["w01018"], day.exceeds, day.multiple) == (75, True, 0.5)
    assert day.result["amounts"]["w01018"]["kg"] == pytest.approx((30 * 36 + 90 * 108) * 12 / 1000)
    trace, _again = explanation.trace_of(day, rulebook())
    assert any("Σ(C·Q)/ΣQ" in step["zh"] for step in trace["steps"])
    assert trace["may_act_alone"] is False
    assert Exceedance.objects.get(averaging="day").periods == 1


def test_a_day_with_too_few_hours_is_not_judged(data: Data) -> None:
    data.put("W1.w01018", START, [90] * 10)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)
    day = Evaluation.objects.get(kind="outlet_day")
    assert (day.exceeds, day.values["used"]["w01018"]) == (None, None)


def test_a_limit_holds_from_its_own_day(data: Data) -> None:
    PermitLimit.objects.filter(averaging="hour").update(valid_from=START + timedelta(days=1))
    data.put("W1.w01018", START, [120] * 30)
    services.catch_up("outlets", 60)
    assert {row.start.astimezone(CHINA).date() for row in Evaluation.objects.filter(kind="outlet_hour")} == {
        date(2026, 11, 21)
    }


def measured(point: Point, code: str, unit: str) -> Series:
    """Register an hourly series of flue gas with a factor of its own."""
    factor = Factor.objects.create(
        code=f"flue_gas.{code}",
        medium="flue_gas",
        wire_code=code,
        name_zh=code,
        name_en=code,
        unit=unit,
        decimals=1,
    )
    return Series.objects.create(
        code=f"G1.{code}", point=point, factor=factor, unit=unit, medium="flue_gas", expected={"hour": 3600}
    )


def chimney() -> tuple[Outlet, Point]:
    """Give the source a gas outlet with its point."""
    source = Outlet.objects.get(code="S1-W1").source
    outlet = Outlet.objects.create(source=source, code="S1-G1", name="烟囱", medium="gas")
    point = Point.objects.create(
        code="G1",
        name="烟囱监测点",
        kind="outlet_gas",
        level="enterprise",
        region=source.region,
        organisation=source.organisation,
        outlet=outlet,
    )
    return outlet, point


def test_a_converted_limit_uses_the_device_or_own_conversion_and_says_so(data: Data) -> None:
    """A gas outlet with 6 % reference oxygen; the device sends no converted value."""
    outlet, point = chimney()
    for code, unit in (("a21002", "mg/m³"), ("a19001", "%")):
        measured(point, code, unit)
    Setting.objects.create(
        series=Series.objects.get(code="G1.a21002"), name="reference_oxygen", value="6", unit="%"
    )
    PermitLimit.objects.create(
        outlet=outlet,
        factor=Factor.objects.get(code="flue_gas.a21002"),
        averaging="hour",
        upper="100",
        unit="mg/m³",
        converted=True,
    )
    network.publish_directory()
    data.put("G1.a21002", START, [80.0, 80.0, 80.0])
    data.put("G1.a19001", START, [6.0, 13.5, 20.8])
    services.evaluate("outlets", date(2026, 11, 20), date(2026, 11, 20))
    row = Evaluation.objects.get(kind="outlet_hour")
    assert (row.start, row.result["items"][0]["value"], row.multiple) == (START + HOUR, 160, 0.6)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("折算 = 80 × (21 - 6) / (21 - 13.5) = 160 mg/m³" in step["zh"] for step in trace["steps"])


def test_a_limit_holds_for_dry_gas_at_standard_state_where_wet_gas_is_measured(data: Data) -> None:
    """The instrument measures wet gas: 90 mg/m³ at 10 % moisture are 100 mg/m³; without moisture nothing is judged."""
    outlet, point = chimney()
    for code, unit in (("a34013", "mg/m³"), ("a01014", "%")):
        measured(point, code, unit)
    Setting.objects.create(series=Series.objects.get(code="G1.a34013"), name="measured_basis", value="wet")
    PermitLimit.objects.create(
        outlet=outlet,
        factor=Factor.objects.get(code="flue_gas.a34013"),
        averaging="hour",
        upper="95",
        unit="mg/m³",
    )
    network.publish_directory()
    data.put("G1.a34013", START, [90.0, 90.0, 90.0])
    data.put("G1.a01014", START, [10.0, 4.0])
    services.evaluate("outlets", date(2026, 11, 20), date(2026, 11, 20))
    row = Evaluation.objects.get(kind="outlet_hour")
    assert (row.start, row.result["items"][0]["value"]) == (START, 100)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("干基 = 90 / (1 - 10 %) = 100 mg/m³" in step["zh"] for step in trace["steps"])


@pytest.mark.parametrize("flow_as_measured", [True, False])
def test_an_amount_takes_concentration_and_flow_of_the_same_gas(data: Data, flow_as_measured: bool) -> None:
    """Dust measured in the duct, wet, at 120 °C; the flow in the duct too, or of the dry gas at standard state."""
    outlet, point = chimney()
    units = {"a34013": "mg/m³", "a00000": "m³/s", "a01012": "℃", "a01013": "kPa", "a01014": "%"}
    for code, unit in units.items():
        measured(point, code, unit)
    for code in ("a34013", "a00000") if flow_as_measured else ("a34013",):
        series = Series.objects.get(code=f"G1.{code}")
        for name, value, unit in (
            ("measured_state", "actual", ""),
            ("measured_basis", "wet", ""),
            ("atmospheric_pressure", "101", "kPa"),
        ):
            Setting.objects.create(series=series, name=name, value=value, unit=unit)
    PermitLimit.objects.create(
        outlet=outlet,
        factor=Factor.objects.get(code="flue_gas.a34013"),
        averaging="year",
        yearly_amount_t="1",
        unit="t",
    )
    network.publish_directory()
    data.put("G1.a34013", START, [30.0, 30.0, 30.0])
    data.put("G1.a00000", START, [10.0, 20.0, 10.0])
    data.put("G1.a01012", START, [120.0] * 3)
    data.put("G1.a01013", START, [-0.5] * 3)
    data.put("G1.a01014", START, [10.0, 10.0])  # in the third hour nobody knows the moisture
    services.evaluate("outlets", date(2026, 11, 20), date(2026, 11, 20))
    row = Evaluation.objects.get(kind="outlet_day", point=point)
    dry = 30 * 101_325 / 100_500 * 393 / 273 / 0.9
    # What goes through the duct does not depend on how it is written: 30 mg/m³ × 36,000 m³ = 1.08 kg.
    first = 30 * 36_000 / 1e6 if flow_as_measured else dry * 36_000 / 1e6
    kept = row.result["amounts"]["a34013"]
    assert (round(kept["kg"], 4), kept["hours"], kept["skipped"]) == (round(3 * first, 4), 2, 22)
    volume = 36_000 / (101_325 / 100_500 * 393 / 273 / 0.9) if flow_as_measured else 36_000
    pairs = [(Decimal(repr(round(dry, 9))), Decimal(repr(round(volume * part, 6)))) for part in (1, 2)]
    assert float(amount(pairs, medium="gas").kilograms) == pytest.approx(3 * first, rel=1e-6)
    trace, _again = explanation.trace_of(row, rulebook())
    steps = [step["zh"] for step in trace["steps"]]
    assert any("干基 = 43.5413 / (1 - 10 %) = 48.3793 mg/m³" in one for one in steps), steps
    if flow_as_measured:
        assert any("10 × (101000 - 500) / 101325 × 273 / (273 + 120) = 6.89 m³/s" in one for one in steps)
        assert any("6.89 × (1 - 10 %) = 6.201 m³/s" in one for one in steps)
        assert any("C·Q = 48.3793 mg/m³ × 22323.6167 m³ = 1.08 kg" in one for one in steps)
    else:
        assert any("按标态干基测量" in one for one in steps)
        assert any("C·Q = 48.3793 mg/m³ × 36000 m³ = 1.7417 kg" in one for one in steps)


def test_ranges_exceed_on_both_sides_without_a_multiple(data: Data) -> None:
    factor = Factor.objects.create(
        code="waste_water.w01001",
        medium="waste_water",
        wire_code="w01001",
        name_zh="pH",
        name_en="pH",
        unit="无量纲",
        decimals=2,
    )
    point = Point.objects.get(code="W1")
    Series.objects.create(
        code="W1.w01001",
        point=point,
        factor=factor,
        unit="无量纲",
        medium="waste_water",
        expected={"hour": 3600},
    )
    PermitLimit.objects.create(
        outlet=point.outlet, factor=factor, averaging="hour", lower="6", upper="9", unit="无量纲"
    )
    data.put("W1.w01001", START, [5.9, 6.0, 9.0, 9.1])
    services.catch_up("outlets", 60)
    runs = Exceedance.objects.order_by("start")
    assert [(run.start, run.multiple) for run in runs] == [(START, None), (START + 3 * HOUR, None)]
    trace, _again = explanation.trace_of(runs[0].evaluation, rulebook())
    assert trace["inputs"][0]["received"] == "5.9"


def test_amounts_warn_before_the_permit_is_used_up(data: Data) -> None:
    data.put("W1.w01018", START, [40.0] * 24)
    data.put("W1.w00000", START, [10.0] * 24)
    services.catch_up("outlets", 60)
    (standing,) = amounts.standings([Point.objects.get(code="W1")], 2026, rulebook())
    assert float(standing.tonnes) == pytest.approx(40 * 36 * 24 / 1e6)
    assert standing.standing.standing == "warning", "at this rate the year takes 12.6 t of the 1 t permitted"
    (finding,) = [one for one in findings() if one.rule == "amount-near-permit"]
    assert finding.end is None
    services.renew()
    assert len([one for one in findings() if one.rule == "amount-near-permit"]) == 1


def test_without_flow_no_amount_is_claimed(data: Data) -> None:
    data.put("W1.w01018", START, [40.0] * 24)
    services.catch_up("outlets", 60)
    (standing,) = amounts.standings([Point.objects.get(code="W1")], 2026, rulebook())
    assert (standing.tonnes, standing.standing) == (None, None)


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(None, "100.0000", "≤100"), ("6.0000", "9.0000", "6–9"), ("0.5000", None, "≥0.5")],
)
def test_bounds_are_written_as_people_write_them(lower: str | None, upper: str | None, text: str) -> None:
    limit = PermitLimit(
        lower=None if lower is None else Decimal(lower), upper=None if upper is None else Decimal(upper)
    )
    assert outlets.bounds(limit) == text


def test_a_stricter_limit_with_past_effect_evaluates_what_it_touches_and_lists_it(
    data: Data, place: County, clock, client
) -> None:
    data.put("W1.w01018", START - timedelta(days=20), [80.0] * 3)
    services.catch_up("outlets", 60)
    assert services.notice_registry() == []
    assert not Exceedance.objects.exists()
    row = {
        "outlet": "S1-W1",
        "factor": "waste_water.w01018",
        "averaging": "hour",
        "valid_from": "2024-01-01",
        "upper": "70",
        "unit": "mg/L",
    }
    clock.advance(60)
    network.install([Proposal("limit", row)])
    services.follow_changes(60)
    assert Exceedance.objects.get(averaging="hour").periods == 3
    assert services.follow_changes(60) == 0
    change = RuleChange.objects.get(source="registry")
    assert (change.point.code, change.todo) == ("W1", [])
    rows = Evaluation.objects.filter(rule_change=change)
    assert {row.point.code for row in rows} == {"W1"}
    assert {row.revision for row in rows.filter(kind="outlet_day")} == {1}
    for name, role, more, seen in (
        ("reader", "station_staff", {}, True),
        ("holder", "permit_holder", {"organisation": place.holder}, True),
        ("stranger", "station_staff", {"region": place.other}, False),
    ):
        client.force_login(place.person(name, role, **more))
        assert client.get(f"/evaluations/rules/{change.pk}/").status_code == (200 if seen else 404)
        page = client.get("/evaluations/rules/").content.decode()
        assert (f"/evaluations/rules/{change.pk}/" in page) is seen

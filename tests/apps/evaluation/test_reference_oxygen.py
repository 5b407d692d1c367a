"""Standards at another reference oxygen than the one registered: values are brought to it before they are held against it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.evaluation.conftest import Data
from tests.apps.evaluation.test_outlets import chimney, measured

from qingjian.apps.evaluation import calculation, explanation, outlets, services
from qingjian.apps.evaluation.bases import outlets as bases
from qingjian.apps.evaluation.bounds import Bound, Oxygen
from qingjian.apps.evaluation.models import Evaluation, Exceedance, RuleChange, TrendWarning
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Factor, PermitLimit, Point, Series, Setting
from qingjian.apps.network.services import Proposal
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.queries import rulebook
from qingjian.contracts.clock import CHINA
from qingjian.contracts.periods import DAY as DAY_SPAN
from qingjian.contracts.periods import period_of

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = date(2026, 11, 20)
GAS = "天然气锅炉; O2ref=3%"
"""GB 13223-2011 allows 35 mg/m³ of SO2 at 3 % oxygen."""


def assign(place, condition: str = GAS, outlet: str = "S1-G1") -> None:
    """A second person approves that GB 13223 applies to the chimney."""
    values = {
        "standard": "GB 13223",
        "outlet": outlet,
        "condition": condition,
        "effective_from": "2024-01-01",
        "source": "环评批复",
    }
    maker, checker = place.person("om", "data_manager"), place.person("oc", "data_manager")
    cells = ",".join(f'"{value}"' for value in values.values())
    change = rules.propose(maker, "outlet_standards", f"{','.join(values)}\n{cells}\n", "环评批复")
    rules.approve(checker, change, 0, "环评批复第3页")


def register(registered: str | None = "6") -> Point:
    """A chimney that measures SO2 and oxygen, its values converted to the reference oxygen registered."""
    _outlet, point = chimney()
    for code, unit in (("a21026", "mg/m³"), ("a19001", "%")):
        measured(point, code, unit)
    if registered is not None:
        Setting.objects.create(
            series=Series.objects.get(code="G1.a21026"), name="reference_oxygen", value=registered, unit="%"
        )
    network.publish_directory()
    return point


def permit(upper: str, *, converted: bool, averaging: str = "hour") -> None:
    PermitLimit.objects.create(
        outlet=Point.objects.get(code="G1").outlet,
        factor=Factor.objects.get(code="flue_gas.a21026"),
        averaging=averaging,
        upper=upper,
        unit="mg/m³",
        converted=converted,
    )


def put(data: Data, values: list[float], oxygen: float = 6.0) -> None:
    data.put("G1.a21026", START, values)
    data.put("G1.a19001", START, [oxygen] * len(values))


def the_chimney() -> outlets.Outlet:
    return next(one for one in outlets.outlets() if one.point.code == "G1")


def test_a_value_within_the_limit_as_it_stands_exceeds_at_the_oxygen_of_the_standard(
    data: Data, place, client
) -> None:
    """30 mg/m³ at 6 % are 30·(21-3)/(21-6) = 36 at 3 %: above 35. 29.1 are 34.92; 29.16666 are a hair below 35."""
    register()
    assign(place)
    put(data, [30.0, 29.1, 29.16666])
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind="outlet_hour")
    (item,) = row.result["items"]
    assert (row.start, item["value"], item["bounds"], item["exceeds"]) == (START, 36, "≤35", True)
    assert item["multiple"] == pytest.approx(1 / 35, abs=1e-4)
    assert item["oxygen"] == {"of_limit": "3", "registered": "6", "value": 30}
    assert "O₂ 3%" in item["document"]
    trace, _again = explanation.trace_of(row, rulebook())
    said = [step["zh"] for step in trace["steps"]]
    assert any("30 × (21-3) / (21-6) = 36 mg/m³" in one for one in said)
    assert any("超标" in one and "GB 13223" in one for one in said)
    run = Exceedance.objects.get(averaging="hour")
    assert (run.peak, run.held_against.startswith("≤35 mg/m³")) == (36, True)
    day = Evaluation.objects.get(kind="outlet_day")
    assert day.values["hours"]["a21026"] == {"judged": 3, "exceeding": 1, "marked": 0}


def test_a_value_exactly_at_the_limit_after_conversion_does_not_exceed() -> None:
    bound = Bound(36.0, None, oxygen=Oxygen(Decimal(3), Decimal(6)))
    assert not bound.exceeded(30.0)
    assert bound.exceeded(30.0000001)
    assert bound.passed(np.array([30.0, 30.0000001, np.nan])).tolist() == [False, True, False]


@given(
    st.decimals(0, 900, places=4),
    st.decimals("0.1", 900, places=2),
    st.decimals(0, 20, places=1),
    st.decimals(0, 20, places=1),
)
def test_every_verdict_is_that_of_exact_fractions(
    value: Decimal, upper: Decimal, wanted: Decimal, registered: Decimal
) -> None:
    bound = Bound(float(upper), None, oxygen=Oxygen(wanted, registered))
    assert bound.exceeded(float(value)) == (value * (21 - wanted) > upper * (21 - registered))


def test_the_strictest_is_found_at_one_oxygen_content(data: Data, place) -> None:
    """The permit's 40 at 6 % are more lenient than the 35 at 3 %, which are 29.2 at 6 %; 28 at 6 % are stricter."""
    register()
    assign(place)
    permit("40", converted=True)
    ((_series, converted, held),) = the_chimney().held(DAY, "hour", rulebook())
    assert (converted, [one.text for one in held]) == (True, ["≤35", "≤40"])
    PermitLimit.objects.filter(outlet__code="S1-G1").update(upper="32")
    ((_series, _converted, held),) = the_chimney().held(DAY, "hour", rulebook())
    assert [one.text for one in held] == ["≤35", "≤32"], "35 at 3 % decide although 32 is the smaller number"
    put(data, [31.0])
    services.evaluate("outlets", DAY, DAY)
    (item,) = Evaluation.objects.get(kind="outlet_hour").result["items"]
    assert (item["value"], item["exceeds"], item["others"][0]["exceeds"]) == (37.2, True, False)
    PermitLimit.objects.filter(outlet__code="S1-G1").update(upper="28")
    services.evaluate("outlets", DAY, DAY)
    row = Evaluation.objects.get(kind="outlet_hour", superseded_at=None)
    (item,) = row.result["items"]
    assert (item["value"], item["bounds"], item["others"][0]["value"]) == (31, "≤28", 37.2)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("31 × (21-3) / (21-6) = 37.2" in step["zh"] for step in trace["steps"])


def test_the_same_oxygen_converts_nothing_and_a_limit_without_any_stands_as_it_is(data: Data, place) -> None:
    register("3")
    assign(place)
    put(data, [36.0], oxygen=3.0)
    services.evaluate("outlets", DAY, DAY)
    (item,) = Evaluation.objects.get(kind="outlet_hour").result["items"]
    assert (item["value"], "oxygen" in item) == (36, False)


def test_measured_values_without_a_registered_oxygen_are_not_held_against_it(
    data: Data, place, client
) -> None:
    register(None)
    assign(place)
    put(data, [80.0])
    services.evaluate("outlets", DAY, DAY)
    assert not Evaluation.objects.filter(kind="outlet_hour").exists()
    assert the_chimney().held(DAY, "hour", rulebook()) == []
    client.force_login(place.person("looker", "data_manager"))
    page = client.get("/outlets/limits/?on=2026-11-20").content.decode()
    assert "没有登记基准含氧量" in page
    assert "≤35" in page


def test_a_device_that_converts_itself_is_judged_and_the_trace_says_what_is_lacking(
    data: Data, place
) -> None:
    register(None)
    assign(place)
    permit("60", converted=True)
    data.put("G1.a21026", START, [20.0], converted=[50.0])
    services.evaluate("outlets", DAY, DAY)
    row = Evaluation.objects.get(kind="outlet_hour")
    assert (row.result["items"][0]["value"], row.exceeds) == (50, True)
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("未登记基准含氧量" in step["zh"] for step in trace["steps"])


def test_a_permit_of_measured_values_and_a_standard_of_converted_ones_stand_side_by_side(
    data: Data, place
) -> None:
    register()
    assign(place)
    permit("60", converted=False)
    held = {converted: bounds for _series, converted, bounds in the_chimney().held(DAY, "hour", rulebook())}
    assert {converted: [one.text for one in bounds] for converted, bounds in held.items()} == {
        False: ["≤60"],
        True: ["≤35"],
    }
    put(data, [30.0, 20.0])
    services.evaluate("outlets", DAY, DAY)
    day = Evaluation.objects.get(kind="outlet_day")
    assert day.values["hours"]["a21026"] == {"judged": 2, "exceeding": 1, "marked": 0}


def test_the_registered_oxygen_is_that_of_the_day(data: Data, place) -> None:
    register("6")
    change = START - timedelta(days=10)
    Setting.objects.filter(name="reference_oxygen").update(valid_from=change)
    Setting.objects.create(
        series=Series.objects.get(code="G1.a21026"),
        name="reference_oxygen",
        value="9",
        unit="%",
        valid_to=change,
    )
    assign(place)
    outlet = the_chimney()
    series = outlet.series["a21026"]
    assert outlet.registered_oxygen(series, DAY) == 6
    assert outlet.registered_oxygen(series, DAY - timedelta(days=20)) == 9


def test_another_basis_goes_the_same_way(data: Data, place) -> None:
    register()
    permit("60", converted=True)
    put(data, [30.0, 20.0])
    services.evaluate("outlets", DAY, DAY)
    outlet = the_chimney()
    choice = next(one for one in bases.choices(outlet, rulebook()) if one.condition == GAS)
    (found,) = (one for one in bases.over(outlet, period_of("day", DAY), DAY, choice))
    assert found.other is not None
    assert (found.remark, found.lacking, found.other.judged, found.other.exceeding) == (3, False, 2, 1)
    assert found.other.multiple == pytest.approx(1 / 35)
    assert [one.value for one in found.differing] == [30]


def test_another_basis_says_when_it_cannot_compare(data: Data, place, client) -> None:
    register(None)
    permit("60", converted=False)
    put(data, [30.0])
    outlet = the_chimney()
    choice = next(one for one in bases.choices(outlet, rulebook()) if one.condition == GAS)
    (found,) = bases.over(outlet, period_of(DAY_SPAN, DAY), DAY, choice)
    assert (found.other, found.lacking) == (None, True)


def test_what_was_judged_without_conversion_is_judged_again(data: Data, place, monkeypatch) -> None:
    point = register()
    assign(place)
    put(data, [30.0])
    with monkeypatch.context() as older:
        older.setattr(outlets.Outlet, "fitted", lambda self, bound, series, day: (True, bound))
        services.evaluate("outlets", DAY, DAY)
    assert not Evaluation.objects.filter(kind="outlet_hour", exceeds=True).exists()
    assert calculation.at_other_oxygen("outlets") == {point.pk}
    services.follow_changes(60)
    change = RuleChange.objects.get(source="program", version="10")
    assert change.todo == []
    assert Evaluation.objects.get(kind="outlet_hour", superseded_at=None).exceeds
    Setting.objects.filter(name="reference_oxygen").update(value="3")
    assert calculation.at_other_oxygen("outlets") == set()


def test_a_warning_before_the_limit_speaks_at_its_oxygen(data: Data, place) -> None:
    """24 to 29 mg/m³ at 6 % rise towards 35 at 3 % (28.8 to 34.8); as they stand they are far from it."""
    register()
    assign(place)
    now_hour = datetime(2026, 11, 21, 9, tzinfo=CHINA)
    values = [20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0]
    start = now_hour - timedelta(hours=len(values) - 1)
    data.put("G1.a21026", start, values)
    data.put("G1.a19001", start, [6.0] * len(values))
    services.catch_up("outlets", 60)
    warning = TrendWarning.objects.get(series__code="G1.a21026", averaging="hour")
    assert "≤35 mg/m³" in warning.held_against
    assert warning.value > 29


@pytest.mark.parametrize(
    ("since", "judged"), [(None, True), (START, True), (START + timedelta(days=1), False)]
)
def test_a_setting_registered_later_judges_again_what_it_holds_for(
    data: Data, place, clock, since: datetime | None, judged: bool
) -> None:
    """Without a reference oxygen 80 mg/m³ are held against nothing; registered, they are 96 at 3 % from its day on."""
    register(None)
    assign(place)
    put(data, [80.0])
    services.run(60)
    services.follow_changes(60)
    assert not Evaluation.objects.filter(kind="outlet_hour").exists()
    clock.advance(60)
    network.register(
        [
            Proposal(
                "setting",
                {
                    "series": "G1.a21026",
                    "name": "reference_oxygen",
                    "value": "6",
                    "unit": "%",
                    "origin": "register",
                    **({} if since is None else {"valid_from": since.isoformat()}),
                },
            )
        ]
    )
    network.publish_directory()
    clock.advance(60)
    services.follow_changes(60)
    row = Evaluation.objects.filter(kind="outlet_hour", superseded_at=None).first()
    assert (row is not None and row.result["items"][0]["value"] == 96) == judged
    changes = RuleChange.objects.filter(source="registry")
    assert [one.rows[0]["after"]["name"] for one in changes] == ["reference_oxygen"]
    assert changes.get().todo == []


def test_the_first_limit_of_an_outlet_judges_the_data_it_holds_for(data: Data, place, clock) -> None:
    """Nothing was evaluated while nothing applied: a permit entered late holds from its own day all the same."""
    register()
    put(data, [80.0])
    services.run(60)
    services.follow_changes(60)
    clock.advance(60)
    network.register(
        [
            Proposal(
                "limit",
                {
                    "outlet": "S1-G1",
                    "factor": "flue_gas.a21026",
                    "averaging": "hour",
                    "upper": "60",
                    "unit": "mg/m³",
                    "converted": "true",
                    "valid_from": (START - timedelta(days=3)).isoformat(),
                },
            )
        ]
    )
    clock.advance(60)
    services.follow_changes(60)
    row = Evaluation.objects.get(kind="outlet_hour", superseded_at=None)
    assert (row.exceeds, row.result["items"][0]["value"]) == (True, 80)


def test_another_basis_follows_the_register_at_once(data: Data, place) -> None:
    """What is kept between two looks names the oxygen it was worked out with: 30 at 9 % are 45 at 3 %, not 36."""
    register()
    permit("60", converted=True)
    put(data, [30.0])
    services.evaluate("outlets", DAY, DAY)
    choice = next(one for one in bases.choices(the_chimney(), rulebook()) if one.condition == GAS)
    (before,) = bases.over(the_chimney(), period_of("day", DAY), DAY, choice)
    Setting.objects.filter(name="reference_oxygen").update(value="9")
    (after,) = bases.over(the_chimney(), period_of("day", DAY), DAY, choice)
    assert before.other is not None
    assert after.other is not None
    assert (before.other.multiple, after.other.multiple) == (pytest.approx(1 / 35), pytest.approx(10 / 35))


@pytest.mark.parametrize(("averaging", "kind"), [("day", "outlet_day"), ("month", "outlet_month")])
def test_a_mean_of_flue_gas_says_at_what_oxygen_its_hours_stand(
    data: Data, averaging: str, kind: str
) -> None:
    """30 mg/m³ at 9 % are 30·(21-6)/(21-9) = 37.5 at 6 %: within 37.5, above 35."""
    register()
    permit("35", converted=True, averaging=averaging)
    october = datetime(2026, 10, 1, tzinfo=CHINA)
    data.put("G1.a21026", october, [30.0] * 744)
    data.put("G1.a19001", october, [9.0] * 744)
    services.catch_up("outlets", 60)
    row = Evaluation.objects.get(kind=kind, start=october)
    assert (row.values["used"], row.multiple) == ({"a21026": 37.5}, pytest.approx(2.5 / 35, abs=1e-4))
    trace, _again = explanation.trace_of(row, rulebook())
    assert any("基准含氧量 6% 的小时值" in step["zh"] for step in trace["steps"])
    assert any("reference oxygen of 6%" in step["en"] for step in trace["steps"])

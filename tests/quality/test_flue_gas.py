"""Wet gas in the duct → dry, at standard state, at reference oxygen: against exact decimals, and what is lacking."""

from datetime import date
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality.flue_gas import LACK_WORDS, Basis, Beside, Lack, convert_hours, explain, standard_of
from qingjian.rulebook import Confidence, packaged

DAY = date(2026, 3, 1)
ALL = Basis(actual=True, wet=True, oxygen_wet=True, reference_oxygen=6.0)


def beside(**changes: float) -> Beside:
    numbers = {
        "temperature_c": 120.0,
        "static_pressure_pa": -500.0,
        "atmospheric_pressure_pa": 101_000.0,
        "moisture_percent": 10.0,
        "oxygen_percent": 9.0,
    }
    return Beside(**{name: np.array([value]) for name, value in {**numbers, **changes}.items()})


def convert(value: float, others: Beside, basis: Basis) -> tuple[float, Lack]:
    found = convert_hours(np.array([value]), others, basis, packaged(), DAY)
    return float(found.value[0]), Lack(int(found.lack[0]))


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


@given(
    decimals("0", "5000", 3),
    decimals("-20", "400", 1),
    decimals("-9000", "9000", 0),
    decimals("60000", "106000", 0),
    decimals("0", "60", 1),
    decimals("0", "8", 2),
    decimals("0", "20", 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_agrees_with_the_formulas_in_exact_decimals(
    value: Decimal,
    temperature: Decimal,
    static: Decimal,
    atmosphere: Decimal,
    moisture: Decimal,
    oxygen: Decimal,
    reference: Decimal,
    actual: bool,
    wet: bool,
    oxygen_wet: bool,
    referred: bool,
) -> None:
    getcontext().prec = 40
    wanted = value
    if actual:
        wanted = (
            wanted * Decimal(101_325) / (atmosphere + static) * (Decimal(273) + temperature) / Decimal(273)
        )
    if wet:
        wanted = wanted / (1 - moisture / 100)
    dry_oxygen = oxygen / (1 - moisture / 100) if oxygen_wet else oxygen
    if referred and dry_oxygen < Decimal("20.5"):
        wanted = wanted * (21 - reference) / (21 - dry_oxygen)
    basis = Basis(actual, wet, oxygen_wet, float(reference) if referred else None)
    others = beside(
        temperature_c=float(temperature),
        static_pressure_pa=float(static),
        atmospheric_pressure_pa=float(atmosphere),
        moisture_percent=float(moisture),
        oxygen_percent=float(oxygen),
    )
    made, lack = convert(float(value), others, basis)
    if referred and dry_oxygen >= Decimal("20.5"):
        assert lack is Lack.OXYGEN_TOO_HIGH
    else:
        assert lack is Lack.NOTHING
        assert made == pytest.approx(float(wanted), rel=1e-9, abs=1e-9)
    trace, explained = explain(float(value), others, basis, packaged(), DAY, "mg/m³")
    assert (explained is None) == (lack is not Lack.NOTHING)
    assert len(trace.lines("zh")) == len(trace.lines("en"))


@pytest.mark.parametrize(
    ("lacking", "basis", "reason"),
    [
        ("temperature_c", Basis(actual=True), Lack.TEMPERATURE),
        ("static_pressure_pa", Basis(actual=True), Lack.STATIC_PRESSURE),
        ("atmospheric_pressure_pa", Basis(actual=True), Lack.ATMOSPHERIC_PRESSURE),
        ("moisture_percent", Basis(wet=True), Lack.MOISTURE),
        ("moisture_percent", Basis(oxygen_wet=True, reference_oxygen=6.0), Lack.MOISTURE),
        ("oxygen_percent", Basis(reference_oxygen=6.0), Lack.OXYGEN),
    ],
)
def test_an_input_that_is_missing_is_named_and_only_where_it_is_needed(
    lacking: str, basis: Basis, reason: Lack
) -> None:
    value, lack = convert(30.0, beside(**{lacking: np.nan}), basis)
    assert (np.isnan(value), lack) == (True, reason)
    trace, nothing = explain(30.0, beside(**{lacking: np.nan}), basis, packaged(), DAY, "mg/m³")
    assert nothing is None
    assert LACK_WORDS[reason].zh in trace.lines("zh")
    assert LACK_WORDS[reason].en in trace.lines("en")
    assert convert(30.0, beside(**{lacking: np.nan}), Basis())[1] is Lack.NOTHING


def test_what_is_not_physical_or_not_measured_gives_no_number() -> None:
    assert convert(30.0, beside(moisture_percent=100.0), ALL)[1] is Lack.NOT_PHYSICAL
    assert convert(30.0, beside(static_pressure_pa=-101_000.0), ALL)[1] is Lack.NOT_PHYSICAL
    assert convert(np.nan, beside(), ALL)[1] is Lack.VALUE
    assert convert(30.0, beside(oxygen_percent=20.9), Basis(reference_oxygen=6.0))[1] is Lack.OXYGEN_TOO_HIGH
    assert set(LACK_WORDS) == set(Lack)


def test_the_dry_value_stands_where_only_oxygen_is_lacking() -> None:
    found = convert_hours(np.array([30.0]), beside(oxygen_percent=np.nan), ALL, packaged(), DAY)
    assert np.isfinite(found.dry[0])
    assert np.isnan(found.value[0])


def test_every_step_is_shown_with_its_numbers_and_rows() -> None:
    trace, value = explain(30.0, beside(), ALL, packaged(), DAY, "mg/m³")
    text = "\n".join(trace.lines("zh"))
    assert value == pytest.approx(65.9717, abs=1e-3)
    for part in (
        "实测（工况、湿基）30 mg/m³",
        "标态 = 30 × 101325 / (101000 - 500) × (273 + 120) / 273 = 43.5413 mg/m³",
        "干基 = 43.5413 / (1 - 10 %) = 48.3793 mg/m³",
        "干基含氧量 = 9 / (1 - 10 %) = 10 %",
        "折算 = 48.3793 × (21 - 6) / (21 - 10)",
    ):
        assert part in text, text
    assert trace.confidence is Confidence.U, "the text of 2025 has not been seen"
    assert (
        explain(30.0, beside(), Basis(actual=True), packaged(), date(2024, 1, 1), "")[0].confidence
        is Confidence.V
    )


def test_standard_state_is_a_dated_row_of_the_rulebook() -> None:
    for on in (date(2010, 1, 1), date(2020, 1, 1), DAY):
        standard = standard_of(packaged(), on)
        assert (standard.temperature_k, standard.pressure_pa) == (273.0, 101_325.0)
    assert {row.edition for row in standard_of(packaged(), DAY).rows} == {"2025"}


def test_a_flow_becomes_that_of_the_dry_gas_and_carries_as_much_as_before() -> None:
    """Whatever a concentration gains on the way to the dry gas, the flow loses."""
    for actual, wet in ((True, True), (True, False), (False, True), (False, False)):
        concentration = convert(30.0, beside(), Basis(actual, wet))[0]
        flow = convert(10.0, beside(), Basis(actual, wet, flow=True))[0]
        assert concentration * flow == pytest.approx(300.0)
    trace, value = explain(10.0, beside(), Basis(True, True, flow=True), packaged(), DAY, "m³/s")
    assert value == pytest.approx(10 * 100_500 / 101_325 * 273 / 393 * 0.9)
    assert trace.title.zh == "烟气流量换算"
    assert [step.text.zh for step in trace.steps][1:] == [
        "标态 = 10 × (101000 - 500) / 101325 × 273 / (273 + 120) = 6.89 m³/s",
        "干基 = 6.89 × (1 - 10 %) = 6.201 m³/s",
    ]


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("temperature_c", Lack.TEMPERATURE),
        ("atmospheric_pressure_pa", Lack.ATMOSPHERIC_PRESSURE),
        ("moisture_percent", Lack.MOISTURE),
    ],
)
def test_a_flow_without_what_it_needs_says_so(lacking: str, reason: Lack) -> None:
    basis = Basis(actual=True, wet=True, flow=True)
    value, lack = convert(10.0, beside(**{lacking: np.nan}), basis)
    assert np.isnan(value)
    assert lack is reason
    assert explain(10.0, beside(**{lacking: np.nan}), basis, packaged(), DAY, "m³/s")[1] is None

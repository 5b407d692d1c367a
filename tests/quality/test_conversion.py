"""Formulas of HJ 212-2017 appendix D: worked values, both forms of conversion, what cannot be computed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.quality import conversion as c


def test_worked_values() -> None:
    assert c.standard_state(100.0, 0.0, 0.0) == pytest.approx(100.0)
    assert c.standard_state(100.0, 273.0, 0.0) == pytest.approx(200.0)
    assert c.standard_state(100.0, 0.0, -101_325.0 / 2) == pytest.approx(200.0)
    assert c.dry_basis(90.0, 0.1) == pytest.approx(100.0)
    assert c.mass_from_volume(100.0, 64.0) == pytest.approx(285.714, abs=1e-3)
    assert c.nitrogen_oxides(30.0, 4.0) == pytest.approx(50.0)
    assert c.nitrogen_oxides_from_volume(90.0, 10.0) == pytest.approx(205.357, abs=1e-3)
    assert c.converted(100.0, 9.0, 6.0) == pytest.approx(125.0)
    assert c.excess_air(9.0) == pytest.approx(1.75)
    assert c.velocity(10.0, 0.9) == pytest.approx(9.0)
    assert c.actual_flow(10.0, 2.0) == pytest.approx(72_000.0)
    assert c.standard_dry_flow(72_000.0, 273.0, 0.0, 0.1) == pytest.approx(32_400.0)
    assert c.mass_rate(50.0, 32_400.0) == pytest.approx(1.62)
    assert c.water_volume(10.0, 600.0) == pytest.approx(6.0)
    assert c.water_load(50.0, 6.0) == pytest.approx(0.3)
    assert c.flow_weighted_mean([0.3, 0.1], [6.0, 4.0]) == pytest.approx(40.0)


def test_no_reference_leaves_the_dry_value() -> None:
    assert c.converted([1.0, 2.0], [21.0, np.nan], None).tolist() == [1.0, 2.0]
    assert c.converted_by_excess_air([1.0], [22.0], None).tolist() == [1.0]


@pytest.mark.parametrize("oxygen", [21.0, 21.5, -0.1, np.nan, np.inf])
def test_without_usable_oxygen_nothing_is_computed(oxygen: float) -> None:
    assert not c.computable(oxygen)
    assert np.isnan(c.converted(100.0, oxygen, 6.0))
    assert np.isnan(c.excess_air(oxygen))


def test_the_sign_of_2025_for_not_computable() -> None:
    assert c.largest_of_format("N4.2") == 9999.99
    assert c.largest_of_format("N5.1") == 99999.9
    assert c.largest_of_format("N4") == 9999.0
    assert c.not_computable([9999.99, -9999.99, 9999.98, 12.0], "N4.2").tolist() == [True, True, False, False]
    for wrong in ("", "C4", "N", "N0.2", "N4.2.1"):
        with pytest.raises(ValueError, match="number format"):
            c.largest_of_format(wrong)


def test_what_is_not_physical_is_no_number() -> None:
    assert np.isnan(c.standard_state(1.0, 20.0, -101_325.0))
    assert np.isnan(c.standard_state(1.0, -273.0, 0.0))
    assert np.isnan(c.dry_basis(1.0, [1.0, 1.5, -0.1])).all()
    assert np.isnan(c.standard_dry_flow(1.0, 20.0, 0.0, 1.0))
    assert np.isnan(c.actual_flow(1.0, 0.0))
    assert np.isnan(c.flow_weighted_mean([0.0], [0.0]))
    assert np.isnan(c.mass_from_volume(1.0, 0.0))
    for reference in (21.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="reference"):
            c.converted(1.0, 9.0, reference)
    with pytest.raises(ValueError, match="reference"):
        c.converted_by_excess_air(1.0, 9.0, 0.9)


@given(
    st.floats(0, 1e4),
    st.floats(0, 20.9),
    st.floats(0, 20),
)
def test_both_forms_of_the_conversion_agree(value: float, oxygen: float, reference: float) -> None:
    by_oxygen = c.converted(value, oxygen, reference)
    by_excess_air = c.converted_by_excess_air(value, oxygen, 21.0 / (21.0 - reference))
    assert by_oxygen == pytest.approx(by_excess_air, rel=1e-9, abs=1e-12)
    assert c.converted(value, reference, reference) == pytest.approx(value)


@given(
    st.floats(0.01, 1e4),
    st.floats(0, 400),
    st.floats(-5000, 5000),
    st.floats(0, 0.5),
    st.floats(1, 1e6),
)
def test_the_rate_does_not_depend_on_the_state(
    wet_actual: float, temperature: float, pressure: float, moisture: float, flow: float
) -> None:
    """Mass per hour is the same from wet actual and from dry standard values."""
    dry_standard = c.dry_basis(c.standard_state(wet_actual, temperature, pressure), moisture)
    standard_flow = c.standard_dry_flow(flow, temperature, pressure, moisture)
    assert c.mass_rate(dry_standard, standard_flow) == pytest.approx(c.mass_rate(wet_actual, flow), rel=1e-9)

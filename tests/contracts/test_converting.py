"""Which hours of flue gas are converted with what, as the directory had it for their time."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Device, Directory, Series, Setting
from qingjian.quality.flue_gas import Lack
from qingjian.rulebook import packaged

AT = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
UNITS = {
    1: ("a34013", "mg/m³"),
    2: ("a19001", "%"),
    3: ("a01012", "℃"),
    4: ("a01013", "kPa"),
    5: ("a01014", "%"),
}
NUMBERS = {1: 30.0, 2: 9.0, 3: 120.0, 4: -0.5, 5: 10.0}


def series(number: int, **changes: Any) -> Series:
    factor, unit = UNITS.get(number, ("a01006", "kPa"))
    facts: dict[str, Any] = {
        "id": number,
        "code": f"P1:{factor}",
        "point": "P1",
        "factor": factor,
        "name_zh": factor,
        "name_en": factor,
        "unit": unit,
        "decimals": 2,
        "medium": "flue_gas",
        "device": "MN1",
    }
    return Series(**{**facts, **changes})


SETTINGS = (
    Setting("P1:a34013", "measured_state", "actual"),
    Setting("P1:a34013", "measured_basis", "湿基"),
    Setting("P1:a34013", "reference_oxygen", "6", "%"),
    Setting("P1:a19001", "measured_basis", "wet"),
    Setting("D1", "atmospheric_pressure", "101", "kPa"),
)


def converter(settings: tuple[Setting, ...] = SETTINGS, rows: tuple[Series, ...] = ()) -> Converter:
    directory = Directory(
        version=1,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        devices=[Device("D1", "MN1", "", "", "P1", "31")],
        series=rows or [series(number) for number in UNITS],
        settings=settings,
    )
    return Converter(directory, packaged())


def hour(made: Converter, at: int = AT, **changes: float) -> tuple[float, Lack]:
    numbers = {**NUMBERS, **{int(name[1:]): value for name, value in changes.items()}}
    columns = np.array(list(numbers), np.int32), np.full(len(numbers), at), np.array(list(numbers.values()))
    found = made.hours(1, *columns)
    trace = made.trace(1, at, *columns)
    if trace is not None:
        assert (trace[1] is None) == bool(np.isnan(found.value[0]))
    return float(found.value[0]), Lack(int(found.lack[0]))


def test_everything_measured_beside_is_used_in_the_unit_of_the_formula() -> None:
    value, lack = hour(converter())
    assert lack is Lack.NOTHING
    assert value == pytest.approx(30 * 101_325 / 100_500 * 393 / 273 / 0.9 * 15 / 11)
    pascals = tuple(series(number, unit="Pa") if number == 4 else series(number) for number in UNITS)
    assert hour(converter(rows=pascals), s4=-500.0)[0] == pytest.approx(value)
    kelvin = tuple(series(number, unit="K") if number == 3 else series(number) for number in UNITS)
    assert hour(converter(rows=kelvin), s3=393.15)[0] == pytest.approx(value)
    unknown = tuple(series(number, unit="mmHg") if number == 4 else series(number) for number in UNITS)
    assert hour(converter(rows=unknown)) == (pytest.approx(np.nan, nan_ok=True), Lack.STATIC_PRESSURE)


def test_a_measured_atmospheric_pressure_goes_before_the_registered_one() -> None:
    rows = tuple(series(number) for number in (*UNITS, 6))
    assert converter(rows=rows).inputs_of(1) == {2, 3, 4, 5, 6}
    measured, _ = hour(converter(rows=rows), s6=90.0)
    assert measured == pytest.approx(30 * 101_325 / 89_500 * 393 / 273 / 0.9 * 15 / 11)
    registered, _ = hour(converter(rows=rows), s6=np.nan)
    assert registered == pytest.approx(hour(converter())[0])


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (Setting("P1:a34013", "measured_state", "perhaps"), Lack.SETTING),
        (Setting("P1:a34013", "reference_oxygen", "21", "%"), Lack.SETTING),
        (Setting("D1", "atmospheric_pressure", "", "kPa"), Lack.SETTING),
        (Setting("D1", "atmospheric_pressure", "101", "atm"), Lack.SETTING),
    ],
)
def test_a_setting_that_cannot_be_read_converts_nothing(setting: Setting, reason: Lack) -> None:
    others = tuple(one for one in SETTINGS if (one.subject, one.name) != (setting.subject, setting.name))
    assert hour(converter((*others, setting)))[1] is reason


def test_without_a_word_of_the_register_nothing_is_converted() -> None:
    made = converter(())
    assert not made.converts(1)
    assert made.inputs_of(1) == frozenset()
    assert made.trace(1, AT, np.array([1], np.int32), np.array([AT]), np.array([30.0])) is None
    assert made.values([1], np.array([1], np.int32), np.array([AT]), np.array([30.0])) == {}


def test_a_standard_dry_value_without_reference_stays_as_it_is() -> None:
    made = converter((Setting("P1:a34013", "measured_state", "standard"),))
    assert hour(made) == (30.0, Lack.NOTHING)
    assert made.trace(1, AT, np.array([1], np.int32), np.array([AT]), np.array([30.0])) is None


def test_the_setting_of_the_hour_counts() -> None:
    change = datetime(2026, 3, 1, 1, tzinfo=UTC)
    made = converter(
        (
            Setting("P1:a34013", "measured_basis", "wet", valid_to=change),
            Setting("P1:a34013", "measured_basis", "dry", valid_from=change),
        )
    )
    found = made.hours(
        1, np.array([1, 1, 5, 5], np.int32), np.array([AT, AT + 3600] * 2), np.array([90.0, 90.0, 10, 10])
    )
    assert found.value.tolist() == pytest.approx([100.0, 90.0])


def test_who_depends_on_what_and_on_which_settings() -> None:
    made = converter()
    assert made.dependents()[2] == {1}
    assert made.settings_of(1) == frozenset(SETTINGS)
    assert made.settings_of(2) == frozenset()


def test_a_flow_is_converted_the_other_way_and_never_to_an_oxygen_content() -> None:
    flow = series(1, factor="a00000", unit="m³/s")
    rows = (flow, *(series(number) for number in UNITS if number != 1))
    settings = tuple(
        Setting(flow.code, one.name, one.value, one.unit) if one.subject == "P1:a34013" else one
        for one in SETTINGS
    )
    value, lack = hour(converter(settings, rows))
    assert lack is Lack.NOTHING
    assert value == pytest.approx(30 / (101_325 / 100_500 * 393 / 273 / 0.9))

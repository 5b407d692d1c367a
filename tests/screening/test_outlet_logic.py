"""Which tests of process logic a station's readings allow, and what they say of honest and tampered outlets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qingjian.screening.context import fit_context
from qingjian.screening.corroboration import DailyTest, process_findings
from qingjian.screening.outlet_logic import WHOLE_STATION, Declared, outlet_tests, stopped_by_device
from qingjian.screening.panel import CONTEXT, FLAG_CODES, FLAG_NORMAL, FLAG_OTHER, Panel, Parameter, Station
from qingjian.screening.record import Record, history_record, join

HISTORY, DAYS = 210, 250
STACK = ("NOX", "a19001", "a00000", "a01012", "gx0501")


def record_of(codes: tuple[str, ...], values: np.ndarray, measured: int = 1, stations: int = 1) -> Record:
    """A record of HISTORY clean and DAYS - HISTORY screened days; `values` (stations, factors, hours)."""
    panel = Panel(
        tuple(Station(f"s{i}", medium="gas", parent="plant") for i in range(stations)),
        tuple(
            Parameter(code, resolution=0.1, role="measured" if i < measured else CONTEXT)
            for i, code in enumerate(codes)
        ),
        16_000 * 1440,
        60,
        values,
        np.full(values.shape, FLAG_NORMAL, np.uint8),
    )
    cut = HISTORY * 24
    later = replace(
        panel,
        start=panel.start + HISTORY * 1440,
        values=values[:, :, cut:],
        flags=panel.flags[:, :, cut:],
    )
    past = replace(panel, values=values[:, :, :cut], flags=panel.flags[:, :, :cut])
    return join(history_record(past), later)


def stack(seed: int = 4) -> np.ndarray:
    """A stack that follows its load: NOx, oxygen, flow, temperature, load."""
    r = np.random.default_rng(seed)
    n = DAYS * 24
    load = 60 + 15 * np.sin(np.arange(n) / 24 * 2 * np.pi) + 10 * np.sin(np.arange(n) / 200)
    rows = [
        0.8 * load + r.normal(0, 3, n),
        12 - 0.06 * load + r.normal(0, 0.3, n),
        3 * load + r.normal(0, 8, n),
        90 + 0.5 * load + r.normal(0, 2, n),
        load,
    ]
    return np.round(np.stack(rows), 1)[None]


def named(tests: list[DailyTest], name: str) -> DailyTest:
    return next(one for one in tests if one.name == name)


def at(record: Record, code: str) -> int:
    return [one.code for one in record.parameters].index(code)


def test_dilution_is_seen_and_honest_days_are_not() -> None:
    values = stack()
    values[0, 1, 230 * 24 :] += 2.0
    values[0, 2, 230 * 24 :] *= 1.3
    record = record_of(STACK, values)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    p = named(tests[0, WHOLE_STATION], "process.dilution").p
    assert p[240] < 0.02
    assert np.mean(p[HISTORY:228] < 0.02) < 0.2
    (finding,) = process_findings("s0", "", tests[0, WHOLE_STATION], record.first_day, record.panel_days)
    assert finding.kind == "dilution"
    assert 228 <= finding.first_day - record.first_day <= 233


def test_emission_that_no_longer_follows_the_load() -> None:
    values = stack()
    values[0, 0, 224 * 24 :] = np.random.default_rng(1).permutation(values[0, 0, 224 * 24 :])
    record = record_of(STACK, values)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    p = named(tests[0, at(record, "NOX")], "process.load").p
    assert np.nanmin(p[226:245]) < 0.02
    assert np.nanmin(p[HISTORY:220]) > 0.02


@pytest.mark.parametrize("runs", [True, False])
def test_a_declared_stop_that_is_none(runs: bool) -> None:
    values = stack()
    hours = slice(230 * 24, 233 * 24)
    if not runs:
        values[0, 1, hours], values[0, 2, hours], values[0, 3, hours] = 20.8, 5.0, 30.0
    record = record_of(STACK, values)
    record.flags[:, :, hours] = FLAG_OTHER  # what a page does with a declared stop
    declared = Declared.nothing(record)
    declared.stopped[0, hours] = True
    tests = outlet_tests(record, fit_context(record), declared)
    p = named(tests[0, WHOLE_STATION], "process.stop_not_stopped").p
    assert (p[231] < 0.03) == runs


def test_cod_that_falls_while_ammonia_stays() -> None:
    r = np.random.default_rng(2)
    n = DAYS * 24
    strength = np.exp(0.3 * np.sin(np.arange(n) / 90) + 0.1 * r.normal(size=n))
    values = np.round(np.stack([40 * strength, 5 * strength * np.exp(r.normal(0, 0.05, n))]), 2)[None]
    values[0, 0, 232 * 24 :] *= 0.5
    record = record_of(("waste_water.w01018", "waste_water.w21003"), values, measured=2)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    p = named(tests[0, at(record, "waste_water.w01018")], "process.water_order").p
    assert p[240] < 0.02 < p[225]


def test_a_level_that_falls_at_a_maintenance() -> None:
    values = stack()
    values[0, 0, 230 * 24 :] *= 0.6
    record = record_of(STACK, values)
    declared = Declared.nothing(record)
    declared.touched[0, at(record, "NOX"), [220, 230]] = True
    tests = outlet_tests(record, fit_context(record), declared)
    p = named(tests[0, at(record, "NOX")], "process.change_point").p
    assert p[230] < 0.02 < p[220]


def test_dilution_is_told_by_moisture_where_the_flow_says_nothing() -> None:
    r = np.random.default_rng(3)
    moisture = np.round(12 + r.normal(0, 0.3, DAYS * 24), 1)
    values = np.concatenate([stack(), moisture[None, None]], axis=1)
    values[0, 1, 230 * 24 :] += 2.0
    codes = (*STACK, "a01014")
    dry = values.copy()
    dry[0, 5, 230 * 24 :] -= 3
    found = []
    for one in (dry, values):
        record = record_of(codes, one)
        tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
        found.append(named(tests[0, WHOLE_STATION], "process.dilution").p[240])
    assert found[0] < 0.02 < found[1]  # oxygen alone is another combustion


@pytest.mark.parametrize("wet", [False, True])
def test_a_scrubber_without_water_and_one_whose_gas_is_reheated(wet: bool) -> None:
    r = np.random.default_rng(7)
    n = DAYS * 24
    sulphur, temperature, moisture = r.normal(30, 4, n), r.normal(52, 1, n), r.normal(13, 0.5, n)
    hours = slice(232 * 24, 238 * 24)
    temperature[hours] += 30
    sulphur[hours] = 20
    if not wet:
        moisture[hours] -= 6
    record = record_of(
        ("a21026", "a01012", "a01014"), np.round(np.stack([sulphur, temperature, moisture]), 1)[None]
    )
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    p = named(tests[0, at(record, "a21026")], "process.scrubber").p
    assert (p[235] < 0.02) == (not wet)
    assert p[225] > 0.02


@pytest.mark.parametrize("honest", [False, True])
def test_aeration_turned_down(honest: bool) -> None:
    r = np.random.default_rng(8)
    n = DAYS * 24
    air, water, ammonia = r.normal(5000, 200, n), r.normal(800, 30, n), r.normal(1.5, 0.2, n)
    hours = slice(232 * 24, 240 * 24)
    air[hours] = 1500
    ammonia[hours] = 9.0 if honest else 1.0
    record = record_of(("w21003", "airflow", "w00000"), np.round(np.stack([ammonia, air, water]), 2)[None])
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    p = named(tests[0, at(record, "w21003")], "process.aeration").p
    assert (p[236] < 0.02) == (not honest)


@pytest.mark.parametrize("rain", [False, True])
def test_mist_at_one_inlet_and_rain_at_all(rain: bool) -> None:
    r = np.random.default_rng(9)
    n = DAYS * 24
    sky = 60 + 20 * np.sin(np.arange(n) / 40) + 5 * np.sin(np.arange(n) / 24 * 2 * np.pi)
    damp = 50 + 10 * np.sin(np.arange(n) / 60)
    dust = np.stack([sky + r.normal(0, 3, n) for _ in range(4)])
    humidity = np.stack([damp + r.normal(0, 1, n) for _ in range(4)])
    hours = slice(232 * 24, 240 * 24)
    touched = slice(0, 4) if rain else slice(0, 1)
    dust[touched, hours] *= 0.6
    humidity[touched, hours] += 12
    record = record_of(("pm10", "rh"), np.round(np.stack([dust, humidity], axis=1)), stations=4)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    station = [one.code for one in record.stations].index("s0")
    p = named(tests[station, at(record, "pm10")], "process.mist").p
    assert (p[236] < 0.02) == (not rain)


@pytest.mark.parametrize("shape", ["ramp", "table", "wave", "honest"])
def test_data_of_a_simulation_function(shape: str) -> None:
    values = stack()
    hours = np.arange(10 * 24)
    played = {
        "ramp": 30 + 2.0 * np.abs((hours % 24) - 12),
        "table": np.resize([50.1, 52.4, 49.0, 51.7, 48.2, 53.3], len(hours)),
        "wave": np.round(50 + 9 * np.sin(hours / 24 * 2 * np.pi), 1),
        "honest": values[0, 0, 235 * 24 : 245 * 24],
    }[shape]
    values[0, 0, 235 * 24 : 245 * 24] = played
    record = record_of(STACK, values)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    signs = [one for one in tests[0, at(record, "NOX")] if one.name.startswith("generated.")]
    assert {one.kind for one in signs} == {"generated"}
    lowest = min(float(np.nanmin(one.p[236:244])) for one in signs)
    assert (lowest < 1e-4) == (shape != "honest")


def test_what_cannot_be_asked_is_left_out() -> None:
    record = record_of(("NOX", "CO"), stack()[:, :2], measured=2)
    tests = outlet_tests(record, fit_context(record), Declared.nothing(record))
    assert (0, WHOLE_STATION) not in tests
    assert {one.name.split(".")[0] for own in tests.values() for one in own} == {"generated"}


def test_a_stop_is_what_all_measured_series_of_a_point_declare() -> None:
    values = np.concatenate([stack(), stack(5)])
    record = record_of(STACK, values, measured=2, stations=2)
    flags = record.flags.copy()
    own = [s for s, one in enumerate(record.stations) if one.code == "s0"]
    measured = record.measured()
    flags[own[0], measured, 240 * 24 : 241 * 24] = FLAG_CODES["F"]
    flags[own[0], measured[0], 242 * 24 : 243 * 24] = FLAG_CODES["F"]  # one analyser alone
    record = replace(record, flags=flags)
    assert np.flatnonzero(stopped_by_device(record, own)).tolist() == list(range(240 * 24, 241 * 24))
    both = list(range(len(record.stations)))
    assert not stopped_by_device(record, both).any()

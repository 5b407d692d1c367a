"""Facts about devices, and the logic of processes."""

from __future__ import annotations

import numpy as np
import pytest

from qingjian.screening.corroboration import calibrated_test, daily, joint_test
from qingjian.screening.device_side import (
    Access,
    Registered,
    Setting,
    changes_with_remote_access,
    generated_signs,
    settings_off_register,
    software_off_register,
)
from qingjian.screening.process_logic import (
    aeration_without_effect,
    dilution_signs,
    emission_ignores_load,
    running_while_stopped,
    scrubber_signs,
    shortfall,
    unexplained_level,
    water_order,
)

REGISTER = [Registered("slope", 1.0, 0, 5000), Registered("slope", 1.05, 5000)]


def test_a_setting_off_the_register_is_named_once_for_each_change() -> None:
    reported = [Setting(m, "slope", 1.0) for m in range(0, 3000, 60)]
    reported += [Setting(m, "slope", 0.7) for m in range(3000, 5000, 60)]
    reported += [Setting(m, "slope", 1.05) for m in range(5000, 6000, 60)]
    facts = settings_off_register(reported, REGISTER)
    assert [(f.minute, f.kind) for f in facts] == [(3000, "setting_off_register")]
    assert "备案" in facts[0].zh


def test_a_registered_change_before_its_day_is_off_the_register() -> None:
    assert settings_off_register([Setting(100, "slope", 1.05)], REGISTER)
    assert not settings_off_register([Setting(6000, "slope", 1.05)], REGISTER)


def test_an_unknown_setting_is_a_fact_of_its_own() -> None:
    assert settings_off_register([Setting(1, "hidden", 3)], REGISTER)[0].kind == "unregistered_setting"


@pytest.mark.parametrize(
    ("announced", "minute", "found"), [(False, 1030, 1), (True, 1030, 0), (False, 2000, 0)]
)
def test_changes_in_unannounced_sessions(announced: bool, minute: int, found: int) -> None:
    settings = [Setting(0, "range_high", 200), Setting(minute, "range_high", 80)]
    facts = changes_with_remote_access(settings, [Access(1000, 1020, "10.1.1.9", announced)])
    assert len(facts) == found


def test_software_is_compared_by_hash() -> None:
    facts = software_off_register(
        [(1, "2.1", "AA"), (5, "2.1", "bb"), (9, "3.0", "cc"), (10, "3.0", "cc")], {"2.1": "aa"}
    )
    assert [(f.minute, f.kind) for f in facts] == [(5, "software_hash"), (9, "software_unknown")]


def stack(hours: int = 1200) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    r = np.random.default_rng(2)
    load = 100 + 20 * np.sin(np.arange(hours) / 30)
    return (
        load,
        8 - 0.02 * load + r.normal(0, 0.2, hours),
        110 + 0.1 * load + r.normal(0, 1, hours),
        10 * load + r.normal(0, 20, hours),
    )


def test_declared_stops_with_a_running_stack() -> None:
    _, oxygen, temperature, flow = stack()
    stopped = np.zeros(1200, bool)
    stopped[900:] = True
    oxygen[1000:1100], temperature[1000:1100], flow[1000:1100] = 20.8, 25, 5
    found = running_while_stopped(stopped, oxygen, temperature, flow, np.arange(1200) < 800)
    assert found[900:1000].all()
    assert not found[1000:1100].any()
    assert not found[:900].any()
    assert not running_while_stopped(stopped, oxygen, temperature, flow, np.zeros(1200, bool)).any()


def joint(signs: list[np.ndarray], history: np.ndarray) -> np.ndarray:
    """Daily p-values of a test that needs two of the hourly signs."""
    by_day = [daily(sign) for sign in signs]
    return joint_test("process.dilution", "dilution", by_day, 2, history[::24]).p


def test_dilution_needs_oxygen_and_flow() -> None:
    load, oxygen, _, flow = stack(2400)
    history = np.arange(2400) < 1680
    oxygen[2160:] += 3
    alone = joint(dilution_signs(oxygen, flow, load, history), history)
    assert np.nanmin(alone[70:]) > 0.02  # another combustion: however strong, one sign is none
    flow[2160:] += 200
    both = joint(dilution_signs(oxygen, flow, load, history), history)
    assert np.nanmax(both[92:]) < 0.02
    assert np.nanmin(both[70:90]) > 0.02
    assert np.isnan(dilution_signs(oxygen, flow, load, np.zeros(2400, bool))).all()


def test_four_per_cent_less_than_the_balance_shows_in_a_month() -> None:
    r = np.random.default_rng(3)
    used = r.uniform(90, 110, 500)
    emitted = 0.02 * used * r.normal(1, 0.03, 500)
    emitted[450:480] *= 0.96
    history = np.arange(500) < 400
    p = calibrated_test("process.balance", "balance", shortfall(emitted, used), history).p
    assert p[479] < 0.001
    assert np.nanmin(p[405:448]) > 0.005
    nothing = shortfall(emitted, np.zeros(500))
    assert np.isnan(nothing).all()
    emitted[10] = 0.0
    assert np.isfinite(shortfall(emitted, used)).all()


def test_emission_that_forgets_its_load() -> None:
    load, *_ = stack()
    emission = 2 * load + np.random.default_rng(4).normal(0, 3, 1200)
    emission[1008:1176] = 200
    lost = emission_ignores_load(emission, load, np.arange(1200) < 800)
    assert lost[6] > 0.8
    assert abs(lost[4]) < 0.2


def test_order_of_waste_water_factors() -> None:
    r = np.random.default_rng(5)
    cod, ammonia = r.uniform(20, 60, 300), r.uniform(1, 3, 300)
    total = ammonia + 4
    ammonia[150:270] = 2.0
    total[10] = 0.5
    found = water_order(cod, ammonia, total, np.r_[np.full(299, 7.0), 15.0])
    assert np.flatnonzero(found["ammonia_above_total"]).tolist() == [10]
    assert found["cod_moves_alone"][160:210].any()
    assert not found["cod_moves_alone"][:140].any()
    assert np.flatnonzero(found["ph_impossible"]).tolist() == [299]


def test_dilution_with_moisture_needs_two_of_three_signs() -> None:
    load, oxygen, _, flow = stack(2400)
    r = np.random.default_rng(6)
    moisture = 12 + r.normal(0, 0.3, 2400)
    history = np.arange(2400) < 1680
    moisture[2160:] -= 4
    assert np.nanmin(joint(dilution_signs(oxygen, flow, load, history, moisture), history)[70:]) > 0.02
    oxygen[2160:] += 3
    assert np.nanmax(joint(dilution_signs(oxygen, flow, load, history, moisture), history)[92:]) < 0.02


def test_a_scrubber_that_reports_little_with_hot_dry_gas() -> None:
    r = np.random.default_rng(7)
    sulphur, temperature = r.normal(30, 4, 2400), r.normal(52, 1, 2400)
    moisture = r.normal(13, 0.5, 2400)
    history = np.arange(2400) < 1680
    temperature[1920:2160] += 40
    moisture[1920:2040] -= 6
    sulphur[1920:1968] = 20
    sulphur[1968:2040] = 300
    sulphur[2040:2160] = 20
    signs = scrubber_signs(sulphur, temperature, moisture, history)
    assert min(sign[1920:1968].min() for sign in signs) > 5
    assert np.isnan(signs[0][1968:2040]).all()  # the high SO2 is reported honestly
    assert np.nanmax(joint(signs, history)[81:82]) < 0.02
    moisture[1920:2040] += 6  # reheated gas: hot, and as wet as ever
    assert np.nanmin(joint(scrubber_signs(sulphur, temperature, moisture, history), history)[70:]) > 0.02
    assert np.isnan(scrubber_signs(sulphur, temperature, moisture, np.zeros(2400, bool))).all()


def test_ammonia_that_stays_low_without_air() -> None:
    r = np.random.default_rng(8)
    air, water, ammonia = r.normal(5000, 200, 1200), r.normal(800, 30, 1200), r.normal(1.5, 0.2, 1200)
    history = np.arange(1200) < 800
    air[1000:1200] = 1500
    ammonia[1000:1100] = 1.0
    ammonia[1100:] = 9.0
    found = aeration_without_effect(air, water, ammonia, history)
    assert found[1000:1100].min() > 5
    assert found[1100:].max() == 0
    assert np.isnan(aeration_without_effect(air, np.zeros(1200), ammonia, history)).all()


def test_cod_below_what_ammonia_and_ph_promise() -> None:
    r = np.random.default_rng(9)
    ammonia, ph = r.uniform(1, 6, 1200), r.normal(7.2, 0.2, 1200)
    cod = 15 + 6 * ammonia + 4 * (ph - 7) + r.normal(0, 1, 1200)
    cod[100:110] += 80  # wild values of the history do not matter
    cod[1000:] *= 0.7
    found = unexplained_level(cod, [ammonia, ph], np.arange(1200) < 800)
    assert np.median(found[1000:]) > 4
    assert abs(np.median(found[200:900])) < 0.3


def test_signs_of_generated_values() -> None:
    r = np.random.default_rng(10)
    honest = np.round(50 + np.cumsum(r.normal(0, 1, (6, 24)), axis=1), 1)
    ramp = np.round(np.tile(np.r_[np.arange(0, 24, 2), np.arange(24, 0, -2)], (6, 1)) + 20.0, 1)
    table = np.tile(np.array([50.1, 52.4, 49.0, 51.7, 48.2, 53.3]), (6, 4))
    wave = np.round(50 + 9 * np.sin(np.arange(24) / 24 * 2 * np.pi) + np.zeros((6, 24)), 1)
    usual = {name: float(np.nanmax(v)) for name, v in generated_signs(honest, 0.1).items()}
    for values, name in ((ramp, "straight"), (table, "repeats"), (wave, "waves")):
        assert np.nanmin(generated_signs(values, 0.1)[name]) > usual[name], name
    assert np.isnan(generated_signs(np.full((2, 24), np.nan), 0.1)["waves"]).all()


DAY = 1440


def test_a_setting_that_stays_when_the_register_moves_on_is_named() -> None:
    register = [
        Registered("slope", 1.0, 0, 5 * DAY),
        Registered("slope", 0.8, 5 * DAY, 20 * DAY),
        Registered("slope", 1.0, 20 * DAY),
    ]
    stayed = [Setting(10 * DAY, "slope", 0.8), Setting(40 * DAY, "slope", 0.8)]
    (fact,) = settings_off_register(stayed, register)
    assert (fact.minute, fact.kind) == (20 * DAY, "setting_off_register")
    assert "仍为 0.8" in fact.zh
    # one report is enough, from when on it is known that the device did not follow
    assert settings_off_register(stayed[:1], register, 21 * DAY) == [fact]
    assert settings_off_register(stayed[:1], register, 20 * DAY + 60) == []
    followed = [stayed[0], Setting(20 * DAY + 300, "slope", 1.0)]
    assert settings_off_register(followed, register, 40 * DAY) == []


def test_a_registered_change_the_device_never_makes_is_named() -> None:
    register = [Registered("slope", 1.0, 0, 30 * DAY), Registered("slope", 1.2, 30 * DAY)]
    facts = settings_off_register([Setting(m * DAY, "slope", 1.0) for m in (0, 40, 50)], register)
    assert [fact.minute for fact in facts] == [30 * DAY]


def test_a_register_that_ends_says_nothing() -> None:
    register = [Registered("slope", 1.0, 0, 30 * DAY)]
    assert settings_off_register([Setting(0, "slope", 1.0)], register, 90 * DAY) == []

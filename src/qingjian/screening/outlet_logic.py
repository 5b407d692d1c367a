"""Which tests of process logic the readings of a station allow, asked for every station of a record.

Each test needs readings beside the screened factor: oxygen, flow, moisture and load of a stack, ammonia and pH of waste
water, humidity at an ambient inlet, declared stops, days of maintenance or of changed settings. What is missing is not
asked. `corroboration.process_findings` turns the answers into findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qingjian.screening import process_logic as logic
from qingjian.screening.context import ContextModels
from qingjian.screening.corroboration import (
    DailyTest,
    calibrated_test,
    change_point_test,
    daily,
    joint_test,
)
from qingjian.screening.device_side import generated_signs
from qingjian.screening.panel import FLAG_EMPTY, FLAG_STOPPED, Floats, Mask
from qingjian.screening.record import Record, block_means
from qingjian.screening.vocabulary import PARTICLES, common_name

WHOLE_STATION = -1
LOAD_WINDOW = 168  # hours
WORST_ERROR = 12.0
NEEDED_SIGNS = 2  # of two or three: each of them alone has an everyday cause


@dataclass(frozen=True)
class Declared:
    """What people and devices stated: hours declared as stopped (stations, hours), and days on which a series was maintained,
    calibrated or its settings were changed (stations, parameters, days)."""

    stopped: Mask
    touched: Mask

    @staticmethod
    def nothing(record: Record) -> Declared:
        """Nothing was stated."""
        n, m = len(record.stations), len(record.parameters)
        return Declared(np.zeros((n, record.days * 24), bool), np.zeros((n, m, record.days), bool))


def outlet_tests(
    record: Record, context: ContextModels, declared: Declared
) -> dict[tuple[int, int], list[DailyTest]]:
    """Tests by (station, parameter); parameter WHOLE_STATION holds what speaks of all factors of a station.

    Every test is calibrated on the history days of the record; one that cannot be is left out.
    """
    shaped = context.shaped(record)
    names = [common_name(p.code) for p in record.parameters]
    history = np.repeat(record.history_days, 24)
    errors = _errors(record, context, shaped)
    found: dict[tuple[int, int], list[DailyTest]] = {}
    for s in range(len(record.stations)):
        raw = _readings(record, s)
        known = {name: raw[p] for p, name in enumerate(names) if np.isfinite(raw[p]).any()}
        found[s, WHOLE_STATION] = _of_stack(known, declared.stopped[s], history, record.history_days)
        humid = _humidity_error(record, names, s)
        for p in record.measured():
            if not np.isfinite(raw[p]).any():
                continue
            tests = _of_factor(names[p], raw[p], known, history, record.history_days)
            error = errors.get((s, p))
            if error is not None:
                if names[p] in PARTICLES and humid is not None:
                    # rain shows at the neighbours too and is therefore in neither error
                    signs = [daily(-error), daily(humid)]
                    tests.append(
                        joint_test("process.mist", "spray", signs, NEEDED_SIGNS, record.history_days)
                    )
                if declared.touched[s, p].any():
                    tests.append(change_point_test(daily(error), declared.touched[s, p], record.history_days))
            for name, sign in generated_signs(record.fine(s, p), record.parameters[p].resolution).items():
                tests.append(calibrated_test(f"generated.{name}", "generated", sign, record.history_days))
            found[s, p] = tests
    return {key: held for key, tests in found.items() if (held := [one for one in tests if one.answers])}


def stopped_by_device(record: Record, stations: Sequence[int]) -> Mask:
    """Hours in which all that the measured series of a point report, at all its `stations`, bears the flag of a stop.

    One analyser alone that is out of operation is no stop of the source.
    """
    flags = record.flags[np.ix_(stations, record.measured())]
    hours = (
        flags.reshape(-1, record.days * 24, record.per_day // 24).swapaxes(0, 1).reshape(record.days * 24, -1)
    )
    said = hours != FLAG_EMPTY
    return np.asarray(said.any(axis=1) & ((hours == FLAG_STOPPED) | ~said).all(axis=1), dtype=np.bool_)


def _readings(record: Record, station: int) -> Floats:
    """Hourly means of whatever was read, flagged or not: a declared stop does not hide what the stack shows."""
    return block_means(record.values[station], record.per_day // 24)


def _errors(record: Record, context: ContextModels, shaped: Floats) -> Mapping[tuple[int, int], Floats]:
    """Hourly errors against what was expected, in usual errors, for every series with a model."""
    out = {}
    for s, p in context.models:
        guess = context.expect(record, shaped, s, p)
        error = (shaped[s, p] - guess.expected) / guess.spread
        out[s, p] = np.clip(error, -WORST_ERROR, WORST_ERROR)
    return out


def _of_stack(known: Mapping[str, Floats], stopped: Mask, history: Mask, clean: Mask) -> list[DailyTest]:
    tests = []
    if {"o2", "gas_temperature", "flow"} <= known.keys():
        oxygen, temperature, flow = known["o2"], known["gas_temperature"], known["flow"]
        running = history & ~stopped & np.isfinite(oxygen) & np.isfinite(temperature) & np.isfinite(flow)
        if stopped.any():
            hours = logic.running_while_stopped(stopped, oxygen, temperature, flow, running)
            count = hours.reshape(-1, 24).sum(axis=1).astype(float)
            tests.append(calibrated_test("process.stop_not_stopped", "stop_not_stopped", count, clean))
    if {"o2", "flow", "load"} <= known.keys():
        signs = logic.dilution_signs(
            known["o2"], known["flow"], known["load"], history, known.get("moisture")
        )
        by_day = [daily(sign) for sign in signs]
        tests.append(joint_test("process.dilution", "dilution", by_day, NEEDED_SIGNS, clean))
    return tests


def _of_factor(
    name: str, own: Floats, known: Mapping[str, Floats], history: Mask, clean: Mask
) -> list[DailyTest]:
    tests = []
    if "load" in known and name in ("nox", "so2", "no", "no2", "co"):
        lost = logic.emission_ignores_load(own, known["load"], history, LOAD_WINDOW)
        by_day = np.full(len(own) // 24, np.nan)
        spread = np.repeat(lost, LOAD_WINDOW // 24)
        by_day[: len(spread)] = spread[: len(by_day)]
        tests.append(calibrated_test("process.load", "load", by_day, clean))
    if name == "so2" and {"gas_temperature", "moisture"} <= known.keys():
        signs = logic.scrubber_signs(own, known["gas_temperature"], known["moisture"], history)
        dry_and_hot = [daily(sign) for sign in signs]
        tests.append(joint_test("process.scrubber", "scrubber", dry_and_hot, NEEDED_SIGNS, clean))
    if name == "nh3n" and {"air_flow", "flow"} <= known.keys():
        starved = logic.aeration_without_effect(known["air_flow"], known["flow"], own, history)
        tests.append(calibrated_test("process.aeration", "aeration", daily(starved), clean))
    if name == "cod" and "nh3n" in known:
        nothing = np.full(len(own), np.nan)
        given = [_logarithm(known["nh3n"]), *(known[q] for q in ("ph",) if q in known)]
        low = logic.unexplained_level(_logarithm(own), given, history)
        tests.append(calibrated_test("process.water_order", "water_order", daily(low), clean))
        broken = logic.water_order(own, known["nh3n"], known.get("tn", nothing), known.get("ph", nothing))
        hours = np.sum(list(broken.values()), axis=0).reshape(-1, 24).sum(axis=1).astype(float)
        tests.append(calibrated_test("process.water_order", "water_order", hours, clean))
    return tests


def _logarithm(values: Floats) -> Floats:
    return np.log(np.where(values > 0, values, np.nan))


def _humidity_error(record: Record, names: list[str], station: int) -> Floats | None:
    """Humidity beyond the median of the related stations, in its own usual errors; None where it cannot be compared."""
    if "humidity" not in names:
        return None
    p = names.index("humidity")
    own, others = record.hourly[station, p], record.hourly[record.relatives(station), p]
    count = np.isfinite(others).sum(axis=0)
    if not np.isfinite(own).any() or not count.any():
        return None
    ordered = np.sort(others, axis=0)
    middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    away = own - np.where(count > 0, middle, np.nan)
    known = away[np.repeat(record.history_days, 24) & np.isfinite(away)]
    if len(known) < logic.LEAST_HOURS:
        return None
    usual = 1.4826 * float(np.median(np.abs(known - np.median(known))))
    return np.asarray((away - float(np.median(known))) / max(usual, 1e-6), dtype=np.float64)

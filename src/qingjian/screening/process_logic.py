"""Process logic: emission against load and material balance, declared stops, dilution, gas and water, COD-NH3-N-pH.

Functions on hourly values of one outlet. What is usual is taken from the clean history of the same outlet; without
one the functions say nothing (NaN). `corroboration` turns the answers into p-values and findings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qingjian.screening.panel import Floats, Mask

LEAST_HOURS = 240
LEAST_SHARE = 1e-3  # of the usual emission
OXYGEN_OF_AIR = 20.9


def running_while_stopped(
    stopped: Mask, oxygen: Floats, temperature: Floats, flow: Floats, history_running: Mask
) -> Mask:
    """Hours declared as stopped in which the stack shows at least two signs of running (标停未停).

    Signs: oxygen below what lies half-way between running and air, temperature and flow above half of what is usual
    when running. `history_running` marks hours of the history known to be running.
    """
    if history_running.sum() < LEAST_HOURS:
        return np.zeros(len(stopped), bool)
    usual = [float(np.nanmedian(x[history_running])) for x in (oxygen, temperature, flow)]
    idle = float(np.nanquantile(temperature, 0.01))
    signs = (
        (oxygen < 0.5 * (usual[0] + OXYGEN_OF_AIR)).astype(int)
        + (temperature > 0.5 * (usual[1] + idle)).astype(int)
        + (flow > 0.5 * usual[2]).astype(int)
    )
    return np.asarray(stopped & (signs >= 2), dtype=np.bool_)


def dilution_signs(
    oxygen: Floats, flow: Floats, load: Floats, history: Mask, moisture: Floats | None = None
) -> list[Floats]:
    """How far oxygen and flow exceed, and moisture falls below, what the load explains: hourly, in usual errors each.

    Air let in before the sampling point raises oxygen and flow, dries the gas and lowers the concentration; a change of
    combustion moves oxygen alone, a change of load moves all as always. So two signs are needed. NaN without enough history.
    """
    signs = [beyond_load(oxygen, load, history), beyond_load(flow, load, history)]
    if moisture is not None:
        signs.append(-beyond_load(moisture, load, history))
    return signs


def beyond_load(reading: Floats, load: Floats, history: Mask) -> Floats:
    """Reading minus what the load explains (straight line over the history), in usual errors; NaN without history."""
    known = history & np.isfinite(reading) & np.isfinite(load)
    if known.sum() < LEAST_HOURS:
        return np.full(len(reading), np.nan)
    slope, intercept = np.polyfit(load[known], reading[known], 1)
    rest = reading - (slope * load + intercept)
    usual = 1.4826 * float(np.median(np.abs(rest[known] - np.median(rest[known]))))
    return np.asarray(rest / max(usual, 1e-9), dtype=np.float64)


def scrubber_signs(sulphur: Floats, temperature: Floats, moisture: Floats, history: Mask) -> list[Floats]:
    """Gas and water of a wet scrubber: how much hotter, and how much drier the gas is than usual, in usual errors each.

    Gas that went through the spray leaves cool and saturated; reheated gas is hot alone, so both signs are needed. Only
    hours count whose SO2 is at most what is usual with the scrubber running: NaN elsewhere and without enough history.
    """
    known = history & np.isfinite(sulphur) & np.isfinite(temperature) & np.isfinite(moisture)
    if known.sum() < LEAST_HOURS:
        return [np.full(len(sulphur), np.nan)] * 2
    claimed = sulphur <= float(np.median(sulphur[known]))
    signs = []
    for reading, sign in ((temperature, 1.0), (moisture, -1.0)):
        middle = float(np.median(reading[known]))
        usual = 1.4826 * float(np.median(np.abs(reading[known] - middle)))
        signs.append(np.where(claimed, sign * (reading - middle) / max(usual, 1e-9), np.nan))
    return signs


def aeration_without_effect(air: Floats, water: Floats, ammonia: Floats, history: Mask) -> Floats:
    """Air and water of an aeration tank: how far the air per water fell while low ammonia is still reported.

    Nitrification needs air. The answer is the fall of log(air / water) below the history in usual errors, in hours whose
    ammonia is at most what is usual; elsewhere it is 0.
    """
    possible = (water > 0) & np.isfinite(air) & np.isfinite(ammonia)
    ratio = np.where(possible, np.log(np.maximum(air, 1e-6) / np.where(water > 0, water, 1.0)), np.nan)
    known = history & possible
    if known.sum() < LEAST_HOURS:
        return np.full(len(air), np.nan)
    middle = float(np.median(ratio[known]))
    usual = 1.4826 * float(np.median(np.abs(ratio[known] - middle)))
    claimed = ammonia <= float(np.median(ammonia[known]))
    fall = np.maximum(middle - ratio, 0.0) / max(usual, 1e-3)
    return np.where(np.isfinite(ratio), np.where(claimed, fall, 0.0), np.nan)


def unexplained_level(target: Floats, given: Sequence[Floats], history: Mask) -> Floats:
    """How far a factor of waste water lies below what the other factors promise (COD from NH3-N and pH, and so on).

    Robust straight-line fit of the target on the given factors over the history; the answer is the negative error in
    usual errors. NaN without enough history or where an input is missing.
    """
    design = np.column_stack([np.ones(len(target)), *given])
    known = history & np.isfinite(target) & np.isfinite(design).all(axis=1)
    if known.sum() < LEAST_HOURS:
        return np.full(len(target), np.nan)
    weight = np.ones(int(known.sum()))
    x, y = design[known], target[known]
    usual, coefficients = 1.0, np.zeros(design.shape[1])
    for _ in range(5):
        gram = x.T @ (x * weight[:, None]) + 1e-9 * np.eye(x.shape[1])
        coefficients = np.linalg.solve(gram, x.T @ (weight * y))
        rest = y - x @ coefficients
        usual = max(1.4826 * float(np.median(np.abs(rest))), 1e-9)
        weight = 1 / np.maximum(1.0, np.abs(rest) / (1.5 * usual))
    return np.asarray((design @ coefficients - target) / usual, dtype=np.float64)


def shortfall(emitted: Floats, used: Floats) -> Floats:
    """Emission against material: how far the share of each day lies below the usual one, as a logarithm.

    `emitted` and `used` (days) hold daily emissions by the instrument and the daily use of a fuel, raw material or water, in
    any unit. A day without emission counts as a thousandth of the usual share, so that it has a logarithm. NaN where
    either is not known.
    """
    known = np.isfinite(emitted) & (used > 0)
    if not known.any():
        return np.full(len(emitted), np.nan)
    share = np.where(known, emitted / np.where(used > 0, used, 1.0), np.nan)
    usual = max(float(np.nanmedian(share)), 1e-12)
    return np.asarray(-np.log(np.maximum(share / usual, LEAST_SHARE)), dtype=np.float64)


def emission_ignores_load(emission: Floats, load: Floats, history: Mask, window: int = 168) -> Floats:
    """Correlation of emission and load lost against the history: usual minus present correlation, by window."""
    known = history & np.isfinite(emission) & np.isfinite(load)
    windows = len(emission) // window
    out = np.full(windows, np.nan)
    if known.sum() < LEAST_HOURS:
        return out
    usual = float(np.corrcoef(emission[known], load[known])[0, 1])
    for w in range(windows):
        part = slice(w * window, (w + 1) * window)
        x, y = emission[part], load[part]
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() < window // 2 or np.std(y[both]) == 0:
            continue
        out[w] = usual - (float(np.corrcoef(x[both], y[both])[0, 1]) if np.std(x[both]) > 0 else 0.0)
    return out


def water_order(cod: Floats, ammonia: Floats, total_nitrogen: Floats, ph: Floats) -> dict[str, Mask]:
    """Hours that break the order of waste-water factors: NH3-N above TN, COD moving without NH3-N ever, pH out of 0-14.

    "COD moves alone" marks days-long stretches (72 h) in which COD changes by more than half while NH3-N keeps one
    value: one of the two is not measured from this water.
    """
    width = 72
    alone = np.zeros(len(cod), bool)
    for begin in range(0, len(cod) - width + 1, width // 3):
        c, n = cod[begin : begin + width], ammonia[begin : begin + width]
        c, n = c[np.isfinite(c)], n[np.isfinite(n)]
        if (
            len(c) >= width // 2
            and len(n) >= width // 2
            and np.ptp(n) == 0
            and np.ptp(c) > 0.5 * np.median(c)
        ):
            alone[begin : begin + width] = True
    return {
        "ammonia_above_total": np.asarray(ammonia > 1.05 * total_nitrogen, dtype=np.bool_),
        "cod_moves_alone": alone,
        "ph_impossible": np.asarray((ph < 0) | (ph > 14), dtype=np.bool_),
    }

"""Process logic: emission against load and material balance, declared stops, dilution, gas and water, COD-NH3-N-pH.

Functions on hourly values of one outlet. What is usual is taken from the clean history of the same outlet; without
one the functions say nothing (NaN). `corroboration` turns the answers into p-values and findings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from qingjian.screening.panel import Floats, Mask

LEAST_HOURS = 240
LEAST_MONTHS = 6
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


def dilution(
    oxygen: Floats, flow: Floats, load: Floats, history: Mask, moisture: Floats | None = None
) -> Floats:
    """How far oxygen and flow together exceed what the load explains, in usual errors (the weaker sign counts).

    Air let in before the sampling point raises both and lowers the concentration; a change of combustion moves oxygen
    alone, a change of load moves both as always. With `moisture`, which the same air lowers, the second strongest of
    the three signs counts. NaN without enough history.
    """
    signs = [beyond_load(oxygen, load, history), beyond_load(flow, load, history)]
    if moisture is not None:
        signs.append(-beyond_load(moisture, load, history))
    return np.asarray(np.sort(np.stack(signs), axis=0)[-2], dtype=np.float64)


def beyond_load(reading: Floats, load: Floats, history: Mask) -> Floats:
    """Reading minus what the load explains (straight line over the history), in usual errors; NaN without history."""
    known = history & np.isfinite(reading) & np.isfinite(load)
    if known.sum() < LEAST_HOURS:
        return np.full(len(reading), np.nan)
    slope, intercept = np.polyfit(load[known], reading[known], 1)
    rest = reading - (slope * load + intercept)
    usual = 1.4826 * float(np.median(np.abs(rest[known] - np.median(rest[known]))))
    return np.asarray(rest / max(usual, 1e-9), dtype=np.float64)


def scrubber_without_water(sulphur: Floats, temperature: Floats, moisture: Floats, history: Mask) -> Floats:
    """Gas and water of a wet scrubber: how far the gas is hotter and drier than ever while low SO2 is reported.

    Gas that went through the spray leaves cool and saturated. The answer (usual errors, the weaker of the two signs)
    counts only in hours whose SO2 is at most what is usual with the scrubber running; elsewhere it is 0.
    """
    known = history & np.isfinite(sulphur) & np.isfinite(temperature) & np.isfinite(moisture)
    if known.sum() < LEAST_HOURS:
        return np.full(len(sulphur), np.nan)
    away = []
    for reading, sign in ((temperature, 1.0), (moisture, -1.0)):
        middle = float(np.median(reading[known]))
        usual = 1.4826 * float(np.median(np.abs(reading[known] - middle)))
        away.append(sign * (reading - middle) / max(usual, 1e-9))
    claimed = sulphur <= float(np.median(sulphur[known]))
    weaker = np.minimum(away[0], away[1])
    return np.where(np.isfinite(weaker), np.where(claimed, np.maximum(weaker, 0.0), 0.0), np.nan)


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


def mist_at_inlet(particles_error: Floats, humidity_error: Floats) -> Floats:
    """Spraying or shielding at an ambient inlet: particles below and humidity above what the surroundings show, at once.

    Both inputs are errors in usual errors (from a context model or against the neighbours). The answer is the weaker
    of the two signs, never below 0. Rain shows at the neighbours too and is therefore in neither error.
    """
    return np.maximum(np.minimum(-particles_error, humidity_error), 0.0)


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


def balance(reported: Floats, computed: Floats, history: Mask) -> Floats:
    """p-value of each month's ratio of reported to computed emission being lower than in the history.

    `reported` and `computed` (days) hold daily emissions, by the instrument and by material or load. Months are runs
    of 30 days; a month is compared with all days of the history by a one-sided rank test. NaN: too few days.
    """
    ratio = np.where(
        (computed > 0) & np.isfinite(reported), reported / np.where(computed > 0, computed, 1), np.nan
    )
    held = ratio[history & np.isfinite(ratio)]
    months = -(-len(ratio) // 30)
    out = np.full(months, np.nan)
    if len(held) < 30 * LEAST_MONTHS // 2:
        return out
    for m in range(months):
        days = ratio[30 * m : 30 * m + 30]
        days = days[np.isfinite(days)]
        if len(days) >= 10:
            out[m] = float(stats.mannwhitneyu(days, held, alternative="less").pvalue)
    return out


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

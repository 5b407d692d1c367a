"""Process logic: emission against load and material balance, declared stops, dilution, gas-water and COD-NH3-N-pH order.

Functions on hourly values of one outlet. What is usual is taken from the clean history of the same outlet; without
one the functions say nothing (NaN).
"""

from __future__ import annotations

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


def dilution(oxygen: Floats, flow: Floats, load: Floats, history: Mask) -> Floats:
    """How far oxygen and flow together exceed what the load explains, in usual errors (smaller of the two).

    Air let in before the sampling point raises both and lowers the concentration; a change of combustion moves oxygen
    alone, a change of load moves both as always. NaN without enough history.
    """
    both = []
    for reading in (oxygen, flow):
        known = history & np.isfinite(reading) & np.isfinite(load)
        if known.sum() < LEAST_HOURS:
            return np.full(len(oxygen), np.nan)
        slope, intercept = np.polyfit(load[known], reading[known], 1)
        rest = reading - (slope * load + intercept)
        usual = 1.4826 * float(np.median(np.abs(rest[known] - np.median(rest[known]))))
        both.append(rest / max(usual, 1e-9))
    return np.asarray(np.minimum(both[0], both[1]), dtype=np.float64)


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

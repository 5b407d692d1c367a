"""Ways of falsifying, and honest trouble: what rehearsals carry out on stretches of a clean history.

Each takes the values of a stretch, a random generator and the scene, and returns new values and, where flags are part of
it, flags. The ways follow the official circumstances; strength runs from barely to plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import FLAG_CALIBRATION, FLAG_FAULT, FLAG_MAINTENANCE, FLAG_NORMAL, Floats

LEAST_VALUES = 4
DIGIT_LIKING = np.array([30, 3, 8, 3, 6, 25, 8, 4, 10, 3]) / 100  # heaping of digits that people write down


@dataclass(frozen=True)
class Scene:
    """What an exercise may use besides the stretch itself."""

    strength: float
    limit: float
    resolution: float
    per_hour: int
    earlier: Floats
    relative: Floats | None
    factor: Floats | None


Change = Callable[[Floats, np.random.Generator, Scene], tuple[Floats, NDArray[np.uint8] | None]]


def _spread(x: Floats) -> float:
    """Standard deviation of the values that are there, never zero; NaN where there are none."""
    return (float(np.nanstd(x)) or 1e-9) if np.isfinite(x).any() else np.nan


def _between(gentle: float, gross: float, strength: float) -> float:
    return gentle + (gross - gentle) * strength


def held_value(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """One value typed in, with or without a little invented scatter."""
    level = np.nanquantile(x, r.uniform(0.05, 0.7))
    scatter = 0.0 if r.random() < 0.4 else _between(0.12, 0.0, s.strength) * _spread(x)
    return level + r.normal(0, scatter + 1e-12, len(x)), None


def lowered_range(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Hard or slightly uneven ceiling."""
    top = np.nanquantile(x, _between(0.93, 0.4, s.strength))
    blur = r.choice([0.0, 0.02]) * _spread(x)
    return np.where(x > top, top - np.abs(r.normal(0, blur + 1e-12, len(x))), x), None


def shaved_peaks(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Peaks reduced to a part of their height above a threshold."""
    top = np.nanquantile(x, r.uniform(0.4, 0.8))
    return np.where(x > top, top + (x - top) * _between(0.6, 0.1, s.strength), x), None


def under_limit(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Values above the limit, or a share of them, replaced by values just below it."""
    limit = s.limit if np.isfinite(s.limit) else float(np.nanquantile(x, r.uniform(0.6, 0.9)))
    reach = limit * r.choice([1.4, 2.0, 1e6])
    moved = (x > limit) & (x < reach) & (r.random(len(x)) < _between(0.5, 1.0, s.strength))
    margin, scatter = r.uniform(0, 0.08), r.choice([0.0, 0.02, 0.05, 0.08])
    return np.where(moved, limit * (1 - margin - scatter * np.abs(r.normal(size=len(x)))), x), None


def slope(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Slope parameter, dilution: all values times a factor."""
    return x * (_between(0.9, 0.3, s.strength) + r.uniform(-0.03, 0.03)), None


def intercept(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Intercept lowered."""
    return x - _between(0.2, 1.4, s.strength) * _spread(x), None


def compressed(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Swings reduced around a low level."""
    centre = np.nanquantile(x, r.uniform(0.2, 0.5))
    return centre + (x - centre) * _between(0.75, 0.2, s.strength), None


def damped(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Damping: running mean or exponential mean over two to twenty hours."""
    width = min(max(2, round(_between(2, 18, s.strength) * s.per_hour)), len(x))
    known = np.isfinite(x)
    filled = np.where(known, x, np.nanmean(x))
    if r.random() < 0.6:
        kernel = np.ones(width)
        weight = np.convolve(known.astype(float), kernel, "same")
        return np.convolve(np.where(known, x, 0), kernel, "same") / np.maximum(weight, 1), None
    out, keep = filled.copy(), 2 / (width + 1)
    for i in range(1, len(out)):
        out[i] = out[i - 1] + keep * (filled[i] - out[i - 1])
    return out, None


def interpolated(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Straight lines between few kept values."""
    every = max(2, round(_between(3, 12, s.strength) * s.per_hour))
    kept = np.arange(0, len(x), every)
    kept = kept[np.isfinite(x[kept])]
    return (np.interp(np.arange(len(x)), kept, x[kept]) if len(kept) > 1 else x), None


def _disguised(y: Floats, r: np.random.Generator, s: Scene) -> Floats:
    """A pasted stretch, rescaled and with noise when done with care."""
    care = 1 - s.strength
    if r.random() < 0.25:
        care = 0.0
    return y * (1 + r.uniform(-0.12, 0.12) * care) + r.normal(0, 0.07 * care * _spread(y) + 1e-12, len(y))


def replayed(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """An earlier stretch of the same series."""
    day = 24 * s.per_hour
    furthest = (len(s.earlier) - len(x)) // day
    if furthest < 1:
        return x, None
    back = int(r.integers(0, furthest))
    begin = len(s.earlier) - len(x) - back * day
    begin -= (begin - len(s.earlier)) % day if r.random() < 0.9 else 0
    return (x, None) if begin < 0 else (_disguised(s.earlier[begin : begin + len(x)], r, s), None)


def borrowed(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """The series of a related station."""
    return (x, None) if s.relative is None else (_disguised(s.relative, r, s), None)


def derived(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Computed from another factor of the station and scaled to the usual level."""
    if s.factor is None or not np.isfinite(s.factor).any():
        return x, None
    unit = (s.factor - np.nanmean(s.factor)) / _spread(s.factor)
    return _disguised(
        np.nanmean(x) * r.uniform(0.7, 1.0) + unit * _spread(x) * r.uniform(0.4, 1.0), r, s
    ), None


def day_again(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """The last day, or a few hours, sent again and again."""
    length = int(r.choice([6, 12, 24, 24, 48])) * s.per_hour
    if len(s.earlier) < length:
        return x, None
    once = s.earlier[-length:]
    return _disguised(np.resize(once, len(x)), r, s), None


def typical_day(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """A mean daily course of the weeks before, with a little scatter."""
    day = 24 * s.per_hour
    back = int(r.integers(3, 30)) * day
    if len(s.earlier) < back:
        return x, None
    table = s.earlier[len(s.earlier) - back :].reshape(-1, day)
    known = np.isfinite(table)
    course = np.where(known.any(axis=0), np.nansum(table, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)
    scatter = r.choice([0.0, 0.05, 0.15]) * _spread(x)
    return np.resize(course, len(x)) + r.normal(0, scatter + 1e-12, len(x)), None


def held_blocks(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Every value held for some hours, as if the analyser measured less often."""
    every = max(2, round(_between(2, 8, s.strength) * s.per_hour))
    return x[(np.arange(len(x)) // every) * every], None


def modelled(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Computed by a soft sensor: what another factor or a related station lets expect, with some of the usual scatter."""
    given = s.factor if s.relative is None or (s.factor is not None and r.random() < 0.6) else s.relative
    if given is None:
        return x, None
    both = np.isfinite(x) & np.isfinite(given)
    if both.sum() < LEAST_VALUES or not np.std(given[both]) > 0:
        return x, None
    rise, level = np.polyfit(given[both], x[both], 1)
    scatter = r.choice((x - rise * given - level)[both], len(x)) * _between(0.9, 0.0, s.strength)
    return (rise * given + level) * r.uniform(0.75, 1.0) + scatter, None


def bridged(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """High stretches replaced by straight lines, or by the last value before them."""
    known = np.isfinite(x)
    low = known & (x <= np.nanquantile(x, _between(0.9, 0.55, s.strength)))
    if low.sum() < 2:
        return x, None
    at = np.arange(len(x))
    if r.random() < 0.6:
        return np.where(known & ~low, np.interp(at, at[low], x[low]), x), None
    before = np.maximum.accumulate(np.where(low, at, -1))
    return np.where(known & ~low & (before >= 0), x[np.maximum(before, 0)], x), None


def slowed(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Every step limited, as by a filter against fast changes."""
    step = np.abs(np.diff(x))
    usual = float(np.nanmean(step)) if np.isfinite(step).any() else 0.0
    most = usual * _between(1.2, 0.2, s.strength)
    y = x.copy()
    for i in range(1, len(y)):
        if np.isfinite(y[i]) and np.isfinite(y[i - 1]):
            y[i] = min(max(y[i], y[i - 1] - most), y[i - 1] + most)
    return y, None


def rounded(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Rounded far coarser than the instrument reports, sometimes always downwards."""
    step = _spread(x) * _between(0.25, 1.3, s.strength)
    return (np.round if r.random() < 0.6 else np.floor)(x / step) * step, None


def blended(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Drawn towards a related station or towards the own mean, sometimes only where that is lower."""
    other = np.full(len(x), np.nanmean(x)) if s.relative is None or r.random() < 0.3 else s.relative
    if r.random() < 0.25:
        other = np.fmin(other, x)
    weight = _between(0.35, 0.9, s.strength)
    return np.where(np.isfinite(other), (1 - weight) * x + weight * other, x), None


def invented(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Made up: wandering values around a low mean, with or without a daily wave."""
    memory = r.uniform(0.0, 0.97) ** (1 / s.per_hour)
    z, shock = np.zeros(len(x)), r.normal(size=len(x))
    z[0] = shock[0]
    for i in range(1, len(x)):
        z[i] = memory * z[i - 1] + np.sqrt(1 - memory**2) * shock[i]
    if r.random() < 0.4:
        z = 0.6 * z + 0.8 * np.sin(np.arange(len(x)) / (24 * s.per_hour) * 2 * np.pi + r.uniform(0, 6))
    return np.nanmean(x) * _between(1.0, 0.5, s.strength) + _spread(x) * _between(
        1.0, 0.2, s.strength
    ) * z, None


def reordered(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """The right values at the wrong times: shuffled within spans, turned round, shifted, or whole days exchanged."""
    kind = r.random()
    if kind < 0.15:
        return x[::-1].copy(), None
    if kind < 0.35:
        return np.roll(x, int(r.integers(3, 13)) * s.per_hour), None
    day = 24 * s.per_hour
    if kind < 0.45 and len(x) >= 2 * day:
        whole = len(x) // day
        order = r.permutation(whole)
        return np.r_[x[: whole * day].reshape(whole, day)[order].ravel(), x[whole * day :]], None
    span = max(3, round(float(np.exp(r.uniform(np.log(4), np.log(120)))) * s.per_hour))
    if kind > 0.85:
        span = len(x)
    out = x.copy()
    for a in range(0, len(x), span):
        out[a : a + span] = r.permutation(out[a : a + span])
    return out, None


def typed_digits(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Last digits as people invent or round them: a few favourites, mostly with 0 and 5 and even digits among them."""
    liking = DIGIT_LIKING if r.random() < 0.6 else None
    favourites = r.choice(10, int(r.integers(1, 6)), replace=False, p=liking)
    moved = (r.random(len(x)) < _between(0.35, 1.0, s.strength)) & np.isfinite(x)
    units = np.where(np.isfinite(x), np.round(x / s.resolution), 0)
    weights = r.dirichlet(np.full(len(favourites), 3.0))
    typed = np.floor(units / 10) * 10 + r.choice(favourites, len(x), p=weights)
    return np.where(moved, typed * s.resolution, x), None


def called_calibration(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, NDArray[np.uint8]]:
    """Calibration, maintenance or breakdown declared while the level is high."""
    high = x > np.nanquantile(x, _between(0.96, 0.75, s.strength))
    flag = int(r.choice([FLAG_CALIBRATION, FLAG_CALIBRATION, FLAG_MAINTENANCE, FLAG_FAULT]))
    value = np.nan if flag == FLAG_MAINTENANCE else np.nanmin(x) * 0.3
    return np.where(high, value, x), np.where(high, flag, FLAG_NORMAL).astype(np.uint8)


def lost_when_high(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Most of the high values lost: of the whole stretch, or of every day."""
    day = 24 * s.per_hour
    if r.random() < 0.3 and len(x) >= day:
        share, y = _between(0.08, 0.45, s.strength), x.copy()
        for a in range(0, len(x), day):
            part = y[a : a + day]
            if np.isfinite(part).any():
                part[part > np.nanquantile(part, 1 - share)] = np.nan
        return y, None
    high = (x > np.nanquantile(x, _between(0.92, 0.55, s.strength))) & (r.random(len(x)) < r.uniform(0.7, 1))
    return np.where(high, np.nan, x), None


def mist(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Repeated short reductions with slow recovery (spraying, shielding, purging of the inlet)."""
    depth, k = _between(0.12, 0.6, s.strength), s.per_hour
    shape = depth * np.repeat(np.exp(-np.arange(6) / r.uniform(1.0, 3.0)), k)
    drop = np.zeros(len(x))
    waking = r.random() < 0.6  # mostly somebody does it while at work
    hours = r.choice(np.arange(6, 22) if waking else 24, int(r.integers(4, 13)), replace=False)
    share = r.uniform(0.3, 0.8)
    for a in range(0, len(x), k):
        if (a // k) % 24 in hours and r.random() < share:
            drop[a : a + len(shape)] = np.maximum(drop[a : a + len(shape)], shape[: len(drop[a:])])
    return x * (1 - drop), None


def spikes(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault: single readings far too high, sometimes too low as well."""
    at = r.random(len(x)) < r.uniform(0.02, 0.12)
    side = np.where(r.random(len(x)) < r.choice([0.0, 0.0, 0.4]), -1.0, 1.0)
    size = side * _spread(x) * _between(2, 12, s.strength) * r.uniform(0.5, 1.2, len(x))
    return np.where(at, x + size, x), None


def drift(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault: slow drift up or down, or slow loss of sensitivity."""
    course = np.linspace(0, 1, len(x)) ** r.choice([1.0, 1.0, 0.5, 2.0])
    if r.random() < 0.2:
        return x * (1 - _between(0.15, 0.7, s.strength) * course), None
    end = r.choice([-1.0, 1.0]) * _between(0.5, 2.6, s.strength) * _spread(x)
    return x + end * course, None


def noisy(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault: noisy electronics."""
    return x + r.normal(0, _between(0.2, 1.6, s.strength) * _spread(x), len(x)), None


def dropout(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault: values lost at any level, singly or in blocks."""
    share = _between(0.2, 1.0, s.strength)
    if r.random() < 0.5:
        return np.where(r.random(len(x)) < share, np.nan, x), None
    block = max(1, int(r.integers(1, 12)) * s.per_hour)
    lost = np.repeat(r.random(len(x) // block + 1) < share, block)[: len(x)]
    return np.where(lost, np.nan, x), None


def declared_breakdown(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, NDArray[np.uint8]]:
    """Fault: breakdown or maintenance declared for the whole time."""
    flag = int(r.choice([FLAG_MAINTENANCE, FLAG_FAULT]))
    y = np.full(len(x), np.nan)
    if flag == FLAG_FAULT:
        y = np.nanquantile(x, 0.1) + r.normal(0, 0.02 * _spread(x) + 1e-12, len(x))
    return y, np.full(len(x), flag, np.uint8)


def station_stuck(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault of the whole station: the acquisition repeats the last values, for all factors at once."""
    known = x[np.isfinite(x)]
    return np.full(len(x), known[0] if len(known) else np.nan), None


def station_upset(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault of the whole station: out of the water, power or line trouble - level, unrest and losses at once."""
    level = np.nanmean(x) + r.choice([-1.0, 1.0]) * _between(0.5, 4, s.strength) * _spread(x)
    y = level + (x - np.nanmean(x)) * r.uniform(0, 1.5) + r.normal(0, r.uniform(0, 1.0) * _spread(x), len(x))
    return np.where(r.random(len(x)) < r.uniform(0, 0.5), np.nan, y), None


def station_mixed(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault of the whole station: the same trouble shows in every factor in another way, or not at all."""
    way = r.random()
    if way < 0.25:
        return x, None
    if way < 0.45:
        return station_stuck(x, r, s)
    if way < 0.6:
        held = np.arange(len(x)) // max(1, int(r.integers(2, 20)) * s.per_hour)
        return x[np.searchsorted(held, held, "left")], None
    if way < 0.75:
        return station_upset(x, r, s)
    return (spikes if way < 0.85 else noisy if way < 0.93 else dropout)(x, r, s)[0], None


def mixed_channel(x: Floats, r: np.random.Generator, s: Scene) -> tuple[Floats, None]:
    """Fault: the channel carries the raw values of another factor."""
    return (x, None) if s.factor is None else (s.factor.copy(), None)


TAMPERING: dict[str, Change] = {
    "constant": held_value,
    "range_cap": lowered_range,
    "shaved_peaks": shaved_peaks,
    "clip_limit": under_limit,
    "scale": slope,
    "offset": intercept,
    "compressed": compressed,
    "smooth": damped,
    "interpolated": interpolated,
    "copy_period": replayed,
    "copy_neighbour": borrowed,
    "copy_factor": derived,
    "copy_day": day_again,
    "typical_day": typical_day,
    "held_blocks": held_blocks,
    "blended": blended,
    "modelled": modelled,
    "bridged": bridged,
    "slowed": slowed,
    "rounded": rounded,
    "fabricate": invented,
    "decouple": reordered,
    "last_digit": typed_digits,
    "calib_at_exceed": called_calibration,
    "missing_high": lost_when_high,
    "spray": mist,
}
TROUBLE: dict[str, Change] = {
    "spikes": spikes,
    "drift": drift,
    "noise": noisy,
    "dropout": dropout,
    "declared": declared_breakdown,
    "mixed_channel": mixed_channel,
    "station_stuck": station_stuck,
    "station_upset": station_upset,
    "station_mixed": station_mixed,
}
WHOLE_STATION = frozenset({"station_stuck", "station_upset", "station_mixed"})
REPLACING = frozenset(
    {
        "constant",
        "copy_period",
        "copy_neighbour",
        "copy_factor",
        "copy_day",
        "typical_day",
        "fabricate",
        "interpolated",
        "modelled",
        "declared",
        "mixed_channel",
    }
)
PARTLY = frozenset(
    {
        "scale",
        "offset",
        "compressed",
        "shaved_peaks",
        "range_cap",
        "smooth",
        "blended",
        "last_digit",
        "spray",
        "bridged",
        "rounded",
    }
)
ON_TOP = ("scale", "offset", "compressed", "smooth", "rounded", "range_cap", "last_digit")
KINDS: tuple[str, ...] = (*TAMPERING, *TROUBLE)
FAMILIES: tuple[tuple[str, ...], ...] = (
    ("constant", "held_blocks"),
    ("range_cap", "shaved_peaks", "bridged"),
    ("clip_limit",),
    ("scale", "offset", "compressed"),
    ("smooth", "interpolated", "slowed"),
    ("copy_period", "copy_neighbour", "copy_factor", "copy_day", "typical_day"),
    ("modelled", "blended"),
    ("fabricate",),
    ("decouple",),
    ("last_digit", "rounded"),
    ("calib_at_exceed", "missing_high"),
    ("spray",),
    ("spikes", "noise"),
    ("drift",),
    ("dropout", "declared"),
    ("mixed_channel", "station_stuck", "station_upset", "station_mixed"),
)  # what leaves the same kind of trace; tampering first
TAMPERING_FAMILIES = sum(family[0] in TAMPERING for family in FAMILIES)
FAMILY_OF_KIND = np.array([next(i for i, family in enumerate(FAMILIES) if kind in family) for kind in KINDS])

"""Rehearsal: staged tampering and staged instrument trouble in a copy of the clean history.

Nobody publishes labelled falsifications, so the weights with which tests are combined are learned from
exercises: the ways of falsifying named in the official circumstances are carried out on the series' own clean
past with random strength, length and place. Nothing of the screened period enters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qingjian.screening.panel import FLAG_EMPTY, FLAG_NORMAL, Flags, Floats
from qingjian.screening.record import Record
from qingjian.screening.ways import (
    KINDS,
    LEAST_VALUES,
    ON_TOP,
    PARTLY,
    REPLACING,
    TAMPERING,
    TROUBLE,
    WHOLE_STATION,
    Scene,
)

LEAST_CHANGED_HOURS = 3.0
SHORTEST_HOURS, LONGEST_HOURS = 10, 24 * 40
LONGEST_STATION_HOURS = 24 * 8
SHORTEST_CAMPAIGN_HOURS = 24 * 5
# At an inlet of both particle factors mist is carried on for days and weeks: one day of it moves nothing that matters. On
# other records the same dips are a probe that is purged, for hours or days.
CAMPAIGNS = frozenset({"spray"})
LEAST_DAYS, LEAST_DAYS_OF_FEW = (
    30,
    10,
)  # of a series that is rehearsed; of one in a record of less than two months
MOST_SHARE = 0.3
LEAST_FACTORS = 3  # of a station: with fewer, trouble in some of them is not told from one falsified factor
LEAST_SHARE_OF_DAY = 0.5  # of the hours a series usually has
AT_TIMES = 0.25  # share of the exercises only carried out at some hours, at high levels, or setting in slowly
TWICE = 0.08  # share of the ways that are followed by another one on the same values
CLEAN, UNCLEAR = -1, -2


@dataclass(frozen=True)
class Rehearsal:
    """A staged record: `kind` (stations, parameters, days) is CLEAN, UNCLEAR or the position in KINDS."""

    record: Record
    kind: NDArray[np.int64]


def stage(
    record: Record,
    seed: int,
    share: float,
    kinds: tuple[str, ...] = KINDS,
    together: dict[int, int] | None = None,
    trouble_share: float = 0.25,
) -> Rehearsal:
    """Stage exercises in a record that holds only history, until about `share` of the series-days are changed.

    `together` maps a parameter to one that is changed in the same way: mist at an inlet takes both particle factors
    and, where a record has them, nothing else. Of two kinds drawn the one carried out less often so far is taken, so
    that kinds which need a limit or many values are rehearsed as often as the others.
    """
    r = np.random.default_rng(seed)
    values, flags = record.values.copy(), record.flags.copy()
    kind = np.full((len(record.stations), len(record.parameters), record.days), CLEAN, np.int64)
    busy = np.zeros(kind.shape, bool)
    hours = np.isfinite(record.hourly).reshape(*kind.shape, 24).sum(axis=3)
    usual = usual_hours(hours)
    held = (hours > 0) & (hours >= LEAST_SHARE_OF_DAY * usual[:, :, None])
    least = LEAST_DAYS if record.days >= 2 * LEAST_DAYS else LEAST_DAYS_OF_FEW
    series = [
        (s, p) for s in range(len(record.stations)) for p in record.measured() if held[s, p].sum() >= least
    ]
    room = {(s, p): MOST_SHARE * held[s, p].sum() for s, p in series}
    tampering = [k for k in kinds if k in TAMPERING]
    trouble = [k for k in kinds if k in TROUBLE]
    carried_out = dict.fromkeys(kinds, 0.0)
    wanted, done = share * sum(float(held[key].sum()) for key in series), 0.0
    for _ in range(int(10 * wanted) + 200 if series else 0):
        if done >= wanted:
            break
        s, p = series[int(r.integers(len(series)))]
        length = int(np.exp(r.uniform(np.log(SHORTEST_HOURS), np.log(LONGEST_HOURS))))
        pool = trouble if trouble and (not tampering or r.random() < trouble_share) else tampering
        name = min((pool[int(r.integers(len(pool)))] for _ in range(2)), key=lambda kind: carried_out[kind])
        if name in WHOLE_STATION and r.random() < 0.7:
            continue
        if name in CAMPAIGNS and together:
            length = int(np.exp(r.uniform(np.log(SHORTEST_CAMPAIGN_HOURS), np.log(LONGEST_HOURS))))
        if name == "spray" and together and p not in together:
            inlets = [key for key in series if key[1] in together]
            s, p = inlets[int(r.integers(len(inlets)))] if inlets else (s, p)
        strength = float(r.random())
        days_held = np.flatnonzero(held[s, p])
        begin = int(days_held[int(r.integers(len(days_held)))]) * 24 + int(r.integers(24))
        targets = [p]
        if name == "spray" and together and p in together:
            targets.append(together[p])
        if name in WHOLE_STATION:
            length = min(length, LONGEST_STATION_HOURS)
            targets = [q for t, q in series if t == s]
            if name == "station_mixed" and len(targets) < LEAST_FACTORS:
                continue
        first, last = begin // 24, min((begin + length - 1) // 24, record.days - 1)
        around = slice(max(first - 2, 0), last + 3)
        if any((s, q) not in room or busy[s, q, around].any() or room[s, q] < last - first for q in targets):
            continue
        shared_seed = int(r.integers(2**62))
        for q in targets:
            own = np.random.default_rng(shared_seed + (q if name == "station_mixed" else 0))
            changed = _carry_out(
                record, values, flags, (s, q), begin, length, name, strength, own, float(usual[s, q]) / 24
            )
            if changed is None:
                continue
            share_of_day = changed.reshape(record.days, -1).mean(axis=1) * 24
            carried_out[name] += 1 / len(targets)
            busy[s, q, first : last + 1] = True
            room[s, q] -= last - first + 1
            kind[s, q][share_of_day > 0] = UNCLEAR
            enough = share_of_day >= LEAST_CHANGED_HOURS * float(usual[s, q]) / 24
            kind[s, q][enough] = KINDS.index(name)
            done += float(enough.sum()) / len(targets)
    return Rehearsal(record.with_values(values, flags), kind)


def usual_hours(hours: NDArray[np.int64]) -> Floats:
    """Hours with a value on a usual day of each series, from the counts (stations, parameters, days) of its days with any."""
    known = np.where(hours > 0, hours, np.nan)
    empty = (hours == 0).all(axis=2)
    known[empty] = 0.0
    return np.asarray(np.nanmedian(known, axis=2), dtype=np.float64)


def _at_times(x: Floats, y: Floats, r: np.random.Generator, begin: int, per_hour: int) -> Floats:
    """A change carried out only at some hours of the day, only at high levels, or setting in slowly."""
    way = r.random()
    if way < 0.4:
        hour = (begin + np.arange(len(x)) // per_hour) % 24
        return np.where((hour - int(r.integers(24))) % 24 < int(r.integers(6, 15)), y, x)
    if way < 0.7:
        return np.where(x > np.nanquantile(x, r.uniform(0.3, 0.7)), y, x)
    return x + (y - x) * np.minimum(np.linspace(0, r.uniform(1, 3), len(x)), 1)


def _carry_out(
    record: Record,
    values: Floats,
    flags: Flags,
    series: tuple[int, int],
    begin: int,
    hours: int,
    name: str,
    strength: float,
    r: np.random.Generator,
    usual_share: float,
) -> NDArray[np.bool_] | None:
    """Change one stretch in place; returns the mask of changed values, or None when there was no effect.

    `usual_share` is which share of the hours usually has a value.
    """
    s, p = series
    k = record.per_day // 24
    a, b = begin * k, min((begin + hours) * k, record.days * record.per_day)
    plain = flags[s, p, a:b] <= FLAG_NORMAL
    x = np.where(plain, values[s, p, a:b], np.nan)
    if (
        np.isfinite(x).mean() < 0.7 * usual_share
        or np.isfinite(x).sum() < LEAST_VALUES
        or not np.nanstd(x) > 0
    ):
        return None
    resolution = record.parameters[p].resolution
    if name == "last_digit" and resolution <= 0:
        return None
    half = 0.5 * usual_share
    relatives = [t for t in record.relatives(s) if np.isfinite(record.values[t, p, a:b]).mean() > half]
    factors = [q for q in record.measured() if q != p and np.isfinite(record.values[s, q, a:b]).mean() > half]
    scene = Scene(
        strength,
        record.parameters[p].limit,
        resolution,
        k,
        np.where(record.flags[s, p, :a] <= FLAG_NORMAL, record.values[s, p, :a], np.nan)[
            -400 * record.per_day :
        ],
        record.values[relatives[int(r.integers(len(relatives)))], p, a:b] if relatives else None,
        record.values[s, factors[int(r.integers(len(factors)))], a:b] if factors else None,
    )
    y, flag = (TAMPERING | TROUBLE)[name](x.copy(), r, scene)
    if name in TAMPERING and flag is None and r.random() < TWICE and np.isfinite(y).sum() >= LEAST_VALUES:
        y = TAMPERING[str(r.choice(ON_TOP if resolution > 0 else ON_TOP[:-1]))](
            y, r, replace(scene, strength=float(r.random()))
        )[0]
    if name in PARTLY and r.random() < AT_TIMES:
        y = _at_times(x, y, r, begin, k)
    if resolution > 0:
        y = np.round(np.round(y / resolution) * resolution, 10)
    y = np.maximum(y, min(0.0, float(np.nanmin(x))))
    if name not in REPLACING:
        y = np.where(np.isnan(x), np.nan, y)
    changed = plain & ~((y == x) | (np.isnan(y) & np.isnan(x)))
    if flag is not None:
        changed |= plain & (flag != FLAG_NORMAL)
    if changed.mean() < 0.03:
        return None
    new = np.where(np.isfinite(y), FLAG_NORMAL, FLAG_EMPTY) if flag is None else flag
    values[s, p, a:b] = np.where(plain, y, values[s, p, a:b])
    flags[s, p, a:b] = np.where(plain, new, flags[s, p, a:b])
    mask = np.zeros(record.days * record.per_day, bool)
    mask[a:b] = changed
    return mask

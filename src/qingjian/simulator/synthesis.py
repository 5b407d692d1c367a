"""Simulated signals: deterministic functions of a name and a time, so that a device restarted, asked for history or
run a second time tells the same story.

A signal is base + the day's course + slow wandering + quick scatter. Wandering and scatter are smoothed hash noise:
a hash gives each lattice point of time a number in [-1, 1], and a smooth step joins neighbours. Nothing here is
a model of a plant; the values only have to look alive and stay marked as simulated.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Signal:
    """Shape of one simulated factor, in the unit of its series."""

    base: float
    daily: float
    slow: float
    quick: float
    least: float


def lattice(key: int, index: Integers) -> Floats:
    """Hash (key, integer) to [-1, 1): SplitMix64, vectorised."""
    with np.errstate(over="ignore"):
        x = index.astype(np.uint64) + np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    scaled: Floats = (x >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0
    return scaled


def noise(key: int, seconds: Integers, period: int) -> Floats:
    """Return smooth noise in [-1, 1] whose lattice has `period` seconds."""
    cell = seconds // period
    share = (seconds - cell * period) / period
    weight = share * share * (3.0 - 2.0 * share)
    left, right = lattice(key, cell), lattice(key, cell + 1)
    blended: Floats = left + (right - left) * weight
    return blended


def key_of(name: str) -> int:
    """Return a stable 32-bit number for a name."""
    return zlib.crc32(name.encode())


def instants(signal: Signal, name: str, seconds: Integers) -> Floats:
    """Return the signal at UTC seconds since 1970, unrounded."""
    key = key_of(name)
    hours = ((seconds + 8 * 3600) % 86400) / 3600.0
    course = (
        np.sin((hours - 4.0) / 24.0 * 2.0 * np.pi) * 0.7 + np.sin((hours - 1.0) / 12.0 * 2.0 * np.pi) * 0.3
    )
    wander = 0.6 * noise(key, seconds, 7 * 3600) + 0.4 * noise(key + 1, seconds, 53 * 3600)
    scatter = 0.6 * noise(key + 2, seconds, 60) + 0.4 * noise(key + 3, seconds, 11)
    value = signal.base + signal.daily * course + signal.slow * wander + signal.quick * scatter
    clipped: Floats = np.maximum(value, signal.least)
    return clipped


def means(
    signal: Signal, name: str, starts: Integers, length: int, samples: int
) -> tuple[Floats, Floats, Floats]:
    """Return mean, least and greatest of `samples` evenly spaced instants in each period of `length` seconds."""
    offsets = (np.arange(samples, dtype=np.int64) * length) // samples
    grid = starts[:, None] + offsets[None, :]
    values = instants(signal, name, grid.ravel()).reshape(grid.shape)
    return values.mean(axis=1), values.min(axis=1), values.max(axis=1)


def seconds_of(moment: datetime) -> int:
    """Return whole UTC seconds since 1970 of an aware moment."""
    if moment.tzinfo is None:
        raise ValueError("the moment needs a zone")
    return int(moment.timestamp())

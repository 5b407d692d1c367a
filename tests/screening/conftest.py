"""Small constructed series and networks; nothing here comes from a test panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qingjian.screening.panel import FLAG_NORMAL, Panel, Parameter, Station
from qingjian.screening.series import SeriesDays

DAYS = 80


def weather(days: int, seed: int) -> np.ndarray:
    """Slow weather with a daily wave, hourly, around 60."""
    r = np.random.default_rng(seed)
    z = np.zeros(days * 24)
    for i in range(1, len(z)):
        z[i] = 0.97 * z[i - 1] + 0.24 * r.normal()
    return 60 + 14 * z + 8 * np.sin(np.arange(len(z)) / 24 * 2 * np.pi)


def build_series(seed: int = 1, days: int = DAYS, noise: float = 3.0, **changes: Any) -> SeriesDays:
    """A series that follows its expectation with some noise; `changes` replace fields."""
    r = np.random.default_rng(seed)
    expected = weather(days, seed).reshape(days, 24)
    values = np.round(expected + r.normal(0, noise, expected.shape))
    values = np.asarray(changes.pop("values", values), float)
    flags = changes.pop("flags", np.full(values.shape, FLAG_NORMAL, np.uint8))
    hourly = values.reshape(days, 24, -1).mean(axis=2)
    fields: dict[str, Any] = {
        "values": values,
        "flags": flags,
        "fine": values,
        "hourly": hourly,
        "shaped": hourly,
        "expected": expected,
        "spread": np.full(expected.shape, noise),
        "history": np.ones(days, bool),
        "resolution": 1.0,
        "limit": float("nan"),
        "shaped_limit": np.full(3, np.nan),
    }
    return SeriesDays(**(fields | changes))


@pytest.fixture(scope="session")
def make_series() -> Callable[..., SeriesDays]:
    """Builder of one series."""
    return build_series


def build_network(days: int, seed: int = 5, stations: int = 4, first_day: int = 16_000) -> Panel:
    """Stations that share the weather, two factors each, and a context column (wind)."""
    r = np.random.default_rng(seed)
    sky = weather(days, seed)
    wind = np.abs(r.normal(3, 1, days * 24))
    values = np.full((stations, 3, days * 24), np.nan)
    for s in range(stations):
        own = np.random.default_rng(seed * 100 + s)
        level = np.zeros(days * 24)
        for i in range(1, len(level)):
            level[i] = 0.9 * level[i - 1] + own.normal(0, 1.2)
        dust = sky * (0.9 + 0.1 * s) - 2 * wind + level + own.normal(0, 2, len(sky))
        values[s, 0] = np.round(np.maximum(dust, 2))
        values[s, 1] = np.round(np.maximum(0.5 * dust + own.normal(0, 3, len(sky)) + 10, 1))
        values[s, 2] = np.round(wind + own.normal(0, 0.2, len(sky)), 1)
    return Panel(
        tuple(Station(f"s{s}", medium="air", parent="town") for s in range(stations)),
        (
            Parameter("DUST", resolution=1.0, limit=75.0),
            Parameter("NO2", resolution=1.0),
            Parameter("WIND", resolution=0.1, role="context"),
        ),
        first_day * 1440,
        60,
        values,
        np.full(values.shape, FLAG_NORMAL, np.uint8),
    )


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Panel]:
    """Builder of a small network."""
    return build_network


@pytest.fixture(scope="session")
def three_factors() -> tuple[Panel, Panel]:
    """History and panel of stations whose factors all have a course of the day."""
    r = np.random.default_rng(3)
    hours = np.arange((200 + 60) * 24)
    values = np.zeros((3, 3, len(hours)))
    for p, (height, level) in enumerate(((10, 60), (8, 30), (6, 20))):
        sky = height * np.sin(hours % 24 / 24 * 2 * np.pi + p) + np.repeat(
            r.normal(0, 3, len(hours) // 48), 48
        )
        for s in range(3):
            values[s, p] = np.round(np.maximum(level + sky + r.normal(0, 3, len(hours)), 1), 1)
    panel = Panel(
        tuple(Station(f"s{i}", medium="air", parent="town") for i in range(3)),
        tuple(Parameter(code, resolution=0.1) for code in ("O3", "NO2", "CO")),
        16_000 * 1440,
        60,
        values,
        np.full(values.shape, FLAG_NORMAL, np.uint8),
    )
    return panel.until(panel.first_day + 199), panel.since(60)

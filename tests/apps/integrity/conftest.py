"""The people of the tests of work, hours of two points in a lake, and findings as screening makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tests.apps.matters.conftest import office  # noqa: F401 - fixture
from tests.apps.observing.conftest import put  # noqa: F401 - fixture

from qingjian.apps.integrity import screener
from qingjian.apps.integrity.panels import day_number, midnight
from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue
from qingjian.screening.findings import Evidence, Finding
from qingjian.screening.screen import DayScore, MonthScore, Screening

UNTIL = date(2026, 11, 20)
"""The last day that is over when the tests' clock stands at 2026-11-21."""


@pytest.fixture
def hours(office, put) -> Callable[..., None]:  # noqa: F811 - fixtures
    """Return hours(code, first, last, shape): store an hour value for every hour, `shape(day, hour)` or a wave."""

    def store(
        code: str, first: date, last: date, shape: Callable[[int, int], float | None] | None = None
    ) -> None:
        series = Series.objects.get(code=code)
        noise = np.random.default_rng(7).normal(0, 3, 24 * ((last - first).days + 1))
        rows = []
        for k in range((last - first).days + 1):
            for hour in range(24):
                wave = 40 + 12 * np.sin(hour / 24 * 6.283) + 8 * np.sin(k / 9) + noise[24 * k + hour]
                value = round(float(wave), 1) if shape is None else shape(k, hour)
                if value is not None:
                    rows.append((midnight(first) + timedelta(days=k, hours=hour), value, "N"))
        put(series, "hour", rows)

    return store


def found(
    code: str = "W1",
    factor: str = "waste_water.w01018",
    first: date = date(2026, 11, 10),
    last: date = date(2026, 11, 12),
    *,
    kind: str = "constant",
    score: float = 0.999,
    fault: float = 0.2,
    confidence: str = "normal",
    other: str = "",
) -> Finding:
    """Return a finding as screening makes it."""
    return Finding(
        code,
        factor,
        day_number(first),
        day_number(last),
        score,
        fault,
        kind,
        (
            Evidence("constants.run", 0.0005, day_number(first)),
            Evidence("smoothing.rough.3", 0.004, day_number(last)),
        ),
        confidence,
        other,
    )


@dataclass
class Said:
    """What a made-up screening says; tests change it between runs."""

    findings: list[Finding] = field(default_factory=list)
    days: list[DayScore] = field(default_factory=list)
    months: list[MonthScore] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@pytest.fixture
def said(hours, lay_out, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Sixty days of two series, and a screening that says what the test tells it: learning is tested elsewhere."""

    def store() -> None:
        for code in ("A1.a34004", "W1.w01018"):
            hours(code, UNTIL - timedelta(days=59), UNTIL)

    lay_out("sixty-days", store)
    words = Said()
    monkeypatch.setattr(screener, "learn_history", lambda history, days: None)

    def answer(panel: Any, learned: Any, settings: Any) -> Screening:
        own = {one.code for one in panel.stations}
        return Screening(
            tuple(one for one in words.days if one.station in own),
            tuple(one for one in words.months if one.station in own),
            tuple(one for one in words.findings if one.station in own),
            tuple(words.notes),
        )

    monkeypatch.setattr(screener, "screen", answer)
    return words


@pytest.fixture
def screened(said: Said) -> Callable[..., list[Clue]]:
    """Return screened(*findings): run the job with these findings and return the clues, newest first."""

    def run(*findings: Finding) -> list[Clue]:
        said.findings = list(findings)
        screener.run()
        return list(Clue.objects.all())

    return run


def scores(
    code: str, factor: str, values: dict[date, float], fault: float = 0.0, kind: str = "constant"
) -> list[DayScore]:
    return [
        DayScore(code, factor, day.isoformat(), value, fault, kind) for day, value in sorted(values.items())
    ]


def at(day: date) -> datetime:
    return midnight(day)

"""Groups of which little is there: stations that fell silent, began today, or never sent anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils.translation import override
from tests.apps.integrity.conftest import UNTIL, found
from tests.apps.integrity.test_screener import twin

from qingjian.apps.integrity import panels, screener
from qingjian.apps.integrity.models import ScoreMonth, Suspect
from qingjian.apps.network.models import Series
from qingjian.apps.observing.models import Clue
from qingjian.screening.panel import MEASURED, Panel
from qingjian.screening.screen import MonthScore, Screening


@pytest.fixture
def suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screening as it is, and findings on the first, the last and all days of every series, alone and as twins."""
    screened = screener.screen

    def more(panel: Panel, learned: Any, settings: Any) -> Screening:
        result = screened(panel, learned, settings)
        findings, months = list(result.findings), list(result.months)
        for i, station in enumerate(panel.stations):
            for j, factor in enumerate(panel.parameters):
                known = np.isfinite(panel.values[i, j]).reshape(panel.days, panel.per_day).any(axis=1)
                days = panel.first_day + np.flatnonzero(known)
                if factor.role != MEASURED or not len(days):
                    continue
                first, last = (panels.day_of(int(days[at])) for at in (0, -1))
                months.append(MonthScore(station.code, factor.code, first.isoformat()[:7], 0.9999, "scale"))
                others = ("", *(one.code for one in panel.stations if one is not station))
                findings += [
                    found(
                        station.code,
                        factor.code,
                        a,
                        b,
                        kind="copy_neighbour" if other else "constant",
                        other=other,
                    )
                    for a, b in {(first, first), (last, last), (first, last)}
                    for other in others
                ]
        return replace(result, findings=tuple(findings), months=tuple(months))

    monkeypatch.setattr(screener, "REHEARSED", 120)
    monkeypatch.setattr(screener, "screen", more)


SHAPES = ("nothing", "whole", "silent", "began", "one day", "one value", "held", "zeros", "empty", "holes")


@pytest.mark.timeout(300)
@pytest.mark.any_database
@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_group_holds_it_is_screened_or_said_why_not(hours, put, suspected, seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = int(rng.choice([3, 60, 170]))
    first = UNTIL - timedelta(days=days - 1)
    twin("W2.w01018", point="W2")
    codes = ["A1.a34004", "W1.w01018", "W2.w01018"]
    given = dict(zip(codes, rng.choice(SHAPES, len(codes)), strict=True))
    for code, shape in given.items():
        begin = {"began": UNTIL, "one day": first + timedelta(days=days // 2)}.get(shape, first)
        end = {"silent": first + timedelta(days=days // 3), "one day": begin}.get(shape, UNTIL)
        noise = rng.normal(50, 9, 24 * days)

        def value(day: int, hour: int, shape: str = shape, noise: np.ndarray = noise) -> float | None:
            if (shape == "one value" and (day, hour) != (0, 5)) or (shape == "holes" and day % 40 > 3):
                return None
            return {"held": 50.0, "zeros": 0.0}.get(shape, round(float(noise[24 * day + hour]), 1))

        if shape == "empty":
            series = Series.objects.get(code=code)
            put(series, "hour", [(panels.midnight(first) + timedelta(hours=h), None, "D") for h in range(48)])
        elif shape != "nothing":
            hours(code, begin, end, value)
    for until in (UNTIL - timedelta(days=1), UNTIL, UNTIL + timedelta(days=40)):
        with override("en"):
            said = screener.run(until=until)
        assert all("没有" in one for one in said.splitlines()[1:]), (
            given,
            said,
        )  # no records, no values since
    looked_at = set(ScoreMonth.objects.values_list("series__code", flat=True))
    sent = {code for code, shape in given.items() if shape not in ("nothing", "empty")}
    # What a series sent long ago, before those of its group that still send, is its history.
    past = {code for code in sent if given[code] in ("silent", "one day", "one value", "holes")}
    assert sent - past <= looked_at <= sent
    assert {one.series.code for one in Suspect.objects.select_related("series")} == looked_at
    for clue in Clue.objects.all():
        assert any(value is not None for value in clue.evidence["chart"]["values"])
        assert clue.evidence["history"]["days"] >= 0


def test_a_group_that_fell_silent_is_screened_up_to_its_last_day_and_then_said_to_be_silent(
    hours, monkeypatch
) -> None:
    monkeypatch.setattr(screener, "REHEARSED", 120)
    hours("W1.w01018", UNTIL - timedelta(days=200), UNTIL - timedelta(days=80))
    with override("en"):
        assert "1 panels, 1 series" in screener.run()
        last = ScoreMonth.objects.filter(series__code="W1.w01018").order_by("-month").first()
        assert (last.month.month, last.values) == (9, 24)
        assert "no values since 2026-10-01" in screener.run()

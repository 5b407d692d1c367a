"""Days on another basis: the arrays agree with the functions that explain a single day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from qingjian.apps.evaluation import words
from qingjian.apps.evaluation.bases import count_days
from qingjian.rulebook import packaged
from qingjian.standards.air import index

ITEMS = {"SO2": 300, "NO2": 300, "PM10": 500, "CO": 20, "O3": 900, "PM2.5": 400, "O3_1h": 1200}


@pytest.mark.parametrize("edition", ["2012", "2026"])
def test_days_by_category_are_those_of_the_days_one_by_one(edition: str) -> None:
    rng = np.random.default_rng(4)
    days = [
        {name: round(float(rng.gamma(1, top / 6)), 2) for name, top in ITEMS.items() if rng.random() < 0.93}
        for _ in range(120)
    ]
    counts, not_published = dict.fromkeys(words.CATEGORY_LEVELS, 0), 0
    for day in days:
        named = {("O3_8h" if name == "O3" else name): value for name, value in day.items()}
        one = index.daily(named, on=date(2026, 5, 1), edition=edition)
        if one.publishable:
            counts[one.category] += 1
        else:
            not_published += 1
    assert count_days(days, edition, packaged()) == (counts, not_published)
    assert count_days([{}], edition, packaged()) == (dict.fromkeys(counts, 0), 0)
    assert count_days([], edition, packaged())[1] == 0

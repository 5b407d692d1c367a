"""From daily answers to one answer a month: weeks of evidence count, single days do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qingjian.screening.budget import ABSENT
from qingjian.screening.panel import Floats

STRONGEST_DAYS = 10
LEAST_DAYS = 5


@dataclass(frozen=True)
class MonthAnswer:
    """Answer of one series and month; `first` and `beyond` are positions of its days."""

    series: int
    month: str
    first: int
    beyond: int
    answer: float


def month_answers(answers: Floats, first_day: int) -> list[MonthAnswer]:
    """Mean of the ten strongest daily answers (series, days) of each calendar month with at least five days."""
    days = np.arange(first_day, first_day + answers.shape[1]).astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    out = []
    for name in np.unique(month):
        at = np.flatnonzero(month == name)
        for i, row in enumerate(answers[:, at]):
            held = np.sort(row[row > ABSENT])
            if len(held) >= LEAST_DAYS:
                top = float(held[-STRONGEST_DAYS:].mean())
                out.append(MonthAnswer(i, str(name), int(at[0]), int(at[-1]) + 1, top))
    return out

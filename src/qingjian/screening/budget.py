"""False-alarm budget: from log-odds to scores that mean the same in every panel.

A score is one minus the share of honest days that get at least this answer in the clean history. An alarm is a
score that honest data would reach no more often than the budget allows, counted over all factors of a station.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qingjian.screening.panel import Floats
from qingjian.screening.parallel import each

DAYS_A_MONTH = 30.4
AROUND_DAYS = 90
OWN_SHARE = 0.6
ABSENT = -15.0
LEAST = ABSENT + 1  # however far an answer is lowered, the day is there and has its scores


def lowered(log_odds: Floats, by: Floats) -> Floats:
    """Answers less something; what is there is not lowered below LEAST, what is absent stays as it is."""
    held = np.maximum(log_odds - by, np.minimum(log_odds, LEAST))
    return np.asarray(np.where(log_odds > ABSENT, held, log_odds), dtype=np.float64)


def muted(log_odds: Floats, usual_level: float) -> Floats:
    """Answers (series, days) of series that look odd most of the time are lowered to the usual level.

    A series whose site, sensor or season left the range of the history would raise an alarm every day; only what
    stands out from its own months then counts. The own level is the 60 % quantile of the half-year around.
    """
    n = log_odds.shape[1]
    padded = np.full((len(log_odds), n + 2 * AROUND_DAYS), np.inf)
    padded[:, AROUND_DAYS : AROUND_DAYS + n] = np.where(log_odds > ABSENT, log_odds, np.inf)
    out = log_odds.copy()

    def lower(i: int) -> None:
        ordered = np.sort(np.lib.stride_tricks.sliding_window_view(padded[i], 2 * AROUND_DAYS + 1), axis=1)
        count = np.isfinite(ordered).sum(axis=1)
        own = ordered[np.arange(n), (OWN_SHARE * np.maximum(count - 1, 0)).astype(int)]
        excess = np.where(count >= 20, np.maximum(own - usual_level, 0.0), 0.0)
        out[i] = lowered(log_odds[i], excess)

    each(lower, range(len(out)))
    return out


@dataclass(frozen=True)
class Tail:
    """How often honest days reach an answer: empirical, beyond the 99 % quantile with an exponential tail."""

    held: Floats
    edge: float
    decay: float

    @staticmethod
    def of(answers: Floats) -> Tail:
        """Tail of the answers for clean data."""
        held = np.sort(answers[answers > ABSENT])
        if len(held) < 20:
            return Tail(np.array([-3.0]), 0.0, 1.0)
        edge = float(np.quantile(held, 0.99))
        beyond = held[held > edge]
        return Tail(held, edge, max(float(np.mean(beyond - edge)) if len(beyond) else 1.0, 0.6))

    def p_value(self, answers: Floats) -> Floats:
        """Share of honest days with at least this answer; strictly falling, never 0."""
        n = len(self.held)
        rank = np.searchsorted(self.held, answers, "left")
        low = np.clip(rank - 1, 0, n - 1)
        high = np.clip(rank, 0, n - 1)
        span = np.maximum(self.held[high] - self.held[low], 1e-12)
        between = np.clip((answers - self.held[low]) / span, 0.0, 1.0)
        inside = (n - (low + between)) / (n + 1)
        below = np.where(answers < self.held[0], 1 - 1e-9 / (1 + self.held[0] - answers), inside)
        at_edge = (n - np.searchsorted(self.held, self.edge, "left")) / (n + 1)
        tail = at_edge * np.exp(-(answers - self.edge) / self.decay)
        return np.clip(np.where(answers > self.edge, tail, below), 1e-15, 1.0)

    def score(self, answers: Floats) -> Floats:
        """One minus the p-value; 0 for series that are not there."""
        return np.where(answers > ABSENT, 1 - self.p_value(answers), 0.0)


def alarm_score(false_alarms_per_station_month: float, factors: int) -> float:
    """Score from which a station-factor-day is an alarm under the budget."""
    return 1 - min(1.0, false_alarms_per_station_month / DAYS_A_MONTH / max(factors, 1))

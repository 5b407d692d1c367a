"""Learning from a clean history: models, yardsticks, and weights from rehearsals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qingjian.screening import rehearsal as rehearse
from qingjian.screening.budget import ABSENT, OWN_SHARE, Tail, muted
from qingjian.screening.calibration import Yardstick, yardstick
from qingjian.screening.combination import Combination, Days, learn
from qingjian.screening.kinds import KindGuess, learn_kinds
from qingjian.screening.months import month_answers
from qingjian.screening.panel import Floats, Mask
from qingjian.screening.parallel import both, each
from qingjian.screening.record import Record, content_seed
from qingjian.screening.series import Statistics
from qingjian.screening.statistics import ABSOLUTE, COMMON, Models, fit_models, gather, series_of
from qingjian.screening.vocabulary import PARTICLES, common_name
from qingjian.screening.ways import KINDS, TROUBLE

REHEARSED_SERIES_DAYS = 60_000
MOST_REHEARSALS = 24
THIN, DENSE = 0.12, 0.25  # of the days of a copy that are changed
WIDE = 2 * REHEARSED_SERIES_DAYS  # a wide network is copied less often and rehearsed more densely
LEAST_REHEARSED_DAYS = 60
CONCLUSIVE_QUANTILE = 0.9995
CONCLUSIVE_MARGIN = 1.0
COPIES_IN_HISTORY = 0.002


@dataclass(frozen=True)
class Learned:
    """What was learned from a history: enough to score any later panel of the same network."""

    history: Record
    models: Models
    measure: Yardstick
    combination: Combination
    kinds: KindGuess
    usual_level: float
    conclusive_level: float
    honest_days: Tail
    honest_trouble: Tail
    honest_months: Tail
    own_reference: bool


class TooLittleHistoryError(ValueError):
    """No series has enough days to learn from."""


def learn_from(
    record: Record, own_reference: bool = False, series_days: int = REHEARSED_SERIES_DAYS
) -> Learned:
    """Learn from a record that holds only history.

    `series_days` is how many days of series are rehearsed at least (history copied as often as needed).
    Raises TooLittleHistoryError when too few days of any series can be rehearsed.
    """
    models = fit_models(record)
    clean = gather(series_of(record, models))
    if not clean:
        raise TooLittleHistoryError
    measure = yardstick_of(clean, record)
    rehearsals = rehearsed_days(record, models, measure, series_days=series_days)
    if sum(int((r.label == 1).sum()) for r in rehearsals if r.label is not None) < LEAST_REHEARSED_DAYS:
        raise TooLittleHistoryError
    # The guess of the kind is one classifier: it is fitted while those of the folds are, two at a time.
    combination, kinds = both(lambda: learn(rehearsals), lambda: learn_kinds(rehearsals))
    days = calibrated(clean, measure, record)
    tampered, trouble = combination.answers(days, np.ones(record.days, bool))
    present = tampered > ABSENT
    usual = float(np.quantile(tampered[present], OWN_SHARE))
    conclusive = conclusive_level(tampered[present], clean)
    answers = with_exact_copies(muted(tampered, usual), clean, conclusive)
    months = [m.answer for m in month_answers(answers, record.first_day)]
    return Learned(
        record,
        models,
        measure,
        combination,
        kinds,
        usual,
        conclusive,
        Tail.of(answers[present]),
        Tail.of(trouble[present]),
        Tail.of(np.array(months)),
        own_reference,
    )


def conclusive_level(answers: Floats, clean: dict[tuple[int, int], Statistics]) -> float:
    """Answer that an exact copy gets: above all honest days, unless the clean history holds such copies itself; then what
    1 in 2,000 honest days reaches."""
    seen = np.mean([(statistics["copies.exact"] > 0).mean() for statistics in clean.values()])
    if seen > COPIES_IN_HISTORY:
        return float(np.quantile(answers, CONCLUSIVE_QUANTILE))
    return float(answers.max() + CONCLUSIVE_MARGIN)


def with_exact_copies(answers: Floats, found: dict[tuple[int, int], Statistics], level: float) -> Floats:
    """Answers (series, days), raised to `level` on days that are exact copies."""
    exact = np.stack([statistics["copies.exact"] > 0 for statistics in found.values()])
    return np.where(exact & (answers > ABSENT), np.maximum(answers, level), answers)


def yardstick_of(clean: dict[tuple[int, int], Statistics], record: Record) -> Yardstick:
    """Yardstick from the statistics of the clean history."""
    tests = tuple(sorted({name for found in clean.values() for name in found}))
    tables = {key: table(found, tests, record.days) for key, found in clean.items()}
    return yardstick(tests, tables, {key: begun(record, key) for key in clean})


def begun(record: Record, key: tuple[int, int]) -> Mask:
    """Days of a record from the first value of a series on."""
    return np.asarray(np.maximum.accumulate(_present(record, key)), dtype=np.bool_)


def _present(record: Record, key: tuple[int, int]) -> Mask:
    """Days on which a series has any value."""
    return np.asarray(np.isfinite(record.hourly[key]).reshape(record.days, 24).any(axis=1), dtype=np.bool_)


def rehearsed_days(
    record: Record,
    models: Models,
    measure: Yardstick,
    kinds: tuple[str, ...] = KINDS,
    series_days: int = REHEARSED_SERIES_DAYS,
) -> list[Days]:
    """Calibrated tests and labels of staged copies of the history."""
    names = [common_name(p.code) for p in record.parameters]
    particles = [p for p in record.measured() if names[p] in PARTICLES]
    together = dict(zip(particles, particles[::-1], strict=True)) if len(particles) == 2 else None
    by_day = np.isfinite(record.hourly).reshape(*record.hourly.shape[:2], record.days, 24)
    held: Mask = np.asarray(by_day.any(axis=3), dtype=np.bool_)
    size = max(1, int(held[:, record.measured()].sum()))
    copies = int(np.clip(np.ceil(series_days / size), 1, MOST_REHEARSALS))
    share = float(np.clip(size / WIDE, THIN, DENSE))
    seed = content_seed(record.values)
    troubles = [KINDS.index(k) for k in TROUBLE]
    staged = []
    for copy in range(copies):
        played = rehearse.stage(record, seed + copy, share, kinds, together)
        found = gather(series_of(played.record, models))
        days = calibrated(found, measure, played.record, record)
        kind = np.stack([played.kind[key] for key in found])
        label = np.where(kind == rehearse.CLEAN, 0, np.where(kind == rehearse.UNCLEAR, -1, 1))
        label[np.isin(kind, troubles)] = 2
        empty = np.stack([~held[key] for key in found])
        label[empty & (label == 0)] = -1
        staged.append(replace(days, label=label, kind=kind))
    return staged


def table(found: Statistics, tests: tuple[str, ...], days: int) -> Floats:
    """Statistics of one series as (days, tests)."""
    nothing = np.full(days, np.nan)
    return np.stack([found.get(name, nothing) for name in tests], axis=1)


def calibrated(
    found: dict[tuple[int, int], Statistics],
    measure: Yardstick,
    record: Record,
    unstaged: Record | None = None,
) -> Days:
    """All tests of all series: normal scores, and beside them the statistics that mean the same everywhere.

    `unstaged` is the record before exercises were staged in it: a loss that is staged delays the beginning of no series.
    """
    tests = measure.tests
    plain = [j for j, name in enumerate(tests) if name in ABSOLUTE]
    known = record.history_days | record.panel_days

    def measured(key: tuple[int, int]) -> Floats:
        values = table(found[key], tests, record.days)
        days = known & begun(unstaged or record, key)
        return np.concatenate([measure.measure(key, values, days), values[:, plain]], axis=1)

    out = each(measured, found, forking=True)
    stations, parameters = (np.array([key[side] for key in found], np.int64) for side in (0, 1))
    values = np.stack(out)
    shared = [tests.index(name) for name in COMMON if name in tests]
    beside = [_median_of_others(values[:, :, shared], group) for group in (stations, parameters)]
    present = np.stack([_present(record, key) for key in found])
    return Days(np.concatenate([values, *beside], axis=2), stations, parameters, record.first_day, present)


def _median_of_others(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Lower median over the other series of the same group (series, days, n); NaN where there is none.

    A group is sorted once: without one of its members the places from the first of its value on move down by one.
    """
    out = np.full(values.shape, np.nan)
    for g in np.unique(group):
        members = np.flatnonzero(group == g)
        if len(members) < 2:
            continue
        ordered = np.sort(values[members], axis=0)
        known = np.isfinite(ordered).sum(axis=0)
        for i in members:
            own = values[i]
            at = np.maximum(known - np.isfinite(own) - 1, 0) // 2
            at += (ordered < own).sum(axis=0) <= np.where(np.isfinite(own), at, -1)
            out[i] = np.take_along_axis(ordered, at[None], axis=0)[0]
    return out

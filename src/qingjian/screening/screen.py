"""The screen: scores, months and findings of a panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qingjian.screening.budget import ABSENT, AROUND_DAYS, alarm_score, muted
from qingjian.screening.clocks import without_moved_clocks
from qingjian.screening.combination import NOTHING, REACH_DAYS, Days
from qingjian.screening.comparability import doubts, in_known_units, without_odd_stretches
from qingjian.screening.context import Expectation
from qingjian.screening.findings import SMALLEST_P, Evidence, Finding, evidence_of, stretches
from qingjian.screening.learning import (
    REHEARSED_SERIES_DAYS,
    Learned,
    TooLittleHistoryError,
    calibrated,
    learn_from,
    with_exact_copies,
)
from qingjian.screening.months import month_answers
from qingjian.screening.panel import FLAG_NORMAL, MEASURED, Floats, Mask, Panel, day_text
from qingjian.screening.plots import Plot, plot_of
from qingjian.screening.record import Record, alone, history_record, join
from qingjian.screening.series import SeriesDays, Statistics
from qingjian.screening.statistics import gather, series_of
from qingjian.screening.twins import find_twins

LEARNED_DAYS = 1100  # the last three years: instruments and sites before that were others
LOWERED = (
    0.9  # scores without an own history, or with one that can hardly be compared, never claim more than this
)


NOTHING_TO_SCREEN = (
    "待筛查数据中没有要筛查的因子（均为背景量） / the panel holds no factor to screen, only circumstances"
)
NOTHING_MEASURED = "待筛查数据中没有一个测量值 / the panel holds no measured value"


@dataclass(frozen=True)
class Settings:
    """Settings of a screen.

    `false_alarms_per_station_month` is what people can check, over all factors of a station;
    `rehearsed_series_days` how much is rehearsed when a panel has to serve as its own history.
    """

    false_alarms_per_station_month: float = 1.0
    rehearsed_series_days: int = REHEARSED_SERIES_DAYS


@dataclass(frozen=True)
class DayScore:
    """Score of one series-day in [0, 1]: higher is more suspicious of tampering; likewise for instrument trouble."""

    station: str
    parameter: str
    day: str
    score: float
    fault_score: float
    kind: str


@dataclass(frozen=True)
class MonthScore:
    """Score of one series-month in [0, 1]."""

    station: str
    parameter: str
    month: str
    score: float
    kind: str


@dataclass(frozen=True)
class Screening:
    """Result of a screen; `notes` say what was repaired and which claims are lowered, and why."""

    days: tuple[DayScore, ...]
    months: tuple[MonthScore, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def learn_history(history: Panel, series_days: int = REHEARSED_SERIES_DAYS) -> Learned | None:
    """Learn from a clean history; None when it is too short or too empty to learn from."""
    if history.days == 0:
        return None
    try:
        record = without_odd_stretches(without_moved_clocks(history_record(history.since(LEARNED_DAYS))))
        return learn_from(record, series_days=series_days)
    except TooLittleHistoryError:
        return None


def screen(panel: Panel, learned: Learned | None, settings: Settings | None = None) -> Screening:
    """Score a panel with what was learned from the history (None: the panel is its own reference).

    Deterministic; does not depend on names or on the order of stations. Screening `panel.until(day)` gives exactly
    what a stream would have said at the end of that day.
    """
    settings = settings or Settings()
    notes: list[str] = []
    if not any(one.role == MEASURED for one in panel.parameters):
        return Screening((), (), (), (*panel.notes, NOTHING_TO_SCREEN))
    if learned is not None:
        panel, foreign = in_known_units(panel, learned.history.parameters)
        if new := _unknown(panel, learned, foreign):
            return _with_unknown(panel, new, learned, settings)
    if learned is None:
        notes.append(
            "没有可用的历史数据，以待筛查数据自身为参照，结论可信度低，分数已降低 / "
            "no usable history: the panel is its own reference, claims and scores are lowered"
        )
        record = alone(panel)
        try:
            learned = learn_from(record, True, settings.rehearsed_series_days)
        except TooLittleHistoryError:
            notes.append("数据太少，无法评分 / too few values: nothing can be scored")
            return Screening((), (), (), (*record.notes, *notes))
    else:
        record = join(learned.history, panel)
    return _scored(record, learned, settings, notes)


def _unknown(panel: Panel, learned: Learned, foreign: tuple[int, ...]) -> list[int]:
    """Places of the panel's factors of which the history holds nothing, or nothing in a unit that compares."""
    known = {one.code for one in learned.history.parameters}
    return [place for place, one in enumerate(panel.parameters) if one.code not in known or place in foreign]


def _with_unknown(panel: Panel, new: list[int], learned: Learned, settings: Settings) -> Screening:
    """Screen what the history knows against it, and the other factors with the panel as their own reference.

    A context column the history does not know explains nothing and is left out.
    """
    stations = range(len(panel.stations))
    known = [place for place in range(len(panel.parameters)) if place not in new]
    parts = [
        screen(panel.reordered(stations, places), reference, settings)
        for places, reference in ((known, learned), (new, None))
        if any(panel.parameters[place].role == MEASURED for place in places)
    ]
    held = {one.code: one.unit for one in learned.history.parameters}
    notes = []
    for place in sorted(new, key=lambda place: panel.parameters[place].code):
        one = panel.parameters[place]
        end_zh, end_en = (
            ("以自身为参照", "measured with itself")
            if one.role == MEASURED
            else ("不用于解释", "it explains nothing")
        )
        if one.code in held:
            notes.append(
                f"{one.code} 的单位 {one.unit} 无法换算为历史的 {held[one.code]}，{end_zh} / {one.code} comes in {one.unit}, "
                f"which cannot be converted to {held[one.code]} of the history: {end_en}"
            )
        else:
            notes.append(
                f"历史数据中没有因子 {one.code}，{end_zh} / the history does not hold {one.code}: {end_en}"
            )
    return Screening(
        tuple(day for part in parts for day in part.days),
        tuple(month for part in parts for month in part.months),
        tuple(finding for part in parts for finding in part.findings),
        tuple(dict.fromkeys((*(text for part in parts for text in part.notes), *notes))),
    )


def _scored(record: Record, learned: Learned, settings: Settings, notes: list[str]) -> Screening:
    series = series_of(record, learned.models)
    found = gather(series)
    keys = list(found)
    days = calibrated(found, learned.measure, record)
    inside = np.flatnonzero(record.panel_days)
    first, beyond = int(inside[0]), int(inside[-1]) + 1
    tampered, trouble = _answers_around(days, learned, first, beyond)
    reported = _reported(record, keys)
    tampered[~reported], trouble[~reported] = NOTHING, NOTHING
    if not reported.any():
        notes.append(NOTHING_MEASURED)
    answers = with_exact_copies(muted(tampered, learned.usual_level), found, learned.conclusive_level)
    borrowed = np.array([learned.own_reference or learned.measure.borrowed(key) for key in keys])
    lowered = np.repeat(borrowed[:, None], record.days, axis=1)
    doubted = doubts(record) if not learned.own_reference else ()
    for doubt in doubted:
        notes.append(doubt.note(record))
        for i, (station_at, parameter_at) in enumerate(keys):
            if station_at == doubt.station and doubt.parameter in (None, parameter_at):
                lowered[i] |= doubt.days
    weight = np.where(lowered, LOWERED, 1.0)
    score = learned.honest_days.score(answers) * weight
    fault = learned.honest_trouble.score(trouble) * weight
    # A thin history of its own is said by a doubt about every day of the panel.
    said = {
        (doubt.station, doubt.parameter) for doubt in doubted if not (record.panel_days & ~doubt.days).any()
    }
    for i in np.flatnonzero(borrowed).tolist() if not learned.own_reference else []:
        if keys[i] in said:
            continue
        station, parameter = record.stations[keys[i][0]].code, record.parameters[keys[i][1]].code
        if np.isfinite(record.hourly[keys[i]][first * 24 : beyond * 24]).any():
            notes.append(
                f"{station} {parameter}：自身历史不足，借用其他站点的参照，分数已降低 / too little own history, "
                "measured with other stations, scores lowered"
            )
    guess = _kinds(days, learned, score, first, beyond)
    for row, statistics in zip(guess, found.values(), strict=True):
        _name_exact_copies(row, statistics, first)
    limit = alarm_score(settings.false_alarms_per_station_month, len(record.measured()))
    day_scores = tuple(
        DayScore(
            record.stations[s].code,
            record.parameters[p].code,
            day_text(record.first_day + d),
            float(score[i, d]),
            float(fault[i, d]),
            guess[i][d - first],
        )
        for i, (s, p) in enumerate(keys)
        for d in inside
        if answers[i, d] > ABSENT
    )
    months = _months(record, learned, keys, answers, weight, guess, first, beyond)
    findings = _findings(
        record, learned, series, keys, days, score, fault, guess, lowered, limit, first, beyond
    )
    return Screening(day_scores, months, findings, (*record.notes, *notes))


def _reported(record: Record, keys: list[tuple[int, int]]) -> Mask:
    """Which series the panel says anything of: a value or a flag. What only the history holds is not screened."""
    inside = np.repeat(record.panel_days, record.per_day)
    return np.array(
        [
            bool((np.isfinite(record.values[key][inside]) | (record.flags[key][inside] > FLAG_NORMAL)).any())
            for key in keys
        ],
        bool,
    )


def _answers_around(days: Days, learned: Learned, first: int, beyond: int) -> tuple[Floats, Floats]:
    """Log-odds of tampering and of trouble (series, days) for the panel and for what its own levels are taken from."""
    near = slice(max(first - AROUND_DAYS - REACH_DAYS, 0), beyond + AROUND_DAYS + REACH_DAYS)
    part = days.part(near.start, near.stop)
    held_out = np.full(part.tests.shape[1], learned.own_reference)
    tampered, trouble = (np.full(days.tests.shape[:2], NOTHING) for _ in range(2))
    tampered[:, near], trouble[:, near] = learned.combination.answers(part, held_out)
    return tampered, trouble


def _kinds(days: Days, learned: Learned, score: Floats, first: int, beyond: int) -> list[list[str]]:
    """Guessed kind of each series-day of the panel (empty for days that are not suspicious at all)."""
    out = [[""] * (beyond - first) for _ in score]
    at = np.argwhere(score[:, first:beyond] >= 0.9)
    found = learned.kinds.of(days.tests[at[:, 0], first + at[:, 1]])
    for (i, d), kind in zip(at.tolist(), found.tolist(), strict=True):
        out[i][d] = learned.kinds.names[kind] if kind >= 0 else ""
    return out


def _name_exact_copies(guess: list[str], statistics: Statistics, first: int) -> None:
    """Days that are exact copies are named by where the values stood before."""
    nothing = np.zeros(len(statistics["copies.exact"]))
    past = statistics["copies.run_past"]
    relative = statistics.get("copies.run_relative", nothing)
    for d in np.flatnonzero(statistics["copies.exact"][first : first + len(guess)] > 0):
        guess[d] = "copy_neighbour" if relative[first + d] > past[first + d] else "copy_period"


def _commonest(names: list[str]) -> str:
    named = sorted(name for name in names if name)
    return max(named, key=named.count) if named else ""


def _months(
    record: Record,
    learned: Learned,
    keys: list[tuple[int, int]],
    answers: Floats,
    weight: Floats,
    guess: list[list[str]],
    first: int,
    beyond: int,
) -> tuple[MonthScore, ...]:
    out = []
    for m in month_answers(answers[:, first:beyond], record.first_day + first):
        s, p = keys[m.series]
        least = float(weight[m.series, first + m.first : first + m.beyond].min())
        value = float(learned.honest_months.score(np.array([m.answer]))[0]) * least
        kind = _commonest(guess[m.series][m.first : m.beyond])
        out.append(MonthScore(record.stations[s].code, record.parameters[p].code, m.month, value, kind))
    return tuple(out)


def _findings(
    record: Record,
    learned: Learned,
    series: dict[tuple[int, int], SeriesDays],
    keys: list[tuple[int, int]],
    days: Days,
    score: Floats,
    fault: Floats,
    guess: list[list[str]],
    lowered: Mask,
    limit: float,
    first: int,
    beyond: int,
) -> tuple[Finding, ...]:
    """Alarms of successive days, strongest first, and pairs of stations that carry one series."""
    out = []
    for i, (s, p) in enumerate(keys):
        bound = limit * np.where(lowered[i, first:beyond], LOWERED, 1.0)
        alarm: Mask = score[i, first:beyond] >= bound
        for a, b in stretches(alarm):
            stretch = slice(first + a, first + b + 1)
            out.append(
                Finding(
                    record.stations[s].code,
                    record.parameters[p].code,
                    record.first_day + first + a,
                    record.first_day + first + b,
                    float(score[i, stretch].max()),
                    float(fault[i, stretch].max()),
                    _commonest(guess[i][a : b + 1]),
                    evidence_of(days.tests[i, stretch], learned.measure.tests, record.first_day + first + a),
                    "low" if lowered[i, stretch].any() else "normal",
                    plot=_plot(record, learned, series, (s, p), first + a, first + b),
                )
            )
    begin, end = record.first_day + first, record.first_day + beyond - 1
    for twin in find_twins(record):
        if twin.last_day < begin or twin.first_day > end:
            continue
        one, other = sorted((twin.first, twin.second), key=lambda i: record.stations[i].code)
        names = record.stations[one].code, record.stations[other].code
        closeness = float(np.exp(-twin.margin))
        out.append(
            Finding(
                names[0],
                record.parameters[twin.parameter].code,
                max(twin.first_day, begin),
                min(twin.last_day, end),
                max(0.0, 1 - closeness),
                0.0,
                "copy_neighbour",
                (Evidence("copies.twins", max(SMALLEST_P, closeness), max(twin.first_day, begin)),),
                "normal",
                names[1],
                _plot(
                    record,
                    learned,
                    series,
                    (one, twin.parameter),
                    max(twin.first_day, begin) - record.first_day,
                    min(twin.last_day, end) - record.first_day,
                    (other,),
                ),
            )
        )
    return tuple(sorted(out, key=lambda f: (-f.score, f.station, f.parameter, f.first_day)))


def _plot(
    record: Record,
    learned: Learned,
    series: dict[tuple[int, int], SeriesDays],
    key: tuple[int, int],
    first: int,
    last: int,
    others: tuple[int, ...] | None = None,
) -> Plot | None:
    """Plot of a finding; beside it the related stations that its context model looks at first."""
    if key not in series:
        return None
    if others is None:
        model = learned.models.context.models.get(key)
        others = tuple(s for s, p in model.columns if p == key[1]) if model else ()
    back = learned.models.context.shapes[key[1]].back
    guess = Expectation(series[key].expected.ravel(), series[key].spread.ravel())
    return plot_of(record, guess, back, *key, first, last, others)

"""Effective status: what a value counts for, as a pure function of values and interval facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from qingjian.quality.facts import LEVELS, Coverage, FactKind, IntervalFact, active_facts
from qingjian.quality.flags import FlagMeaning, Validity, flag_meaning
from qingjian.quality.observations import Bools, Floats, Observations, SeriesInfo
from qingjian.rulebook import Confidence

_MARKS = "VSU"


class Status(IntEnum):
    """What a value counts for. Only VALID and SUBSTITUTED enter means and totals."""

    VALID = 0
    NEEDS_LOOK = 1
    INVALID = 2
    MISSING = 3
    SUPPRESSED = 4
    SUBSTITUTED = 5


class Reason(IntFlag):
    """Why; several may hold together."""

    NONE = 0
    DEVICE_MARK = 1
    MANUAL_MARK = 2
    NO_MARK = 4
    UNKNOWN_MARK = 8
    NO_VALUE = 16
    STOPPED = 32
    OUT_OF_CONTROL = 64
    NOT_IN_CONTROL = 128
    CHECK = 256
    SUPPRESSED = 512
    SUBSTITUTED = 1024


REASON_TEXT: Mapping[Reason, tuple[str, str]] = {
    Reason.DEVICE_MARK: ("设备标记", "mark of the device"),
    Reason.MANUAL_MARK: ("人工标记", "mark by a person"),
    Reason.NO_MARK: ("未带标记，按正常处理", "no mark sent, taken as normal"),
    Reason.UNKNOWN_MARK: ("标记不在标准表内", "mark outside the tables"),
    Reason.NO_VALUE: ("无数值", "no value"),
    Reason.STOPPED: ("停运", "stopped"),
    Reason.OUT_OF_CONTROL: ("失控时段", "out of control"),
    Reason.NOT_IN_CONTROL: ("不在受控时段内", "outside the periods in control"),
    Reason.CHECK: ("自动检查存疑", "doubted by an automatic check"),
    Reason.SUPPRESSED: ("已决定不使用", "decided not to be used"),
    Reason.SUBSTITUTED: ("替代值", "substitute value"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Statuses:
    """One entry per row of the observations.

    ``code`` uint8 (:class:`Status`) · ``reasons`` int32 (bits of :class:`Reason`) · ``level`` uint8 (position
    in ``LEVELS``) · ``used`` float64: the value that counts (the substitute where one was decided, NaN where
    none counts) · ``stopped`` bool · ``abnormal_mark`` bool: the mark (a person's, else the device's) is not
    normal, whatever was decided after it · ``decided_by`` int32: position in ``facts`` of the fact that decided, -1 =
    the device's own mark · ``confidence`` uint8 (0 = V, 1 = S, 2 = U).
    """

    code: NDArray[np.uint8]
    reasons: NDArray[np.int32]
    level: NDArray[np.uint8]
    used: Floats
    stopped: Bools
    abnormal_mark: Bools
    decided_by: NDArray[np.int32]
    confidence: NDArray[np.uint8]
    facts: tuple[IntervalFact, ...]

    @property
    def usable(self) -> Bools:
        """Rows that enter means and totals."""
        return np.asarray((self.code == Status.VALID) | (self.code == Status.SUBSTITUTED), np.bool_)

    def explain(self, row: int, language: str = "zh") -> str:
        """Status, reasons and the deciding fact of one row as a sentence."""
        column = 0 if language == "zh" else 1
        words = [text[column] for reason, text in REASON_TEXT.items() if int(self.reasons[row]) & int(reason)]
        parts = [_STATUS_TEXT[Status(int(self.code[row]))][column]]
        if words:
            parts.append(("、" if column == 0 else ", ").join(words))
        if self.decided_by[row] >= 0:
            fact = self.facts[int(self.decided_by[row])]
            parts.append(f"{fact.author} {fact.reason}".strip())
        return "；".join(parts) if column == 0 else "; ".join(parts)

    def confidence_of(self, row: int) -> Confidence:
        return Confidence(_MARKS[int(self.confidence[row])])


_STATUS_TEXT = {
    Status.VALID: ("有效", "valid"),
    Status.NEEDS_LOOK: ("待判断", "needs a look"),
    Status.INVALID: ("无效", "invalid"),
    Status.MISSING: ("缺失", "missing"),
    Status.SUPPRESSED: ("不使用", "suppressed"),
    Status.SUBSTITUTED: ("替代", "substituted"),
}


def effective_status(
    observations: Observations,
    facts: Iterable[IntervalFact] = (),
    series: Sequence[SeriesInfo] = (),
    *,
    moment: int | None = None,
    suspect: Bools | None = None,
    trusted: Bools | None = None,
    period_seconds: int = 0,
) -> Statuses:
    """Effective status of every row; ``observations`` sorted by series and start (see ``as_of``).

    Order of precedence, lowest first: the device's mark; a person's mark (the one known last among
    overlapping ones); a stop of the source → invalid; outside the periods in control → needs a look; a hit of
    an automatic check (``suspect``, one bool per row) → needs a look; out of control → invalid; no value →
    missing; a substitution decision fills what does not count; a suppression outranks all.
    ``trusted`` (one bool per row) names own aggregates: their mark describes the values they were made of and
    does not judge them again.
    ``series`` supplies medium and edition of each series (the digits 0–3 are marks of air stations only); of a
    series that is not described only the marks of 2017 common to all media are known. ``moment`` filters the
    facts by ``known_at``;
    ``period_seconds`` as in :class:`Coverage`.
    """
    n = len(observations)
    held = active_facts(facts, moment)
    coverage = Coverage(observations.series, observations.start, period_seconds)
    judged = _device_marks(observations, series)
    if trusted is not None:
        judged.accept(np.asarray(trusted, np.bool_))
    decided_by = np.full(n, -1, np.int32)
    level = np.zeros(n, np.uint8)
    used = observations.value.copy()
    controlled = _in_control(held, observations, coverage)
    for kind in (FactKind.MARK, FactKind.STOP, FactKind.LEVEL):
        for index, fact in enumerate(held):
            if fact.kind is not kind:
                continue
            for rows in coverage.slices(fact):
                if kind is FactKind.LEVEL:
                    level[rows] = LEVELS.index(fact.value)
                elif kind is FactKind.STOP:
                    judged.stopped[rows] = True
                    judged.code[rows] = Status.INVALID
                    judged.reasons[rows] |= Reason.STOPPED
                else:
                    judged.overwrite(rows, fact)
                    decided_by[rows] = index
    _lower(judged, controlled, Reason.NOT_IN_CONTROL)
    if suspect is not None:
        _lower(judged, ~np.asarray(suspect, np.bool_), Reason.CHECK)
    code = judged.code
    for index, fact in enumerate(held):
        if fact.kind is FactKind.OUT_OF_CONTROL:
            for rows in coverage.slices(fact):
                code[rows] = Status.INVALID
                judged.reasons[rows] |= Reason.OUT_OF_CONTROL
                judged.confidence[rows] = np.maximum(judged.confidence[rows], _MARKS.index(fact.confidence))
                decided_by[rows] = index
    nothing = ~np.isfinite(used)
    code[nothing] = Status.MISSING
    judged.reasons[nothing] |= Reason.NO_VALUE
    _substitute_and_suppress(held, coverage, judged, used, decided_by)
    used[~np.isin(code, (Status.VALID, Status.SUBSTITUTED))] = np.nan
    return Statuses(
        code=code,
        reasons=judged.reasons,
        level=level,
        used=used,
        stopped=judged.stopped,
        abnormal_mark=judged.abnormal_mark,
        decided_by=decided_by,
        confidence=judged.confidence,
        facts=held,
    )


@dataclass(slots=True)
class _Judged:
    code: NDArray[np.uint8]
    reasons: NDArray[np.int32]
    stopped: Bools
    abnormal_mark: Bools
    confidence: NDArray[np.uint8]
    kinds: Mapping[int, tuple[str, str]]
    series: NDArray[np.int32]

    def accept(self, rows: Bools) -> None:
        """Rows whose own mark does not judge them."""
        self.code[rows] = Status.VALID
        self.reasons[rows] = Reason.NONE
        self.stopped[rows] = False
        self.confidence[rows] = 0

    def overwrite(self, rows: slice, fact: IntervalFact) -> None:
        """A person's mark takes the place of the device's."""
        meaning = flag_meaning(fact.value, *self.kinds.get(int(self.series[rows.start]), _UNKNOWN))
        reasons, _ = _reasons(meaning)
        self.code[rows] = _CODES[meaning.validity]
        self.reasons[rows] = Reason.MANUAL_MARK | (reasons & ~Reason.DEVICE_MARK & ~Reason.NO_MARK)
        self.stopped[rows] = meaning.stopped
        self.abnormal_mark[rows] = meaning.validity is not Validity.VALID
        worst = max(_MARKS.index(meaning.confidence.value), _MARKS.index(fact.confidence))
        self.confidence[rows] = worst


_CODES = {
    Validity.VALID: Status.VALID,
    Validity.NEEDS_LOOK: Status.NEEDS_LOOK,
    Validity.INVALID: Status.INVALID,
}


def _reasons(meaning: FlagMeaning) -> tuple[Reason, int]:
    reason = Reason.NONE
    if not meaning.flag:
        reason |= Reason.NO_MARK
    elif meaning.validity is not Validity.VALID:
        reason |= Reason.DEVICE_MARK
    if meaning.stopped:
        reason |= Reason.STOPPED
    if meaning.source == "not in the tables":
        reason |= Reason.UNKNOWN_MARK
    return reason, _MARKS.index(meaning.confidence.value)


_UNKNOWN = ("", "2017")


def _device_marks(observations: Observations, series: Sequence[SeriesInfo]) -> _Judged:
    """Judge each distinct (medium, edition, mark) once and spread the result over the rows."""
    kind_of = {one.id: (one.medium, one.edition) for one in series}
    kinds = tuple(dict.fromkeys([_UNKNOWN, *kind_of.values()]))
    of_row = np.zeros(len(observations), np.int64)
    if kind_of:
        known = np.asarray(sorted(kind_of), np.int64)
        index = np.asarray([kinds.index(kind_of[int(one)]) for one in known], np.int64)
        place = np.searchsorted(known, observations.series).clip(0, len(known) - 1)
        of_row = np.where(known[place] == observations.series, index[place], 0)
    meanings = [flag_meaning(word, *kind) for kind in kinds for word in observations.flags]
    key = of_row * len(observations.flags) + observations.flag
    reasons = [_reasons(meaning) for meaning in meanings]
    return _Judged(
        code=np.asarray([_CODES[m.validity] for m in meanings], np.uint8)[key],
        reasons=np.asarray([int(reason) for reason, _ in reasons], np.int32)[key],
        stopped=np.asarray([m.stopped for m in meanings], np.bool_)[key],
        abnormal_mark=np.asarray([m.validity is not Validity.VALID for m in meanings], np.bool_)[key],
        confidence=np.asarray([mark for _, mark in reasons], np.uint8)[key],
        kinds=kind_of,
        series=observations.series,
    )


def _in_control(held: Sequence[IntervalFact], observations: Observations, coverage: Coverage) -> Bools:
    """True for rows inside a period in control, and for series of which no such period is stated."""
    stated = [fact for fact in held if fact.kind is FactKind.IN_CONTROL]
    watched = sorted(set().union(*(fact.series for fact in stated)))
    inside = ~np.isin(observations.series, watched)
    for fact in stated:
        for rows in coverage.slices(fact):
            inside[rows] = True
    return inside


def _lower(judged: _Judged, fine: Bools, reason: Reason) -> None:
    """What was valid needs a look where ``fine`` is False."""
    judged.reasons[~fine] |= reason
    judged.code[~fine & (judged.code == Status.VALID)] = Status.NEEDS_LOOK


def _substitute_and_suppress(
    held: Sequence[IntervalFact],
    coverage: Coverage,
    judged: _Judged,
    used: Floats,
    decided_by: NDArray[np.int32],
) -> None:
    for index, fact in enumerate(held):
        if fact.kind is FactKind.SUBSTITUTION:
            for rows in coverage.slices(fact):
                fill = judged.code[rows] != Status.VALID
                used[rows][fill] = float(fact.value)
                judged.code[rows][fill] = Status.SUBSTITUTED
                judged.reasons[rows][fill] |= Reason.SUBSTITUTED
                decided_by[rows][fill] = index
    for index, fact in enumerate(held):
        if fact.kind is FactKind.SUPPRESSION:
            for rows in coverage.slices(fact):
                judged.code[rows] = Status.SUPPRESSED
                judged.reasons[rows] |= Reason.SUPPRESSED
                decided_by[rows] = index

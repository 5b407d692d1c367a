"""What a page shows of values: what counts, what the device sent, how they differ, status, reasons and level.

`page_values` is the one function behind chart, table, export and drawer. It depends on nothing but what was known at
`as_of`: values, marks, directory; so what was shown at T is what `as_of=T` gives later. Moments have whole seconds, as
in the lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.utils.translation import gettext as _

from qingjian.apps.network.models import Series
from qingjian.apps.observing import own as own_periods
from qingjian.apps.observing import queries, statuses
from qingjian.apps.observing.own import Own
from qingjian.apps.observing.statuses import Described
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.latest import LatestValue
from qingjian.quality.facts import IntervalFact
from qingjian.quality.observations import Observations, SeriesInfo
from qingjian.quality.periods import period_end
from qingjian.quality.status import Status, Statuses, effective_status
from qingjian.rulebook import Confidence, Row, may_act_alone

_NUMBERS = ("value", "min", "max", "total", "converted")
_SHIFT = 34


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """One entry per series and start, sorted; numbers are NaN where there is none.

    `value` is what counts: the own period where it decides, else what was sent. `differs`: own and sent are further
    apart than rounding explains. `from_own`: value is the own one. `text` and `rule` are places in `texts` and
    `rules` (-1 none); `code` is a Status, `level` a place in LEVELS; `count` of `due` values were used (-1 unknown).
    """

    statistic: str
    known_until: datetime | None
    series: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    own: npt.NDArray[np.float64]
    sent: npt.NDArray[np.float64]
    differs: npt.NDArray[np.bool_]
    from_own: npt.NDArray[np.bool_]
    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    converted: npt.NDArray[np.float64]
    count: npt.NDArray[np.int32]
    due: npt.NDArray[np.int32]
    flag: npt.NDArray[np.object_]
    revision: npt.NDArray[np.int32]
    known_at: npt.NDArray[np.int64]
    code: npt.NDArray[np.uint8]
    level: npt.NDArray[np.uint8]
    text: npt.NDArray[np.int32]
    texts: tuple[str, ...]
    rule: npt.NDArray[np.int32]
    rules: tuple[Row, ...]
    described: dict[int, Described]

    def __len__(self) -> int:
        return len(self.series)

    def places(self, number: int) -> npt.NDArray[np.intp]:
        """Return the entries of one series, oldest first."""
        return np.flatnonzero(self.series == number)

    def rows(self, places: Sequence[int] | npt.NDArray[np.intp]) -> Iterator[dict[str, Any]]:
        """Return entries as templates and workbooks want them; numbers that are not there are None."""
        for place in places:
            status = Status(int(self.code[place]))
            known = int(self.known_at[place])
            yield {
                "series": int(self.series[place]),
                "start": datetime.fromtimestamp(int(self.start[place]), UTC),
                **{
                    name: None if np.isnan(number := float(getattr(self, name)[place])) else number
                    for name in ("value", "own", "sent", "minimum", "maximum", "total", "converted")
                },
                "difference": _difference(float(self.own[place]), float(self.sent[place])),
                "differs": bool(self.differs[place]),
                "from_own": bool(self.from_own[place]),
                "count": int(self.count[place]),
                "due": int(self.due[place]),
                "flag": self.flag[place],
                "revision": int(self.revision[place]),
                "known_at": datetime.fromtimestamp(known / 1_000_000, UTC) if known else None,
                "verdict": status,
                "word": statuses.STATUS_WORDS[status],
                "status": statuses.STATUS_TITLES[status],
                "colour": statuses.STATUS_COLOURS[statuses.STATUS_WORDS[status]],
                "reason": self.texts[self.text[place]],
                "level": statuses.level_chip(int(self.level[place])),
                "rule": self.rules[self.rule[place]] if self.rule[place] >= 0 else None,
            }


def _difference(own: float, sent: float) -> float | None:
    return None if np.isnan(own) or np.isnan(sent) else sent - own


def page_values(
    user: Any,
    series: Sequence[Series],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> Values:
    """Return what a page shows of series a person may read, for the periods that begin in [start, end)."""
    table = queries.observations(user, series, statistic, start, end, as_of)
    readable = queries.readable(user, series)
    described = statuses.described(readable, end, as_of)
    facts = facts_about(readable, start, end, as_of)
    sent = Observations.from_table(table)
    book = queries.rulebook_at(as_of)
    made = own_periods.own(described, statistic, start, end, as_of, facts, book, sent) or own_periods.NOTHING
    return _judged(table, sent, made, described, statistic, facts, as_of)


def newest_status(series: Sequence[Series], newest: Mapping[int, LatestValue]) -> dict[int, dict[str, str]]:
    """Return how the newest value of each series is drawn and why, with the marks known now."""
    known = [one for one in series if one.pk in newest]
    if not known:
        return {}
    rows = sorted(newest.values(), key=lambda value: value.series)
    first, last = min(value.start for value in rows), max(value.start for value in rows)
    end = last + timedelta(seconds=1)
    infos = {number: one.info(60) for number, one in statuses.described(known, end).items()}
    rows = [value for value in rows if value.series in infos]
    flags = [value.flag or "" for value in rows]
    newest_rows = Observations.of(
        [value.series for value in rows],
        [int(value.start.timestamp()) for value in rows],
        [np.nan if value.value is None else value.value for value in rows],
        flag=flags,
    )
    doubts = statuses.doubts(queries.directory_at(), list(infos.values()), newest_rows)
    found = effective_status(
        newest_rows, facts_about(known, first, end, None), list(infos.values()), suspect=doubts.suspect
    )
    return {
        value.series: {
            "mark": statuses.STATUS_WORDS[Status(int(found.code[place]))],
            "meaning": statuses.reason_text(
                found, place, flags[place], infos[value.series], doubts.words.get(place, "")
            ),
        }
        for place, value in enumerate(rows)
    }


def facts_about(
    series: Sequence[Series], start: datetime, end: datetime, as_of: datetime | None
) -> list[IntervalFact]:
    """Return the marks on some series as interval facts; a month around the window lets longer periods be judged."""
    points = {one.point_id for one in series}
    begin, last = own_periods.bounds("month", start, end)
    marks = queries.marks_known(
        points, datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(last, UTC), as_of
    )
    if not marks:
        return []
    numbers = dict(Series.objects.filter(point_id__in=points).values_list("code", "pk"))
    return statuses.facts_of(marks, numbers)


def _judged(
    table: pa.Table,
    sent: Observations,
    made: Own,
    described: dict[int, Described],
    statistic: str,
    facts: Sequence[IntervalFact],
    as_of: datetime | None,
) -> Values:
    sent_keys = _keys(sent.series, sent.start)
    own_keys = _keys(made.series, made.start)
    keys = np.union1d(sent_keys, own_keys)
    of_sent, of_own = _places(sent_keys, keys), _places(own_keys, keys)
    numbers = {
        name: _floats(table, name)[of_sent] if len(sent) else np.full(len(keys), np.nan) for name in _NUMBERS
    }
    for column in numbers.values():
        column[of_sent < 0] = np.nan
    own_value = _pick(made.value, of_own)
    decisive = _pick(made.decisive, of_own) == 1
    from_own = np.isfinite(own_value) & (decisive | ~np.isfinite(numbers["value"]))
    value = np.where(from_own, own_value, numbers["value"])
    flags = np.where(of_sent >= 0, sent.flag_words()[of_sent] if len(sent) else "", "").astype(object)
    if len(made):
        flags = np.where(from_own, made.flag[of_own], flags)
    series = (keys >> _SHIFT).astype(np.int32)
    starts = (keys & ((1 << _SHIFT) - 1)) - (1 << _SHIFT - 1)
    judged = _status(series, starts, value, flags, from_own, made, of_own, described, statistic, facts, as_of)
    rows = (of_sent >= 0) & (len(sent) > 0)
    return Values(
        statistic=statistic,
        known_until=_known_until(sent, facts),
        series=series,
        start=starts,
        value=value,
        own=own_value,
        sent=numbers["value"],
        differs=_pick(made.differs, of_own) == 1,
        from_own=from_own,
        minimum=np.where(from_own, _pick(made.minimum, of_own), numbers["min"]),
        maximum=np.where(from_own, _pick(made.maximum, of_own), numbers["max"]),
        total=np.where(from_own, _pick(made.total, of_own), numbers["total"]),
        converted=numbers["converted"],
        count=_pick(made.count, of_own, -1.0).astype(np.int32),
        due=_pick(made.due, of_own, -1.0).astype(np.int32),
        flag=flags,
        revision=np.where(rows, sent.revision[of_sent] if len(sent) else 0, 0).astype(np.int32),
        known_at=np.where(rows, sent.known_at[of_sent] if len(sent) else 0, 0).astype(np.int64),
        rule=_pick(made.rule, of_own, -1.0).astype(np.int32),
        rules=made.rules,
        described=described,
        **judged,
    )


def _status(
    series: npt.NDArray[np.int32],
    start: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    flags: npt.NDArray[np.object_],
    from_own: npt.NDArray[np.bool_],
    made: Own,
    of_own: npt.NDArray[np.int64],
    described: dict[int, Described],
    statistic: str,
    facts: Sequence[IntervalFact],
    as_of: datetime | None,
) -> dict[str, Any]:
    """Return code, level, text and texts of every entry."""
    seconds = statuses.COVERED_SECONDS.get(statistic, 0)
    infos = {
        number: one.info(one.fact.expected.get(statistic) or seconds or 60)
        for number, one in described.items()
    }
    rows = Observations.of(series, start, value, flag=flags)
    doubts = statuses.doubts(queries.directory_at(as_of), list(infos.values()), rows, from_own)
    found = effective_status(
        rows,
        facts,
        list(infos.values()),
        suspect=doubts.suspect,
        trusted=from_own,
        period_seconds=seconds,
    )
    ends = _ends(series, start, statistic, infos)
    moment = as_of or now()
    code = found.code.copy()
    texts: dict[str, int] = {}
    text = np.zeros(len(series), np.int32)
    kept: dict[tuple[Any, ...], tuple[int, int]] = {}
    of_rule = _of_rule(found, from_own, made, of_own)
    over = ends <= moment.timestamp()
    for place in range(len(series)):
        info = infos[int(series[place])]
        if of_rule[place]:
            row = int(of_own[place])
            key: tuple[Any, ...] = (
                "own",
                *_verdict_key(made, row),
                bool(over[place]),
                int(found.code[place]),
            )
        else:
            reasons = int(found.reasons[place])
            key = (
                int(found.code[place]),
                reasons,
                int(found.decided_by[place]),
                flags[place],
                info.medium,
                info.edition,
                doubts.words.get(place, ""),
            )
        if key not in kept:
            if of_rule[place]:
                status, words = _verdict(made, row, Status(int(found.code[place])), bool(over[place]), moment)
            else:
                status = int(found.code[place])
                words = statuses.reason_text(found, place, flags[place], info, doubts.words.get(place, ""))
            kept[key] = int(status), texts.setdefault(words, len(texts))
        code[place], text[place] = kept[key]
    first = {number: statuses.first_level(one.row.point) for number, one in described.items()}
    level = statuses.levels(series, start, ends, facts, first)
    return {"code": code, "level": level, "text": text, "texts": tuple(texts)}


def _of_rule(
    found: Statuses, from_own: npt.NDArray[np.bool_], made: Own, of_own: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Say which entries the rule on enough valid values judges: a person who has looked at the period outranks it."""
    if not len(made):
        return np.zeros(len(from_own), np.bool_)
    short = from_own & ~made.valid[of_own] & (found.code == Status.VALID)
    empty = (of_own >= 0) & (found.code == Status.MISSING)
    return (short | empty) & (found.decided_by < 0)


def _verdict_key(made: Own, row: int) -> tuple[int, int, int]:
    return int(made.count[row]), int(made.due[row]), int(made.rule[row])


def _verdict(made: Own, row: int, status: Status, over: bool, moment: datetime) -> tuple[Status, str]:
    """Return status and words of an own period that has not enough valid values."""
    count, due = int(made.count[row]), int(made.due[row])
    rule = made.rules[made.rule[row]] if made.rule[row] >= 0 else None
    separator = "; " if statuses.english() else "；"
    if not over:
        status = status if status is Status.MISSING else Status.NEEDS_LOOK
        parts = [_("the period is not over: %(count)d valid values so far") % {"count": count}]
    else:
        if status is not Status.MISSING:
            status = Status.INVALID if rule is not None and _decides(rule, moment) else Status.NEEDS_LOOK
        words = {"count": count, "due": due}
        parts = [
            _("too few valid values: %(count)d of %(due)d") % words
            if due >= 0
            else _("too few valid values (%(count)d)") % words
        ]
        if rule is not None:
            label = rule.confidence.label_en if statuses.english() else rule.confidence.label_zh
            parts.append(f"{rule.citation} ({rule.confidence.value} {label})")
    return status, separator.join([str(statuses.STATUS_TITLES[status]), *parts])


def _decides(rule: Row, moment: datetime) -> bool:
    """Say whether a rule may reject by itself: it has been seen in its document, or was confirmed by then."""
    if rule.confirmation is not None and rule.confirmation.when > moment.astimezone(CHINA).date():
        return rule.confidence is not Confidence.U
    return may_act_alone([rule])


def _ends(
    series: npt.NDArray[np.int32], start: npt.NDArray[np.int64], statistic: str, infos: dict[int, SeriesInfo]
) -> npt.NDArray[np.int64]:
    if statistic in own_periods.TARGETS:
        return period_end(start, statistic)
    return start + np.asarray([infos[int(number)].source_seconds for number in series], np.int64)


def _known_until(sent: Observations, facts: Sequence[IntervalFact]) -> datetime | None:
    moments = [*(fact.known_at for fact in facts), *([int(sent.known_at.max())] if len(sent) else [])]
    return datetime.fromtimestamp(max(moments) / 1_000_000, UTC) if moments else None


def _keys(series: npt.NDArray[np.int32], start: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return series and start as one sortable number."""
    return (series.astype(np.int64) << _SHIFT) + start.astype(np.int64) + (1 << _SHIFT - 1)


def _places(keys: npt.NDArray[np.int64], among: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    found = np.full(len(among), -1, np.int64)
    found[np.searchsorted(among, keys)] = np.arange(len(keys))
    return found


def _pick(column: Any, places: npt.NDArray[np.int64], nothing: float = np.nan) -> npt.NDArray[np.float64]:
    if len(column) == 0:
        return np.full(len(places), nothing)
    return np.where(places >= 0, np.asarray(column, np.float64)[places], nothing)


def _floats(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = (
        table.column(name)
        .cast(pa.float64())
        .combine_chunks()
        .to_numpy(zero_copy_only=False)
        .astype(np.float64)
    )
    return numbers

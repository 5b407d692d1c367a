"""Effective status of values: people's marks as interval facts, and what the result is called on pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network.kinds import KINDS
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import queries
from qingjian.apps.observing.models import Mark
from qingjian.contracts import directory as contract
from qingjian.contracts.checking import doubted
from qingjian.contracts.facts import StatedFact
from qingjian.quality.checks import catalogue
from qingjian.quality.facts import LEVELS, FactKind, IntervalFact, active_facts
from qingjian.quality.flags import EDITIONS, flag_meaning
from qingjian.quality.observations import AVERAGING, Observations, SeriesInfo
from qingjian.quality.status import Reason, Status, Statuses

FLAGS = {
    Mark.Kind.MAINTENANCE: "M",
    Mark.Kind.CALIBRATION: "C",
    Mark.Kind.FAULT: "D",
    Mark.Kind.INVALID: "D",
    Mark.Kind.VALID: "N",
}
"""A person's mark in the marks of HJ 212; `invalid` takes the one that every edition and medium calls invalid."""
LEVEL_MARKS = {
    Mark.Kind.VERIFIED: "verified",
    Mark.Kind.RATIFIED: "ratified",
    Mark.Kind.CONFIRMED: "confirmed",
}
STATUS_TITLES = {
    Status.VALID: _("valid"),
    Status.NEEDS_LOOK: _("needs a look"),
    Status.INVALID: _("invalid"),
    Status.MISSING: _("missing"),
    Status.SUPPRESSED: _("not used"),
    Status.SUBSTITUTED: _("substituted"),
}
STATUS_WORDS = {
    Status.VALID: "ok",
    Status.NEEDS_LOOK: "look",
    Status.INVALID: "bad",
    Status.MISSING: "bad",
    Status.SUPPRESSED: "bad",
    Status.SUBSTITUTED: "ok",
}
"""How a status is drawn: ok, look or bad."""
STATUS_COLOURS = {"ok": "green", "look": "orange", "bad": "red"}
LEVEL_TITLES: Mapping[str, Promise | str] = {
    "": "",
    "provisional": _("provisional"),
    "verified": _("verified"),
    "ratified": _("ratified"),
    "received": _("received"),
    "confirmed": _("confirmed by the holder"),
    "confirmed_by_default": _("confirmed by default"),
    "questioned": _("questioned"),
    "settled": _("settled"),
}
LEVEL_COLOURS = {
    "provisional": "secondary",
    "received": "secondary",
    "verified": "azure",
    "questioned": "orange",
}
_STATION_ELEMENTS = frozenset({"air", "water", "groundwater", "drinking", "noise", "radiation"})
_SOURCE_ELEMENTS = frozenset({"gas_source", "water_source"})
COVERED_SECONDS = {"hour": 3600, "day": 86_400, "month": 28 * 86_400}
"""Length by which a mark must touch a period to count for it; shorter statistics are decided by their start."""


def english() -> bool:
    """Say whether the person reads English."""
    return (get_language() or "").startswith("en")


def is_source(point: Point) -> bool:
    """Say whether the data belong to a permit holder, who confirms them; no bureau approves them."""
    return point.outlet_id is not None or KINDS[point.kind].element in _SOURCE_ELEMENTS


def first_level(point: Point) -> str:
    """Return the level data have before anybody did anything."""
    if is_source(point):
        return "received"
    return "provisional" if KINDS[point.kind].element in _STATION_ELEMENTS else ""


# -- marks ---------------------------------------------------------------------------------------------------------


def facts_of(marks: Iterable[Mark], numbers: Mapping[str, int]) -> list[IntervalFact]:
    """Return marks as interval facts; `numbers` gives the integer of each series code that matters."""
    return [stated(mark).interval(numbers) for mark in marks]


def stated(mark: Mark) -> StatedFact:
    """Return a mark as the fact that the pipeline is told."""
    kind, value = FactKind.MARK, FLAGS.get(mark.kind, "")
    if mark.withdrawn:
        kind, value = FactKind.WITHDRAWAL, ""
    elif mark.kind in LEVEL_MARKS:
        kind, value = FactKind.LEVEL, LEVEL_MARKS[mark.kind]
    elif mark.kind == Mark.Kind.STOPPED:
        kind, value = FactKind.STOP, ""
    return StatedFact(
        id=_fact_id(mark.pk),
        kind=kind,
        series=tuple(mark.series),
        start=mark.start,
        end=mark.end,
        known_at=mark.known_at,
        value=value,
        author=mark.author.name,
        reason=f"{mark.get_kind_display()}: {mark.reason}",
        supersedes=_fact_id(mark.supersedes_id) if mark.supersedes_id else "",
    )


def _fact_id(number: int) -> str:
    return f"mark-{number:012d}"  # facts known at the same moment are ordered by their id


def levels(
    series: npt.NDArray[np.int32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    facts: Iterable[IntervalFact],
    first: Mapping[int, str],
) -> npt.NDArray[np.uint8]:
    """Return the level of each period, as its place in LEVELS: that of the fact known last that covers all of it."""
    found = np.zeros(len(series), np.uint8)
    for number, word in first.items():
        found[series == number] = LEVELS.index(word)
    for fact in active_facts(facts):
        if fact.kind is FactKind.LEVEL:
            covered = np.isin(series, list(fact.series)) & (start >= fact.start) & (end <= fact.last)
            found[covered] = LEVELS.index(fact.value)
    return found


# -- series --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Described:
    """A series as the directory of a moment knew it."""

    row: Series
    fact: contract.Series
    edition: str

    def info(self, seconds: int) -> SeriesInfo:
        """Return what `quality` must know of it; `seconds` is the length of the periods handed in."""
        return _info(self.fact, seconds, self.edition)


def described(series: Sequence[Series], at: datetime, as_of: datetime | None = None) -> dict[int, Described]:
    """Return the series with the facts and the device's edition that the directory held at `as_of` for `at`."""
    directory = queries.directory_at(as_of)
    found = {}
    for row in series:
        fact = (directory.series_by_id(row.pk) if directory else None) or _unpublished(row)
        found[row.pk] = Described(row, fact, edition(directory, fact, at))
    return found


def infos_beside(
    directory: contract.Directory | None, numbers: Iterable[int], seconds: Mapping[int, int], at: datetime
) -> list[SeriesInfo]:
    """Return the description of series that are read along (flows); unknown ones are left out."""
    known = [directory.series_by_id(number) for number in numbers] if directory else []
    return [_info(one, seconds[one.id], edition(directory, one, at)) for one in known if one is not None]


def edition(directory: contract.Directory | None, fact: contract.Series, at: datetime) -> str:
    """Return the edition whose marks the device writes; 2017 where it is recognised from its frames."""
    device = directory.device(fact.device, at) if directory and fact.device else None
    return device.edition if device is not None and device.edition in EDITIONS else "2017"


def _info(fact: contract.Series, seconds: int, marks: str) -> SeriesInfo:
    # A kind of mean nobody knows changes nothing of what single values count for; the pipeline states a finding of it.
    averaging = fact.averaging if fact.averaging in AVERAGING else AVERAGING[0]
    return SeriesInfo(
        fact.id, fact.medium, fact.factor, seconds, averaging, fact.flow_series, fact.decimals, marks
    )


def _unpublished(row: Series) -> contract.Series:
    return contract.Series(
        id=row.pk,
        code=row.code,
        point=row.point.code,
        factor=row.factor.wire_code,
        name_zh=row.factor.name_zh,
        name_en=row.factor.name_en,
        unit=row.unit,
        decimals=row.decimals,
        medium=row.medium,
        origin=row.origin,
        position=row.position,
        averaging=row.averaging,
        flow_series=row.flow_series_id,
        expected=contract.owed(row.expected),
        notice=row.notice,
    )


# -- words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Doubts:
    """What automatic checks doubt: one bool per row, and words for the rows hit."""

    suspect: npt.NDArray[np.bool_]
    words: Mapping[int, str]


def doubts(
    directory: contract.Directory | None,
    series: Sequence[SeriesInfo],
    rows: Observations,
    own: npt.NDArray[np.bool_] | None = None,
) -> Doubts:
    """Run the checks that doubt values, with the settings the directory had for their time; own results are left out."""
    mine = np.ones(len(rows), np.bool_) if own is None else ~own
    if directory is None or not mine.any():
        return Doubts(np.zeros(len(rows), np.bool_), {})
    hits = doubted(directory, series, rows)
    words: dict[int, str] = {}
    column = "name_en" if english() else "name_zh"
    for check, row, found, allowed in zip(hits.check, hits.row, hits.found, hits.allowed, strict=True):
        if mine[row]:
            text = f"{getattr(catalogue()[check], column)} ({found:g} / {allowed:g})"
            words[int(row)] = f"{words[int(row)]}, {text}" if int(row) in words else text
    return Doubts(hits.suspect(len(rows)) & mine, words)


def reason_text(statuses: Statuses, row: int, flag: str, info: SeriesInfo | None, doubt: str = "") -> str:
    """Return why a value counts for what it does, in the person's language; `doubt` names the checks that hit it."""
    text = statuses.explain(row, "en" if english() else "zh")
    if flag and int(statuses.reasons[row]) & int(Reason.DEVICE_MARK):
        meaning = flag_meaning(flag, info.medium if info else "", info.edition if info else "2017")
        words = meaning.meaning_en if english() else meaning.meaning_zh
        text += f" · {flag} {words}"
    if doubt and int(statuses.reasons[row]) & int(Reason.CHECK):
        text += f" · {doubt}"
    return text


def level_chip(level: int) -> dict[str, Any]:
    """Return text and colour of a level by its place in LEVELS."""
    word = LEVELS[level]
    return {"text": LEVEL_TITLES[word], "colour": LEVEL_COLOURS.get(word, "green")}

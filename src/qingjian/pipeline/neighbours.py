"""Checks that look at neighbouring hours or at what is measured beside: findings, never validity.

They run where the series has their settings and a row of the rulebook calls for them that was seen in its document or
confirmed by a person. A day is judged anew whenever something of it became known; what is stated of a series is stated
for one natural day, so judging it again gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from qingjian.contracts.checking import checked, checked_settings
from qingjian.contracts.clock import CHINA
from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory, Series
from qingjian.contracts.findings import Finding
from qingjian.pipeline.rules import check_rule
from qingjian.pipeline.stating import make_finding
from qingjian.pipeline.windows import DAY, HOUR
from qingjian.quality.calls import called_checks, followed_row, may_follow
from qingjian.quality.checks import CheckSettings, Hits, Stretch, run_checks
from qingjian.quality.observations import Bools, Observations, SeriesInfo
from qingjian.rulebook import Row, Rulebook

NEIGHBOURS = called_checks() - {"companion"}
_COUNTS = ("constant_count", "flat_count", "detection_count")
_LONGEST = 31 * 24
"""Hours read before a day at most; a longer count is judged with these."""

Hours = Callable[[Sequence[int], datetime, datetime], tuple[Observations, Bools]]
"""(series, begin, end) → their hours, and which of them count."""


class NeighbourChecks:
    """The checks of one directory and rulebook snapshot."""

    def __init__(self, directory: Directory, book: Rulebook, converter: Converter) -> None:
        self._directory = directory
        self._book = book
        self._converter = converter
        followed = {
            medium: {check for check in called_checks() if may_follow(book, check, medium)}
            for medium in {one.medium for one in directory.series}
        }
        self._series = {
            one.id: one
            for one in directory.series
            if followed[one.medium] and one.origin in ("device", "simulated") and self._has_something(one)
        }

    def _has_something(self, one: Series) -> bool:
        """Whether there is anything to check: a setting, or values it needs beside it."""
        weighted = one.flow_series is not None and one.averaging == "flow_weighted"
        return (
            weighted or self._converter.converts(one.id) or bool(checked_settings(self._directory, one.code))
        )

    def wanted(self, numbers: Iterable[int]) -> list[int]:
        """Return those of some series that are checked at all."""
        return sorted(number for number in numbers if number in self._series)

    def day(
        self, numbers: Iterable[int], begin: datetime, until: datetime, hours: Hours, known_at: datetime
    ) -> list[Finding]:
        """Judge a natural day of some series, up to `until`."""
        own = self.wanted(numbers)
        if not own:
            return []
        companions = {number: self._companions(self._series[number], begin) for number in own}
        beside = sorted({other for others in companions.values() for other in others} - set(own))
        earlier = begin - HOUR * self._look_back(own)
        rows, usable = hours([*own, *beside], earlier, min(begin + DAY, until))
        if not len(rows):
            return []
        infos = [_info(self._series[number]) for number in own]
        on = begin.astimezone(CHINA).date()
        found = []
        for medium in sorted({info.medium for info in infos}):
            held = {check: followed_row(self._book, check, medium, on) for check in sorted(called_checks())}
            followed = {check: row for check, row in held.items() if row is not None}
            mine = [info for info in infos if info.medium == medium]
            neighbours = NEIGHBOURS & followed.keys()
            if neighbours:
                hits = checked(self._directory, mine, rows, neighbours, usable)
                found += self._stated(hits, rows, begin, mine, followed, known_at)
            if "companion" in followed:
                settings = [CheckSettings(info.id, 3600, companions=companions[info.id]) for info in mine]
                counting = replace(rows, value=np.where(usable, rows.value, np.nan))
                hits = run_checks(counting, [one for one in settings if one.companions], only=["companion"])
                found += self._stated(hits, rows, begin, mine, followed, known_at)
        return found

    def _companions(self, one: Series, at: datetime) -> tuple[int, ...]:
        """Return the series without whose hours a value cannot be weighted or converted."""
        flow = {one.flow_series} if one.flow_series and one.averaging == "flow_weighted" else set()
        return tuple(sorted(flow | self._converter.needed_by(one.id, at)))

    def _look_back(self, numbers: Iterable[int]) -> int:
        """Return how many hours before a day decide about it."""
        longest = 1
        for number in numbers:
            for one in checked_settings(self._directory, self._series[number].code):
                if one.name in _COUNTS and one.value.isdecimal():
                    longest = max(longest, int(one.value))
        return min(longest, _LONGEST)

    def _stated(
        self,
        hits: Hits,
        rows: Observations,
        begin: datetime,
        infos: Sequence[SeriesInfo],
        followed: Mapping[str, Row],
        known_at: datetime,
    ) -> list[Finding]:
        of_day = rows.start[hits.row] >= begin.timestamp()
        kept = Hits(hits.check[of_day], hits.row[of_day], hits.found[of_day], hits.allowed[of_day])
        settings = [CheckSettings(info.id, 3600) for info in infos]
        return [
            _finding(stretch, self._series[stretch.series].code, followed[stretch.check.id], known_at)
            for stretch in kept.stretches(rows, settings)
        ]


def _finding(stretch: Stretch, code: str, row: Row, known_at: datetime) -> Finding:
    return make_finding(
        check_rule(stretch.check.id),
        code,
        datetime.fromtimestamp(stretch.start, UTC),
        datetime.fromtimestamp(stretch.end, UTC),
        {
            "periods": stretch.rows,
            "found": float(stretch.found),
            "threshold": float(stretch.allowed),
            "rule_row": row.id,
            "clause": row.citation,
            "confidence": str(row.confidence),
        },
        known_at,
    )


def _info(one: Series) -> SeriesInfo:
    return SeriesInfo(one.id, one.medium, one.factor, 3600, one.averaging, one.flow_series, one.decimals)

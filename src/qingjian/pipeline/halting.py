"""Series that cannot be computed: a finding of each, from the first period that waits, until it is made anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from qingjian.contracts.directory import Directory
from qingjian.contracts.findings import Finding
from qingjian.pipeline.stating import make_finding
from qingjian.pipeline.windows import DAY, floor_day, floor_hour, months_between, next_month

RULE = "series-not-computed"
_PIECE = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Halted:
    """A series that is left out: where its finding starts, and the first period that waits."""

    start: datetime
    since: datetime
    reason: str = ""

    def to_json(self) -> list[str]:
        """Return plain values for the batch log."""
        return [self.start.isoformat(), self.since.isoformat(), self.reason]

    @classmethod
    def from_json(cls, value: list[str]) -> Halted:
        """Inverse of `to_json`."""
        return cls(datetime.fromisoformat(value[0]), datetime.fromisoformat(value[1]), value[2])


def halted(findings: Iterable[Finding]) -> dict[str, Halted]:
    """Return code → series that are left out, from the open findings."""
    return {
        one.subject: Halted(one.start, datetime.fromisoformat(one.evidence["since"]), one.evidence["reason"])
        for one in findings
        if one.rule == RULE
    }


class Halting:
    """What one run of aggregation finds of series that cannot be computed."""

    def __init__(self, directory: Directory, before: Mapping[int, Halted], known_at: datetime) -> None:
        self._directory = directory
        self._before = before
        self._now = dict(before)
        self._known_at = known_at
        self._earliest: dict[int, datetime] = {}

    def affected(self, due: Iterable[tuple[datetime, int]]) -> None:
        """Take note of the earliest period due of each series."""
        for begin, number in due:
            self._earliest[number] = min(begin, self._earliest.get(number, begin))

    def since(self, number: int) -> datetime:
        """Return the first period of a halted series that waits, those of this run counted in."""
        since = self._before[number].since
        return min(since, self._earliest.get(number, since))

    def recovered(self, number: int) -> None:
        """A halted series was made anew as a whole."""
        self._now.pop(number, None)

    def failed_again(self, number: int, reason: str) -> None:
        """A halted series cannot be computed yet."""
        self._now[number] = replace(self._now[number], reason=reason)

    def stated(
        self, failed: Mapping[int, str], unscalable: Mapping[int, str], until: datetime
    ) -> list[Finding]:
        """Return what is new: series that begin to wait, wait from earlier on or for another reason, and those that go on.

        `failed`: series left out in this run, with what was said; `unscalable`: series whose values cannot even be read.
        """
        for number, reason in failed.items():
            begin = self._earliest.get(number)
            held = self._now.get(number)
            if held is not None:
                since = held.since if begin is None else min(held.since, begin)
                self._now[number] = replace(held, since=since, reason=reason or held.reason)
            elif number not in self._before and begin is not None:
                self._now[number] = Halted(begin, begin, reason)
        for number, reason in unscalable.items():
            held = self._now.get(number)
            start = self._directory.published_at
            self._now[number] = Halted(start, start, reason) if held is None else replace(held, reason=reason)
        found = []
        for number, one in sorted(self._now.items()):
            if one != self._before.get(number):
                found.append(self._finding(number, one, None))
        for number, one in sorted(self._before.items()):
            if number not in self._now:
                found.append(self._finding(number, one, max(until, one.start)))
        return found

    def _finding(self, number: int, one: Halted, end: datetime | None) -> Finding:
        series = self._directory.series_by_id(number)
        evidence: dict[str, Any] = {"reason": one.reason, "since": one.since.isoformat()}
        code = series.code if series is not None else str(number)
        return make_finding(RULE, code, one.start, end, evidence, self._known_at)


def not_judged(code: str, begin: datetime, reason: str, known_at: datetime) -> Finding:
    """Return that the checks of neighbouring hours could not judge a day of a series."""
    evidence = {"reason": reason, "since": begin.isoformat()}
    return make_finding(RULE, code, begin, begin + DAY, evidence, known_at, part="checks")


def stretches(since: datetime, until: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Return (target, begin, end) that cover all hours, days and months which began at or after the day of `since` and are over."""
    for target, end in (("hour", floor_hour(until)), ("day", floor_day(until))):
        begin = floor_day(since)
        while begin < end:
            yield target, begin, min(begin + _PIECE, end)
            begin += _PIECE
    for begin in months_between(since, until):
        if next_month(begin) <= until:
            yield "month", begin, next_month(begin)

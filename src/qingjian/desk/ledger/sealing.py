"""Days of stored values are sealed into the ledger, sealed again after late data, and compared with their seals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.conf import settings

from qingjian.apps.observing import stores
from qingjian.apps.scheduling.said import joined, sentence
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.directory import STATISTICS
from qingjian.lake import Lake
from qingjian.lake.days import COLUMNS, Key, Rows, days_known, keys_known, later_rows, stored_rows
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.seals import canonical_rows
from qingjian.notary.notary import Notary
from qingjian.notary.sealing import (
    Seal,
    Sealed,
    commit_series_day,
    seal_digests,
    seal_of,
    seal_problems,
    sealed_until,
    set_sealed_until,
)
from qingjian.pipeline.batches import BatchLog
from qingjian.pipeline.given import GivenRows
from qingjian.pipeline.settings import PipelineSettings

GRACE = timedelta(hours=2)
"""After the end of a day its last hours and day values are still on their way."""
OVERDUE = timedelta(days=2)
MOST_DAYS = 31
"""A run seals no more days than this, the newest first; the next one goes on."""
NEWEST_DAYS = 3
ROUND = 30
"""Each night the newest days are compared with their seals, and of the older ones every thirtieth, another each night."""
_CHANGED = "changed_since_sealed"
"""Fact of the notary's state: days that could not be sealed again because sealed rows were no longer as sealed."""
_CHANGED_WORDS = "存储的数据与封存时不同 / the stored values were changed"


@dataclass(slots=True)
class Outcome:
    """What a run did."""

    sealed: list[Sealed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    finished: bool = True
    """False when more days wait than one run seals."""

    def text(self) -> str:
        again = sum(one.supersedes is not None for one in self.sealed)
        words = sentence(
            "%(days)d days sealed, %(again)d sealed again", days=len(self.sealed) - again, again=again
        )
        return joined([words, *([] if self.finished else [sentence("more wait")]), *self.problems], "; ")


def last_due(moment: datetime) -> date:
    """Return the newest natural day that can be sealed."""
    return (moment - GRACE).astimezone(CHINA).date() - timedelta(days=1)


def is_due(notary: Notary, moment: datetime) -> bool:
    """Say whether the day before has not been sealed yet."""
    reached = sealed_until(notary)
    return reached is None or reached[0] < last_due(moment)


def names() -> Mapping[int, str]:
    """Return the code of every series: seals name codes, which a migration keeps."""
    directory = stores.directory().current()
    return {one.id: one.code for one in directory.series} if directory else {}


def name_of(codes: Mapping[int, str], key: Key) -> str:
    """Return the name of a series-day's rows in a seal: series and statistic, so that hours open no minutes."""
    number, statistic = key
    return f"{codes.get(number, f'#{number}')}/{statistic}"


def seal_due(notary: Notary) -> Outcome:
    """Seal every finished day that is not sealed yet, and again those with rows that came late.

    Doing it again changes nothing. A sealed row that is no longer as sealed stops the new seal of its day.
    """
    lake, codes, outcome = stores.lake(), names(), Outcome()
    known, newest = lake.known_until(), last_due(now())
    if known is None:
        return outcome
    reached = sealed_until(notary)
    days = {one for one in days_known(lake, reached[1] if reached else None, known) if one <= newest}
    if reached:
        later = (reached[0] + timedelta(days=number) for number in range(1, (newest - reached[0]).days + 1))
        days |= set(later)
    refused = set(changed_days(notary))
    still: list[date] = []
    for day in sorted(days | refused, reverse=True):
        if len(outcome.sealed) >= MOST_DAYS:
            outcome.finished = False
            still += [day] if day in refused else []
            continue
        try:
            done = _seal(notary, lake, codes, day, known)
        except LedgerError as error:
            still.append(day)
            outcome.problems.append(str(error))
            continue
        if done is not None and done.changed:
            outcome.sealed.append(done)
    with notary.state.transaction():
        notary.state.set_fact(_CHANGED, json.dumps(sorted(one.isoformat() for one in still)))
    if outcome.finished:
        set_sealed_until(notary, newest, known)
    return outcome


def changed_days(notary: Notary) -> list[date]:
    """Return the days that were found changed when they should have been sealed again."""
    return [date.fromisoformat(one) for one in json.loads(notary.state.fact(_CHANGED) or "[]")]


def _seal(notary: Notary, lake: Lake, codes: Mapping[int, str], day: date, known: datetime) -> Sealed | None:
    """Seal a day with what was known until a moment; LedgerError when sealed rows are not as they were sealed."""
    old = seal_of(notary, day)
    digests = dict(old.digests) if old else {}
    keys = keys_known(lake, day, old.known_until if old else None, known)
    if not keys:
        return None
    if old is not None and old.known_until is not None:  # a new seal must not cover what nobody sent
        for words in not_given(lake, codes, day, old.known_until):
            raise LedgerError(words)
    for key, rows, moments in stored_rows(lake, day, known, keys):
        name = name_of(codes, key)
        if old is not None and old.known_until is not None:
            before = [row for row, moment in zip(rows, moments, strict=True) if moment <= old.known_until]
            kept = _commit(notary, day, name, before) if before else None
            if kept != old.digests.get(name):  # a new seal would hide it
                raise LedgerError(f"{day} {name}：{_CHANGED_WORDS}")
        digests[name] = _commit(notary, day, name, rows)
    return seal_digests(notary, day, digests, known, replaces=old)


def not_given(lake: Lake, codes: Mapping[int, str], day: date, after: datetime) -> Iterator[str]:
    """Return a sentence for each value of a day, a revision or known after a moment, that nothing gave."""
    path = PipelineSettings(settings.DATA_FOLDER.root).batches_path
    batches = BatchLog(path) if path.exists() else None
    try:
        given = GivenRows(lake, stores.directory().version, batches)
        for later, history in later_rows(lake, day, after):
            for row, words in given.wrong(later, history):
                name = name_of(codes, (row["series"], STATISTICS[row["statistic"]]))
                start = row["start"].astimezone(CHINA)
                yield f"{day} {name} {start:%H:%M} 修订 {row['revision']}：{words}"
    finally:
        if batches is not None:
            batches.close()


def _commit(notary: Notary, day: date, name: str, rows: Rows) -> bytes:
    return commit_series_day(notary, day, name, canonical_rows(name, day, COLUMNS, rows))


def canonical_now(seal: Seal, key: Key, codes: Mapping[int, str]) -> bytes | None:
    """Return the canonical rows of a series-day as stored now, of those known when it was sealed; None without any."""
    lake = stores.lake()
    until = seal.known_until or lake.known_until() or datetime.now(UTC)
    for found, rows, _moments in stored_rows(lake, seal.day, until, [key]):
        return canonical_rows(name_of(codes, found), seal.day, COLUMNS, rows)
    return None


class SealedDays:
    """Compares stored values with the seals of their days; `count` says how many days were looked at."""

    def __init__(self, notary: Notary) -> None:
        self._notary = notary
        self._lake = stores.lake()
        self._codes = names()
        self.count = 0

    def problems(self, *, every_day: bool) -> Iterator[str]:
        """Return a sentence for each series-day that is not as it was sealed, and for seals that do not hold."""
        yield from seal_problems(self._notary)
        days = [date.fromisoformat(one) for one in self._notary.state.sealed_days()]
        turn = now().toordinal() % ROUND
        changed = set(changed_days(self._notary))
        for place, day in enumerate(days):
            newest = place >= len(days) - NEWEST_DAYS
            if every_day or newest or day in changed or day.toordinal() % ROUND == turn:
                self.count += 1
                yield from self._day(day)
        reached = sealed_until(self._notary)
        if reached is not None and now() - datetime.combine(reached[0], datetime.min.time(), CHINA) > (
            timedelta(days=1) + OVERDUE
        ):
            yield f"{reached[0]} 之后没有封存 / no day after this one was sealed"

    def _day(self, day: date) -> Iterator[str]:
        try:
            seal = seal_of(self._notary, day)
        except LedgerError:
            return  # named by seal_problems
        if seal is None or seal.lost:
            return
        until = seal.known_until or self._lake.known_until() or now()
        missing = set(seal.digests)
        keys = keys_known(self._lake, day, None, until)
        for key, rows, _moments in stored_rows(self._lake, day, until, keys):
            name = name_of(self._codes, key)
            missing.discard(name)
            try:
                same = _commit(self._notary, day, name, rows) == seal.digests.get(name)
            except LedgerError:
                same = False
            if not same:
                yield f"{day} {name}：{_CHANGED_WORDS}"
        for name in sorted(missing):
            yield f"{day} {name}：封存的数据已不存在 / the sealed values are gone"
        first = self._notary.state.first_known_until(day.isoformat())
        if first is not None:
            yield from not_given(self._lake, self._codes, day, datetime.fromtimestamp(first, UTC))


def seal_when_due(notary: Notary) -> Outcome | None:
    """Seal once a day, two hours after midnight, and go on while days wait; None when there is nothing to do."""
    return seal_due(notary) if is_due(notary, now()) else None

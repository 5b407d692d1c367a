"""Sealed days: what the stored values of a natural day were, series by series, for good.

A seal covers what had become known until a moment. Late rows lead to a new seal that names the one it replaces,
and only after the rows that the old one covers were found as they were sealed.
"""

from __future__ import annotations

import datetime
import json
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from qingjian.ledger.commitments import SALT_SIZE
from qingjian.ledger.entries import Day, encode_entry, parse_entry
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.hashing import HASH_SIZE
from qingjian.ledger.seals import DaySeal, SeriesDay, series_day, series_day_salt
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.state import SealRow
from qingjian.notary.subjects import day_subject

_SEALED_UNTIL = "sealed_until"
"""Fact of the state: JSON of the last day that was due and of the second until which rows were looked at."""


@dataclass(frozen=True)
class Sealed:
    """Outcome of sealing a day: its subject, revision, root, and the root it replaces."""

    subject: str
    revision: int
    root: bytes
    supersedes: bytes | None
    changed: bool


@dataclass(frozen=True)
class Seal:
    """The newest seal of a day with the commitment of every series in it."""

    day: datetime.date
    revision: int
    root: bytes
    known_until: datetime.datetime | None
    digests: Mapping[str, bytes]

    @property
    def lost(self) -> bool:
        """The seal is in the ledger, but its digests went with what a restored backup did not have."""
        return not self.digests and self.known_until is None

    @property
    def subject(self) -> str:
        return day_subject(self.day.isoformat(), self.revision)

    def tree(self) -> DaySeal:
        """The tree again; LedgerError when it does not have the sealed root."""
        seal = DaySeal(self.day, [SeriesDay(name, digest) for name, digest in self.digests.items()])
        if seal.root != self.root:
            raise LedgerError(f"the kept digests of {self.day} do not lead to the sealed root")
        return seal


def seal_of(notary: Notary, day: datetime.date) -> Seal | None:
    """The newest seal of a day; LedgerError when what is kept of it cannot be read."""
    row = notary.state.seal(day.isoformat())
    return None if row is None else _read(row)


def _read(row: SealRow) -> Seal:
    try:
        names = json.loads(zlib.decompress(row.series)) if row.series else []
        parts = [row.digests[i : i + HASH_SIZE] for i in range(0, len(row.digests), HASH_SIZE)]
        digests = dict(zip(names, parts, strict=True))
    except (ValueError, zlib.error) as error:
        raise LedgerError(f"the kept digests of {row.day} cannot be read: {error}") from error
    known = row.known_until
    moment = None if known is None else datetime.datetime.fromtimestamp(known, datetime.UTC)
    return Seal(datetime.date.fromisoformat(row.day), row.revision, bytes(row.root), moment, digests)


def commit_series_day(notary: Notary, day: datetime.date, series: str, canonical: bytes) -> bytes:
    """32-byte commitment to the canonical rows of a series-day under the secret of the day."""
    return series_day(_secret(notary, day), series, day, canonical).digest


def _secret(notary: Notary, day: datetime.date) -> bytes:
    with notary.state.transaction():
        return notary.state.day_secret(day.isoformat(), secrets.token_bytes(SALT_SIZE))


def seal_digests(
    notary: Notary,
    day: datetime.date,
    digests: Mapping[str, bytes],
    known_until: datetime.datetime | None = None,
    replaces: Seal | None = None,
) -> Sealed:
    """Seal a day from the commitments of its series-days; the same ones again change nothing.

    After late data the new seal names the root of the old one. ``known_until`` (whole seconds) is until when the rows
    that are covered had become known. NotaryError when ``replaces`` is given and is not the newest seal any more.
    """
    name = day.isoformat()
    seal = DaySeal(day, [SeriesDay(series, digest) for series, digest in digests.items()])
    series = zlib.compress(
        json.dumps([item.series for item in seal.series_days], ensure_ascii=False).encode()
    )
    known = None if known_until is None else int(known_until.timestamp())
    with notary.locked():
        old = notary.state.seal(name)
        if old is not None and bytes(old.root) == seal.root:
            return Sealed(day_subject(name, old.revision), old.revision, seal.root, None, changed=False)
        if replaces is not None and (old is None or old.revision != replaces.revision):
            raise NotaryError(f"{name} 已另行封存 / the day was sealed by somebody else meanwhile")
        revision, supersedes = (1, None) if old is None else (old.revision + 1, bytes(old.root))
        subject = day_subject(name, revision)
        entry = encode_entry(Day(day, revision, seal.root, seal.size, supersedes))
        joined = b"".join(item.digest for item in seal.series_days)
        with notary.state.transaction():
            notary.state.add_seal(SealRow(name, revision, seal.root, series, joined, known))
            notary.state.enqueue(subject, entry)
    return Sealed(subject, revision, seal.root, supersedes, changed=True)


# How far sealing has come ----------------------------------------------------------------------------


def sealed_until(notary: Notary) -> tuple[datetime.date, datetime.datetime] | None:
    """Last day that was due when everything was sealed, and until when its rows were known; None before that."""
    text = notary.state.fact(_SEALED_UNTIL)
    if text is None:
        return None
    day, known = json.loads(text)
    return datetime.date.fromisoformat(day), datetime.datetime.fromtimestamp(known, datetime.UTC)


def set_sealed_until(notary: Notary, day: datetime.date, known_until: datetime.datetime) -> None:
    """Remember that every day up to ``day`` is sealed with all that was known until a moment."""
    with notary.state.transaction():
        notary.state.set_fact(_SEALED_UNTIL, json.dumps([day.isoformat(), int(known_until.timestamp())]))


def remember_seals(notary: Notary, entries: Iterable[bytes]) -> None:
    """Take note of seals among entries that recovery brought back, so that the next seal of a day names them."""
    for data in entries:
        try:
            entry = parse_entry(data)
        except LedgerError:
            continue
        if not isinstance(entry, Day):
            continue
        day = entry.day.isoformat()
        known = notary.state.seal(day)
        if known is None or known.revision < entry.revision:
            with notary.state.transaction():
                notary.state.add_seal(SealRow(day, entry.revision, entry.root, b"", b"", None))
                notary.state.enqueue(day_subject(day, entry.revision), data)


# Proving and checking --------------------------------------------------------------------------------


@dataclass(frozen=True)
class SeriesDayProof:
    """What opens one series-day of a seal: salt, place in the day's tree, path, and the seal's place."""

    series: str
    day: datetime.date
    salt: bytes
    index: int
    size: int
    path: tuple[bytes, ...]
    root: bytes
    place: Place


def prove_series_day(notary: Notary, day: datetime.date, series: str) -> SeriesDayProof:
    """Proof of one series under the newest seal of a day; NotaryError when there is none in the ledger yet."""
    found = seal_of(notary, day)
    if found is None:
        raise NotaryError(f"{day} 尚未封存 / the day is not sealed")
    place = notary.state.place(found.subject)
    if place is None:
        raise NotaryError(f"{day} 的封存尚未入账 / the seal is not in the ledger yet")
    tree = found.tree()
    index = tree.place(series)
    salt = series_day_salt(_secret(notary, day), series, day)
    return SeriesDayProof(series, day, salt, index, tree.size, tuple(tree.proof(series)), found.root, place)


def seal_problems(notary: Notary) -> Iterator[str]:
    """What is wrong with kept seals as such: digests that do not lead to the root that was entered, a seal without
    its entry, an entry without its seal, a seal that does not name the one before. Stored rows are not looked at."""
    roots = notary.state.seal_roots()
    entered: dict[tuple[str, int], Day] = {}
    for data in notary.state.queued_entries("day/"):
        try:
            entry = parse_entry(data)
        except LedgerError as error:
            yield f"封存记录读不懂 / unreadable seal: {error}"
            continue
        if isinstance(entry, Day):
            entered[entry.day.isoformat(), entry.revision] = entry
    for day, revision in sorted(roots.keys() | entered.keys()):
        root, found = roots.get((day, revision)), entered.get((day, revision))
        if root is None or found is None or found.root != root:
            yield f"{day} 第 {revision} 次封存与入账的不同 / the seal is not the one that was entered"
        elif found.supersedes != roots.get((day, revision - 1)):
            yield f"{day} 第 {revision} 次封存没有指明所替代的封存 / the seal does not name the one it replaces"
    for row in notary.state.seals():
        try:
            if not (seal := _read(row)).lost:
                seal.tree()
        except LedgerError as error:
            yield f"{row.day} 封存的摘要被改动 / the digests of the seal were changed: {error}"

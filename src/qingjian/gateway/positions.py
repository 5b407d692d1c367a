"""How far each upper platform has what it is to get: one row per target and journal, durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qingjian.gateway.store import from_us, immediate, open_store, to_us

FORMAT = 1
SCHEMA = """
CREATE TABLE positions (
    target TEXT NOT NULL,
    journal TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    forwarded INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0,
    moved_us INTEGER,
    PRIMARY KEY (target, journal)
) WITHOUT ROWID;
CREATE TABLE given_up (
    target TEXT NOT NULL,
    journal TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (target, journal, sequence)
) WITHOUT ROWID;
CREATE TABLE links (
    target TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_us INTEGER,
    changed_us INTEGER NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a target has one journal."""

    target: str
    journal: str
    sequence: int
    """Everything up to here is at the target, or is none of its business."""
    forwarded: int
    skipped: int
    """Frames the target has no interest in (other devices, answers, heartbeats)."""
    given_up: int
    """Frames the target did not acknowledge although it acknowledged others; see `GivenUp`."""
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A frame that a target never took."""

    target: str
    journal: str
    sequence: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LinkState:
    """The connection to a target."""

    target: str
    state: str
    """connected, waiting (between attempts) or off."""
    reason: str
    attempts: int
    next_attempt_at: datetime | None
    changed_at: datetime


class PositionStore:
    """SQLite; a position is on disk when `advance` returns."""

    def __init__(self, path: Path) -> None:
        self._connection = open_store(path, SCHEMA, FORMAT, durable=True)

    def begin_all(self, target: str, behind: Mapping[str, int]) -> None:
        """Begin a new target behind a sequence of every journal there is, all at once; one with positions keeps them."""
        with immediate(self._connection):
            known = self._connection.execute(
                "SELECT 1 FROM positions WHERE target = ? LIMIT 1", (target,)
            ).fetchone()
            if known is None:
                self._connection.executemany(
                    "INSERT INTO positions(target, journal, sequence) VALUES (?,?,?)",
                    [(target, journal, sequence) for journal, sequence in behind.items()],
                )

    def begin(self, target: str, journal: str, sequence: int = 0) -> Position:
        """Return the position of a target in a journal; a new one begins behind `sequence`."""
        with immediate(self._connection):
            self._connection.execute(
                "INSERT INTO positions(target, journal, sequence) VALUES (?,?,?) ON CONFLICT DO NOTHING",
                (target, journal, sequence),
            )
        found = self.position(target, journal)
        assert found is not None  # noqa: S101 - just inserted
        return found

    def restart(self, target: str, journal: str, sequence: int) -> None:
        """Forward again what lies behind `sequence` (a person's decision)."""
        with immediate(self._connection):
            self._connection.execute(
                "INSERT INTO positions(target, journal, sequence) VALUES (?,?,?)"
                " ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
                (target, journal, sequence),
            )

    def advance(
        self,
        target: str,
        journal: str,
        sequence: int,
        now: datetime,
        *,
        forwarded: int = 0,
        skipped: int = 0,
        given_up: Sequence[tuple[int, str]] = (),
        start: int | None = None,
    ) -> bool:
        """Move a position forward together with what became of the frames on the way.

        `start` is where the caller took it up; False, and nothing is changed, when it was set elsewhere meanwhile.
        """
        with immediate(self._connection):
            moved = self._connection.execute(
                "UPDATE positions SET sequence = ?, forwarded = forwarded + ?, skipped = skipped + ?,"
                " given_up = given_up + ?, moved_us = ? WHERE target = ? AND journal = ?"
                " AND (? IS NULL OR sequence = ?)",
                (sequence, forwarded, skipped, len(given_up), to_us(now), target, journal, start, start),
            ).rowcount
            if not moved:
                return False
            self._connection.executemany(
                "INSERT OR REPLACE INTO given_up VALUES (?,?,?,?,?)",
                [(target, journal, one, reason, to_us(now)) for one, reason in given_up],
            )
        return True

    def link(
        self,
        target: str,
        state: str,
        now: datetime,
        *,
        reason: str = "",
        attempts: int = 0,
        next_attempt_at: datetime | None = None,
    ) -> None:
        """Say how the connection to a target stands."""
        with immediate(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO links VALUES (?,?,?,?,?,?)",
                (target, state, reason, attempts, to_us(next_attempt_at), to_us(now)),
            )

    def position(self, target: str, journal: str) -> Position | None:
        return next((one for one in self.positions(target) if one.journal == journal), None)

    def positions(self, target: str | None = None) -> list[Position]:
        rows = self._connection.execute(
            "SELECT target, journal, sequence, forwarded, skipped, given_up, moved_us FROM positions"
            " WHERE ? IS NULL OR target = ? ORDER BY target, journal",
            (target, target),
        )
        return [Position(row[0], row[1], row[2], row[3], row[4], row[5], from_us(row[6])) for row in rows]

    def given_up(self, target: str, limit: int = 100) -> list[GivenUp]:
        """Return the newest frames a target never took."""
        rows = self._connection.execute(
            "SELECT target, journal, sequence, reason, at_us FROM given_up WHERE target = ?"
            " ORDER BY at_us DESC, sequence DESC LIMIT ?",
            (target, limit),
        ).fetchall()
        return [
            GivenUp(row[0], row[1], row[2], row[3], at) for row in rows if (at := from_us(row[4])) is not None
        ]

    def links(self) -> dict[str, LinkState]:
        rows = self._connection.execute(
            "SELECT target, state, reason, attempts, next_attempt_us, changed_us FROM links"
        ).fetchall()
        return {
            row[0]: LinkState(row[0], row[1], row[2], row[3], from_us(row[4]), at)
            for row in rows
            if (at := from_us(row[5])) is not None
        }

    def close(self) -> None:
        self._connection.close()

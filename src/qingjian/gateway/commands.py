"""The durable command queue on SQLite (contracts.commands.CommandQueue)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qingjian.contracts.commands import FINAL_STATES, Command, CommandState
from qingjian.gateway.store import from_us, immediate, moment_from_us, open_store, to_us

FORMAT = 1
SCHEMA = """
CREATE TABLE commands (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    mn TEXT NOT NULL,
    code TEXT NOT NULL,
    parameters TEXT NOT NULL,
    author TEXT NOT NULL,
    authorisation TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    claimed_by TEXT NOT NULL,
    qn TEXT NOT NULL,
    result_code TEXT NOT NULL,
    detail TEXT NOT NULL,
    answers TEXT NOT NULL,
    updated_us INTEGER
);
CREATE INDEX commands_state ON commands(state, mn);
CREATE INDEX commands_mn ON commands(mn, position)
"""
_COLUMNS = (
    "id, mn, code, parameters, author, authorisation, created_us, expires_us, purpose, state, claimed_by, qn,"
    " result_code, detail, answers, updated_us"
)
_SELECT = f"SELECT {_COLUMNS} FROM commands"  # noqa: S608 - constant text
_CLAIMABLE = (
    f"{_SELECT} WHERE state = 'queued' AND expires_us > ? AND mn IN (SELECT value FROM json_each(?))"  # noqa: S608
    " ORDER BY created_us, position"
)
_UNFINISHED = f"{_SELECT} WHERE state IN ('sent', 'accepted') AND mn IN (SELECT value FROM json_each(?)) ORDER BY position"  # noqa: S608
_SENT = f"{_SELECT} WHERE mn = ? AND qn <> '' ORDER BY position DESC LIMIT ?"
_RESULT = ("state", "result_code")
_CHANGEABLE = frozenset({"state", "qn", "result_code", "detail", "answers", "claimed_by"})
_FINAL = tuple(sorted(FINAL_STATES))
_NOT_FINAL = "state NOT IN (" + ",".join("?" * len(_FINAL)) + ")"


class SqliteCommandQueue:
    """One file for all processes of a node; every change is on disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self._connection = open_store(path, SCHEMA, FORMAT, durable=True)

    def put(self, command: Command) -> None:
        """Store a queued command; the same id again changes nothing. ValueError without authorisation."""
        if not command.authorisation:
            raise ValueError(
                f"命令 {command.id} 没有授权 · command {command.id} carries no authorisation and is refused"
            )
        if command.state is not CommandState.QUEUED:
            raise ValueError(f"a new command is queued, not {command.state}")
        if command.expires_at <= command.created_at:
            raise ValueError("a command must expire after it was made")
        with immediate(self._connection):
            self._connection.execute(
                f"INSERT INTO commands({_COLUMNS}) VALUES ({','.join('?' * 16)}) ON CONFLICT(id) DO NOTHING",  # noqa: S608
                (
                    command.id, command.mn, command.code, _json(dict(command.parameters)), command.author,
                    command.authorisation, to_us(command.created_at), to_us(command.expires_at), command.purpose,
                    command.state.value, "", "", "", command.detail, "[]", to_us(command.created_at),
                ),
            )  # fmt: skip

    def claim(self, gateway: str, mns: Iterable[str], now: datetime) -> Sequence[Command]:
        """Hand out queued, unexpired commands of these devices, oldest first, each to one process."""
        wanted = _json(sorted(set(mns)))
        with immediate(self._connection):
            rows = self._connection.execute(_CLAIMABLE, (to_us(now), wanted)).fetchall()
            self._connection.executemany(
                "UPDATE commands SET state = 'claimed', claimed_by = ?, updated_us = ? WHERE id = ?",
                [(gateway, to_us(now), row[0]) for row in rows],
            )
        return [
            _command((*row[:9], CommandState.CLAIMED.value, gateway, *row[11:15], to_us(now))) for row in rows
        ]

    def release(self, gateway: str, now: datetime, mns: Iterable[str] | None = None) -> int:
        """Give back what a process claimed and had not sent, of some devices or (without `mns`) of all."""
        wanted = None if mns is None else _json(sorted(set(mns)))
        with immediate(self._connection):
            done = self._connection.execute(
                "UPDATE commands SET state = 'queued', claimed_by = '', updated_us = ?"
                " WHERE state = 'claimed' AND claimed_by = ?"
                " AND (? IS NULL OR mn IN (SELECT value FROM json_each(?)))",
                (to_us(now), gateway, wanted, wanted),
            )
        return done.rowcount

    def update(self, command_id: str, now: datetime, **changes: Any) -> Command:
        """Change state, qn, result_code, detail, claimed_by; `answers` are added to those already known."""
        with immediate(self._connection):
            before = self._get(command_id)
            if before is None:
                raise KeyError(command_id)
            if before.state.is_final:
                raise ValueError(f"command {command_id} has ended as {before.state}")
            self._change(before, now, changes)
            after = self._get(command_id)
        assert after is not None  # noqa: S101 - it was there within this transaction
        return after

    def expire(self, now: datetime) -> Sequence[Command]:
        """Move overdue commands to EXPIRED and return them."""
        with immediate(self._connection):
            rows = self._connection.execute(
                f"{_SELECT} WHERE {_NOT_FINAL} AND expires_us <= ? ORDER BY position", (*_FINAL, to_us(now))
            ).fetchall()
            self._connection.executemany(
                "UPDATE commands SET state = 'expired', updated_us = ? WHERE id = ?",
                [(to_us(now), row[0]) for row in rows],
            )
        return [_command((*row[:9], CommandState.EXPIRED.value, *row[10:15], to_us(now))) for row in rows]

    def get(self, command_id: str) -> Command | None:
        return self._get(command_id)

    def recent(self, mn: str | None = None, limit: int = 50) -> Sequence[Command]:
        """Return the newest commands, of one device or of all."""
        where, values = ("", ()) if mn is None else (" WHERE mn = ?", (mn,))
        rows = self._connection.execute(f"{_SELECT}{where} ORDER BY position DESC LIMIT ?", (*values, limit))
        return [_command(row) for row in rows]

    def report(self, command_id: str, gateway: str, now: datetime, **changes: Any) -> bool:
        """`update` by the process that holds the command; False when it has ended or another process holds it.

        A late result of a command that was given up for want of an answer may come from any process.
        """
        with immediate(self._connection):
            before = self._get(command_id)
            if before is None:
                return False
            if before.state.is_final:
                after = replace(before, **{name: changes[name] for name in _RESULT if name in changes})
                if not before.may_still_end or not after.state.is_final or after.may_still_end:
                    return False
            elif before.claimed_by != gateway:
                return False
            self._change(before, now, changes)
        return True

    def adopt(self, gateway: str, mns: Iterable[str], now: datetime) -> Sequence[Command]:
        """Take over the commands that these devices were sent by another process and have not finished.

        For a process to which the devices have moved (or that was started again): the oldest of each device.
        """
        wanted = _json(sorted(set(mns)))
        rows = self._connection.execute(_UNFINISHED, (wanted,)).fetchall()
        if not rows:
            return []
        adopted: list[Command] = []
        with immediate(self._connection):
            for row in self._connection.execute(_UNFINISHED, (wanted,)).fetchall():
                if all(row[1] != one.mn for one in adopted):
                    self._connection.execute(
                        "UPDATE commands SET claimed_by = ?, updated_us = ? WHERE id = ?",
                        (gateway, to_us(now), row[0]),
                    )
                    adopted.append(_command((*row[:10], gateway, *row[11:15], to_us(now))))
        return adopted

    def sent_before(self, mns: Iterable[str], limit: int = 32) -> Sequence[Command]:
        """Return the last commands that each of these devices was sent, newest first."""
        rows = []
        for mn in sorted(set(mns)):
            rows += self._connection.execute(_SENT, (mn, limit)).fetchall()
        return [_command(row) for row in rows]

    def has_queued(self) -> bool:
        """Whether any command waits to be claimed; needs no lock."""
        return (
            self._connection.execute("SELECT 1 FROM commands WHERE state = 'queued' LIMIT 1").fetchone()
            is not None
        )

    def has_overdue(self, now: datetime) -> bool:
        """Whether any command is to be expired; needs no lock."""
        row = self._connection.execute(
            "SELECT 1 FROM commands WHERE state IN ('queued', 'claimed', 'sent', 'accepted') AND expires_us <= ? LIMIT 1",
            (to_us(now),),
        ).fetchone()
        return row is not None

    def changed_secrets(self) -> Sequence[Command]:
        """Return the successful changes of passwords (1072) and keys (1014), first sent first: a result may come late."""
        rows = self._connection.execute(
            f"{_SELECT} WHERE state = 'succeeded' AND code IN ('1072', '1014') ORDER BY qn, updated_us"
        )
        return [_command(row) for row in rows]

    def close(self) -> None:
        self._connection.close()

    def _change(self, before: Command, now: datetime, changes: dict[str, Any]) -> None:
        unknown = set(changes) - _CHANGEABLE
        if unknown:
            raise ValueError(f"cannot change {', '.join(sorted(unknown))} of a command")
        if "answers" in changes:
            added = [tuple(one) for one in changes["answers"] if tuple(one) not in before.answers]
            changes["answers"] = _json([*before.answers, *added])
        if "state" in changes:
            changes["state"] = CommandState(changes["state"]).value
        changes["updated_us"] = to_us(now)
        columns = ", ".join(f"{name} = ?" for name in changes)
        self._connection.execute(
            f"UPDATE commands SET {columns} WHERE id = ?",  # noqa: S608 - names checked above
            (*changes.values(), before.id),
        )

    def _get(self, command_id: str) -> Command | None:
        row = self._connection.execute(_SELECT + " WHERE id = ?", (command_id,)).fetchone()
        return None if row is None else _command(row)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _command(row: tuple[Any, ...] | sqlite3.Row) -> Command:
    return Command(
        id=row[0],
        mn=row[1],
        code=row[2],
        parameters=json.loads(row[3]),
        author=row[4],
        authorisation=row[5],
        created_at=moment_from_us(row[6]),
        expires_at=moment_from_us(row[7]),
        purpose=row[8],
        state=CommandState(row[9]),
        claimed_by=row[10],
        qn=row[11],
        result_code=row[12],
        detail=row[13],
        answers=tuple((journal, sequence) for journal, sequence in json.loads(row[14])),
        updated_at=from_us(row[15]),
    )

"""Who is connected, on SQLite (contracts.presence.PresenceStore)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from qingjian.contracts.presence import Presence
from qingjian.gateway.store import from_us, immediate, open_store, to_us

FORMAT = 1
SCHEMA = """
CREATE TABLE presence (
    mn TEXT PRIMARY KEY,
    gateway TEXT NOT NULL,
    peer TEXT NOT NULL,
    registered INTEGER NOT NULL,
    connected_us INTEGER,
    disconnected_us INTEGER,
    last_frame_us INTEGER,
    accepted INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_refusal TEXT NOT NULL,
    last_deviations TEXT NOT NULL,
    clock_offset_seconds REAL
) WITHOUT ROWID
"""
_COLUMNS = (
    "mn, gateway, peer, registered, connected_us, disconnected_us, last_frame_us, accepted, refused, last_refusal,"
    " last_deviations, clock_offset_seconds"
)


class SqlitePresenceStore:
    """One file for all gateway processes of a node. What it says is news, not record: a power cut may cost the last second."""

    def __init__(self, path: Path) -> None:
        self._connection = open_store(path, SCHEMA, FORMAT, durable=False)

    def write(self, rows: Sequence[Presence]) -> None:
        """Replace the rows of these devices, except where another process holds a newer connection."""
        with immediate(self._connection):
            self._connection.executemany(
                f"INSERT INTO presence({_COLUMNS}) VALUES ({','.join('?' * 12)})"  # noqa: S608 - constant text
                " ON CONFLICT(mn) DO UPDATE SET gateway = excluded.gateway, peer = excluded.peer,"
                " registered = excluded.registered, connected_us = excluded.connected_us,"
                " disconnected_us = excluded.disconnected_us, last_frame_us = excluded.last_frame_us,"
                " accepted = excluded.accepted, refused = excluded.refused,"
                " last_refusal = excluded.last_refusal, last_deviations = excluded.last_deviations,"
                " clock_offset_seconds = excluded.clock_offset_seconds"
                " WHERE presence.gateway = excluded.gateway OR presence.connected_us IS NULL"
                " OR presence.connected_us <= excluded.connected_us"
                # After a jump of the clock a new connection may bear an older time than one that has ended.
                " OR (presence.disconnected_us >= presence.connected_us AND excluded.disconnected_us IS NULL"
                " AND excluded.connected_us IS NOT NULL)",
                [
                    (
                        row.mn, row.gateway, row.peer, int(row.registered), to_us(row.connected_at),
                        to_us(row.disconnected_at), to_us(row.last_frame_at), row.accepted, row.refused,
                        row.last_refusal, json.dumps(row.last_deviations), row.clock_offset_seconds,
                    )
                    for row in rows
                ],
            )  # fmt: skip

    def read(self, mn: str | None = None) -> Sequence[Presence]:
        """Return one device's row or all, by MN."""
        where, values = ("", ()) if mn is None else (" WHERE mn = ?", (mn,))
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM presence{where} ORDER BY mn",  # noqa: S608 - constant text
            values,
        )
        return [
            Presence(
                mn=row[0],
                gateway=row[1],
                peer=row[2],
                registered=bool(row[3]),
                connected_at=from_us(row[4]),
                disconnected_at=from_us(row[5]),
                last_frame_at=from_us(row[6]),
                accepted=row[7],
                refused=row[8],
                last_refusal=row[9],
                last_deviations=tuple(json.loads(row[10])),
                clock_offset_seconds=row[11],
            )
            for row in rows
        ]

    def held_elsewhere(self, gateway: str) -> dict[str, int]:
        """Return MN → microseconds of its connection, of the devices that other processes hold."""
        rows = self._connection.execute(
            "SELECT mn, connected_us FROM presence WHERE gateway <> ? AND connected_us IS NOT NULL"
            " AND (disconnected_us IS NULL OR disconnected_us < connected_us)",
            (gateway,),
        )
        return dict(rows.fetchall())

    def close(self) -> None:
        self._connection.close()

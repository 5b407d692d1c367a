"""Instances of DuckDB that several lakes use, each through a connection of its own."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from qingjian.lake import reading

_USES = 100
"""Of one instance: it keeps what it read of files that are gone by then."""


class Engines:
    """Stands for `duckdb.connect`: equal configurations get a connection to one instance."""

    def __init__(self) -> None:
        self._new = duckdb.connect
        self._made: dict[tuple[Any, ...], tuple[duckdb.DuckDBPyConnection, int]] = {}

    def connect(self, database: str, config: dict[str, str] | None = None) -> duckdb.DuckDBPyConnection:
        key = (database, *sorted((config or {}).items()))
        kept, uses = self._made.get(key, (None, _USES))
        if kept is None or uses >= _USES:
            kept, uses = self._new(database, config=config or {}), 0
        self._made[key] = (kept, uses + 1)
        return kept.cursor()


ENGINES = Engines()


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lakes share an instance of DuckDB: making one takes longer than most tests do with it, which have a lake each."""
    monkeypatch.setattr(reading.duckdb, "connect", ENGINES.connect)

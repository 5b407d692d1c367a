"""What every store of latest values must do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qingjian.contracts.latest import LatestStore, LatestValue
from qingjian.pipeline.database import StoreTooNewError, open_database
from qingjian.pipeline.latest import SqliteLatestStore

START = datetime(2026, 3, 1, tzinfo=UTC)


def value(number: float | None, minute: int = 0, **changes: object) -> LatestValue:
    start = START + timedelta(minutes=minute)
    made = LatestValue(
        1, "minute", start, number, "N", start + timedelta(seconds=61), "gateway-1", minute + 1
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def sqlite_store(folder: Path) -> LatestStore:
    return SqliteLatestStore(folder / "latest.sqlite3")


@pytest.fixture(params=[sqlite_store])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LatestStore:
    make: Callable[[Path], LatestStore] = request.param
    return make(tmp_path)


def test_the_newest_period_stays(store: LatestStore) -> None:
    store.write([value(1, 5)])
    store.write([value(2, 4), value(3, 6), value(4, 5)])
    assert list(store.read()) == [value(3, 6)]


def test_a_revision_of_the_same_period_replaces(store: LatestStore) -> None:
    store.write([value(1)])
    store.write([value(2, revision=1)])
    store.write([value(1)])
    assert store.read()[0].value == 2


def test_series_and_statistics_are_apart(store: LatestStore) -> None:
    store.write([value(1), value(2, statistic="hour"), value(None, series=2, flag="D")])
    assert [one.value for one in store.read([1])] == [2, 1]
    assert [one.series for one in store.read(statistic="minute")] == [1, 2]
    assert store.read([2])[0].value is None
    assert list(store.read([])) == []
    assert list(store.read([1, 2], "hour")) == [value(2, statistic="hour")]


def test_the_change_number_grows_with_every_write(store: LatestStore) -> None:
    numbers = [store.change_number()]
    for minute in range(3):
        store.write([value(1, minute)])
        numbers.append(store.change_number())
    assert numbers == sorted(set(numbers))


def test_sqlite_keeps_positions_in_the_same_file(tmp_path: Path) -> None:
    store = SqliteLatestStore(tmp_path / "l.sqlite3")
    store.write_rows([], {"gateway-1": 9})
    store.write_rows([], {"gateway-1": 4})
    assert store.position("gateway-1") == 9
    assert store.position("gateway-2") == 0


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "l.sqlite3", "CREATE TABLE one (number INTEGER)")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreTooNewError, match="99"):
        SqliteLatestStore(tmp_path / "l.sqlite3")

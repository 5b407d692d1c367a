"""Writing batches and reading them back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from qingjian.contracts.clock import ManualClock
from qingjian.lake import Lake, LakeBusyError, LakeTooNewError

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=90)
Maker = Callable[..., pa.Table]


def values(lake: Lake, series: int = 1, **options: object) -> list[float]:
    return lake.series([series], "minute", START, END, **options).column("value").to_pylist()  # type: ignore[arg-type]


def test_what_is_appended_is_read(lake: Lake, rows: Maker) -> None:
    batch = lake.next_batch(positions={"gateway-1": 2})
    outcome = lake.append(batch, observations=rows([(1, 0, 1.25), (1, 1, 2.5), (2, 0, 7)]))
    assert (outcome.stored, outcome.new, outcome.repeated) == (True, 3, 0)
    found = lake.series([1], "minute", START, END)
    assert found.column("value").to_pylist() == [1.25, 2.5]
    assert found.column("statistic").to_pylist() == ["minute"] * 2
    assert found.column("known_at").to_pylist() == [START] * 2
    assert found.column("sequence").to_pylist() == [0, 1]
    assert lake.position("gateway-1") == 2
    assert lake.batch() == 1


def test_an_empty_lake_answers(lake: Lake) -> None:
    assert values(lake) == []
    assert lake.batch() == 0
    assert lake.known_until() is None
    assert lake.frame("gateway-1", 1) is None
    assert lake.frames(START, END).num_rows == 0
    assert lake.statements(START, END).num_rows == 0


def test_a_reader_in_the_same_folder_sees_each_commit(lake: Lake, rows: Maker) -> None:
    reader = Lake(lake.folder)
    assert values(reader) == []
    for number in range(5):
        lake.append(lake.next_batch(), observations=rows([(1, number, number)]))
        assert values(reader) == list(range(number + 1))


def test_the_same_batch_again_changes_nothing(lake: Lake, rows: Maker) -> None:
    lake.append(lake.next_batch(), observations=rows([(1, 0, 1)]))
    batch = lake.next_batch()
    first = lake.append(batch, observations=rows([(1, 0, 2), (1, 1, 3)]))
    again = lake.append(batch, observations=rows([(1, 0, 2), (1, 1, 3)]))
    assert first.stored
    assert not again.stored
    assert again.changes.equals(first.changes)
    assert again.rows.equals(first.rows)
    assert values(lake, all_revisions=True) == [1, 2, 3]


def test_a_batch_cut_between_the_tables_is_completed(
    lake: Lake, rows: Maker, frames: Maker, clock: ManualClock
) -> None:
    batch = lake.next_batch()
    lake.append(batch, frames=frames(1, 3), observations=rows([]))
    # the process died before the observations: undo only their commit
    with Lake(lake.folder.with_name("other"), clock) as other:
        other.open_for_writing()
        other._put(other.frames_table, "received_at", _frames_of(lake), batch, always=False)
        outcome = other.append(batch, frames=frames(1, 3), observations=rows([(1, 0, 1)]))
        assert outcome.stored
        assert other.frames(START, END).num_rows == 3
        assert values(other) == [1]


def _frames_of(lake: Lake) -> pa.Table:
    stored = lake._engine.table(f"SELECT * FROM read_parquet({lake.frames_table.paths(lambda one: True)})")
    return stored.select(lake.frames_table.schema.names).cast(lake.frames_table.schema)


def test_resends_are_counted_and_changes_become_revisions(lake: Lake, rows: Maker) -> None:
    lake.append(lake.next_batch(), observations=rows([(1, 0, 1), (1, 1, 2)]))
    outcome = lake.append(lake.next_batch(), observations=rows([(1, 0, 1), (1, 1, 2.5), (1, 2, 3)]))
    assert (outcome.new, outcome.repeated, outcome.changes.num_rows) == (1, 1, 1)
    change = outcome.changes.to_pylist()[0]
    assert (change["old_value"], change["new_value"], change["revision"]) == (2, 2.5, 1)
    assert (change["old_sequence"], change["new_sequence"]) == (1, 1)
    assert values(lake) == [1, 2.5, 3]
    history = lake.observation_history(1, "minute", START + timedelta(minutes=1))
    assert history.column("value").to_pylist() == [2, 2.5]
    assert history.column("revision").to_pylist() == [0, 1]


def test_as_of_shows_what_was_known(lake: Lake, rows: Maker, clock: ManualClock) -> None:
    lake.append(lake.next_batch(), observations=rows([(1, 0, 1)]))
    before = lake.known_until()
    clock.advance(3600)
    lake.append(lake.next_batch(), observations=rows([(1, 0, 9), (1, 1, 2)]))
    assert values(lake, as_of=before) == [1]
    assert values(lake) == [9, 2]
    assert values(lake, as_of=START - timedelta(days=1)) == []


def test_known_at_grows_even_when_the_clock_jumps_back(lake: Lake, rows: Maker, clock: ManualClock) -> None:
    lake.append(lake.next_batch(), observations=rows([(1, 0, 1)]))
    clock.set_wall(START - timedelta(days=1))
    later = lake.next_batch()
    assert later.known_at == START + timedelta(seconds=1)


def test_within_one_batch_arrivals_keep_their_order(lake: Lake, rows: Maker) -> None:
    outcome = lake.append(lake.next_batch(), observations=rows([(1, 0, 1), (1, 0, 2), (1, 0, 2), (1, 0, 1)]))
    assert (outcome.new, outcome.repeated, outcome.changes.num_rows) == (1, 1, 2)
    assert values(lake, all_revisions=True) == [1, 2, 1]
    assert values(lake) == [1]


def test_months_are_local(lake: Lake, rows: Maker) -> None:
    lake.append(
        lake.next_batch(),
        observations=rows([(1, 0, 1), (1, 31 * 1440 - 8 * 60 - 1, 2), (1, 31 * 1440 - 8 * 60, 3)]),
    )
    months = {(one.month, one.rows) for one in lake.observations.pin().files}
    assert months == {("2026-03", 2), ("2026-04", 1)}
    assert values(lake) == [1, 2, 3]


def test_only_one_process_writes(lake: Lake, rows: Maker) -> None:
    lake.open_for_writing()
    with Lake(lake.folder) as other, pytest.raises(LakeBusyError, match="另一进程"):
        other.append(other_batch(lake), observations=rows([(1, 0, 1)]))


def other_batch(lake: Lake) -> object:
    return lake.next_batch()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("99")
    with pytest.raises(LakeTooNewError):
        Lake(tmp_path)


def test_frames_are_found_by_their_identity(lake: Lake, frames: Maker) -> None:
    lake.append(lake.next_batch(), frames=frames(1, 50))
    lake.append(lake.next_batch(), frames=frames(51, 50))
    found = lake.frame("gateway-1", 77)
    assert found is not None
    assert found["content"] == b"##77\r\n"
    assert lake.frame("gateway-2", 77) is None
    newest = lake.frames(START, END, mn="MN1", limit=3, newest_first=True)
    assert newest.column("sequence").to_pylist() == [100, 99, 98]
    page = lake.frames(START, END, after=("gateway-1", 98))
    assert page.column("sequence").to_pylist() == [99, 100]


def test_threads_share_one_lake(lake: Lake, rows: Maker) -> None:
    with Lake(lake.folder) as reader, ThreadPoolExecutor(6) as pool:
        for number in range(15):
            lake.append(lake.next_batch(), observations=rows([(1, number, number)]))
            found = list(pool.map(lambda _: len(values(reader)), range(12)))
            assert found == [number + 1] * 12


def test_nothing_is_written_beside_the_lake(
    lake: Lake, rows: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    lake.append(lake.next_batch(), observations=rows([(1, 0, 1)]))
    lake.settle("2026-03")
    values(lake)
    assert list(elsewhere.iterdir()) == []

"""Compaction and the switch of a month keep every row, and readers never notice."""

import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from qingjian.contracts.clock import ManualClock
from qingjian.lake import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=90)
Maker = Callable[..., pa.Table]


def everything(lake: Lake) -> list[dict[str, object]]:
    return lake.series(range(1, 40), "minute", START, END, all_revisions=True).to_pylist()


def fill(lake: Lake, rows: Maker, batches: int = 12) -> None:
    for number in range(batches):
        lake.append(
            lake.next_batch(),
            observations=rows(
                [(series, number * 700 + series % 3, series + number) for series in range(1, 40)]
            ),
        )


def areas(lake: Lake) -> set[tuple[str, str]]:
    lake.observations.refresh()
    return {(one.area, one.bucket) for one in lake.observations.pin().files}


def test_compaction_sorts_by_local_day_and_keeps_all(lake: Lake, rows: Maker, frames: Maker) -> None:
    fill(lake, rows)
    lake.append(lake.next_batch(), frames=frames(1, 10))
    before = everything(lake)
    assert lake.compact(at_least=4) == 12
    assert {area for area, _ in areas(lake)} == {"recent"}
    assert ("recent", "2026-03-01") in areas(lake)
    assert everything(lake) == before
    assert lake.compact(at_least=4) == 0


def test_crowded_days_are_merged(lake: Lake, rows: Maker) -> None:
    for number in range(10):
        lake.append(lake.next_batch(), observations=rows([(1, number, number)]))
        lake.compact(at_least=1)
    lake.observations.refresh()
    assert len(lake.observations.pin().files) < 8
    assert len(everything(lake)) == 10


def test_a_settled_month_has_series_buckets_and_late_rows_merge(lake: Lake, rows: Maker) -> None:
    fill(lake, rows)
    before = everything(lake)
    assert lake.settle("2026-03") == len(before)
    assert {area for area, _ in areas(lake)} == {"settled"}
    assert len(areas(lake)) == 16
    assert everything(lake) == before
    lake.append(lake.next_batch(), observations=rows([(1, 1, 99), (1, 30, 5)]))
    late = everything(lake)
    assert len(late) == len(before) + 2
    assert lake.unsettled_months(END) == ["2026-03"]
    assert lake.unsettled_months(START) == []
    lake.settle("2026-03")
    assert everything(lake) == late
    assert lake.settle("2026-03") == 0
    assert lake.settle("2027-01") == 0


def test_readers_are_undisturbed_by_compaction(lake: Lake, rows: Maker) -> None:
    fill(lake, rows, 20)
    expected = len(everything(lake))
    wrong: list[int] = []
    done = threading.Event()

    def read() -> None:
        with Lake(lake.folder) as reader:
            while not done.is_set():
                found = len(everything(reader))
                if found != expected:
                    wrong.append(found)

    thread = threading.Thread(target=read)
    thread.start()
    lake.compact(at_least=2)
    lake.settle("2026-03")
    done.set()
    thread.join()
    assert wrong == []


def test_a_reader_whose_files_went_away_reads_once_more(lake: Lake, rows: Maker) -> None:
    fill(lake, rows)
    reader = Lake(lake.folder)
    before = everything(reader)
    old = [lake.folder / "observations" / one.path for one in reader.observations.pin().files]
    refresh = reader.observations.refresh
    lake.compact(at_least=2)
    for path in old:
        path.unlink()
    reader.observations.refresh = lambda: None  # type: ignore[method-assign]
    assert everything(reader) == before
    reader.observations.refresh = refresh  # type: ignore[method-assign]


def test_vacuum_keeps_a_day_at_least(lake: Lake, clock: ManualClock, rows: Maker) -> None:
    clock.set_wall(datetime.now(UTC))  # deltalake compares with the clock of the machine
    fill(lake, rows)
    lake.compact(at_least=2)
    with pytest.raises(ValueError, match="24"):
        lake.vacuum(hours=23)
    before = len(list((lake.folder / "observations").rglob("*.parquet")))
    lake.vacuum(hours=24)
    assert len(list((lake.folder / "observations").rglob("*.parquet"))) == before


def test_a_torn_log_entry_of_a_power_cut_is_dropped(tmp_path: Path, rows: Maker) -> None:
    clock = ManualClock(START)
    with Lake(tmp_path / "lake", clock) as lake:
        fill(lake, rows, 3)
        batch = lake.next_batch()
        before = everything(lake)
        lake.append(batch, observations=rows([(1, 5000, 1)]))
    shutil.copytree(tmp_path / "lake", tmp_path / "cut")
    log = sorted((tmp_path / "cut" / "observations" / "_delta_log").glob("*.json"))[-1]
    for torn in (b"", log.read_bytes()[:50]):
        log.write_bytes(torn)
        with Lake(tmp_path / "cut", clock) as cut:
            cut.open_for_writing()
            assert everything(cut) == before
            assert cut.batch() == 3
            cut.append(batch, observations=rows([(1, 5000, 1)]))
            assert len(everything(cut)) == len(before) + 1


def test_many_commits_are_folded_and_stay_readable(lake: Lake, rows: Maker) -> None:
    for number in range(120):
        lake.append(lake.next_batch(), observations=rows([(1, number, number)]))
    assert len(list((lake.folder / "observations" / "_delta_log").glob("*.checkpoint.parquet"))) >= 2
    with Lake(lake.folder) as reader:
        assert len(everything(reader)) == 120
        assert reader.batch() == 120


def test_statistics_count_every_column_and_the_log(lake: Lake, rows: Maker) -> None:
    fill(lake, rows)
    report = lake.statistics()["observations"]
    assert report["rows"] == report["numbers"] == 12 * 39
    assert report["bytes_per_number"] == (report["data_bytes"] + report["log_bytes"]) / (12 * 39)

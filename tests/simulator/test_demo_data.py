"""The packaged measurements: allowed periods, licences, coverage, agreement between history and devices."""

# ruff: noqa: DTZ001 - sources are in civil time without a zone

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from qingjian.contracts.clock import CHINA
from qingjian.simulator import demo
from qingjian.simulator.demo.datasets import MISSING

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
START = NOW - timedelta(days=400)
ALLOWED = {
    "air": (datetime(2013, 3, 1), datetime(2015, 3, 1)),
    "stack": (datetime(2011, 1, 1), datetime(2012, 1, 1)),
    "river": (datetime(2014, 1, 1), datetime(2019, 4, 1)),
    "waste_water": (datetime(2021, 1, 1), datetime(2023, 1, 1)),
}


@pytest.fixture(scope="module")
def history() -> pa.Table:
    return pa.concat_tables(demo.history(START, NOW))


@pytest.mark.parametrize("code", sorted(demo.datasets()))
def test_only_allowed_periods_are_packaged(code: str) -> None:
    dataset = demo.datasets()[code]
    first, last = ALLOWED[dataset.kind]
    assert first <= dataset.span.start < dataset.span.end <= last
    assert {len(column) for column in dataset.columns.values()} == {dataset.span.rows}
    assert all((column != MISSING).mean() > 0.4 for column in dataset.columns.values())


def test_the_package_is_small_and_names_every_source() -> None:
    folder = files("qingjian.simulator.demo") / "data"
    size = sum(len(one.read_bytes()) for one in folder.iterdir() if one.is_file())
    assert size < 3_000_000
    text = demo.attribution()
    for dataset in demo.datasets().values():
        assert f"## {dataset.attribution}\n" in text
    for words in (
        "CC BY 4.0",
        "BSD 3-Clause",
        "Amber S. Jones",
        "MIT",
        "S. Chen (2017)",
        "Kaya, Tüfekci, Uzun",
    ):
        assert words in text
    assert "## cn_surface_water_snapshot\n" in text


def test_national_sections_stay_a_table_of_texts() -> None:
    rows = demo.national_sections()
    assert len(rows) == 2199
    assert rows[0]["class"] == "Ⅲ"
    assert {row["state"] for row in rows} >= {"正常", "维护"}


def test_history_covers_thirteen_months_of_air_and_river(history: pa.Table) -> None:
    hours = (NOW - START) // timedelta(hours=1)
    counts = {row["values"]: row["counts"] for row in pc.value_counts(history["series"]).to_pylist()}
    for n in range(1, 9):
        assert counts[f"AQ0{n}.a34004"] > 0.9 * hours
    for section in ("SW01", "SW02"):
        assert counts[f"{section}.w01009"] > 0.98 * hours
    assert counts["FG01.a21002"] == hours
    assert counts["SW03.w01009"] > 4000
    assert counts["WW01.w99x01"] > 1000
    assert counts["FG02.a21026.simulated"] == hours


def test_history_has_each_hour_once_and_only_known_series(history: pa.Table) -> None:
    grouped = history.group_by(["series", "start"]).aggregate([("value", "count")])
    assert grouped.num_rows == history.num_rows
    known = {one["code"]: one for one in demo.county()["series"]}
    assert set(history["series"].unique().to_pylist()) <= set(known)
    assert pc.min(history["start"]).as_py() >= START
    assert pc.max(history["start"]).as_py() < NOW
    assert history["value"].null_count == 0


def test_a_source_with_times_is_never_shown_in_the_wrong_season(history: pa.Table) -> None:
    starts = history.filter(pc.equal(history["series"], "SW03.w01009"))["start"]
    months = {moment.astimezone(CHINA).month for moment in starts.to_pylist()}
    # October to December 2025 belong to the pass before, June to November 2026 to the first.
    assert months == {6, 7, 8, 9, 10, 11, 12}


def test_history_marks_what_was_shown_before(history: pa.Table) -> None:
    notes = defaultdict(set)
    for row in history.group_by(["series", "note"]).aggregate([("value", "count")]).to_pylist():
        notes[row["series"]].add(row["note"])
    assert notes["AQ01.a34004"] == {"replay air_guanyuan"}
    assert notes["SW02.w01009"] == {"replay river_main_street", "replay river_main_street wrapped"}
    assert notes["FG03.a21026.simulated"] == {"simulated"}


def test_history_says_what_the_devices_say(history: pa.Table) -> None:
    """A sample of hours: the file and the device asked over the wire give the same number."""
    series = {one["code"]: one for one in demo.county()["series"]}
    at = datetime(2026, 10, 3, 5, tzinfo=UTC)
    rows = history.filter(pc.equal(history["start"], pa.scalar(at, pa.timestamp("us", tz="UTC")))).to_pylist()
    assert len(rows) > 130
    for row in rows:
        one = series[row["series"]]
        readings = demo.recorder(one["device"]).record("hour", at, 3600)
        shown = {reading.factor: reading.values["Avg"] for reading in readings}
        assert shown[one["wire_factor"]] == f"{row['value']:.{one['decimals']}f}"


def test_hours_that_a_replay_shows_again_are_told() -> None:
    """The turbine's rows end in November and start again; within a year every hour that is not told is shown once."""
    hours = np.arange(
        int(datetime(2025, 12, 1, tzinfo=UTC).timestamp()),
        int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()),
        3600,
    )
    again = demo.shown_twice("FG01.a21002", hours)
    assert 0 < again.sum() < len(hours) // 4
    rows = []
    for hour in hours[~again].tolist():
        original = demo.original_time("FG01.a21002", datetime.fromtimestamp(hour, UTC))
        assert original is not None
        rows.append(original.row)
    assert len(rows) == len(set(rows))
    assert not demo.shown_twice("FG03.a21026.simulated", hours).any()
    assert not demo.shown_twice("a series a visitor registered", hours).any()


def test_original_time_names_time_place_and_repetition() -> None:
    at = datetime(2026, 11, 21, 20, tzinfo=CHINA)
    air = demo.original_time("AQ01.a34004", at)
    assert air is not None
    assert air.time == datetime(2014, 11, 21, 20)
    assert not air.wrapped
    assert "北京" in air.note_zh
    stack = demo.original_time("FG01.a21002", at)
    assert stack is not None
    assert stack.time is None
    assert stack.restarted
    assert "来源没有时间" in stack.note_zh
    assert demo.original_time("FG02.a21026.simulated", at) is None
    with pytest.raises(KeyError):
        demo.original_time("nothing", at)


def test_a_replayed_hour_is_the_row_of_the_source() -> None:
    dataset = demo.datasets()["air_guanyuan"]
    at = datetime(2026, 11, 21, 20, tzinfo=CHINA)
    row = demo.position(dataset.span, at.replace(tzinfo=None)).row
    readings = {
        one.factor: one.values for one in demo.recorder("990121002200000000000001").record("hour", at, 3600)
    }
    assert readings["a34004"]["Avg"] == str(dataset.value("pm25", row))
    assert dataset.span.start + row * dataset.span.step == datetime(2014, 11, 21, 20)


def test_the_dust_of_the_boiler_is_measured_wet_and_sent_dry_at_reference_oxygen() -> None:
    device = demo.recorder("990121003100000000000003")
    readings = device.record("hour", datetime(2026, 3, 1, tzinfo=UTC), 3600)
    values = {
        one.factor: {name: float(text) for name, text in one.values.items() if name != "Flag"}
        for one in readings
    }
    dust, oxygen = values["a34013"], values["a19001"]["Avg"]
    temperature, pressure, moisture = (values[code]["Avg"] for code in ("a01012", "a01013", "a01014"))
    dry = (
        dust["Avg"] * 101_325 / (100_900 + 1000 * pressure) * (273 + temperature) / 273 / (1 - moisture / 100)
    )
    assert dust["ZsAvg"] == pytest.approx(dry * 12 / (21 - oxygen), abs=0.06)
    gas = values["a21026"]
    assert gas["ZsAvg"] == pytest.approx(gas["Avg"] * 12 / (21 - oxygen), abs=0.06)

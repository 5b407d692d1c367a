from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc

from qingjian.contracts.clock import CHINA
from qingjian.simulator import demo
from qingjian.simulator.demo import county
from qingjian.simulator.staging import OPENED_FILE, changes, staged, staged_in
from qingjian.simulator.tampering import Altered

OPENED = date(2026, 11, 22)


def test_only_simulated_series_are_staged_and_say_so() -> None:
    origins = {one["code"]: one["origin"] for one in county()["series"]}
    found = staged(OPENED)
    assert len(found) == 8
    assert any(one.fault for one in found)
    for one in found:
        assert one.series
        assert {origins[code] for code in one.series} == {"simulated"}
        assert "模拟" in one.notice
        assert one.alteration.end is not None
        assert one.alteration.end <= datetime(2026, 11, 20, tzinfo=CHINA)


def test_history_and_wire_agree_on_what_is_staged() -> None:
    one = next(each for each in staged(OPENED) if each.alteration.kind == "constant")
    start = one.alteration.start
    table = demo.history(
        start - timedelta(hours=2), start + timedelta(hours=3), changes=changes(staged(OPENED))
    )
    recorder = Altered(demo.recorder(one.mn), [one.alteration])
    values: dict[datetime, float] = {}
    for month in table:
        own = month.filter(pc.equal(month.column("series"), one.series[0]))
        values.update(zip(own.column("start").to_pylist(), own.column("value").to_pylist(), strict=True))
    wire = next(iter(one.alteration.factors))
    for moment, value in values.items():
        said = {each.factor: each.values["Avg"] for each in recorder.record("hour", moment, 3600)}
        assert float(said[wire]) == value
    assert {values[start.astimezone(UTC) + timedelta(hours=k)] for k in range(3)} == {one.alteration.amount}
    assert values[start.astimezone(UTC) - timedelta(hours=1)] != one.alteration.amount


def test_a_folder_without_a_first_day_stages_nothing(tmp_path: Path) -> None:
    assert staged_in(tmp_path) == []
    (tmp_path / OPENED_FILE).write_text("nonsense")
    assert staged_in(tmp_path) == []
    (tmp_path / OPENED_FILE).write_text(OPENED.isoformat())
    assert staged_in(tmp_path) == staged(OPENED)

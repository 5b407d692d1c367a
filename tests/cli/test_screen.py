"""`qingjian screen`: the folders of the contract in, three files out."""

from __future__ import annotations

import csv
import gzip
import json
import socket
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from qingjian.cli.screen import app
from qingjian.cli.screen_panel import read_panel
from qingjian.screening.panel import FLAG_CALIBRATION, FLAG_EMPTY, FLAG_OTHER, PanelError
from qingjian.screening.screen import learn_history


def write(
    folder: Path, first: str, days: int, seed: int, text: str | None = None, moved: tuple[int, int] = (0, 0)
) -> Path:
    """A small panel folder: two stations, one factor, one context column.

    On the days from `moved[0]` up to before `moved[1]` the clock of the first station is eight hours wrong.
    """
    folder.mkdir(parents=True)
    (folder / "stations.csv").write_text(
        "station,name,medium,longitude,latitude,parent\na,A,water,,,river\nb,B,water,,,river\n"
    )
    (folder / "parameters.csv").write_text(
        "parameter,name,unit,resolution,role,limit\nCOD,cod,mg/l,0.1,measured,40\nFLOW,flow,m3/h,1,context,\n"
    )
    r = np.random.default_rng(seed)
    start = np.datetime64(first, "m")
    rows = ["station,parameter,time,value,flag"]
    load = 20 + 6 * np.sin(np.arange(days * 24) / 24 * 2 * np.pi)
    for station in "ab":
        for h in range(days * 24):
            time = start + np.timedelta64(60 * h, "m")
            true = load[h - 8] if station == "a" and 24 * moved[0] <= h < 24 * moved[1] else load[h]
            rows.append(f"{station},COD,{time},{true + r.normal(0, 1.5):.1f},N")
            rows.append(f"{station},FLOW,{time},{true * 5:.0f},")
    with gzip.open(folder / "observations.csv.gz", "wt") as handle:
        handle.write(text if text is not None else "\n".join(rows) + "\n")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_the_contract(tmp_path: Path) -> None:
    history, panel = write(tmp_path / "h", "2025-01-01", 100, 1), write(tmp_path / "p", "2025-04-11", 20, 2)
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["--history", str(history), "--panel", str(panel), "--out", str(out)])
    assert done.exit_code == 0, done.output
    days = rows_of(out / "days.csv")
    assert list(days[0]) == ["station", "parameter", "day", "score", "kind", "fault_score"]
    assert {d["parameter"] for d in days} == {"COD"}
    assert len(days) == 2 * 20
    assert all(0 <= float(d["score"]) <= 1 for d in days)
    months = rows_of(out / "months.csv")
    assert list(months[0]) == ["station", "parameter", "month", "score", "kind"]
    assert {m["month"] for m in months} == {"2025-04"}
    assert isinstance(json.loads((out / "findings.json").read_text(encoding="utf-8")), list)


def test_a_folder_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    panel = write(tmp_path / "p", "2025-04-11", 2, 2)
    (panel / "stations.csv").unlink()
    done = CliRunner().invoke(
        app, ["--history", "none", "--panel", str(panel), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 2
    assert "stations.csv" in done.output


def test_flags_times_and_numbers_as_they_come(tmp_path: Path) -> None:
    text = (
        "station,parameter,time,value,flag\n"
        "a,COD,2025-04-11T00:00,1.5,C\na,COD,2025-04-11 01:00:00,abc,N\na,COD,2025-04-11T02:00,,\n"
        "a,COD,2025-04-11T03:00,2.5e1,?\nx,COD,2025-04-11T03:00,1,N\na,COD,yesterday,1,N\n"
    )
    panel = read_panel(write(tmp_path / "p", "2025-04-11", 1, 2, text))
    assert panel.values[0, 0, 0] == 1.5
    assert panel.flags[0, 0, [0, 2, 3]].tolist() == [FLAG_CALIBRATION, FLAG_EMPTY, FLAG_OTHER]
    assert np.isnan(panel.values[0, 0, 1])
    assert panel.values[0, 0, 3] == 25
    assert len(panel.notes) == 2


@pytest.mark.parametrize("text", ["station,parameter\na,COD\n", ""])
def test_observations_without_columns(tmp_path: Path, text: str) -> None:
    with pytest.raises(PanelError):
        read_panel(write(tmp_path / "p", "2025-04-11", 1, 2, text))


def run(tmp_path: Path, history: str, panel: Path) -> Path:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["--history", history, "--panel", str(panel), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def test_a_panel_without_records_gives_empty_files_and_says_so(tmp_path: Path) -> None:
    panel = write(tmp_path / "p", "2025-04-11", 1, 2, "station,parameter,time,value,flag\n")
    out = run(tmp_path, "none", panel)
    assert rows_of(out / "days.csv") == []
    assert rows_of(out / "months.csv") == []
    assert json.loads((out / "findings.json").read_text(encoding="utf-8")) == []
    assert "没有任何记录" in (out / "notes.json").read_text(encoding="utf-8")


def test_nothing_is_asked_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the command asked the network")

    for owner, name in ((socket, "getaddrinfo"), (socket.socket, "connect"), (socket, "create_connection")):
        monkeypatch.setattr(owner, name, refuse)
    history, panel = write(tmp_path / "h", "2025-01-01", 60, 1), write(tmp_path / "p", "2025-03-02", 8, 2)
    assert len(rows_of(run(tmp_path, str(history), panel) / "days.csv")) == 2 * 8


def test_a_unit_that_differs_from_the_history_is_converted_and_said(tmp_path: Path) -> None:
    history, panel = write(tmp_path / "h", "2025-01-01", 60, 1), write(tmp_path / "p", "2025-03-02", 8, 2)
    known = (panel / "parameters.csv").read_text()
    (panel / "parameters.csv").write_text(known.replace("COD,cod,mg/l,0.1", "COD,cod,g/L,0.1"))
    out = run(tmp_path, str(history), panel)
    notes = json.loads((out / "notes.json").read_text(encoding="utf-8"))
    assert any("单位 g/L" in note for note in notes)
    assert rows_of(out / "days.csv")


def test_a_history_without_records_is_no_history(tmp_path: Path) -> None:
    empty = write(tmp_path / "h", "2025-01-01", 1, 1, "station,parameter,time,value,flag\n")
    out = run(tmp_path, str(empty), write(tmp_path / "p", "2025-04-11", 3, 2))
    assert "没有可用的历史数据" in (out / "notes.json").read_text(encoding="utf-8")


def test_lists_with_repeated_codes_and_without_roles(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "2025-04-11", 1, 2)
    with (folder / "stations.csv").open("a") as handle:
        handle.write("a,again,air,,,\n")
    (folder / "parameters.csv").write_text("parameter\nCOD\nCOD\n")
    panel = read_panel(folder)
    assert [(s.code, s.name) for s in panel.stations] == [("a", "A"), ("b", "B")]
    assert [(p.code, p.role) for p in panel.parameters] == [("COD", "measured")]


def test_times_are_the_local_clock_whatever_stands_behind_them(tmp_path: Path) -> None:
    text = (
        "station,parameter,time,value\n"
        "a,COD,2025-04-11T01:00:00.000+08:00,1\na,COD,2025-04-11 02:00:00Z,2\na,COD,2025-04-11T03:00+0800,3\n"
        "a,COD,2025-04-11,4\n"
    )
    panel = read_panel(write(tmp_path / "p", "2025-04-11", 1, 2, text))
    assert panel.values[0, 0, :4].tolist() == [4, 1, 2, 3]
    (note,) = panel.notes
    assert "+0000、+0800" in note
    assert "时区" in note
    assert read_panel(write(tmp_path / "q", "2025-04-11", 1, 2, text.replace("Z,", "+08:00,"))).notes == ()
    odd = text.replace("Z,", "+08:00,") + "a,COD,01-01-2024,1\na,COD,01-01-2025,1\n"
    assert all("时区" not in one for one in read_panel(write(tmp_path / "r", "2025-04-11", 1, 2, odd)).notes)


@pytest.mark.parametrize("moved", ["history", "panel"])
def test_another_time_zone_is_said_and_lowers_the_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    monkeypatch.setattr("qingjian.cli.screen.learn_history", partial(learn_history, series_days=2000))
    history = write(tmp_path / "h", "2025-01-01", 100, 1, moved=(30, 70) if moved == "history" else (0, 0))
    panel = write(tmp_path / "p", "2025-04-11", 40, 2, moved=(20, 40) if moved == "panel" else (0, 0))
    out = run(tmp_path, str(history), panel)
    (note,) = json.loads((out / "notes.json").read_text(encoding="utf-8"))
    assert note.startswith("a：历史中 2025-01-31 至 " if moved == "history" else "a：2025-05-01 至 ")
    assert "推迟约 8 小时" in note
    assert "8 h later" in note
    assert "scores lowered" in note
    days = rows_of(out / "days.csv")
    about = [d for d in days if d["station"] == "a" and (moved == "history" or d["day"] >= "2025-05-01")]
    assert max(float(d["score"]) for d in about) <= 0.9


def hours(count: int, station: str = "a", shape: str = "{day:%Y-%m-%d}T{hour:02d}:00") -> str:
    first = date(2025, 4, 1)
    lines = ["station,parameter,time,value,flag"]
    for h in range(count):
        time = shape.format(day=first + timedelta(days=h // 24), hour=h % 24)
        lines.append(f"{station},COD,{time},{20 + h % 7}.1,N")
    return "\n".join(lines) + "\n"


def failed(tmp_path: Path, panel: Path, history: str = "none", out: Path | None = None) -> str:
    asked = ["--history", history, "--panel", str(panel), "--out", str(out or tmp_path / "out")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 2, (done.exit_code, done.exception)
    return done.output


def test_lists_and_observations_of_a_chinese_spreadsheet_are_read(tmp_path: Path) -> None:
    panel = write(tmp_path / "p", "2025-04-11", 2, 2)
    lines = "station,name,medium,longitude,latitude,parent\na,甲站,water,,,河\n甲,乙站,water,,,河\n"
    (panel / "stations.csv").write_bytes(lines.encode("gbk"))
    content = hours(24).replace("a,COD", "甲,COD").encode("gbk")
    (panel / "observations.csv.gz").write_bytes(gzip.compress(content))
    read = read_panel(panel)
    assert [one.name for one in read.stations] == ["甲站", "乙站"]
    assert np.isfinite(read.values[1, 0]).all()


@pytest.mark.parametrize(
    "shape", ["{day:%Y}/{day.month}/{day.day} {hour}:00", "{day:%Y}-{day.month}-{day.day} {hour}:00:00"]
)
def test_times_as_spreadsheets_write_them(tmp_path: Path, shape: str) -> None:
    read = read_panel(write(tmp_path / "p", "2025-04-11", 1, 2, hours(240, shape=shape)))
    assert (read.days, read.step, read.notes) == (10, 60, ())
    assert read.values[0, 0, 25] == 20.1 + 25 % 7


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (hours(24, shape="{day:%d.%m.%Y} {hour}h"), "24 条记录的时间无法识别"),
        (hours(12, shape="{day:%Y/%m/%d} {hour}:00:00 PM"), "12 条记录的时间无法识别"),
        (hours(24, station="z"), "24 条记录的站点或参数未登记"),
        ("station,parameter,time,value,flag,value\na,COD,2025-04-11T00:00,1,N,2\n", "列重复"),
    ],
)
def test_records_of_which_none_is_of_use_fail_with_their_cause(
    tmp_path: Path, content: str, cause: str
) -> None:
    panel = write(tmp_path / "p", "2025-04-11", 1, 2, content)
    assert cause in failed(tmp_path, panel)
    assert not (tmp_path / "out").exists()
    good = write(tmp_path / "good", "2025-04-11", 1, 2)
    assert cause in failed(tmp_path, good, history=str(panel))


@pytest.mark.parametrize("content", [b"\xff\xfe\x81", b"station,parameter", None])
def test_files_that_are_none_fail_with_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    panel = write(tmp_path / "p", "2025-04-11", 2, 2)
    whole = (panel / "observations.csv.gz").read_bytes()
    (panel / "observations.csv.gz").write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert "无法读取" in failed(tmp_path, panel)
    (panel / "stations.csv").write_bytes(b"station\n\xff\xff\x80\n")
    assert "无法读取" in failed(tmp_path, panel)


def test_results_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    panel = write(tmp_path / "p", "2025-04-11", 1, 2)
    assert "无法写入" in failed(tmp_path, panel, out=tmp_path / "taken")

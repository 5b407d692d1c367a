"""No frame, no row and no order ever stops the process: what cannot be worked with is kept and stated, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.node import MN, START, Node, everything, make_directory, open_node, wire

from qingjian.hj212.encoder import Sender, frame
from qingjian.hj212.times import parse
from qingjian.intake import ImportSource, KeptFiles, Spool, submit
from qingjian.intake.interpreting import prepare as real_prepare
from qingjian.journal import Frame, Kind, NewFrame
from qingjian.lake import Lake
from qingjian.lake import from_text as real_from_text
from qingjian.lake.reading import local_month, month_bounds
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.process import PipelineNode
from qingjian.pipeline.routing import Router
from qingjian.pipeline.settings import PipelineSettings

HOSTILE = ("00010101000000", "00010101075959", "19691231235959", "99991231235959", "99991231000000")


def upload(node: Node, told: str, value: str = "1", command: str = "2051") -> bytes:
    suffix = "Rtd" if command == "2011" else "Avg"
    groups = [[("DataTime", told)], [(f"a21026-{suffix}", value), ("a21026-Flag", "N")]]
    return node.sender.message(command, groups, wire(node.clock.now()) + "000", need_answer=True)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path) as made:
        yield made


@dataclass
class Ran:
    rows: list[dict[str, Any]]
    statements: list[dict[str, Any]]
    findings: list[Any]
    errors: int
    aggregated: bool


def run(node: Node, turns: int = 4) -> Ran:
    """Start the process's own node, let it work, stop it."""
    process = PipelineNode(PipelineSettings(node.folder.root), node.clock)
    process.start()
    for _ in range(turns):
        process.turn()
        node.clock.advance(600)
    aggregated = process.engine.batches.last_of("aggregate") is not None
    process.stop()
    lake = Lake(node.folder.lake, node.clock)
    held = everything(lake)
    findings = [one for _, one in process.engine.findings.read(0)]
    lake.close()
    return Ran(held["observations"], held["statements"], findings, process.work.errors, aggregated)


def test_a_year_nobody_means_is_no_time_and_stops_nothing(node: Node) -> None:
    node.clock.advance(7200)
    frames = [upload(node, told, command=command) for told in HOSTILE for command in ("2011", "2051", "2031")]
    good = [node.upload(START + timedelta(minutes=minute), {"a21026": 5}) for minute in range(60)]
    node.journal([*frames, *good])
    ran = run(node)
    assert ran.errors == 0
    assert sum(row["statistic"] == 1 for row in ran.rows if row["journal"] == "gateway-1") == len(good)
    assert sum(one["reason"] == "without-time" for one in ran.statements) == 2 * len(frames)
    assert ran.aggregated
    assert run(node).errors == 0


def _frame(number: int, content: bytes) -> Frame:
    received = int(START.timestamp()) * 1_000_000 + number
    return Frame("g", number, received, "127.0.0.1:1", 1, MN, Kind.ACCEPTED, content, (), "", 1, b"", 0)


DIGITS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text("0123456789", max_size=18),
    st.datetimes().map(lambda at: f"{at.year:04d}" + at.strftime("%m%d%H%M%S")),
    st.text(st.characters(codec="ascii", exclude_characters="=;,&#"), max_size=20),
)
NUMBERS = st.one_of(
    st.text("0123456789.-+eENanif", max_size=40),
    st.decimals(allow_nan=True).map(str),
    st.sampled_from(["", "9" * 400, "-" * 30, "1e999", "0x1"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    told=st.lists(
        st.tuples(DIGITS, NUMBERS, st.sampled_from(["2011", "2051", "2061", "2031", "2021"])),
        min_size=1,
        max_size=8,
    ),
    convention=st.sampled_from(["start", "end"]),
)
def test_whatever_a_registered_device_says_the_good_frame_is_read_and_no_start_is_odd(
    told: list[tuple[str, str, str]], convention: str
) -> None:
    plain = make_directory()
    device = plain.devices[0]
    changed = type(device)(**{**_fields(device), "policy": {"minute_interval": 1, "datatime": convention}})
    decoder = Decoder(make_directory(devices=[changed]))
    sender = Sender("2017", "22", "123456", MN)
    contents = [
        frame(
            f"QN=20260301080000000;ST=22;CN={command};PW=123456;MN={MN};Flag=5;"
            f"CP=&&DataTime={at};a21026-Avg={value},a21026-Flag=N&&".encode()
        )
        for at, value, command in told
    ]
    good = sender.upload("2051", "20260301080000", [[("a21026-Avg", "5")]], "20260301080000000")
    decoded = decoder.decode([_frame(number, one) for number, one in enumerate([*contents, good], start=1)])
    assert decoded.frames.num_rows == len(contents) + 1
    assert len(contents) + 1 in decoded.observations.column("sequence").to_pylist()
    for start in decoded.observations.column("start").to_pylist():
        assert 1999 <= start.year <= 2099
        begin, end = month_bounds(local_month(start))
        assert begin <= start < end


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_a_frame_that_cannot_be_worked_with_is_stated_and_stops_no_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Router.plan

    def plan(self: Router, shape: Any, mn: str, command: str, *rest: Any) -> Any:
        if command == "2061":
            raise OverflowError("too far")
        return real(self, shape, mn, command, *rest)

    monkeypatch.setattr(Router, "plan", plan)
    node.journal([upload(node, wire(START), command="2061"), node.upload(START, {"a21026": 5})])
    ran = run(node)
    assert [one["sequence"] for one in ran.rows] == [2]
    (stated,) = [one for one in ran.statements if one["reason"] == "undecodable"]
    assert (stated["sequence"], stated["value"]) == (1, "OverflowError: too far")
    (finding,) = [one for one in ran.findings if one.rule == "frame-unread"]
    assert (finding.subject, finding.evidence["frames"]) == ("D1", [["gateway-1", 1]])


def test_values_that_cannot_be_worked_with_are_left_out_frame_by_frame(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:

    def from_text(texts: Any) -> Any:
        if "666" in texts.to_pylist():
            raise OverflowError("no such number")
        return real_from_text(texts)

    monkeypatch.setattr("qingjian.pipeline.numbers.from_text", from_text)
    minutes = [
        node.upload(START + timedelta(minutes=at), {"a21026": "x" if at == 4 else at}) for at in range(6)
    ]
    node.journal([*minutes, upload(node, wire(START), "666")])
    ran = run(node)
    assert [one["sequence"] for one in ran.rows] == [1, 2, 3, 4, 5, 6]
    assert sorted((one["sequence"], one["reason"]) for one in ran.statements) == [
        (5, "not-a-number"),
        (7, "undecodable"),
    ]


def test_a_rule_that_cannot_judge_a_batch_is_stated_and_the_batch_is_stored(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qingjian.pipeline.watch import ClockWatcher

    def on_batch(*given: object) -> None:
        raise OverflowError("no such moment")

    monkeypatch.setattr(ClockWatcher, "on_batch", on_batch)
    node.journal([node.upload(START, {"a21026": 5})])
    ran = run(node)
    assert len(ran.rows) == 1
    failed = [one for one in ran.findings if one.rule == "order-failed"]
    assert ("frames", "ClockWatcher") in {(one.evidence["kind"], one.evidence["part"]) for one in failed}


def order(node: Node, text: str, name: str = "a.csv") -> tuple[KeptFiles, ImportSource]:
    file = node.folder.root / name
    file.write_text(text)
    kept = KeptFiles(node.folder.intake)
    spool = Spool(PipelineSettings(node.folder.root).spool_folder)
    source = submit(file, kept=kept, spool=spool, source=ImportSource("", name, author="x"))
    assert isinstance(source, ImportSource)
    return kept, source


@pytest.mark.parametrize(
    "told",
    ["0001-01-01 00:00", "9999-12-31 00:00", "9999-12-31 23:00", "1600-01-01", "0001-01-01T00:00:00+14:00"],
)
def test_an_import_refuses_a_row_of_a_year_nobody_means_and_takes_the_others(node: Node, told: str) -> None:
    kept, source = order(
        node, f"series,statistic,time,value\nP1:a21026,hour,{told},5\nP1:a21026,hour,2026-03-01 07:00,7\n"
    )
    node.journal([node.upload(START, {"a21026": 5})])
    assert run(node).errors == 0
    result = kept.result_of(source)
    assert result is not None
    assert (result.new, [one.code for one in result.problems]) == (1, ["time-implausible"])


def test_an_order_that_fails_is_told_and_the_next_orders_and_starts_go_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:

    def prepare(table: pa.Table, *rest: Any) -> Any:
        if "bad" in table.column_names:
            raise OverflowError("no such moment")
        return real_prepare(table, *rest)

    monkeypatch.setattr("qingjian.pipeline.work.prepare", prepare)
    node.clock.advance(36_000)
    kept, bad = order(node, "series,statistic,time,value,bad\nP1:a21026,hour,2026-03-01 09:00,7,1\n", "b.csv")
    _, good = order(node, "series,statistic,time,value\nP1:a21026,hour,2026-03-01 10:00,7\n", "c.csv")
    ran = run(node)
    told, taken = kept.result_of(bad), kept.result_of(good)
    assert told is not None
    assert [one.code for one in told.problems] == ["failed"]
    assert taken is not None
    assert taken.new == 1
    (finding,) = [one for one in ran.findings if one.rule == "order-failed"]
    assert (finding.evidence["kind"], finding.evidence["content"]["digest"]) == ("import", bad.digest)
    assert not list(PipelineSettings(node.folder.root).spool_folder.glob("*.json"))
    assert len(run(node).findings) == len(ran.findings)


def test_an_order_logged_before_a_crash_that_can_never_be_done_does_not_stop_the_start(node: Node) -> None:
    first = PipelineNode(PipelineSettings(node.folder.root), node.clock)
    first.start()
    first.engine.batches.add("import", node.clock.now(), 1, {"nothing": "of an order"})
    first.engine.batches.add("correction", node.clock.now(), 1, {"number": "none"})
    first.engine.batches.add("unheard-of", node.clock.now(), 1, {})
    first.stop()
    node.journal([node.upload(START, {"a21026": 5})])
    ran = run(node)
    assert len(ran.rows) == 1
    assert {one.evidence["kind"] for one in ran.findings if one.rule == "order-failed"} == {
        "import",
        "correction",
        "unheard-of",
    }
    assert len(run(node).rows) == 1


def test_a_batch_of_frames_that_cannot_be_stored_keeps_the_frames(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Lake.append

    def append(self: Lake, batch: Any, *, observations: Any = None, **more: Any) -> Any:
        if observations is not None and 666 in observations.column("value_mantissa").to_pylist():
            raise OverflowError("no such row")
        return real(self, batch, observations=observations, **more)

    monkeypatch.setattr(Lake, "append", append)
    node.journal([upload(node, wire(START), "666")])
    ran = run(node)
    assert ran.rows == []
    (finding,) = [one for one in ran.findings if one.rule == "order-failed"]
    assert finding.evidence["content"]["ranges"] == {"gateway-1": [0, 1]}
    node.journal([node.upload(START + timedelta(minutes=1), {"a21026": 5})])
    assert len(run(node).rows) == 1


@pytest.mark.parametrize("moments", [("0001-01", "9999-12")])
def test_months_at_the_ends_of_the_calendar_have_bounds(moments: Sequence[str]) -> None:
    for month in moments:
        begin, end = month_bounds(month)
        assert begin < end
        assert local_month(end).startswith(month[:3])
    assert parse("00010101000000") is parse("99991231235959") is None
    assert parse("20260301080000") is not None


def test_the_exchange_of_a_key_loses_no_frame_on_either_side_of_the_publication(node: Node) -> None:
    """Frames of the old key that still waited, and frames of the new one read before the register knew it."""
    old, new = b"0123456789abcdef", b"fedcba9876543210"

    def keyed(version: int, key: bytes) -> Any:
        device = replace(make_directory().devices[0], edition="2025", sm4_key_hex=key.hex())
        return make_directory(version, devices=[device])

    def sent(key: bytes, minutes: range, version: int) -> None:
        node.sender = Sender("2025", "22", "123456", MN, key)
        contents = [node.upload(START + timedelta(minutes=one), {"a21026": one}) for one in minutes]
        now = int(node.clock.now().timestamp() * 1_000_000)
        node.journal([])
        node.writers["gateway-1"].append_many(
            [NewFrame(now, "127.0.0.1:1", 1, MN, Kind.ACCEPTED, one, (), "", version) for one in contents]
        )

    node.directory.publish(keyed(2, old))
    sent(old, range(3), 2)
    sent(new, range(3, 6), 2)
    ran = run(node)
    assert len(ran.rows) == 3
    (finding,) = [one for one in ran.findings if one.rule == "frame-unread"]
    assert finding.evidence["count"] == 3
    sent(old, range(6, 9), 2)
    node.directory.publish(keyed(3, new))
    ran = run(node)
    assert sorted(one["sequence"] for one in ran.rows) == list(range(1, 10))
    assert [one.rule for one in ran.findings if one.rule == "frame-unread"] == ["frame-unread"]


@pytest.mark.parametrize(("accepted_under", "read"), [(2, 20), (0, 0)], ids=["known", "unknown register"])
def test_encrypted_frames_are_never_read_as_plain_ones_once_the_key_is_gone(
    node: Node, accepted_under: int, read: int
) -> None:
    """With the register they were accepted under they are read; without it they are stated, and read when a key is back."""
    key = b"0123456789abcdef"
    plain = replace(make_directory().devices[0], edition="2025")
    keyed = replace(plain, sm4_key_hex=key.hex())
    node.directory.publish(make_directory(2, devices=[keyed]))
    node.sender = Sender("2025", "22", "123456", MN, key)
    now = int(node.clock.now().timestamp() * 1_000_000)
    node.journal([])
    node.writers["gateway-1"].append_many(
        [
            NewFrame(now + one, "127.0.0.1:1", 1, MN, Kind.ACCEPTED, content, (), "", accepted_under)
            for one, content in enumerate(
                node.upload(START + timedelta(minutes=one), {"a21026": one + 1}) for one in range(20)
            )
        ]
    )
    node.directory.publish(make_directory(3, devices=[plain]))
    ran = run(node)
    assert len(ran.rows) == read
    unread = [one for one in ran.findings if one.rule == "frame-unread"]
    assert sum(one.evidence["count"] for one in unread) == 20 - read
    node.directory.publish(make_directory(4, devices=[keyed]))
    assert len(run(node).rows) == 20


@pytest.mark.parametrize(
    ("command", "convention", "told", "start"),
    [
        ("2061", "start", "20260301080005", "20260301080000"),
        ("2061", "start", "20260301081700", "20260301080000"),
        ("2061", "end", "20260301090003", "20260301080000"),
        ("2061", "end", "20260301085959", "20260301080000"),
        ("2051", "start", "20260301080009", "20260301080000"),
        ("2051", "end", "20260301081002", "20260301080000"),
        ("2031", "start", "20260301000130", "20260301000000"),
        ("2031", "end", "20260301235959", "20260301000000"),
    ],
)
def test_a_time_within_a_period_means_the_period(
    node: Node, command: str, convention: str, told: str, start: str
) -> None:
    """A logger that writes the second of sending sends the same period again, not another one."""
    device = replace(make_directory().devices[0], policy={"datatime": convention})
    node.directory.publish(make_directory(2, devices=[device]))
    again = f"{told[:-2]}{(int(told[-2:]) // 2):02d}" if told.endswith("9") else f"{told[:-1]}8"
    engine = node.engine()
    node.journal([upload(node, told, "10", command)])
    engine.step(idle=True)
    begin = parse(start)
    assert begin is not None
    (row,) = everything(engine.lake)["observations"]
    assert row["start"] == begin
    (statement,) = everything(engine.lake)["statements"]
    assert (statement["reason"], statement["name"], statement["value"]) == (
        "time-off-period",
        "DataTime",
        told,
    )
    node.journal([upload(node, told, "10", command), upload(node, again, "1", command)])
    engine.step(idle=True)
    rows = everything(engine.lake)["observations"]
    assert [(one["start"], one["revision"]) for one in rows] == [(begin, 0), (begin, 1)]


def test_another_value_a_second_later_is_a_change_after_the_fact(node: Node) -> None:
    for told, value in (("20260301080005", "10"), ("20260301080008", "1")):
        node.journal([upload(node, told, value, "2061")])
        ran = run(node)
    assert "changed-after-the-fact" in {one.rule for one in ran.findings}


def test_a_real_time_value_keeps_its_second(node: Node) -> None:
    node.journal([upload(node, "20260301080005", "10", "2011")])
    ran = run(node)
    assert [one["start"] for one in ran.rows] == [parse("20260301080005")]
    assert not ran.statements


def test_a_time_to_come_is_stored_but_is_not_the_latest_value(node: Node) -> None:
    engine = node.engine()
    for ahead in (timedelta(0), timedelta(days=3650), timedelta(days=1)):
        node.journal([node.upload(START + ahead, {"a21026": 999 if ahead else 1}, command="2011")])
        engine.step(idle=True)
    node.clock.advance(3600)
    node.journal([node.upload(START + timedelta(hours=1), {"a21026": 7}, command="2011")])
    engine.step(idle=True)
    (latest,) = engine.latest.read([1], "realtime")
    assert (latest.start, latest.value) == (START + timedelta(hours=1), 7.0)
    assert len(everything(engine.lake)["observations"]) == 4


def test_a_latest_value_that_lay_ahead_gives_way_to_the_next_one(node: Node) -> None:
    """Stores of earlier programs may hold one."""
    store = node.engine().latest
    now = int(START.timestamp()) * 1_000_000
    far = now + 365 * 86_400_000_000
    store.write_rows([(1, "realtime", far, 999.0, "", now, "g", 1, 0)], {})
    store.write_rows([(1, "realtime", now, 5.0, "", now, "g", 2, 0)], {})
    (latest,) = store.read([1], "realtime")
    assert latest.value == 5.0


def test_a_mark_of_a_time_to_come_neither_opens_nor_keeps_open_what_marks_say(node: Node) -> None:
    process = PipelineNode(PipelineSettings(node.folder.root), node.clock)
    process.start()
    for minute, day, flag in ((0, 0, "D"), (0, 3650, "D"), (1, 0, "N")):
        at = START + timedelta(days=day, minutes=minute)
        node.journal([node.upload(at, {"a21026": 1}, flag=flag)])
        process.engine.step(idle=True)
        node.clock.advance(60)
    assert process.engine.findings.open_findings("flag-not-normal") == []
    process.stop()


def test_noise_by_day_and_by_night_is_stated_and_neither_is_the_value_of_the_day(node: Node) -> None:
    day = START - timedelta(hours=8)  # local midnight
    node.journal(
        [
            node.upload(day, {"a21026": {"DayData": "60", "NightData": "50"}}, command="2031"),
            node.upload(day, {"a21002": {"NightData": "48", "Data": "55", "DayData": "61"}}, command="2031"),
        ]
    )
    ran = run(node)
    assert [(one["series"], one["value_mantissa"]) for one in ran.rows] == [(2, 55)]
    assert sorted((one["field"], one["value"], one["reason"]) for one in ran.statements) == [
        ("DayData", "60", "information"),
        ("DayData", "61", "information"),
        ("NightData", "48", "information"),
        ("NightData", "50", "information"),
    ]

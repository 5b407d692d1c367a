"""From frames in a journal to values in the lake and in latest."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.pipeline.node import FACTORS, MN, START, Node, everything, make_directory, minutes

from qingjian.contracts.directory import Route
from qingjian.journal import Kind
from qingjian.lake import Lake

END = START + timedelta(days=60)


def values(lake: Lake, series: int = 1, statistic: str = "minute", **options: Any) -> list[float]:
    found: list[float] = lake.series([series], statistic, START - timedelta(days=1), END, **options)[
        "value"
    ].to_pylist()
    return found


def test_frames_become_observations_latest_values_and_positions(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(at, {"a21026": 10 + n, "a21002": "0.50"}) for n, at in enumerate(minutes(3))])
    assert engine.step(idle=True) == 3
    assert values(engine.lake) == [10, 11, 12]
    assert values(engine.lake, 2) == [0.5] * 3
    row = engine.lake.series([2], "minute", START, END).to_pylist()[0]
    assert (row["value_decimals"], row["flag"], row["journal"], row["sequence"]) == (2, "N", "gateway-1", 1)
    assert row["directory_version"] == 1
    latest = engine.latest.read([1], "minute")[0]
    assert (latest.value, latest.start, latest.sequence) == (12, START + timedelta(minutes=2), 3)
    assert engine.positions() == {"gateway-1": 3}
    assert engine.lake.position("gateway-1") == 3
    assert engine.lake.frame("gateway-1", 2)["content"].startswith(b"##")  # type: ignore[index]


def test_all_fields_of_a_factor(node: Node) -> None:
    engine = node.engine()
    fields = {"Min": "1.0", "Avg": "2.00", "Max": "3", "Cou": "120.5", "ZsAvg": "2.5", "Flag": "T"}
    node.journal([node.upload(START, {"a21026": fields}, command="2061")])
    engine.step(idle=True)
    row = engine.lake.series([1], "hour", START, END).to_pylist()[0]
    assert [row[name] for name in ("min", "value", "max", "total", "converted")] == [1, 2, 3, 120.5, 2.5]
    assert (row["qualifier"], row["flag"]) == ("above", "T")


def test_latest_is_there_before_the_batch(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 7}, command="2011")])
    engine.step()
    assert engine.latest.read([1])[0].value == 7
    assert values(engine.lake, statistic="realtime") == []
    node.clock.advance(6)
    engine.step()
    assert values(engine.lake, statistic="realtime") == [7]


def test_replay_changes_nothing(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(at, {"a21026": n}) for n, at in enumerate(minutes(5))])
    engine.step(idle=True)
    before = everything(engine.lake)
    for intent in engine.batches.after(0):
        engine.carry_out(intent)
    assert everything(engine.lake) == before


def test_an_empty_lake_is_filled_again_with_the_same_content(node: Node) -> None:
    engine = node.engine()
    for round_number in range(6):
        node.journal(
            [
                node.upload(at, {"a21026": n + round_number % 3, "x99999": "1", "a21002": "bad"})
                for n, at in enumerate(minutes(4, round_number * 2))
            ]
        )
        engine.step(idle=True)
        node.clock.advance(61)
        if round_number == 3:
            node.directory.publish(make_directory(2, routes=[Route(MN, "a21026", 3, scale="0.001")]))
    first = everything(engine.lake)
    again = node.engine("lake-2", "exchange-2", batches=engine.batches)
    assert everything(again.lake) == first
    assert again.latest.read() == [] or True
    assert len(first["observations"]) > 10
    assert {row["reason"] for row in first["statements"]} == {"unrouted", "not-a-number"}


def test_resends_are_counted_and_changes_are_revisions(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 1})])
    engine.step(idle=True)
    node.journal([node.upload(START, {"a21026": "1.0"}), node.upload(START, {"a21026": 2})])
    engine.step(idle=True)
    assert engine.totals.repeated == 1
    assert engine.totals.changed == 1
    assert values(engine.lake) == [2]
    assert values(engine.lake, all_revisions=True) == [1, 2]
    assert engine.latest.read([1], "minute")[0].revision == 1


def test_values_are_scaled_exactly_to_the_unit_of_the_series(node: Node) -> None:
    node.directory.publish(make_directory(2, routes=[Route(MN, "a21026", 1, scale="0.001")]))
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": "12.30"})])
    engine.step(idle=True)
    row = engine.lake.series([1], "minute", START, END).to_pylist()[0]
    assert (row["value"], row["value_decimals"]) == (0.0123, 5)


def test_the_factor_map_of_the_time_of_the_data_is_used(node: Node) -> None:
    change = START + timedelta(minutes=2)
    routes = [Route(MN, "a21026", 1, valid_to=change), Route(MN, "a21026", 2, valid_from=change)]
    node.directory.publish(make_directory(2, routes=routes))
    engine = node.engine()
    node.journal([node.upload(at, {"a21026": n}) for n, at in enumerate(minutes(4))])
    engine.step(idle=True)
    assert values(engine.lake, 1) == [0, 1]
    assert values(engine.lake, 2) == [2, 3]


@pytest.mark.parametrize(("convention", "expected"), [("start", START), ("end", START - timedelta(hours=1))])
def test_the_device_says_which_end_of_the_period_it_names(
    node: Node, convention: str, expected: datetime
) -> None:
    device = make_directory().devices[0]
    from dataclasses import replace

    node.directory.publish(make_directory(2, devices=[replace(device, policy={"datatime": convention})]))
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 1}, command="2061")])
    engine.step(idle=True)
    assert engine.latest.read([1], "hour")[0].start == expected


def test_what_no_series_takes_is_kept_with_the_reason(node: Node) -> None:
    engine = node.engine()
    node.journal(
        [
            node.upload(START, {"a99999": {"Avg": "5", "Flag": "N"}, "a21026": {"Avg": "n/a", "Flag": ""}}),
            node.sender.message(
                "3020", [[("DataTime", "20260301080000")], [("i11001-Info", "//门开//")]], "20260301080000000"
            ),
        ]
    )
    engine.step(idle=True)
    found = engine.lake.statements(START - timedelta(days=1), END).to_pylist()
    kept = {(row["name"], row["field"], row["value"], row["reason"]) for row in found}
    assert kept == {
        ("a99999", "Avg", "5", "unrouted"),
        ("a99999", "Flag", "N", "unrouted"),
        ("1", "value", "n/a", "not-a-number"),
        ("i11001", "Info", "//门开//", "information"),
    }
    assert {row["journal"] for row in found} == {"gateway-1"}


def test_refused_and_sent_bytes_are_frames_only(node: Node) -> None:
    engine = node.engine()
    node.journal([b"##garbage"], kind=Kind.REFUSED)
    node.journal([node.upload(START, {"a21026": 1})], kind=Kind.SENT)
    engine.step(idle=True)
    assert values(engine.lake) == []
    kinds = engine.lake.frames(START, END)["kind"].to_pylist()
    assert kinds == ["refused", "sent"]


def test_several_datatimes_in_one_frame_each_count_for_their_items(node: Node) -> None:
    engine = node.engine()
    groups = [
        [("DataTime", "20260301080000")],
        [("a21026-Avg", "1")],
        [("DataTime", "20260301080100")],
        [("a21026-Avg", "2")],
    ]
    node.journal([node.sender.message("2051", groups, "20260301080000000")])
    engine.step(idle=True)
    assert values(engine.lake) == [1, 2]


def test_two_journals_with_the_same_device(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(START, {"a21026": 1})], name="gateway-2")
    node.journal([node.upload(START, {"a21026": 2})], name="gateway-1")
    engine.step(idle=True)
    assert values(engine.lake, all_revisions=True) == [2, 1]
    again = node.engine("lake-2", "exchange-2", batches=engine.batches)
    assert everything(again.lake) == everything(engine.lake)


def test_every_factor_of_the_directory_is_stored(node: Node) -> None:
    engine = node.engine()
    node.journal([node.upload(START, dict.fromkeys(FACTORS, 3))])
    engine.step(idle=True)
    assert [len(values(engine.lake, number)) for number in (1, 2, 3)] == [1, 1, 1]
    assert START.tzinfo is UTC


def test_the_hours_a_plant_ran_are_daily_values_where_a_series_keeps_them(node: Node) -> None:
    node.directory.publish(make_directory(2, routes=[Route(MN, "SB101", 1)]))
    engine = node.engine()
    day = START - timedelta(hours=8)
    node.journal(
        [
            node.sender.message(
                "2041",
                [[("DataTime", "20260301000000")], [("SB101-RT", "22.5")], [("SB102-RT", "3.0")]],
                "20260302010000000",
            )
        ]
    )
    engine.step(idle=True)
    (row,) = engine.lake.series([1], "day", day - timedelta(days=1), END).to_pylist()
    assert (row["value"], row["start"]) == (22.5, day)
    (said,) = engine.lake.statements(day - timedelta(days=1), END).to_pylist()
    assert (said["name"], said["value"], said["reason"]) == ("SB102", "3.0", "information")

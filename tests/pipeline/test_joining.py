"""Sub-packets in the pipeline: both styles, in any order, over batches and restarts, and what never becomes whole."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.node import MN, START, Node, everything, make_directory, open_node, wire

from qingjian.hj212 import encoder
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.watch import all_watchers

END = START + timedelta(days=1)
WHOLE = "a21026-Avg=12.5,a21026-Flag=N;a21002-Avg=7.25,a21002-Flag=N;a34004-Avg=35,a34004-Flag=N"


def packet(text: str, pno: int, pnum: int, command: str = "2051") -> bytes:
    """One sub-packet whose data area is any text."""
    header = f"QN=20260301080000{pno:03d};ST=22;CN={command};PW=123456;MN={MN};Flag=7;PNUM={pnum};PNO={pno};"
    return encoder.frame(f"{header}CP=&&{text}&&".encode())


def joined_style(pieces: int, minute: int = 0) -> list[bytes]:
    """One data area cut anywhere into so many texts, as some devices do."""
    text = f"DataTime={wire(START + timedelta(minutes=minute))};{WHOLE}"
    cuts = [24 + number * (len(text) - 24) // pieces for number in range(1, pieces)]
    ends = [0, *cuts, len(text)]
    return [
        packet(text[low:high], number, pieces)
        for number, (low, high) in enumerate(itertools.pairwise(ends), 1)
    ]


def engine_with_rules(node: Node, *arguments: Any, **options: Any) -> Engine:
    engine = node.engine(*arguments, **options)
    engine.watchers = list(all_watchers(engine.findings.memory, START))
    return engine


def stored(engine: Engine, series: int = 1) -> list[float]:
    found: list[float] = engine.lake.series([series], "minute", START, END)["value"].to_pylist()
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_texts_are_joined_in_whatever_order_they_come(node: Node, order: tuple[int, ...]) -> None:
    engine = node.engine()
    pieces = joined_style(3)
    node.journal([pieces[place] for place in order])
    engine.step(idle=True)
    assert [stored(engine, number) for number in (1, 2, 3)] == [[12.5], [7.25], [35.0]]
    (said,) = engine.lake.statements(START - timedelta(days=1), END, reasons=["joined"]).to_pylist()
    assert sorted(said["value"].split(",")) == ["1", "2", "3"]
    assert engine.lake.series([1], "minute", START, END)["sequence"].to_pylist() == [3]


def test_a_piece_that_comes_twice_counts_once(node: Node) -> None:
    engine = node.engine()
    pieces = joined_style(3)
    node.journal([pieces[0], pieces[1], pieces[1], pieces[0], pieces[2]])
    engine.step(idle=True)
    assert stored(engine) == [12.5]
    assert engine.totals.changed == 0


def test_packets_that_stand_alone_keep_their_own_frames(node: Node) -> None:
    engine = node.engine()
    time = f"DataTime={wire(START)};"
    node.journal(
        [packet(time + "a21026-Avg=1,a21026-Flag=N", 1, 2), packet(time + "a21002-Avg=2,a21002-Flag=N", 2, 2)]
    )
    engine.step(idle=True)
    rows = engine.lake.series([1, 2], "minute", START, END).to_pylist()
    assert [(row["series"], row["value"], row["sequence"], row["flag"]) for row in rows] == [
        (1, 1.0, 1, "N"),
        (2, 2.0, 2, "N"),
    ]


def test_what_never_becomes_whole_is_a_finding_and_no_value(node: Node) -> None:
    engine = engine_with_rules(node)
    pieces = joined_style(3)
    node.journal([pieces[1], pieces[2]])
    engine.step(idle=True)
    node.clock.advance(121)
    node.journal([node.upload(START + timedelta(minutes=3), {"a34004": 1})])
    engine.step(idle=True)
    assert stored(engine) == []
    (found,) = [one for _, one in engine.findings.read(0) if one.rule == "sub-packets-missing"]
    assert (found.subject, found.evidence["came"], found.evidence["absent"]) == ("D1", [2, 3], [1])
    assert found.evidence["frames"] == [["gateway-1", 1], ["gateway-1", 2]]
    assert found.evidence["reason"] == "timeout"


def test_a_first_packet_alone_is_used_without_its_last_value(node: Node) -> None:
    """If its text goes on in a packet that never came, the last value may be cut off: 1 of 12.5."""
    engine = engine_with_rules(node)
    node.journal([packet(f"DataTime={wire(START)};a21026-Avg=3,a21026-Flag=N;a21002-Avg=1", 1, 2)])
    engine.step(idle=True)
    assert stored(engine) == []
    node.clock.advance(121)
    node.journal([node.upload(START + timedelta(minutes=3), {"a34004": 1})])
    engine.step(idle=True)
    assert stored(engine, 1) == [3.0]
    assert stored(engine, 2) == []
    assert [one.rule for _, one in engine.findings.read(0)] == ["sub-packets-missing"]


def test_a_first_packet_alone_is_used_without_any_value_that_lost_its_mark(node: Node) -> None:
    engine = engine_with_rules(node)
    texts = (
        "a21026-Avg=3,a21026-Flag=N;a21002-Min=1,a21002-Avg=2,a21002-Flag=D",
        "a21026-Avg=3,a21026-Flag=N;a21002-Min=1,a21002-Avg=2,a210",
        "a21026-Avg=3,a21026-Flag=N;a21002-Min=1,a21002-Avg=2,",
        "a21026-Avg=3,a21026-Flag=N,a21002-Min=1,a21002-Avg=2,a21002-Fl",
    )
    for minute, text in enumerate(texts):
        node.clock.advance(60)
        node.journal([packet(f"DataTime={wire(START + timedelta(minutes=minute))};{text}", 1, 2)])
    engine.step(idle=True)
    node.clock.advance(121)
    node.journal([node.upload(START + timedelta(minutes=9), {"a34004": 1})])
    engine.step(idle=True)
    assert stored(engine, 1) == [3.0] * 4
    assert stored(engine, 2) == []
    said = [one.evidence["reason"] for _, one in engine.findings.read(0) if one.rule == "sub-packets-missing"]
    assert said == ["replaced", "replaced", "replaced", "timeout"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_first_packet_sent_again_beside_one_that_stood_alone_keeps_its_mark(
    node: Node, restarted: bool
) -> None:
    engine = engine_with_rules(node)
    time = f"DataTime={wire(START)};"
    first = packet(time + "a21026-Avg=1,a21026-Flag=D", 1, 2)
    node.journal([packet(time + "a21002-Avg=2,a21002-Flag=N", 2, 2)])
    engine.step(idle=True)
    if restarted:
        engine.lake.close()
        engine = engine_with_rules(node, batches=engine.batches)
    for _ in range(2):
        node.clock.advance(20)
        node.journal([first])
        engine.step(idle=True)
    node.clock.advance(1_000)
    node.journal([node.upload(START + timedelta(minutes=9), {"a34004": 1})])
    engine.step(idle=True)
    rows = engine.lake.series([1], "minute", START, END).to_pylist()
    assert [(row["value"], row["flag"], row["revision"]) for row in rows] == [(1.0, "D", 0)]
    assert {one.rule for _, one in engine.findings.read(0)} == {"flag-not-normal"}


def test_a_number_that_comes_again_with_another_text_is_a_finding(node: Node) -> None:
    engine = engine_with_rules(node)
    pieces = joined_style(3)
    node.journal([pieces[0], pieces[1], *joined_style(3, minute=1)])
    engine.step(idle=True)
    assert stored(engine) == [12.5]
    (found,) = [one for _, one in engine.findings.read(0)]
    assert (found.rule, found.evidence["reason"]) == ("sub-packets-missing", "replaced")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_however_it_is_cut_into_batches_and_restarts_the_content_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    frames = [one for minute in range(3) for one in data.draw(st.permutations(joined_style(3, minute)))]
    with open_node(tmp_path_factory.mktemp("node")) as node:
        engine = node.engine()
        for content in frames:
            node.journal([content])
            what = data.draw(st.sampled_from(["nothing", "batch", "restart", "directory"]))
            if what == "batch":
                engine.step(idle=True)
            elif what == "directory":
                version = (node.directory.current() or make_directory()).version + 1
                node.directory.publish(make_directory(version))
                engine.step()
            elif what == "restart":
                engine.step(idle=data.draw(st.booleans()))
                engine.lake.close()
                engine = node.engine(batches=engine.batches)
        engine.step(idle=True)
        assert [len(stored(engine, number)) for number in (1, 2, 3)] == [3, 3, 3]
        again = node.engine("lake-2", "exchange-2", batches=engine.batches)
        assert everything(again.lake) == everything(engine.lake)

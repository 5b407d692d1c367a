"""What a frame means that says it in another way: minutes sent as real-time data, "not computable" in nines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.pipeline.node import MN, START, Node, make_directory, open_node, wire

from qingjian.contracts.directory import Route
from qingjian.hj212.encoder import Sender, frame
from qingjian.hj212.profiles import profile
from qingjian.journal import Frame, Kind
from qingjian.pipeline.decoding import Decoder


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path) as made:
        yield made


DAY = (START - timedelta(days=1), START + timedelta(days=1))


@pytest.mark.parametrize("named", ["start", "end"])
@pytest.mark.parametrize("seconds", [0, 5])
def test_minutes_sent_as_real_time_data_have_the_period_of_minutes(
    node: Node, named: str, seconds: int
) -> None:
    device = replace(make_directory().devices[0], policy={"datatime": named, "minute_interval": 10})
    node.directory.publish(make_directory(2, devices=[device]))
    engine = node.engine()
    told = START + timedelta(seconds=seconds)
    node.journal([node.upload(told, {"a21026": {"Avg": "12", "Flag": "N"}}, command="2011")])
    node.clock.advance(3600)
    engine.step(idle=True)
    expected = START - timedelta(minutes=10 if named == "end" else 0)
    assert engine.lake.series([1], "minute", *DAY)["start"].to_pylist() == [expected]
    assert engine.lake.series([1], "realtime", *DAY).num_rows == 0


def test_a_real_time_value_keeps_its_second(node: Node) -> None:
    device = replace(make_directory().devices[0], policy={"datatime": "end", "minute_interval": 10})
    node.directory.publish(make_directory(2, devices=[device]))
    engine = node.engine()
    told = START + timedelta(seconds=5)
    node.journal([node.upload(told, {"a21026": 12}, command="2011")])
    node.clock.advance(3600)
    engine.step(idle=True)
    assert engine.lake.series([1], "realtime", *DAY)["start"].to_pylist() == [told]


def test_the_end_of_minutes_sent_as_real_time_data_is_no_slow_clock() -> None:
    device = replace(
        make_directory().devices[0], edition="2005", policy={"datatime": "end", "minute_interval": 10}
    )
    content = frame(
        f"ST=22;CN=2011;PW=123456;MN={MN};CP=&&DataTime={wire(START)};a21026-Avg=1,a21026-Flag=N&&".encode()
    )
    received = int(START.timestamp() * 1_000_000)
    one = Frame(
        "gateway-1", 1, received, "127.0.0.1:1", 1, MN, Kind.ACCEPTED, content, (), "", 1, bytes(16), 1
    )
    found = Decoder(make_directory(devices=[device])).decode([one])
    assert found.observations["start"].to_pylist() == [START - timedelta(minutes=10)]
    assert [offset for _, _, offset, _ in found.offsets] == [0.0]


NINES = {
    "a21018": ("99.999", "999.9"),  # N2.3
    "a20043": ("99.9999", "9999.99"),  # N2.4
    "a34017": ("9999", "999.9"),  # N4
    "a21002": ("9999.99", "999.9"),
    "a24088": ("-9999.999", "-99.9"),
}


def test_not_computable_is_the_largest_number_of_the_factors_own_format(node: Node) -> None:
    """Any other row of nines is a value."""
    formats = {factor: profile("2025").factors[factor].format for factor in NINES}
    told = {
        factor: ("-" if NINES[factor][0].startswith("-") else "")
        + "9" * int(form[1])
        + ("." + "9" * int(form[3]) if "." in form else "")
        for factor, form in formats.items()
    }
    first = make_directory().series[0]
    series = [
        replace(first, id=number, code=f"P1:{factor}", factor=factor, medium="flue_gas", decimals=4)
        for number, factor in enumerate(NINES, 1)
    ]
    routes = [Route(MN, factor, number) for number, factor in enumerate(NINES, 1)]
    node.directory.publish(make_directory(2, series=series, routes=routes))
    node.sender = Sender("2025", "31", "123456", MN)
    engine = node.engine()
    for hour, values in ((0, told), (1, {factor: pair[1] for factor, pair in NINES.items()})):
        sent = {factor: {"Avg": "12", "ZsAvg": text, "Flag": "N"} for factor, text in values.items()}
        node.journal([node.upload(START + timedelta(hours=hour), sent, command="2061")])
    node.clock.advance(10_800)
    engine.step(idle=True)
    rows = engine.lake.series(list(range(1, len(NINES) + 1)), "hour", *DAY).to_pylist()
    found: dict[tuple[int, datetime], float | None] = {
        (row["series"], row["start"]): row["converted"] for row in rows
    }
    for number, pair in enumerate(NINES.values(), 1):
        assert found[number, START] is None
        assert found[number, START + timedelta(hours=1)] == float(pair[1])

"""Own values at reference oxygen: hours, days and months of a stack."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.pipeline.node import MN, START, Node, make_directory
from tests.pipeline.test_judging import aggregate
from tests.pipeline.test_work import platform

from qingjian.contracts.converting import Converter
from qingjian.contracts.directory import Directory, Route, Series, Setting
from qingjian.pipeline.converting import means
from qingjian.pipeline.engine import Engine
from qingjian.pipeline.settings import PipelineSettings
from qingjian.pipeline.work import Work
from qingjian.rulebook import packaged

HOUR = timedelta(hours=1)
DAY0 = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""A natural day begins."""


def stack() -> dict[str, object]:
    first = make_directory().series[0]
    gas = replace(first, medium="flue_gas", factor="a21002", code="P1:a21002", expected={"hour": 3600})
    oxygen = replace(gas, id=2, factor="a19001", code="P1:a19001", unit="%")
    own = [
        replace(platform(number, one.factor), medium="flue_gas", code=f"{one.code}:own")
        for number, one in ((11, gas), (12, oxygen))
    ]
    return {
        "series": [gas, oxygen, *own],
        "routes": [Route(MN, "a21002", 1), Route(MN, "a19001", 2)],
        "settings": [Setting("P1:a21002", "reference_oxygen", "6", "%")],
    }


def own(engine: Engine, statistic: str, number: int = 11) -> list[tuple[float | None, float | None]]:
    rows = engine.lake.series([number], statistic, START - timedelta(days=40), START + timedelta(days=70))
    return list(zip(rows["value"].to_pylist(), rows["converted"].to_pylist(), strict=True))


def test_days_and_months_are_means_of_converted_hours(node: Node) -> None:
    node.directory.publish(make_directory(2, **stack()))
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    frames = []
    for hour in range(48):
        # Twelve hours at 6 % oxygen, the rest at 11 %, one of them at 20.9 %, where nothing can be converted.
        oxygen = 6 if hour % 24 < 12 else 20.9 if hour == 20 else 11
        values = {"a21002": {"Avg": "30", "Flag": "N"}, "a19001": {"Avg": str(oxygen), "Flag": "N"}}
        frames.append(node.upload(DAY0 + hour * HOUR, values, command="2061"))
    node.journal(frames)
    node.clock.set_wall(DAY0 + timedelta(days=35))
    engine.step(idle=True)
    aggregate(node, work)
    low, high = 30.0, 30 * 15 / 10
    days = own(engine, "day")
    assert [value for value, _ in days] == [30, 30]
    assert days[0][1] == pytest.approx((12 * low + 11 * high) / 23, abs=0.001)
    assert days[1][1] == pytest.approx((12 * low + 12 * high) / 24, abs=0.001)
    ((value, converted),) = own(engine, "month")
    assert value == 30
    assert converted == pytest.approx((days[0][1] + days[1][1]) / 2, abs=0.001)
    assert {one for _, one in own(engine, "day", 12)} == {None}, "oxygen itself is not converted"


def converter(**changes: object) -> Converter:
    arguments = {**stack(), **changes}
    return Converter(Directory(version=1, published_at=START, **arguments), packaged())  # type: ignore[arg-type]


def hours(made: Converter, oxygen: float) -> dict[tuple[int, int], float]:
    return made.values([1, 2], np.array([1, 2], np.int32), np.array([0, 0]), np.array([30.0, oxygen]))


def test_what_cannot_be_converted_is_left_out() -> None:
    assert hours(converter(), 11) == {(1, 0): 45.0}
    for oxygen in (np.nan, -1.0, 20.9, 25.0):
        assert hours(converter(), oxygen) == {}
    assert hours(converter(settings=[]), 11) == {}
    for text in ("", "six", "21", "-1"):
        assert hours(converter(settings=[Setting("P1:a21002", "reference_oxygen", text)]), 11) == {}


def test_the_reference_of_the_time_of_the_data_counts() -> None:
    change = datetime(1970, 1, 1, 1, tzinfo=UTC)
    made = converter(
        settings=[
            Setting("P1:a21002", "reference_oxygen", "6", valid_to=change),
            Setting("P1:a21002", "reference_oxygen", "11", valid_from=change),
        ]
    )
    series = np.array([1, 1, 2, 2], np.int32)
    found = made.values([1], series, np.array([0, 3600, 0, 3600]), np.array([30.0, 30.0, 11.0, 11.0]))
    assert found == {(1, 0): 45.0, (1, 3600): 30.0}


def test_a_point_without_oxygen_is_not_converted() -> None:
    alone = [one for one in stack()["series"] if isinstance(one, Series) and one.factor != "a19001"]  # type: ignore[attr-defined]
    made = converter(series=alone, routes=[])
    assert made.inputs_of(1) == frozenset()
    assert hours(made, 11) == {}


def test_means_are_by_local_day() -> None:
    begin = int(DAY0.timestamp())
    values = {(1, begin): 1.0, (1, begin + 23 * 3600): 3.0, (1, begin + 24 * 3600): 9.0, (2, begin): 5.0}
    assert means(values, "day") == {(1, begin): 2.0, (1, begin + 86_400): 9.0, (2, begin): 5.0}


def settings(*more: Setting) -> list[Setting]:
    return [Setting("P1:a21002", "reference_oxygen", "6", "%"), *more]


def test_a_new_setting_or_late_oxygen_makes_the_converted_values_anew(node: Node) -> None:
    node.directory.publish(make_directory(2, **stack()))
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    frames = [
        node.upload(DAY0 + hour * HOUR, {"a21002": {"Avg": "30", "Flag": "N"}}, command="2061")
        for hour in range(24)
    ]
    node.journal(frames)
    node.clock.set_wall(DAY0 + timedelta(days=2))
    engine.step(idle=True)
    aggregate(node, work)
    assert own(engine, "day") == [(30, None)], "no oxygen yet: nothing converted"
    node.journal(
        [
            node.upload(DAY0 + hour * HOUR, {"a19001": {"Avg": "11", "Flag": "N"}}, command="2061")
            for hour in range(24)
        ]
    )
    node.clock.advance(300)
    engine.step(idle=True)
    aggregate(node, work)
    assert own(engine, "day") == [(30, 45)]
    node.directory.publish(
        make_directory(3, **{**stack(), "settings": settings(Setting("P1:a21002", "measured_basis", "wet"))})
    )
    node.clock.advance(300)
    engine.step(idle=True)
    aggregate(node, work)
    assert own(engine, "day") == [(30, None)], "moisture is not measured here, so wet gas cannot be converted"


def test_a_converted_value_of_the_device_is_held_against_the_own_one(node: Node) -> None:
    node.directory.publish(make_directory(2, **stack()))
    engine = node.engine(recovering=False)
    work = Work(engine, PipelineSettings(node.folder.root, ask_for_history=False), node.clock)
    engine.recover()
    oxygen = {"a19001": {"Avg": "11", "Flag": "N"}}
    frames = [
        node.upload(
            DAY0 + hour * HOUR,
            {"a21002": {"Avg": "30", "ZsAvg": "45", "Flag": "N"}, **oxygen},
            command="2061",
        )
        for hour in range(72)
    ]
    # Converted rightly, as if the reference were 11 % oxygen, and from another mean, which is said by itself.
    frames += [
        node.upload(
            DAY0 + day * 24 * HOUR, {"a21002": {"Avg": mean, "ZsAvg": said, "Flag": "N"}}, command="2031"
        )
        for day, (mean, said) in enumerate((("30", "45.9"), ("30", "30"), ("20", "30")))
    ]
    node.journal(frames)
    node.clock.set_wall(DAY0 + timedelta(days=4))
    engine.step(idle=True)
    aggregate(node, work)
    stated = [one for _, one in engine.findings.read(0, 100) if one.rule == "device-against-platform"]
    found = sorted(stated, key=lambda one: one.start)
    assert [
        (one.start - DAY0, one.evidence["column"], one.evidence["own"], one.evidence["sent"]) for one in found
    ] == [
        (24 * HOUR, "converted", 45, 30),
        (48 * HOUR, "value", 30, 20),
    ]
    assert len({one.id for one in found}) == 2
    said = found[0].evidence
    assert (said["explained_percent"], said["confidence"]) == (5, "U"), "a house rule, and it says so"
    assert packaged().row(said["rule_row"])["item"] == "relative difference"
    assert "rule_row" not in found[1].evidence, "rounding needs no rule"

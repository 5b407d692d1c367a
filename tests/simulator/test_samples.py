"""Samples of the demo: registered, deterministic, plausible, and said to be simulated."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qingjian.rulebook import packaged
from qingjian.simulator import demo
from qingjian.standards import groundwater

START, END = datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)


def test_everything_sampled_is_simulated_and_hangs_together() -> None:
    document = demo.sampled()
    factors = {one["code"] for one in document["factors"]}
    points = {one["code"] for one in document["points"]}
    codes = [one["code"] for one in document["series"]]
    assert len(codes) == len(set(codes))
    for one in document["series"]:
        assert one["origin"] == "simulated"
        assert "模拟" in one["notice"]
        assert one["factor"] in factors
        assert one["point"] in points
    assert {one["region"] for one in document["points"]} <= {one["code"] for one in demo.county()["regions"]}
    assert not points & {one["code"] for one in demo.county()["points"]}
    document["series"].clear()
    assert demo.sampled()["series"]


def test_samples_are_the_same_at_every_start_and_belong_to_a_series() -> None:
    tables = demo.samples(START, END)
    assert set(tables) == {"day", "year"}
    codes = {one["code"] for one in demo.sampled()["series"]}
    for table in tables.values():
        assert set(table["series"].to_pylist()) <= codes
    again = demo.samples(START, END)
    assert all(again[name].equals(table) for name, table in tables.items())
    later = demo.samples(datetime(2026, 5, 1, tzinfo=UTC), END)["day"].to_pylist()
    held = tables["day"].to_pylist()
    assert all(row in held for row in later)
    with pytest.raises(ValueError, match="zone"):
        demo.samples(START.replace(tzinfo=None), END)


def test_a_well_of_the_demo_can_be_classed() -> None:
    names = {one["code"]: one["name_zh"] for one in demo.sampled()["series"]}
    rows = [row for row in demo.samples(START, END)["day"].to_pylist() if row["series"].startswith("GW01.")]
    day = max(row["time"] for row in rows)
    qualitative = groundwater.qualitative_items(END.date(), rulebook=packaged())
    items = {
        names[row["series"]]: ("无" if names[row["series"]] in qualitative else row["value"])
        for row in rows
        if row["time"] == day
    }
    assert len(items) == 39
    assert groundwater.classify(items, END.date()).not_measured_regular == ()

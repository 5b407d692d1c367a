"""Hourly history of the demo county for intake, and the original time and place of any replayed value."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qingjian.contracts.clock import CHINA
from qingjian.quality.flue_gas import PASCALS
from qingjian.simulator.demo.county import SIMULATED, Row, county
from qingjian.simulator.demo.datasets import Dataset, datasets
from qingjian.simulator.demo.records import (
    Following,
    Replayed,
    Simulated,
    SimulatedFactor,
    civil,
    replayed_hours,
)
from qingjian.simulator.demo.replay import position
from qingjian.simulator.readings import Recorder
from qingjian.simulator.synthesis import Floats, Integers, Signal, seconds_of

SCHEMA = pa.schema(
    [
        ("series", pa.string()),
        ("statistic", pa.string()),
        ("start", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("flag", pa.string()),
        ("note", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Original:
    """Where and when a replayed value was really measured."""

    time: datetime | None
    """Civil time of the source's place; None where the source has no times."""
    row: int
    place_zh: str
    place_en: str
    attribution: str
    """Heading in `attribution()`."""
    wrapped: bool
    restarted: bool
    repeated_leap_day: bool
    note_zh: str
    note_en: str


@cache
def _series() -> dict[str, Row]:
    return {one["code"]: one for one in county()["series"]}


def original_time(series: str, moment: datetime) -> Original | None:
    """Return the original time and place of a value of the demo, or None for series that replay nothing.

    `moment` is the aware start of the value's period. KeyError when the series is not of the demo.
    """
    code = _series()[series]["dataset"]
    if not code:
        return None
    dataset = datasets()[code]
    at = position(dataset.span, civil(moment))
    if dataset.timed:
        zh = f"原始时间 {at.time:%Y-%m-%d %H:%M}（当地），{dataset.place_zh}"
        en = f"measured {at.time:%Y-%m-%d %H:%M} local time, {dataset.place_en}"
    else:
        zh = f"来源没有时间：第 {at.row + 1} 行，自 1 月 1 日起按行逐时排列，{dataset.place_zh}"
        en = f"the source has no times: row {at.row + 1}, rows run hourly from 1 January, {dataset.place_en}"
    if at.restarted:
        zh, en = f"{zh}；来源已到末尾，从头重放", f"{en}; the source had ended and started again"
    elif at.pass_number:
        zh, en = f"{zh}；同一来源再次重放", f"{en}; the same source shown in another pass"
    if at.repeated_leap_day:
        zh, en = (
            f"{zh}；来源当年没有 2 月 29 日，用 2 月 28 日",
            f"{en}; no 29 February in the source, 28 February shown",
        )
    return Original(
        at.time if dataset.timed else None,
        at.row,
        dataset.place_zh,
        dataset.place_en,
        dataset.attribution,
        at.wrapped,
        at.restarted,
        at.repeated_leap_day,
        zh,
        en,
    )


def shown_twice(series: str, starts: Integers) -> npt.NDArray[np.bool_]:
    """Say of hours (UTC seconds) whether a series shows values again that it showed earlier in the same pass.

    A source shorter than its pass starts again before the pass is over. Whoever looks for copies in the demo leaves these
    hours out: they are copies, and nobody falsified them. Series that replay nothing show nothing twice.
    """
    row = _series().get(series)
    code = (row["dataset"] or row["follows"]) if row is not None else ""
    if not code:
        return np.zeros(len(starts), np.bool_)
    return np.array([_restarted(code, at) for at in starts.tolist()], np.bool_)


@cache
def _restarted(dataset: str, second: int) -> bool:
    moment = datetime.fromtimestamp(second, CHINA).replace(tzinfo=None)
    return position(datasets()[dataset].span, moment).restarted


@cache
def _signals() -> dict[str, dict[str, Signal]]:
    table: dict[str, Any] = tomllib.loads(
        (files("qingjian.simulator.demo") / "county.toml").read_text("utf-8")
    )
    return {
        name: {key: Signal(**shape) for key, shape in signal.items()}
        for name, signal in table["signal"].items()
    }


def recorder(mn: str) -> Recorder:
    """Return what the demo device with this MN measures; KeyError when there is none."""
    own = [one for one in _series().values() if one["device"] == mn]
    if not own:
        raise KeyError(mn)
    first = own[0]
    parameters = {one["wire_factor"]: one["parameter"] for one in own}
    if first["dataset"]:
        return Replayed(datasets()[first["dataset"]], parameters)
    if first["follows"]:
        return Following(datasets()[first["follows"]], parameters, first["point"])
    return simulated(mn)


@cache
def simulated(mn: str) -> Simulated:
    """Return the simulated device with this MN."""
    own = [one for one in _series().values() if one["device"] == mn and one["signal"]]
    if not own:
        raise KeyError(mn)
    shapes = _signals()[own[0]["signal"]]
    wet = {
        row["subject"]: float(row["value"]) * PASCALS[row["unit"]]
        for row in county()["settings"]
        if row["name"] == "atmospheric_pressure"
    }
    reference = next(
        (
            float(row["value"])
            for row in county()["settings"]
            if row["name"] == "reference_oxygen" and row["subject"] in {one["code"] for one in own}
        ),
        None,
    )
    factors = [
        SimulatedFactor(
            one["wire_factor"],
            one["parameter"],
            shapes[one["parameter"]],
            one["decimals"],
            one["averaging"],
            one["converted"],
            one["total_unit"],
            wet.get(one["code"]),
        )
        for one in own
    ]
    return Simulated(own[0]["point"], factors, own[0]["medium"], reference)


def _months(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut [start, end) at the starts of civil months in China."""
    begin = start
    while begin < end:
        local = begin.astimezone(CHINA)
        following = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=CHINA)
        stop = min(following, end)
        yield begin, stop
        begin = stop


def _table(code: str, starts: Integers, values: Floats, notes: pa.Array) -> pa.Table:
    count = len(starts)
    return pa.table(
        {
            "series": pa.repeat(code, count),
            "statistic": pa.repeat("hour", count),
            "start": pa.array(starts * 1_000_000).cast(SCHEMA.field("start").type),
            "value": pa.array(values),
            "flag": pa.repeat("N", count),
            "note": notes,
        },
        schema=SCHEMA,
    )


def _replayed_month(dataset: Dataset, own: list[Row], starts: Integers) -> Iterator[pa.Table]:
    placed = [position(dataset.span, datetime.fromtimestamp(at, CHINA).replace(tzinfo=None)) for at in starts]
    # A source with times that starts again inside a pass would show summer in winter: live pages mark that, the
    # history simply has nothing there.
    kept = np.array([not (at.restarted and dataset.timed) for at in placed], dtype=np.bool_)
    rows = np.array([at.row for at in placed], dtype=np.int64)
    wrapped = np.array([at.wrapped for at in placed], dtype=np.int64)
    notes = pa.array([f"replay {dataset.code}", f"replay {dataset.code} wrapped"])
    for one in own:
        values, there = replayed_hours(dataset, one["parameter"], rows)
        there &= kept
        yield _table(
            one["code"],
            starts[there],
            np.round(values[there], one["decimals"]),
            notes.take(pa.array(wrapped[there])),
        )


Changes = Callable[[Integers], Mapping[str, Mapping[int, float]]]
"""Hours (UTC seconds) → wire factor → place among the hours → what the device reports instead; NaN for nothing."""


def _simulated_month(
    device: Simulated, own: list[Row], starts: Integers, changes: Changes | None
) -> Iterator[pa.Table]:
    found = device.longer(starts, "hour")
    notes = pa.repeat(SIMULATED, len(starts))
    changed = changes(starts) if changes is not None else {}
    for one in own:
        values = found[one["parameter"]].average.copy()
        for place, value in changed.get(one["wire_factor"], {}).items():
            values[place] = value
        there = np.isfinite(values)
        yield _table(one["code"], starts[there], values[there], notes.slice(0, int(there.sum())))


def history(
    start: datetime,
    end: datetime,
    *,
    with_simulated: bool = True,
    changes: Mapping[str, Changes] = MappingProxyType({}),
) -> Iterator[pa.Table]:
    """Yield the hourly history of the demo county for the hours in [start, end), one table per civil month.

    Columns: series (text code), statistic ("hour"), start (UTC), value (unit of the series), flag ("N"), note (source
    of the value; "wrapped" where the source is shown in another pass). Hours that the source lacks have no row.
    Series that report no hours (real-time signals, the alerting self-test) are left out. `changes` (by MN) are
    staged alterations of simulated devices (see `simulator.staging`).
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a zone")
    by_device: dict[str, list[Row]] = {}
    for one in _series().values():
        if "hour" in one["expected"]:
            by_device.setdefault(one["device"], []).append(one)
    for begin, stop in _months(start, end):
        first, last = -(-seconds_of(begin) // 3600), -(-seconds_of(stop) // 3600)
        starts = np.arange(first, last, dtype=np.int64) * 3600
        tables: list[pa.Table] = []
        for mn, own in by_device.items():
            if own[0]["dataset"]:
                tables.extend(_replayed_month(datasets()[own[0]["dataset"]], own, starts))
            elif with_simulated:
                tables.extend(_simulated_month(simulated(mn), own, starts, changes.get(mn)))
        if tables:
            yield pa.concat_tables(tables)

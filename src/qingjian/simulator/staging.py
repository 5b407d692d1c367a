"""Falsification and faults staged in the past of the demo county: simulated devices only, and named as staged."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from qingjian.contracts.clock import CHINA
from qingjian.simulator import demo
from qingjian.simulator.demo.history import Changes
from qingjian.simulator.synthesis import Integers
from qingjian.simulator.tampering import FAULTS, KINDS, Alteration, Altered

OPENED_FILE = "demo-opened"
"""File in the data folder of a demo node with its first day, which tells where staged falsification lies."""


@dataclass(frozen=True, slots=True)
class Staged:
    """One staged alteration of a device, and the series it shows in."""

    mn: str
    alteration: Alteration
    series: tuple[str, ...]

    @property
    def fault(self) -> bool:
        """Whether an honest fault is staged, and no falsification."""
        return self.alteration.kind in FAULTS

    @property
    def notice(self) -> str:
        """What pages say of a series with this alteration."""
        first = self.alteration.start.astimezone(CHINA).date()
        last = (self.alteration.end or self.alteration.start).astimezone(CHINA).date() - timedelta(days=1)
        zh, en = KINDS[self.alteration.kind][:2]
        return f"演示：{first}..{last} 为模拟的{zh} / staged for the demo, {first}..{last}: {en}"


@cache
def _table() -> Sequence[Mapping[str, Any]]:
    document = tomllib.loads((files("qingjian.simulator.demo") / "county.toml").read_text("utf-8"))
    rows: Sequence[Mapping[str, Any]] = document["staged"]
    return rows


def staged(opened: date) -> list[Staged]:
    """Return what is staged in the past of a demo node whose first day was `opened`."""
    found = []
    for row in _table():
        start = datetime.combine(opened - timedelta(days=row["from"]), time(), CHINA)
        alteration = Alteration(
            row["kind"],
            row["amount"],
            start,
            start + timedelta(days=row["days"]),
            frozenset(row["factors"]),
        )
        series = tuple(
            one["code"]
            for one in demo.county()["series"]
            if one["device"] == row["mn"] and one["wire_factor"] in row["factors"]
        )
        found.append(Staged(row["mn"], alteration, series))
    return found


def staged_in(folder: Path) -> list[Staged]:
    """Return what was staged in the past of a demo node; nothing on one that is older than staging."""
    try:
        opened = date.fromisoformat((folder / OPENED_FILE).read_text("utf-8").strip())
    except (OSError, ValueError):
        return []
    return staged(opened)


def changes(found: Sequence[Staged]) -> dict[str, Changes]:
    """Return by MN what the staged devices report instead, for `demo.history`.

    Asked of the same recorder that speaks on the wire, hour by hour, so that the two never disagree.
    """
    made: dict[str, Changes] = {}
    for mn in sorted({one.mn for one in found}):
        alterations = [one.alteration for one in found if one.mn == mn]
        made[mn] = _changes(mn, alterations)
    return made


def _changes(mn: str, alterations: Sequence[Alteration]) -> Changes:
    recorder = Altered(demo.recorder(mn), alterations)
    factors = sorted({factor for one in alterations for factor in one.factors})

    def of(starts: Integers) -> Mapping[str, Mapping[int, float]]:
        changed: dict[str, dict[int, float]] = {}
        for place, second in enumerate(starts.tolist()):
            moment = datetime.fromtimestamp(second, UTC)
            touched = [factor for factor in factors if any(one.holds(factor, moment) for one in alterations)]
            if not touched:
                continue
            said = {one.factor: one.values for one in recorder.record("hour", moment, 3600)}
            for factor in touched:
                value = float(said[factor]["Avg"]) if factor in said else float("nan")
                changed.setdefault(factor, {})[place] = value
        return changed

    return of

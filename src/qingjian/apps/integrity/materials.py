"""Emission against what was burnt, put in or drawn: days whose share lies below what the outlet's own past shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from qingjian.apps.integrity.panels import Group, day_of
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing.log_books import CONSUMED, MaterialUse
from qingjian.screening.corroboration import DailyTest, calibrated_test, daily
from qingjian.screening.panel import Floats
from qingjian.screening.process_logic import shortfall
from qingjian.screening.record import Record
from qingjian.screening.vocabulary import common_name

CONCENTRATIONS = frozenset({"mg/m³", "µg/m³", "mg/L", "µg/L"})
"""Units of what is emitted; temperature, oxygen and pH have others."""


def balance_tests(group: Group, record: Record) -> dict[tuple[int, int], list[DailyTest]]:
    """Return by (station, parameter) the test of each factor emitted against each material of its outlet.

    The share is emission (concentration times flow, by day) over the use of the day (that of its period, spread evenly). Units
    and emission factors cancel, since a series is measured with its own past. Outlets without flow or log book are not asked.
    """
    names = [common_name(one.code) for one in record.parameters]
    if "flow" not in names:
        return {}
    used = _used(group, record)
    found: dict[tuple[int, int], list[DailyTest]] = {}
    for s, station in enumerate(record.stations):
        own = used.get(station.code)
        flow = record.hourly[s, names.index("flow")]
        if not own or not np.isfinite(flow).any():
            continue
        for p in record.measured():
            if record.parameters[p].unit not in CONCENTRATIONS or not np.isfinite(record.hourly[s, p]).any():
                continue
            emitted = daily(record.hourly[s, p] * flow)
            tests = [
                calibrated_test("process.balance", "balance", shortfall(emitted, one), record.history_days)
                for one in own
            ]
            if tests := [one for one in tests if one.answers]:
                found[s, p] = tests
    return found


def _used(group: Group, record: Record) -> Mapping[str, list[Floats]]:
    """Return by point code the daily use of each material of its outlet; NaN on days no entry speaks of."""
    outlets: dict[int, list[str]] = defaultdict(list)
    for one in {place.point_id: place.point for place in group.places.values()}.values():
        if one.outlet_id:
            outlets[one.outlet_id].append(one.code)
    first, last = day_of(record.first_day), day_of(record.first_day + record.days - 1)
    by_material: dict[tuple[int, str], list[MaterialUse]] = defaultdict(list)
    for entry in observing.materials_known(outlets, first, last):
        if entry.material in CONSUMED:
            by_material[entry.outlet_id, entry.material].append(entry)
    found: dict[str, list[Floats]] = defaultdict(list)
    for (outlet, _material), entries in sorted(by_material.items()):
        if len({one.unit for one in entries}) > 1:
            # Tonnes and cubic metres in one series would look like a change of the share.
            continue
        use = np.full(record.days, np.nan)
        for entry in entries:
            days = (entry.last_day - entry.first_day).days + 1
            begin = (entry.first_day - first).days
            use[max(begin, 0) : max(begin + days, 0)] = float(entry.amount) / days
        for code in outlets[outlet]:
            found[code].append(use)
    return found

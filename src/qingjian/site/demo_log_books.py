"""Log books of the demo county: made up for simulated devices, every line marked as simulation.

Most of them say nothing: announced maintenance, software as registered, coal that goes with the gas. Two do: while the slope of
the boiler's nitrogen oxides is staged too low, the device reports another slope than the register, changed in a remote
session nobody announced; and the food works' logger carries software with another hash since its ammonia stands still.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from qingjian.apps.accounts.models import User
from qingjian.apps.network.models import Device
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import filing
from qingjian.apps.observing.log_books import BOOKS
from qingjian.contracts.clock import CHINA
from qingjian.simulator.demo import county
from qingjian.simulator.demo.history import simulated
from qingjian.simulator.staging import Staged

MADE_UP = "演示，不是真实文件 / demonstration, no real document"
OPENING = "2024-01-01"
BOILER, FOOD = "990121003100000000000003", "99012100000032"
MNS = ("990121003100000000000002", BOILER, "990121003200000000000002", FOOD)
VERSION = "V3.2.1"
MONTHS = 13
GAS_PER_TONNE = 9_000.0
"""m³ of dry gas that a tonne of coal makes: made up, and cancelled by the balance."""
REAGENTS = (("limestone", 0.018), ("urea", 0.0035))
"""Tonnes per tonne of coal."""


def digest(mn: str) -> str:
    """Return the made-up hash of the software of a device."""
    return hashlib.sha256(f"demo {mn} {VERSION}".encode()).hexdigest()


def registered(staged: list[Staged]) -> Iterator[Proposal]:
    """Yield software and slopes as registered, and the slopes the boiler's device has reported."""
    codes = {row["mn"]: row["code"] for row in county()["devices"]}
    for mn in MNS:
        yield Proposal(
            "software",
            {
                "device": codes[mn],
                "version": VERSION,
                "digest": digest(mn),
                "document": MADE_UP,
                "valid_from": OPENING,
            },
        )
    lowered = _lowered(staged)
    (series,) = lowered.series
    begin, end = _at(lowered, 2), _at(lowered, 2, end=True)
    slope = {"series": series, "name": "slope"}
    yield Proposal("setting", {**slope, "value": "1.00", "valid_from": OPENING})
    for value, origin_from in (("1.00", f"{OPENING}T08:00"), ("0.55", begin), ("1.00", end)):
        yield Proposal("setting", {**slope, "value": value, "origin": "device", "valid_from": origin_from})


def file(opened: date, staged: list[Staged]) -> int:
    """Let the demo's people file a year of entries; returns how many."""
    devices = {one.mn: one for one in Device.objects.filter(mn__in=MNS)}
    staff, keeper = (User.objects.get(username=name) for name in ("zhiban", "shuju"))
    made = 0
    for author, book, rows in (
        (keeper, "remote-sessions", list(_sessions(devices, opened, staged))),
        (staff, "software-found", list(_readings(devices, opened))),
        (staff, "materials", list(_materials(opened))),
    ):
        filing.file(author, BOOKS[book], [Proposal(book, row) for row in rows], simulated=True)
        made += len(rows)
    return made


def _lowered(staged: list[Staged]) -> Staged:
    return next(one for one in staged if one.mn == BOILER and one.alteration.kind == "scaled")


def _at(one: Staged, hour: int, *, end: bool = False) -> str:
    day = one.alteration.end if end and one.alteration.end is not None else one.alteration.start
    return (day.astimezone(CHINA) + timedelta(hours=hour)).isoformat()


def _months(opened: date) -> list[tuple[date, date]]:
    """Return first and last day of the months that are over, oldest first."""
    found = []
    last = opened.replace(day=1) - timedelta(days=1)
    for _number in range(MONTHS):
        found.append((last.replace(day=1), last))
        last = last.replace(day=1) - timedelta(days=1)
    return found[::-1]


def _sessions(devices: dict[str, Device], opened: date, staged: list[Staged]) -> Iterator[dict[str, object]]:
    for first, _last in _months(opened):
        start = datetime.combine(first + timedelta(days=9), time(9, 30), CHINA)
        for mn in MNS[:3]:
            yield {
                "device": devices[mn].code,
                "start": start,
                "end": start + timedelta(minutes=40),
                "person": "（演示）运维单位 陈工",
                "address": "10.20.1.15",
                "purpose": "例行远程巡检，核对数据上传",
                "notice": f"演示-YW-{first:%Y%m}",
            }
    lowered = _lowered(staged)
    for end, minutes in ((False, 26), (True, 11)):
        moment = datetime.fromisoformat(_at(lowered, 1, end=end)) + timedelta(minutes=41)
        yield {
            "device": devices[BOILER].code,
            "start": moment,
            "end": moment + timedelta(minutes=minutes),
            "person": "（演示）来历不明的账号 admin2",
            "address": "203.0.113.77",
            "purpose": "",
            "notice": "",
        }


def _readings(devices: dict[str, Device], opened: date) -> Iterator[dict[str, object]]:
    for quarter in range(4):
        day = opened - timedelta(days=40 + 90 * quarter)
        for mn in MNS:
            yield _reading(devices[mn], day, digest(mn))
    yield _reading(devices[FOOD], opened - timedelta(days=9), digest(f"{FOOD} changed"))


def _reading(device: Device, day: date, found: str) -> dict[str, object]:
    return {
        "device": device.code,
        "read_at": datetime.combine(day, time(10, 20), CHINA),
        "version": VERSION,
        "digest": found,
        "reader": "（演示）县监测站 现场检查",
        "way": "on_site",
    }


def _materials(opened: date) -> Iterator[dict[str, object]]:
    """Yield coal of the boiler by months, as much as its gas says, and what goes into the cleaning."""
    device = simulated(BOILER)
    row = next(
        one for one in county()["series"] if one["device"] == BOILER and one["code"].split(".")[1] == "a00000"
    )
    point = next(one for one in county()["points"] if one["code"] == row["point"])
    for first, last in _months(opened):
        begin = int(datetime.combine(first, time(), CHINA).astimezone(UTC).timestamp())
        hours = np.arange(begin, begin + ((last - first).days + 1) * 86_400, 3600, dtype=np.int64)
        flow = device.longer(hours, "hour")[row["parameter"]].average
        coal = float(np.nansum(flow)) * 3600 / GAS_PER_TONNE
        for material, share in (("coal", 1.0), *REAGENTS):
            yield {
                "outlet": f"{point['source']}-{point['outlet']}",
                "material": material,
                "first_day": first,
                "last_day": last,
                "amount": f"{coal * share:.1f}",
                "unit": "t",
                "document": MADE_UP,
            }

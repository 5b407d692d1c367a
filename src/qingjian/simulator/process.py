"""The simulator as a process: what a supervisor starts and stops."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from qingjian.contracts.clock import Clock, SystemClock
from qingjian.simulator import demo
from qingjian.simulator.demo.records import Replayed
from qingjian.simulator.fleet import Fleet, Link
from qingjian.simulator.logger import FieldLogger, Identity
from qingjian.simulator.quirks import MOVES_TIME
from qingjian.simulator.readings import Recorder
from qingjian.simulator.schedule import Schedule
from qingjian.simulator.settings import SimulatorSettings
from qingjian.simulator.synthesis import key_of
from qingjian.simulator.tampering import Alteration, Altered

LOG = structlog.get_logger("qingjian.simulator")
_SPREAD_SECONDS = 20
"""Loggers deliver a period at slightly different moments, as they do in the field."""


def main(settings: SimulatorSettings) -> None:
    """Run until SIGTERM or SIGINT; the target of a spawned process."""
    sys.exit(run(settings))


def run(
    settings: SimulatorSettings, clock: Clock | None = None, *, say: Callable[[str], None] | None = None
) -> int:
    """Run the demo county's devices in this process; returns 0 after a clean stop.

    UnreachedError when nobody ever answered in the settings' tries. `say`: as for `Fleet`.
    """
    return asyncio.run(serve(settings, clock or SystemClock(), say=say))


async def serve(
    settings: SimulatorSettings,
    clock: Clock,
    stop: asyncio.Event | None = None,
    *,
    say: Callable[[str], None] | None = None,
) -> int:
    """Run the fleet until `stop` is set or a signal came."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    fleet = Fleet(links(settings, clock), clock, tries=settings.tries, say=say)
    LOG.info("simulator started", devices=len(fleet.links), host=settings.host, port=settings.port)
    try:
        await fleet.run(stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    state = fleet.state()
    LOG.info(
        "simulator stopped", uploaded=state.uploaded, acknowledged=state.acknowledged, waiting=state.waiting
    )
    return 0


def links(settings: SimulatorSettings, clock: Clock) -> list[Link]:
    """Make the links of the demo devices that the settings name; ValueError for an MN the county does not have."""
    rows = {row["mn"]: row for row in demo.county()["devices"]}
    named = {*settings.devices, *(set(settings.quirks) - {"*"}), *(one.mn for one in settings.tampering)}
    unknown = sorted(named - set(rows))
    if unknown:
        raise ValueError(f"演示县没有这些 MN / MNs not in the demo county: {', '.join(unknown)}")
    factors: dict[str, list[str]] = {}
    for route in demo.county()["routes"]:
        factors.setdefault(route["mn"], []).append(route["wire_factor"])
    now = clock.now()
    found = []
    for mn in settings.devices or tuple(rows):
        row = rows[mn]
        key = bytes.fromhex(row["sm4_key_hex"]) or None
        quirks = _quirks(mn, settings, encrypted=key is not None)
        since = now - timedelta(hours=settings.backfill_hours)
        logger = FieldLogger(
            Identity(mn, row["password"], row["system_code"], row["edition"], key),
            _recorder(mn, settings, since),
            Schedule(row["expected"], since, key_of(mn) % _SPREAD_SECONDS),
            now,
            expected=row["expected"],
            factors=factors[mn],
            ignores_answers="ignores_answer" in quirks,
            backlog=settings.backlog,
        )
        found.append(Link(logger, settings.host, settings.port, clock, quirks))
    return found


def _quirks(mn: str, settings: SimulatorSettings, *, encrypted: bool) -> Sequence[str]:
    """Return the quirks of one device; those meant for all leave out what a device cannot or must not do."""
    real = isinstance(demo.recorder(mn), Replayed)
    if mn in settings.quirks:
        moving = sorted(MOVES_TIME & set(settings.quirks[mn]))
        if real and moving:
            raise ValueError(
                f"回放的真实数据不得改时间 / replayed measurements keep their times: {', '.join(moving)}"
            )
        return settings.quirks[mn]
    if encrypted:
        return ()
    return [code for code in settings.quirks.get("*", ()) if not (real and code in MOVES_TIME)]


def _recorder(mn: str, settings: SimulatorSettings, since: datetime) -> Recorder:
    recorder = demo.recorder(mn)
    alterations: Sequence[Alteration] = [
        Alteration(
            one.kind,
            one.amount,
            datetime.fromisoformat(one.start) if one.start else since,
            datetime.fromisoformat(one.end) if one.end else None,
            frozenset(one.factors),
        )
        for one in settings.tampering
        if one.mn == mn
    ]
    return Altered(recorder, alterations) if alterations else recorder

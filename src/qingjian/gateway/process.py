"""The gateway as a process: what a supervisor starts, stops and asks for its state."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import start_http_server

from qingjian.contracts.clock import Clock, SystemClock
from qingjian.contracts.directory import FileDirectoryStore
from qingjian.contracts.folders import write_durably
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.forwarding import Forwarder
from qingjian.gateway.metrics import registry_of
from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.gateway.quarantine import QuarantineStore
from qingjian.gateway.server import Gateway
from qingjian.gateway.settings import GatewaySettings
from qingjian.journal import JournalLimits, JournalReader, JournalWriter

LOG = structlog.get_logger("qingjian.gateway")
TICK_SECONDS = 1.0
STATUS_TICKS = 5


def main(settings: GatewaySettings) -> None:
    """Run until SIGTERM or SIGINT, then drain; the target of a spawned process."""
    configure_logging()
    sys.exit(run(settings))


def run(settings: GatewaySettings, clock: Clock | None = None) -> int:
    """Run a gateway in this process; returns 0 after a clean drain, 1 when frames could not be written."""
    return asyncio.run(serve(settings, clock or SystemClock()))


def configure_logging() -> None:
    """Log lines of JSON to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


async def serve(settings: GatewaySettings, clock: Clock, stop: asyncio.Event | None = None) -> int:
    """Listen, work, and drain once `stop` is set or a signal came."""
    settings.folder.make()
    _allow_many_files()
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = open_gateway(settings, clock)
    settings.ready_path.unlink(missing_ok=True)  # of a killed predecessor; the journal's lock is ours now
    await gateway.start()
    forwarder = None
    if settings.forwarding:
        forwarder = Forwarder(settings.folder, clock, FileDirectoryStore(settings.folder.directory))
    numbers: dict[str, float] = dict(gateway.gauges())
    metrics_port = None
    metrics = None
    if settings.metrics_port is not None:
        metrics, _ = start_http_server(
            settings.metrics_port,
            addr="127.0.0.1",
            registry=registry_of(settings.name, gateway.counters, lambda: numbers),
        )
        metrics_port = metrics.server_port
    write_durably(
        settings.ready_path,
        json.dumps(
            {
                "name": settings.name,
                "pid": os.getpid(),
                "port": gateway.port,
                "tls_port": gateway.tls_port,
                "metrics_port": metrics_port,
            }
        ).encode(),
    )
    try:
        ticks = 0
        while not stop.is_set():
            await gateway.tick()
            if forwarder is not None:
                await forwarder.tick()
            numbers = dict(gateway.gauges())
            if ticks % STATUS_TICKS == 0:
                _write_status(settings, gateway, clock.now(), "running")
            ticks += 1
            await _sleep_or_stop(clock, stop)
    finally:
        if forwarder is not None:
            await forwarder.close()
        left = await gateway.drain()
        settings.ready_path.unlink(missing_ok=True)
        _write_status(settings, gateway, clock.now(), "stopped")
        if metrics is not None:
            metrics.shutdown()
    return 1 if left else 0


def open_gateway(settings: GatewaySettings, clock: Clock) -> Gateway:
    """Open the stores of the data folder and return a gateway that does not listen yet."""
    folder = settings.folder
    journal = JournalWriter.open(
        folder.journal, settings.name, clock, JournalLimits(minimum_free_bytes=settings.minimum_free_bytes)
    )
    with JournalReader(folder.journal / settings.name) as reader:
        first_connection = reader.highest_connection() + 1
    return Gateway(
        settings,
        clock=clock,
        directory=FileDirectoryStore(folder.directory),
        journal=journal,
        presence=SqlitePresenceStore(folder.presence),
        quarantine=QuarantineStore(settings.quarantine_path, settings.limits.senders),
        commands=SqliteCommandQueue(folder.commands),
        first_connection=first_connection,
    )


def read_status(settings: GatewaySettings) -> Mapping[str, Any] | None:
    """Return the newest status a process wrote, or None when there is none."""
    try:
        found = json.loads(settings.status_path.read_bytes())
    except FileNotFoundError:
        return None
    return dict(found)


def _write_status(settings: GatewaySettings, gateway: Gateway, now: datetime, state: str) -> None:
    document = {"name": settings.name, "pid": os.getpid(), "state": state, "at": now.isoformat()}
    document |= gateway.status()
    beside = settings.status_path.with_suffix(".part")
    try:
        beside.write_text(json.dumps(document, ensure_ascii=False))
        beside.replace(settings.status_path)
    except OSError as error:
        LOG.warning("the status cannot be written", reason=str(error))


async def _sleep_or_stop(clock: Clock, stop: asyncio.Event) -> None:
    sleeping = asyncio.ensure_future(clock.sleep(TICK_SECONDS))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for one in (sleeping, stopping):
        one.cancel()


def _allow_many_files() -> None:
    """Every connection is an open file; take as many as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

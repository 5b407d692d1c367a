"""The worker process: consumes findings and runs the schedule."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import structlog
from django.db import close_old_connections

from qingjian.apps.network import services as network
from qingjian.apps.observing import correcting
from qingjian.apps.observing import services as observing
from qingjian.apps.scheduling import services as scheduling
from qingjian.desk.ledger import checking

log = structlog.get_logger()
POLL_SECONDS = 2.0
REGISTER_SECONDS = 60.0
"""So often the register is asked for what was written since it was held against what the services use."""


def _at_most_every(seconds: float, step: Callable[[], object]) -> Callable[[], None]:
    """Return a step that does nothing when it has been taken within the last seconds."""
    taken = -seconds

    def take() -> None:
        nonlocal taken
        if time.monotonic() - taken >= seconds:
            taken = time.monotonic()
            step()

    return take


def run() -> None:
    """Work until SIGTERM; an error of one round is logged and the next round goes on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    register = _at_most_every(REGISTER_SECONDS, network.publish_unpublished)
    while not stop.is_set():
        for name, step in (
            ("findings", observing.consume_findings),
            ("escalation", observing.escalate_overdue),
            ("marks", observing.tell_pipeline_of_marks),
            ("corrections", correcting.tell_pipeline),
            ("rulebook", network.publish_changed_rulebook),
            ("secrets", network.publish_changed_secrets),
            ("register", register),
            ("restored", checking.check_restored),
            ("schedule", lambda: scheduling.run_due(stop.is_set)),
        ):
            if stop.is_set():
                return
            try:
                close_old_connections()
                step()
            except Exception:
                log.exception("worker step failed", step=name)
        stop.wait(POLL_SECONDS)

"""The screening process: runs the daily screening beside everything else, with what the machine has to spare."""

from __future__ import annotations

import os
import signal
import sys
import threading

import structlog
from django.conf import settings
from django.db import close_old_connections

from qingjian.apps.scheduling import services as scheduling
from qingjian.apps.scheduling.jobs import SCREENING

log = structlog.get_logger()
POLL_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 60.0
"""A node that has just started has more urgent things to do."""
NICENESS = 15


def run(first_pause: float = FIRST_PAUSE_SECONDS) -> None:
    """Work until SIGTERM, which also ends a screening under way; the next start takes it up again."""
    os.nice(NICENESS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    pause = threading.Event()
    pause.wait(first_pause)
    while True:
        try:
            close_old_connections()
            ran = scheduling.run_due(lane=SCREENING)
            if ran and settings.CONFIGURATION.demo:
                from qingjian.site import demo

                demo.decide_past_clues()
        except Exception:
            log.exception("screening failed")
        pause.wait(POLL_SECONDS)

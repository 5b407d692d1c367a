"""Regular jobs of observation: the daily proof that alerting lives, and what lasts after its alert was closed."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network import services as network
from qingjian.apps.observing import services
from qingjian.apps.scheduling.jobs import Job, register
from qingjian.apps.scheduling.said import sentence
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.gateway.settings import reached_at
from qingjian.hj212.encoder import RequestNumbers, Sender, factor_group
from qingjian.ui.templatetags.kit import moment

PROOF_WITHIN = timedelta(hours=1)
SOCKET_SECONDS = 10


def speak_as_synthetic_device(period: datetime) -> str:
    """Send one frame of the synthetic device through the real gateway port, then let it be silent.

    Its silence, found by the same rule as any other, must raise an alert within `PROOF_WITHIN`.
    """
    directory = network.directory_store().current()
    present = now()
    device = (
        next(
            (
                one
                for one in directory.devices
                if one.synthetic and (one.valid_to is None or one.valid_to > present)
            ),
            None,
        )
        if directory
        else None
    )
    if device is None:
        return sentence("no synthetic device is registered")
    factor = next((route.wire_factor for route in directory.routes if route.mn == device.mn), "x00001")
    edition = device.edition if device.edition in ("2005", "2017", "2025") else "2017"
    sender = Sender(edition, device.system_code, device.password, device.mn)
    spoken_at = present.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    frame = sender.upload(
        "2011", spoken_at, [factor_group(factor, {"Rtd": "1", "Flag": "N"})], RequestNumbers().next(present)
    )
    gateway = reached_at(settings.CONFIGURATION.gateway_host), settings.CONFIGURATION.gateway_port
    with socket.create_connection(gateway, SOCKET_SECONDS) as connection:
        connection.sendall(frame)
        answer = connection.recv(4096)
    if b"CN=9014" not in answer:
        raise RuntimeError("the gateway did not acknowledge the synthetic device")
    services.heartbeat_sent(present)
    return sentence("sent and acknowledged (%(count)d bytes)", count=len(frame))


def prove(period: datetime) -> str:
    """Look for the alert of the newest self-test."""
    heartbeat = services.prove_heartbeat(PROOF_WITHIN)
    if heartbeat is None:
        return sentence("nothing to prove")
    if heartbeat.failed:
        raise RuntimeError("the synthetic device fell silent and no alert came")
    if heartbeat.proved_at is None:
        return sentence("waiting for the alert")
    return sentence("proved at %(moment)s", moment=moment(heartbeat.proved_at))


def look_again(period: datetime) -> str:
    """Raise again what still lasts long after its alert was closed."""
    return sentence("%(count)d findings still last and were raised again", count=services.raise_again())


register(
    Job(
        "alerts-lasting",
        _("Alerts: what still lasts after closing is raised again"),
        timedelta(minutes=10),
        look_again,
    )
)
register(
    Job(
        "alerting-speak",
        _("Alerting self-test: the synthetic device speaks"),
        timedelta(days=1),
        speak_as_synthetic_device,
    )
)
register(
    Job("alerting-prove", _("Alerting self-test: its silence raised an alert"), timedelta(minutes=5), prove)
)

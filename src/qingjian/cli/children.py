"""The processes of a node and how each is started."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from qingjian.contracts.folders import DataFolder
from qingjian.site.configuration import Configuration
from qingjian.supervisor.processes import Child


def of(folder: DataFolder, configuration: Configuration) -> list[Child]:
    """Return the children in starting order; they drain in the reverse order."""
    names = [
        *_numbered("web", configuration.web_processes),
        "pipeline",
        "notary",
        "worker",
        *(["screening"] if configuration.screening else []),
        *(f"gateway-{number}" for number in range(1, configuration.gateway_processes + 1)),
    ]
    if configuration.demo:
        names.append("simulator")
    command = [sys.executable, "-m", "qingjian.cli.main", "run"]
    return [
        Child(
            name,
            [*command, name, "--data", str(folder.root)],
            drain_seconds=45.0 if name == "worker" else 20.0,
            environment={"QINGJIAN_CHILD": "1", "PYTHONUNBUFFERED": "1"},
        )
        for name in names
    ]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def service(name: str) -> Callable[[str, Path], None]:
    """Return what runs a child in this process until SIGTERM, called with name and data folder; ValueError if unknown."""
    kind = name.split("-")[0]
    runners: dict[str, Callable[[str, Path], None]] = {
        "web": _web,
        "worker": _worker,
        "screening": _screening,
        "gateway": _gateway,
        "pipeline": _pipeline,
        "simulator": _simulator,
        "notary": _notary,
    }
    if kind not in runners:
        raise ValueError(f"未知服务 / unknown service: {name} ({', '.join(sorted(runners))})")
    return runners[kind]


def _web(name: str, data: Path) -> None:
    from qingjian.cli.folder import enter

    enter(data)
    import uvicorn
    from django.conf import settings

    configuration: Configuration = settings.CONFIGURATION
    # uvicorn believes X-Forwarded-For and X-Forwarded-Proto of 127.0.0.1 only: of a proxy on this machine.
    server = uvicorn.Server(
        uvicorn.Config(
            "qingjian.site.asgi:application",
            log_level="warning",
            ssl_certfile=configuration.tls_certificate or None,
            ssl_keyfile=configuration.tls_key or None,
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
    )
    listening = socket.create_server(
        (configuration.web_host, configuration.web_port),
        family=socket.AF_INET6 if ":" in configuration.web_host else socket.AF_INET,
        backlog=2048,
        reuse_port=configuration.web_processes > 1,
    )
    server.run(sockets=[listening])


def _worker(name: str, data: Path) -> None:
    from qingjian.cli.folder import enter

    enter(data)
    from qingjian.site import worker

    worker.run()


def _screening(name: str, data: Path) -> None:
    from qingjian.cli.folder import enter

    enter(data)
    from qingjian.site import screening

    screening.run()


def _gateway(name: str, data: Path) -> None:
    from qingjian.gateway import process
    from qingjian.gateway.settings import GatewaySettings, limits_from
    from qingjian.site.configuration import load

    configuration = load(data).values
    process.main(
        GatewaySettings(
            data=data,
            name=name,
            host=configuration.gateway_host,
            port=configuration.gateway_port,
            share_port=configuration.gateway_processes > 1,
            tls_certificate=Path(configuration.tls_certificate) if configuration.gateway_tls_port else None,
            tls_key=Path(configuration.tls_key) if configuration.gateway_tls_port else None,
            tls_port=configuration.gateway_tls_port or None,
            allow=allowed_networks(configuration),
            limits=limits_from(configuration.gateway_limits),
            metrics_port=metrics_port_of(name, configuration),
        )
    )


def allowed_networks(configuration: Configuration) -> tuple[str, ...]:
    """Return the networks that may connect to the gateway; with a list of them this machine itself may too.

    The daily self-test of alerting speaks as a device from here.
    """
    networks = configuration.gateway_allow.split()
    own = ["127.0.0.0/8", "::1/128"]
    with contextlib.suppress(ValueError):  # a name
        own.append(str(ipaddress.ip_address(configuration.gateway_host)))
    return (*networks, *own) if networks else ()


def metrics_port_of(name: str, configuration: Configuration) -> int | None:
    """Return the port for the metrics of a gateway process: gateway-1 has the configured one, each next one more."""
    number = name.rpartition("-")[2]
    if not configuration.gateway_metrics_port:
        return None
    return configuration.gateway_metrics_port + (int(number) - 1 if number.isdigit() else 0)


def _pipeline(name: str, data: Path) -> None:
    from qingjian.pipeline import process
    from qingjian.pipeline.settings import PipelineSettings
    from qingjian.site.configuration import load

    configuration = load(data).values
    process.main(
        PipelineSettings(
            data=data,
            journal_days=configuration.journal_days,
            **({"gap_window_days": 1.0} if configuration.demo else {}),
        )
    )


def _simulator(name: str, data: Path) -> None:
    from qingjian.simulator import process
    from qingjian.simulator.demo import county
    from qingjian.simulator.settings import SimulatorSettings, Tampering
    from qingjian.simulator.staging import staged_in
    from qingjian.site.configuration import load

    # The synthetic device is not simulated: the alerting self-test speaks for it and lets it fall silent.
    devices = tuple(row["mn"] for row in county()["devices"] if not row["synthetic"])
    tampering = tuple(
        Tampering(
            one.mn,
            one.alteration.kind,
            one.alteration.amount,
            tuple(sorted(one.alteration.factors)),
            one.alteration.start.isoformat(),
            one.alteration.end.isoformat() if one.alteration.end else "",
        )
        for one in staged_in(data)
    )
    process.main(SimulatorSettings(port=load(data).values.gateway_port, devices=devices, tampering=tampering))


def _notary(name: str, data: Path) -> None:
    from qingjian.cli.folder import enter

    enter(data)
    from django.conf import settings

    from qingjian.site import notary

    notary.run(data, settings.CONFIGURATION)

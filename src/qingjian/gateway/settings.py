"""What a gateway process is told at its start."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from qingjian.contracts.folders import DataFolder


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What one sender may use. Exceeding a rate delays reading (TCP holds the sender back) and loses nothing."""

    connections: int = 5_000
    connections_per_address: int = 1_000
    unregistered_connections: int = 200
    """Connections that sent something, but nothing of a registered device; beyond it the oldest is closed."""
    first_frame_seconds: float = 60.0
    """A connection without a frame of a registered device after this long counts as unregistered and idle."""
    idle_seconds: float = 7_200.0
    """Nothing received for this long: closed. Hourly reporting must not be cut."""
    keepalive_seconds: float = 300.0
    """After so much silence the system asks whether the peer is still there; unanswered the link ends."""
    half_frame_seconds: float = 30.0
    """The rest of a frame must come within this time."""
    half_frame_silence_seconds: float = 5.0
    """Half a frame followed by so much silence is settled as it stands."""
    write_seconds: float = 60.0
    """A device that reads nothing of what it is sent for this long is disconnected."""
    frames_per_second: float = 100.0
    """Per connection and per device, sustained; for back-filling devices. Connecting anew gives a device no new burst."""
    frames_burst: int = 1_000
    bytes_per_second: float = 262_144.0
    bytes_burst: int = 2_097_152
    unflushed_frames: int = 256
    """Frames of one connection that wait for the disk before it is no longer read."""
    unflushed_frames_total: int = 20_000
    """Frames of all connections that wait for the disk before nothing is read any more."""
    refused_bytes_per_day: int = 16 << 20
    """Refused bytes kept per registered device."""
    refused_bytes_burst: int = 1 << 20
    samples_burst: int = 30
    """Samples kept of one unknown sender at once."""
    samples_per_hour: float = 60.0
    sample_bytes_per_day: int = 64 << 20
    """Samples kept of all unknown senders together."""
    sample_bytes: int = 16_384
    """Longest single sample or refused stretch kept."""
    senders: int = 10_000
    """Unknown senders counted one by one; the rest are counted together."""


def limits_from(text: str) -> GatewayLimits:
    """Return the limits with what an operator sets otherwise, written as `name=number` separated by blanks.

    Raises ValueError for an unknown name, for what is no number above zero, and for a fraction where things are counted.
    """
    known = {one.name: one.type for one in fields(GatewayLimits)}
    given: dict[str, Any] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        if name not in known:
            raise ValueError(f"{name!r}: 未知限额 · unknown limit ({', '.join(known)})")
        try:
            number = int(value) if known[name] == "int" else float(value)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            kind = "正整数 · a whole number above 0" if known[name] == "int" else "正数 · a number above 0"
            raise ValueError(f"{part!r}: 应为{kind}")
        given[name] = number
    return GatewayLimits(**given)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Plain values only, so that a supervisor can hand them to a spawned process."""

    data: Path
    name: str = "gateway-1"
    """Name of this process and of its journal."""
    host: str = "0.0.0.0"  # noqa: S104 - field devices come from outside
    port: int = 9212
    """0 takes any free port; the ready file names it."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_port: int | None = None
    """Port for devices that speak TLS, beside the plain one; needs certificate and key."""
    allow: tuple[str, ...] = ()
    """Networks (CIDR) that may connect; empty means any."""
    share_port: bool = False
    """Several gateway processes listen on one port (SO_REUSEPORT)."""
    drain_seconds: float = 10.0
    """Time to finish what was received after SIGTERM."""
    minimum_free_bytes: int = 256 << 20
    metrics_port: int | None = None
    """Prometheus metrics on 127.0.0.1; 0 takes any free port."""
    forwarding: bool = True
    """Whether this process may forward to upper platforms; of those that may, one does, for all journals."""
    limits: GatewayLimits = field(default_factory=GatewayLimits)

    def __post_init__(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS 证书与私钥须同时给出 · TLS needs both certificate and key")
        if self.tls_port is not None and self.tls_certificate is None:
            raise ValueError("TLS 端口需要证书 · a TLS port needs a certificate and a key")
        for network in self.allow:
            ipaddress.ip_network(network)

    def to_json(self) -> str:
        """Return the settings as text for the command line of a process."""
        return json.dumps({key: _plain(value) for key, value in asdict(self).items()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> GatewaySettings:
        """Inverse of `to_json`; missing keys take their defaults, unknown keys raise TypeError."""
        values = json.loads(text)
        for name in ("data", "tls_certificate", "tls_key"):
            if values.get(name) is not None:
                values[name] = Path(values[name])
        if "allow" in values:
            values["allow"] = tuple(values["allow"])
        values["limits"] = GatewayLimits(**values.get("limits", {}))
        return cls(**values)

    @property
    def folder(self) -> DataFolder:
        return DataFolder(self.data)

    @property
    def ready_path(self) -> Path:
        """Appears when the process listens: JSON with name, pid, port, tls_port, metrics_port."""
        return self.folder.presence.parent / f"{self.name}.ready.json"

    @property
    def status_path(self) -> Path:
        """Rewritten every few seconds: JSON for `qingjian status`."""
        return self.folder.presence.parent / f"{self.name}.status.json"

    @property
    def quarantine_path(self) -> Path:
        return self.folder.quarantine


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def reached_at(host: str) -> str:
    """Return the address under which this machine reaches what it listens on: loopback for all addresses."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def read_statuses(folder: DataFolder) -> dict[str, dict[str, Any]]:
    """Return the newest status of every gateway process that ever wrote one here, by name; unreadable ones are left out."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.presence.parent.glob("*.status.json")):
        try:
            status = json.loads(path.read_bytes())
            found[str(status["name"])] = status
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found

"""Configuration of one node: `qingjian.toml` in the data folder, overridden by `QINGJIAN_…` in the environment.

Every value knows where it came from, so that `qingjian doctor` can print it.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.gateway.settings import limits_from
from qingjian.notary import configured
from qingjian.notary.errors import NotaryError


class ConfigurationError(ValueError):
    """A value that cannot be used; the message says which, where it came from and what would be right."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Effective values. Ports 0 let the operating system choose."""

    profile: str = "embedded"
    node_name: str = "node1"
    database: str = "sqlite"
    """`sqlite`, or a PostgreSQL address such as postgresql://user@host:5432/name?sslmode=require."""
    web_host: str = "127.0.0.1"
    web_port: int = 8600
    web_processes: int = 1
    """Processes that serve the pages on one port."""
    gateway_host: str = "0.0.0.0"  # noqa: S104 - devices come from outside; registration and allow-lists guard the port
    gateway_port: int = 9212
    gateway_processes: int = 1
    gateway_allow: str = ""
    """Networks that may connect to the gateway at all, separated by blanks; empty means any."""
    gateway_limits: str = ""
    """What one connection or device may use where it differs from the defaults, `name=number` separated by blanks, e.g.
    `frames_per_second=20 idle_seconds=3600`; the names stand in docs/gateway.md."""
    gateway_metrics_port: int = 0
    """Prometheus metrics of the first gateway process on 127.0.0.1, of the next one port higher …; 0 opens none."""
    gateway_tls_port: int = 0
    """Port for devices that speak TLS, with tls_certificate and tls_key; 0 opens none."""
    public_address: str = ""
    """Address under which browsers reach the pages, for CSRF and links, e.g. https://monitor.example.cn."""
    tls_certificate: str = ""
    tls_key: str = ""
    """Files of the certificate and its key; what is not absolute lies below the data folder."""
    language: str = "zh-hans"
    demo: bool = False
    second_factor: str = "administrators"
    """Who must give a code besides the password: `administrators`, `everyone`, or `optional` (whoever wants)."""
    map_tiles: str = ""
    """XYZ or WMTS address of the office's own base map; empty uses the local GeoJSON."""
    email_host: str = ""
    email_from: str = ""
    ledger_witnesses: str = ""
    """Who is asked to cosign this node's ledger: key and address of each, `KEY URL KEY URL …`."""
    ledger_mirror: str = ""
    """Folder, best on another machine's disk, that gets every head of the ledger before it is published."""
    witness_logs: str = ""
    """Verifier keys of the logs this node cosigns as a witness, separated by blanks."""
    journal_days: int = 30
    """Days a gateway's journal keeps frames that lake, ledger and upper platforms have; 0 keeps them for ever."""
    log_level: str = "info"
    screening: bool = True
    """Whether this node screens its series for faulty and falsified data once a day, in a process of its own."""


_PROFILES = ("embedded", "server", "cluster")
MOST_PROCESSES = 64
_SECOND_FACTOR = ("administrators", "everyone", "optional")


@dataclass(frozen=True, slots=True)
class Effective:
    """A configuration together with the origin of each value: default, file or environment."""

    values: Configuration
    origins: Mapping[str, str]


def load(data: Path, environment: Mapping[str, str] | None = None) -> Effective:
    """Read the effective configuration of a data folder.

    Raises ConfigurationError for an unknown key, a wrong type or an impossible value.
    """
    environment = os.environ if environment is None else environment
    hints = get_type_hints(Configuration)
    values: dict[str, Any] = {}
    origins = {one.name: "default" for one in fields(Configuration)}
    path = DataFolder(data).configuration
    if path.exists():
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: 无法读取配置 / not readable as TOML: {error}") from error
        for name, value in document.items():
            if name not in hints:
                raise ConfigurationError(f"{path}: 未知配置项 / unknown setting: {name}")
            values[name] = _typed(name, value, hints[name], str(path))
            origins[name] = "file"
    for name, hint in hints.items():
        text = environment.get(f"QINGJIAN_{name.upper()}")
        if text is not None:
            values[name] = _typed(name, text, hint, "environment")
            origins[name] = "environment"
    for name in ("tls_certificate", "tls_key"):
        if values.get(name):
            values[name] = str(data / values[name])
    configuration = Configuration(**values)
    if configuration.profile not in _PROFILES:
        raise ConfigurationError(
            f"profile = {configuration.profile!r}: 应为 / must be one of {', '.join(_PROFILES)}"
        )
    if configuration.second_factor not in _SECOND_FACTOR:
        raise ConfigurationError(
            f"second_factor = {configuration.second_factor!r}: 应为 / must be one of {', '.join(_SECOND_FACTOR)}"
        )
    for name in ("web_processes", "gateway_processes"):
        if not 1 <= getattr(configuration, name) <= MOST_PROCESSES:
            raise ConfigurationError(
                f"{name} = {getattr(configuration, name)}: 应在 1–{MOST_PROCESSES} / must be 1–{MOST_PROCESSES}"
            )
    for network in configuration.gateway_allow.split():
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ConfigurationError(
                f"gateway_allow: {network!r} 不是网段 / is not a network such as 10.1.0.0/16"
            ) from error
    try:
        limits_from(configuration.gateway_limits)
    except ValueError as error:
        raise ConfigurationError(f"gateway_limits: {error}") from error
    for name in ("web_port", "gateway_port", "gateway_tls_port", "gateway_metrics_port"):
        if not 0 <= getattr(configuration, name) <= 65535:
            raise ConfigurationError(
                f"{name} = {getattr(configuration, name)}: 应在 0–65535 / must be 0–65535"
            )
    if configuration.journal_days < 0:
        raise ConfigurationError(
            f"journal_days = {configuration.journal_days}: 不能为负 / must not be negative"
        )
    try:
        configured.witnesses(configuration.ledger_witnesses)
        configured.verifier_keys(configuration.witness_logs)
    except NotaryError as error:
        raise ConfigurationError(f"ledger_witnesses, witness_logs: {error}") from error
    return Effective(configuration, origins)


def add(folder: DataFolder, values: Mapping[str, str]) -> list[str]:
    """Write the settings into `qingjian.toml` that it does not have yet, and return their names; others stay as they are."""
    path = folder.configuration
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = tomllib.loads(text)
    added = {name: value for name, value in values.items() if name not in known}
    if added:
        # In front: behind a table they would belong to it. A JSON string is a TOML string.
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in added.items()]
        write_durably(path, ("".join(lines) + text).encode())
    return list(added)


def _typed(name: str, value: Any, hint: type, origin: str) -> Any:
    wrong = ConfigurationError(f"{name} = {value!r} ({origin}): 类型应为 / must be {hint.__name__}")
    if hint is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("1", "true", "yes", "on"):
            return True
        if str(value).lower() in ("0", "false", "no", "off", ""):
            return False
        raise wrong
    if hint is int:
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise wrong from error
    if not isinstance(value, str):
        raise wrong
    return value


def secret(folder: DataFolder, name: str) -> str:
    """Return a secret of this node, made at the first call and kept readable by its owner only."""
    path = folder.people / f"{name}.secret"
    if not path.exists():
        folder.people.mkdir(parents=True, exist_ok=True)
        write_durably(path, secrets.token_urlsafe(48).encode())
        path.chmod(0o600)
    return path.read_text(encoding="utf-8")

"""Who may speak: the devices of the directory with their decoding policy, reloaded when the directory changes."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from qingjian.contracts.clock import Clock
from qingjian.contracts.commands import Command
from qingjian.contracts.directory import Device, Directory, DirectoryStore, Target
from qingjian.hj212.policy import Policy

LOG = structlog.get_logger("qingjian.gateway")
HARDWARE = "hardware:"
"""Begins the name under which a 2025 data logger without MN is spoken to: hardware:<数采仪编号>."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Registered:
    """A device as the gateway needs it."""

    device: Device
    policy: Policy
    digest: str
    """Names the policy in the journal."""
    networks: tuple[Network, ...]

    def admits(self, address: str) -> bool:
        """Whether the device may connect from an address."""
        return not self.networks or any(contains(network, address) for network in self.networks)


def contains(network: Network, address: str) -> bool:
    """Whether a network holds an address; an IPv4 address written as IPv6 counts as IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed in network


def policy_of(device: Device, without: frozenset[str]) -> Policy:
    """Return the decoding policy of a device; ValueError when the directory holds nonsense.

    `without`: what the directory switches off for all devices.
    """
    settings = dict(device.policy)
    if without:
        settings["without"] = sorted(without.union(settings.get("without", ())))
    settings.setdefault("edition", device.edition)
    if device.sm4_key_hex:
        settings["sm4_key"] = device.sm4_key_hex
    return Policy.from_json(settings)


def policy_digest(policy: Policy) -> str:
    """Return 16 hexadecimal digits that name a policy."""
    text = json.dumps(policy.to_json(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def after_change(device: Device, code: str, parameters: Mapping[str, str]) -> Device:
    """Return a device after a successful 1072 (password) or 1014 (key)."""
    if code == "1072":
        password = parameters.get("NewPW", parameters.get("PW", ""))
        return replace(device, password=password) if password and device.password else device
    key = parameters.get("NewSK", "").encode()
    return replace(device, sm4_key_hex=key.hex()) if len(key) == 16 else device


class Registry:
    """The current directory, looked up by MN."""

    def __init__(self, store: DirectoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._directory: Directory | None = None
        self._known: dict[str, Registered | None] = {}
        self._next_change: datetime | None = None
        self._changes: tuple[Command, ...] = ()
        self._secrets_now: dict[str, dict[str, str]] = {}
        self.problems: dict[str, str] = {}
        """MN → what is wrong with its entry; the device is then read with the default policy."""
        self.refresh()

    @property
    def version(self) -> int:
        """Version of the directory in use, 0 before the first."""
        return self._directory.version if self._directory is not None else 0

    @property
    def targets(self) -> tuple[Target, ...]:
        return self._directory.targets if self._directory is not None else ()

    def refresh(self) -> bool:
        """Take over a newer directory or the passing of an effective date; returns whether anything changed."""
        return self.take(self.load())

    def load(self) -> Directory | None:
        """Return the newest directory; reading a large one takes time, so this may be called in a thread."""
        try:
            return self._store.current()
        except (OSError, ValueError, KeyError, TypeError) as error:
            # The directory in use stays in use: a broken file must not lock out every device.
            LOG.error("the directory cannot be read", reason=str(error))
            return self._directory

    def take(self, current: Directory | None) -> bool:
        """Use what `load` returned from now on; returns whether anything changed."""
        now = self._clock.now()
        if current is self._directory and (self._next_change is None or now < self._next_change):
            return False
        if current is not self._directory:
            self._secrets_now.clear()
        self._directory = current
        self._known.clear()
        self.problems.clear()
        dates = (
            date
            for device in (current.devices if current is not None else ())
            for date in (device.valid_from, device.valid_to)
        )
        self._next_change = min((date for date in dates if date is not None and date > now), default=None)
        return True

    def find(self, mn: str) -> Registered | None:
        """Return the device registered under an MN now."""
        try:
            return self._known[mn]
        except KeyError:
            pass
        device: Device | None
        if mn.startswith(HARDWARE):
            device = Device(mn, mn, "", mn, "", "91", edition="2025")
        elif self._directory is not None:
            device = self._directory.device(mn, self._clock.now())
        else:
            device = None
        found = None if device is None else self._prepare(device)
        if len(self._known) < 100_000 or not (found is None or mn.startswith(HARDWARE)):
            self._known[mn] = found
        return found

    def take_secrets(self, changes: Sequence[Command]) -> None:
        """Take note of passwords and keys that devices have accepted; they hold until the directory is newer."""
        if changes and changes != self._changes:
            self._changes = tuple(changes)
            self._known.clear()

    def changed_secret(self, mn: str, name: str, value: str) -> None:
        """The same at once, in the process that made the change. `name` is pw or sm4_key."""
        self._secrets_now.setdefault(mn, {})[name] = value
        self._known.pop(mn, None)

    def _with_secrets(self, device: Device) -> Device:
        published = self._directory.published_at if self._directory is not None else None
        for change in self._changes:
            if (
                change.mn == device.mn
                and change.updated_at is not None
                and published is not None
                and change.updated_at > published
            ):
                device = after_change(device, change.code, change.parameters)
        now = self._secrets_now.get(device.mn, {})
        if "pw" in now and device.password:
            device = replace(device, password=now["pw"])
        if "sm4_key" in now:
            device = replace(device, sm4_key_hex=now["sm4_key"])
        return device

    def _prepare(self, device: Device) -> Registered:
        device = self._with_secrets(device)
        try:
            policy = policy_of(
                device, self._directory.without if self._directory is not None else frozenset()
            )
        except (ValueError, TypeError) as error:
            self.problems[device.mn] = str(error)
            LOG.error("the policy of a device cannot be used", mn=device.mn, reason=str(error))
            policy = Policy()
        networks = []
        for text in device.addresses:
            try:
                networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                self.problems[device.mn] = str(error)
                LOG.error("an address of a device cannot be used", mn=device.mn, reason=str(error))
        if device.addresses and not networks:
            # Nothing readable of a restriction must not become no restriction.
            networks.append(ipaddress.ip_network("255.255.255.255/32"))
        return Registered(device, policy, policy_digest(policy), tuple(networks))

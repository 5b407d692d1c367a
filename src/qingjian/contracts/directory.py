"""The directory (名录): what the services know of devices, series and their settings.

`network.services` publishes a complete, versioned snapshot after each approved change; gateway, pipeline,
simulator and intake read it. Rows are effective-dated, so a snapshot answers for any moment of the past, and every
batch stored in the lake names the version it used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from qingjian.contracts.folders import make_durably, write_durably

ORIGINS = ("device", "platform", "manual", "laboratory", "upstream", "substitute", "simulated")
STATISTICS = ("realtime", "minute", "hour", "day", "month", "year")


@dataclass(frozen=True, slots=True)
class Device:
    """A data logger (数采仪) that may speak to the gateway."""

    code: str
    mn: str
    password: str
    name: str
    point: str
    system_code: str
    """ST the device uses for its data, e.g. 22 air, 31 flue gas, 32 waste water."""
    edition: str = "auto"
    """auto, 2005, 2017 or 2025."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    """JSON form of `hj212` decoding policy; empty means the default policy."""
    sm4_key_hex: str = ""
    addresses: tuple[str, ...] = ()
    """Allowed peer networks in CIDR form; empty means any."""
    silence_seconds: int = 3600
    """After this long without a frame the device counts as silent."""
    clock_tolerance_seconds: int = 300
    synthetic: bool = False
    """The device whose silence must raise an alert every day."""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    """Exclusive end; None means open."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series = (point, factor, origin, position). The unit never changes, the integer is never reused."""

    id: int
    code: str
    point: str
    factor: str
    name_zh: str
    name_en: str
    unit: str
    decimals: int
    medium: str
    """air, weather, surface_water, flue_gas, waste_water, noise, process, synthetic …: selects the validity rules."""
    origin: str = "device"
    position: int = 1
    device: str = ""
    """MN of the device that reports it; empty for files and laboratories."""
    averaging: str = "arithmetic"
    """arithmetic, flow_weighted, sum, last or vector."""
    flow_series: int | None = None
    """Series id of the flow used for flow-weighted means."""
    expected: Mapping[str, int] = field(default_factory=dict)
    """Statistic → seconds between periods that the device owes, e.g. {"hour": 3600}."""
    notice: str = ""
    """What a page must say of this series: replayed, simulated, factor not named in the source …"""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Row of the factor map: which series a factor code on the wire of one device means."""

    mn: str
    wire_factor: str
    series: int
    scale: str = "1"
    """Decimal text that the value on the wire is multiplied by to reach the unit of the series."""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Effective-dated fact beside a series or device: range, slope, intercept, reference O2, sampling cycle …"""

    subject: str
    """Series code or device code."""
    name: str
    value: str
    unit: str = ""
    source: str = "register"
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        return _holds(self.valid_from, self.valid_to, at)


@dataclass(frozen=True, slots=True)
class Target:
    """An upper platform that frames are forwarded to."""

    id: str
    name: str
    host: str
    port: int
    devices: tuple[str, ...]
    """MNs that are forwarded; ("*",) means all."""
    mn: Mapping[str, str] = field(default_factory=dict)
    """Own MN → MN under which the target knows the device."""
    password: str = ""
    """Replaces PW when not empty."""
    enabled: bool = True


def _holds(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    return (start is None or start <= at) and (end is None or at < end)


_DAY_SECONDS = 86_400
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def _key(moment: datetime | None, without: datetime) -> datetime:
    return without if moment is None else moment


def owed(expected: Mapping[str, Any]) -> dict[str, int]:
    """Return what of `Series.expected` can be owed: statistics with whole seconds that fit into a day.

    A register may hold anything that was stored before it was checked; a step nobody can count is owed by nobody.
    """
    return {
        name: seconds
        for name, seconds in expected.items()
        if name in STATISTICS and isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0
        if name not in ("minute", "hour", "day") or _DAY_SECONDS % seconds == 0
    }


class Directory:
    """An immutable snapshot with look-ups; times are aware datetimes."""

    def __init__(
        self,
        *,
        version: int,
        published_at: datetime,
        rulebook_version: str = "",
        devices: Iterable[Device] = (),
        series: Iterable[Series] = (),
        routes: Iterable[Route] = (),
        settings: Iterable[Setting] = (),
        targets: Iterable[Target] = (),
        without: Iterable[str] = (),
        register: int = 0,
    ) -> None:
        """`without`: facts of HJ 212 this office has switched off for all devices (`hj212.profiles.switched_off`).
        `register`: number of the newest row of the register it was made from, 0 when unknown."""
        self.version = version
        self.published_at = published_at
        self.rulebook_version = rulebook_version
        self.devices = tuple(devices)
        self.series = tuple(series)
        self.routes = tuple(routes)
        self.settings = tuple(settings)
        self.targets = tuple(targets)
        self.without = frozenset(without)
        self.register = register
        self._devices: dict[str, list[Device]] = {}
        for device in self.devices:
            self._devices.setdefault(device.mn, []).append(device)
        self._series = {one.id: one for one in self.series}
        self._series_by_code = {one.code: one for one in self.series}
        self._routes: dict[tuple[str, str], list[Route]] = {}
        for route in self.routes:
            self._routes.setdefault((route.mn, route.wire_factor), []).append(route)
        self._settings: dict[tuple[str, str], list[Setting]] = {}
        self._settings_of: dict[str, list[Setting]] = {}
        for setting in self.settings:
            self._settings.setdefault((setting.subject, setting.name), []).append(setting)
            self._settings_of.setdefault(setting.subject, []).append(setting)
        # Where two rows hold at a moment the one that began later was meant to take over.
        for devices in self._devices.values():
            devices.sort(key=lambda row: _key(row.valid_from, _FIRST), reverse=True)
        for routes in self._routes.values():
            routes.sort(key=lambda row: _key(row.valid_from, _FIRST), reverse=True)
        for settings in self._settings.values():
            settings.sort(
                key=lambda row: (row.source == "register", _key(row.valid_from, _FIRST)), reverse=True
            )
        if len(self._series) != len(self.series):
            raise ValueError("a series id occurs twice in the directory")

    def device(self, mn: str, at: datetime) -> Device | None:
        """Return the device registered under an MN at a moment."""
        return next(
            (one for one in self._devices.get(mn, ()) if _holds(one.valid_from, one.valid_to, at)), None
        )

    def devices_of(self, mn: str) -> Sequence[Device]:
        """Return every device ever registered under an MN."""
        return self._devices.get(mn, ())

    def in_service(self, one: Series) -> list[tuple[datetime | None, datetime | None]]:
        """Return the stretches in which a series is reported by a registered device; None is open, neighbours are joined."""
        found: list[tuple[datetime | None, datetime | None]] = []
        for device in sorted(self.devices_of(one.device), key=lambda row: _key(row.valid_from, _FIRST)):
            begin = max((device.valid_from, one.valid_from), key=lambda moment: _key(moment, _FIRST))
            end = min((device.valid_to, one.valid_to), key=lambda moment: _key(moment, _LAST))
            if _key(begin, _FIRST) >= _key(end, _LAST):
                continue
            if found and _key(begin, _FIRST) <= _key(found[-1][1], _LAST):
                begin, before = found.pop()
                end = max((before, end), key=lambda moment: _key(moment, _LAST))
            found.append((begin, end))
        return found

    def series_by_id(self, series: int) -> Series | None:
        return self._series.get(series)

    def series_by_code(self, code: str) -> Series | None:
        return self._series_by_code.get(code)

    def route(self, mn: str, wire_factor: str, at: datetime) -> Route | None:
        """Return which series a factor code of a device meant at a moment: of two the one that began later."""
        candidates = self._routes.get((mn, wire_factor), ())
        return next((one for one in candidates if _holds(one.valid_from, one.valid_to, at)), None)

    def setting(self, subject: str, name: str, at: datetime) -> Setting | None:
        """Return the setting in force at a moment for a series or device code: of two the one that began later.

        What a device reports of itself counts only where the register says nothing.
        """
        candidates = self._settings.get((subject, name), ())
        return next((one for one in candidates if _holds(one.valid_from, one.valid_to, at)), None)

    def settings_of(self, subject: str) -> Sequence[Setting]:
        """Return every setting of a series code or a device code, of all times."""
        return self._settings_of.get(subject, ())

    def says_the_same(self, other: Directory) -> bool:
        """Whether both say the same of devices, series and all else, whatever the order and way of writing of rows."""
        if self._rows() == other._rows():
            return True
        read = Directory.from_json(self.to_json())
        return [sorted(map(repr, one)) for one in read._rows()] == [
            sorted(map(repr, one)) for one in Directory.from_json(other.to_json())._rows()
        ]

    def _rows(self) -> tuple[Iterable[object], ...]:
        return self.devices, self.series, self.routes, self.settings, self.targets, self.without

    def to_json(self) -> bytes:
        """Serialise completely; `from_json` gives an equal snapshot."""
        document = {
            "format": 1,
            "version": self.version,
            "published_at": self.published_at.isoformat(),
            "rulebook_version": self.rulebook_version,
            "devices": [_plain(one) for one in self.devices],
            "series": [_plain(one) for one in self.series],
            "routes": [_plain(one) for one in self.routes],
            "settings": [_plain(one) for one in self.settings],
            "targets": [_plain(one) for one in self.targets],
            "without": sorted(self.without),
            "register": self.register,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Directory:
        """Read a snapshot; ValueError when the format is newer than this program knows."""
        document = json.loads(content)
        for row in document.get("series", ()):
            row["expected"] = owed(row.get("expected") or {})
        if document.get("format") != 1:
            raise ValueError(f"directory format {document.get('format')!r} is not known to this version")
        return cls(
            version=document["version"],
            published_at=datetime.fromisoformat(document["published_at"]),
            rulebook_version=document["rulebook_version"],
            devices=[Device(**_typed(row)) for row in document["devices"]],
            series=[Series(**_typed(row)) for row in document["series"]],
            routes=[Route(**_typed(row)) for row in document["routes"]],
            settings=[Setting(**_typed(row)) for row in document["settings"]],
            targets=[Target(**_typed(row)) for row in document["targets"]],
            without=document.get("without", ()),
            register=document.get("register", 0),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Directory) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.version, self.published_at))


_FIELDS = {kind: tuple(one.name for one in fields(kind)) for kind in (Device, Series, Route, Setting, Target)}


def _plain(row: Device | Series | Route | Setting | Target) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in _FIELDS[type(row)]}
    for name in ("valid_from", "valid_to"):
        if plain.get(name) is not None:
            plain[name] = plain[name].isoformat()
    return plain


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("valid_from", "valid_to"):
        if row.get(name) is not None:
            row[name] = datetime.fromisoformat(row[name])
    for name in ("addresses", "devices"):
        if name in row:
            row[name] = tuple(row[name])
    return row


class DirectoryStore(Protocol):
    """Publishes and serves snapshots; a reader sees a complete one or the one before."""

    def publish(self, directory: Directory) -> None:
        """Make a snapshot current; ValueError unless its version is exactly one more than the current one."""

    def current(self) -> Directory | None:
        """Return the current snapshot, or None before the first."""

    def version(self, number: int) -> Directory | None:
        """Return an older snapshot by its number."""


_SNAPSHOTS_KEPT = 3
"""Snapshots never change, and reading one of a large county takes a second; older ones are asked for rarely."""


class FileDirectoryStore:
    """Snapshots as files `00000007.json` beside a pointer `current`, replaced by atomic rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[int, Directory] = {}

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.json"

    def publish(self, directory: Directory) -> None:
        before = self._pointer()
        expected = int(before) + 1 if before else 1
        if directory.version != expected:
            raise ValueError(f"directory version {directory.version} published, {expected} expected")
        make_durably(self._folder)
        write_durably(self._path(directory.version), directory.to_json())
        write_durably(self._folder / "current", f"{directory.version}".encode())

    def current(self) -> Directory | None:
        pointer = self._pointer()
        return self.version(int(pointer)) if pointer else None

    def version(self, number: int) -> Directory | None:
        found = self._kept.get(number)
        if found is None:
            try:
                content = self._path(number).read_bytes()
            except FileNotFoundError:
                return None
            found = Directory.from_json(content)
            if len(self._kept) >= _SNAPSHOTS_KEPT:
                self._kept.pop(min(list(self._kept)), None)  # another thread may have been quicker
            self._kept[number] = found
        return found

    def digest(self, number: int) -> str | None:
        """Return the SHA-256 (hex) of a snapshot's file, None when it is gone."""
        try:
            return sha256(self._path(number).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def pointer(self) -> str:
        """Return the version that readers take for the current one as it is written, an empty text before the first."""
        return self._pointer()

    def _pointer(self) -> str:
        try:
            return (self._folder / "current").read_text()
        except FileNotFoundError:
            return ""

"""What a simulator process is told at its start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from qingjian.simulator.quirks import QUIRKS
from qingjian.simulator.tampering import KINDS


@dataclass(frozen=True, slots=True)
class Tampering:
    """A simulated falsification or fault of one demo device.

    `start` and `end` are ISO moments with zone; empty: from the start of the process, without end.
    """

    mn: str
    kind: str
    amount: float = 0.0
    factors: tuple[str, ...] = ()
    start: str = ""
    end: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"未知的模拟方式 / unknown kind: {self.kind}；可用 / known: {', '.join(KINDS)}")


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Plain values only, so that a supervisor can hand them to a spawned process."""

    host: str = "127.0.0.1"
    port: int = 9212
    devices: tuple[str, ...] = ()
    """MNs of the demo county that run; empty means all."""
    backfill_hours: float = 26.0
    """At its start each device uploads the periods that ended in this time: real data within the first minute."""
    quirks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """MN (or "*" for all) → codes of quirks."""
    tampering: tuple[Tampering, ...] = ()
    backlog: int = 10_000
    """Records a device keeps while the link is down."""
    tries: int = 0
    """Times each device tries to connect before all give up when nobody ever answered; 0: they try for ever."""

    def __post_init__(self) -> None:
        unknown = sorted({code for codes in self.quirks.values() for code in codes} - set(QUIRKS))
        if unknown:
            raise ValueError(f"未知的怪癖代码 / unknown quirks: {', '.join(unknown)}")
        if not 0 < self.port < 65536:
            raise ValueError(f"端口应为 1..65535 / the port must be 1..65535: {self.port}")

    def to_json(self) -> str:
        """Return the settings as text for the command line of a process."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SimulatorSettings:
        """Inverse of `to_json`; missing keys take their defaults, unknown keys raise TypeError."""
        values: dict[str, Any] = json.loads(text)
        if "devices" in values:
            values["devices"] = tuple(values["devices"])
        values["quirks"] = {mn: tuple(codes) for mn, codes in values.get("quirks", {}).items()}
        values["tampering"] = tuple(
            Tampering(**{**row, "factors": tuple(row.get("factors", ()))})
            for row in values.get("tampering", ())
        )
        return cls(**values)

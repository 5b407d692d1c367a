"""What one device is allowed to do differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qingjian.hj212 import codes
from qingjian.hj212.profiles import is_selector

EDITIONS = ("2005", "2017", "2025")
_ACKNOWLEDGE = ("flag", "always", "never")
_TIMERS = ("reply_seconds", "resends", "execution_seconds", "operation_seconds")


@dataclass(frozen=True, slots=True)
class Policy:
    """Decoding and answering rules of one device. Immutable; ``to_json``/``from_json`` carry it in a directory.

    edition
        ``auto`` (from the version bits of Flag; without Flag 2005) or the edition the device is known to speak.
    accept
        codes of variants that are refused unless named here (``codes.SWITCHABLE``).
    maximum_segment
        longest data segment accepted, bytes (1..9999; beyond the standard's 1024 it is a deviation).
    sm4_key
        16 bytes, or None for a device that does not encrypt.
    unconfirmed
        names of unconfirmed features switched on (``codes.UNCONFIRMED``).
    without
        unconfirmed facts of the tables switched off: ids and groups as in ``profiles.switched_off``.
    datatime
        ``start`` or ``end``: which end of its period the device puts into DataTime.
    acknowledge
        ``flag``: answer an upload when its answer bit is set; ``always``; ``never``.
    minute_interval
        minutes covered by one 2051 upload, to find the start of a period named by its end.
    reply_seconds, resends
        how long a command waits for its answer before it is sent again, and how often it is (NB-IoT: 30 and 5).
    execution_seconds, operation_seconds
        how long an accepted command may stay without data or result; the second for what an instrument carries out
        (commands 3xxx such as calibration and sampling).
    """

    edition: str = "auto"
    accept: frozenset[str] = frozenset()
    maximum_segment: int = 9999
    sm4_key: bytes | None = field(default=None, repr=False)
    unconfirmed: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    datatime: str = "start"
    acknowledge: str = "flag"
    minute_interval: int = 10
    reply_seconds: int = 10
    resends: int = 3
    execution_seconds: int = 60
    operation_seconds: int = 1800

    def __post_init__(self) -> None:
        if self.edition != "auto" and self.edition not in EDITIONS:
            raise ValueError(f"未知版本 unknown edition: {self.edition!r}")
        unknown = sorted(self.accept - codes.SWITCHABLE)
        if unknown:
            raise ValueError(f"不可放行的代码 codes that cannot be accepted: {', '.join(unknown)}")
        unknown = sorted(self.unconfirmed - codes.UNCONFIRMED)
        if unknown:
            raise ValueError(f"未知的待确认功能 unknown unconfirmed features: {', '.join(unknown)}")
        unknown = sorted(one for one in self.without if not is_selector(one))
        if unknown:
            raise ValueError(f"不是待确认事项的编号 not the id of an unconfirmed fact: {', '.join(unknown)}")
        if not 1 <= self.maximum_segment <= 9999:
            raise ValueError("数据段上限应为 1..9999 maximum_segment must be 1..9999")
        if self.sm4_key is not None and len(self.sm4_key) != 16:
            raise ValueError("SM4 密钥应为 16 字节 the SM4 key must have 16 bytes")
        if self.datatime not in ("start", "end"):
            raise ValueError("datatime: start | end")
        if self.acknowledge not in _ACKNOWLEDGE:
            raise ValueError("acknowledge: flag | always | never")
        if not 1 <= self.minute_interval <= 1440:
            raise ValueError("minute_interval: 1..1440")
        if not 1 <= self.reply_seconds <= 3600:
            raise ValueError("reply_seconds: 1..3600")
        if not 0 <= self.resends <= 99:
            raise ValueError("resends: 0..99")
        for name in ("execution_seconds", "operation_seconds"):
            if not 1 <= getattr(self, name) <= 86400:
                raise ValueError(f"{name}: 1..86400")

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for JSON. It contains the key in hexadecimal: store it as a secret."""
        return {
            "edition": self.edition,
            "accept": sorted(self.accept),
            "maximum_segment": self.maximum_segment,
            "sm4_key": None if self.sm4_key is None else self.sm4_key.hex(),
            "unconfirmed": sorted(self.unconfirmed),
            "without": sorted(self.without),
            "datatime": self.datatime,
            "acknowledge": self.acknowledge,
            "minute_interval": self.minute_interval,
            **{name: getattr(self, name) for name in _TIMERS},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Policy:
        """Inverse of ``to_json``; missing keys take their defaults, unknown keys and bad values raise ValueError."""
        known = set(cls.__dataclass_fields__)
        unknown = sorted(set(value) - known)
        if unknown:
            raise ValueError(f"未知的策略项 unknown policy keys: {', '.join(unknown)}")
        settings = dict(value)
        for name in ("accept", "unconfirmed", "without"):
            if name in settings:
                settings[name] = _names(name, settings[name])
        if settings.get("sm4_key") is not None:
            settings["sm4_key"] = bytes.fromhex(settings["sm4_key"])
        for name in ("maximum_segment", "minute_interval", *_TIMERS):
            if name in settings and (not isinstance(settings[name], int) or isinstance(settings[name], bool)):
                raise ValueError(f"{name}: 整数 an integer")
        return cls(**settings)


def _names(name: str, value: Any) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{name}: 代码列表 a list of codes")
    return frozenset(str(code) for code in value)


DEFAULT = Policy()
"""Accepts what every device may do; used before the sender is known."""

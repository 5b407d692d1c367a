"""CSV files as field devices on sockets: one, or a fleet that a list names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from qingjian.contracts.clock import Clock
from qingjian.hj212 import profiles
from qingjian.simulator import csvfile
from qingjian.simulator.fleet import Link
from qingjian.simulator.logger import FieldLogger, Identity
from qingjian.simulator.quirks import QUIRKS

LARGEST_LIST = 16 * 1024 * 1024
"""Bytes of a list; ten thousand devices take about 3 MB."""
FASTEST = 1e9
_TEXTS = ("csv", "mn", "password", "system_code", "edition", "sm4_key", "time_column", "statistic")
_LISTS = ("mapping", "quirk", "without")
_WORDS = {
    "speed": "应为正数，至多 1e9 / must be a positive number, 1e9 at most",
    "from_now": "应为 true 或 false / must be true or false",
    **dict.fromkeys(_TEXTS, "应为文字 / must be a text"),
    **dict.fromkeys(_LISTS, "应为文字的列表 / must be a list of texts"),
}
NAMES = tuple(_WORDS)
"""What a device of a list may say: the options of `qingjian simulate --csv`, with underscores."""


@dataclass(frozen=True, slots=True)
class CsvDevice:
    """One file, who sends it, and how."""

    identity: Identity
    recorder: csvfile.CsvRecorder
    speed: float = 1.0
    """60 plays an hour in a minute."""
    from_now: bool = False
    """Whether the first row is moved to now."""
    quirks: tuple[str, ...] = ()

    def link(self, host: str, port: int, clock: Clock) -> Link:
        """Return the link that plays the file; its first row falls due a second after now.

        ValueError for a speed that is no positive number and for quirks on a device that encrypts; KeyError for an
        unknown quirk.
        """
        now = clock.now()
        recorder = self.recorder
        if self.from_now:
            recorder = csvfile.moved(recorder, now.replace(microsecond=0) - recorder.times[0])
        feed = csvfile.CsvFeed(recorder, now + timedelta(seconds=1), self.speed)
        length = max(1, int(recorder.step.total_seconds()))
        logger = FieldLogger(
            self.identity,
            recorder,
            feed,
            now,
            expected={} if recorder.statistic == "realtime" else {recorder.statistic: length},
            factors=sorted({one.factor for rows in recorder.rows.values() for one in rows}),
            ignores_answers="ignores_answer" in self.quirks,
            backlog=len(recorder.times) + 1,
        )
        return Link(logger, host, port, clock, self.quirks)


def read_list(path: Path) -> list[CsvDevice]:
    """Read a list of devices: JSON, one object a device, its names those of `NAMES`; files are looked for beside the list.

    `csv`, `mapping` and `mn` must be there. CsvError names the place of the device in the list, its MN, and what would
    be right, in both languages; nothing is played of a list with one mistake.
    """
    try:
        if path.stat().st_size > LARGEST_LIST:
            raise csvfile.CsvError(f"清单超过 16 MiB / the list is larger than 16 MiB: {path}")
        rows = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise csvfile.CsvError(f"无法读取 / cannot read {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, csvfile.CsvError):
            raise
        raise csvfile.CsvError(f"清单不是 JSON / the list is no JSON: {path}: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise csvfile.CsvError(f"清单应为设备的非空列表 / the list must hold at least one device: {path}")
    found: list[CsvDevice] = []
    places: dict[str, int] = {}
    for place, row in enumerate(rows, 1):
        where = f"第 {place} 台 / device {place}"
        try:
            device = _device(row, path.parent)
        except (ValueError, KeyError) as error:
            named = f" (MN {row['mn']})" if isinstance(row, dict) and isinstance(row.get("mn"), str) else ""
            raise csvfile.CsvError(f"{where}{named}: {error}") from error
        earlier = places.setdefault(device.identity.mn, place)
        if earlier != place:
            raise csvfile.CsvError(
                f"{where}: MN 与第 {earlier} 台相同 / has the MN of device {earlier}: {device.identity.mn}"
            )
        found.append(device)
    return found


def _device(row: Any, folder: Path) -> CsvDevice:
    if not isinstance(row, dict):
        raise csvfile.CsvError("应为对象 / must be an object")
    unknown = [name for name in row if name not in NAMES]
    if unknown:
        raise csvfile.CsvError(
            f"没有这些项 / no such names: {', '.join(unknown)}；可用 / there are: {', '.join(NAMES)}"
        )
    absent = [name for name in ("csv", "mapping", "mn") if not row.get(name)]
    if absent:
        raise csvfile.CsvError(f"缺少 / lacks: {', '.join(absent)}")
    for name, value in row.items():
        if not _fits(name, value):
            raise csvfile.CsvError(f"{name} {_WORDS[name]}: {value!r}")
    facts = frozenset(row.get("without", ()))
    missing = profiles.unknown_selectors(facts)
    if missing:
        raise csvfile.CsvError(f"没有这样的待确认事项 / no such unconfirmed fact: {', '.join(missing)}")
    quirks = tuple(row.get("quirk", ()))
    for code in quirks:
        if code not in QUIRKS:
            raise csvfile.CsvError(
                f"没有这种怪癖 / no such quirk: {code}；--list-quirks 列出全部 / lists all"
            )
    identity = replace(
        Identity(row["mn"]),
        **{name: row[name] for name in ("password", "system_code", "edition") if name in row},
        sm4_key=_key(row),
        without=facts,
    )
    if quirks and identity.sm4_key is not None:
        raise csvfile.CsvError("加密设备不能加怪癖 / quirks need a device that does not encrypt")
    recorder = csvfile.read(
        folder / row["csv"],
        csvfile.mapping(row["mapping"]),
        time_column=row.get("time_column", ""),
        statistic=row.get("statistic", ""),
    )
    return CsvDevice(identity, recorder, float(row.get("speed", 1)), row.get("from_now", False), quirks)


def _fits(name: str, value: object) -> bool:
    if name == "from_now":
        return isinstance(value, bool)
    if name == "speed":
        # A whole number of JSON may be larger than any float.
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= FASTEST
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _key(row: Mapping[str, Any]) -> bytes | None:
    text = row.get("sm4_key", "")
    if text and not re.fullmatch("[0-9A-Fa-f]{32}", text):
        raise csvfile.CsvError(f"sm4_key 应为 32 位十六进制 / must be 32 hex digits: {text!r}")
    return bytes.fromhex(text) or None

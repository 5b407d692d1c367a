"""The stores of floor 2 that the apps read, opened once per process and thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings

from qingjian.contracts.commands import CommandQueue
from qingjian.contracts.directory import DirectoryStore, FileDirectoryStore
from qingjian.contracts.facts import FactLog
from qingjian.contracts.findings import FindingLog
from qingjian.contracts.latest import LatestStore
from qingjian.contracts.presence import PresenceStore
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.gateway.commands import SqliteCommandQueue
from qingjian.gateway.presence import SqlitePresenceStore
from qingjian.gateway.quarantine import QuarantineStore, Sender
from qingjian.lake import Lake

_local = threading.local()
Store = TypeVar("Store")


def _once(name: str, make: Callable[[], Store]) -> Store:
    kept: dict[str, Any] = _local.__dict__.setdefault(str(settings.DATA_FOLDER.root), {})
    if name not in kept:
        kept[name] = make()
    return kept[name]


def lake() -> Lake:
    return _once("lake", lambda: Lake(settings.DATA_FOLDER.lake, threads=1))


def directory() -> DirectoryStore:
    return _once("directory", lambda: FileDirectoryStore(settings.DATA_FOLDER.directory))


def findings() -> FindingLog:
    from qingjian.pipeline.findings import SqliteFindingLog

    return _once("findings", lambda: SqliteFindingLog(settings.DATA_FOLDER.findings))


def facts() -> FactLog:
    from qingjian.pipeline.facts import SqliteFactLog

    return _once("facts", lambda: SqliteFactLog(settings.DATA_FOLDER.facts))


def rulebooks() -> RulebookStore:
    return _once("rulebooks", lambda: RulebookStore(settings.DATA_FOLDER.rulebook))


def latest() -> LatestStore:
    from qingjian.pipeline.latest import SqliteLatestStore

    return _once("latest", lambda: SqliteLatestStore(settings.DATA_FOLDER.latest))


def commands() -> CommandQueue:
    return _once("commands", lambda: SqliteCommandQueue(settings.DATA_FOLDER.commands))


def senders(mn: str | None = None) -> Sequence[Sender]:
    """Return what came and was not accepted, under one MN or any: refused bytes, and samples of who only named an MN."""
    if not settings.DATA_FOLDER.quarantine.exists():
        return []
    return _once("quarantine", lambda: QuarantineStore(settings.DATA_FOLDER.quarantine)).read(mn=mn)


def order_reading_again(mn: str, start: datetime, end: datetime) -> None:
    """Hand the pipeline the order to read a device's frames received in [start, end) again."""
    from qingjian.pipeline.replay import order_replay
    from qingjian.pipeline.settings import PipelineSettings

    order_replay(PipelineSettings(settings.DATA_FOLDER.root).replay_folder, mn, start, end)


def presence() -> PresenceStore:
    return _once("presence", lambda: SqlitePresenceStore(settings.DATA_FOLDER.presence))

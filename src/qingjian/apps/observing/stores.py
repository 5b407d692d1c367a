"""The stores of floor 2 that the apps read, opened once per process and thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
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


def presence() -> PresenceStore:
    return _once("presence", lambda: SqlitePresenceStore(settings.DATA_FOLDER.presence))

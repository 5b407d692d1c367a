"""One running node per data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType


class AlreadyRunningError(RuntimeError):
    """Another process holds the data folder."""


class FolderLock:
    """Advisory lock of a data folder; the operating system frees it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> FolderLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "?"
            os.close(descriptor)
            folder = self._path.parent
            raise AlreadyRunningError(
                f"数据目录 {folder} 正在被进程 {holder} 使用，请先停止它。"
                f" / The data folder {folder} is in use by process {holder}; stop that one first."
            ) from error
        with contextlib.suppress(
            OSError
        ):  # the disk is full: who holds the lock cannot be said, and it holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(path: Path) -> str:
    """Return the id of the process that holds the lock ("?" when it could not write it), "" when none does.

    Nothing is written, so it works on a full and on a read-only disk.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.read(descriptor, 32).decode(errors="replace").strip() or "?"
    else:
        return ""
    finally:
        os.close(descriptor)

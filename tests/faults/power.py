"""A shim in place of the disk: what was flushed is what a power cut leaves."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class PowerCutError(BaseException):
    """The lights go out."""


@dataclass
class Disk:
    """What would be on the platter."""

    root: Path
    fsync: Callable[[int], None] = os.fsync
    content: dict[int, bytes] = field(default_factory=dict)
    """Inode → content at its last fsync; a renamed file keeps its inode."""
    names: dict[Path, dict[str, tuple[bool, int]]] = field(default_factory=dict)
    """Folder → name → (is a folder, inode) at the folder's last fsync."""
    databases: dict[Path, bytes] = field(default_factory=dict)
    left: int = 10**9
    """Flushes until the lights go out."""

    def sync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self.root):
            self.fsync(descriptor)
            return
        self.left -= 1
        if self.left < 0:
            raise PowerCutError
        self._keep(path)

    def _keep(self, path: Path) -> None:
        if path.is_dir():
            self.names[path] = {one.name: (one.is_dir(), one.stat().st_ino) for one in path.iterdir()}
        else:
            self.content[path.stat().st_ino] = path.read_bytes()

    def hold(self) -> None:
        """Take the SQLite files as they are: SQLite flushes each commit itself, and nothing writes at the cut.

        To be called before their connections are closed, because closing folds the logs.
        """
        self.databases = {
            path: path.read_bytes()
            for path in self.root.rglob("*")
            if path.name.endswith((".sqlite3", ".sqlite3-wal"))
        }

    def restore(self) -> None:
        """Lay the folder out as the platter has it; from then on that much is durable."""
        shutil.rmtree(self.root)
        self._lay(self.root)
        for path, content in self.databases.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.databases = {}
        self.content, self.names = {}, {}
        self.everything_is_durable()

    def everything_is_durable(self) -> None:
        """Take the folder as it stands for what is on the platter."""
        for path in [self.root, *self.root.rglob("*")]:
            self._keep(path)

    def _lay(self, folder: Path) -> None:
        folder.mkdir()
        for name, (is_folder, inode) in self.names.get(folder, {}).items():
            path = folder / name
            if is_folder:
                self._lay(path)
            else:  # a name whose content never reached the disk is an empty file
                path.write_bytes(self.content.get(inode, b""))

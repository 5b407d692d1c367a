"""Snapshots of the office's rulebook (packaged rows, local rows, confirmations), by version.

A directory names the version that goes with it, so a batch that names its directory names its rules too.
"""

from __future__ import annotations

from pathlib import Path

from qingjian.contracts.folders import make_durably, write_durably
from qingjian.rulebook import Rulebook, packaged


class RulebookStore:
    """Files `<version>.json` that are written once and never changed."""

    def __init__(self, folder: Path) -> None:
        """`folder` is DataFolder.rulebook."""
        self._folder = folder
        self._kept: dict[str, Rulebook] = {}

    def keep(self, book: Rulebook) -> str:
        """Store a snapshot unless it is there; returns its version."""
        path = self._path(book.version)
        if not path.exists():
            make_durably(self._folder)
            write_durably(path, book.to_json().encode())
        return book.version

    def read(self, version: str) -> Rulebook:
        """Return a snapshot; without a version the packaged rulebook, which is what holds before the first one.

        FileNotFoundError for a version that was never kept here.
        """
        if version in ("", packaged().version):
            return packaged()
        if version not in self._kept:
            if len(self._kept) >= 4:
                self._kept.clear()
            content = self._path(version).read_text(encoding="utf-8")
            self._kept[version] = Rulebook.from_json(content)
        return self._kept[version]

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.json"

"""Look at a write-ahead log before SQLite does.

SQLite repairs itself: at the first open after a crash it takes the longest prefix of the log whose checksums hold and
that ends with a commit, and forgets the rest. That is right after a kill (the rest was never promised) but it would
also hide a damaged log, in which promised frames lie behind the damage. This module tells the two apart.
Layout: SQLite file format documentation, section 4 (the WAL file format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = 32
_FRAME_HEADER = 24
_BIG_ENDIAN_SUMS = 0x377F0683
_LITTLE_ENDIAN_SUMS = 0x377F0682


@dataclass(frozen=True, slots=True)
class LogState:
    """What a write-ahead log holds."""

    pages: int
    """Page images of this generation, whether or not they hold."""
    committed: int
    """Page images SQLite will take."""
    torn: bool
    """True when an image of this generation fails its checksum or the header does not hold."""
    commits_behind: int
    """Commits at or behind the failure. One may be the transaction that was in flight; each commit is on disk before
    the next begins, so two or more prove that promised frames are lost."""


def inspect(path: Path) -> LogState | None:
    """Return the state of a log, or None when there is none or it is empty."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) < _HEADER:
        return None if not content else LogState(0, 0, torn=True, commits_behind=0)
    magic, _version, page_size = struct.unpack_from(">3I", content)
    salts = content[16:24]
    order = {_BIG_ENDIAN_SUMS: ">", _LITTLE_ENDIAN_SUMS: "<"}.get(magic)
    frame_size = _FRAME_HEADER + page_size
    if order is None or page_size < 512 or page_size > 65_536:
        return LogState(0, 0, torn=True, commits_behind=0)
    sums = _checksum(content[:24], order, (0, 0))
    if sums != struct.unpack_from(">2I", content, 24):
        return LogState(0, 0, torn=True, commits_behind=0)
    pages = committed = 0
    commits_behind = 0
    torn = False
    for offset in range(_HEADER, len(content), frame_size):
        image = content[offset : offset + frame_size]
        if len(image) < _FRAME_HEADER or image[8:16] != salts:
            break  # the rest belongs to an earlier generation
        pages += 1
        is_commit = struct.unpack_from(">I", image, 4)[0] != 0
        if not torn and len(image) == frame_size:
            sums = _checksum(image[:8], order, sums)
            sums = _checksum(image[_FRAME_HEADER:], order, sums)
            torn = sums != struct.unpack_from(">2I", image, 16)
            if not torn and is_commit:
                committed = pages
        commits_behind += torn and is_commit
    return LogState(pages, committed, torn, commits_behind)


def _checksum(content: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[0::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second

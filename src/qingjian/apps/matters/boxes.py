"""The boxes that films (MP4, QuickTime) and photos of phones (HEIF) are made of: ISO/IEC 14496-12, section 4.2.

Everything here reads files people sent: what does not fit ends the search, it never raises.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

MOST_BOXES = 1000


def boxes(handle: IO[bytes], begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the body of each box at this level, at most `MOST_BOXES`."""
    for _number in range(MOST_BOXES):
        if begin + 8 > end:
            return
        handle.seek(begin)
        head = handle.read(16)
        if len(head) < 8:
            return
        length, kind, body = struct.unpack(">I", head[:4])[0], head[4:8], 8
        if length == 1 and len(head) == 16:
            length, body = struct.unpack(">Q", head[8:16])[0], 16
        elif length == 0:
            length = end - begin
        if length < body:
            return
        yield kind, begin + body, min(begin + length, end)
        begin += length


def find(handle: IO[bytes], begin: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    """Return begin and end of the body of the first box of a kind at this level."""
    for kind, first, last in boxes(handle, begin, end):
        if kind == wanted:
            return first, last
    return None

"""Photos of phones in HEIF (iPhone: .heic): whether a file is one, and the Exif data it carries.

The picture itself is not decoded: no page shows it, and the file is kept as it came. ISO/IEC 23008-12; the boxes `iinf`
and `iloc` are those of ISO/IEC 14496-12, sections 8.11.3 and 8.11.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qingjian.apps.matters.boxes import boxes, find

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
"""Brands of still pictures coded with HEVC; `mif1` is any picture, so that one of the others must stand beside it."""
MOST_ITEMS = 4000
MOST_EXTENTS = 64
LARGEST_EXIF = 1024**2


@dataclass(frozen=True, slots=True)
class Item:
    """Where an item of the file lies: pieces of (offset, length), in bytes from its beginning."""

    number: int
    pieces: tuple[tuple[int, int], ...]


def is_brand(head: bytes) -> bool:
    """Say whether the first bytes of a file announce a still picture coded with HEVC."""
    if head[4:8] != b"ftyp" or head[8:12] not in BRANDS:
        return False
    if head[8:12] != b"mif1":
        return True
    length = min(struct.unpack(">I", head[:4])[0], len(head))
    others = {head[place : place + 4] for place in range(16, length - 3, 4)}
    return bool(others & (BRANDS - {b"mif1"}))


def read(path: Path) -> bytes | None:
    """Return the Exif data (a TIFF stream, b"" when the photo has none), or None when the file is no whole photo."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        meta = find(handle, 0, size, b"meta")
        if meta is None:
            return None
        begin, end = meta[0] + 4, meta[1]
        handler, primary = find(handle, begin, end, b"hdlr"), find(handle, begin, end, b"pitm")
        kinds, places = find(handle, begin, end, b"iinf"), find(handle, begin, end, b"iloc")
        if None in (handler, primary, kinds, places):
            return None
        handle.seek(handler[0] + 8)
        if handle.read(4) != b"pict":
            return None
        try:
            items = list(_items(_body(handle, *places)))
            exif = _number_of(handle, *kinds, b"Exif")
        except struct.error:
            return None
        # A photo cut short, or one that points nowhere, is refused like a damaged JPEG.
        if not items or any(offset + length > size for one in items for offset, length in one.pieces):
            return None
        return next((_exif(handle, one) for one in items if one.number == exif), b"")


def _body(handle: IO[bytes], begin: int, end: int) -> bytes:
    handle.seek(begin)
    return handle.read(min(end - begin, LARGEST_EXIF))


def _number_of(handle: IO[bytes], begin: int, end: int, wanted: bytes) -> int | None:
    """Return the number of the first item of a kind."""
    handle.seek(begin)
    entries = begin + (6 if handle.read(1) == b"\0" else 8)
    for kind, first, last in boxes(handle, entries, end):
        body = _body(handle, first, last) if kind == b"infe" else b""
        if not body or body[0] < 2:
            continue
        width = 2 if body[0] == 2 else 4
        if body[4 + width + 2 : 4 + width + 6] == wanted:
            return int.from_bytes(body[4 : 4 + width], "big")
    return None


def _items(body: bytes) -> Iterator[Item]:
    """Yield the items that lie in the file itself. Raises struct.error when the box ends too early."""
    reader = _Reader(body)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (
        sizes >> 12,
        sizes >> 8 & 15,
        sizes >> 4 & 15,
        sizes & 15 if version else 0,
    )
    wide = 4 if version == 2 else 2
    for _number in range(min(reader.number(wide), MOST_ITEMS)):
        number = reader.number(wide)
        inside = (reader.number(2) & 15 if version else 0) == 0
        reader.number(2)
        base = reader.number(base_size)
        pieces = []
        for _extent in range(reader.number(2)):
            reader.number(index_size)
            offset, length = base + reader.number(offset_size), reader.number(length_size)
            if len(pieces) < MOST_EXTENTS:
                pieces.append((offset, length))
        if inside:
            yield Item(number, tuple(pieces))


class _Reader:
    """Whole numbers one after the other."""

    def __init__(self, body: bytes) -> None:
        self.body, self.place = body, 0

    def number(self, size: int) -> int:
        piece = self.body[self.place : self.place + size]
        if len(piece) < size:
            raise struct.error("the box ends too early")
        self.place += size
        return int.from_bytes(piece, "big")


def _exif(handle: IO[bytes], item: Item) -> bytes:
    """Return the TIFF stream of an Exif item: four bytes say how many more stand before it."""
    content = b""
    for offset, length in item.pieces:
        handle.seek(offset)
        content += handle.read(min(length, LARGEST_EXIF - len(content)))
    return content[4 + int.from_bytes(content[:4], "big") :] if len(content) > 4 else b""

"""A PMTiles archive (version 3) of one tile, for tests of the base map."""

from __future__ import annotations

import struct

HEADER = struct.Struct("<7sB11Q6B4iB2i")
RASTER, VECTOR = 2, 1


def archive(tile: bytes, kind: int) -> bytes:
    """Return an archive whose only tile, of the whole world, is `tile`; nothing in it is compressed."""
    directory = bytes([1, 0, 1]) + _varint(len(tile)) + bytes([1])
    metadata = b"{}"
    at = HEADER.size
    ends = [at + len(directory), at + len(directory) + len(metadata)]
    places = (at, len(directory), ends[0], len(metadata), ends[1], 0, ends[1], len(tile), 1, 1, 1)
    world = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    header = HEADER.pack(b"PMTiles", 3, *places, 1, 1, 1, kind, 0, 0, *world, 0, 0, 0)
    return header + directory + metadata + tile


def everywhere(layer: str) -> bytes:
    """Return a vector tile with one polygon over all of it, in a layer of this name."""
    ring = [9, 0, 0, 26, 8192, 0, 0, 8192, 8191, 0, 15]
    feature = b"\x18\x03" + _field(4, b"".join(_varint(one) for one in ring))
    content = _field(1, layer.encode()) + _field(2, feature) + b"\x28" + _varint(4096) + b"\x78\x02"
    return _field(3, content)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])

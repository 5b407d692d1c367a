"""Whether a sound or an AVI film is what its first bytes say: chunks of RIFF, frames of MPEG audio.

Everything here reads files people sent: whatever does not fit means no, it never raises. Recordings that were cut off when
the battery ended are still recordings: the last chunk or frame may be short.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MOST_CHUNKS = 1000
SEARCHED = 64 * 1024
"""Bytes behind an ID3 tag among which the first frame must begin."""
FRAMES = 3
"""So many frames must follow each other; a file that ends before needs one."""
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Samples per second by version bits: MPEG-1, MPEG-2, MPEG-2.5."""
_KILOBITS = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits per second of layer III by version bits and index 1 to 14."""


def _chunks(handle: IO[bytes], begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, begin and length of the chunks of a RIFF file at one level."""
    for _number in range(MOST_CHUNKS):
        handle.seek(begin)
        head = handle.read(8)
        if len(head) < 8 or begin + 8 > end:
            return
        length = struct.unpack("<I", head[4:])[0]
        yield head[:4], begin + 8, min(length, end - begin - 8)
        begin += 8 + length + length % 2


def is_wave(path: Path) -> bool:
    """Say whether a WAVE file has a sound format and samples."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        sound = False
        for name, begin, length in _chunks(handle, 12, size):
            if name == b"fmt " and length >= 16:
                handle.seek(begin)
                _form, channels, rate, _bytes, align, _bits = struct.unpack("<HHIIHH", handle.read(16))
                sound = 1 <= channels <= 64 and 1000 <= rate <= 768_000 and align > 0
            elif name == b"data":
                # A recorder that was switched off has written no length.
                return sound and (length > 0 or begin < size)
    return False


def is_avi(path: Path) -> bool:
    """Say whether an AVI file has its list of headers and its list of pictures."""
    size = path.stat().st_size
    found = set()
    with path.open("rb") as handle:
        for name, begin, length in _chunks(handle, 12, size):
            if name != b"LIST" or length < 4:
                continue
            handle.seek(begin)
            kind = handle.read(4)
            if kind == b"hdrl":
                inside = next(iter(_chunks(handle, begin + 4, begin + length)), None)
                if inside is not None and inside[0] == b"avih" and inside[2] >= 40:
                    found.add(kind)
            elif kind == b"movi" and length > 4:
                found.add(kind)
    return found == {b"hdrl", b"movi"}


def is_mpeg_audio(path: Path) -> bool:
    """Say whether frames of MPEG audio layer III follow each other, behind an ID3 tag if there is one."""
    with path.open("rb") as handle:
        head = handle.read(10)
        begin, places = 0, range(1)
        if head[:3] == b"ID3" and len(head) == 10 and all(one < 0x80 for one in head[6:]):
            begin = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
            places = range(SEARCHED)
        handle.seek(begin)
        body = handle.read(SEARCHED + FRAMES * 2000)
    return any(_frames_from(body, place) for place in places if body[place : place + 1] == b"\xff")


def _frames_from(body: bytes, place: int) -> bool:
    first = None
    for _number in range(FRAMES):
        frame = _frame(body[place : place + 4])
        if frame is None or (first is not None and frame[:2] != first):
            return False
        first = frame[:2]
        place += frame[2]
        if place >= len(body):
            return True
    return True


def _frame(head: bytes) -> tuple[int, int, int] | None:
    """Return version bits, samples per second and length in bytes of a frame; None when it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate == 3 or not 1 <= bits <= 14:
        return None
    samples = _RATES[version][rate]
    factor = 144_000 if version == 3 else 72_000
    return version, samples, factor * _KILOBITS[version][bits - 1] // samples + (head[2] >> 1 & 1)

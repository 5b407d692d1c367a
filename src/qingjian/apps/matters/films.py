"""What films say of themselves: the boxes of MP4 and QuickTime files that hold time, place and device.

Everything here reads files people sent: whatever does not fit is taken as not there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qingjian.apps.matters.boxes import find

MAC_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
MOST_KEYS = 100
LONGEST_TEXT = 500
APPLE = "com.apple.quicktime."
POSITION = re.compile(r"^([+-]\d{1,3}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)")
"""ISO 6709 in degrees: latitude, longitude, and perhaps a height that is not needed."""


def is_film(path: Path) -> bool:
    """Say whether the file has the index (`moov` with `mvhd`) and the media (`mdat`, `moof`) without which no player can show it."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        index = find(handle, 0, size, b"moov")
        head = find(handle, *index, b"mvhd") if index else None
        media = find(handle, 0, size, b"mdat") or find(handle, 0, size, b"moof")
        return head is not None and head[1] - head[0] >= 20 and media is not None and media[1] > media[0]


def time(path: Path) -> datetime | None:
    """Return the creation time in the `mvhd` box inside `moov`."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        moov = find(handle, 0, size, b"moov")
        found = find(handle, *moov, b"mvhd") if moov else None
        if found is None:
            return None
        handle.seek(found[0])
        body = handle.read(12)
    try:
        seconds = struct.unpack(">Q", body[4:12])[0] if body[0] == 1 else struct.unpack(">I", body[4:8])[0]
        return MAC_EPOCH + timedelta(seconds=seconds) if seconds else None
    except (struct.error, IndexError, OverflowError):
        return None


def place_and_device(path: Path) -> tuple[float | None, float | None, str]:
    """Return longitude, latitude and device; None and "" for what the film does not say."""
    size = path.stat().st_size
    said: dict[str, str] = {}
    with path.open("rb") as handle:
        moov = find(handle, 0, size, b"moov")
        if moov is None:
            return None, None, ""
        with suppress(struct.error, UnicodeDecodeError):
            said = {**_user_data(handle, *moov), **_metadata(handle, *moov)}
    found = POSITION.match(said.get("place", ""))
    device = " ".join(part for part in (said.get("make", ""), said.get("model", "")) if part)[:120]
    if found is None:
        return None, None, device
    latitude, longitude = float(found[1]), float(found[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None, None, device
    return longitude, latitude, device


def _user_data(handle: Any, begin: int, end: int) -> dict[str, str]:
    """Return what cameras put into `udta`: each text with its length and language before it."""
    udta = find(handle, begin, end, b"udta")
    found = {}
    for name, kind in (("place", b"\xa9xyz"), ("make", b"\xa9mak"), ("model", b"\xa9mod")):
        box = find(handle, *udta, kind) if udta else None
        if box is not None:
            handle.seek(box[0])
            length = struct.unpack(">H", handle.read(4)[:2])[0]
            found[name] = handle.read(min(length, LONGEST_TEXT)).decode("utf-8").strip("\x00 ")
    return found


def _metadata(handle: Any, begin: int, end: int) -> dict[str, str]:
    """Return what Apple's phones put into `meta`: numbered keys and a list of values."""
    meta = find(handle, begin, end, b"meta")
    if meta is None:
        return {}
    handle.seek(meta[0])
    # In MP4 the box begins with four bytes of version and flags, in QuickTime it does not.
    start = meta[0] if handle.read(8)[4:8] == b"hdlr" else meta[0] + 4
    keys, values = find(handle, start, meta[1], b"keys"), find(handle, start, meta[1], b"ilst")
    if keys is None or values is None:
        return {}
    names = list(_keys(handle, *keys))
    wanted = {"location.ISO6709": "place", "make": "make", "model": "model"}
    found = {}
    for number, name in enumerate(names, start=1):
        short = wanted.get(name.removeprefix(APPLE))
        item = find(handle, *values, struct.pack(">I", number)) if short else None
        data = find(handle, *item, b"data") if item else None
        if short and data:
            handle.seek(data[0] + 8)
            text = handle.read(min(max(data[1] - data[0] - 8, 0), LONGEST_TEXT))
            found[short] = text.decode("utf-8").strip("\x00 ")
    return found


def _keys(handle: Any, begin: int, end: int) -> Iterator[str]:
    handle.seek(begin + 4)
    count = struct.unpack(">I", handle.read(4))[0]
    place = begin + 8
    for _number in range(min(count, MOST_KEYS)):
        handle.seek(place)
        length = struct.unpack(">I", handle.read(8)[:4])[0]
        if length < 8 or place + length > end:
            return
        yield handle.read(min(length - 8, LONGEST_TEXT)).decode("utf-8")
        place += length

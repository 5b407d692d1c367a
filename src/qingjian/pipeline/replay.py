"""Reading stored frames again, after a device was registered, its policy changed, or a factor got its series.

An order is a small file, because the pipeline is the only writer while the node runs. What the gateway did not accept
(samples of unknown senders, refused bytes) counts only as far as it would be accepted now: registered for the time it
came, readable under the device's policy, with its password, from an address it may come from.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from qingjian.contracts.directory import Device, Directory
from qingjian.contracts.folders import make_durably, write_durably
from qingjian.gateway.registry import contains
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.journal import Frame, Kind
from qingjian.journal.frame import codes_from_text
from qingjian.lake import Lake
from qingjian.lake.reading import microseconds
from qingjian.pipeline.decoding import Decoder
from qingjian.pipeline.joining import Parts
from qingjian.pipeline.reading import policy_of

_PAGE = 4_096
REPLAYED = frozenset({Kind.ACCEPTED, Kind.UNREGISTERED, Kind.REFUSED})
"""Kinds of frames that are read again."""


def order_replay(folder: Path, mn: str, start: datetime, end: datetime) -> str:
    """Ask the pipeline to read the frames of a device received in [start, end) again; returns the order's name."""
    make_durably(folder)
    content = json.dumps({"mn": mn, "start": start.isoformat(), "end": end.isoformat()}).encode()
    name = hashlib.sha256(content).hexdigest()[:24]
    write_durably(folder / f"{name}.json", content)
    return name


def waiting_replays(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the orders, by name; an unreadable one is set aside."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            content = json.loads(path.read_bytes())
            datetime.fromisoformat(content["start"])
            datetime.fromisoformat(content["end"])
            found.append((path, {"mn": str(content["mn"]), "start": content["start"], "end": content["end"]}))
        except (ValueError, KeyError, TypeError):
            path.rename(path.with_suffix(".unreadable"))
    return found


def replayed_observations(lake: Lake, decoder: Decoder, order: dict[str, Any], before: datetime) -> pa.Table:
    """Decode the frames again; what is stored already will be counted as repeated."""
    start, end = datetime.fromisoformat(order["start"]), datetime.fromisoformat(order["end"])
    waiting: dict[str, Parts] = defaultdict(Parts)
    tables = []
    for frames in _pages(lake, order["mn"], start, end, before):
        taken = [one for one in frames if one.kind is Kind.ACCEPTED or admitted(one, decoder.directory)]
        for name, same in groupby(taken, key=lambda one: one.journal):
            tables.append(decoder.decode(list(same), REPLAYED, waiting[name]).observations)
    return pa.concat_tables(tables) if tables else decoder.decode([]).observations


def admitted(frame: Frame, directory: Directory) -> bool:
    """Whether what the gateway did not accept when it came is the registered device's by today's directory."""
    device = directory.device(frame.mn, frame.received_at)
    if device is None:
        return False
    message = decode_frame(frame.content, policy_of(device, directory.without))
    if not isinstance(message, Message) or message.mn != device.mn:
        return False
    return (not device.password or message.pw == device.password) and _may_come_from(device, frame.peer)


def _may_come_from(device: Device, peer: str) -> bool:
    """Whether a device may speak from a peer such as 10.1.0.7:40123 or [fe80::1]:40123."""
    address = peer.rpartition(":")[0].strip("[]")
    try:
        networks = [ipaddress.ip_network(one, strict=False) for one in device.addresses]
    except ValueError:
        return False  # an unreadable restriction must not become no restriction
    return not networks or any(contains(network, address) for network in networks)


def _pages(lake: Lake, mn: str, start: datetime, end: datetime, before: datetime) -> Iterator[list[Frame]]:
    after: tuple[str, int] | None = None
    while True:
        rows = lake.frames(start, end, mn=mn, kinds=sorted(REPLAYED), after=after, limit=_PAGE).to_pylist()
        if not rows:
            return
        after = (rows[-1]["journal"], rows[-1]["sequence"])
        yield [frame_of(row) for row in rows if row["known_at"] < before]


def frame_of(row: dict[str, Any]) -> Frame:
    """Return a row of the lake's table of frames as the journal had it."""
    return Frame(
        journal=row["journal"],
        sequence=row["sequence"],
        received_us=microseconds(row["received_at"]),
        peer=row["peer"],
        connection=row["connection"],
        mn=row["mn"],
        kind=Kind(row["kind"]),
        content=row["content"],
        codes=codes_from_text(row["codes"]),
        policy=row["policy"],
        directory_version=row["frame_directory"],
        nonce=row["nonce"],
        batch=row["batch"],
    )

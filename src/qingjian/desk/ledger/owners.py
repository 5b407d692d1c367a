"""Whose a frame was: the device that had its MN when it was received, by the directory of that moment.

The registry says which MN a device has now; an MN can be given to a device later, and to another one after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qingjian.apps.network.models import Device
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import rules
from qingjian.contracts.directory import Directory
from qingjian.desk.ledger.frames import LakeFrame, StoredFrames
from qingjian.notary.contents import StoredFrame


def may_see(user: Any, frame: StoredFrame, received_at: datetime) -> bool:
    """Say whether a person may see a frame: its device of that time, or the one that has the MN now when none had it."""
    return rules.may_see_frame(user, frame.mn, received_at)


def received_from(frames: StoredFrames, device: Device, start: datetime, end: datetime) -> list[LakeFrame]:
    """Return what was received from a device in [start, end), under whatever MN it had, in order of journal and sequence."""
    directories = _directories(start, end)
    names = {one.mn for directory in directories for one in directory.devices if one.code == device.code}
    found = []
    for mn in sorted(names | {device.mn}):
        for frame in frames.received(mn, start, end):
            then = [one for one in directories if one.published_at <= frame.received_at] or directories[-1:]
            owner = observing.owner_of_mn(then[0] if then else None, mn, frame.received_at)
            if owner == device.code or (not owner and mn == device.mn):
                found.append(frame)
    return sorted(found, key=lambda one: (one.journal, one.sequence))


def _directories(start: datetime, end: datetime) -> Sequence[Directory]:
    """The directories that were in force in [start, end), newest first."""
    newest, oldest = observing.directory_then(end), observing.directory_then(start)
    if newest is None or oldest is None:
        return ()
    numbers = range(newest.version, oldest.version - 1, -1)
    return [one for one in map(observing.directory_numbered, numbers) if one is not None]

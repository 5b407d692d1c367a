"""What was received from a device in a day, hour by hour, each frame with its proof: the receipt of the sender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Device
from qingjian.apps.observing import stores
from qingjian.contracts.clock import CHINA
from qingjian.desk.ledger import opening, owners
from qingjian.desk.ledger.frames import LakeFrame, StoredFrames
from qingjian.notary.bundle import BundleContent, FrameEvidence, build_bundle
from qingjian.notary.contents import StoredFrame, batch_of, batch_place, runs_of
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import Place
from qingjian.notary.provenance import Tracer
from qingjian.notary.reading import published_size


@dataclass(slots=True)
class Hour:
    """One hour (UTC+08:00), named by its start."""

    start: datetime
    frames: int = 0
    bytes: int = 0
    proven: int = 0
    waiting: int = 0
    broken: int = 0
    problems: list[str] = field(default_factory=list)


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the beginning and end of a natural day (UTC+08:00)."""
    start = datetime.combine(day, time(), CHINA)
    return start, start + timedelta(days=1)


def hours(device: Device, day: date) -> list[Hour]:
    """Return all 24 hours of a day; an hour without a frame has none, and says so."""
    start, end = bounds(day)
    found = {start + timedelta(hours=number): Hour(start + timedelta(hours=number)) for number in range(24)}
    with StoredFrames(settings.DATA_FOLDER.journal, stores.lake()) as frames:
        received = owners.received_from(frames, device, start, end)
        if not opening.exists():
            for frame in received:
                _count(found, frame, None, "")
            return list(found.values())
        with opening.opened() as notary:
            tracer = Tracer(notary)
            for members, whole in frames.batches_of(received):
                chains = tracer.trace_all(members, whole) if whole else [None] * len(members)
                for frame, chain in zip(members, chains, strict=True):
                    broken = [step.words for step in chain.steps if step.holds is False] if chain else []
                    _count(found, frame, chain.verdict if chain else None, " ".join(broken))
    return list(found.values())


def _count(found: dict[datetime, Hour], frame: LakeFrame, verdict: bool | None, problem: str) -> None:
    hour = found[frame.received_at.astimezone(CHINA).replace(minute=0, second=0, microsecond=0)]
    hour.frames += 1
    hour.bytes += len(frame.content)
    if verdict:
        hour.proven += 1
    elif verdict is None:
        hour.waiting += 1
    else:
        hour.broken += 1
        if len(hour.problems) < 3:
            hour.problems.append(f"{frame.journal}/{frame.sequence}: {problem}")


def bundle(device: Device, day: date) -> bytes:
    """Return the receipt of a day as an evidence bundle. NotaryError when nothing of it is in the ledger yet."""
    start, end = bounds(day)
    with StoredFrames(settings.DATA_FOLDER.journal, stores.lake()) as frames, opening.opened() as notary:
        evidence, left_out = frame_evidence(notary, frames, owners.received_from(frames, device, start, end))
        content = BundleContent(f"接收回执 {device.code} {day.isoformat()}", frames=evidence)
        content.summary = [f"设备 {device.name}（MN {device.mn}）当日接收的报文。", *left_out_lines(left_out)]
        return build_bundle(notary, content)


def left_out_lines(count: int) -> list[str]:
    return [f"另有 {count} 帧所在批次尚未入账或尚未发布，未包含在内。"] if count else []


def frame_evidence(
    notary: Notary, frames: StoredFrames, wanted: list[LakeFrame]
) -> tuple[list[FrameEvidence], int]:
    """Return frames with their batches as evidence, and how many have no place in the ledger yet."""
    found: list[FrameEvidence] = []
    sizes: dict[str, int] = {}
    for members, whole in frames.batches_of(wanted):
        for run in runs_of(whole):  # one, unless frames of the batch were lost
            inside = [one for one in members if run[0].sequence <= one.sequence <= run[-1].sequence]
            place = _place(notary, run) or _place(notary, whole)
            if not inside or place is None:
                continue
            if place.shard not in sizes:
                sizes[place.shard] = published_size(notary, place.shard)
            if place.index < sizes[place.shard]:
                found.append(FrameEvidence(inside, batch_of(run), place))
    return found, len(wanted) - sum(len(one.frames) for one in found)


def _place(notary: Notary, batch: Sequence[StoredFrame]) -> Place | None:
    return batch_place(notary, batch[0].journal, batch[0].sequence, batch[-1].sequence)


def devices_of(user: Any) -> Any:
    """Return the devices whose frames a person may take away: those whose data he may see."""
    from qingjian.apps.network import queries as network

    return (
        network.devices_visible_to(user, Capability.VIEW_DATA)
        .exclude(point__kind="synthetic")
        .order_by("code")
    )

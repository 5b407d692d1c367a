"""What the doctor says of the parts around the database: processes, upper platforms, what waits, files, certificates."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Consumer
from qingjian.contracts.anchored import AnchoredPositions
from qingjian.contracts.directory import Directory
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.forwarding import progress
from qingjian.gateway.settings import reached_at, read_statuses
from qingjian.journal import JournalReader, continuations, journals
from qingjian.site import schema
from qingjian.site.configuration import Configuration

ANSWER_SECONDS = 0.5
STATUS_LASTS = timedelta(seconds=60)
"""Processes rewrite their status every few seconds; an older one means that the process stands still or is gone."""
WAITS_TOO_LONG = timedelta(minutes=10)
CERTIFICATE_SOON = timedelta(days=30)
MOST_UNCONSUMED = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of the doctor: level 0 fine, 1 look at it, 2 wrong."""

    level: int
    subject: str
    text: str

    @property
    def mark(self) -> str:
        return ("✓", "!", "✗")[self.level]


def ports(folder: DataFolder, configuration: Configuration) -> Iterator[Line]:
    """Try every port the running node was told, else the configured ones."""
    told = _told(folder)
    wanted = [
        ("web port", configuration.web_host, told.get("web_port", configuration.web_port)),
        ("gateway port", configuration.gateway_host, told.get("gateway_port", configuration.gateway_port)),
    ]
    if configuration.gateway_tls_port:
        wanted.append(("gateway TLS port", configuration.gateway_host, configuration.gateway_tls_port))
    for subject, host, port in wanted:
        try:
            with socket.create_connection((reached_at(host), port), ANSWER_SECONDS):
                yield Line(0, subject, str(port))
        except OSError:
            yield Line(1, subject, f"{port} 无应答 / does not answer")


def _told(folder: DataFolder) -> Mapping[str, Any]:
    try:
        told = json.loads((folder.findings.parent / "node.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def gateways(folder: DataFolder, now: datetime, runs: bool) -> Iterator[Line]:
    """Say of each gateway process whether it lives, can write to disk, and reads every device's policy."""
    for name, status in read_statuses(folder).items():
        if status.get("state") == "stopped" or not runs:
            continue
        age = now - datetime.fromisoformat(status["at"])
        if age > STATUS_LASTS:
            yield Line(2, name, f"{age.total_seconds():.0f} 秒没有状态 / no status for so many seconds")
            continue
        if status.get("journal") != "ok":
            reason = status.get("journal_reason", "")
            yield Line(2, name, f"不能落盘，不应答 / cannot write to disk, acknowledges nothing: {reason}")
        else:
            yield Line(
                0,
                name,
                f"{status.get('devices_connected', 0)} 台设备 / devices, {status.get('connections', 0)} 个连接 / connections",
            )
        for mn, problem in sorted(status.get("policy_problems", {}).items()):
            yield Line(2, name, f"{mn}: {problem}")


def pipeline(status: Mapping[str, Any], now: datetime, behind_seconds: float) -> Line:
    """Say whether the pipeline lives and keeps up; `status` is its own, of a node that runs."""
    if not status:
        return Line(1, "pipeline", "没有状态 / no status yet")
    age = now - datetime.fromisoformat(status["at"])
    if age > STATUS_LASTS:
        return Line(2, "pipeline", f"{age.total_seconds():.0f} 秒没有状态 / no status for so many seconds")
    behind, frames = float(status.get("behind_seconds", 0)), int(status.get("behind_frames", 0))
    text = f"落后 {behind:.0f} 秒、{frames} 条报文 / {behind:.0f} s, {frames} frames behind"
    if status.get("chore_errors"):
        return Line(
            1, "pipeline", f"{text}；{status['chore_errors']} 次作业失败 / chores failed, see its log"
        )
    return Line(1 if behind > behind_seconds else 0, "pipeline", text)


def upper_platforms(folder: DataFolder, directory: Directory | None) -> Iterator[Line]:
    """Say of each enabled target how far it is behind, and why it cannot be reached."""
    for one in progress(folder, directory.targets) if directory is not None else ():
        if not one.enabled:
            continue
        text = f"{one.address} {one.journal}: 落后 {one.behind} 条 / frames behind"
        if one.given_up:
            text += f"；放弃 {one.given_up} 条 / given up"
        if one.state != "connected":
            text += f"；{one.reason or '未连接 / not connected'}"
        fine = one.state == "connected" and not one.given_up
        yield Line(0 if fine else 1, f"forwarding {one.target}", text)


def waiting(folder: DataFolder, now: datetime) -> Iterator[Line]:
    """Say what waits: frames for the ledger, samples that were dropped, and what a restored folder has not."""
    yield from _unanchored(folder, now)
    yield from _not_restored(folder)
    dropped = sum(one.dropped for one in stores.senders())
    if dropped:
        text = (
            f"{dropped} 条超出额度未留存（见隔离区） / beyond the quota, not kept: see Unregistered senders"
        )
        yield Line(1, "quarantine", text)


def findings(folder: DataFolder, now: datetime) -> Iterator[Line]:
    """Say how many findings wait for the worker; asks the people's database."""
    if folder.findings.exists():
        consumer = Consumer.objects.filter(name="alerts").first()
        left = stores.findings().read(consumer.position if consumer else 0, MOST_UNCONSUMED)
        known = [one.known_at for _position, one in left if one.known_at is not None]
        late = bool(known) and now - min(known) > WAITS_TOO_LONG
        more = "+" if len(left) == MOST_UNCONSUMED else ""
        yield Line(1 if late else 0, "findings", f"{len(left)}{more} 条待转为报警 / wait to become alerts")


def _unanchored(folder: DataFolder, now: datetime) -> Iterator[Line]:
    if not folder.anchored.exists():
        return
    anchored = AnchoredPositions(folder.anchored).read()
    for name in journals(folder.journal):
        position = anchored[name].sequence if name in anchored else 0
        with JournalReader(folder.journal / name) as reader:
            oldest = reader.read(position, 1)
            left = reader.waiting(position)
        late = bool(oldest) and now - oldest[0].received_at > WAITS_TOO_LONG
        yield Line(1 if late else 0, f"ledger {name}", f"{left} 条报文待入账 / frames wait for the ledger")


def _not_restored(folder: DataFolder) -> Iterator[Line]:
    """Name the frames that lake, ledger or an upper platform have and a restored journal has not."""
    for name in journals(folder.journal):
        with JournalReader(folder.journal / name) as reader:
            oldest = reader.first()
        for one in continuations(folder.journal / name):
            # Said until the frames before it, too, have left the journal.
            if one.known_up_to > one.readable_up_to and oldest < one.continues_at:
                text = f"{one.readable_up_to + 1}–{one.known_up_to} 未随备份恢复 / came after the backup, not restored"
                yield Line(1, f"journal {name}", text)


def database() -> Iterator[Line]:
    """Say whether the tables of the people's database are those of this program."""
    if text := schema.problem():
        yield Line(2, "tables", text)


def secrets(folder: DataFolder) -> Iterator[Line]:
    """Say what of the data folder others on this machine can read; passwords and keys of devices pass through it."""
    if not folder.root.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH):
        return
    held = [*folder.people.glob("*.secret"), folder.people / "first-logins.txt"]
    shared = sorted(one.name for one in held if one.is_file() and one.stat().st_mode & stat.S_IROTH)
    if shared:
        yield Line(2, "files", f"人人可读 / readable by everybody: {', '.join(shared)}")
    text = f"本机其他用户可进入 {folder.root}：chmod o-rwx / others on this machine can enter it: chmod o-rwx"
    yield Line(1, "files", text)


def certificate(configuration: Configuration, now: datetime) -> Iterator[Line]:
    """Say how long the certificate of pages and gateway holds."""
    if not configuration.tls_certificate:
        return
    try:
        held = x509.load_pem_x509_certificate(Path(configuration.tls_certificate).read_bytes())
        if not Path(configuration.tls_key).is_file():
            raise FileNotFoundError(configuration.tls_key)
    except (OSError, ValueError) as error:
        yield Line(2, "certificate", f"无法读取 / cannot be read: {error}")
        return
    until = held.not_valid_after_utc
    text = f"有效至 / valid until {until:%Y-%m-%d}"
    yield Line(2 if until <= now else 1 if until - now < CERTIFICATE_SOON else 0, "certificate", text)

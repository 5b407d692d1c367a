"""What `qingjian status` and `qingjian doctor` say about a node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from qingjian.apps.accounts.models import Post, User
from qingjian.apps.accounts.roles import ADMINISTRATORS
from qingjian.apps.network import services as network
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.apps.records import queries as records
from qingjian.contracts.current import now
from qingjian.contracts.folders import DataFolder
from qingjian.desk.ledger.checking import OVERDUE
from qingjian.desk.ledger.opening import opened
from qingjian.ledger.errors import LedgerError
from qingjian.notary.errors import NotaryError
from qingjian.site import watching
from qingjian.site.watching import Line
from qingjian.supervisor.lock import AlreadyRunningError, FolderLock

LITTLE_SPACE = 5 * 1024**3
BEHIND_SECONDS = 60


def running(folder: DataFolder) -> str:
    """Return the process id that holds the data folder, or an empty text."""
    if not folder.lock.exists():
        return ""
    try:
        with FolderLock(folder.lock):
            return ""
    except AlreadyRunningError:
        return folder.lock.read_text().strip()


def pipeline(folder: DataFolder) -> dict[str, Any]:
    """Return the pipeline's own status."""
    path = folder.findings.parent / "pipeline.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def status(folder: DataFolder) -> dict[str, Any]:
    """Return what runs and how far it is."""
    presence = stores.presence().read() if folder.presence.exists() else []
    directory = network.directory_store().current()
    lake = stores.lake()
    return {
        "running": running(folder),
        "profile": settings.CONFIGURATION.profile,
        "directory_version": directory.version if directory else 0,
        "devices_registered": len(directory.devices) if directory else 0,
        "devices_online": sum(one.online for one in presence),
        "pipeline": pipeline(folder),
        "lake_known_until": lake.known_until() if (folder.lake / "format").exists() else None,
        "alerts_open": Alert.objects.exclude(state=Alert.State.CLOSED).filter(synthetic=False).count(),
    }


def doctor(folder: DataFolder) -> list[Line]:
    """Return effective settings and everything that deserves a look."""
    lines = [
        Line(0, f"setting {name}", f"{_shown(name, getattr(settings.CONFIGURATION, name))}  ({origin})")
        for name, origin in settings.EFFECTIVE.origins.items()
    ]
    lines.append(_database())
    lines.extend(watching.database())
    lines.append(_space(folder.root))
    lines.extend(watching.secrets(folder))
    lines.extend(_administrators())
    lines.extend(_running(folder))
    lines.extend(watching.upper_platforms(folder, network.directory_store().current()))
    lines.extend(watching.waiting(folder, now()))
    lines.append(_heartbeat())
    lines.extend(_ledger(folder))
    lines.extend(_exposure())
    lines.extend(watching.certificate(settings.CONFIGURATION, now()))
    return lines


def _shown(name: str, value: Any) -> Any:
    return "…" if name == "database" and "@" in str(value) else value


def _database() -> Line:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return Line(2, "database", f"无法连接 / not reachable: {error}")
    return Line(0, "database", connection.vendor)


def _space(root: Path) -> Line:
    free = shutil.disk_usage(root).free
    text = f"{free / 1024**3:.1f} GiB 可用 / free"
    return Line(2 if free < LITTLE_SPACE else 0, "disk", text)


def _administrators() -> list[Line]:
    lines = []
    for role in sorted(ADMINISTRATORS):
        held = Post.objects.filter(role=role, valid_to=None, user__is_active=True).count()
        lines.append(
            Line(
                0 if held else 2, role, f"{held} 人 / people" if held else "无人担任 / nobody holds this post"
            )
        )
    without = (
        User.objects.filter(is_active=True, second_factor__confirmed_at=None, posts__role__in=ADMINISTRATORS)
        .filter(posts__valid_to=None)
        .distinct()
        .count()
    )
    if without:
        lines.append(
            Line(
                1,
                "second factor",
                f"{without} 名管理员未启用第二因素 / administrators without a second factor",
            )
        )
    first = User.objects.filter(must_change_password=True, is_active=True).count()
    if first:
        lines.append(
            Line(
                1, "first passwords", f"{first} 个账号仍用初始口令 / accounts still have their first password"
            )
        )
    return lines


def _running(folder: DataFolder) -> list[Line]:
    holder = running(folder)
    if not holder:
        lines = [Line(1, "services", "未运行 / not running")]
    else:
        lines = [
            Line(0, "services", f"pid {holder}"),
            watching.pipeline(pipeline(folder), now(), BEHIND_SECONDS),
        ]
    lines.extend(watching.gateways(folder, now(), bool(holder)))
    lines.extend(watching.ports(folder, settings.CONFIGURATION))
    return lines


def _ledger(folder: DataFolder) -> list[Line]:
    if not (folder.ledger / "state.sqlite3").exists():
        return [Line(1, "ledger", "尚未建立 / not created yet")]
    try:
        with opened() as notary:
            shard, frozen = notary.state.shards()[-1], notary.frozen
    except (NotaryError, LedgerError, OSError) as error:
        return [Line(2, "ledger", str(error)), _ledger_check()]
    if frozen:
        first = Line(2, "ledger", f"{shard.name}: 停止签名 / does not sign: {frozen}")
    else:
        first = Line(0, "ledger", f"{shard.name}: {shard.size} 条 / entries")
    return [first, _ledger_check(), *_outside()]


def _ledger_check() -> Line:
    if settings.DATA_FOLDER.restored.exists():
        text = "从备份恢复后尚未与账本比对 / restored from a backup and not compared with the ledger since"
        return Line(2, "ledger check", text)
    last = records.last_check()
    if last is None:
        return Line(0, "ledger check", "尚未核对，每晚一次 / not yet; it runs every night")
    if last.problems:
        return Line(2, "ledger check", f"{last.at:%Y-%m-%d %H:%M} {'; '.join(last.problems[:3])}")
    overdue = now() - last.at > OVERDUE
    text = f"{last.at:%Y-%m-%d %H:%M} {last.entries} 条、{last.batches} 批、{last.days} 个封存日，无问题 / entries, batches, sealed days, no problem"
    return Line(1 if overdue else 0, "ledger check", text)


def _outside() -> list[Line]:
    configuration = settings.CONFIGURATION
    if configuration.ledger_witnesses or configuration.ledger_mirror or configuration.demo:
        return []
    text = "无见证方与镜像，账本可被整体改写 / no witness and no mirror: the operator could rewrite the whole ledger"
    return [Line(1, "ledger witnesses", text)]


def _heartbeat() -> Line:
    last = observing.last_heartbeat()
    if last is None:
        return Line(1, "alerting", "尚未自检 / has not tested itself yet")
    if observing.heartbeat_overdue(now()):
        return Line(2, "alerting", f"自检未通过 / self-test failed: {last.sent_at:%Y-%m-%d %H:%M}")
    return Line(0, "alerting", f"自检 / self-test {last.sent_at:%Y-%m-%d %H:%M}")


def _exposure() -> list[Line]:
    configuration = settings.CONFIGURATION
    local = configuration.web_host in ("127.0.0.1", "localhost", "::1")
    lines = []
    if (
        not local
        and not configuration.tls_certificate
        and not configuration.public_address.startswith("https")
    ):
        lines.append(
            Line(
                2,
                "web",
                "网页无加密且对外监听：设置 tls_certificate 或置于反向代理之后 / pages are served to the network without TLS: set tls_certificate or use a reverse proxy",
            )
        )
    if configuration.demo and not local:
        lines.append(Line(1, "demo", "演示数据对外可见 / demonstration data are visible from outside"))
    return lines

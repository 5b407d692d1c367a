"""What `qingjian status` and `qingjian doctor` say about a node."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from qingjian.apps.accounts.models import Post, User
from qingjian.apps.accounts.roles import ADMINISTRATORS
from qingjian.apps.evaluation import queries as evaluation
from qingjian.apps.network import services as network
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.apps.records import queries as records
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.folders import DataFolder
from qingjian.desk.ledger.checking import OVERDUE
from qingjian.desk.ledger.opening import opened
from qingjian.ledger.errors import LedgerError
from qingjian.notary import attendance, configured
from qingjian.notary.errors import NotaryError
from qingjian.site import watching
from qingjian.site.watching import Line
from qingjian.supervisor.lock import holder

LITTLE_SPACE = 5 * 1024**3
BEHIND_SECONDS = 60


def pipeline(folder: DataFolder) -> dict[str, Any]:
    """Return the pipeline's own status."""
    path = folder.findings.parent / "pipeline.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def status(folder: DataFolder) -> dict[str, Any]:
    """Return what runs and how far it is; what the people's database knows only where its tables are this program's."""
    presence = stores.presence().read() if folder.presence.exists() else []
    directory = network.directory_store().current()
    lake = stores.lake()
    trouble = next((one.text for one in _tables() if one.level), "")
    found = {
        "running": holder(folder.lock),
        "profile": settings.CONFIGURATION.profile,
        "directory_version": directory.version if directory else 0,
        "devices_registered": sum(not one.synthetic for one in directory.devices) if directory else 0,
        "devices_online": sum(one.online for one in presence),
        "pipeline": pipeline(folder),
        "lake_known_until": lake.known_until() if (folder.lake / "format").exists() else None,
        "tables": trouble or "ok",
    }
    if not trouble:
        test = observing.self_test(now())
        waiting = Alert.objects.exclude(state=Alert.State.CLOSED).filter(synthetic=False, merged_into=None)
        found |= {
            "alerts_open": waiting.count(),
            "alerting": test.state,
            "alerting_proved_at": test.proved_at,
        }
    return found


def summary(folder: DataFolder, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what `status` found in words, in Chinese and English."""
    known = facts["lake_known_until"]
    told = facts["pipeline"]
    runs = bool(facts["running"])
    lines = [
        ("运行 / running", f"pid {facts['running']}" if runs else "未运行 / no"),
        ("部署 / profile", facts["profile"]),
        ("名录版本 / directory version", str(facts["directory_version"])),
        ("登记设备 / devices registered", str(facts["devices_registered"])),
        ("在线设备 / devices online", str(facts["devices_online"])),
        (
            "数据处理 / pipeline",
            watching.pipeline(told, now(), BEHIND_SECONDS).text if runs else "已停止 / stopped",
        ),
        ("已收报文 / frames read", str(told.get("frames", 0))),
        ("未补缺数 / open gaps", str(told.get("open_gaps", 0))),
        ("数据湖已知至 / lake known until", _minute(known)),
    ]
    if facts["tables"] != "ok":
        return [*lines, ("数据表 / tables", facts["tables"])]
    return [
        *lines,
        ("未关闭报警 / open alerts", str(facts["alerts_open"])),
        ("报警自检 / alerting", _heartbeat().text),
    ]


def doctor(folder: DataFolder) -> list[Line]:
    """Return effective settings and everything that deserves a look."""
    tables = _tables()
    lines = [
        Line(0, f"setting {name}", f"{_shown(name, getattr(settings.CONFIGURATION, name))}  ({origin})")
        for name, origin in settings.EFFECTIVE.origins.items()
    ]
    lines.extend(tables)
    lines.append(_space(folder.root))
    lines.extend(watching.secrets(folder))
    lines.extend(_running(folder))
    lines.extend(watching.upper_platforms(folder, network.directory_store().current()))
    lines.extend(watching.waiting(folder, now()))
    if all(one.level == 0 for one in tables):
        # Nothing of this can be asked of a database that is away, or of tables this program does not know.
        lines.extend(_administrators())
        lines.extend(watching.findings(folder, now()))
        lines.extend(_evaluation())
        lines.append(_heartbeat())
        lines.extend(_ledger(folder))
    lines.extend(_exposure())
    lines.extend(watching.certificate(settings.CONFIGURATION, now()))
    return lines


def _shown(name: str, value: Any) -> Any:
    return "…" if name == "database" and "@" in str(value) else value


def _tables() -> list[Line]:
    """Say whether the people's database can be reached, and whether its tables are those of this program."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return [Line(2, "database", f"无法连接 / not reachable: {error}".strip())]
    return [Line(0, "database", connection.vendor), *watching.database()]


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
    held_by = holder(folder.lock)
    if not held_by:
        lines = [Line(1, "services", "未运行 / not running")]
    else:
        lines = [
            Line(0, "services", f"pid {held_by}"),
            watching.pipeline(pipeline(folder), now(), BEHIND_SECONDS),
        ]
    lines.extend(watching.gateways(folder, now(), bool(held_by)))
    lines.extend(watching.ports(folder, settings.CONFIGURATION))
    return lines


def _evaluation() -> list[Line]:
    """Say what an error stopped in the evaluation: a single point, or a whole step."""
    failures = evaluation.failures()
    if not failures:
        return [Line(0, "evaluation", "无出错 / nothing failed")]
    newest = failures[0]
    text = f"{len(failures)} 处出错，见“评价出错” / failed, see the page of failed evaluations: {newest}: {newest.error}"
    return [Line(2 if any(one.point_id is None for one in failures) else 1, "evaluation", text[:300])]


def _ledger(folder: DataFolder) -> list[Line]:
    if not (folder.ledger / "state.sqlite3").exists():
        return [Line(1, "ledger", "尚未建立 / not created yet")]
    try:
        with opened() as notary:
            shard, frozen, word = notary.state.shards()[-1], notary.frozen, attendance.said(notary)
    except (NotaryError, LedgerError, OSError) as error:
        return [Line(2, "ledger", str(error)), _ledger_check()]
    if frozen:
        first = Line(2, "ledger", f"{shard.name}: 停止签名 / does not sign: {frozen}")
    else:
        first = Line(0, "ledger", f"{shard.name}: {shard.size} 条 / entries")
    return [first, _ledger_check(), *_outside(word)]


def _ledger_check() -> Line:
    if settings.DATA_FOLDER.restored.exists():
        text = "从备份恢复后尚未与账本比对 / restored from a backup and not compared with the ledger since"
        return Line(2, "ledger check", text)
    last = records.last_check()
    if last is None:
        return Line(0, "ledger check", "尚未核对，每晚一次 / not yet; it runs every night")
    if last.problems:
        return Line(2, "ledger check", f"{_minute(last.at)} {'; '.join(last.problems[:3])}")
    overdue = now() - last.at > OVERDUE
    text = f"{_minute(last.at)} {last.entries} 条、{last.batches} 批、{last.days} 个封存日，无问题 / entries, batches, sealed days, no problem"
    return Line(1 if overdue else 0, "ledger check", text)


def _outside(word: dict[str, Any]) -> list[Line]:
    """Whether somebody outside keeps the ledger: those who should and do not are named."""
    configuration = settings.CONFIGURATION
    names = configured.witness_names(configuration.ledger_witnesses)
    if found := attendance.warnings(word, names, now()):
        return [Line(1, "ledger witnesses", text) for text in found]
    if configuration.ledger_witnesses or configuration.ledger_mirror or configuration.demo:
        return []
    text = "无见证方与镜像，账本可被整体改写 / no witness and no mirror: the operator could rewrite the whole ledger"
    return [Line(1, "ledger witnesses", text)]


def _heartbeat() -> Line:
    found = observing.self_test(now())
    sent, proved = _minute(found.sent_at), _minute(found.proved_at)
    level, text = {
        "missing": (
            2,
            "未登记自检设备，重新启动节点即可登记 / no synthetic device: restart the node, it registers one",
        ),
        "failed": (2, f"自检未通过 / self-test failed: {sent}；上次通过 / last passed {proved}"),
        "overdue": (2, f"超过 36 小时未通过自检 / no self-test passed for 36 hours: {proved}"),
        "waiting": (1, "尚未自检 / has not tested itself yet"),
        "running": (0, f"自检进行中 / self-test running: {sent}；上次通过 / last passed {proved}"),
        "proved": (0, f"自检通过 / self-test passed {proved}"),
    }[found.state]
    return Line(level, "alerting", f"{text} {found.device}".strip())


def _minute(moment: datetime | None) -> str:
    return "—" if moment is None else f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}"


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

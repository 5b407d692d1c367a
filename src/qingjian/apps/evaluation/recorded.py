"""What of entering measurements and of air events goes into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.evaluation.models import AirEvent, EnteredFile
from qingjian.apps.records import kinds
from qingjian.contracts.current import now
from qingjian.intake import KeptFiles
from qingjian.intake.source import file_digest

HASHED_AGAIN = timedelta(days=31)
"""Kept files that came since then are hashed again each night; older ones whenever a bundle needs them."""


def file_imported(row: EnteredFile) -> dict[str, Any]:
    return {
        **named("actor", row.author),
        "digest": row.digest,
        "name": row.name,
        "statistic": row.statistic,
        "rows": row.rows,
        "left_out": row.left_out,
        "series": row.series,
        "at": row.at.isoformat(),
        **({"attempt": row.attempt} if row.attempt > 1 else {}),
        **({"options": row.options} if row.options else {}),
    }


def _reread(identifier: str) -> dict[str, Any] | None:
    digest, _mark, attempt = identifier.partition("#")
    rows = EnteredFile.objects.select_related("author")
    row = rows.filter(digest=digest, attempt=int(attempt or 1)).first()
    return file_imported(row) if row else None


def _made() -> list[str]:
    return [one.identifier for one in EnteredFile.objects.only("digest", "attempt").order_by("pk")]


def differences() -> Iterator[str]:
    """Return a sentence for each imported file that nobody entered, and each kept file that is gone or another one."""
    kept = KeptFiles(settings.DATA_FOLDER.intake)
    known = set(EnteredFile.objects.values_list("digest", flat=True))
    for result in kept.results():
        if result.digest not in known:
            yield f"数据文件 {result.digest}：没有入账记录 / was not imported through the program"
    recent = EnteredFile.objects.filter(at__gte=now() - HASHED_AGAIN)
    for row in recent.order_by("pk").iterator(chunk_size=500):
        path = kept.path(row.digest)
        if not path.is_file():
            yield f"数据文件 {row.name}：原文件已不存在 / the kept file is gone"
        elif file_digest(path) != row.digest:
            yield f"数据文件 {row.name}：原文件被改动 / the kept file was changed"


kinds.register(
    "file.imported",
    _("File of measurements imported"),
    "数据文件导入",
    {"actor", "digest", "name", "rows", "series"},
    _reread,
    _made,
)
kinds.register_comparison("files", differences)


def event_decided(row: AirEvent) -> dict[str, Any]:
    """Return a decision; what is revoked later was approved here."""
    approved = row.state in (AirEvent.State.APPROVED, AirEvent.State.REVOKED)
    return {
        **named("actor", row.decided_by),
        "region": row.region.code,
        "event": row.kind,
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "pollutants": row.pollutants,
        "approval": row.approval,
        "evidence": row.evidence_digest,
        "decision": str(AirEvent.State.APPROVED) if approved else str(row.state),
        "effect": row.effect,
    }


def event_revoked(row: AirEvent) -> dict[str, Any]:
    return {
        **named("actor", row.revoked_by),
        "region": row.region.code,
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "reason": row.revocation,
    }


def _reread_event(identifier: str) -> dict[str, Any] | None:
    row = AirEvent.objects.select_related("decided_by", "region").filter(pk=identifier).first()
    return event_decided(row) if row and row.decided_by_id else None


def _reread_revoked(identifier: str) -> dict[str, Any] | None:
    row = AirEvent.objects.select_related("revoked_by", "region").filter(pk=identifier).first()
    return event_revoked(row) if row and row.revoked_by_id else None


def _made_events() -> list[str]:
    return [str(pk) for pk in AirEvent.objects.exclude(decided_by=None).values_list("pk", flat=True)]


def _made_revoked() -> list[str]:
    return [str(pk) for pk in AirEvent.objects.exclude(revoked_by=None).values_list("pk", flat=True)]


kinds.register(
    "air_event.decided",
    _("Air event decided"),
    "空气质量事件审批",
    {"actor", "decision", "effect"},
    _reread_event,
    _made_events,
)
kinds.register(
    "air_event.revoked",
    _("Air event revoked"),
    "空气质量事件撤销",
    {"actor", "reason"},
    _reread_revoked,
    _made_revoked,
)

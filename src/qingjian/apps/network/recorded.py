"""What of the registry goes into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.network.models import ChangeRequest, Version
from qingjian.apps.records import kinds
from qingjian.apps.records import queries as records
from qingjian.contracts.directory import FileDirectoryStore

PUBLISHED = "directory.published"
SECRET = ("password", "sm4_key_hex")
"""Fields whose values never go into evidence; that they were set is said."""


def change_decided(request: ChangeRequest) -> dict[str, Any]:
    """Return a decided request with all its rows, access passwords left out."""
    return {
        **named("actor", request.decided_by),
        **named("proposed_by", request.author),
        "reason": request.reason,
        "comment": request.comment,
        "rows": [
            {"kind": line.kind, "key": line.key, "before": _open(line.before), "after": _open(line.after)}
            for line in request.lines.all()
        ],
    }


def installed(version: Version) -> dict[str, Any]:
    """Return a row written without a request: by the installer, or after a device accepted a new password or key."""
    return {
        **named("actor", None),
        "kind": version.kind,
        "key": version.key,
        "fields": _open(version.fields),
    }


def concerns(content: dict[str, Any], subjects: set[str]) -> bool:
    """Say whether a decided change has a row about one of some points, devices, instruments or series."""
    names = ("point", "device", "instrument", "series")
    return any(
        row["key"] in subjects or any((row["after"] or {}).get(name) in subjects for name in names)
        for row in content["rows"]
    )


def _open(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {name: "***" if name in SECRET and value else value for name, value in fields.items()}


def _reread(state: str) -> Any:
    def reread(identifier: str) -> dict[str, Any] | None:
        request = ChangeRequest.objects.filter(pk=identifier, state=state).first()
        return change_decided(request) if request else None

    return reread


def _made(state: str) -> Any:
    def made() -> list[str]:
        return [str(pk) for pk in ChangeRequest.objects.filter(state=state).values_list("pk", flat=True)]

    return made


def _reread_installed(identifier: str) -> dict[str, Any] | None:
    version = Version.objects.filter(pk=identifier, change=None).first()
    return installed(version) if version else None


def _made_installed() -> list[str]:
    return [str(pk) for pk in Version.objects.filter(change=None).values_list("pk", flat=True)]


def published(version: int) -> dict[str, Any]:
    """Return a published directory: what gateway and pipeline go by is the file, so the file's digest counts."""
    return {**named("actor", None), "version": version, "sha256": _store().digest(version)}


def _store() -> FileDirectoryStore:
    return FileDirectoryStore(settings.DATA_FOLDER.directory)


def _reread_published(identifier: str) -> dict[str, Any] | None:
    digest = _store().digest(int(identifier))
    return None if digest is None else {"sha256": digest}


def _directory_in_use() -> Iterator[str]:
    """Return a sentence when the services use another directory than the one that was published last."""
    newest = records.events_of(PUBLISHED).order_by("-id").first()
    if newest is not None and (pointer := _store().pointer()) != newest.identifier:
        yield (
            f"名录：使用的是第 {pointer or '无'} 版，最近发布的是第 {newest.identifier} 版 / "
            "the directory in use is not the one published last"
        )


kinds.register(
    PUBLISHED,
    _("Directory published"),
    "名录发布",
    {"actor", "version", "sha256"},
    _reread_published,
)
kinds.register_comparison("directory", _directory_in_use)
kinds.register(
    "registry.installed",
    _("Registry row installed"),
    "登记初装",
    {"actor", "kind", "key", "fields"},
    _reread_installed,
    _made_installed,
)
kinds.register(
    "registry.approved",
    _("Registry change approved"),
    "登记变更批准",
    {"actor", "reason", "rows"},
    _reread(ChangeRequest.State.APPROVED),
    _made(ChangeRequest.State.APPROVED),
)
kinds.register(
    "registry.rejected",
    _("Registry change rejected"),
    "登记变更驳回",
    {"actor", "reason", "rows"},
    _reread(ChangeRequest.State.REJECTED),
    _made(ChangeRequest.State.REJECTED),
)

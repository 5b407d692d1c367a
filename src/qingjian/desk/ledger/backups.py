"""Backups in the ledger: the digest of each manifest is entered, and the newest is compared with it every night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import INSTALLER
from qingjian.apps.records import kinds, services
from qingjian.apps.records import queries as records
from qingjian.contracts.manifest import MANIFEST, BackupError, Summary, digest_of, verify

KIND = "backup.made"


def enter(target: Path, summary: Summary) -> None:
    """Enter a backup that was just made; whoever runs the program on the machine made it."""
    place = str(target.resolve())
    content = {
        "actor": INSTALLER,
        "folder": place,
        "manifest": digest_of(target / MANIFEST),
        "files": summary.files,
        "bytes": summary.bytes,
    }
    with transaction.atomic():
        services.commit(KIND, f"{place}"[-120:], content)


def differences() -> Iterator[str]:
    """Return a sentence when the newest backup that can be reached is not the one that was made.

    A folder that is not there now (an unplugged disk, another machine) says nothing.
    """
    for event in records.events_of(KIND).order_by("-id")[:20]:
        if not records.holds(event):
            continue  # named among the events already
        said = records.content(event)
        folder = Path(said["folder"])
        if not folder.is_dir():
            continue
        if not (folder / MANIFEST).is_file() or digest_of(folder / MANIFEST) != said["manifest"]:
            yield f"备份 {folder}：清单不是入账时的清单 / the manifest is not the one that was entered"
            return
        try:
            verify(folder)
        except (BackupError, OSError) as error:
            yield f"备份 {folder}：{error}"
        return


def _reread(_identifier: str) -> dict[str, object]:
    """The backup itself lies elsewhere; the event is the record, and `differences` looks at the folder."""
    return {}


kinds.register(KIND, _("Backup made"), "备份", {"actor", "folder", "manifest"}, _reread)
kinds.register_comparison("backups", differences)

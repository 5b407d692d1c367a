"""The manifest of a backup: every file with its digest, and the check of a backup against it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1


class BackupError(RuntimeError):
    """A backup that cannot be made, or one that cannot be trusted."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds."""

    files: int
    bytes: int


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def verify(backup: Path) -> Summary:
    """Check every file against the manifest; BackupError names the first that differs, lacks or is too many."""
    try:
        manifest = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackupError(f"没有可用的清单 / no usable manifest in {backup}: {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(
            f"备份格式 {manifest.get('format')} 未知 / backup format is not known to this version"
        )
    files: dict[str, dict[str, object]] = manifest["files"]
    present = {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()} - {
        MANIFEST
    }
    for name in sorted(present ^ set(files)):
        raise BackupError(f"文件缺失或多余 / file missing or not in the manifest: {name}")
    for name, entry in files.items():
        if digest_of(backup / name) != entry["sha256"]:
            raise BackupError(f"文件被改动 / file differs from the manifest: {name}")
    return Summary(len(files), sum(int(str(entry["size"])) for entry in files.values()))

"""Checks an uploaded evidence bundle with the same program that is handed out; nothing of it is kept."""

from __future__ import annotations

import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from qingjian.notary import verify
from qingjian.portal import queries

MOST_BYTES = 40 * 1024**2
MOST_INSIDE = 150 * 1024**2
MOST_FILES = 5_000
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found; `code` is the exit code of verify.py under the keys of this office's logs."""

    name: str
    code: int
    verdict: str
    held: list[dict[str, str]]
    failures: list[dict[str, str]]


def check(upload: UploadedFile[Any]) -> Report:
    """Check a bundle under the keys of this office's own logs; ValidationError says what is not accepted."""
    if (upload.size or 0) > MOST_BYTES:
        raise ValidationError(
            _("The bundle is larger than %(size)d MB. Check it with verify.py on your own machine.")
            % {"size": MOST_BYTES // 1024**2}
        )
    # A check takes a processor for some seconds: whoever comes meanwhile is asked to come again.
    if not _one_at_a_time.acquire(blocking=False):
        raise ValidationError(_("Another bundle is being checked. Try again in a minute."))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bundle.zip"
            with path.open("wb") as handle:
                for chunk in upload.chunks():
                    handle.write(chunk)
            _require_small(path)
            code, report = verify.verify(path, queries.own_policy())
    finally:
        _one_at_a_time.release()
    return Report(upload.name or "", code, report["verdict"], report["held"], report["failures"])


def _require_small(path: Path) -> None:
    """Refuse what is no zip, and a zip that would unpack into far more than it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValidationError(_("This is not an evidence bundle: it is no zip file.")) from error
    if len(inside) > MOST_FILES or sum(one.file_size for one in inside) > MOST_INSIDE:
        raise ValidationError(
            _("The bundle holds too much for this page. Check it with verify.py on your own machine.")
        )

"""Files by digest: checked by content, written durably, never changed and never deleted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from qingjian.apps.matters import contents
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import StoredFile
from qingjian.contracts.current import now
from qingjian.contracts.folders import sync_folder

CHUNK = 1024 * 1024
DRAWING_LIMIT = 200_000


def path_of(digest: str) -> Path:
    """Return where the content with this digest lies."""
    return settings.DATA_FOLDER.uploads / digest[:2] / digest


def digest_of(digest: str) -> str:
    """Return the digest of what is stored under a digest; "" when it is gone."""
    try:
        with path_of(digest).open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return ""


def store(upload: IO[bytes], name: str) -> tuple[StoredFile, contents.Inside]:
    """Check and keep a file; return its row and what its content says of itself. Raises RefusedError("file").

    Does disk work: call it outside a transaction.
    """
    folder = settings.DATA_FOLDER.uploads
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    part = folder / f".{os.getpid()}-{id(upload)}.part"
    try:
        with part.open("wb") as handle:
            while chunk := upload.read(CHUNK):
                size += len(chunk)
                if size > contents.LARGEST:
                    raise RefusedError(
                        "file",
                        _("The file is larger than %(size)d MB.") % {"size": contents.LARGEST // 1024**2},
                    )
                digest.update(chunk)
                handle.write(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        inside = contents.inspect(part, name, size)
        target = path_of(digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            part.chmod(0o440)
            part.replace(target)
            sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
    row, _created = StoredFile.objects.get_or_create(
        digest=digest.hexdigest(),
        defaults={"size": size, "media_type": inside.media_type, "stored_at": now()},
    )
    return row, inside


def store_bytes(content: bytes, name: str) -> StoredFile:
    """Keep content made by the platform itself, through the same checks."""
    return store(io.BytesIO(content), name)[0]


def read(file: StoredFile) -> bytes:
    """Return the content. Raises RefusedError when it does not match its digest any more."""
    content = path_of(file.digest).read_bytes()
    if hashlib.sha256(content).hexdigest() != file.digest:
        raise RefusedError(
            "file", _("The stored file does not match its digest. Tell the system administrator.")
        )
    return content


def store_drawing(address: str) -> StoredFile:
    """Keep a signature drawn on the screen, given as a PNG data address."""
    prefix = "data:image/png;base64,"
    if not address.startswith(prefix) or len(address) > DRAWING_LIMIT:
        raise RefusedError("signature", _("The drawn signature is missing."))
    try:
        content = base64.b64decode(address[len(prefix) :], validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            picture.load()
            drawn = _is_drawn(picture)
    except (
        binascii.Error,
        UnidentifiedImageError,
        OSError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise RefusedError("signature", _("The drawn signature cannot be read.")) from error
    if not drawn:
        raise RefusedError("signature", _("The drawn signature is empty."))
    return store_bytes(content, "signature.png")


def _is_drawn(picture: Any) -> bool:
    low, high = picture.convert("RGBA").convert("LA").getchannel("A").getextrema()
    if low != high:
        return True
    low, high = picture.convert("L").getextrema()
    return low != high

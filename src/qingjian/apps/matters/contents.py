"""What a file really is: its type by its first bytes and structure, and what photos and videos say of themselves."""

from __future__ import annotations

import re
import struct
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from PIL import ExifTags, Image, UnidentifiedImageError

from qingjian.apps.matters import films, heif, sounds
from qingjian.apps.matters.errors import RefusedError
from qingjian.contracts.clock import CHINA

LARGEST = 500 * 1024**2
MOST_PIXELS = 100_000_000
UNPACKED_LIMIT = 300 * 1024**2
"""An Office file that unpacks to more is refused: it is a bomb or no form."""
TEXT_LIMIT = 50 * 1024**2

OFFICE = {
    "word/document.xml": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xl/workbook.xml": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "ppt/presentation.xml": (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
}
TEXTS = {"txt": "text/plain", "csv": "text/csv", "log": "text/plain", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Inside:
    """Type found in the content; time, place and device if the file carries them."""

    media_type: str
    taken_at: datetime | None = None
    longitude: float | None = None
    latitude: float | None = None
    device: str = ""

    def as_data(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "longitude": self.longitude,
            "latitude": self.latitude,
            "device": self.device,
        }


def inspect(path: Path, name: str, size: int) -> Inside:
    """Return what the file is. Raises RefusedError("file") when name and content disagree or the type is not allowed."""
    ending = Path(name).suffix.lower().removeprefix(".")
    if size == 0:
        raise RefusedError("file", _("The file is empty."))
    with path.open("rb") as handle:
        head = handle.read(4096)
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    ):
        return _picture(path, ending)
    if head.startswith(b"%PDF-"):
        if not _ends_as_pdf(path, size):
            raise RefusedError("file", _("The file is damaged."))
        return Inside(_agree("application/pdf", ending, ("pdf",)))
    if head[4:8] == b"ftyp":
        return _film(path, head, ending)
    if head.startswith(b"PK\x03\x04"):
        return Inside(_office(path, ending))
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _checked(sounds.is_wave(path), "audio/wav", ending, ("wav",))
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _checked(sounds.is_avi(path), "video/x-msvideo", ending, ("avi",))
    if head.startswith(b"ID3") or (len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE6)):
        return _checked(sounds.is_mpeg_audio(path), "audio/mpeg", ending, ("mp3",))
    if ending in TEXTS and size <= TEXT_LIMIT and _is_text(path):
        return Inside(TEXTS[ending])
    raise RefusedError(
        "file",
        _("The content of “%(name)s” is of no type that is accepted, or not what its name says.")
        % {"name": name[:80]},
    )


def _checked(sound: bool, media_type: str, ending: str, endings: tuple[str, ...]) -> Inside:
    media_type = _agree(media_type, ending, endings)
    if not sound:
        raise RefusedError("file", _("The recording is damaged or no recording."))
    return Inside(media_type)


def _ends_as_pdf(path: Path, size: int) -> bool:
    """Say whether the end of a PDF is there: the mark stands in its last 1,024 bytes."""
    with path.open("rb") as handle:
        handle.seek(max(size - 1024, 0))
        return b"%%EOF" in handle.read()


def _agree(media_type: str, ending: str, endings: tuple[str, ...]) -> str:
    if ending not in endings:
        raise RefusedError(
            "file",
            _("The name ends in “.%(ending)s” but the content is %(type)s: fake types are refused.")
            % {"ending": ending, "type": media_type},
        )
    return media_type


def _is_text(path: Path) -> bool:
    content = path.read_bytes()
    if b"\x00" in content:
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _picture(path: Path, ending: str) -> Inside:
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as picture:
            picture.verify()
        # Verifying uses the picture up; reading what it says of itself needs it opened again.
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise RefusedError("file", _("The picture has too many pixels."))
            kind = picture.format
            said = _of_exif(picture.getexif())
            if kind != "PNG":
                # Only reading a JPEG or WebP to its end shows that it was cut; an eighth of its size is enough for that.
                picture.draft("L", (1, 1))
                picture.load()
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise RefusedError("file", _("The picture is damaged or no picture.")) from error
    media_type = _agree(
        # Phones keep a second picture behind the first (MPO): a JPEG like any other.
        {"PNG": "image/png", "WEBP": "image/webp"}.get(kind, "image/jpeg"),
        ending,
        {"PNG": ("png",), "WEBP": ("webp",)}.get(kind, ("jpg", "jpeg")),
    )
    return Inside(media_type, *said)


Said = tuple[datetime | None, float | None, float | None, str]
"""Time, longitude, latitude and device."""


def _of_exif(exif: Image.Exif) -> Said:
    """Return what a photo says of itself; what is not understood counts as not said."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    device = " ".join(
        str(exif.get(tag, "")).strip("\x00 ") for tag in (ExifTags.Base.Make, ExifTags.Base.Model)
    ).strip()
    taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    offset = details.get(ExifTags.Base.OffsetTimeOriginal)
    return _exif_time(taken, offset), _degrees(place, 4, 3), _degrees(place, 2, 1), device[:120]


def _phone_photo(path: Path, ending: str) -> Inside:
    """Take a photo in HEIF as it is: no page can show it, but it is evidence like any other."""
    content = heif.read(path)
    if content is None:
        raise RefusedError("file", _("The picture is damaged or no picture."))
    said: Said = (None, None, None, "")
    if content:
        exif = Image.Exif()
        # A photo whose Exif data are damaged is still a photo.
        with suppress(OSError, ValueError, SyntaxError, TypeError, struct.error, KeyError, IndexError):
            exif.load(b"Exif\x00\x00" + content)
            said = _of_exif(exif)
    return Inside(_agree("image/heic", ending, ("heic", "heif", "hif")), *said)


def _exif_time(text: Any, offset: Any) -> datetime | None:
    try:
        moment = datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None
    if offset:
        try:
            return datetime.strptime(f"{moment:%Y-%m-%d %H:%M:%S} {offset}", "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            pass
    # Cameras without a zone are taken to show China time, as everything the office handles does.
    return moment.replace(tzinfo=CHINA)


def _degrees(place: Any, value_tag: int, reference_tag: int) -> float | None:
    parts = place.get(value_tag)
    try:
        degrees, minutes, seconds = (float(one) for one in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(place.get(reference_tag, "")).upper() in ("S", "W") else value


def _office(path: Path, ending: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = {one.filename for one in entries}
            unpacked = sum(one.file_size for one in entries)
            damaged = unpacked <= UNPACKED_LIMIT and archive.testzip()
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError) as error:
        raise RefusedError("file", _("The file is damaged.")) from error
    if unpacked > UNPACKED_LIMIT:
        raise RefusedError("file", _("The file unpacks to too much."))
    if damaged:
        raise RefusedError("file", _("The file is damaged."))
    if any(one.lower().endswith(("vbaproject.bin", ".exe", ".js")) for one in names):
        raise RefusedError("file", _("Files with macros or programs are not accepted."))
    if "[Content_Types].xml" in names:
        for mark, (own_ending, media_type) in OFFICE.items():
            if mark in names:
                return _agree(media_type, ending, (own_ending,))
    raise RefusedError("file", _("Archives are not accepted; attach the files one by one."))


def _film(path: Path, head: bytes, ending: str) -> Inside:
    brand = head[8:12]
    if brand in (b"M4A ", b"M4B "):
        return _checked(films.is_film(path), "audio/mp4", ending, ("m4a",))
    if heif.is_brand(head):
        return _phone_photo(path, ending)
    if brand[:3] in (b"hei", b"hev", b"mif", b"msf", b"avi"):
        raise RefusedError("file", _("This picture format is not accepted; set the camera to JPEG."))
    media_type = _agree(
        "video/quicktime" if brand == b"qt  " else "video/mp4", ending, ("mp4", "mov", "m4v", "3gp")
    )
    if not films.is_film(path):
        raise RefusedError("file", _("The film is damaged or no film: it has no index of its pictures."))
    return Inside(media_type, films.time(path), *films.place_and_device(path))


NAMED_TIME = re.compile(
    r"(?<!\d)(20\d{2})[-_.]?(\d{2})[-_.]?(\d{2})[-_ T.]?(\d{2})[-_.:]?(\d{2})[-_.:]?(\d{2})(?!\d)"
)


def time_in_name(name: str) -> datetime | None:
    """Return the moment (China time) that recorders and cameras write into the names of their files."""
    for found in NAMED_TIME.finditer(name):
        try:
            return datetime(*(int(part) for part in found.groups()), tzinfo=CHINA)  # type: ignore[misc, arg-type]
        except ValueError:
            continue
    return None

"""Photos of phones in HEIC: kept as they are, read for time, place and device, and never faked."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.apps.matters.test_recorders import box, film

from qingjian.apps.matters import contents, heif, services
from qingjian.apps.matters.errors import RefusedError

PHOTOS = Path(__file__).resolve().parents[2] / "data" / "photos"
PHONE, PLAIN = ((PHOTOS / name).read_bytes() for name in ("phone.heic", "plain.heic"))


def exif() -> bytes:
    made = Image.Exif()
    made[0x0110] = "X1"
    return b"\0\0\0\6Exif\0\0" + made.tobytes().removeprefix(b"Exif\0\0")


def photo(
    version: int, *, brands: bytes = b"heicmif1", handler: bytes = b"pict", beyond: int = 0, said: bytes = b""
) -> bytes:
    """Return a photo as other cameras write it: wide numbers, indexes, the Exif item in two pieces."""
    said = said or exif()
    wide = ">I" if version == 2 else ">H"
    infe = b"".join(
        box(
            b"infe",
            bytes([3 if version == 2 else 2, 0, 0, 0]) + struct.pack(wide, number) + b"\0\0" + kind + b"\0",
        )
        for number, kind in ((1, b"hvc1"), (2, b"Exif"))
    )
    count = struct.pack(">I" if version == 2 else ">H", 2)
    iinf = box(b"iinf", bytes([1 if version == 2 else 0, 0, 0, 0]) + count + infe)
    head = box(b"ftyp", brands[:4] + b"\0\0\0\0" + brands)
    hdlr = box(b"hdlr", b"\0" * 8 + handler + b"\0" * 13)
    pitm = box(b"pitm", b"\0\0\0\0\0\1")

    def meta(start: int) -> bytes:
        sizes = b"\x44\x40" if version == 0 else b"\x44\x04"
        base = struct.pack(">I", 0) if version == 0 else b""
        index = b"" if version == 0 else struct.pack(">I", 1)
        items = b""
        half = len(said) // 2
        for number, pieces in (
            (1, [(start, 4 + beyond)]),
            (2, [(start + 4, half), (start + 4 + half, len(said) - half)]),
        ):
            items += struct.pack(wide, number) + (b"\0\0" if version else b"") + b"\0\0" + base
            items += struct.pack(">H", len(pieces))
            items += b"".join(index + struct.pack(">II", *one) for one in pieces)
        iloc = box(b"iloc", bytes([version, 0, 0, 0]) + sizes + count + items)
        return box(b"meta", b"\0\0\0\0" + hdlr + pitm + iinf + iloc)

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"hvc1" + said)


def test_a_photo_of_a_phone_is_kept_unchanged_with_what_it_says(db) -> None:
    row, inside = services.store(io.BytesIO(PHONE), "IMG_0007.HEIC")
    assert (row.media_type, row.size, inside.device) == ("image/heic", len(PHONE), "Apple iPhone 15")
    assert inside.taken_at == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert (inside.longitude, inside.latitude) == pytest.approx((115.21, 35.425))
    assert services.files.read(row) == PHONE
    plain = services.store(io.BytesIO(PLAIN), "a.heif")[1]
    assert (plain.media_type, plain.taken_at, plain.device) == ("image/heic", None, "")


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("brands", [b"heicmif1", b"heixmif1", b"mif1heic"])
def test_every_edition_of_the_boxes_is_read(tmp_path: Path, version: int, brands: bytes) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(photo(version, brands=brands))
    inside = contents.inspect(path, "a.heic", path.stat().st_size)
    assert (inside.media_type, inside.device) == ("image/heic", "X1")


def test_damaged_exif_data_are_left_aside_and_the_photo_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(photo(1, said=b"\0\0\0\0MM\0*\xff\xff\xff\xff"))
    assert contents.inspect(path, "a.heic", 1).device == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", PHONE),
        ("a.mp4", PHONE),
        ("a.heic", film()),
        ("a.heic", PHONE[:28]),
        ("a.heic", PHONE[:-40]),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic<script>alert(1)</script>"),
        ("a.heic", photo(0, handler=b"vide")),
        ("a.heic", photo(0, beyond=4000)),
        ("a.heic", photo(0, brands=b"mif1avif")),
        ("a.heic", photo(0, brands=b"hevchevc")),
        ("a.heic", photo(0, brands=b"avifmif1")),
    ],
)
def test_fake_cut_and_other_pictures_are_refused(db, settings, name: str, content: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        services.store(io.BytesIO(content), name)
    assert caught.value.reason == "file"
    assert list(settings.DATA_FOLDER.uploads.rglob("*")) == []


@given(st.integers(0, len(PHONE) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_no_bytes_break_the_reading(tmp_path_factory, place: int, noise: bytes, cut: bool) -> None:
    content = PHONE[:place] + noise + (b"" if cut else PHONE[place + len(noise) :])
    path = tmp_path_factory.mktemp("heif") / "a.heic"
    path.write_bytes(content)
    found = heif.read(path)
    assert found is None or isinstance(found, bytes)
    try:
        assert contents.inspect(path, "a.heic", len(content)).media_type
    except RefusedError as error:
        assert error.reason == "file"


def test_the_page_says_that_there_is_no_preview(client, office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    row, inside = services.store(io.BytesIO(PHONE), "IMG_0007.HEIC")
    office.act(
        matter,
        "attach",
        office.handler,
        digest=row.digest,
        name="IMG_0007.HEIC",
        kind="photo",
        capture="live",
        title="采样口",
        inside=inside.as_data(),
    )
    client.force_login(office.leader)
    for tab in ("evidence", "all"):
        page = client.get(f"/matters/{matter.pk}/?tab={tab}").content.decode()
        assert "没有预览" in page
        assert "<img" not in page.partition("qj-evidence-text")[0].rpartition("qj-evidence-picture")[2]
        assert "Apple iPhone 15" in page
    evidence = matter.evidence.get()
    response = client.get(f"/evidence/{evidence.pk}/?show=1")
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(response.streaming_content) == PHONE

"""Evidence with time, place and device: films, recorders, and where person and file contradict each other."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.matters.conftest import key, picture

from qingjian.apps.matters import contents, dossier, films, services
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Matter, StoredFile
from qingjian.apps.matters.outside import Reading
from qingjian.contracts.clock import CHINA

TAKEN = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def header(moment: datetime = TAKEN) -> bytes:
    seconds = int((moment - films.MAC_EPOCH).total_seconds())
    return box(b"mvhd", struct.pack(">IIIII", 0, seconds, seconds, 1000, 0))


def film(*inside: bytes, brand: bytes = b"isom") -> bytes:
    index = box(b"moov", header() + b"".join(inside))
    return box(b"ftyp", brand + b"\0\0\0\0" + brand) + index + box(b"mdat", b"\0\0\0\1")


def said(kind: bytes, text: str) -> bytes:
    raw = text.encode()
    return box(kind, struct.pack(">HH", len(raw), 0x15C7) + raw)


def apple(values: dict[str, str], *, version: bool) -> bytes:
    names = b"".join(struct.pack(">I", 8 + len(name.encode())) + b"mdta" + name.encode() for name in values)
    items = b"".join(
        box(struct.pack(">I", number), box(b"data", struct.pack(">II", 1, 0) + text.encode()))
        for number, text in enumerate(values.values(), start=1)
    )
    body = (
        box(b"hdlr", b"\0" * 24)
        + box(b"keys", struct.pack(">II", 0, len(values)) + names)
        + box(b"ilst", items)
    )
    return box(b"meta", (b"\0\0\0\0" if version else b"") + body)


ANDROID = film(
    box(
        b"udta",
        said(b"\xa9xyz", "+31.2304+121.4737/") + said(b"\xa9mak", "测试机") + said(b"\xa9mod", "X1"),
    )
)
PHONE = {
    "com.apple.quicktime.location.ISO6709": "+31.2304+121.4737+012.3/",
    "com.apple.quicktime.make": "测试机",
    "com.apple.quicktime.model": "X1",
    "com.apple.quicktime.software": "1",
}


@pytest.mark.parametrize(
    "content", [ANDROID, film(apple(PHONE, version=False)), film(apple(PHONE, version=True))]
)
def test_films_say_where_when_and_with_what(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    inside = contents.inspect(path, "film.mp4", len(content))
    assert (inside.taken_at, inside.longitude, inside.latitude, inside.device) == (
        TAKEN,
        121.4737,
        31.2304,
        "测试机 X1",
    )


@given(st.binary(max_size=200), st.sampled_from([b"udta", b"meta", b"moov"]))
def test_no_bytes_break_the_reading_of_films(tmp_path_factory, body: bytes, kind: bytes) -> None:
    path = tmp_path_factory.mktemp("films") / "f.mp4"
    path.write_bytes(film(box(kind, body), body))
    longitude, latitude, device = films.place_and_device(path)
    assert longitude is None or -180 <= longitude <= 180
    assert latitude is None or -90 <= latitude <= 90
    assert len(device) <= 120


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("ZF0012_003456_20261120_093000_0001.MP4", datetime(2026, 11, 20, 9, 30, tzinfo=CHINA)),
        ("2026-11-20 09-30-00.mp4", datetime(2026, 11, 20, 9, 30, tzinfo=CHINA)),
        ("20261120093000.JPG", datetime(2026, 11, 20, 9, 30, tzinfo=CHINA)),
        ("20261399_093000.mp4", None),
        ("现场.mp4", None),
        ("120261120093000.mp4", None),
    ],
)
def test_recorders_write_the_time_into_names(name: str, moment: datetime | None) -> None:
    assert contents.time_in_name(name) == moment


def test_files_of_a_recorder_are_kept_or_refused_one_by_one(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    once = key()

    def send() -> list[services.Imported]:
        uploads = [
            SimpleUploadedFile("ZF1_20261120_093000.MP4", ANDROID),
            SimpleUploadedFile("ZF1_20261120_101500.JPG", PICTURE),
            SimpleUploadedFile("notes.txt", "笔记".encode()),
            SimpleUploadedFile("fake.mp4", b"MZ" + b"\0" * 100),
        ]
        return services.import_recorder(matter, office.handler, uploads, "ZF1", "现场检查", once)

    first = send()
    assert [bool(one.problem) for one in first] == [False, False, True, True]
    assert [bool(one.problem) for one in send()] == [False, False, True, True]
    film_row, picture_row = matter.evidence.order_by("id")
    assert (film_row.kind, film_row.capture, film_row.recorder) == ("video", "recorder", "ZF1")
    assert film_row.taken_at == TAKEN == film_row.taken_at_in_file
    assert (film_row.longitude_in_file, film_row.device) == (121.4737, "测试机 X1")
    assert picture_row.kind == "photo"
    assert Matter.objects.get(pk=matter.pk).trail.filter(action="attach").count() == 2
    with pytest.raises(RefusedError):
        services.import_recorder(matter, office.handler, [None] * 51, "ZF1", "t", key())


PICTURE = picture()


def test_person_and_file_that_contradict_each_other_are_shown(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    file, inside = services.store(io.BytesIO(ANDROID), "f.mp4")
    common = {
        "digest": file.digest,
        "name": "f.mp4",
        "kind": "video",
        "title": "t",
        "inside": inside.as_data(),
    }
    matter = office.act(
        matter,
        "attach",
        office.handler,
        capture="album",
        taken_at=(TAKEN + timedelta(hours=3)).isoformat(),
        longitude=121.4737,
        latitude=31.2404,
        **common,
    )
    row = dossier.evidence(matter, Reading(matter, True))[0]
    assert len(row.doubts) == 2
    assert any("1113" in one for one in row.doubts)
    row.taken_at, row.latitude = TAKEN + timedelta(minutes=5), 31.2305
    assert dossier.doubts(row) == []
    row.taken_at, row.capture = None, "live"
    assert len(dossier.doubts(row)) == 1


def test_new_evidence_names_the_withdrawn_piece_it_replaces(office) -> None:
    matter = office.attach(office.act(office.open(), "take", office.handler), office.handler)
    old = matter.evidence.get()
    matter = office.act(matter, "withdraw-evidence", office.handler, evidence=old.pk, reason="看不清")
    file, inside = services.store(io.BytesIO(picture()), "p.jpg")
    office.act(
        matter,
        "attach",
        office.handler,
        digest=file.digest,
        name="p.jpg",
        kind="photo",
        capture="live",
        title="重拍",
        inside=inside.as_data(),
        replaces=old.pk,
    )
    assert matter.evidence.get(title="重拍").replaces == old
    assert StoredFile.objects.filter(pk=old.file_id).exists()

"""Files and documents: what is kept, what is refused, what a template may do."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime
from importlib import resources

import docx
import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from tests.apps.conftest import FIRST_DAY
from tests.apps.matters.conftest import picture

from qingjian.apps.accounts.services import place_post
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import contents, documents, dossier, outlines, services
from qingjian.apps.matters.documents import TemplateRefusedError
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import StoredFile
from qingjian.apps.matters.services import files

ORDER = CORRECTIVE_ACTION.document("order")


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def film(seconds: int) -> bytes:
    mvhd = struct.pack(">I4sIIIII", 28, b"mvhd", 0, seconds, seconds, 1000, 0)
    moov = struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    media = struct.pack(">I4s", 12, b"mdat") + b"\0\0\0\1"
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + moov + media


def wave() -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return b"RIFF\0\0\0\0WAVE" + form + struct.pack("<4sI", b"data", 4) + b"\x80" * 4


def avi() -> bytes:
    headers = b"hdrl" + struct.pack("<4sI", b"avih", 56) + b"\0" * 56
    pictures = b"movi" + struct.pack("<4sI", b"00dc", 4) + b"\1" * 4
    lists = b"".join(struct.pack("<4sI", b"LIST", len(one)) + one for one in (headers, pictures))
    return struct.pack("<4sI4s", b"RIFF", len(lists) + 4, b"AVI ") + lists


MP3_FRAME = b"\xff\xfb\x90\x00" + b"\0" * 413
"""One frame of MPEG-1 layer III at 128 kbit/s and 44.1 kHz."""


def drawn(kind: str, side: int = 9) -> bytes:
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]} if kind == "MPO" else {}
    Image.effect_noise((side, side), 80).convert("RGB").save(buffer, kind, **more)
    return buffer.getvalue()


PHOTO = drawn("JPEG", 200)


GOOD = {
    "h.png": drawn("PNG"),
    "i.webp": drawn("WEBP"),
    "a.jpg": picture(),
    "b.pdf": b"%PDF-1.7\n...\n%%EOF\n",
    "c.txt": "编号,值\n".encode(),
    "d.csv": "编号".encode("gb18030"),
    "e.mp4": film(3_800_000_000),
    "f.wav": wave(),
    "j.avi": avi(),
    "l.m4a": film(3_800_000_000).replace(b"ftypisom", b"ftypM4A "),
    "m.mp3": MP3_FRAME * 4,
    "n.jpeg": drawn("MPO"),
    "k.3gp": film(3_800_000_000),
    "g.mp3": b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + MP3_FRAME * 4,
}


@pytest.mark.parametrize("name", GOOD)
def test_accepted_files_are_kept_once_under_their_digest(db, name: str) -> None:
    row, inside = services.store(io.BytesIO(GOOD[name]), name)
    again, _inside = services.store(io.BytesIO(GOOD[name]), "x" + name)
    assert row == again
    assert files.read(row) == GOOD[name]
    assert inside.media_type == row.media_type
    assert StoredFile.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jpg", b""),
        ("program.jpg", b"MZ\x90\0"),
        ("page.jpg", b"<html><script>alert(1)</script>"),
        ("page.html", b"<html>"),
        ("picture.pdf", picture()),
        ("pdf.jpg", b"%PDF-1.7"),
        ("cut.jpg", picture()[:40]),
        ("cut.png", drawn("PNG")[:50]),
        ("image.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("archive.zip", zipped(a=b"1")),
        ("archive.docx", zipped(a=b"1")),
        ("sheet.docx", zipped(**{"[Content_Types].xml": b"<x/>", "xl__workbook.xml": b"<x/>"})),
        (
            "macro.docx",
            zipped(
                **{
                    "[Content_Types].xml": b"<x/>",
                    "word__document.xml": b"<x/>",
                    "word__vbaProject.bin": b"1",
                }
            ),
        ),
        ("noname", b"text"),
        ("binary.txt", b"\0\1\2"),
        ("broken.docx", b"PK\x03\x04broken"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj"),
        ("noindex.mp4", b"\0\0\0\x10ftypisom\0\0\0\0<script>"),
        ("other.avi", b"RIFF\0\0\0\0CDXA"),
        ("heic.jpg", b"\0\0\0\x18ftypheic"),
        ("tag.mp3", b"ID3\x04\0\0\0\0\0\x0a" + bytes(range(256)) * 40),
        ("utf16.mp3", "这是一段文字，不是录音".encode("utf-16")),
        ("one_frame.mp3", MP3_FRAME + b"text" * 400),
        ("script.wav", b"RIFF\0\0\0\0WAVE<script>alert(1)</script>"),
        ("header.wav", b"RIFF\0\0\0\0WAVEfmt "),
        ("silent.wav", wave()[:36]),
        ("garbage.avi", b"RIFF\0\0\0\0AVI LIST" + b"garbage" * 50),
        ("nopictures.avi", avi()[: 12 + 8 + 68]),
        ("garbage.m4a", b"\0\0\0\x18ftypM4A " + b"garbage" * 50),
        ("nomedia.mp4", film(3_800_000_000)[:-12]),
        ("third.jpg", PHOTO[: len(PHOTO) // 3]),
        ("third.webp", drawn("WEBP", 200)[:60]),
    ],
)
def test_fake_and_forbidden_files_are_refused_and_leave_nothing(
    db, settings, name: str, content: bytes
) -> None:
    with pytest.raises(RefusedError) as caught:
        services.store(io.BytesIO(content), name)
    assert caught.value.reason == "file"
    assert list(settings.DATA_FOLDER.uploads.rglob("*")) == []


def test_an_oversize_file_is_refused_while_it_arrives(db, settings, monkeypatch) -> None:
    monkeypatch.setattr(contents, "LARGEST", 1024)
    monkeypatch.setattr(files, "CHUNK", 256)
    with pytest.raises(RefusedError):
        services.store(io.BytesIO(b"x" * 2000), "a.txt")
    assert list(settings.DATA_FOLDER.uploads.rglob("*")) == []


@hypothesis_settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff", b"PK\x03\x04", b"\0\0\0\x10ftypisom", b"%PDF-", b"RIFF", b"\x89PNG\r\n\x1a\n"]
    ),
    st.binary(max_size=200),
    st.sampled_from(["a.jpg", "a.png", "a.docx", "a.mp4", "a.txt", "a.pdf", "a"]),
)
def test_no_bytes_break_the_inspection(tmp_path_factory, head: bytes, rest: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("f") / "f"
    path.write_bytes(head + rest)
    try:
        assert contents.inspect(path, name, len(head + rest)).media_type
    except RefusedError as error:
        assert error.reason == "file"


def test_time_place_and_device_are_read_from_the_picture(db) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "DJI", "M3"
    exif.get_ifd(0x8769)[0x9003] = "2026:11:20 09:30:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 25.0, 30.0), 3: "E", 4: (115.0, 12.0, 36.0)})
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "JPEG", exif=exif)
    inside = services.store(io.BytesIO(buffer.getvalue()), "a.jpeg")[1]
    assert (inside.device, inside.taken_at) == ("DJI M3", datetime(2026, 11, 20, 1, 30, tzinfo=UTC))
    assert (inside.longitude, inside.latitude) == pytest.approx((115.21, 35.425))


def test_the_time_of_a_film_is_read(db) -> None:
    assert services.store(io.BytesIO(film(3_846_441_600)), "a.mp4")[1].taken_at == datetime(
        2025, 11, 20, tzinfo=UTC
    )


@pytest.mark.parametrize("taken_at", ["0001-01-01T00:00", "2062-11-20T09:00", "2026-11-21T10:11", "never"])
def test_evidence_is_not_taken_in_the_future_nor_before_there_were_cameras(
    client, office, taken_at: str
) -> None:
    matter = office.act(office.open(), "take", office.handler)
    client.force_login(office.handler)
    upload = SimpleUploadedFile("photo.jpg", picture())
    form = {"key": "k" * 32, "file": upload, "title": "t", "kind": "photo", "capture": "album"}
    answer = client.post(f"/matters/{matter.pk}/act/attach/", form | {"taken_at": taken_at})
    assert answer.status_code == 400
    assert not matter.evidence.exists()


def test_a_time_in_the_file_that_lies_ahead_is_doubted_and_an_impossible_one_left_aside(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    for taken, doubts in (("2062-11-20T09:00:00+08:00", 1), ("0001-01-01T00:00:00+08:00", 0)):
        row, _inside = services.store(io.BytesIO(picture()), "p.jpg")
        data = {"digest": row.digest, "name": "p.jpg", "title": "t", "kind": "photo", "capture": "album"}
        matter = office.act(matter, "attach", office.handler, **data, inside={"taken_at": taken})
        assert len(dossier.doubts(matter.evidence.last())) == doubts


def test_evidence_must_be_what_it_is_said_to_be(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    row, _inside = services.store(io.BytesIO(b"text"), "a.txt")
    common = {"digest": row.digest, "name": "a.txt", "title": "t"}
    for wrong in (
        {"kind": "photo", "capture": "live"},
        {"kind": "data", "capture": "telepathy"},
        {"kind": "data", "capture": "recorder"},
    ):
        with pytest.raises(RefusedError):
            office.act(matter, "attach", office.handler, **common, **wrong)
    with pytest.raises(RefusedError):
        office.act(
            matter, "attach", office.handler, digest="0" * 64, title="t", kind="data", capture="received"
        )
    office.act(matter, "attach", office.handler, **common, kind="data", capture="recorder", recorder="R-7")
    with pytest.raises(RefusedError):
        office.act(matter, "attach", office.handler, **common, kind="data", capture="received")
    with pytest.raises(NotAllowed):
        office.act(matter, "attach", office.outsider, **common, kind="data", capture="received")


def test_a_changed_document_on_disk_cannot_be_signed(office) -> None:
    matter = office.reported()
    path = files.path_of(matter.sheets.get().digest)
    path.chmod(0o600)
    path.write_bytes(b"changed")
    with pytest.raises(RefusedError) as caught:
        office.sign(matter, office.handler)
    assert caught.value.reason == "signature"


def template(*lines: str) -> bytes:
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "{{ secret }}",
        "{{ number.__class__.__mro__ }}",
        "{{ ''.join(range(9)) }}",
        "{{ number * 9999999 }}",
        "{% for x in entries %}{{ x.value",
        "{{ lipsum() }}",
        "{{ number | attr('__class__') }}",
        "{% include 'x' %}",
        "{{ cycler.__init__.__globals__ }}",
        "{% set a = number ~ number %}{% set a = a ~ a %}{{ a }}",
        "{% with a = number %}{{ a }}{% endwith %}",
        "{% macro x() %}{{ x() }}{% endmacro %}",
        "{% filter upper %}{{ number }}{% endfilter %}",
        "{% for a in demand %}{% for b in demand %}x{% endfor %}{% endfor %}",
        "{% for a in demand %}{% for b in entries %}x{% endfor %}{% endfor %}",
        "{% for a in entries %}{% for b in entries %}{% for c in entries %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in entries recursive %}x{% endfor %}",
        "{% for a in (number, number) %}x{% endfor %}",
        "{% import 'x' as y %}",
    ],
)
def test_templates_reach_nothing_but_their_fields(line: str) -> None:
    assert documents.template_problems(template(line), ORDER)


@pytest.mark.parametrize(
    "line",
    [
        "{% for x in entries %}{{ x.title }}: {{ x.value|default('–') }}{% endfor %}",
        "{% for x in evidence %}{% for y in deadlines %}{{ x.number }}{{ y.due }}{% endfor %}{% endfor %}",
        "{% if days is defined and demand != '' and not subject == '–' %}{{ demand|trim }}{% else %}–{% endif %}",
        "{{ days if days else '–' }} {{ entries[0].title }} {{ entries|length }}",
    ],
)
def test_what_offices_need_is_allowed(line: str) -> None:
    assert documents.template_problems(template(line), ORDER) == []


def test_a_header_is_checked_like_the_body() -> None:
    document = docx.Document()
    document.add_paragraph("{{ number }}")
    document.sections[0].header.paragraphs[0].text = "{% set a = number %}{{ a }}"
    buffer = io.BytesIO()
    document.save(buffer)
    assert documents.template_problems(buffer.getvalue(), ORDER)


def test_a_letter_the_font_lacks_is_named_instead_of_left_out(monkeypatch) -> None:
    made = documents.render(template("{{ demand }}"), {**documents.sample(ORDER), "demand": "姓\U000f1234"})
    monkeypatch.setattr(documents.shutil, "which", lambda _name: None)
    with pytest.raises(OSError, match="\U000f1234"):
        documents.pdf(made)


def test_templates_that_are_no_forms_are_refused() -> None:
    assert documents.template_problems(b"x", ORDER)
    assert documents.template_problems(zipped(a=b"1"), ORDER)
    good = template("{{ number }} {{ demand }}")
    assert documents.template_problems(good, ORDER) == []
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for name, content in (
        ("word/vbaProject.bin", b"1"),
        ("word/_rels/x.rels", b'<a TargetMode="External"/>'),
    ):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for other, kept in entries.items():
                archive.writestr(other, kept)
            archive.writestr(name, content)
        assert documents.template_problems(buffer.getvalue(), ORDER)


def test_values_are_text_and_never_commands() -> None:
    wild = '{{ 7*7 }} {% x %} <w:p> & " #panic() \\ $1 \x00\x0b ]'
    made = documents.render(template("{{ demand }}"), {**documents.sample(ORDER), "demand": wild})
    assert wild.replace("\x00", "").replace("\x0b", "") in docx.Document(io.BytesIO(made)).paragraphs[-1].text
    assert documents.pdf(made).startswith(b"%PDF")
    with pytest.raises(TemplateRefusedError):
        documents.render(template("{{ demand }}"), {})


@pytest.mark.parametrize("process", [VERIFICATION, CORRECTIVE_ACTION], ids=lambda one: one.code)
def test_every_packaged_form_prints_without_a_missing_glyph(process) -> None:
    for kind in process.documents:
        packaged = resources.files("qingjian").joinpath(kind.template).read_bytes()
        made = documents.render(packaged, documents.sample(kind))
        assert documents.missing_glyphs(outlines.text(documents.outline(made))) == set()
        assert documents.pdf(made).startswith(b"%PDF")
    assert documents.missing_glyphs("\U000f1234") == {"\U000f1234"}


def test_an_offices_template_is_used_after_approval(office) -> None:
    manager = office.county.person("manager", "data_manager")
    with pytest.raises(RefusedError):
        services.offer_template(manager, CORRECTIVE_ACTION, ORDER, template("{{ secret }}"), "o.docx")
    row = services.offer_template(
        manager, CORRECTIVE_ACTION, ORDER, template("本局格式 {{ demand }}"), "o.docx"
    )
    place_post(manager, "leader", office.county.bureau, office.county.county, FIRST_DAY)
    with pytest.raises(NotAllowed):
        services.approve_template(manager, row)
    services.approve_template(office.leader, row)
    matter = office.act(
        office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="拆除", basis="b", days=5
    )
    content = files.read(matter.documents.get().file)
    assert docx.Document(io.BytesIO(content)).paragraphs[-1].text == "本局格式 拆除"


def test_a_form_is_used_only_below_the_region_of_its_office_and_the_nearest_wins(office) -> None:
    elsewhere, city = office.county.other, office.county.city
    other_bureau = office.outsider.organisation
    theirs = office.county.person("yi", "data_manager", organisation=other_bureau, region=elsewhere)
    above = office.county.person("shi", "data_manager", region=city)
    ours = office.county.person("manager", "data_manager")
    chief = office.county.person("chief", "leader", region=city)

    def made() -> str:
        matter = office.act(
            office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="拆除", basis="b", days=5
        )
        content = files.read(matter.documents.get().file)
        return docx.Document(io.BytesIO(content)).paragraphs[-1].text

    def offer(manager, text: str, region=None):
        return services.offer_template(
            manager, CORRECTIVE_ACTION, ORDER, template(f"{text} {{{{ demand }}}}"), "o.docx", region
        )

    packaged = made()
    row = offer(theirs, "乙县格式")
    with pytest.raises(NotAllowed):
        services.approve_template(office.leader, row)
    services.approve_template(office.outsider, row)
    assert made() == packaged
    with pytest.raises(NotAllowed):
        services.withdraw_template(office.leader, row)
    with pytest.raises(PermissionDenied):
        offer(theirs, "乙县格式", office.county.county)
    own = offer(ours, "本县格式")
    services.approve_template(office.leader, own)
    services.approve_template(chief, offer(above, "市局格式"))
    assert made() == "本县格式 拆除"
    services.withdraw_template(office.leader, own)
    assert made() == "市局格式 拆除"

"""Files and documents: what is kept, what is refused, what a template may do."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime
from importlib import resources

import docx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from tests.apps.conftest import FIRST_DAY
from tests.apps.matters.conftest import picture

from qingjian.apps.accounts.services import place_post
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import contents, documents, services
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
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + moov


def drawn(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (1, 2, 3)).save(buffer, kind)
    return buffer.getvalue()


GOOD = {
    "h.png": drawn("PNG"),
    "i.webp": drawn("WEBP"),
    "a.jpg": picture(),
    "b.pdf": b"%PDF-1.7\n...\n%%EOF\n",
    "c.txt": "编号,值\n".encode(),
    "d.csv": "编号".encode("gb18030"),
    "e.mp4": film(3_800_000_000),
    "f.wav": b"RIFF\0\0\0\0WAVEfmt ",
    "j.avi": b"RIFF\0\0\0\0AVI LIST",
    "k.3gp": film(3_800_000_000),
    "g.mp3": b"ID3\x04" + b"\0" * 20,
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
        text = "".join(
            block.get("text", "") or "".join(cell for row in block["rows"] for cell in row)
            for block in documents.outline(made)
        )
        assert documents.missing_glyphs(text) == set()
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

"""Log books: filed row by row or not at all, within one's posts, struck out with a reason, entered in the ledger."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from tests.apps.conftest import NOW

from qingjian.apps.network import files
from qingjian.apps.network import services as network
from qingjian.apps.network.checking import Proposal, ProposalError
from qingjian.apps.network.models import Instrument, Point, Software
from qingjian.apps.observing import filing, queries, recorded
from qingjian.apps.observing.log_books import BOOKS, Filing, MaterialUse, RemoteSession, SoftwareReading
from qingjian.apps.records.models import LedgerEvent

SESSIONS, SOFTWARE, MATERIALS = BOOKS.values()
SESSION = {"device": "W1-D1", "start": "2026-11-20T02:13", "end": "2026-11-20T02:41", "person": "运维 王某"}
READING = {
    "device": "W1-D1",
    "read_at": "2026-11-19",
    "version": "V2.1",
    "digest": "AA11BB22CC33",
    "reader": "李",
}
USE = {
    "outlet": "S1-W1",
    "material": "water",
    "first_day": "2026-10-01",
    "last_day": "2026-10-31",
    "amount": "12000.5",
    "unit": "m3",
}


@pytest.fixture
def holder(registry):
    return registry.person("holder", "permit_holder", organisation=registry.holder)


def put(author, book, *rows):
    return filing.file(author, book, [Proposal(book.name, row) for row in rows])


def wrong(author, book, *rows) -> list[tuple[int, str]]:
    with pytest.raises(ProposalError) as caught:
        put(author, book, *rows)
    return [(one.row, one.message) for one in caught.value.rows]


def test_entries_are_stored_with_who_and_when_and_in_the_ledger(holder) -> None:
    made = put(holder, SESSIONS, SESSION)
    (row,) = RemoteSession.objects.all()
    assert (row.filing.author, row.filing.at, row.start) == (
        holder,
        NOW,
        datetime(2026, 11, 19, 18, 13, tzinfo=UTC),
    )
    (event,) = LedgerEvent.objects.filter(kind="log-book.filed")
    assert event.identifier == str(made.pk)
    assert recorded.filing(made)["rows"][0]["person"] == "运维 王某"


def test_one_wrong_row_stores_nothing_and_every_wrong_row_is_named(holder) -> None:
    found = wrong(
        holder,
        SESSIONS,
        SESSION,
        {**SESSION, "device": "nowhere"},
        {**SESSION, "end": "2026-11-19T02:41", "person": "b"},
        {**SESSION, "start": "2027-01-01", "end": "", "person": "c"},
        SESSION,
        {**SESSION, "person": "d", "colour": "red"},
    )
    assert [row for row, _message in found] == [2, 3, 4, 5, 6]
    assert "第 1 行" in found[3][1] or "1" in found[3][1]
    assert not RemoteSession.objects.exists()
    assert not Filing.objects.exists()


def test_entries_lie_within_the_posts(registry, holder) -> None:
    stranger = registry.person("stranger", "station_staff", region=registry.other)
    assert wrong(stranger, SESSIONS, SESSION)
    assert wrong(holder, SESSIONS, {**SESSION, "device": "A1-D1"})
    assert wrong(stranger, MATERIALS, USE)
    put(holder, MATERIALS, USE)
    assert not queries.entries_visible_to(stranger, MATERIALS).exists()
    assert queries.entries_visible_to(holder, MATERIALS).count() == 1
    auditor = registry.person("auditor", "audit_administrator")
    assert not filing.may_file(auditor)


def test_whoever_maintains_a_point_files_its_sessions(registry) -> None:
    network.install(
        [
            Proposal(
                "organisation", {"code": "M1", "name": "运维公司", "kind": "maintenance", "region": "990101"}
            ),
            Proposal(
                "duty",
                {"point": "W1", "kind": "maintain", "organisation": "M1", "valid_from": "2024-01-01"},
            ),
        ]
    )
    company = Point.objects.get(code="W1").duties.get().organisation
    maintainer = registry.person("keeper", "maintenance", organisation=company)
    put(maintainer, SESSIONS, SESSION)
    assert wrong(maintainer, SESSIONS, {**SESSION, "device": "A1-D1"})


def test_the_same_entry_and_overlapping_days_are_refused(holder) -> None:
    put(holder, SESSIONS, SESSION)
    put(holder, MATERIALS, USE)
    assert wrong(holder, SESSIONS, SESSION)
    assert wrong(holder, MATERIALS, {**USE, "first_day": "2026-10-31", "last_day": "2026-11-05"})
    assert wrong(
        holder, MATERIALS, {**USE, "first_day": "2026-11-01", "last_day": "2026-11-20", "amount": "-1"}
    )
    assert wrong(holder, MATERIALS, {**USE, "first_day": "2026-11-01", "last_day": "2026-12-01"})
    put(holder, MATERIALS, {**USE, "first_day": "2026-11-01", "last_day": "2026-11-20"})
    put(holder, MATERIALS, {**USE, "material": "urea", "unit": "t"})
    assert MaterialUse.objects.count() == 3


def test_software_is_held_against_what_was_registered_at_that_moment(registry, holder) -> None:
    network.install(
        [
            Proposal(
                "software",
                {
                    "device": "W1-D1",
                    "version": version,
                    "digest": digest,
                    "valid_from": since,
                    "valid_to": until,
                },
            )
            for version, digest, since, until in (
                ("V2.0", "00112233", "2024-01-01", "2026-01-01"),
                ("V2.1", "aa11bb22cc33", "2026-01-01", ""),
            )
        ]
    )
    old = {**READING, "read_at": "2025-06-01", "version": "V2.0", "digest": "00112233"}
    put(holder, SOFTWARE, old, READING, {**READING, "read_at": "2026-11-18", "digest": "AA11BB22CC34"})
    put(holder, SOFTWARE, {**old, "read_at": "2026-11-17"})
    said = {one.read_at.date().isoformat(): one.against for one in queries.software_readings()}
    assert said == {
        "2025-05-31": "equal",
        "2026-11-18": "equal",
        "2026-11-17": "differs",
        "2026-11-16": "unknown",
    }
    Software.objects.all().delete()
    assert queries.software_readings().first().against == "nothing"
    for digest in ("xyz", "123", "12345", ""):
        assert wrong(holder, SOFTWARE, {**READING, "read_at": "2026-11-10", "digest": digest})
    assert wrong(holder, SOFTWARE, {**READING, "device": ""})


def test_software_of_an_instrument(registry, holder) -> None:
    network.install([Proposal("instrument", {"code": "I1", "point": "W1", "name": "COD 分析仪"})])
    put(holder, SOFTWARE, {**READING, "device": "", "instrument": "I1"})
    (row,) = SoftwareReading.objects.all()
    assert row.subject == Instrument.objects.get()
    assert row.point.code == "W1"


def test_a_registered_software_names_one_subject_and_a_hash(registry) -> None:
    for fields in (
        {"version": "1", "digest": "00112233"},
        {"device": "W1-D1", "version": "1", "digest": "zz"},
    ):
        with pytest.raises(ProposalError):
            network.install([Proposal("software", fields)])


def test_an_entry_is_struck_out_with_a_reason_by_its_author_or_the_bureau(registry, holder) -> None:
    colleague = registry.person("colleague", "permit_holder", organisation=registry.holder)
    officer = registry.person("officer", "enforcement_officer")
    put(officer, SESSIONS, SESSION)
    (row,) = RemoteSession.objects.all()
    for person in (colleague, holder):
        with pytest.raises(PermissionDenied):
            filing.strike(person, SESSIONS, row, "不利于我")
    with pytest.raises(ValidationError):
        filing.strike(officer, SESSIONS, row, " ")
    filing.strike(officer, SESSIONS, row, "填错设备")
    assert (row.struck_by, row.struck_reason) == (officer, "填错设备")
    with pytest.raises(PermissionDenied):
        filing.strike(officer, SESSIONS, row, "again")
    assert LedgerEvent.objects.filter(kind="log-book.session-struck").count() == 1
    assert queries.sessions_known([row.device.point_id], NOW - timedelta(days=30), NOW) == []
    put(officer, SESSIONS, SESSION)
    assert RemoteSession.objects.count() == 2


def test_entries_by_form_and_by_file(client, holder) -> None:
    client.force_login(holder)
    for name in BOOKS:
        page = client.get(f"/log-books/{name}/")
        assert page.status_code == 200
        assert "录入或导入" in page.content.decode()
        assert client.get(f"/log-books/{name}/enter/").status_code == 200
        heads = load_workbook(io.BytesIO(client.get(f"/log-books/{name}/template/").content)).active
        assert [cell.value for cell in heads[1]] == files.heads(BOOKS[name])
    answer = client.post("/log-books/remote-sessions/enter/", SESSION, follow=True)
    assert "运维 王某" in answer.content.decode()
    bad = client.post(
        "/log-books/remote-sessions/enter/", {**SESSION, "device": "W1-D1", "end": "2026-01-01"}
    )
    assert (
        "必须晚于开始" in bad.content.decode()
        or "text-danger" in bad.content.decode()
        or "alert-danger" in bad.content.decode()
    )
    text = "outlet,material,first_day,last_day,amount,unit\nS1-W1,取水,2026-10-01,2026-10-31,12000,m³\nS1-W1,water,2026-10-31,2026-11-02,1,m³\n"
    twice = client.post(
        "/log-books/materials/enter/",
        {"by_file": "1", "file": SimpleUploadedFile("用水.csv", text.encode("gb18030"))},
    )
    assert "重叠" in twice.content.decode()
    assert not MaterialUse.objects.exists()
    good = text.splitlines()[:2]
    done = client.post(
        "/log-books/materials/enter/",
        {"by_file": "1", "file": SimpleUploadedFile("用水.csv", "\n".join(good).encode())},
        follow=True,
    )
    assert "12000 m³" in done.content.decode()
    assert Filing.objects.get(book="materials").file_name == "用水.csv"
    assert "请先选择文件" in client.post("/log-books/materials/enter/", {"by_file": "1"}).content.decode()


def test_pages_of_an_entry_and_of_the_device(client, registry, holder) -> None:
    put(holder, SESSIONS, SESSION)
    put(holder, SOFTWARE, READING)
    client.force_login(holder)
    (row,) = RemoteSession.objects.all()
    page = client.get(f"/log-books/remote-sessions/{row.pk}/").content.decode()
    assert "运维 王某" in page
    assert "作废" in page
    device = client.get("/devices/W1-D1/").content.decode()
    for text in ("运维 王某", "未报备", "V2.1", "无备案"):
        assert text in device
    client.post(f"/log-books/remote-sessions/{row.pk}/strike/", {"reason": "重复"})
    assert "重复" in client.get(f"/log-books/remote-sessions/{row.pk}/").content.decode()
    assert "运维 王某" not in client.get("/devices/W1-D1/").content.decode()
    assert "运维 王某" in client.get("/log-books/remote-sessions/?struck=1").content.decode()
    assert client.get("/log-books/software-found/?export=xlsx").status_code == 200
    assert client.get("/log-books/unknown/").status_code == 404
    client.force_login(registry.person("stranger", "leader", region=registry.other))
    assert client.get(f"/log-books/remote-sessions/{row.pk}/").status_code == 404
    assert "运维 王某" not in client.get("/log-books/remote-sessions/").content.decode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(BOOKS)),
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ("device", "start", "end", "person", "outlet", "amount", "first_day", "digest", "x")
            ),
            st.text(max_size=12) | st.integers() | st.none() | st.floats() | st.booleans(),
        ),
        max_size=3,
    ),
)
def test_whatever_a_file_holds_is_answered_by_row_errors(holder, name, rows) -> None:
    book = BOOKS[name]
    with pytest.raises(ValidationError):
        put(holder, book, *rows)
    assert not Filing.objects.exists()

"""An office's own rows: entered from CSV, in force at once, withdrawn again."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import queries, services
from qingjian.apps.rulekeeping.models import LocalRow
from qingjian.rulebook import packaged

TABLE = "qc_checks"


def changed(**values: str) -> str:
    """A packaged check of stations with other values, as a CSV file."""
    row = packaged().rows(TABLE)[0]
    out = io.StringIO()
    content = {**row.values, **values}
    writer = csv.DictWriter(out, list(content))
    writer.writeheader()
    writer.writerow(content)
    return out.getvalue()


@pytest.fixture
def manager(county):
    return county.person("m", "data_manager", region=county.city)


def test_an_own_row_takes_the_place_of_a_packaged_one_and_can_be_withdrawn(manager) -> None:
    before = queries.rulebook()
    entered = services.enter_local(manager, TABLE, changed(frequency=">=50 min sampling"), "市规〔2026〕3号")
    (row,) = entered.rows
    now = queries.rulebook()
    assert now.row(row.id).override
    assert now.row(row.id)["frequency"] == ">=50 min sampling"
    assert not before.row(row.id).override
    assert len(now) == len(before)
    services.enter_local(manager, TABLE, changed(frequency=">=55 min sampling"), "市规〔2026〕9号")
    assert queries.rulebook().row(row.id)["frequency"] == ">=55 min sampling"
    assert LocalRow.objects.filter(withdrawn_at=None).count() == 1
    services.withdraw_local(manager, row.id)
    assert queries.rulebook() == before
    with pytest.raises(ValidationError):
        services.withdraw_local(manager, row.id)


def test_wrong_lines_are_named_and_nothing_is_stored(manager) -> None:
    entered = services.enter_local(manager, TABLE, changed(confidence="Q"), "市规〔2026〕3号")
    assert [(error.line, error.column) for error in entered.errors] == [(2, "confidence")]
    assert "Q" in entered.errors[0].message_zh
    assert LocalRow.objects.count() == 0


def test_who_may_enter_and_what_must_be_said(manager, county) -> None:
    with pytest.raises(PermissionDenied):
        services.enter_local(county.person("s", "station_staff"), TABLE, changed(), "市规〔2026〕3号")
    for table, text, document in (
        ("none", changed(), "市规〔2026〕3号"),
        (TABLE, changed(), " "),
        (TABLE, changed().splitlines()[0], "市规〔2026〕3号"),
    ):
        with pytest.raises(ValidationError):
            services.enter_local(manager, table, text, document)


def test_own_rules_of_the_whole_node_need_a_post_that_reaches_it(manager, county, client) -> None:
    inside = county.person("inside", "data_manager")
    with pytest.raises(PermissionDenied):
        services.enter_local(inside, TABLE, changed(), "市规〔2026〕3号")
    entered = services.enter_local(manager, TABLE, changed(frequency=">=50 min sampling"), "市规〔2026〕3号")
    (row,) = entered.rows
    with pytest.raises(PermissionDenied):
        services.withdraw_local(inside, row.id)
    with pytest.raises(PermissionDenied):
        services.confirm(inside, row.id, row.digest, "市规〔2026〕3号")
    client.force_login(inside)
    page = client.get("/rules/?state=local").content.decode()
    assert "rules/own/withdraw" not in page
    assert "own-table" not in page


def test_the_page_takes_a_file_shows_errors_and_withdraws(client, manager) -> None:
    client.force_login(manager)

    def send(content: bytes):
        upload = SimpleUploadedFile("rules.csv", content, "text/csv")
        return client.post("/rules/own/", {"table": TABLE, "document": "市规〔2026〕3号", "file": upload})

    wrong = send(changed(confidence="Q").encode())
    assert wrong.status_code == 400
    assert "confidence" in wrong.content.decode()
    assert client.get(send(b"\xff\xfe\x00").url).status_code == 200
    done = send(b"\xef\xbb\xbf" + changed(frequency=">=50 min sampling").encode())
    page = client.get(done.url).content.decode()
    assert "&gt;=50 min sampling" in page
    assert "市规〔2026〕3号" in page
    row = LocalRow.objects.get()
    client.post("/rules/own/withdraw/", {"row": row.row_id, "next": "/rules/?state=local"})
    assert "&gt;=50 min sampling" not in client.get("/rules/?state=local").content.decode()
    template = client.get("/rules/own/qc_checks.csv")
    assert template.content.startswith(b"\xef\xbb\xbfmedium,check,limit,standard,")
    assert client.get("/rules/own/none.csv").status_code == 404


def test_an_own_row_is_committed_to_the_ledger(manager) -> None:
    services.enter_local(manager, TABLE, changed(frequency=">=50 min sampling"), "市规〔2026〕3号")
    assert LedgerEvent.objects.filter(kind="rule.local").count() == 1


@pytest.mark.parametrize(
    "table",
    [
        "aqi_levels",
        "water_rating",
        "tli",
        "cwqi",
        "eqi",
        "noise_rating_hj640",
        "data_validity",
        "cems_checks",
        "water_checks",
        "warning_levels",
        "spearman_critical",
    ],
)
def test_what_decides_results_takes_two_persons(manager, county, client, table: str) -> None:
    """Bounds of classes, levels and validity decide as much as limits do."""
    row = packaged().rows(table)[0]
    text = services.as_csv(table, [{**row.values, "source": "市规〔2026〕3号"}])
    with pytest.raises(ValidationError, match=r"second person|第二人"):
        services.enter_local(manager, table, text, "市规〔2026〕3号")
    change = services.propose(manager, table, text, "地方规定")
    with pytest.raises(PermissionDenied):
        services.approve(manager, change, 0, "市规〔2026〕3号 第1页")
    assert queries.rulebook().local_rows() == ()
    services.approve(
        county.person("c", "data_manager", region=county.city), change, 0, "市规〔2026〕3号 第1页"
    )
    (own,) = queries.rulebook().local_rows()
    assert (own.table, own.source) == (table, "市规〔2026〕3号")
    client.force_login(manager)
    assert client.get(f"/limits/?table={table}").status_code == 200
    assert client.get(f"/limits/propose/?table={table}").status_code == 200
    assert f'<option value="{table}"' not in client.get("/rules/").content.decode().split("own-table")[1]


def test_a_validity_nobody_can_read_is_refused(manager) -> None:
    row = next(one for one in packaged().rows("data_validity", scope="1h") if one.edition == "2026")
    text = services.as_csv("data_validity", [{**row.values, "rule": "mostly valid"}])
    with pytest.raises(ValidationError, match=r"读不出数值|no number"):
        services.propose(manager, "data_validity", text, "地方规定")


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "名录"), ("en", "registry")])
def test_limits_of_permits_are_sent_to_the_registry(manager, client, language: str, words: str) -> None:
    """Nothing reads permit limits of an office's own rows: they would judge nothing without a word."""
    text = b"standard,outlet,pollutant_cn,unit,op,limit\nP,S1-W1,COD,mg/L,<=,20\n"
    with pytest.raises(ValidationError):
        services.enter_local(manager, "permit_limits", text.decode(), "许可证 第3页")
    client.force_login(manager)
    client.cookies["django_language"] = language
    assert '<option value="permit_limits"' not in client.get("/rules/").content.decode().split("own-table")[1]
    upload = SimpleUploadedFile("permit.csv", text, "text/csv")
    answer = client.post(
        "/rules/own/", {"table": "permit_limits", "document": "许可证 第3页", "file": upload}, follow=True
    )
    page = answer.content.decode()
    assert words in page.split("own-table")[0]
    assert page.split("own-table")[0].count("/registry/import/") >= 1
    assert LocalRow.objects.count() == 0

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


def changed(**values: str) -> str:
    """The packaged row of valid hours of gases (from 2026-03) with other values, as a CSV file."""
    row = next(one for one in packaged().rows("data_validity", scope="1h") if one.edition == "2026")
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
    entered = services.enter_local(
        manager, "data_validity", changed(rule=">=50 min sampling"), "市规〔2026〕3号"
    )
    (row,) = entered.rows
    now = queries.rulebook()
    assert now.row(row.id).override
    assert now.row(row.id)["rule"] == ">=50 min sampling"
    assert not before.row(row.id).override
    assert len(now) == len(before)
    services.enter_local(manager, "data_validity", changed(rule=">=55 min sampling"), "市规〔2026〕9号")
    assert queries.rulebook().row(row.id)["rule"] == ">=55 min sampling"
    assert LocalRow.objects.filter(withdrawn_at=None).count() == 1
    services.withdraw_local(manager, row.id)
    assert queries.rulebook() == before
    with pytest.raises(ValidationError):
        services.withdraw_local(manager, row.id)


def test_wrong_lines_are_named_and_nothing_is_stored(manager) -> None:
    text = changed(rule="mostly valid", confidence="Q")
    entered = services.enter_local(manager, "data_validity", text, "市规〔2026〕3号")
    assert [error.column for error in entered.errors] == ["confidence"]
    entered = services.enter_local(manager, "data_validity", changed(rule="mostly valid"), "市规〔2026〕3号")
    assert [(error.line, error.column) for error in entered.errors] == [(2, "rule")]
    assert "读不出数值" in entered.errors[0].message_zh
    assert LocalRow.objects.count() == 0


def test_who_may_enter_and_what_must_be_said(manager, county) -> None:
    with pytest.raises(PermissionDenied):
        services.enter_local(
            county.person("s", "station_staff"), "data_validity", changed(), "市规〔2026〕3号"
        )
    for table, text, document in (
        ("none", changed(), "市规〔2026〕3号"),
        ("data_validity", changed(), " "),
        ("data_validity", changed().splitlines()[0], "市规〔2026〕3号"),
    ):
        with pytest.raises(ValidationError):
            services.enter_local(manager, table, text, document)


def test_own_rules_of_the_whole_node_need_a_post_that_reaches_it(manager, county, client) -> None:
    inside = county.person("inside", "data_manager")
    with pytest.raises(PermissionDenied):
        services.enter_local(inside, "data_validity", changed(), "市规〔2026〕3号")
    entered = services.enter_local(
        manager, "data_validity", changed(rule=">=50 min sampling"), "市规〔2026〕3号"
    )
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
        return client.post(
            "/rules/own/", {"table": "data_validity", "document": "市规〔2026〕3号", "file": upload}
        )

    wrong = send(changed(rule="mostly valid").encode())
    assert wrong.status_code == 400
    assert "读不出数值" in wrong.content.decode()
    assert client.get(send(b"\xff\xfe\x00").url).status_code == 200
    done = send(b"\xef\xbb\xbf" + changed(rule=">=50 min sampling").encode())
    page = client.get(done.url).content.decode()
    assert "&gt;=50 min sampling" in page
    assert "市规〔2026〕3号" in page
    row = LocalRow.objects.get()
    client.post("/rules/own/withdraw/", {"row": row.row_id, "next": "/rules/?state=local"})
    assert "&gt;=50 min sampling" not in client.get("/rules/?state=local").content.decode()
    template = client.get("/rules/own/data_validity.csv")
    assert template.content.startswith(b"\xef\xbb\xbfstandard,")
    assert client.get("/rules/own/none.csv").status_code == 404


def test_an_own_row_is_committed_to_the_ledger(manager) -> None:
    services.enter_local(manager, "data_validity", changed(rule=">=50 min sampling"), "市规〔2026〕3号")
    assert LedgerEvent.objects.filter(kind="rule.local").count() == 1

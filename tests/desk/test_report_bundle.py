"""A signed report as one zip: content, files, signature, proofs, checked by the program an outsider uses."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from tests.apps.reporting.conftest import DAY, data, filled, place  # noqa: F401 - fixtures
from tests.desk.conftest import Node
from tests.desk.mutation import assert_every_change_is_named, unzipped

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.matters.services import files
from qingjian.apps.reporting import services
from qingjian.apps.reporting.models import Report
from qingjian.notary.bundle import own_policy


@pytest.fixture
def leader(place):  # noqa: F811
    return place.person("leader", "leader")


@pytest.fixture
def signed(filled, place, clock, leader) -> Report:  # noqa: F811
    report = services.make(place.person("manager", "data_manager"), "air", "day", place.county, DAY)
    services.sign_off(leader, report, "同意")
    node(place, clock).enter()
    return report


def node(place, clock) -> Node:  # noqa: F811
    return Node(settings.DATA_FOLDER, clock, place)


def download(client, leader, report: Report) -> dict[str, bytes]:
    client.force_login(leader)
    assert f"/reports/{report.pk}/bundle/" in client.get(f"/reports/{report.pk}/").content.decode()
    answer = client.post(f"/reports/{report.pk}/bundle/")
    assert answer["Content-Type"] == "application/zip"
    return unzipped(answer.content)


def test_a_report_with_its_files_and_signature(client, signed, leader, place, clock, tmp_path) -> None:  # noqa: F811
    found = download(client, leader, signed)
    with node(place, clock).open_here() as notary:
        policy = own_policy(notary, ["2026"])
    folder = f"files/report-{signed.pk}"
    assert found[f"{folder}/report.docx"] == files.read(signed.word)
    assert json.loads(found[f"{folder}/content.json"]) == signed.content
    event = json.loads(next(content for name, content in found.items() if name.startswith("events/0")))
    assert (event["kind"], event["content"]["digest"]) == ("report.final", signed.digest)
    summary = found["summary.md"].decode()
    assert "签发" in summary
    index = [json.loads(line) for line in found["files/index.jsonl"].splitlines()]
    assert len(index) == 3
    assert all(row["event"] is not None for row in index), index
    assert AuditEvent.objects.filter(action="ledger:bundle:exported").exists()
    assert_every_change_is_named(found, policy, tmp_path)


def test_a_report_rewritten_in_the_database_gets_no_proof(client, signed, leader) -> None:
    changed = json.loads(json.dumps(signed.content).replace("20", "21"))
    Report.objects.filter(pk=signed.pk).update(content=changed)
    found = download(client, leader, signed)
    index = [json.loads(line) for line in found["files/index.jsonl"].splitlines()]
    proven = {row["file"].rpartition("/")[2]: row["event"] is not None for row in index}
    assert proven == {"content.json": False, "report.docx": True, "report.xlsx": True}


def test_only_those_who_see_the_report_get_it(client, signed, place) -> None:  # noqa: F811
    client.force_login(place.person("elsewhere", "data_manager", region=place.other))
    assert client.post(f"/reports/{signed.pk}/bundle/").status_code == 404
    assert client.get(f"/reports/{signed.pk}/bundle/").status_code == 405

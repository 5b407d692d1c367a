"""Evidence bundles from a page, checked by the command an outsider uses."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest
from tests.desk.conftest import DAY
from typer.testing import CliRunner

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.network import queries as network
from qingjian.apps.observing import services as observing
from qingjian.cli.ledger import app
from qingjian.notary.bundle import own_policy

LONG = "2026-10-01T00:00"


def ask(client, code: str = "W1", **changes: object):
    data = {
        "series": ["W1.w01018"],
        "statistic": "hour",
        "start": "2026-11-20T00:00",
        "end": "2026-11-21T00:00",
        **changes,
    }
    return client.post(f"/points/{code}/evidence/", data)


def check(path, *arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", str(path), *map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def downloaded(client, node, tmp_path):
    """A bundle that the permit holder downloads, with a mark on its data, and the policy from elsewhere."""
    holder = node.county.person("holder", "permit_holder", organisation=node.county.holder)
    point = network.points_visible_to(holder).get(code="W1")
    observing.set_mark(
        holder, point, ["W1.w01018"], DAY, DAY + timedelta(hours=2), "maintenance", "清洗采样管"
    )
    node.enter()
    client.force_login(holder)
    answer = ask(client)
    assert answer.status_code == 200, answer.content.decode()
    assert answer["Content-Type"] == "application/zip"
    path = tmp_path / "bundle.zip"
    path.write_bytes(answer.content)
    policy = tmp_path / "policy.txt"
    notary = node.open()
    policy.write_text(own_policy(notary, ["2026"]))
    notary.close()
    return path, policy


def test_a_downloaded_bundle_holds_for_whoever_knows_the_key(downloaded) -> None:
    path, policy = downloaded
    assert check(path)[0] == 2
    code, text = check(path, "--policy", policy)
    assert code == 0, text
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {"verify.py", "summary.md", "frames/gateway-1.bin", "files/settings.json"} <= names
        assert len(archive.read("frames/gateway-1.jsonl").splitlines()) == 24
        table = archive.read("files/values/W1.w01018.csv").decode("utf-8-sig").splitlines()
        assert len(table) == 25
        assert "40" in table[1]
        summary = archive.read("summary.md").decode()
        assert "清洗采样管" in summary
        assert "已入账" in summary
        assert "清洗采样管" in archive.read("events/0001.json").decode()
    assert AuditEvent.objects.filter(action="ledger:bundle:exported", subject="W1").exists()


def test_any_changed_file_fails_and_is_named(downloaded, tmp_path) -> None:
    path, policy = downloaded
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in files.items():
        if not content:
            continue
        changed = dict(files)
        middle = len(content) // 2
        changed[name] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for one, data in changed.items():
                archive.writestr(one, data)
        other = tmp_path / "changed.zip"
        other.write_bytes(buffer.getvalue())
        code, text = check(other, "--policy", policy)
        assert code == 1, name
        assert name in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": LONG}, "31"),
        ({"statistic": "minute", "start": "2026-11-18T00:00"}, "31"),
        ({"end": "2026-11-19T00:00"}, ""),
        ({"series": []}, ""),
        ({"series": ["A1.a34004"]}, ""),
        ({"start": "nonsense"}, ""),
        ({"statistic": "day", "start": "2026-08-01T00:00"}, "92"),
        ({"statistic": "realtime"}, ""),
    ],
)
def test_a_request_out_of_bounds_gets_a_clear_answer(client, node, changes, said) -> None:
    client.force_login(node.county.person("staff", "station_staff"))
    answer = ask(client, **changes)
    assert answer.status_code == 400
    assert said in answer.content.decode()


def test_nobody_gets_evidence_of_points_out_of_reach(client, node) -> None:
    client.force_login(node.county.person("h", "permit_holder", organisation=node.county.holder))
    assert ask(client, "A1", series=["A1.a34004"]).status_code == 404
    client.force_login(node.county.person("far", "station_staff", region=node.county.other))
    assert ask(client).status_code == 404
    client.force_login(node.county.person("a", "audit_administrator"))
    assert ask(client).status_code == 403


def test_the_button_and_the_form_are_there(client, node) -> None:
    client.force_login(node.county.person("staff", "station_staff"))
    assert "/points/W1/evidence/" in client.get("/points/W1/").content.decode()
    page = client.get("/points/W1/evidence/").content.decode()
    assert "W1.w01018" in page
    assert "style=" not in page

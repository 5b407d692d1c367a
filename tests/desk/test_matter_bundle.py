"""A matter as one zip: its steps, signatures, files and trail, checked by the program an outsider uses."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from tests.apps.matters.conftest import Office, office  # noqa: F401 - fixtures

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.matters.models import Evidence, Matter
from qingjian.apps.matters.services import files
from qingjian.apps.records.models import LedgerEvent
from qingjian.notary import verify
from qingjian.notary.bundle import own_policy


@pytest.fixture
def finished(node, office: Office) -> Matter:  # noqa: F811
    matter = office.reported()
    matter = office.sign(office.sign(matter, office.handler), office.leader)
    node.enter()
    return matter


@pytest.fixture
def policy(node, tmp_path: Path) -> Path:
    path = tmp_path / "policy.txt"
    with node.open_here() as notary:
        path.write_text(own_policy(notary, ["2026"]))
    return path


def download(client, person, matter: Matter) -> dict[str, bytes]:
    client.force_login(person)
    answer = client.post(f"/matters/{matter.pk}/bundle/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check(found: dict[str, bytes], folder: Path, policy: Path) -> tuple[int, dict]:
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return verify.verify(path, policy.read_text())


def test_a_matter_with_everything_in_it(client, node, office, finished, policy, tmp_path) -> None:  # noqa: F811
    found = download(client, office.leader, finished)
    path = tmp_path / "bundle.zip"
    check(found, tmp_path, policy)
    # The way an outsider does it: a copy of the program, nothing of this installation.
    program = tmp_path / "verify.py"
    program.write_bytes(found["verify.py"])
    done = subprocess.run(
        [sys.executable, "-I", str(program), str(path), "--policy", str(policy), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    place = f"files/{finished.number.replace('/', '_')}"
    trail = json.loads(next(content for name, content in found.items() if name.endswith("/trail.json")))
    assert [one["sequence"] for one in trail["trail"]] == list(range(1, finished.trail.count() + 1))
    events = [json.loads(content) for name, content in found.items() if name.startswith("events/0")]
    assert len(events) == finished.trail.count()
    for line, event in zip(
        trail["trail"], sorted(events, key=lambda one: one["content"]["sequence"]), strict=True
    ):
        typed = json.dumps(line["data"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert event["content"]["data"] == hashlib.sha256(typed.encode()).hexdigest()
    proven = {one["part"]: one["what"] for one in report["held"] if one["part"].startswith(place)}
    for kind in ("evidence", "documents"):
        some = [what for name, what in proven.items() if f"/{kind}/" in name]
        assert some, proven
        assert all("已入账" in what and "未入账" not in what for what in some), proven
    summary = found["summary.md"].decode()
    assert finished.number in summary
    assert "事项签字" in summary
    assert AuditEvent.objects.filter(action="ledger:bundle:exported", subject=finished.number).exists()


def test_any_changed_file_of_it_is_named(client, office, finished, policy, tmp_path) -> None:  # noqa: F811
    found = download(client, office.leader, finished)
    assert check(found, tmp_path, policy)[0] == 0
    for name, content in found.items():
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        code, report = check({**found, name: changed}, tmp_path, policy)
        assert code == 1, name
        assert name in {one["file"] for one in report["failures"]}


def test_a_stored_file_that_was_exchanged_is_said_and_left_out(
    client,
    office,  # noqa: F811
    finished,
    policy,
    tmp_path,
) -> None:
    row = Evidence.objects.get(matter=finished)
    path = files.path_of(row.file_id)
    path.chmod(0o640)
    path.write_bytes(b"another picture")
    found = download(client, office.leader, finished)
    assert check(found, tmp_path, policy)[0] == 0
    summary = found["summary.md"].decode()
    assert row.file_id in summary
    assert "未包含" in summary
    assert not any("/evidence/" in name for name in found)


def test_a_sign_off_forged_in_the_database_does_not_get_a_proof(
    client,
    office,  # noqa: F811
    finished,
    policy,
    tmp_path,
) -> None:
    event = LedgerEvent.objects.filter(kind="matter.signed").first()
    changed = bytes(event.canonical).replace(
        office.leader.username.encode(), b"x" * len(office.leader.username)
    )
    if changed == bytes(event.canonical):
        changed = bytes(event.canonical).replace(b'"refused":false', b'"refused":true')
    LedgerEvent.objects.filter(pk=event.pk).update(canonical=changed)
    code, report = check(download(client, office.leader, finished), tmp_path, policy)
    assert code == 1
    assert any("committed" in one["reason"] for one in report["failures"])


def test_only_those_who_see_the_matter_get_it(client, office, finished) -> None:  # noqa: F811
    client.force_login(office.outsider)
    assert client.post(f"/matters/{finished.pk}/bundle/").status_code == 404
    client.force_login(office.leader)
    assert client.get(f"/matters/{finished.pk}/bundle/").status_code == 405
    assert f"/matters/{finished.pk}/bundle/" in client.get(f"/matters/{finished.pk}/").content.decode()


def test_the_organisation_concerned_gets_it_without_the_authoritys_own_lines(
    client,
    node,
    office,  # noqa: F811
    policy,
    tmp_path,
) -> None:
    matter = office.ordered()
    office.act(matter, "comment", office.handler, note="周五突击复查")
    node.enter()
    found = download(client, office.holder, matter)
    assert check(found, tmp_path, policy)[0] == 0
    assert "周五突击复查".encode() not in b"".join(found.values())
    trail = json.loads(next(content for name, content in found.items() if name.endswith("/trail.json")))
    assert "withheld" in trail["trail"][-1]
    whole = download(client, office.leader, matter)
    assert "周五突击复查".encode() in b"".join(whole.values())


def test_without_a_ledger_the_page_says_so(client, office) -> None:  # noqa: F811
    matter = office.open()
    client.force_login(office.leader)
    answer = client.post(f"/matters/{matter.pk}/bundle/", follow=True)
    assert "no ledger" in answer.content.decode()
    assert not settings.DATA_FOLDER.ledger.joinpath("state.sqlite3").exists()

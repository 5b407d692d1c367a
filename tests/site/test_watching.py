"""What the doctor says: what is reachable, behind and unsafe."""

# ruff: noqa: F811 - fixtures are imported under the names tests ask for

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from tests.apps.conftest import (  # noqa: F401
    NOW,
    _data_folder,
    _quick_passwords,
    clock,
    county,
    lay_out,
    registry,
)

from qingjian.apps.network import models
from qingjian.apps.network import services as network
from qingjian.contracts.anchored import Anchored, AnchoredPositions
from qingjian.contracts.folders import DataFolder
from qingjian.gateway.positions import PositionStore
from qingjian.gateway.quarantine import QuarantineStore, Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.stating import make_finding
from qingjian.site import health, watching
from qingjian.site.configuration import Configuration

pytestmark = pytest.mark.any_database
MINUTE = timedelta(minutes=1)


@pytest.fixture
def folder(_data_folder) -> DataFolder:
    return _data_folder


def write_status(folder: DataFolder, **more: object) -> None:
    told = {"name": "gateway-1", "state": "running", "at": NOW.isoformat(), "journal": "ok", **more}
    (folder.presence.parent / "gateway-1.status.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("status", "levels", "word"),
    [
        ({"devices_connected": 3}, [0], "3 台设备"),
        ({"at": (NOW - 5 * MINUTE).isoformat()}, [2], "300 秒没有状态"),
        ({"journal": "failing", "journal_reason": "disk low"}, [2], "disk low"),
        ({"policy_problems": {"MN-A1": "unknown edition"}}, [0, 2], "MN-A1"),
        ({"state": "stopped"}, [], ""),
    ],
    ids=["well", "stands still", "disk", "policy", "stopped"],
)
def test_a_gateway_process_is_looked_at(folder, status, levels, word) -> None:
    write_status(folder, **status)
    lines = list(watching.gateways(folder, NOW, runs=True))
    assert [one.level for one in lines] == levels
    assert word in " ".join(one.text for one in lines)
    assert list(watching.gateways(folder, NOW, runs=False)) == []


@pytest.mark.parametrize(
    ("status", "level", "word"),
    [
        ({}, 1, "没有状态"),
        ({"behind_seconds": 2.0, "behind_frames": 7}, 0, "7 条"),
        ({"behind_seconds": 90.0, "behind_frames": 700}, 1, "90 秒"),
        ({"at": (NOW - 5 * MINUTE).isoformat()}, 2, "300 秒没有状态"),
        ({"chore_errors": 2}, 1, "2 次作业失败"),
    ],
)
def test_the_pipeline_is_looked_at(status, level, word) -> None:
    line = watching.pipeline({"at": NOW.isoformat(), **status} if status else {}, NOW, 60)
    assert (line.level, word in line.text) == (level, True)


def test_ports_are_tried(folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        open_port = listening.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            closed = other.getsockname()[1]
        (folder.findings.parent / "node.json").write_text(json.dumps({"web_port": open_port}))
        configuration = Configuration(gateway_port=closed, gateway_tls_port=closed)
        lines = {one.subject: one.level for one in watching.ports(folder, configuration)}
    assert lines == {"web port": 0, "gateway port": 1, "gateway TLS port": 1}


def put_target(folder: DataFolder, state: str, reason: str = "") -> None:
    models.ForwardTarget.objects.create(code="up", name="省平台", host="10.9.0.1", port=9212, devices=["*"])
    network.publish_directory()
    store = PositionStore(folder.forwarding)
    store.begin("up", "gateway-1", 0)
    store.link("up", state, NOW, reason=reason)
    store.close()


@pytest.mark.parametrize(("state", "reason", "level"), [("connected", "", 0), ("waiting", "refused", 1)])
def test_upper_platforms_are_looked_at(registry, folder, clock, state, reason, level) -> None:
    frames(folder, clock, 3)
    put_target(folder, state, reason)
    (line,) = watching.upper_platforms(folder, network.directory_store().current())
    assert (line.level, line.subject) == (level, "forwarding up")
    assert "落后 3 条" in line.text
    assert reason in line.text


def frames(folder: DataFolder, clock, count: int) -> None:
    with JournalWriter.open(folder.journal, "gateway-1", clock) as writer:
        received = int(NOW.timestamp() * 1_000_000)
        writer.append_many([NewFrame(received, "a:1", 1, "MN-A1", Kind.ACCEPTED, b"x")] * count)


@pytest.mark.parametrize(("anchored", "later", "level"), [(3, 20, 0), (1, 5, 0), (1, 20, 1)])
def test_frames_that_wait_for_the_ledger_are_counted(
    db,
    folder,
    clock,
    anchored,
    later,
    level,
) -> None:
    frames(folder, clock, 3)
    AnchoredPositions(folder.anchored).write({"gateway-1": Anchored(1, anchored)})
    found = {one.subject: one for one in watching.waiting(folder, NOW + later * MINUTE)}
    assert found["ledger gateway-1"].level == level
    assert found["ledger gateway-1"].text.startswith(f"{3 - anchored} 条")


@pytest.mark.parametrize(("later", "level"), [(5, 0), (20, 1)])
def test_findings_nobody_consumed_are_seen(db, folder, later, level) -> None:
    log = SqliteFindingLog(folder.findings)
    log.append([make_finding("device-silent", "A1-D1", NOW, None, {}, NOW)])
    log.close()
    (line,) = watching.findings(folder, NOW + later * MINUTE)
    assert (line.subject, line.level, line.text[:4]) == ("findings", level, "1 条待")


def test_dropped_samples_are_a_line_of_their_own(db, folder) -> None:
    assert list(watching.waiting(folder, NOW)) == []
    store = QuarantineStore(folder.quarantine)
    store.add([Sender("X", "10.0.0.9", False, 70, 700, 30, 40, "unregistered", NOW, NOW)])
    store.close()
    (line,) = watching.waiting(folder, NOW)
    assert (line.level, line.subject) == (1, "quarantine")
    assert "40 条" in line.text


def test_what_others_can_read_is_unsafe(folder) -> None:
    folder.root.chmod(0o750)
    assert list(watching.secrets(folder)) == []
    folder.root.chmod(0o755)
    assert [one.level for one in watching.secrets(folder)] == [1]
    secret = folder.people / "django.secret"
    secret.write_text("x")
    secret.chmod(0o644)
    first, _ = watching.secrets(folder)
    assert (first.level, "django.secret" in first.text) == (2, True)
    secret.chmod(0o600)
    assert [one.level for one in watching.secrets(folder)] == [1]


def certificate(path: Path, until: datetime) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "monitor.example.cn")])
    held = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(until - timedelta(days=90))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(held.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("days", "level"), [(60, 0), (10, 1), (-1, 2)])
def test_a_certificate_is_looked_at_before_it_ends(tmp_path, days, level) -> None:
    path = certificate(tmp_path / "c.pem", datetime(2026, 11, 21, 2, 0, tzinfo=UTC) + timedelta(days=days))
    configuration = Configuration(tls_certificate=str(path), tls_key=str(path))
    (line,) = watching.certificate(configuration, NOW)
    assert (line.subject, line.level) == ("certificate", level)
    assert list(watching.certificate(Configuration(), NOW)) == []
    for broken in ({"tls_key": str(tmp_path / "none")}, {"tls_certificate": __file__}):
        (line,) = watching.certificate(replace(configuration, **broken), NOW)
        assert line.level == 2


def test_the_doctor_says_all_of_it(registry, folder, clock) -> None:
    frames(folder, clock, 1)
    put_target(folder, "waiting", "refused")
    folder.root.chmod(0o755)
    subjects = [one.subject for one in health.doctor(folder)]
    assert len([one for one in subjects if one.startswith("setting ")]) == len(settings.EFFECTIVE.origins)
    for subject in (
        "database", "disk", "files", "system_administrator", "services", "web port", "gateway port",
        "forwarding up", "alerting", "ledger",
    ):  # fmt: skip
        assert subject in subjects

"""A backup's manifest is in the ledger: one rewritten where it lies shows; a restored node says it is unchecked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qingjian.apps.records import queries as records
from qingjian.contracts.manifest import MANIFEST, digest_of, verify
from qingjian.desk.ledger import backups, checking
from qingjian.site import backup, health


@pytest.fixture
def made(node, clock, tmp_path) -> Path:
    target = tmp_path / "backup"
    backups.enter(target, backup.make(node.folder, target, clock.now()))
    node.enter()
    return target


@pytest.fixture
def staff(node, client):
    client.force_login(node.county.person("staff", "data_manager"))


def rewrite(target: Path, *, manifest: bool) -> None:
    victim = next(path for path in sorted(target.rglob("*.parquet")))
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    if manifest:
        said = json.loads((target / MANIFEST).read_text())
        said["files"][victim.relative_to(target).as_posix()]["sha256"] = digest_of(victim)
        (target / MANIFEST).write_text(json.dumps(said))
        verify(target)


def test_an_untouched_backup_and_one_that_is_elsewhere_say_nothing(made) -> None:
    assert list(backups.differences()) == []
    made.rename(made.with_name("elsewhere"))
    assert list(records.differences()) == []


@pytest.mark.parametrize("manifest", [False, True])
def test_a_backup_rewritten_where_it_lies_stands_on_the_workbench(
    made, node, client, staff, manifest
) -> None:
    rewrite(made, manifest=manifest)
    assert any(str(made) in text for text in checking.check().problems)
    assert "/desk/ledger/" in client.get("/").content.decode()
    assert str(made) in client.get("/desk/ledger/").content.decode()
    assert [line.level for line in health.doctor(node.folder) if line.subject == "ledger check"] == [2]


def test_a_removed_manifest_shows(made) -> None:
    (made / MANIFEST).unlink()
    (text,) = backups.differences()
    assert "manifest" in text


def test_a_restored_node_says_so_until_it_was_checked(made, node, client, staff, clock) -> None:
    assert "lock-exclamation" not in client.get("/").content.decode()
    assert checking.check_restored() is None
    again = type(node.folder)(made.with_name("again"))
    backup.restore(made, again, clock.now())
    assert again.restored.read_text() == clock.now().isoformat()
    # This very node, as if it were the restored one.
    node.folder.restored.write_text("")
    assert "lock-exclamation" in client.get("/").content.decode()
    assert "alert-danger" in client.get("/desk/ledger/").content.decode()
    assert [line.level for line in health.doctor(node.folder) if line.subject == "ledger check"] == [2]
    assert checking.check_restored().problems == []
    assert "lock-exclamation" not in client.get("/").content.decode()

"""What is rewritten behind the program's back is found: by the frame's chain, the receipts, and the nightly check."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection
from tests.desk.conftest import DAY
from tests.desk.mutation import assert_every_change_is_named, unzipped

from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Device
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.records.models import LedgerCheck
from qingjian.desk import tasks
from qingjian.desk.ledger import chains, checking, receipts
from qingjian.notary.bundle import own_policy
from qingjian.notary.verify import verify
from qingjian.site import health

TWENTIETH = date(2026, 11, 20)


@pytest.fixture
def staff(node, client):
    person = node.county.person("staff", "data_manager")
    client.force_login(person)
    return person


def set_mark(person):
    point = network.points_visible_to(person).get(code="A1")
    return observing.set_mark(person, point, ["A1.a34004"], DAY, DAY + timedelta(hours=1), "invalid", "校准")


def chain(person, sequence: int = 5):
    seen, found = chains.frame_chain(person, "gateway-1", sequence)
    assert seen
    return found


def device() -> Device:
    return Device.objects.get(code="W1-D1")


def rewrite_lake_frame(node, sequence: int) -> None:
    """Change a stored frame in the lake's files, keeping everything else."""
    for path in node.lake_files("frames"):
        table = pq.read_table(path, partitioning=None)
        rows = table.column("sequence").to_pylist()
        if sequence in rows:
            contents = table.column("content").to_pylist()
            contents[rows.index(sequence)] = contents[rows.index(sequence)].replace(b"Avg=4", b"Avg=1")
            place = table.schema.get_field_index("content")
            table = table.set_column(
                place, table.schema.field("content"), pa.array(contents, table.schema.field("content").type)
            )
            pq.write_table(table, path)
            return
    raise AssertionError("no such frame in the lake")


def rewrite_journal_frame(node, sequence: int) -> None:
    for path in sorted((node.folder.journal / "gateway-1").glob("*.sqlite3")):
        with sqlite3.connect(path) as segment:
            columns = [row[1] for row in segment.execute("PRAGMA table_info(frames)")]
            name = "content" if "content" in columns else "data"
            row = segment.execute(f"SELECT {name} FROM frames WHERE sequence = ?", (sequence,)).fetchone()
            if row is not None:
                changed = bytes(row[0]).replace(b"Avg=4", b"Avg=1")
                for trigger in segment.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                ).fetchall():
                    segment.execute(f"DROP TRIGGER {trigger[0]}")
                segment.execute(f"UPDATE frames SET {name} = ? WHERE sequence = ?", (changed, sequence))
                return
    raise AssertionError("no such frame in the journal")


def test_untouched_everything_holds(node, staff, client) -> None:
    set_mark(staff)
    node.enter()
    found = checking.check()
    assert found.problems == []
    assert (found.batches, found.frozen) == (12, "")
    assert chain(staff).verdict is True
    hours = receipts.hours(device(), TWENTIETH)
    assert [(one.frames, one.proven, one.broken) for one in hours] == [(0, 0, 0)] + [(1, 1, 0)] * 23
    assert verify_receipt(node) == 2
    assert "alert-danger" not in client.get("/").content.decode()


def verify_receipt(node) -> int:
    path = node.folder.root / "receipt.zip"
    path.write_bytes(receipts.bundle(device(), TWENTIETH))
    return verify(path)[0]


def test_any_changed_file_of_a_receipt_is_named(node, tmp_path) -> None:
    with node.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    assert_every_change_is_named(unzipped(receipts.bundle(device(), TWENTIETH)), policy, tmp_path)


def test_a_frame_rewritten_in_the_lake(node, staff) -> None:
    rewrite_lake_frame(node, 5)
    assert b"Avg=1" in stores.lake().frame("gateway-1", 5)["content"]
    assert chain(staff).verdict is False
    assert chain(staff, 6).verdict is True
    hours = receipts.hours(device(), TWENTIETH)
    assert sum(one.broken for one in hours) == 1
    assert hours[5].broken == 1
    assert verify_receipt(node) == 1


def test_a_frame_rewritten_in_the_journal(node, staff) -> None:
    rewrite_journal_frame(node, 5)
    assert chain(staff).verdict is False
    assert sum(one.broken for one in receipts.hours(device(), TWENTIETH)) == 2  # its batch holds two
    assert any("gateway-1" in text for text in checking.check().problems)


def test_a_frame_rewritten_everywhere_with_a_new_batch(node, staff) -> None:
    """Journal, lake and the notary's own queue agree with each other; the tree does not."""
    rewrite_journal_frame(node, 5)
    rewrite_lake_frame(node, 5)
    from qingjian.journal import JournalReader
    from qingjian.ledger.entries import Frames, encode_entry
    from qingjian.notary.contents import batch_of

    with JournalReader(node.folder.journal / "gateway-1") as reader:
        batch = batch_of(reader.read(4, 2))
    with sqlite3.connect(node.folder.ledger / "state.sqlite3") as state:
        for trigger in state.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            state.execute(f'DROP TRIGGER "{trigger[0]}"')
        entry = encode_entry(Frames("gateway-1", batch.first, batch.last, batch.root))
        state.execute(
            "UPDATE queue SET entry = ? WHERE subject = ?", (entry, f"frames/gateway-1/{batch.first}")
        )
    assert chain(staff).verdict is False
    assert checking.check().problems


def test_frames_deleted_from_the_journal(node) -> None:
    for path in sorted((node.folder.journal / "gateway-1").glob("*.sqlite3")):
        with sqlite3.connect(path) as segment:
            for trigger in segment.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                segment.execute(f"DROP TRIGGER {trigger[0]}")
            last = segment.execute("SELECT max(number) FROM batches").fetchone()[0]
            segment.execute("DELETE FROM batches WHERE number = ?", (last,))
    assert any("missing" in text for text in checking.check().problems)


@pytest.mark.parametrize("file", ["tile/0/000.p", "tile/entries/000.p", "checkpoint"])
def test_files_of_the_log_rewritten(node, staff, client, file) -> None:
    path = node.folder.ledger / "public/2026" / file
    for one in [path] if path.is_file() else sorted(path.iterdir()):
        content = bytearray(one.read_bytes())
        content[len(content) // 3] ^= 1
        one.write_bytes(bytes(content))
    found = checking.check()
    assert found.problems or found.frozen
    assert checking.state().level == 2
    assert "/desk/ledger/" in client.get("/").content.decode()


def test_the_people_database_rewritten_shows_on_the_workbench_and_in_doctor(node, staff, client) -> None:
    mark = set_mark(staff)
    node.enter()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE observing_mark SET reason = %s WHERE id = %s", ["别的理由", mark.pk])
    assert "1 个问题" in tasks.check_ledger(DAY)
    assert "alert-danger" in client.get("/").content.decode()
    page = client.get("/desk/ledger/").content.decode()
    assert "reason" in page
    assert [line.level for line in health.doctor(node.folder) if line.subject == "ledger check"] == [2]


def test_a_ledger_put_back_from_a_copy_does_not_sign_and_says_so(node, staff, client) -> None:
    (node.folder.ledger / "instance").unlink()
    assert checking.check().frozen
    assert "alert-danger" in client.get("/").content.decode()
    assert [line.level for line in health.doctor(node.folder) if line.subject == "ledger"] == [2]


def test_the_notary_s_own_word_counts_while_it_is_fresh(node, staff, client, clock) -> None:
    path = settings.DATA_FOLDER.findings.parent / "notary.json"
    path.write_text(json.dumps({"at": clock.now().timestamp(), "shard": "2026", "size": 9, "frozen": "原因"}))
    assert checking.state().frozen == "原因"
    assert "原因" in client.get("/desk/ledger/").content.decode()
    clock.advance(600)
    assert checking.state().frozen == ""


def test_a_check_that_stopped_running_is_said(node, clock) -> None:
    checking.check()
    assert checking.state().level == 0
    clock.advance(40 * 3600)
    assert checking.state().overdue
    assert LedgerCheck.objects.count() == 1


def test_receipts_are_for_those_who_may_see_the_device(client, node) -> None:
    holder = node.county.person("holder", "permit_holder", organisation=node.county.holder)
    client.force_login(holder)
    page = client.get("/receipts/?device=W1-D1&day=2026-11-20")
    assert page.status_code == 200
    assert page.content.decode().count("bg-green-lt") == 23
    assert client.get("/receipts/?device=A1-D1&day=2026-11-20").status_code == 404
    assert client.get("/receipts/?device=W1-D1&day=2026-11-20&export=xlsx").content[:2] == b"PK"
    receipt = client.get("/receipts/?device=W1-D1&day=2026-11-20&export=zip")
    assert receipt["Content-Type"] == "application/zip"
    assert client.get("/receipts/?device=W1-D1&day=2026-11-01&export=zip").status_code == 200
    client.force_login(node.county.person("audit", "audit_administrator"))
    assert client.get("/receipts/").status_code == 403

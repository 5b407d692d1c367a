"""What is rewritten behind the program's back is found: by the frame's chain, the receipts, and the nightly check."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection
from tests.desk.conftest import DAY
from tests.desk.mutation import assert_every_change_is_named, unzipped
from typer.testing import CliRunner

from qingjian.apps.network import queries as network
from qingjian.apps.network import services as network_services
from qingjian.apps.network.models import Device
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Mark
from qingjian.apps.records.models import LedgerCheck, LedgerEvent
from qingjian.apps.records.services import RecordsOutbox
from qingjian.cli import ledger as ledger_command
from qingjian.contracts.anchored import AnchoredPositions
from qingjian.desk import tasks
from qingjian.desk.ledger import chains, checking, opening, receipts, received
from qingjian.desk.ledger.frames import LakeFrame, StoredFrames
from qingjian.lake import Lake
from qingjian.notary.bundle import own_policy
from qingjian.notary.configured import mirrors, own_cosigner, witness_clients
from qingjian.notary.service import NotaryService
from qingjian.notary.verify import verify
from qingjian.site import health
from qingjian.site.notary import FrameBatches, _say

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
    assert "lock-exclamation" not in client.get("/").content.decode(), (
        "the workbench says nothing of the ledger"
    )


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
    for everything in (False, True):
        found = checking.check(everything=everything)
        assert found.problems == [
            "gateway-1 5–6：数据湖中的报文与入账时不同 / the stored frames were changed in the lake"
        ]
        assert found.batches == 12


def keep_of_the_lake(node, keep) -> None:
    """Leave only those frames in the lake whose sequence is wanted."""
    for path in node.lake_files("frames"):
        table = pq.read_table(path, partitioning=None)
        pq.write_table(
            table.filter(pa.array([keep(one) for one in table.column("sequence").to_pylist()])), path
        )


def test_frames_removed_from_the_lake_or_everywhere(node, staff) -> None:
    keep_of_the_lake(node, lambda sequence: sequence not in (5, 6, 8))
    missing = "数据湖中缺报文 / frames are missing in the lake"
    expected = [f"gateway-1 5–8：{missing}"]
    assert checking.check().problems == checking.check(everything=True).problems == expected
    shutil.rmtree(node.folder.journal / "gateway-1")  # the lake is the only copy of old frames
    found = checking.check(everything=True)
    assert (found.problems, found.batches) == (expected, 12)
    keep_of_the_lake(node, lambda _: False)
    assert checking.check(everything=True).problems == [f"gateway-1 1–24：{missing}"]


def test_frames_that_reach_the_lake_during_the_check_are_not_called_missing(node, staff, monkeypatch) -> None:
    written: list[int] = []
    rows, position = Lake.frame_range, Lake.position

    def rows_of_a_moment_ago(self, journal, first, last):
        written.append(24)
        return rows(self, journal, first, min(last, 20))

    monkeypatch.setattr(Lake, "frame_range", rows_of_a_moment_ago)
    monkeypatch.setattr(Lake, "position", lambda self, journal: position(self, journal) if written else 20)
    assert checking.check(everything=True).problems == []


def test_frames_slipped_into_the_lake_are_found_by_fsck(node, staff) -> None:
    for path in node.lake_files("frames"):
        table = pq.read_table(path, partitioning=None)
        row = table.slice(0, 1).to_pylist()[0] | {"journal": "gateway-9", "received_at": DAY}
        pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)]), path)
        break
    (problem,) = checking.check(everything=True).problems
    assert problem.startswith("gateway-9")
    assert "not in the ledger" in problem


def test_old_frames_of_the_lake_are_looked_at_in_turn(node, staff, clock, monkeypatch) -> None:
    monkeypatch.setattr(received, "FRAMES_A_NIGHT", 4)
    rewrite_lake_frame(node, 5)
    nights = []
    for _ in range(12):
        found = checking.check()
        nights.append(any("gateway-1 5–6" in text for text in found.problems))
    assert nights == [False, True, False, False, False, False] * 2


def test_records_of_an_older_log_that_are_gone_show_at_night(node, staff, clock) -> None:
    mark = set_mark(staff)
    node.enter()
    clock.set_wall(datetime(2027, 1, 2, 4, tzinfo=UTC))
    node.enter()
    Mark.objects.filter(pk=mark.pk).delete()
    LedgerEvent.objects.filter(kind="mark.set").delete()
    assert any("2026: 1 " in text for text in checking.check().problems)


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


def test_frames_that_no_backup_holds_are_named_once_and_no_batch_is_called_missing(node) -> None:
    """The ledger knows batches of the time between backup and restore; the journal goes on with other numbers."""
    from qingjian.journal import JournalReader, continue_above

    continue_above(node.folder.journal / "gateway-1", 30)
    node.folder.restored.write_text("restored")
    assert [text for text in checking.check().problems if "gateway-1" in text] == [
        "gateway-1 25–30：备份之后收到，恢复后没有 / received after the backup was made, not restored"
    ]
    node.send_hours(first=DAY + timedelta(days=1), count=4)
    node.enter()
    with JournalReader(node.folder.journal / "gateway-1") as reader:
        assert reader.last() > 2**40
    assert not checking.check().problems
    lines = [line for line in health.doctor(node.folder) if line.subject == "journal gateway-1"]
    assert [(line.level, line.text.split()[0]) for line in lines] == [(1, "25–30")]
    # What is deleted from the end of the older numbers still shows.
    path = sorted((node.folder.journal / "gateway-1").glob("*.sqlite3"))[0]
    with sqlite3.connect(path) as segment:
        segment.execute("DELETE FROM batches WHERE number = 12")
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
    assert "lock-exclamation" in client.get("/").content.decode()
    page = client.get("/desk/ledger/").content.decode()
    assert "reason" in page
    assert [line.level for line in health.doctor(node.folder) if line.subject == "ledger check"] == [2]


def test_a_ledger_put_back_from_a_copy_does_not_sign_and_says_so(node, staff, client) -> None:
    (node.folder.ledger / "instance").unlink()
    assert checking.check().frozen
    assert "lock-exclamation" in client.get("/").content.decode()
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


def delete_journal_rows(node, *sequences: int) -> None:
    for path in sorted((node.folder.journal / "gateway-1").glob("*.sqlite3")):
        with sqlite3.connect(path) as segment:
            for (name,) in segment.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                segment.execute(f"DROP TRIGGER {name}")
            for one in sequences:
                segment.execute("DELETE FROM frames WHERE sequence = ?", (one,))


@pytest.mark.parametrize("lost", [25, 26])
def test_a_batch_with_a_missing_frame_stops_nothing_and_is_told(node, staff, client, lost) -> None:
    """25–26 is the batch; what is left of it is entered and stays provable, and so does what comes after it."""
    node.send_hours(DAY + timedelta(days=1), 6)
    delete_journal_rows(node, lost)
    set_mark(staff)
    with node.open_here() as notary:
        service, batches = NotaryService(notary, [RecordsOutbox()]), FrameBatches(node.folder, notary)
        assert batches.enter() == 3
        tick = service.tick()
        batches.remember()
        while batches.anchor():
            pass
        assert AnchoredPositions(node.folder.anchored).read()["gateway-1"].sequence == 30
        _say(node.folder, notary, tick)
    assert not LedgerEvent.objects.filter(position=None).exists()
    node.process()
    assert chain(staff, 28).verdict is True
    assert chain(staff, 51 - lost).verdict is True
    assert any("25–26" in text for text in checking.state().warnings)
    assert checking.state().level == 1
    assert "alert-warning" in client.get("/").content.decode()
    assert any(
        "25–26" in line.text and line.level == 1
        for line in health.doctor(node.folder)
        if "ledger" in line.subject
    )
    assert any("25–26" in text for text in checking.check().problems)


@pytest.mark.parametrize(("lost", "beside"), [(5, 6), (6, 5)])
def test_a_frame_removed_after_its_batch_was_entered_is_no_honest_hole(node, staff, lost, beside) -> None:
    delete_journal_rows(node, lost)
    assert chain(staff, beside).verdict is False
    assert receipts.hours(device(), TWENTIETH)[beside].broken == 1


def test_whoever_should_keep_the_heads_and_does_not_is_told(
    node, staff, client, clock, tmp_path, settings
) -> None:
    key = own_cosigner(tmp_path / "w", "other.example/qingjian-witness").key.encode()
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    settings.CONFIGURATION = dataclasses.replace(
        settings.CONFIGURATION,
        ledger_witnesses=f"{key} http://127.0.0.1:9/witness",
        ledger_mirror=str(mirror),
    )
    with node.open_here() as notary:
        notary.depositaries = mirrors(str(mirror))
        service = NotaryService(notary, [], witness_clients(settings.CONFIGURATION.ledger_witnesses))
        _say(node.folder, notary, service.tick())
        assert checking.state().warnings == ()  # a minute's silence is no news
        away = mirror.rename(tmp_path / "away")
        set_mark(staff)
        service.outboxes = [RecordsOutbox()]
        service.tick()
        clock.advance(2 * 3600)
        _say(node.folder, notary, service.tick())
        warnings = checking.state().warnings
        assert any("no head was published" in text for text in warnings)
        assert any("never cosigned" in text and "other.example" in text for text in warnings)
        page = client.get("/desk/ledger/").content.decode()
        assert "never cosigned" in page
        assert "other.example/qingjian-witness" in page
        assert "alert-warning" in client.get("/").content.decode()
        lines = [line for line in health.doctor(node.folder) if line.subject == "ledger witnesses"]
        assert [line.level for line in lines] == [1, 1]
        away.rename(mirror)
        _say(node.folder, notary, service.tick())
        assert not any("no head was published" in text for text in checking.state().warnings)


def test_what_waits_for_the_mirror_is_not_called_false(node, staff, clock, tmp_path, settings) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, ledger_mirror=str(mirror))
    with node.open_here() as notary:
        notary.depositaries = mirrors(str(mirror))
        notary.sequence()
        mirror.rename(tmp_path / "away")
        node.send_hours(DAY + timedelta(days=1), 2)
        node.process()
        FrameBatches(node.folder, notary).enter()
        notary.sequence([RecordsOutbox()])
    hours = receipts.hours(device(), date(2026, 11, 21))
    assert (sum(one.waiting for one in hours), sum(one.broken for one in hours)) == (2, 0)
    assert chain(staff, 25).verdict is None
    assert any("waits for its head" in step.words for step in chain(staff, 25).steps)
    assert chain(staff, 5).verdict is True
    with opening.opened() as notary, StoredFrames(node.folder.journal, stores.lake()) as frames:
        found, left_out = receipts.frame_evidence(notary, frames, frames.received("MN-W1", DAY, clock.now()))
    assert (sum(len(one.frames) for one in found), left_out) == (24, 2)


class BusyLake:
    """As many frames a second as a server takes; only what a lake answers to a range of sequences is asked here."""

    RATE = 1_200

    def frame_range(self, journal: str, first: int, last: int) -> pa.Table:
        rows = [
            {
                "journal": journal,
                "sequence": number,
                "received_at": DAY + timedelta(seconds=number / self.RATE),
                "peer": "p",
                "mn": "M",
                "kind": "accepted",
                "content": b"x",
                "codes": "",
                "policy": "",
                "nonce": bytes(16),
                "batch": (number - 1) // 1_024 + 1,
            }
            for number in range(max(first, 1), last + 1)
        ]
        return pa.Table.from_pylist(rows)


def test_a_batch_of_a_busy_server_is_found_whole_after_the_journal_is_gone(tmp_path) -> None:
    lake = BusyLake()
    frame = LakeFrame.of(lake.frame_range("gateway-1", 24_300, 24_300).to_pylist()[0])
    with StoredFrames(tmp_path, lake) as frames:
        whole = frames.batch_around(frame, frame.batch)
    assert [whole[0].sequence, whole[-1].sequence, len(whole)] == [23_553, 24_576, 1_024]


def test_status_counts_the_events_that_wait_in_the_people_s_database(node, staff, monkeypatch) -> None:
    monkeypatch.setattr(ledger_command, "_has_people", lambda _data: True)
    monkeypatch.setattr(ledger_command, "enter", lambda _data: None)
    set_mark(staff)
    done = CliRunner().invoke(ledger_command.app, ["status", "--data", str(node.folder.root), "--json"])
    found = json.loads(done.output)
    assert found["waiting_events"] == LedgerEvent.objects.filter(position=None).count() > 0
    assert found["waiting"] == found["waiting_events"]


def test_a_device_keeps_its_receipts_when_it_gets_another_mn(node, staff, clock) -> None:
    """Whoever has the MN afterwards gets neither the receipts nor the frames of the one before."""
    before = [one.frames for one in receipts.hours(device(), TWENTIETH)]
    row, other = device(), Device.objects.get(code="A1-D1")
    clock.advance(60)
    Device.objects.filter(pk=row.pk).update(mn="MN-NEW")
    Device.objects.filter(pk=other.pk).update(mn="MN-W1")
    network_services.publish_directory()
    assert [one.frames for one in receipts.hours(device(), TWENTIETH)] == before
    assert sum(before) == 23
    assert verify_receipt(node) == 2
    other.refresh_from_db()
    assert sum(one.frames for one in receipts.hours(other, TWENTIETH)) == 0
    holder = node.county.person("holder", "permit_holder", organisation=node.county.holder)
    assert chain(holder, 5).verdict is True


def test_a_rewritten_directory_or_an_older_one_in_use_is_named(node, staff) -> None:
    network_services.publish_directory()
    node.enter()
    assert checking.check().problems == []
    newest = network_services.directory_store().current().version
    path = node.folder.directory / f"{newest:08d}.json"
    honest = path.read_bytes()
    path.write_bytes(honest.replace(b"MN-W1", b"MN-X1"))
    (problem,) = checking.check().problems
    assert f" {newest}：" in problem
    assert "sha256" in problem
    path.write_bytes(honest)
    (node.folder.directory / "current").write_text(f"{newest - 1}")
    (problem,) = checking.check().problems
    assert "not the one published last" in problem
    (node.folder.directory / "current").write_text(f"{newest}")
    (node.folder.directory / f"{newest - 1:08d}.json").unlink()
    assert any("gone" in text for text in checking.check().problems)

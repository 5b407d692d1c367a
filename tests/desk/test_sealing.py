"""Days are sealed, sealed again after late data, and every change of a sealed value in the lake is found."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.desk.conftest import DAY

from qingjian.apps.network.models import Series
from qingjian.apps.observing import stores
from qingjian.contracts.clock import CHINA
from qingjian.desk import tasks
from qingjian.desk.ledger import chains, checking, evidence, sealing
from qingjian.hj212.encoder import Sender
from qingjian.journal import JournalWriter, Kind, NewFrame
from qingjian.lake import Lake
from qingjian.lake.table import StoredTable
from qingjian.ledger.entries import Day, parse_entry
from qingjian.notary.bundle import own_policy
from qingjian.notary.reading import ShardReader
from qingjian.notary.sealing import seal_of
from qingjian.notary.verify import verify
from qingjian.pipeline.replay import order_replay
from qingjian.pipeline.settings import PipelineSettings
from qingjian.site import health

TWENTIETH = date(2026, 11, 20)
NAME = "W1.w01018/hour"


@pytest.fixture
def sealed(node):
    seal(node)
    node.enter()
    return node


def seal(node) -> sealing.Outcome:
    with node.open_here() as notary:
        return sealing.seal_due(notary)


def entries(node) -> list[Day]:
    with node.open_here() as notary:
        reader = ShardReader(notary, "2026")
        found = [parse_entry(reader.entry(i)) for i in range(reader.checkpoint.size)]
    return [entry for entry in found if isinstance(entry, Day)]


def series() -> Series:
    return Series.objects.get(code="W1.w01018")


def chain(statistic: str = "hour", start: datetime = DAY):
    return chains.value_chain(series(), statistic, start)


def rewrite(node, column: str, sequence: int, change) -> None:
    """Change one stored observation in the lake's files, keeping everything else."""
    for path in node.lake_files("observations"):
        table = pq.read_table(path, partitioning=None)
        rows = table.column("sequence").to_pylist()
        if sequence in rows:
            values = table.column(column).to_pylist()
            values[rows.index(sequence)] = change(values[rows.index(sequence)])
            place = table.schema.get_field_index(column)
            field = table.schema.field(column)
            pq.write_table(table.set_column(place, field, pa.array(values, field.type)), path)
            return
    raise AssertionError("no such observation in the lake")


def drop(node, sequence: int) -> None:
    for path in node.lake_files("observations"):
        table = pq.read_table(path, partitioning=None)
        mask = np.array([one != sequence for one in table.column("sequence").to_pylist()])
        if not mask.all():
            pq.write_table(table.filter(pa.array(mask)), path)
            return


def test_yesterday_is_sealed_once_two_hours_after_midnight(node, clock) -> None:
    clock.set_wall(datetime(2026, 11, 20, 17, 30, tzinfo=UTC))  # 01:30 on the 21st
    assert tasks.seal_days(clock.now()) == "封存 0 天，重新封存 0 天"
    clock.set_wall(datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    assert tasks.seal_days(clock.now()) == "封存 1 天，重新封存 0 天"
    assert tasks.seal_days(clock.now()) == "没有到期的日期"
    node.enter()
    (entry,) = entries(node)
    assert (entry.day, entry.revision, entry.supersedes, entry.series_days) == (TWENTIETH, 1, None, 1)
    assert checking.check().days == 1
    assert checking.check().problems == []
    assert chain().verdict is True
    assert [step.link for step in chain().steps] == ["seal", "entry", "checkpoint"]


def test_late_data_lead_to_a_seal_that_names_the_old(sealed, clock) -> None:
    first = entries(sealed)[0]
    sealed.send_hours(DAY + timedelta(hours=3), 2, 99.0)
    sealed.process()
    assert chain().verdict is True  # the new rows are not what was sealed, and do not disturb it
    assert checking.check().problems == []
    clock.advance(24 * 3600)
    outcome = seal(sealed)
    assert outcome.text() == "封存 0 天，重新封存 1 天"
    sealed.enter()
    assert [(one.revision, one.supersedes) for one in entries(sealed)] == [(1, None), (2, first.root)]
    assert chain().verdict is True
    assert checking.check().problems == []
    assert seal(sealed).sealed == []


def test_a_value_that_came_after_the_seal_is_not_said_to_be_under_it(sealed, clock, client) -> None:
    start = DAY + timedelta(hours=3)
    assert chain("hour", start).verdict is True
    sealed.send_hours(start, 1, 99.0)
    sealed.process()
    found = chain("hour", start)
    assert found.verdict is None
    assert "came after the seal" in next(step.words for step in found.steps if step.link == "value")
    client.force_login(sealed.county.person("staff", "data_manager"))
    place = "series=W1.w01018&statistic=hour&start=2026-11-20T03:00:00%2B08:00"
    assert "bg-green-lt" not in client.get(f"/data/values/ledger/?{place}").content.decode()
    clock.advance(24 * 3600)
    seal(sealed)
    sealed.enter()
    assert chain("hour", start).verdict is True  # the next seal holds it
    rewrite(sealed, "value_mantissa", 4, lambda value: value + 1)
    assert chain("hour", start).verdict is False


def test_compaction_settling_and_a_copied_lake_keep_every_digest(sealed) -> None:
    before = entries(sealed)
    with Lake(sealed.folder.lake, sealed.clock) as lake:
        lake.compact(at_least=1)
        lake.settle("2026-11")
        lake.vacuum(24)
        lake.checkpoint()
    assert checking.check().problems == []
    copy_lake(sealed)
    assert checking.check().problems == []
    assert chain().verdict is True
    assert seal(sealed).sealed == []
    assert entries(sealed) == before


def copy_lake(node) -> None:
    """Move all observations into a new table of other files, as a migration of the store would."""
    with Lake(node.folder.lake, node.clock) as lake:
        table = lake.observations
        table.refresh()
        files = table.pin().files
        rows = pa.concat_tables([pq.ParquetFile(table.folder / one.path).read() for one in files])
        rows = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows))).cast(table.schema)
        lake.open_for_writing()
        added = [
            table.write_file(rows.slice(first, 7), "fresh", "2026-11", "", row_group=1000)
            for first in range(0, rows.num_rows, 7)
        ]
        assert isinstance(table, StoredTable)
        table.commit(added, removed=files, moment=node.clock.now())


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("value_mantissa", lambda value: value + 1),
        ("value_decimals", lambda value: value + 1),
        ("flag", lambda _: "D"),
        ("sequence", lambda value: value + 100),
        ("directory_version", lambda value: value + 1),
        ("known_at", lambda value: value - 1),
        ("known_at", lambda value: value + 10**6),
        ("start", lambda value: value + timedelta(minutes=1)),
        ("series", lambda value: value + 1),
        ("revision", lambda value: value + 1),
    ],
)
def test_a_value_rewritten_in_the_lake_is_found_while_its_frame_stays(sealed, client, column, change) -> None:
    client.force_login(sealed.county.person("staff", "data_manager"))
    rewrite(sealed, column, 5, change)
    found = checking.check()
    assert any(str(TWENTIETH) in text for text in found.problems), found.problems
    assert [line.level for line in health.doctor(sealed.folder) if line.subject == "ledger check"] == [2]
    assert "lock-exclamation" in client.get("/").content.decode()
    assert chain().verdict is False
    seen, frame = chains.frame_chain(sealed.county.person("other", "data_manager"), "gateway-1", 5)
    assert seen
    assert frame.verdict is True


def test_a_value_removed_or_added_with_an_old_date_is_found(sealed) -> None:
    drop(sealed, 5)
    assert any("changed" in text for text in checking.check().problems)


def slip_in(node, sequence: int, /, **changes) -> None:
    """Add one row to the lake's files: a copy of what a frame gave, with some columns changed."""
    for path in node.lake_files("observations"):
        table = pq.read_table(path, partitioning=None)
        sequences = table.column("sequence").to_pylist()
        if sequence in sequences:
            row = table.slice(sequences.index(sequence), 1).to_pylist()[0]
            row |= {name: change(row[name]) for name, change in changes.items()}
            pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)]), path)
            return
    raise AssertionError("no such observation in the lake")


HALF = {"value_mantissa": lambda value: value // 2, "revision": lambda value: value + 1}
"""What somebody adds who wants the hour of frame 5 (44.0) to read 22.0."""


def test_a_revision_slipped_in_with_an_old_date_is_found(sealed) -> None:
    slip_in(sealed, 5, **HALF)
    assert any("changed" in text for text in checking.check().problems)
    assert chain("hour", DAY + timedelta(hours=4)).verdict is False


def test_a_revision_slipped_in_with_a_new_date_is_found_and_never_sealed(sealed, clock) -> None:
    """It names the real frame and lies outside the seal: only decoding the frame again tells."""
    slip_in(sealed, 5, **HALF, known_at=lambda value: value + 3600)
    assert chain("hour", DAY + timedelta(hours=4)).verdict is None
    for everything in (False, True):
        found = checking.check(everything=everything).problems
        assert [NAME in text and "04:00" in text for text in found] == [True]
        assert "does not give this value" in found[0]
    sealed.send_hours(DAY + timedelta(hours=9), 1, 99.0)  # honest, and reason enough to seal the day again
    clock.advance(24 * 3600)
    sealed.process()
    assert any("nothing the pipeline did" in text for text in checking.check().problems)
    outcome = seal(sealed)
    assert any("04:00" in text for text in outcome.problems)
    sealed.enter()
    assert [(one.day, one.revision) for one in entries(sealed) if one.day == TWENTIETH] == [(TWENTIETH, 1)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value_mantissa": lambda value: value // 2}, "does not give this value"),
        ({"min_mantissa": lambda _: 10, "min_decimals": lambda _: 0}, "does not give this value"),
        ({"flag": lambda _: "D"}, "does not give this value"),
        ({"sequence": lambda _: 9_999}, "nothing the pipeline did"),
        ({"sequence": lambda _: 5}, "nothing the pipeline did"),
        ({"start": lambda value: value + timedelta(minutes=7)}, "does not give this value"),
        ({"directory_version": lambda _: 77}, "does not give this value"),
        (
            {"journal": lambda _: None, "sequence": lambda _: None, "source": lambda _: "rule:x@1"},
            "nothing the pipeline did",
        ),
    ],
)
def test_a_row_slipped_in_beside_an_honest_resend_is_found(sealed, changes, words) -> None:
    """At the moment of a real batch, naming the frame that was really sent again."""
    sealed.send_hours(DAY + timedelta(hours=3), 1, 99.0)
    sealed.process()
    assert checking.check().problems == []
    slip_in(sealed, 25, revision=lambda value: value + 1, **changes)
    assert [words in text for text in checking.check().problems] == [True]


def test_what_came_late_by_honest_ways_is_no_finding(sealed, clock) -> None:
    """Sent again with another value, completed by a second frame, and read again by order."""
    sealed.send_hours(DAY + timedelta(hours=3), 2, 99.0)
    sealed.process()
    whole = sealed.sender
    sealed.sender = Sender("2017", "32", "123456", "MN-W1")
    writer = JournalWriter.open(sealed.folder.journal, "gateway-1", sealed.clock)
    start = DAY + timedelta(hours=6)
    groups = [[("w01018-Avg", "46.0"), ("w01018-Max", "50.5"), ("w01018-Flag", "N")]]
    stamp = start.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    content = sealed.sender.upload("2061", stamp, groups, f"{stamp}000")
    received = int(clock.now().timestamp() * 1e6)
    writer.append_many([NewFrame(received, "127.0.0.1:1", 1, "MN-W1", Kind.ACCEPTED, content)])
    writer.close()
    sealed.sender = whole
    clock.advance(60)
    sealed.process()
    orders = PipelineSettings(sealed.folder.root).replay_folder
    order_replay(orders, "MN-W1", DAY, clock.now())
    clock.advance(60)
    sealed.process()
    sealed.enter()
    assert checking.check(everything=True).problems == []
    clock.advance(24 * 3600)
    assert seal(sealed).problems == []
    assert checking.check().problems == []


def test_all_values_of_a_day_removed_are_found(sealed) -> None:
    for sequence in range(1, 25):
        drop(sealed, sequence)
    assert any("gone" in text for text in checking.check().problems)


def test_a_new_seal_does_not_hide_a_rewritten_value(sealed, clock) -> None:
    rewrite(sealed, "value_mantissa", 5, lambda value: value // 2)
    sealed.send_hours(DAY + timedelta(hours=9), 1, 99.0)
    sealed.process()
    clock.advance(24 * 3600)
    outcome = seal(sealed)
    assert outcome.sealed == []
    assert NAME in outcome.problems[0]
    assert any(NAME in text for text in checking.check().problems)
    sealed.enter()
    assert len(entries(sealed)) == 1
    rewrite(sealed, "value_mantissa", 5, lambda value: value * 2)
    assert [one.revision for one in seal(sealed).sealed] == [2]
    assert checking.check().problems == []


@pytest.mark.parametrize("way", ["digests", "root", "gone"])
def test_a_seal_rewritten_in_the_notary_s_own_store_is_found(sealed, way) -> None:
    with sealed.open_here() as notary:
        connection = notary.state._connection
        if way == "digests":
            connection.execute("UPDATE seals SET digests = zeroblob(length(digests))")
        elif way == "root":
            connection.execute("UPDATE seals SET root = zeroblob(32)")
        else:
            connection.execute("DELETE FROM seals")
    assert checking.check().problems
    assert (chain() is None) if way == "gone" else chain().verdict is False


def test_old_days_are_looked_at_in_turn_and_by_fsck_all_at_once(sealed, clock) -> None:
    rewrite(sealed, "value_mantissa", 5, lambda value: value + 1)
    for number in range(1, 6):  # newer days push this one out of the newest
        sealed.send_hours(DAY + timedelta(days=number), 2)
    clock.advance(6 * 86400)
    sealed.process()
    seal(sealed)
    nights = []
    for _ in range(sealing.ROUND):
        nights.append(any(NAME in text for text in checking.check().problems))
        clock.advance(86400)
        with sealed.open_here() as notary:  # keep the warning of a seal overdue out of this
            sealing.seal_due(notary)
    assert sum(nights) == 1
    assert any(NAME in text for text in checking.check(everything=True).problems)


def test_sealing_that_stopped_is_said(sealed, clock) -> None:
    clock.advance(4 * 86400)
    assert any("no day after" in text for text in checking.check().problems)


def test_many_days_are_sealed_run_by_run_the_newest_first(node, clock, monkeypatch) -> None:
    monkeypatch.setattr(sealing, "MOST_DAYS", 2)
    for number in range(1, 5):
        node.send_hours(DAY - timedelta(days=number), 2)
    node.process()
    texts = [tasks.seal_days(clock.now()) for _ in range(4)]
    assert texts == [
        "封存 2 天，重新封存 0 天; 尚有待封存",
        "封存 2 天，重新封存 0 天; 尚有待封存",
        "封存 1 天，重新封存 0 天",
        "没有到期的日期",
    ]
    node.enter()
    assert [entry.day.day for entry in entries(node)] == [20, 19, 18, 17, 16]


def bundle(node, person, tmp_path, policy_too: bool = True) -> tuple[int, dict]:
    asked = evidence.wanted(person, [series()], "hour", DAY, DAY + timedelta(days=2))
    path = tmp_path / "bundle.zip"
    path.write_bytes(evidence.build(asked))
    with node.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    return verify(path, policy if policy_too else None)


def test_a_bundle_holds_the_sealed_rows_and_names_a_rewritten_one(sealed, tmp_path) -> None:
    person = sealed.county.person("staff", "data_manager")
    code, report = bundle(sealed, person, tmp_path)
    assert code == 0, report
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        rows = archive.read(f"values/{NAME}/2026-11-20.jsonl").decode().splitlines()
        assert len(rows) == 25
        assert json.loads(rows[0])["series"] == NAME
        assert json.loads(rows[1])[:3] == ["2026-11-20T00:00:00+08:00", 0, "40.0"]
        assert "1 个序列日" in archive.read("summary.md").decode()
    rewrite(sealed, "value_mantissa", 5, lambda value: value + 1)
    code, report = bundle(sealed, person, tmp_path)
    assert code == 1
    assert any(NAME in one["reason"] for one in report["failures"])


def test_any_changed_byte_of_a_bundle_with_seals_is_named(sealed, tmp_path) -> None:
    bundle(sealed, sealed.county.person("staff", "data_manager"), tmp_path)
    with sealed.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert any(name.startswith("values/") for name in files)
    for name, content in files.items():
        changed = {**files, name: content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for one, data in changed.items():
                archive.writestr(one, data)
        path = tmp_path / "changed.zip"
        path.write_bytes(buffer.getvalue())
        code, report = verify(path, policy)
        assert code == 1
        assert name in {one["file"] for one in report["failures"]}


def test_the_drawer_shows_the_seal(sealed, client) -> None:
    client.force_login(sealed.county.person("staff", "data_manager"))
    place = "series=W1.w01018&statistic=hour&start=2026-11-20T00:00:00%2B08:00"
    assert "/data/values/ledger/" in client.get(f"/data/provenance/?{place}").content.decode()
    shown = client.get(f"/data/values/ledger/?{place}").content.decode()
    assert "bg-green-lt" in shown
    rewrite(sealed, "value_mantissa", 5, lambda value: value + 1)
    assert "bg-red-lt" in client.get(f"/data/values/ledger/?{place}").content.decode()
    later = place.replace("2026-11-20", "2026-11-21")
    assert "qj" not in client.get(f"/data/values/ledger/?{later}").content.decode()
    assert client.get("/data/values/ledger/?series=W1.w01018&start=x").status_code == 400
    client.force_login(sealed.county.person("far", "station_staff", region=sealed.county.other))
    assert client.get(f"/data/values/ledger/?{place}").status_code == 404


def test_seals_that_a_restored_backup_lacks_are_named_by_the_next(node, clock) -> None:
    with node.open_here() as notary:
        seal_name = sealing.seal_due(notary).sealed[0].subject
        entry = notary.state.queued(seal_name)
        # What recovery does with entries the world has seen, on a notary whose store is older than they are.
        notary.state._connection.execute("DELETE FROM seals")
        notary.state._connection.execute("DELETE FROM day_secrets")
        notary.state.set_fact("sealed_until", None)
        from qingjian.notary.sealing import remember_seals

        remember_seals(notary, [entry, b"unreadable"])
        assert seal_of(notary, TWENTIETH).lost
        again = sealing.seal_due(notary).sealed[0]
        assert (again.revision, again.supersedes) == (2, parse_entry(entry).root)
    assert stores.lake().known_until() is not None
    assert checking.check().problems == []

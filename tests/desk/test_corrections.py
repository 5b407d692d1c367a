"""A value read from a file and corrected by people: drawer, ledger, seal, and an evidence bundle that an outsider checks."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from tests.desk.conftest import DAY
from tests.desk.mutation import assert_every_change_is_named, unzipped

from qingjian.apps.evaluation import entering
from qingjian.apps.evaluation.models import EnteredFile
from qingjian.apps.network.models import Series
from qingjian.apps.observing import correcting
from qingjian.apps.records import queries as records
from qingjian.apps.records.models import LedgerEvent
from qingjian.desk.ledger import chains, checking, evidence, sealing
from qingjian.intake import ImportSource
from qingjian.notary.bundle import own_policy
from qingjian.notary.verify import verify

FIVE = DAY + timedelta(hours=5)


@pytest.fixture
def people(node):
    return node.county.person("staff", "station_staff"), node.county.person("manager", "data_manager")


@pytest.fixture
def imported(node, people, tmp_path) -> EnteredFile:
    """A day of hours of the station, entered as a file; the fifth is wrong."""
    path = tmp_path / "站点小时.csv"
    lines = [
        f"A1.a34004,{(DAY + timedelta(hours=number)).isoformat()},{350 if number == 5 else 30 + number}"
        for number in range(24)
    ]
    path.write_text("series,time,value\n" + "\n".join(lines) + "\n", encoding="utf-8")
    row = entering.hand_over(people[0], entering.check(people[0], path, path.name, "hour", "", ""))
    node.process()
    node.enter()
    return row


@pytest.fixture
def station(imported) -> Series:
    return Series.objects.select_related("point").get(code="A1.a34004")


@pytest.fixture
def corrected(node, station, people, django_capture_on_commit_callbacks):
    staff, manager = people
    row = correcting.propose(staff, station, "hour", FIVE, 0, {"value": "35"}, "小数点错位")
    with django_capture_on_commit_callbacks(execute=True):
        correcting.approve(manager, row, 0)
    refused = correcting.propose(
        staff, station, "hour", FIVE + timedelta(hours=1), 0, {"value": "37"}, "估计"
    )
    correcting.reject(manager, refused, 0, "没有依据")
    node.process()
    node.enter()
    assert correcting.tell_pipeline() == 0
    return row


def bundle(user, station, path: Path) -> Path:
    asked = evidence.wanted(user, [station], "hour", DAY, DAY + timedelta(days=1))
    path.write_bytes(evidence.build(asked))
    return path


def test_a_file_is_entered_with_its_digest_before_it_is_stored(imported, people) -> None:
    said = records.content(LedgerEvent.objects.get(kind="file.imported", identifier=imported.digest))
    assert (said["actor"], said["rows"], said["series"]) == ("staff", 24, ["A1.a34004"])
    assert list(records.differences()) == []
    again = entering.check(people[0], entering.kept_files().path(imported.digest), "再来.csv", "hour", "", "")
    assert entering.hand_over(people[0], again) == imported
    assert LedgerEvent.objects.filter(kind="file.imported").count() == 1


def test_what_is_done_to_imported_files_shows(imported, node) -> None:
    kept = entering.kept_files().path(imported.digest)
    before = kept.read_bytes()
    kept.write_bytes(before.replace(b"350", b"35"))
    assert any("kept file was changed" in text for text in records.differences())
    kept.unlink()
    assert any("kept file is gone" in text for text in records.differences())
    kept.write_bytes(before)
    EnteredFile.objects.filter(pk=imported.pk).update(rows=1)
    assert any("rows" in text for text in records.differences())
    EnteredFile.objects.filter(pk=imported.pk).delete()
    texts = list(records.differences())
    assert any("the record is gone" in text for text in texts)
    assert any("not imported through the program" in text for text in texts)


def test_a_file_brought_by_the_command_line_is_entered_too(node, tmp_path) -> None:
    path = tmp_path / "旧数据.csv"
    path.write_text("series,time,value\nA1.a34004,2026-11-20 01:00,31\n", encoding="utf-8")
    checked = entering.read(path, ImportSource("", path.name, "command line", statistic="hour"))
    row = entering.record(None, checked)
    assert row.author is None
    assert records.content(LedgerEvent.objects.get(kind="file.imported"))["actor"] == "installer"


def test_the_drawer_tells_file_and_correction(client, node, corrected, station, people, imported) -> None:
    client.force_login(people[0])
    start = FIVE.isoformat().replace("+", "%2B")
    page = client.get(f"/data/provenance/?series=A1.a34004&statistic=hour&start={start}").content.decode()
    for text in ("小数点错位", f"/corrections/{corrected.pk}/", imported.digest, "站点小时.csv", "2026/"):
        assert text in page, text


def test_a_corrected_day_is_sealed_again_and_names_the_old_seal(
    node, station, people, clock, request
) -> None:
    clock.advance(86_400)
    with node.open_here() as notary:
        assert sealing.seal_due(notary).sealed
    node.enter()
    assert chains.value_chain(station, "hour", FIVE).verdict is True
    corrected = request.getfixturevalue("corrected")
    assert correcting.is_stored(corrected)
    clock.advance(86_400)
    with node.open_here() as notary:
        again = [one for one in sealing.seal_due(notary).sealed if one.supersedes is not None]
    assert len(again) == 1
    node.enter()
    assert chains.value_chain(station, "hour", FIVE).verdict is True
    assert checking.check().problems == []


def test_the_bundle_carries_file_and_corrections_and_holds(
    client, node, corrected, station, people, imported, tmp_path
) -> None:
    path = bundle(people[0], station, tmp_path / "bundle.zip")
    with node.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    code, report = verify(path, policy)
    assert code == 0, report["failures"]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert f"files/imports/{imported.digest}.csv" in names
        summary = archive.read("summary.md").decode()
        events = [json.loads(archive.read(name)) for name in names if name.startswith("events/0")]
        table = list(
            csv.DictReader(io.StringIO(archive.read("files/values/A1.a34004.csv").decode("utf-8-sig")))
        )
    assert {"correction.approved", "correction.rejected", "file.imported"} <= {one["kind"] for one in events}
    assert "小数点错位" in summary
    assert "没有依据" not in summary  # the comment stands in the event
    revisions = [row for row in table if row["start"].startswith("2026-11-20T05")]
    assert [(float(row["value"]), row["source"].partition(":")[0]) for row in revisions] == [
        (350.0, "file"),
        (35.0, "correction"),
    ]
    held = [one for one in report["held"] if "imports" in json.dumps(one)]
    assert "signed by the exporter only" not in json.dumps(held)


def test_samples_of_days_have_their_bundle_too(client, node, people, clock, tmp_path) -> None:
    path = tmp_path / "化验.csv"
    path.write_text("series,time,value\nA1.a34004,2026-11-18,31\nA1.a34004,2026-11-20,33\n", encoding="utf-8")
    entering.hand_over(people[0], entering.check(people[0], path, path.name, "day", "", ""))
    node.process()
    node.enter()
    clock.advance(86_400)
    with node.open_here() as notary:
        sealing.seal_due(notary)
    node.enter()
    client.force_login(people[0])
    answer = client.post(
        "/points/A1/evidence/",
        {
            "series": ["A1.a34004"],
            "statistic": "day",
            "start": "2026-10-01T00:00",
            "end": "2026-11-21T00:00",
        },
    )
    assert answer.status_code == 200, answer.content.decode()
    found = unzipped(answer.content)
    with node.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    bundle_path = tmp_path / "bundle.zip"
    bundle_path.write_bytes(answer.content)
    code, report = verify(bundle_path, policy)
    assert code == 0, report
    assert sum(name.startswith("values/A1.a34004/day/") or "/2026-11-" in name for name in found) >= 2
    assert len(found["files/values/A1.a34004.csv"].splitlines()) == 3
    assert any(name.startswith("files/imports/") for name in found)


def test_any_changed_file_of_a_bundle_with_files_and_corrections_is_named(
    node, corrected, station, people, tmp_path
) -> None:
    path = bundle(people[0], station, tmp_path / "made.zip")
    with node.open_here() as notary:
        policy = own_policy(notary, ["2026"])
    assert_every_change_is_named(unzipped(path.read_bytes()), policy, tmp_path)


def test_a_file_with_points_out_of_reach_is_named_but_not_given_away(
    node, corrected, imported, station, tmp_path
) -> None:
    EnteredFile.objects.filter(pk=imported.pk).update(series=["A1.a34004", "ELSEWHERE"])
    staff = node.county.person("another", "station_staff")
    found = unzipped(bundle(staff, station, tmp_path / "bundle.zip").read_bytes())
    assert not any(name.startswith("files/imports/") for name in found)
    assert "含其他点位" in found["summary.md"].decode()

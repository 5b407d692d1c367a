"""Business events enter the ledger exactly when their record is committed, and every later change of it shows."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from qingjian.apps.accounts import recorded as accounts_recorded
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts import trail
from qingjian.apps.accounts.models import AuditEvent, Post
from qingjian.apps.network import queries as network
from qingjian.apps.network import recorded, registered
from qingjian.apps.network import services as registration
from qingjian.apps.network.models import ChangeRequest, Factor, Point, Series, Version
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import correcting, filing
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.log_books import BOOKS
from qingjian.apps.observing.models import Alert, Clue, Mark
from qingjian.apps.records import kinds, queries
from qingjian.apps.records import services as records
from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.apps.rulekeeping import services as rules
from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation
from qingjian.contracts.findings import Finding
from qingjian.ledger.hashing import leaf_hash
from qingjian.notary.bundle import BundleContent, build_bundle, own_policy
from qingjian.notary.errors import NotaryError
from qingjian.notary.fsck import fsck
from qingjian.notary.notary import Notary
from qingjian.notary.reading import prove
from qingjian.notary.verify import verify
from qingjian.rulebook import packaged

START = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def notary(tmp_path, clock) -> Notary:
    return Notary(tmp_path / "ledger", clock, origin="county.example/ledger")


def contents(kind: str) -> list[dict]:
    return [queries.content(row) for row in LedgerEvent.objects.filter(kind=kind).order_by("id")]


def set_mark(registry, name: str = "station") -> Mark:
    staff = registry.person(name, "station_staff")
    point = network.points_visible_to(staff).get(code="A1")
    return observing.set_mark(
        staff, point, ["A1.a34004"], START, START + timedelta(hours=2), "maintenance", "更换滤膜"
    )


def test_an_event_belongs_into_the_transaction_of_its_record(registry) -> None:
    before = LedgerEvent.objects.count()

    def cut_off() -> None:
        with transaction.atomic():
            set_mark(registry)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        cut_off()
    assert LedgerEvent.objects.count() == before
    assert not Mark.objects.exists()
    mark = set_mark(registry)
    assert contents("mark.set")[0]["reason"] == "更换滤膜"
    assert LedgerEvent.objects.get(kind="mark.set").identifier == str(mark.pk)


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError):
        records.commit("alert.closed", 1, {"actor": "a", "cause": "b", "note": ""})
    assert not LedgerEvent.objects.exists()


def test_an_unknown_kind_or_a_missing_field_is_refused(db) -> None:
    with pytest.raises(NotaryError):
        records.commit("no-such-kind", 1, {})
    with pytest.raises(NotaryError, match="note"):
        records.commit("alert.closed", 1, {"actor": "a", "cause": "b"})


def test_the_notary_takes_rows_by_missing_place_and_never_by_id(registry, notary) -> None:
    outbox = records.RecordsOutbox()
    first = set_mark(registry)
    late = LedgerEvent.objects.get(kind="mark.set", identifier=str(first.pk))
    late_fields = {field.attname: getattr(late, field.attname) for field in late._meta.fields}
    late.delete()  # its transaction has taken a smaller id and commits only after the next one
    set_mark(registry, "second")
    waiting = LedgerEvent.objects.filter(position=None).count()
    notary.sequence([outbox])
    assert not LedgerEvent.objects.filter(position=None).exists()
    LedgerEvent.objects.create(**late_fields)
    done = notary.sequence([outbox])
    assert (done.added, done.marked) == (1, 1)
    late = LedgerEvent.objects.get(leaf=late.leaf)
    assert late.position > waiting - 1
    assert outbox.unsequenced(10) == []
    assert fsck(notary, [queries.Records()])[0].problems == []
    # Every place leads to exactly the bytes of its row.
    for row in LedgerEvent.objects.all():
        evidence = queries.evidence(row)
        assert prove(notary, evidence.place).data == bytes(row.entry)


def test_a_crash_between_signing_and_marking_enters_nothing_twice(registry, notary) -> None:
    set_mark(registry)
    places: dict = {}

    class Crashing(records.RecordsOutbox):
        def mark_sequenced(self, ids, found) -> None:
            places.update(zip(ids, found, strict=True))
            raise OSError("power cut")

    with pytest.raises(OSError, match="power cut"):
        notary.sequence([Crashing()])
    again = notary.sequence([records.RecordsOutbox()])
    assert again.added == 0
    assert {row.pk: row.position for row in LedgerEvent.objects.all()} == {
        pk: place.index for pk, place in places.items()
    }


def test_every_wired_deed_is_entered(registry, clock, put) -> None:
    manager = registry.person("manager", "data_manager", region=registry.city)
    other = registry.person("other", "data_manager", region=registry.city)
    security = registry.person("security", "security_administrator")
    fields = station_fields()
    approved = propose(manager, "改名", fields)
    approve(other, approved)
    rejected = propose(manager, "再改", {**fields, "name": "又一名"})
    registration.reject(other, rejected, rejected.version, "理由不足")
    post = accounts.give_post(security, other, "leader", registry.bureau, registry.county, date(2026, 11, 1))
    accounts.end_post(security, post, date(2026, 11, 20))
    row = rulekeeping.rulebook().rows_to_confirm()[0]
    rules.confirm(manager, row.id, row.digest, "HJ 212—2025 第 5 页")
    rules.enter_local(manager, "qc_checks", own_rule(), "市规〔2026〕3号")
    rules.withdraw_local(manager, LocalRow.objects.get().row_id)
    limits = "ambient_air_limits"
    packaged = rulekeeping.limits(limits, on=date(2026, 3, 1))[0]
    stricter = rules.as_csv(limits, [{**packaged.values, "source": "本机关核对"}])
    rules.approve(other, rules.propose(manager, limits, stricter, "核对"), 0, "原文第2页")
    mark = set_mark(registry)
    observing.set_mark(
        manager, mark.point, mark.series, mark.start, mark.end, mark.kind, "误标", mark, withdrawn=True
    )
    close_an_alert(manager, clock)
    device = network.devices_visible_to(manager).get(code="A1-D1")
    decide_a_clue(manager, mark.point)
    command = observing.queue_command(manager, device, "1072", {"PW": "123456", "Overtime": "5"}, "校时")
    correct_values(manager, other, put, START)
    keep_log_books(manager, other)
    accounts.set_active(
        registry.person("system", "system_administrator"), registry.person("x", "leader"), False
    )
    found = {one.kind for one in LedgerEvent.objects.all()}
    # Kinds of matters, evaluation, reports and the desk have their own tests beside the deeds they record.
    below = ("accounts", "rulekeeping", "network", "observing")
    wired = {kind for kind in kinds.kinds() if kind.reread.__module__.split(".")[2] in below}
    assert found == {kind.event.code for kind in wired}
    assert contents("registry.approved")[0]["rows"][0]["after"]["name"] == "新名"
    assert contents("registry.rejected")[0]["comment"] == "理由不足"
    assert contents("post.ended")[0]["to"] == "2026-11-20"
    assert contents("alert.closed")[0]["cause"] == "instrument"
    assert contents("clue.decided")[0]["decision"] == "dismissed"
    assert contents("command.queued")[0]["parameters"] == {"PW": "***", "Overtime": "5"}
    assert command.parameters["PW"] == "123456"
    assert list(queries.differences()) == []
    LocalRow.objects.update(withdrawn_at=None)
    assert any("gone" in text for text in queries.differences())


def test_changed_settings_are_entered_with_their_line_of_the_trail_and_nothing_else_is(registry) -> None:
    person = registry.person("system", "system_administrator")
    for action in sorted(accounts_recorded.SETTINGS):
        accounts.record(person, action, "s", {"reason": "r", "to": 1.0})
        assert action in trail.ACTIONS
    accounts.record(person, "session:user:signed-in")
    said = contents("setting.changed")
    assert [one["action"] for one in said] == sorted(accounts_recorded.SETTINGS)
    assert said[0]["detail"] == {"reason": "r", "to": 1}
    assert list(queries.differences()) == []
    line = AuditEvent.objects.filter(action="matters:delegation:given")
    line.update(detail={"reason": "r", "to": 2})
    (text,) = queries.differences()
    assert "detail" in text
    line.delete()
    (text,) = queries.differences()
    assert "gone" in text
    AuditEvent.objects.create(at=START, user=person, action="matters:delegation:given")
    assert any("not made through the program" in text for text in queries.differences())


def test_every_kind_of_event_is_in_the_document() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "ledger.md").read_text(encoding="utf-8")
    assert [kind.event.code for kind in kinds.kinds() if f"`{kind.event.code}`" not in text] == []


def test_many_records_are_read_again_some_hundreds_at_once(registry) -> None:
    staff = registry.person("staff", "station_staff")
    point = network.points_visible_to(staff).get(code="A1")

    def looked() -> int:
        with CaptureQueriesContext(connection) as queried:
            assert list(queries.differences()) == []
        return len(queried)

    def mark() -> None:
        observing.set_mark(staff, point, ["A1.a34004"], START, START + timedelta(hours=1), "invalid", "x")

    mark()
    before = looked()
    for _ in range(5):
        mark()
    assert looked() == before


def own_rule() -> str:
    """A packaged row with another value, as the office's own CSV file."""
    row = packaged().rows("qc_checks")[0]
    out = io.StringIO()
    content = {**row.values, "frequency": "daily"}
    writer = csv.DictWriter(out, list(content))
    writer.writeheader()
    writer.writerow(content)
    return out.getvalue()


def decide_a_clue(person, point) -> Clue:
    clue = Clue.objects.create(
        point=point, kind="k", rule="r", start=START, score=0.9, statement="s", opened_at=START
    )
    return observing.decide_clue(person, clue, clue.version, "dismissed", "设备检修")


def keep_log_books(author, other) -> None:
    """File a row in every log book and let another person strike it out."""
    rows = {
        "remote-sessions": {"device": "W1-D1", "start": "2026-11-20T02:13", "person": "运维 王某"},
        "software-found": {
            "device": "W1-D1",
            "read_at": "2026-11-19",
            "version": "V2.1",
            "digest": "AA11BB22",
            "reader": "李",
        },
        "materials": {
            "outlet": "S1-W1",
            "material": "water",
            "first_day": "2026-10-01",
            "last_day": "2026-10-31",
            "amount": "12000.5",
            "unit": "m3",
        },
    }
    for name, book in BOOKS.items():
        filing.file(author, book, [Proposal(book.name, rows[name])])
        filing.strike(other, book, book.model.objects.get(), "填错设备")


def station_fields() -> dict:
    return {
        "code": "A1",
        "name": "新名",
        "kind": "air_city",
        "level": "county",
        "region": "990101",
        "organisation": "B1",
        "longitude": 115.2,
        "latitude": 35.4,
    }


def propose(author, reason: str, fields: dict) -> ChangeRequest:
    return registration.propose(author, reason, [Proposal("point", fields)])


def approve(author, request: ChangeRequest) -> None:
    registration.approve(author, request, request.version)


def correct_values(proposer, decider, put, start) -> None:
    """One correction approved, one rejected."""
    series = Series.objects.get(code="A1.a34004")
    put(series, "hour", [(start, 35.0, "N"), (start + timedelta(hours=1), 36.0, "N")])
    for number, decide in enumerate((correcting.approve, correcting.reject)):
        row = correcting.propose(
            proposer, series, "hour", start + timedelta(hours=number), 0, {"value": "53"}, "抄录颠倒"
        )
        decide(decider, row, 0, "已核对")


def close_an_alert(author, clock) -> Alert:
    class Log:
        def read(self, after: int, limit: int):
            finding = Finding(
                id="f1",
                rule="silent",
                rule_version="1",
                subject="A1.a34004",
                subject_kind="series",
                start=START,
                end=START + timedelta(hours=1),
                severity="major",
                evidence={},
                known_at=clock.now(),
            )
            return [] if after else [(1, finding)]

    observing.consume_findings(Log())
    alert = Alert.objects.get()
    return observing.close(author, alert, alert.version, "instrument", "已修复")


def test_a_change_of_a_device_is_entered_without_its_password(registry, monkeypatch) -> None:
    manager, other = registry.person("m", "data_manager"), registry.person("o", "data_manager")
    request = propose_password(manager)
    approve(other, request)
    committed = json.dumps(contents("registry.approved"))
    assert "654321" not in committed
    assert '"password": "***"' in committed


def propose_password(author) -> ChangeRequest:
    fields = {
        "code": "A1-D1",
        "mn": "MN-A1",
        "password": "654321",
        "name": "数采仪",
        "point": "A1",
        "system_code": "22",
        "valid_from": "2024-01-01",
    }
    return registration.propose(author, "换密码", [Proposal("device", fields)])


@pytest.mark.parametrize("way", ["reason", "gone", "canonical", "forged-event", "inserted", "salt"])
def test_whatever_is_done_to_a_mark_in_the_database_shows(registry, notary, way) -> None:
    mark = set_mark(registry)
    notary.sequence([records.RecordsOutbox()])
    assert list(queries.differences()) == []
    assert fsck(notary, [queries.Records()])[0].lost_records == []
    row = LedgerEvent.objects.get(kind="mark.set")
    with connection.cursor() as cursor:
        if way == "reason":
            cursor.execute("UPDATE observing_mark SET reason = 'x' WHERE id = %s", [mark.pk])
        elif way == "gone":
            cursor.execute("DELETE FROM records_ledgerevent WHERE id = %s", [row.pk])
            cursor.execute("DELETE FROM observing_mark WHERE id = %s", [mark.pk])
        elif way == "canonical":
            changed = bytes(row.canonical).replace("更换滤膜".encode(), b"x")
            cursor.execute("UPDATE records_ledgerevent SET canonical = %s WHERE id = %s", [changed, row.pk])
            cursor.execute("UPDATE observing_mark SET reason = 'x' WHERE id = %s", [mark.pk])
        elif way == "salt":
            cursor.execute("UPDATE records_ledgerevent SET salt = %s WHERE id = %s", [b"0" * 32, row.pk])
        elif way == "forged-event":
            content = {**queries.content(row), "reason": "x"}
            forged = kinds.events.prepare("mark.set", str(mark.pk), row.created_at, content)
            cursor.execute(
                "UPDATE records_ledgerevent SET canonical = %s, salt = %s, entry = %s, leaf = %s WHERE id = %s",
                [forged.canonical, forged.salt, forged.entry, leaf_hash(forged.entry).hex(), row.pk],
            )
            cursor.execute("UPDATE observing_mark SET reason = 'x' WHERE id = %s", [mark.pk])
        else:
            Mark.objects.create(
                point=mark.point,
                series=mark.series,
                start=START,
                end=START + timedelta(days=1),
                kind="invalid",
                author=mark.author,
                reason="背后写入",
                known_at=START,
            )
    lost = fsck(notary, [queries.Records()])[0].lost_records
    different = list(queries.differences())
    assert lost or different
    assert (row.position in lost) == (way in ("gone", "canonical", "forged-event", "salt"))
    assert bool(different) == (way in ("reason", "canonical", "salt", "inserted"))


def test_a_post_given_in_the_database_and_a_forged_confirmation_show(registry) -> None:
    person = registry.person("p", "station_staff")
    assert list(queries.differences()) == []
    Post.objects.filter(user=person).update(role="data_manager")
    RuleConfirmation.objects.create(row_id="x", row_digest="y", document="假文件", author=person, at=START)
    first, second = queries.differences()
    assert "role" in first
    assert "not made through the program" in second


def test_a_new_name_of_a_person_is_no_difference(registry) -> None:
    mark = set_mark(registry)
    type(mark.author).objects.filter(pk=mark.author_id).update(name="改名后")
    assert list(queries.differences()) == []


def test_a_clue_concluded_by_its_verification_is_entered_and_a_changed_reason_shows(registry) -> None:
    manager = registry.person("m", "data_manager")
    point = network.points_visible_to(manager).get(code="A1")
    clue = Clue.objects.create(
        point=point, kind="k", rule="r", start=START, score=0.9, statement="s", opened_at=START
    )
    assert observing.conclude_clue(manager, clue, "confirmed", "现场核实")
    assert not observing.conclude_clue(manager, clue, "dismissed", "再来一次")
    assert [one["reason"] for one in contents("clue.decided")] == ["现场核实"]
    assert list(queries.differences()) == []
    Clue.objects.filter(pk=clue.pk).update(state="dismissed", reason="不实")
    (text,) = queries.differences()
    assert "decision" in text
    assert "reason" in text


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("row", "longitude"),
        ("row-and-version", "longitude|fields"),
        ("deleted", "gone"),
        ("inserted", "not registered"),
        ("version-gone", "not registered"),
        ("forged-version", "not made through the program"),
    ],
)
def test_a_registry_row_changed_in_the_database_shows(registry, way, said) -> None:
    assert list(queries.differences()) == []
    versions = Version.objects.filter(kind="point", key="A1")
    if way == "row":
        Point.objects.filter(code="A1").update(longitude=110)
    elif way == "row-and-version":
        Point.objects.filter(code="A1").update(longitude=110)
        one = versions.get()
        versions.update(fields={**one.fields, "longitude": 110.0})
    elif way == "deleted":
        Factor.objects.create(
            code="x", medium="air", wire_code="x", name_zh="x", name_en="x", unit="1", decimals=0
        )
        records_of_factor("x")
        Factor.objects.filter(code="x").delete()
    elif way == "inserted":
        Factor.objects.create(
            code="x", medium="air", wire_code="x", name_zh="x", name_en="x", unit="1", decimals=0
        )
    elif way == "version-gone":
        versions.delete()
    else:
        Point.objects.filter(code="A1").update(longitude=110)
        Version.objects.create(
            kind="point",
            key="A1",
            recorded_at=START,
            fields={**versions.get().fields, "longitude": 110.0},
        )
    found = list(queries.differences())
    assert any(word in text for word in said.split("|") for text in found), found


def records_of_factor(code: str) -> None:
    """A history for a row, as the installer would have written it."""
    row = Factor.objects.get(code=code)
    kind = registered.KINDS["factor"]
    version = Version.objects.create(
        kind="factor", key=code, recorded_at=START, fields=registered.plain(kind, row)
    )
    records.commit("registry.installed", version.pk, recorded.installed(version))


def test_an_approved_change_put_back_in_the_database_shows(registry) -> None:
    manager, other = registry.person("m", "data_manager"), registry.person("o", "data_manager")
    first = propose(manager, "改名", station_fields())
    approve(other, first)
    second = propose(manager, "再改", {**station_fields(), "name": "又一名"})
    approve(other, second)
    assert list(queries.differences()) == []
    # The row is put back to what the first change said, and its history is made to fit.
    Point.objects.filter(code="A1").update(name="新名")
    assert any("name" in text for text in queries.differences())
    Version.objects.filter(change=second).delete()
    assert any("not what was approved" in text for text in queries.differences())
    Version.objects.create(
        kind="point", key="A1", recorded_at=START, fields=second.lines.get().after, change=second
    )
    Version.objects.create(
        kind="point", key="A1", recorded_at=START, fields=first.lines.get().after, change=first
    )
    assert any("not what was approved" in text for text in queries.differences())


def test_a_kind_is_added_by_registration_only(registry, notary, tmp_path, monkeypatch) -> None:
    """A later room (releases, interference records, draws) needs its registration and `commit`, nothing else."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    monkeypatch.setattr(kinds.events, "_kinds", dict(kinds.events._kinds))
    drawn = {"7": {"seed": "公开种子", "chosen": ["W1"]}}
    kinds.register("draw", "Draw", "随机抽取", {"seed", "chosen"}, drawn.get, lambda: list(drawn))
    assert any("随机抽取 7" in text for text in queries.differences())
    with transaction.atomic():
        row = records.commit("draw", 7, drawn["7"])
    notary.sequence([records.RecordsOutbox()])
    row.refresh_from_db()
    assert list(queries.differences()) == []
    assert fsck(notary, [queries.Records()])[0].problems == []
    path = tmp_path / "bundle.zip"
    path.write_bytes(build_bundle(notary, BundleContent("抽取", events=[queries.evidence(row)])))
    policy = own_policy(notary, ["2026"])
    assert verify(path, policy)[0] == 0
    drawn["7"]["chosen"] = ["A1"]
    assert any("chosen" in text for text in queries.differences())

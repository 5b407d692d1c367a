"""A correction: proposed with a reason, approved by a second person, entered into the ledger, a revision of its own."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.conftest import NOW

from qingjian.apps.accounts.models import AuditEvent
from qingjian.apps.network.models import Series
from qingjian.apps.observing import correcting, provenance, queries, stores
from qingjian.apps.observing.models import Correction
from qingjian.apps.records import queries as records
from qingjian.apps.records.models import LedgerEvent
from qingjian.pipeline.corrections import corrected_observation, number_of, waiting_corrections

HOUR = NOW - timedelta(hours=6)


@pytest.fixture
def station(registry) -> Series:
    return Series.objects.select_related("point", "factor").get(code="A1.a34004")


@pytest.fixture
def people(registry):
    """Who proposes and who decides."""
    return registry.person("staff", "station_staff"), registry.person("manager", "data_manager")


@pytest.fixture
def value(station, put):
    put(station, "hour", [(HOUR, 35.0, "N")])
    return station


def propose(author, series, text: str = "53", **changes):
    given = {
        "statistic": "hour",
        "start": HOUR,
        "revision": 0,
        "numbers": {"value": text},
        "reason": "抄录颠倒",
    }
    return correcting.propose(author, series, **{**given, **changes})


def carry_out(clock) -> int:
    """What the pipeline does with waiting orders."""
    from qingjian.lake import Lake

    done = 0
    with Lake(settings.DATA_FOLDER.lake, clock) as lake:
        for path, order in waiting_corrections(settings.DATA_FOLDER.corrections):
            batch = lake.next_batch()
            lake.append(batch, observations=corrected_observation(lake, order.to_json(), batch.known_at))
            path.unlink()
            done += 1
    return done


@pytest.fixture
def approved(value, people, django_capture_on_commit_callbacks):
    staff, manager = people
    with django_capture_on_commit_callbacks(execute=True):
        row = correcting.approve(manager, propose(staff, value), 0, "与原始记录一致")
    return row


def history(series) -> list[dict]:
    return stores.lake().observation_history(series.pk, "hour", HOUR).to_pylist()


def test_an_approved_correction_is_entered_and_becomes_a_revision(approved, value, people, clock) -> None:
    event = LedgerEvent.objects.get(kind="correction.approved")
    said = records.content(event)
    assert (said["actor"], said["proposed_by"], said["reason"]) == ("manager", "staff", "抄录颠倒")
    assert (said["series"], said["before"], said["after"]) == ("A1.a34004", {"value": "35"}, {"value": "53"})
    assert len(history(value)) == 1
    assert carry_out(clock) == 1
    first, second = history(value)
    assert (first["value"], first["journal"]) == (35, "gateway-1")
    assert (second["value"], number_of(second["source"])) == (53, approved.pk)
    newest, received = provenance.steps(value, "hour", HOUR)
    assert newest["correction"] == approved
    assert not received["corrected"]
    assert provenance.steps(value, "hour", HOUR, as_of=first["known_at"]) == [received]
    assert correcting.tell_pipeline() == 0
    approved.refresh_from_db()
    assert approved.stored
    assert list(records.differences()) == []
    actions = AuditEvent.objects.filter(action__startswith="data:correction").values_list("action", flat=True)
    assert sorted(actions) == ["data:correction:approved", "data:correction:proposed"]


def test_a_correction_lost_on_its_way_is_handed_over_again(approved, clock) -> None:
    (path,) = settings.DATA_FOLDER.corrections.glob("*.json")
    assert correcting.tell_pipeline() == 1
    path.unlink()
    assert correcting.tell_pipeline() == 1
    assert carry_out(clock) == 1
    assert correcting.tell_pipeline() == 0
    assert correcting.tell_pipeline() == 0
    assert not list(settings.DATA_FOLDER.corrections.glob("*.json"))


def test_a_correction_approved_in_the_database_alone_is_never_carried_out(value, people, clock) -> None:
    staff, manager = people
    row = propose(staff, value)
    Correction.objects.filter(pk=row.pk).update(state="approved", decided_by=manager, decided_at=NOW)
    assert correcting.tell_pipeline() == 0
    assert not settings.DATA_FOLDER.corrections.exists()
    assert any("not made through the program" in text for text in records.differences())


def test_numbers_changed_after_the_approval_are_not_carried_out(approved, clock) -> None:
    (path,) = settings.DATA_FOLDER.corrections.glob("*.json")
    path.unlink()
    Correction.objects.filter(pk=approved.pk).update(after={"value": "99"})
    assert correcting.tell_pipeline() == 0
    assert not list(settings.DATA_FOLDER.corrections.glob("*.json"))


def test_a_value_that_the_device_has_sent_rightly_since_needs_no_revision(
    approved, value, put, clock
) -> None:
    put(value, "hour", [(HOUR, 53.0, "N")])
    assert carry_out(clock) == 1
    assert [row["value"] for row in history(value)] == [35, 53]
    assert correcting.tell_pipeline() == 0
    assert list(records.differences()) == []


def test_nobody_approves_his_own_or_out_of_reach(registry, value, people) -> None:
    staff, manager = people
    row = propose(staff, value)
    elsewhere = registry.person("elsewhere", "data_manager", region=registry.other)
    holder = registry.person("holder", "permit_holder", organisation=registry.holder)
    for person in (staff, elsewhere, holder, registry.person("other", "station_staff")):
        with pytest.raises(PermissionDenied):
            correcting.approve(person, row, 0)
        with pytest.raises(PermissionDenied):
            correcting.reject(person, row, 0, "不")
        assert row not in queries.corrections_to_decide(person)
    assert list(queries.corrections_to_decide(manager)) == [row]
    own = correcting.withdraw(staff, row, 0)
    assert own.state == Correction.State.WITHDRAWN
    assert not LedgerEvent.objects.filter(kind__startswith="correction").exists()
    mine = propose(manager, value)
    with pytest.raises(PermissionDenied):
        correcting.approve(manager, mine, 0)
    with pytest.raises(PermissionDenied):
        correcting.withdraw(staff, mine, 0)
    with pytest.raises(PermissionDenied):
        propose(elsewhere, value)


def test_a_rejected_correction_is_entered_and_changes_nothing(value, people) -> None:
    staff, manager = people
    row = propose(staff, value)
    with pytest.raises(ValidationError):
        correcting.reject(manager, row, 0, " ")
    correcting.reject(manager, row, 0, "原始记录为35")
    assert records.content(LedgerEvent.objects.get(kind="correction.rejected"))["comment"] == "原始记录为35"
    assert not settings.DATA_FOLDER.corrections.exists()
    with pytest.raises(ValidationError, match=r"Reload|刷新"):
        correcting.approve(manager, row, 0)


def test_what_has_changed_since_is_looked_at_again(value, people, put) -> None:
    staff, manager = people
    row = propose(staff, value)
    put(value, "hour", [(HOUR, 36.0, "N")])
    with pytest.raises(ValidationError):
        correcting.approve(manager, row, 0)
    with pytest.raises(ValidationError):
        propose(staff, value, revision=0)
    assert Correction.objects.get().state == Correction.State.PROPOSED


@pytest.mark.parametrize(
    "changes",
    [
        {"numbers": {"value": "35.0"}},
        {"numbers": {"value": ""}},
        {"numbers": {"value": "NaN"}},
        {"numbers": {"value": "1e99"}},
        {"numbers": {"value": "三十五"}},
        {"numbers": {"max": "1"}},
        {"numbers": {"no-such": "1"}},
        {"numbers": {}},
        {"reason": "  "},
        {"revision": 4},
        {"start": HOUR + timedelta(hours=1)},
    ],
)
def test_a_wrong_proposal_gets_a_clear_answer(value, people, changes) -> None:
    with pytest.raises(ValidationError) as error:
        propose(people[0], value, **changes)
    assert error.value.messages
    assert not Correction.objects.exists()


def test_minimum_and_maximum_go_with_the_value(station, put, people) -> None:
    put(station, "hour", [(HOUR, 35.0, "N")])
    known = correcting.present(station, "hour", HOUR)
    assert (known.revision, known.numbers) == (0, {"value": "35"})
    with pytest.raises(ValidationError, match=r"minimum|最小"):
        correcting._changed({"value": "35", "min": "30", "max": "40"}, {"value": "53"})
    assert correcting._changed(
        {"value": "35", "min": "30", "max": "40"}, {"value": "53", "min": "30.0", "max": "60"}
    ) == {"value": "53", "max": "60"}


def test_one_value_has_one_open_proposal(value, people) -> None:
    propose(people[0], value)
    with pytest.raises(ValidationError):
        propose(people[1], value, "54")
    row = Correction.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_automatic_values_of_a_source_are_marked_never_corrected(registry, put) -> None:
    holder = registry.person("holder", "permit_holder", organisation=registry.holder)
    outlet = Series.objects.get(code="W1.w01018")
    put(outlet, "hour", [(HOUR, 40.0, "N")])
    with pytest.raises(ValidationError):
        propose(holder, outlet)
    Series.objects.filter(pk=outlet.pk).update(origin="laboratory")
    outlet.refresh_from_db()
    assert propose(holder, outlet, "41").after == {"value": "41"}


def test_what_is_computed_from_finer_values_is_not_corrected(fine, put, people) -> None:
    put(fine, "minute", [(HOUR, 10.0, "N")])
    put(fine, "hour", [(HOUR, 20.0, "N")])
    with pytest.raises(ValidationError):
        propose(people[0], fine)
    assert propose(people[0], fine, "11", statistic="minute").state == Correction.State.PROPOSED


@given(st.text(max_size=30))
def test_any_text_is_a_plain_decimal_or_refused(text: str) -> None:
    try:
        plain = correcting._plain(text)
    except ValidationError:
        return
    assert np.isfinite(float(plain))
    assert set(plain) <= set("-0123456789.")


def test_a_correction_changed_behind_the_program_shows(approved, clock) -> None:
    carry_out(clock)
    correcting.tell_pipeline()
    assert list(records.differences()) == []
    Correction.objects.filter(pk=approved.pk).update(reason="别的理由")
    (text,) = records.differences()
    assert "reason" in text
    Correction.objects.filter(pk=approved.pk).update(reason="抄录颠倒", after={"value": "50"})
    texts = list(records.differences())
    assert any("after" in text for text in texts)
    assert any("A1.a34004" in text for text in texts)


def test_a_revision_that_names_no_correction_is_said_in_the_drawer(client, value, people, put) -> None:
    put(value, "hour", [(HOUR, 99.0, "N")], journal=None, sequence=None, source="correction:77")
    client.force_login(people[0])
    page = client.get(
        f"/data/provenance/?series=A1.a34004&statistic=hour&start={HOUR.isoformat().replace('+', '%2B')}"
    )
    assert "text-danger" in page.content.decode()


# -- pages ---------------------------------------------------------------------------------------------------------


def address(**changes) -> str:
    given = {"series": "A1.a34004", "statistic": "hour", "start": HOUR.isoformat(), **changes}
    return "/corrections/new/?" + "&".join(f"{k}={v.replace('+', '%2B')}" for k, v in given.items())


def test_from_the_drawer_to_the_decision(client, value, people) -> None:
    staff, manager = people
    client.force_login(staff)
    drawer = client.get(address().replace("/corrections/new/", "/data/provenance/")).content.decode()
    assert "/corrections/new/" in drawer
    page = client.get(address())
    assert page.status_code == 200
    assert 'value="35"' in page.content.decode()
    assert client.post(address(), {"revision": 0, "value": "x", "reason": "r"}).status_code == 400
    answer = client.post(address(), {"revision": 0, "value": "53", "reason": "抄录颠倒"})
    row = Correction.objects.get()
    assert answer["Location"] == f"/corrections/{row.pk}/"
    drawer = client.get(address().replace("/corrections/new/", "/data/provenance/")).content.decode()
    assert f"/corrections/{row.pk}/" in drawer
    assert 'value="approve"' not in client.get(f"/corrections/{row.pk}/").content.decode()
    assert (
        client.post(f"/corrections/{row.pk}/decide/", {"version": 0, "decision": "approve"}).status_code
        == 403
    )
    client.force_login(manager)
    assert f"/corrections/{row.pk}/" in client.get("/").content.decode()
    assert 'value="approve"' in client.get(f"/corrections/{row.pk}/").content.decode()
    assert (
        client.post(f"/corrections/{row.pk}/decide/", {"version": 0, "decision": "reject"}).status_code == 400
    )
    assert client.post(f"/corrections/{row.pk}/decide/", {"version": "", "decision": "x"}).status_code == 400
    assert (
        client.post(f"/corrections/{row.pk}/decide/", {"version": 0, "decision": "approve"}).status_code
        == 302
    )
    assert "抄录颠倒" in client.get(f"/corrections/{row.pk}/").content.decode()
    listed = client.get("/corrections/?state=approved").content.decode()
    assert f"/corrections/{row.pk}/" in listed
    assert client.get("/corrections/?export=xlsx").content[:2] == b"PK"


def test_pages_of_corrections_keep_to_the_reach(client, registry, value, people) -> None:
    row = propose(people[0], value)
    client.force_login(registry.person("elsewhere", "data_manager", region=registry.other))
    assert client.get(f"/corrections/{row.pk}/").status_code == 404
    assert client.get(address()).status_code == 404
    assert f"/corrections/{row.pk}/" not in client.get("/corrections/").content.decode()
    client.force_login(registry.person("leader", "leader"))
    assert client.get(address()).status_code == 403
    client.force_login(people[0])
    assert client.get(address(start="x")).status_code == 400
    assert client.get(address(start=(HOUR + timedelta(hours=2)).isoformat())).status_code == 404
    assert client.get("/corrections/99/").status_code == 404

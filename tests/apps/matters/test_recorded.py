"""Every line of a trail and every signature is committed to in its own transaction, and later changes are found."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from tests.apps.matters.conftest import key

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import services
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Document, Evidence, Matter, SignOff, StoredFile, TrailEntry
from qingjian.apps.records import queries as records
from qingjian.apps.records.models import LedgerEvent


def signed(office) -> Matter:
    return office.sign(office.sign(office.reported(), office.handler), office.leader)


def differing(matter: Matter) -> list[str]:
    """Return what the comparison says of a matter."""
    return [text for text in records.differences() if matter.number in text]


def test_every_line_has_its_event_and_signatures_name_what_they_cover(office) -> None:
    matter = signed(office)
    events = LedgerEvent.objects.filter(identifier__startswith=f"{matter.number}/")
    assert sorted(events.values_list("identifier", flat=True)) == sorted(
        f"{matter.number}/{number}" for number in range(1, matter.trail.count() + 1)
    )
    both = [records.content(one) for one in events.filter(kind="matter.signed").order_by("id")]
    sheet = matter.sheets.get()
    assert [(one["signer"], one["slot"], one["digest"], one["document"]) for one in both] == [
        ("handler", "verifier", sheet.digest, sheet.document.number),
        ("leader", "leader", sheet.digest, sheet.document.number),
    ]
    report = matter.trail.get(action="report")
    content = records.content(events.get(identifier=f"{matter.number}/{report.sequence}"))
    assert (content["field:conclusion"], content["actor"]) == ("confirmed", "handler")
    assert content["documents"] == [[sheet.document.number, sheet.digest]]
    # What people typed is not spelt out in the event, only bound by its digest.
    assert "采样管被堵" not in str(content)
    assert differing(matter) == []


def test_lines_are_read_again_some_hundreds_at_once(office) -> None:
    def looked(matter: Matter) -> int:
        with CaptureQueriesContext(connection) as queried:
            assert differing(matter) == []
        return len(queried)

    before = looked(office.open())
    with_everything = looked(signed(office))
    assert looked(signed(office)) == with_everything
    assert with_everything - before <= 6  # signatures, evidence, documents and people, once each


def test_the_clock_is_named_as_the_system(office, clock) -> None:
    matter = office.open()
    clock.advance(10 * 86400)
    services.escalate()
    line = LedgerEvent.objects.filter(kind="matter.step").order_by("-id")[0]
    assert (records.content(line)["actor"], records.content(line)["action"]) == ("system", "overdue")
    assert differing(matter) == []


def test_a_refused_step_leaves_no_event(office) -> None:
    matter = office.reported()
    before = LedgerEvent.objects.count()
    with pytest.raises(RefusedError):
        services.act(
            matter, "sign", office.handler, {"digest": "0" * 64, "password": "x"}, matter.version, key()
        )
    with pytest.raises(RefusedError), transaction.atomic():
        services.act(matter, "withdraw_report", office.handler, {}, matter.version - 1, key())
    assert LedgerEvent.objects.count() == before


@pytest.mark.parametrize("what", ["note", "data", "after", "evidence", "signature", "document", "removed"])
def test_what_is_changed_behind_the_program_is_found(office, what: str) -> None:
    matter = signed(office)
    line = matter.trail.get(action="report")
    other = matter.evidence.get().file
    match what:
        case "note":
            TrailEntry.objects.filter(pk=line.pk).update(note="改过")
        case "data":
            TrailEntry.objects.filter(pk=line.pk).update(data={**line.data, "findings": "别的"})
        case "after":
            TrailEntry.objects.filter(pk=line.pk).update(after="opened")
        case "evidence":
            Evidence.objects.update(title="换过")
        case "signature":
            SignOff.objects.filter(slot="leader").update(signer=office.second)
        case "document":
            Document.objects.update(file=other)
        case "removed":
            with connection.cursor() as cursor:
                last = matter.trail.last()
                cursor.execute("DELETE FROM matters_receipt WHERE trail_id = %s", [last.pk])
                cursor.execute("DELETE FROM matters_trailentry WHERE id = %s", [last.pk])
    assert differing(matter)


def test_a_line_that_was_not_made_through_the_program_is_found(office) -> None:
    matter = office.open(CORRECTIVE_ACTION)
    TrailEntry.objects.create(
        matter=matter, sequence=2, at=matter.opened_at, actor=office.leader, action="void", after="void"
    )
    assert any(f"{matter.number}/2" in one for one in records.differences())


def test_rows_of_matters_are_never_deleted(office) -> None:
    matter = office.reported()
    rows = [
        matter,
        matter.trail.first(),
        matter.evidence.get(),
        matter.documents.get(),
        matter.sheets.get(),
        matter.deadlines.first(),
        StoredFile.objects.first(),
    ]
    for row in rows:
        with pytest.raises(ProtectedError):
            row.delete()
        with pytest.raises(ProtectedError):
            type(row).objects.filter(pk=row.pk).delete()
    with pytest.raises(ProtectedError):
        matter.trail.first().save()

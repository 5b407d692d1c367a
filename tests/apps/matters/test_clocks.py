from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import queries, services
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Deadline, Matter, Notification
from qingjian.apps.matters.wording import sentence
from qingjian.contracts.clock import CHINA

DAY = 86400


def served(office, kind: str = "internal", days: int = 5, on: str = "2026-11-20") -> Matter:
    matter = office.open(CORRECTIVE_ACTION, data={"kind": kind, "problem": "p"})
    matter = office.act(matter, "draft", office.handler, demand="d", basis="b", days=days)
    matter = office.sign(office.sign(matter, office.handler), office.leader)
    return office.act(
        office.attach(matter, office.handler), "serve", office.handler, served_on=on, served_how="hand"
    )


def last_day(clock: Deadline) -> date:
    return clock.due.astimezone(CHINA).date()


def test_days_of_the_order_count_from_the_day_of_service(office) -> None:
    clock = served(office).deadlines.get(code="rectify")
    assert (last_day(clock), clock.provisional) == (date(2026, 11, 27), False)


def test_the_rulebook_gives_the_statutory_limits_with_their_source(office) -> None:
    repair = served(office, "equipment").deadlines.get(code="repair")
    assert (repair.limit, repair.unit, repair.confidence, last_day(repair)) == (
        5,
        "working day",
        "V",
        date(2026, 11, 27),
    )
    assert "环保部令19号" in repair.source
    assert repair.rule_row
    recheck = served(office, "order").deadlines.get(code="covert-recheck")
    # 30 natural days after 20 November end on Sunday 20 December and move to Monday.
    assert (recheck.limit, recheck.unit, last_day(recheck)) == (30, "natural day", date(2026, 12, 21))


def test_a_date_beyond_the_calendar_is_provisional_and_follows_the_imported_table(office) -> None:
    matter = served(office, days=30)
    clock = matter.deadlines.get(code="rectify")
    assert (clock.provisional, last_day(clock)) == (True, date(2027, 1, 1))
    table = "# year: 2027\n# title: 测试\ndate,kind,name\n2027-01-01,holiday,元旦\n"
    manager = office.county.person("manager", "data_manager")
    with pytest.raises(RefusedError):
        services.import_calendar(manager, "nonsense", "国办发明电〔2026〕7号")
    services.import_calendar(manager, table, "国办发明电〔2026〕7号")
    clock.refresh_from_db()
    matter.refresh_from_db()
    assert (clock.provisional, last_day(clock), matter.due) == (False, date(2027, 1, 4), clock.due)
    revision = clock.revisions.get()
    assert (revision.due_before.astimezone(CHINA).date(), revision.due_after) == (date(2027, 1, 1), clock.due)
    assert Notification.objects.filter(person=office.handler, kind="recomputed").count() == 1
    assert services.recompute_deadlines() == 0


def test_a_stop_counts_only_when_somebody_else_approved_it(office, clock) -> None:
    matter = served(office)
    row = matter.deadlines.get(code="rectify")
    before = row.due
    clock.advance(2 * DAY)
    start = datetime(2026, 11, 22, 9, tzinfo=UTC)
    with pytest.raises(RefusedError):
        office.act(
            matter, "request-stop", office.handler, start=clock.now() + timedelta(days=1), reason="检测"
        )
    matter = office.act(
        matter, "request-stop", office.handler, start=start, reason="检测", document="测委1号"
    )
    row.refresh_from_db()
    assert (row.due, row.state) == (before, "running")
    with pytest.raises(NotAllowed):
        office.act(matter, "approve-stop", office.handler, note="同意")
    matter = office.act(matter, "approve-stop", office.leader, note="同意")
    row.refresh_from_db()
    assert (row.due, row.state, matter.due) == (None, "paused", None)
    clock.advance(5 * DAY)
    matter = office.act(matter, "resume", office.handler)
    row.refresh_from_db()
    # Stopped from the 23rd to the 28th: the working days 23–27 are taken out, so the 5th is 4 December.
    assert (row.state, last_day(row), matter.due) == ("running", date(2026, 12, 4), row.due)
    answer = queries.computed(row)
    assert answer.due == row.due
    assert any("检测" in line for line in answer.explain("zh"))
    with pytest.raises(RefusedError):
        office.act(matter, "resume", office.handler)


def test_a_stop_that_was_asked_for_waits_in_the_inbox_of_who_decides(office) -> None:
    matter = office.act(served(office), "request-stop", office.handler, reason="检测")
    (found,) = queries.inbox(office.leader)
    assert (found, found.stop_asked) == (matter, True)
    assert matter not in queries.inbox(office.handler)
    office.act(matter, "refuse-stop", office.leader, note="理由不足")
    assert not queries.inbox(office.leader).exists()
    assert [one.stop_asked for one in queries.inbox(office.holder)] == [False]


def test_who_asks_for_a_stop_does_not_approve_it_even_as_leader(office) -> None:
    from tests.apps.conftest import FIRST_DAY

    from qingjian.apps.accounts.services import place_post

    place_post(office.handler, "leader", office.county.bureau, office.county.county, FIRST_DAY)
    matter = office.act(served(office), "request-stop", office.handler, reason="检测")
    with pytest.raises(RefusedError) as caught:
        office.act(matter, "approve-stop", office.handler, note="x")
    assert caught.value.reason == "person"
    office.act(matter, "refuse-stop", office.leader, note="理由不足")
    assert matter.deadlines.get(code="rectify").state == "running"


def test_reminders_come_before_and_escalation_climbs_after(office, clock) -> None:
    matter = served(office)
    row = matter.deadlines.get(code="rectify")
    Notification.objects.all().delete()
    assert services.remind() == 0
    clock.set_wall(row.due - timedelta(days=1))
    assert services.remind() > 0
    assert services.remind() == 0
    assert set(Notification.objects.filter(kind="due_soon").values_list("person__username", flat=True)) == {
        "handler",
        "holder",
    }
    assert services.escalate() == 0
    levels = []
    for wait in (timedelta(days=1, seconds=1), timedelta(days=2), timedelta(days=2), timedelta(days=9)):
        clock.advance(wait.total_seconds())
        services.escalate()
        services.escalate()
        row.refresh_from_db()
        levels.append(row.escalation)
    assert levels == [1, 2, 3, 3]
    assert set(Notification.objects.filter(kind="overdue").values_list("person__username", flat=True)) == {
        "handler",
        "holder",
        "leader",
    }
    assert Notification.objects.filter(kind="escalated", person=office.upper).exists()
    assert matter.trail.filter(action="overdue").count() == 3
    assert next(one.light_text for one in queries.deadlines_of(matter))
    matter = office.act(
        office.attach(matter, office.holder), "report", office.holder, measures="m", finished_on="2026-12-08"
    )
    row.refresh_from_db()
    assert (row.state, row.responsible, row.escalate_at) == ("missed", office.handler, None)
    figures = {
        one["code"]: one
        for one in queries.punctuality(
            office.leader, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
        )
    }
    assert (figures["rectify"]["late"], figures["rectify"]["rate"], figures["rectify"]["escalated"]) == (
        1,
        0.0,
        1,
    )


def test_closing_ends_every_clock(office) -> None:
    matter = office.act(
        served(office, "order"),
        "pass_recheck",
        office.second,
        rechecked_on="2026-11-21",
        recheck_findings="好",
    )
    assert not matter.deadlines.filter(state__in=("running", "paused")).exists()
    assert matter.due is None


def test_traffic_lights_have_words(office, clock) -> None:
    matter = office.open()
    rows = queries.with_own_due(queries.visible_to(office.leader), office.leader)
    for moment, light in ((0, "later"), (2 * DAY, "soon"), (9 * DAY, "overdue")):
        clock.advance(moment)
        assert list(queries.by_light(rows, light)) == [matter], light
    assert not queries.by_light(rows, "closed").exists()


def test_a_declared_step_asks_for_a_stop_and_another_ends_it(office, clock) -> None:
    matter = office.act(office.open(), "take", office.handler)
    row = matter.deadlines.get(code="verify")
    before = row.due
    matter = office.act(matter, "send_samples", office.handler, tested_by="市监测站", tested_for="化学需氧量")
    stop = matter.stops.get()
    assert (stop.state, stop.reason, stop.asked_by, stop.end) == ("asked", "样品检测", office.handler, None)
    assert Notification.objects.filter(kind="stop_asked", person=office.leader).exists()
    row.refresh_from_db()
    assert (row.due, row.state) == (before, "running")
    # Sent again before anybody decided: one stop is enough.
    office.act(matter, "send_samples", office.handler, tested_by="市监测站", tested_for="氨氮")
    assert matter.stops.count() == 1
    office.act(matter, "approve-stop", office.leader, note="同意扣除")
    row.refresh_from_db()
    assert (row.due, row.state) == (None, "paused")
    clock.advance(5 * DAY)
    matter = office.act(matter, "receive_result", office.handler, test_result="超标")
    row.refresh_from_db()
    assert (row.state, matter.due, row.due > before) == ("running", row.due, True)
    assert matter.stops.get().end is not None
    assert row.revisions.count() == 2


def test_a_stop_that_ended_before_it_was_decided_is_taken_out_when_approved(office, clock) -> None:
    matter = office.act(office.open(), "take", office.handler)
    row = matter.deadlines.get(code="verify")
    before = row.due
    matter = office.act(matter, "send_samples", office.handler, tested_by="t", tested_for="x")
    clock.advance(4 * DAY)
    matter = office.act(matter, "receive_result", office.handler, test_result="r")
    row.refresh_from_db()
    assert (row.due, row.state, matter.stops.get().end is not None) == (before, "running", True)
    office.act(matter, "approve-stop", office.leader, note="同意")
    row.refresh_from_db()
    assert (row.state, row.due > before) == ("running", True)
    # A result without samples sent stops and starts nothing.
    office.act(matter, "receive_result", office.handler, test_result="r")
    assert matter.stops.count() == 1


def test_a_corrected_year_moves_what_runs_keeps_the_old_and_leaves_what_has_ended(
    client, office, clock
) -> None:
    done = office.act(
        office.attach(served(office), office.holder),
        "report",
        office.holder,
        measures="m",
        finished_on="2026-11-21",
    )
    ended = done.deadlines.get(code="rectify")
    matter = served(office)
    row = matter.deadlines.get(code="rectify")
    kept = row.due
    # A correction of a year that is known already: Monday the 23rd becomes a day off in exchange for Saturday the 28th.
    text = "# year: 2026\n# title: 更正\ndate,kind,name\n" + "".join(
        f"{day.isoformat()},{kind},{name}\n"
        for day, kind, name in (
            (date(2026, 11, 23), "rest_in_lieu", "调休"),
            (date(2026, 11, 28), "work_in_lieu", "调休"),
        )
    )
    services.import_calendar(office.county.person("manager", "data_manager"), text, "国办发明电〔2026〕9号")
    for one in (row, ended):
        one.refresh_from_db()
    assert (last_day(row), row.revisions.get().due_before) == (date(2026, 11, 28), kept)
    assert (ended.state, ended.revisions.count()) == ("met", 0)
    assert matter.trail.last().action == "recompute"
    told = Notification.objects.filter(kind="recomputed", matter=matter)
    assert set(told.values_list("person__username", flat=True)) == {"handler", "holder"}
    texts = {sentence(one) for one in told}
    assert any("2026-11-27" in one and "2026-11-28" in one for one in texts)
    matter.refresh_from_db()
    assert matter.due == row.due
    # The old date stays beside the new one, with the reason.
    client.force_login(office.leader)
    page = client.get(f"/matters/{matter.pk}/?tab=deadlines").content.decode()
    assert kept.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") in page
    assert "工作日历已变更" in page

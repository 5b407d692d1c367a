from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.apps.matters.conftest import year_table

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import punctuality, queries, services
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


def corrected_year() -> str:
    """Return the year 2026 with Monday 23 November as a day off in exchange for Saturday the 28th."""
    packaged = resources.files("qingjian.workdays").joinpath("data", "years", "2026.csv").read_text("utf-8")
    return packaged + "2026-11-23,rest_in_lieu,调休\n2026-11-28,work_in_lieu,调休\n"


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
    table = year_table(2027)
    manager = office.county.person("manager", "data_manager", region=office.county.city)
    with pytest.raises(PermissionDenied):
        services.import_calendar(
            office.county.person("inside", "data_manager"), table, "国办发明电〔2026〕7号"
        )
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
    assert (row.state, row.responsible, row.escalate_at) == ("missed", None, None)
    figures = {
        one["code"]: one
        for one in punctuality.figures(
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
    services.import_calendar(
        office.county.person("manager", "data_manager", region=office.county.city),
        corrected_year(),
        "国办发明电〔2026〕9号",
    )
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


@pytest.mark.parametrize("way", ["fail_recheck", "end", "void"])
def test_a_deadline_that_was_missed_stays_missed_however_the_matter_goes_on(office, clock, way: str) -> None:
    matter = served(office)
    clock.advance(20 * DAY)
    services.escalate()
    if way == "fail_recheck":
        data = {"rechecked_on": "2026-12-10", "recheck_findings": "否", "more_days": 3}
        office.act(matter, way, office.second, **data)
    else:
        office.act(matter, way, office.leader, **({"ending": "x"} if way == "end" else {"reason": "x"}))
    assert matter.deadlines.filter(code="rectify").order_by("id").first().state == "missed"
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    late = {one["code"]: one["late"] for one in punctuality.figures(office.leader, *year)}
    assert late["rectify"] == 1


def test_a_stop_is_not_approved_through_a_deputy_of_who_asked_nor_for_whom_it_was_asked(office) -> None:
    from tests.apps.conftest import FIRST_DAY, NOW

    from qingjian.apps.accounts.services import place_post

    today = NOW.astimezone(CHINA).date()
    both, deputy = office.handler, office.second
    place_post(both, "leader", office.county.bureau, office.county.county, FIRST_DAY)
    services.delegate(both, both, deputy, today, today + timedelta(days=7), "出差")
    # Asked in person, approved by the deputy in the asker's name.
    matter = office.act(served(office), "request-stop", both, reason="检测")
    assert matter not in queries.inbox(deputy)
    with pytest.raises(RefusedError) as caught:
        office.act(matter, "approve-stop", deputy, note="同意")
    assert caught.value.reason == "person"
    office.act(matter, "refuse-stop", office.leader, note="否")
    # Asked by a deputy in the person's name, approved by that person.
    third = office.county.person("third", "leader")
    services.delegate(both, both, third, today, today + timedelta(days=7), "出差")
    matter = office.act(matter, "request-stop", third, reason="检测")
    assert matter.stops.last().asked_for == both
    assert matter not in queries.inbox(both)
    with pytest.raises(RefusedError) as caught:
        office.act(matter, "approve-stop", both, note="同意")
    assert caught.value.reason == "person"
    office.act(matter, "approve-stop", office.leader, note="同意")


def year_of(office, user, by: str = "region") -> dict[str, dict]:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    return {one["code"]: one for one in punctuality.figures(user, begin, end, by)}


def test_a_company_reads_its_own_punctuality_and_nothing_of_the_authority(client, office, clock) -> None:
    served(office, "order")
    clock.advance(60 * DAY)
    assert set(year_of(office, office.leader)) == {"rectify", "covert-recheck"}
    assert set(year_of(office, office.holder)) == {"rectify"}
    with pytest.raises(PermissionDenied):
        year_of(office, office.holder, "person")
    client.force_login(office.holder)
    page = client.get("/matters/punctuality/?by=person&to=2027-12-31").content.decode()
    assert "复查" not in page
    assert office.handler.name not in page


def test_who_is_late_is_whose_deadline_it_was(office, clock) -> None:
    matter = served(office)
    clock.advance(20 * DAY)
    office.act(
        office.attach(matter, office.holder), "report", office.holder, measures="m", finished_on="2026-12-10"
    )
    assert matter.deadlines.get(code="rectify").responsible is None
    assert year_of(office, office.leader, "person")["rectify"]["group"] == office.county.holder.name
    # Assigning late is the leader's lateness, not that of who is assigned.
    other = office.open()
    clock.advance(20 * DAY)
    other = office.act(other, "assign_verifier", office.leader, verifier=office.handler.pk, instruction="")
    late = other.deadlines.get(code="assign")
    assert (late.state, late.responsible) == ("missed", office.leader)


def test_what_has_ended_keeps_the_explanation_of_the_date_that_counted(client, office) -> None:
    matter = office.act(
        office.attach(served(office), office.holder),
        "report",
        office.holder,
        measures="m",
        finished_on="2026-11-21",
    )
    services.import_calendar(
        office.county.person("manager", "data_manager", region=office.county.city),
        corrected_year(),
        "国办发明电〔2026〕9号",
    )
    client.force_login(office.leader)
    page = client.get(f"/matters/{matter.pk}/?tab=deadlines").content.decode()
    assert "截止 2026-11-27" in page
    assert "截止 2026-11-28" not in page


def test_a_stop_approved_after_a_late_report_is_judged_and_explained(client, office, clock) -> None:
    matter = served(office, days=3)
    row = matter.deadlines.get(code="rectify")
    clock.advance(3 * DAY)
    matter = office.act(matter, "request-stop", office.handler, reason="停产检修", document="批复1号")
    clock.advance(7 * DAY)
    matter = office.attach(matter, office.holder)
    matter = office.act(matter, "report", office.holder, measures="m", finished_on="2026-11-30")
    row.refresh_from_db()
    assert row.state == "missed"
    # Even a matter that is closed meanwhile: whether it was late hangs on the answer.
    matter = office.act(
        matter, "pass_recheck", office.second, rechecked_on="2026-12-01", recheck_findings="好"
    )
    client.force_login(office.leader)
    assert "approve-stop" in client.get(f"/matters/{matter.pk}/").content.decode()
    matter = office.act(matter, "approve-stop", office.leader, note="同意")
    row.refresh_from_db()
    assert (row.state, row.due, row.revisions.get().cause) == ("met", None, "stopped")
    page = client.get(f"/matters/{matter.pk}/?tab=deadlines").content.decode()
    assert "停产检修" in page


@pytest.mark.parametrize("served_on", ["0026-11-20", "2606-11-20", "2062-11-20", "2026-11-22", "1999-12-31"])
def test_a_mistyped_year_is_refused_with_the_days_that_are_possible(client, office, served_on: str) -> None:
    matter = office.open(CORRECTIVE_ACTION)
    matter = office.act(matter, "draft", office.handler, demand="d", basis="b", days=5)
    matter = office.attach(office.sign(office.sign(matter, office.handler), office.leader), office.handler)
    client.force_login(office.handler)
    form = {"key": "k" * 32, "version": matter.version, "served_on": served_on, "served_how": "hand"}
    answer = client.post(f"/matters/{matter.pk}/act/serve/", form)
    assert answer.status_code == 400
    assert "2000-01-01" in answer.content.decode()
    assert Matter.objects.get(pk=matter.pk).state == "approved"


def test_a_stop_leaves_the_deadline_of_a_law_running_unless_it_is_named(client, office) -> None:
    matter = office.act(served(office, "order"), "request-stop", office.handler, reason="检测")
    matter = office.act(matter, "approve-stop", office.leader, note="同意")
    states = dict(matter.deadlines.values_list("code", "state"))
    assert states == {"rectify": "paused", "covert-recheck": "running"}
    assert matter.due == matter.deadlines.get(code="covert-recheck").due
    named = served(office, "order")
    client.force_login(office.handler)
    page = client.get(f"/matters/{named.pk}/act/request-stop/").content.decode()
    assert 'value="covert-recheck"' in page
    with pytest.raises(RefusedError):
        office.act(named, "request-stop", office.handler, reason="检测", codes=["nonsense"])
    named = office.act(named, "request-stop", office.handler, reason="鉴定", codes=["covert-recheck"])
    named = office.act(named, "approve-stop", office.leader, note="同意")
    assert dict(named.deadlines.values_list("code", "state"))["covert-recheck"] == "paused"


@pytest.mark.parametrize("query", ["to=9999-12-31", "from=0001-01-01", "from=9999-12-31&to=0001-01-01"])
def test_impossible_periods_of_punctuality_are_answered(client, office, query: str) -> None:
    client.force_login(office.leader)
    assert client.get(f"/matters/punctuality/?{query}").status_code == 200


def test_a_table_that_excel_wrote_in_china_is_read_and_a_damaged_one_refused(client, office) -> None:
    client.force_login(office.county.person("manager", "data_manager", region=office.county.city))

    def send(content: bytes):
        upload = SimpleUploadedFile("year.csv", content)
        return client.post("/working-days/", {"document": "国办发明电〔2027〕1号", "file": upload})

    whole = year_table(2028)
    for refused in (
        whole.replace("元旦", "\ufffd").encode(),
        b"\xff\xfe\x80\xff" * 9,
        b"# year: 2028\n# title: t\ndate,kind,name\n",
        "\n".join(one for one in whole.splitlines() if "春节" not in one).encode(),
        whole.replace("2028-10-02,holiday,国庆节\n", "").encode("gb18030"),
    ):
        assert send(refused).status_code == 400
        assert 2028 not in queries.calendar().years
    assert send(whole.encode("gb18030")).status_code == 302
    assert queries.calendar().day(date(2028, 1, 1)).name == "元旦"
    assert not queries.calendar().day(date(2028, 10, 2)).worked


def test_every_clock_is_counted_once_whoever_counts(office, clock) -> None:
    """Who sees all matters of the regions is answered without them, others through them: with the same figures."""
    served(office)
    matter = office.attach(office.ordered(), office.holder)
    matter = office.act(matter, "report", office.holder, measures="已补全", finished_on="2026-11-21")
    office.act(matter, "pass_recheck", office.second, rechecked_on="2026-11-21", recheck_findings="完成")
    clock.advance(20 * DAY)
    through = queries.known_to(
        office.leader, Deadline.objects.filter(matter__in=queries.visible_to(office.leader).order_by())
    )
    alone = queries.clocks_in_reach(office.leader)
    assert "matters_matter" not in str(alone.query)
    assert set(alone) == set(through)
    assert alone.exists()
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    sums = {}
    for by in punctuality.COUNTED_BY:
        rows = punctuality.figures(office.leader, begin, end, by)
        sums[by] = {name: sum(one[name] for one in rows) for name in punctuality.COUNTS}
    assert sums["region"] == sums["person"] == sums["organisation"]
    assert sums["region"]["met"] == through.filter(state="met").count() > 0
    assert sums["region"]["overdue"] == through.filter(state="running", due__lt=clock.now()).count() > 0


def test_a_clock_knows_its_matter_by_itself(office) -> None:
    matter = served(office)
    kept = {(one.kind, one.region_id, one.subject_id) for one in matter.deadlines.all()}
    assert kept == {(matter.kind, matter.region_id, matter.subject_id)}

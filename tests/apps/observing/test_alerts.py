from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from tests.apps.conftest import NOW

from qingjian.apps.observing import merging, queries, services
from qingjian.apps.observing.models import Alert, FindingRecord, Heartbeat, Mark
from qingjian.contracts.findings import Finding, finding_id


class Log:
    """A finding log in memory."""

    def __init__(self) -> None:
        self.rows: list[Finding] = []

    def append(self, findings) -> int:
        self.rows.extend(findings)
        return len(findings)

    def read(self, after: int, limit: int = 1000):
        return [(number, finding) for number, finding in enumerate(self.rows, start=1) if number > after][
            :limit
        ]

    def open_findings(self, rule=None):
        return [one for one in self.rows if one.end is None]


def finding(
    rule: str = "device-silent",
    subject: str = "A1-D1",
    kind: str = "device",
    minutes: int = 0,
    lasts: int | None = None,
    severity: str = "major",
) -> Finding:
    start = NOW - timedelta(hours=2) + timedelta(minutes=minutes)
    return Finding(
        finding_id(rule, "1", subject, start),
        rule,
        "1",
        subject,
        kind,
        start,
        None if lasts is None else start + timedelta(minutes=lasts),
        severity,
        {"seconds": 1},
        NOW,
    )


@pytest.fixture
def log(registry) -> Log:
    return Log()


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


def test_findings_of_one_rule_and_subject_merge_into_one_alert(log, staff) -> None:
    log.append([finding(lasts=5), finding(minutes=30), finding(subject="W1-D1")])
    assert services.consume_findings(log) == 3
    assert services.consume_findings(log) == 0
    merged = Alert.objects.get(subject="A1-D1")
    assert (merged.findings_count, merged.ended_at, merged.point.code) == (2, None, "A1")
    assert Alert.objects.count() == 2


def test_a_later_statement_ends_what_was_found(log, staff) -> None:
    log.append([finding()])
    services.consume_findings(log)
    log.append([finding(lasts=40)])
    services.consume_findings(log)
    alert = Alert.objects.get()
    assert alert.ended_at == finding(lasts=40).end
    assert alert.findings_count == 1


def test_information_is_kept_and_asks_nobody(log, staff) -> None:
    log.append([finding(severity="information")])
    services.consume_findings(log)
    assert FindingRecord.objects.count() == 1
    assert not Alert.objects.exists()


def test_a_new_finding_after_closing_opens_a_new_alert(log, staff) -> None:
    log.append([finding(lasts=5)])
    services.consume_findings(log)
    alert = Alert.objects.get()
    services.close(staff, alert, alert.version, "network", "")
    log.append([finding(minutes=60)])
    services.consume_findings(log)
    assert Alert.objects.exclude(state="closed").count() == 1
    assert Alert.objects.count() == 2


def test_closing_needs_a_cause_and_what_lasts_a_note(log, staff) -> None:
    log.append([finding()])
    services.consume_findings(log)
    alert = Alert.objects.get()
    for cause, note in (("", "x"), ("nonsense", "x"), ("network", ""), ("other", " ")):
        with pytest.raises(ValidationError):
            services.close(staff, alert, alert.version, cause, note)
    closed = services.close(staff, alert, alert.version, "network", "光纤中断，已报修")
    assert closed.steps.last().note == "光纤中断，已报修"


def test_a_stale_page_does_not_overwrite(log, staff) -> None:
    log.append([finding(lasts=5)])
    services.consume_findings(log)
    alert = Alert.objects.get()
    services.acknowledge(staff, alert, 0)
    with pytest.raises(ValidationError):
        services.close(staff, alert, 0, "network", "")
    assert Alert.objects.get().state == "acknowledged"


def test_an_alert_nobody_takes_climbs_and_one_taken_does_not(log, staff, clock) -> None:
    log.append([finding(severity="critical"), finding(subject="W1-D1", severity="critical")])
    services.consume_findings(log)
    taken = Alert.objects.get(subject="W1-D1")
    services.acknowledge(staff, taken, taken.version)
    clock.advance(3601)
    assert services.escalate_overdue() == 1
    clock.advance(3601)
    assert services.escalate_overdue() == 1
    clock.advance(36000)
    assert services.escalate_overdue() == 0
    assert Alert.objects.get(subject="A1-D1").escalation == 2


def test_people_see_and_handle_their_own_region_only(log, registry, staff) -> None:
    log.append([finding(), finding(subject="W1-D1")])
    services.consume_findings(log)
    stranger = registry.person("x", "station_staff", region=registry.other)
    holder = registry.person("h", "permit_holder", organisation=registry.holder)
    assert queries.alerts_visible_to(staff).count() == 2
    assert queries.alerts_visible_to(stranger).count() == 0
    assert [alert.subject for alert in queries.alerts_visible_to(holder)] == ["W1-D1"]
    with pytest.raises(PermissionDenied):
        services.acknowledge(stranger, Alert.objects.first(), 0)


def test_the_pages_of_alerts_open_and_act(log, staff, client) -> None:
    log.append([finding()])
    services.consume_findings(log)
    client.force_login(staff)
    alert = Alert.objects.get()
    for path in ("/alerts/", f"/alerts/{alert.pk}/", "/alerts/?export=xlsx", "/clues/"):
        assert client.get(path).status_code == 200
    client.post(f"/alerts/{alert.pk}/act/", {"action": "acknowledge", "version": 0, "note": ""})
    client.post(
        f"/alerts/{alert.pk}/act/", {"action": "close", "version": 1, "cause": "instrument", "note": "换泵"}
    )
    alert.refresh_from_db()
    assert (alert.state, alert.cause) == ("closed", "instrument")


def test_the_self_test_is_proved_by_its_alert_or_fails(registry, clock) -> None:
    services.heartbeat_sent(NOW)
    assert services.prove_heartbeat(timedelta(hours=1)).proved_at is None
    clock.advance(1800)
    Alert.objects.create(
        rule="device-silent",
        subject="SYN",
        subject_kind="device",
        severity="major",
        opened_at=NOW + timedelta(minutes=20),
        last_at=NOW,
        synthetic=True,
    )
    assert services.prove_heartbeat(timedelta(hours=1)).proved_at is not None
    assert Alert.objects.get().state == "closed"
    services.heartbeat_sent(NOW + timedelta(days=1))
    clock.advance(86400 * 1.2)
    assert services.prove_heartbeat(timedelta(hours=1)).failed
    assert queries.self_test(NOW + timedelta(days=2)).overdue
    assert Heartbeat.objects.count() == 2


def test_a_mark_is_superseded_never_changed(registry, staff, clock) -> None:
    from qingjian.apps.network.models import Point

    point = Point.objects.get(code="A1")
    end = NOW
    mark = services.set_mark(
        staff, point, ["A1.a34004"], NOW - timedelta(hours=2), end, "maintenance", "更换滤膜"
    )
    seen_at = NOW
    clock.advance(60)
    services.set_mark(
        staff, point, mark.series, mark.start, mark.end, mark.kind, "误标", supersedes=mark, withdrawn=True
    )
    assert queries.marks_in_force(point, mark.start, mark.end) == []
    assert queries.marks_in_force(point, mark.start, mark.end, as_of=seen_at) == [mark]
    assert Mark.objects.count() == 2


@pytest.mark.parametrize(
    ("series", "kind", "reason", "hours"),
    [
        (["W1.w01018"], "fault", "x", 1),
        (["A1.a34004"], "nonsense", "x", 1),
        (["A1.a34004"], "fault", " ", 1),
        (["A1.a34004"], "fault", "x", -1),
        ([], "fault", "x", 1),
    ],
)
def test_wrong_marks_are_refused(registry, staff, series, kind, reason, hours) -> None:
    from qingjian.apps.network.models import Point

    with pytest.raises(ValidationError):
        services.set_mark(
            staff, Point.objects.get(code="A1"), series, NOW, NOW + timedelta(hours=hours), kind, reason
        )


def test_a_permit_holder_does_not_verify_its_own_data(registry) -> None:
    from qingjian.apps.network.models import Point

    holder = registry.person("h", "permit_holder", organisation=registry.holder)
    with pytest.raises(ValidationError):
        services.set_mark(
            holder,
            Point.objects.get(code="W1"),
            ["W1.w01018"],
            NOW - timedelta(hours=1),
            NOW,
            "verified",
            "x",
        )


def test_what_lasts_and_grows_worse_after_closing_is_raised_again(log, client, staff) -> None:
    log.append([finding()])
    services.consume_findings(log)
    first = Alert.objects.get()
    services.close(staff, first, first.version, "network", "已报修")
    log.append([finding(), replace(finding(), severity="critical")])
    services.consume_findings(log)
    first.refresh_from_db()
    again = Alert.objects.exclude(pk=first.pk).get()
    assert (first.state, again.state, again.severity, again.ended_at) == ("closed", "open", "critical", None)
    assert FindingRecord.objects.get().alert == again
    log.append([replace(finding(), severity="critical")])
    services.consume_findings(log)
    assert Alert.objects.count() == 2
    client.force_login(staff)
    assert f"/alerts/{again.pk}/" in client.get(f"/alerts/{first.pk}/").content.decode()


def test_what_is_over_is_not_raised_again_for_its_severity(log, staff) -> None:
    log.append([finding()])
    services.consume_findings(log)
    alert = Alert.objects.get()
    services.close(staff, alert, alert.version, "network", "已报修")
    log.append([replace(finding(lasts=60), severity="critical")])
    services.consume_findings(log)
    assert Alert.objects.get().state == "closed"


@pytest.fixture
def holder(registry):
    return registry.person("h", "permit_holder", organisation=registry.holder)


def outlet_mark(author, kind: str, *, ends: timedelta = -timedelta(hours=2), **more) -> Mark:
    from qingjian.apps.network.models import Point

    point = Point.objects.get(code="W1")
    return services.set_mark(
        author, point, ["W1.w01018"], NOW - timedelta(hours=5), NOW + ends, kind, "现场核查", **more
    )


@pytest.mark.parametrize("kind", ["valid", "maintenance", "invalid"])
@pytest.mark.parametrize("left", [False, True])
def test_the_unit_leaves_what_the_bureau_marked_as_it_is(staff, holder, kind: str, left: bool) -> None:
    mark = outlet_mark(staff, "invalid")
    if left:  # the officer's account was closed since
        staff.is_active = False
        staff.save()
    for attempt in ({"kind": kind}, {"kind": "invalid", "supersedes": mark, "withdrawn": True}):
        with pytest.raises(ValidationError, match=r"authority|主管部门"):
            outlet_mark(holder, **attempt)
    assert Mark.objects.get() == mark


def test_the_unit_takes_its_own_marks_back_and_the_bureau_any(staff, holder) -> None:
    own = outlet_mark(holder, "maintenance")
    outlet_mark(holder, "maintenance", supersedes=own, withdrawn=True)
    again = outlet_mark(holder, "fault")
    outlet_mark(staff, "fault", supersedes=again, withdrawn=True)
    outlet_mark(staff, "invalid")
    assert outlet_mark(holder, "confirmed").kind == "confirmed", "a level outranks no mark"


@pytest.mark.parametrize(
    ("kind", "days", "allowed"),
    [("stopped", 30, True), ("stopped", 40, False), ("invalid", 3, False), ("valid", 3650, False)],
)
def test_nobody_marks_years_ahead(staff, holder, kind: str, days: int, allowed: bool) -> None:
    for author in (staff, holder):
        if allowed:
            outlet_mark(author, kind, ends=timedelta(days=days))
            Mark.objects.all().delete()
        else:
            with pytest.raises(ValidationError, match="31"):
                outlet_mark(author, kind, ends=timedelta(days=days))


def test_the_page_tells_the_unit_why_a_bureau_s_mark_stays(client, staff, holder) -> None:
    mark = outlet_mark(staff, "invalid")
    client.force_login(holder)
    page = client.post(f"/marks/{mark.pk}/withdraw/", {"reason": "x"}, follow=True).content.decode()
    assert "主管部门" in page
    assert Mark.objects.count() == 1


@pytest.mark.parametrize("rule", ["changed-after-the-fact", "device-against-platform", "exceedance-hour"])
def test_the_bureau_closes_what_is_stated_about_a_unit_s_data(log, client, staff, holder, rule: str) -> None:
    log.append([finding(rule, "W1.w01018", "series", lasts=60)])
    services.consume_findings(log)
    alert = Alert.objects.get()
    with pytest.raises(PermissionDenied):
        services.close(holder, alert, alert.version, "other", "nothing happened")
    client.force_login(holder)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert 'value="close"' not in page
    assert "由主管部门关闭" in page
    services.comment(holder, alert, alert.version, "补传")
    alert.refresh_from_db()
    services.acknowledge(holder, alert, alert.version)
    alert.refresh_from_db()
    client.force_login(staff)
    assert 'value="close"' in client.get(f"/alerts/{alert.pk}/").content.decode()
    assert services.close(staff, alert, alert.version, "other", "已核实").state == "closed"


def test_a_unit_closes_technical_alerts_and_merges_nothing_else_into_them(log, staff, holder) -> None:
    log.append(
        [
            finding("device-silent", "W1-D1", lasts=60, severity="critical"),
            finding("changed-after-the-fact", "W1.w01018", "series", lasts=60),
        ]
    )
    services.consume_findings(log)
    silent, changed = Alert.objects.order_by("pk")
    with pytest.raises(PermissionDenied):
        merging.merge(holder, {silent.pk: silent.version, changed.pk: changed.version}, "同一件事")
    merging.merge(staff, {silent.pk: silent.version, changed.pk: changed.version}, "同一件事")
    silent.refresh_from_db()
    with pytest.raises(PermissionDenied):
        services.close(holder, silent, silent.version, "network", "好")
    changed.refresh_from_db()
    merging.split(staff, changed, changed.version, "分开")
    silent.refresh_from_db()
    assert services.close(holder, silent, silent.version, "network", "好").state == "closed"


def gap(lasts: int | None, missing: int, minutes: int = 0) -> Finding:
    evidence = {"statistic": "hour", "periods": 3, "missing": missing, "filled": missing == 0}
    return replace(finding("gap", "A1.a34004", "series", minutes, lasts, "minor"), evidence=evidence)


def test_an_alert_of_gaps_closes_by_itself_only_when_every_gap_is_over_and_filled(log, staff) -> None:
    steps = [
        (gap(None, 3), "open"),
        (gap(60, 3), "open"),
        (gap(None, 2, minutes=90), "open"),
        (gap(60, 0), "open"),
        (gap(None, 0, minutes=90), "open"),
        (gap(20, 0, minutes=90), "closed"),
    ]
    for stated, state in steps:
        log.append([stated])
        services.consume_findings(log)
        assert Alert.objects.get().state == state
    alert = Alert.objects.get()
    assert (alert.cause, alert.escalate_at) == ("filled", None)
    assert [(step.action, step.author) for step in alert.steps.all()] == [("opened", None), ("closed", None)]
    log.append([gap(30, 1, minutes=111)])
    services.consume_findings(log)
    assert Alert.objects.exclude(state="closed").count() == 1, "a new gap asks again"


def test_a_gap_somebody_has_taken_over_is_left_to_that_person(log, staff) -> None:
    log.append([gap(60, 3)])
    services.consume_findings(log)
    alert = Alert.objects.get()
    services.acknowledge(staff, alert, alert.version)
    log.append([gap(60, 0)])
    services.consume_findings(log)
    assert Alert.objects.get().state == "acknowledged"


def test_an_alert_that_grows_worse_climbs_sooner_and_keeps_what_was(log, clock, staff, client) -> None:
    log.append([finding(severity="minor")])
    services.consume_findings(log)
    first = Alert.objects.get().escalate_at
    clock.advance(600)
    log.append([finding(minutes=30, severity="critical")])
    services.consume_findings(log)
    alert = Alert.objects.get()
    assert alert.escalate_at == NOW + timedelta(minutes=70)
    step = alert.steps.get(action="worsened")
    assert step.note == f"minor critical {first.isoformat()} {alert.escalate_at.isoformat()}"
    client.force_login(staff)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert "程度加重" in page
    assert timezone.localtime(first).strftime("%Y-%m-%d %H:%M:%S") in page


def test_a_nearer_deadline_is_never_moved_away(log, clock) -> None:
    log.append([finding(severity="minor")])
    services.consume_findings(log)
    first = Alert.objects.get().escalate_at
    clock.advance(23 * 3600)
    log.append([finding(minutes=30, severity="major")])
    services.consume_findings(log)
    alert = Alert.objects.get()
    assert (alert.severity, alert.escalate_at) == ("major", first)

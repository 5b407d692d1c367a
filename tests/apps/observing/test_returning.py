"""What comes back after its alert was closed asks people again; the unit's own word stops no climbing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from tests.apps.conftest import NOW

from qingjian.apps.governance import escalating
from qingjian.apps.observing import merging, services
from qingjian.apps.observing.models import Alert, FindingRecord
from qingjian.apps.observing.tasks import look_again
from qingjian.contracts.findings import Finding
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.stating import make_finding

DAY = 86_400


def stated(rule: str, subject: str, *, lasts: timedelta | None = None, start=NOW, **more) -> Finding:
    end = None if lasts is None else start + lasts
    found = replace(make_finding(rule, subject, start, end, {}, NOW), **more)
    log = SqliteFindingLog(settings.DATA_FOLDER.findings)
    log.append([found])
    log.close()
    services.consume_findings()
    return found


def newest() -> Alert:
    return Alert.objects.order_by("-pk")[0]


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def holder(registry):
    return registry.person("h", "permit_holder", organisation=registry.holder)


@pytest.fixture
def leader(registry):
    return registry.person("boss", "leader")


def close(author, alert: Alert, cause: str = "network") -> Alert:
    return services.close(author, alert, alert.version, cause, "已报修")


@pytest.mark.parametrize(("cause", "days"), [("network", 1), ("stopped", 31), ("rule", 31)])
def test_what_still_lasts_is_raised_again_after_the_time_its_cause_explains(
    staff, client, clock, cause: str, days: int
) -> None:
    stated("device-silent", "A1-D1")
    first = close(staff, newest(), cause)
    clock.advance(days * DAY - 60)
    assert (services.raise_again(), Alert.objects.count()) == (0, 1)
    clock.advance(60)
    assert "1" in look_again(NOW)
    again = newest()
    assert (again.pk != first.pk, again.state, again.findings_count) == (True, "open", 1)
    assert (first.steps.last().action, FindingRecord.objects.get().alert) == ("came-back", again)
    assert services.raise_again() == 0
    client.force_login(staff)
    page = client.get(f"/alerts/{again.pk}/").content.decode()
    assert f"/alerts/{first.pk}/" in page, "the history stands on the page of the new alert"


def test_what_ended_after_the_closing_stays_closed_and_says_when(staff, clock) -> None:
    stated("device-silent", "A1-D1")
    close(staff, newest())
    stated("device-silent", "A1-D1", lasts=timedelta(hours=3))
    clock.advance(40 * DAY)
    assert services.raise_again() == 0
    assert (newest().state, newest().ended_at) == ("closed", NOW + timedelta(hours=3))


def test_a_finding_that_ended_and_begins_again_is_raised_at_once(staff) -> None:
    stated("device-silent", "A1-D1", lasts=timedelta(hours=1))
    first = close(staff, newest())
    stated("device-silent", "A1-D1")
    assert (newest().pk > first.pk, newest().state, newest().ended_at) == (True, "open", None)


def test_a_finding_without_open_end_that_goes_on_for_a_day_is_raised_again(staff, clock) -> None:
    stated("changed-after-the-fact", "A1.a34004", lasts=timedelta(hours=1))
    close(staff, newest())
    stated("changed-after-the-fact", "A1.a34004", lasts=timedelta(hours=20))
    assert Alert.objects.count() == 1
    clock.advance(DAY + 7200)
    stated("changed-after-the-fact", "A1.a34004", lasts=timedelta(hours=26))
    assert newest().state == "open"


def test_filled_values_that_are_missing_again_ask_again(staff) -> None:
    for filled, alerts in ((False, 1), (True, 1), (False, 2)):
        stated("gap", "A1.a34004", lasts=timedelta(hours=3), evidence={"filled": filled})
        assert Alert.objects.count() == alerts
    assert newest().state == "open"


def test_what_a_matter_decided_is_left_to_it(staff, clock) -> None:
    stated("device-silent", "A1-D1")
    services.hand_over(newest(), "事项-1")
    services.carry_out(staff, newest().pk, "closed", "已处理", "network")
    clock.advance(40 * DAY)
    assert services.raise_again() == 0


def test_closing_again_and_again_does_not_begin_the_climb_anew(staff, holder, clock) -> None:
    stated("device-silent", "W1-D1", severity="major")
    for _level in (1, 2):
        clock.advance(4 * 3600)
        assert services.escalate_overdue() == 1
    close(holder, newest())
    stated("device-silent", "W1-D1", start=NOW + timedelta(hours=9), severity="major")
    assert (newest().state, newest().escalation) == ("open", 1)
    close(holder, newest())
    clock.advance(DAY)
    stated("device-silent", "W1-D1", start=NOW + timedelta(hours=40), severity="major")
    assert newest().escalation == 0


def test_the_unit_s_word_does_not_stop_the_climb_to_the_bureau(staff, holder, leader, client, clock) -> None:
    stated("device-silent", "W1-D1", severity="critical")
    alert = services.acknowledge(holder, newest(), newest().version)
    assert (alert.state, alert.escalate_at) == ("acknowledged", NOW + timedelta(hours=1))
    client.force_login(holder)
    assert 'value="acknowledge"' not in client.get(f"/alerts/{alert.pk}/").content.decode()
    for _level in (1, 2):
        clock.advance(3600)
        assert services.escalate_overdue() == 1
    assert escalating.escalated_to(leader) == [newest()]
    client.force_login(staff)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert 'value="acknowledge"' in page
    assert "直到主管部门接手" in page
    client.post(
        f"/alerts/{alert.pk}/act/", {"action": "acknowledge", "version": newest().version, "note": ""}
    )
    assert (newest().escalate_at, escalating.escalated_to(leader)) == (None, [])
    assert 'value="acknowledge"' not in client.get(f"/alerts/{alert.pk}/").content.decode()


def test_merging_keeps_the_climb_of_what_only_the_unit_has_taken_over(staff, holder) -> None:
    stated("device-silent", "W1-D1", severity="critical")
    silent = services.acknowledge(holder, newest(), newest().version)
    stated("gap", "W1.w01018", severity="minor")
    gap = newest()
    main = merging.merge(staff, {silent.pk: silent.version, gap.pk: gap.version}, "停电")
    assert (main, main.escalate_at) == (silent, silent.escalate_at)

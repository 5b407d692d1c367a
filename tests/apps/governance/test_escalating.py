"""An alert that nobody takes over reaches the next person, whatever its rule is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from tests.apps.conftest import NOW

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.governance import escalating
from qingjian.apps.matters.models import Notification
from qingjian.apps.matters.wording import sentence
from qingjian.apps.network.models import Duty, Point
from qingjian.apps.observing import services
from qingjian.apps.observing.models import Alert
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.rules import CATALOGUE
from qingjian.pipeline.stating import make_finding


@pytest.fixture
def people(registry):
    maintainer = Organisation.objects.create(
        code="M1", name="运维公司", kind="maintenance", region=registry.county
    )
    Duty.objects.create(point=Point.objects.get(code="A1"), kind="maintain", organisation=maintainer)
    return {
        "staff": registry.person("staff", "station_staff"),
        "fitter": registry.person("fitter", "maintenance", organisation=maintainer),
        "leader": registry.person("leader", "leader"),
        "upper": registry.person("upper", "upper_bureau", region=registry.city),
        "other": registry.person("other", "leader", region=registry.other),
        "system": registry.person("system", "system_administrator"),
    }


def raised(rule: str, subject: str) -> Alert:
    log = SqliteFindingLog(settings.DATA_FOLDER.findings)
    log.append([make_finding(rule, subject, NOW, None, {}, NOW)])
    log.close()
    services.consume_findings()
    return Alert.objects.filter(rule=rule).latest("pk")


def told(level: int) -> set[str]:
    return {one.person.username for one in Notification.objects.all() if one.values["level"] == level}


RULES = sorted(rule for rule, row in CATALOGUE.items() if row.severity != "information")


@pytest.mark.parametrize("rule", RULES)
def test_every_kind_of_alert_reaches_who_is_on_duty_and_then_the_leader(people, clock, rule: str) -> None:
    subject = {"device": "A1-D1", "series": "A1.a34004", "point": "A1"}.get(
        CATALOGUE[rule].subject_kind, "node"
    )
    alert = raised(rule, subject)
    if alert.region_id is None:
        first, above = {"system"}, {"leader", "upper", "other"}
    else:
        first, above = {"staff", "fitter"}, {"leader"}
    clock.advance(services.ESCALATE_AFTER[alert.severity].total_seconds() - 1)
    assert services.escalate_overdue() == 0
    assert not Notification.objects.exists()
    clock.advance(1)
    assert services.escalate_overdue() == 1
    assert told(1) == first
    clock.advance(services.ESCALATE_AFTER[alert.severity].total_seconds())
    assert services.escalate_overdue() == 1
    assert told(2) == above


def test_it_stands_on_the_workbench_until_somebody_takes_it_over(people, clock, client) -> None:
    alert = raised("device-silent", "A1-D1")
    clock.advance(2 * services.ESCALATE_AFTER[alert.severity].total_seconds())
    for _level in range(2):
        services.escalate_overdue()
        clock.advance(services.ESCALATE_AFTER[alert.severity].total_seconds())
    leader = people["leader"]
    client.force_login(leader)
    assert 'id="escalated"' in client.get("/").content.decode()
    page = client.get("/notifications/").content.decode()
    assert f"/alerts/{alert.pk}/" in page
    assert "县政府站" in sentence(Notification.objects.get(person=leader))
    client.force_login(people["other"])
    assert 'id="escalated"' not in client.get("/").content.decode()
    alert.refresh_from_db()
    services.acknowledge(people["staff"], alert, alert.version)
    client.force_login(leader)
    assert 'id="escalated"' not in client.get("/").content.decode()
    clock.advance(timedelta(days=9).total_seconds())
    services.escalate_overdue()
    assert Notification.objects.filter(person=leader).count() == 1


def test_what_climbed_long_ago_still_waits_and_what_is_not_shown_is_counted(
    people, clock, client, monkeypatch
) -> None:
    """However many notices a person got since."""
    rule = next(one for one in RULES if CATALOGUE[one].subject_kind not in ("device", "series", "point"))
    first, second = raised(rule, "gateway-1"), raised(rule, "gateway-2")
    clock.advance(services.ESCALATE_AFTER[first.severity].total_seconds())
    services.escalate_overdue()
    told = Notification.objects.filter(person=people["system"], kind=escalating.NOTICE).first()
    Notification.objects.bulk_create(
        Notification(
            person=people["system"],
            kind=escalating.NOTICE,
            values={**told.values, "alert": 0},
            at=told.at + timedelta(days=1),
        )
        for _ in range(250)
    )
    monkeypatch.setattr(escalating, "MOST_SHOWN", 1)
    found = escalating.escalated_to(people["system"])
    assert (len(found), found.more) == (1, 1)
    assert found[0] in (first, second)
    client.force_login(people["system"])
    assert "另有 1 条" in client.get("/").content.decode()


def test_an_alert_of_the_node_itself_is_on_the_page_of_who_runs_the_system(people, clock, client) -> None:
    rule = next(one for one in RULES if CATALOGUE[one].subject_kind not in ("device", "series", "point"))
    alert = raised(rule, "gateway-1")
    clock.advance(services.ESCALATE_AFTER[alert.severity].total_seconds())
    services.escalate_overdue()
    assert [one.pk for one in escalating.escalated_to(people["system"])] == [alert.pk]
    client.force_login(people["system"])
    page = client.get("/").content.decode()
    assert f"/alerts/{alert.pk}/" in page
    assert client.get(f"/alerts/{alert.pk}/").status_code == 200

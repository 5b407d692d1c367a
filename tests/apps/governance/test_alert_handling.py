"""An alert of a limit becomes a matter: its deadlines run, escalate and are met; the alert follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.html import escape
from django.utils.translation import override
from tests.apps.matters.conftest import Office

from qingjian.apps.governance import queries, services
from qingjian.apps.governance.handling import ALERT_HANDLING, TAKE_OVER_HOURS
from qingjian.apps.matters import services as work
from qingjian.apps.matters.checks import process_problems
from qingjian.apps.matters.models import Deadline, Matter, Notification
from qingjian.apps.network.models import Series
from qingjian.apps.observing import services as observing
from qingjian.apps.observing import stores
from qingjian.apps.observing.models import Alert
from qingjian.apps.observing.words import rule_text, rule_title
from qingjian.apps.records import queries as records
from qingjian.contracts.current import now
from qingjian.contracts.findings import Finding, finding_id


def found(series: str, rule: str = "exceedance-hour", severity: str = "major") -> Alert:
    """State a finding of a series and let it become an alert."""
    start = now() - timedelta(hours=2)
    stores.findings().append(
        [
            Finding(
                finding_id(rule, "1", series, start),
                rule,
                "1",
                series,
                "series",
                start,
                None,
                severity,
                {"peak": 130.0},
                now(),
            )
        ]
    )
    observing.consume_findings()
    return Alert.objects.get(rule=rule, subject=series)


@pytest.fixture
def series(office: Office) -> str:
    return Series.objects.filter(point__outlet__isnull=False).first().code


def test_the_declaration_is_sound() -> None:
    assert list(process_problems(ALERT_HANDLING)) == []


@pytest.mark.parametrize("severity", TAKE_OVER_HOURS)
def test_an_exceedance_is_opened_once_with_the_deadline_of_its_severity(
    office: Office, series: str, severity: str
) -> None:
    alert = found(series, severity=severity)
    assert (services.open_for_alerts(), services.open_for_alerts()) == (1, 0)
    matter = Matter.objects.get(kind=ALERT_HANDLING.code)
    alert.refresh_from_db()
    assert alert.handled_as == matter.number
    assert matter.opened_by is None
    assert "最高值 130" in matter.data["statement"]
    assert (matter.origin_address, matter.origin_title) == (f"/alerts/{alert.pk}/", f"报警 {alert.pk}")
    assert (matter.region, matter.subject) == (alert.region, alert.organisation)
    clock = matter.deadlines.get()
    assert clock.due - clock.started_at == timedelta(hours=TAKE_OVER_HOURS[severity])
    assert clock.confidence == "U"
    assert Notification.objects.filter(matter=matter, person=office.handler).exists()


def test_its_title_is_read_in_the_language_of_the_page(client: Client, office: Office, series: str) -> None:
    alert = found(series)
    services.open_for_alerts()
    matter = Matter.objects.get(kind=ALERT_HANDLING.code)
    client.force_login(office.handler)
    pages = ("/", "/matters/", f"/matters/{matter.pk}/", "/matters/deadlines/")
    for language in ("zh-hans", "en"):
        with override(language):
            title = f"{rule_title(alert.rule)}: {alert.point}"
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        for page in pages:
            assert escape(title) in client.get(page).content.decode(), (language, page)
    assert matter.title == matter.heading != matter.title_en
    found_in_english = client.get("/matters/", {"q": "hourly"}).content.decode()
    assert matter.number in found_in_english


def test_what_was_found_is_read_in_the_language_of_the_page(
    client: Client, office: Office, series: str
) -> None:
    alert = found(series)
    services.open_for_alerts()
    matter = Matter.objects.get(kind=ALERT_HANDLING.code)
    client.force_login(office.handler)
    for language, said, not_said in (
        ("zh-hans", "最高值 130", "Highest value 130"),
        ("en", "Highest value 130", "最高值"),
    ):
        with override(language):
            rule = escape(rule_text(alert.rule))
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        for tab in ("", "?tab=trail"):
            page = client.get(f"/matters/{matter.pk}/{tab}").content.decode()
            assert (page.count(said), page.count(rule), page.count(not_said)) == (1, 1, 0), (language, tab)
    assert "最高值 130" in matter.data["statement"]


def test_other_alerts_stay_with_their_own_hours(office: Office, series: str) -> None:
    alert = found(series, rule="flat-line")
    assert services.open_for_alerts() == 0
    assert alert.escalate_at is not None


def test_nobody_takes_it_over_and_the_deadline_escalates(office: Office, series: str, clock: Any) -> None:
    alert = found(series)
    services.open_for_alerts()
    clock.advance(5 * 3600)
    assert observing.escalate_overdue() == 0
    assert work.escalate() == 1
    told = Notification.objects.filter(kind="overdue").values_list("person__username", flat=True)
    assert "leader" in told
    clock.advance(4 * 3600)
    assert work.escalate() == 1
    handling = queries.handling_of(office.leader, [alert])[alert.pk]
    assert (handling.escalation, handling.light_colour) == (2, "red")
    assert queries.handling_of(office.outsider, [alert]) == {}


def test_taking_over_and_closing_the_matter_carries_to_the_alert(
    office: Office, series: str, clock: Any
) -> None:
    alert = found(series)
    services.open_for_alerts()
    matter = office.act(
        Matter.objects.get(kind=ALERT_HANDLING.code), "explain", office.holder, explanation="停电"
    )
    matter = office.act(matter, "take", office.handler)
    alert.refresh_from_db()
    assert alert.state == Alert.State.ACKNOWLEDGED
    assert matter.assignee == office.handler
    matter = office.act(matter, "close", office.handler, cause="process", cause_found="曝气机停运")
    alert.refresh_from_db()
    assert (alert.state, alert.cause) == (Alert.State.CLOSED, "process")
    assert alert.steps.last().author == office.handler
    states = dict(matter.deadlines.values_list("code", "state"))
    assert states == {"take-over": Deadline.State.MET, "name-cause": Deadline.State.MET}
    assert not [one for one in records.differences() if not one.startswith("名录")]
    assert services.open_for_alerts() == 0


def test_the_alert_itself_sends_people_to_its_matter(office: Office, series: str) -> None:
    alert = found(series)
    services.open_for_alerts()
    alert.refresh_from_db()
    with pytest.raises(ValidationError, match="报警"):
        observing.acknowledge(office.handler, alert, alert.version)
    observing.comment(office.handler, alert, alert.version, "看过现场")
    alert.refresh_from_db()
    assert alert.steps.last().note == "看过现场"


def test_a_matter_declared_void_is_followed_by_another(office: Office, series: str) -> None:
    alert = found(series)
    services.open_for_alerts()
    first = Matter.objects.get(kind=ALERT_HANDLING.code)
    office.act(first, "void", office.leader, reason="重复")
    assert services.open_for_alerts() == 1
    alert.refresh_from_db()
    assert alert.handled_as != first.number


def test_pages_show_matter_and_deadline(office: Office, series: str, client: Client) -> None:
    alert = found(series)
    services.open_for_alerts()
    number = Matter.objects.get(kind=ALERT_HANDLING.code).number
    client.force_login(office.handler)
    for address in (
        f"/alerts/{alert.pk}/",
        "/alerts/",
        "/",
        "/governance/alerts/",
        "/matters/deadlines/",
        "/matters/inbox/",
    ):
        page = client.get(address)
        assert page.status_code == 200, address
        assert number in page.content.decode(), address
    client.force_login(office.outsider)
    assert client.get(f"/alerts/{alert.pk}/").status_code == 404


def worse(series: str, severity: str) -> None:
    """State a further finding of the same rule and series."""
    start = now() - timedelta(hours=1)
    stores.findings().append(
        [
            Finding(
                finding_id("exceedance-hour", "1", series, start),
                "exceedance-hour",
                "1",
                series,
                "series",
                start,
                None,
                severity,
                {"peak": 260.0},
                now(),
            )
        ]
    )
    observing.consume_findings()


def test_what_grows_worse_gets_the_tighter_deadline_and_keeps_the_first_one(
    office: Office, series: str, clock: Any
) -> None:
    found(series, severity="minor")
    services.open_for_alerts()
    first = Deadline.objects.get()
    clock.advance(600)
    worse(series, "critical")
    assert (services.worsen_for_alerts(), services.worsen_for_alerts()) == (1, 0)
    matter = Matter.objects.get(kind=ALERT_HANDLING.code)
    running = matter.deadlines.get(state=Deadline.State.RUNNING)
    assert running.due == matter.due == now() + timedelta(hours=1)
    assert matter.deadlines.get(state=Deadline.State.CANCELLED).due == first.due
    line = matter.trail.get(action="worsened")
    ends = [datetime.fromisoformat(line.data[name]) for name in ("before", "due")]
    assert ends == [first.due, running.due]
    assert (line.data["severity"], line.data["deadline"]) == ("critical", "take-over")
    assert line.inside
    told = Notification.objects.filter(kind="worsened_sooner")
    assert office.handler in [one.person for one in told]
    page = Client()
    page.force_login(office.handler)
    assert "程度加重" in page.get(f"/matters/{matter.pk}/?tab=trail").content.decode()
    assert not [one for one in records.differences() if not one.startswith("名录")]
    assert office.act(matter, "take", office.handler).deadlines.get(code="name-cause")


def test_a_first_deadline_that_ends_earlier_stays_and_a_missed_one_climbs_sooner(
    office: Office, series: str, clock: Any
) -> None:
    found(series, severity="minor")
    services.open_for_alerts()
    first = Deadline.objects.get()
    clock.advance(23 * 3600)
    worse(series, "major")
    assert services.worsen_for_alerts() == 1
    assert Deadline.objects.get().due == first.due
    clock.advance(2 * 3600)
    assert work.escalate() == 1
    worse(series, "critical")
    assert services.worsen_for_alerts() == 1
    clock.advance(3600)
    assert work.escalate() == 1


def test_the_severity_of_a_matter_taken_over_or_closed_changes_no_deadline(
    office: Office, series: str
) -> None:
    found(series, severity="minor")
    services.open_for_alerts()
    matter = office.act(Matter.objects.get(kind=ALERT_HANDLING.code), "take", office.handler)
    due = matter.due
    worse(series, "critical")
    assert services.worsen_for_alerts() == 1
    matter.refresh_from_db()
    assert (matter.data["severity"], matter.due) == ("critical", due)
    assert Notification.objects.filter(kind="worsened", person=office.handler).exists()
    matter = office.act(matter, "close", office.handler, cause="process", cause_found="曝气机停运")
    assert work.worsen(matter.pk, {"severity": "minor"}) is False

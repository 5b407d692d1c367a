"""Who is told what and when: before, after, upwards, and never outside of what a person may see."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from tests.apps.conftest import FIRST_DAY
from tests.apps.matters.conftest import year_table
from tests.apps.regions import place_region

from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Organisation, Region
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import channels, queries, services
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Certificate, Delivery, Matter, Notification
from qingjian.apps.matters.wording import sentence
from qingjian.contracts.clock import CHINA

DAY = 86400
TODAY = date(2026, 11, 21)


def names(**wanted: Any) -> set[str]:
    return set(Notification.objects.filter(**wanted).values_list("person__username", flat=True))


def test_a_short_limit_is_reminded_of_halfway(office, clock) -> None:
    long = office.act(office.open(), "take", office.handler).deadlines.get(code="verify")
    assert long.remind_at == long.due - timedelta(days=2)
    # Two working days from Monday the 23rd: two days before the end would lie before the beginning.
    clock.advance(2 * DAY)
    short = office.open().deadlines.get(code="assign")
    left = short.due - short.started_at
    assert short.due - timedelta(days=2) < short.started_at + timedelta(hours=20)
    assert short.remind_at == short.due - left / 2
    clock.set_wall(short.remind_at - timedelta(seconds=1))
    services.remind()
    assert names(kind="due_soon") == set()
    clock.advance(2)
    services.remind()
    services.remind()
    assert names(kind="due_soon") == {"leader"}
    assert Notification.objects.filter(kind="due_soon").count() == 1


def test_escalation_reaches_the_next_level_and_reminds_until_it_is_done(office, clock) -> None:
    province = Region.objects.create(code="990000", name="省", level="province")
    place_region(office.county.city, province, FIRST_DAY)
    high = office.county.person("high", "upper_bureau", region=province)
    matter = office.act(office.open(), "take", office.handler)
    row = matter.deadlines.get(code="verify")
    Notification.objects.all().delete()
    clock.set_wall(row.due + timedelta(seconds=1))
    assert services.escalate() == 1
    assert names() == {"handler", "leader"}
    clock.advance(2 * DAY)
    assert services.escalate() == 1
    assert names(kind="escalated") == {"upper"}
    clock.advance(2 * DAY)
    assert services.escalate() == 1
    assert names(kind="escalated") == {"upper", high.username}
    for times in (2, 3):
        clock.advance(2 * DAY)
        assert services.escalate() == 0
        assert Notification.objects.filter(kind="overdue", person=office.handler).count() == times
    assert matter.trail.filter(action="overdue").count() == 3
    assert names(person=office.outsider) == set()


def test_after_a_long_silence_levels_follow_one_by_one(office, clock) -> None:
    matter = office.act(office.open(), "take", office.handler)
    clock.advance(90 * DAY)
    assert [services.escalate(), services.escalate(), services.escalate()] == [1, 1, 0]
    assert matter.deadlines.get(code="verify").escalation == 2


def test_nobody_hears_of_a_matter_they_may_not_see(office) -> None:
    secret = office.open(confidentiality="confidential", actor=office.handler)
    assert names(matter=secret) == {"leader"}
    office.act(secret, "assign_verifier", office.leader, verifier=office.handler.pk)
    assert "second" not in names(matter=secret)
    accounts.end_post(
        office.county.person("security", "security_administrator"), office.handler.posts.get(), TODAY
    )
    count = Notification.objects.filter(person=office.handler).count()
    office.act(secret, "urge", office.leader, note="请尽快")
    assert Notification.objects.filter(person=office.handler).count() == count


def test_who_supervises_urges_and_nobody_else(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    version = matter.version
    matter = office.act(matter, "urge", office.upper, note="请于周五前报告")
    assert (matter.version, matter.trail.last().note) == (version, "请于周五前报告")
    told = Notification.objects.get(kind="urged")
    assert (told.person, "请于周五前报告" in sentence(told)) == (office.handler, True)
    for person, note, error in (
        (office.second, "x", NotAllowed),
        (office.outsider, "x", NotAllowed),
        (office.upper, " ", RefusedError),
    ):
        with pytest.raises(error):
            office.act(matter, "urge", person, note=note)


def test_a_stop_and_a_new_calendar_are_told_to_all_whose_date_it_is(office, clock) -> None:
    matter = office.act(office.ordered(days=30), "request-stop", office.handler, reason="检测")
    clock.advance(60)
    matter = office.act(matter, "approve-stop", office.leader, note="同意")
    assert names(kind="stop_decided") == {"handler", "holder"}
    clock.advance(DAY)
    office.act(matter, "resume", office.handler)
    assert names(kind="resumed") == {"holder"}
    table = year_table(2027)
    services.import_calendar(
        office.county.person("manager", "data_manager", region=office.county.city),
        table,
        "国办发明电〔2026〕7号",
    )
    assert names(kind="recomputed") == {"handler", "holder"}


def test_many_deadlines_follow_a_new_calendar_in_portions(office) -> None:
    for _number in range(3):
        office.ordered(days=30)
    from qingjian.apps.matters.models import CalendarTable
    from qingjian.contracts.current import now

    CalendarTable.objects.create(
        year=2027,
        text="# year: 2027\n# title: t\ndate,kind,name\n2027-01-01,holiday,元旦\n",
        document="d",
        author=office.leader,
        at=now(),
    )
    assert [services.recompute_deadlines(2) for _round in range(3)] == [2, 1, 0]


def test_holders_and_leaders_are_warned_once_of_a_certificate_that_ends(office) -> None:
    agency = Organisation.objects.create(code="A1", name="检测公司", kind="agency", region=office.county.city)
    for number, end, fields in (
        ("P-1", TODAY + timedelta(days=20), {"kind": "sampling", "person": office.second}),
        ("P-2", TODAY + timedelta(days=200), {"kind": "sampling", "person": office.second}),
        ("O-1", TODAY + timedelta(days=5), {"kind": "cma", "organisation": agency}),
    ):
        services.register_certificate(
            office.leader, number=number, issuer="i", valid_from=date(2025, 1, 1), valid_to=end, **fields
        )
    assert services.warn_of_certificates() == 3
    assert services.warn_of_certificates() == 0
    assert names(kind="certificate_ends") == {"second", "leader"}
    text = sentence(Notification.objects.filter(person=office.second, kind="certificate_ends").get())
    assert "P-1" in text
    assert "second" in text
    assert Certificate.objects.filter(warned=True).count() == 2
    # An agency of another place: whoever entered its certificate is told, and every authority sees it.
    assert queries.certificates_visible_to(office.outsider).get().number == "O-1"
    assert "O-1" not in queries.certificates_visible_to(office.holder).values_list("number", flat=True)


def test_a_kind_of_certificate_belongs_to_a_person_or_an_organisation(office) -> None:
    common = {"issuer": "i", "valid_from": TODAY, "valid_to": TODAY}
    for number, fields in (
        ("1", {"kind": "enforcement", "organisation": office.county.bureau}),
        ("2", {"kind": "cma", "person": office.second}),
    ):
        with pytest.raises(RefusedError):
            services.register_certificate(office.leader, number=number, **fields, **common)


def test_of_a_confidential_matter_only_the_number_leaves_the_node(office, settings) -> None:
    settings.EMAIL_HOST = "mail.example"
    office.handler.email = "handler@example.org"
    office.handler.save()
    for confidentiality in ("internal", "confidential"):
        matter = office.act(office.open(confidentiality=confidentiality), "take", office.handler)
        office.act(matter, "urge", office.leader, note="举报人的线索")
    assert services.deliver() == 2
    plain, secret = (one.subject + one.body for one in mail.outbox)
    assert "举报人的线索" in plain
    assert "举报人的线索" not in secret
    assert Matter.objects.get(confidentiality="confidential").number in secret


class Pigeon:
    """A channel as another package would bring it."""

    name = "pigeon"

    def addresses(self, notification: Notification) -> list[str]:
        return [f"loft of {notification.person.username}"]

    def send(self, delivery: Delivery) -> None:
        raise OSError("no wind")


def test_a_channel_of_another_package_is_loaded_tried_again_and_given_up(office, clock, monkeypatch) -> None:
    entries = [
        EntryPoint("pigeon", "tests.apps.matters.test_notices:Pigeon", channels.PLUGINS),
        EntryPoint("broken", "tests.apps.matters.test_notices:Missing", channels.PLUGINS),
    ]
    monkeypatch.setattr(channels, "_channels", {})
    monkeypatch.setattr(channels, "entry_points", lambda group: entries if group == channels.PLUGINS else [])
    channels.load_plugins()
    assert [one.name for one in channels.channels()] == ["pigeon"]
    office.open()
    row = Delivery.objects.get()
    assert (row.address, row.state) == ("loft of leader", "waiting")
    for _attempt in range(8):
        services.deliver()
        clock.advance(DAY)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == ("failed", 6, "no wind")


def test_reminders_name_the_day_in_the_readers_words(office) -> None:
    matter = office.open()
    row = matter.deadlines.get()
    told = Notification(
        person=office.leader,
        matter=matter,
        kind="due_soon",
        values={"deadline": row.code, "due": row.due.isoformat()},
    )
    assert row.due.astimezone(CHINA).strftime("%Y-%m-%d") in sentence(told)


class Broken(Pigeon):
    """A channel that fails in a way nobody foresaw."""

    name = "broken"

    def send(self, delivery: Delivery) -> None:
        raise ValueError


def test_one_broken_channel_does_not_hold_up_the_others(office, settings, monkeypatch) -> None:
    monkeypatch.setattr(channels, "_channels", {"broken": Broken(), "email": channels.Email()})
    settings.EMAIL_HOST = "mail.example"
    office.leader.email = "leader@example.org"
    office.leader.save()
    office.open()
    assert services.deliver() == 1
    assert dict(Delivery.objects.values_list("channel", "state")) == {"broken": "waiting", "email": "sent"}
    assert Delivery.objects.get(channel="broken").error == "ValueError"


def test_a_webhook_gets_signed_json_and_redirects_are_not_followed(office) -> None:
    received: list[tuple[bytes, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["X-Qingjian-Signature"]))
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        system = office.county.person("system", "system_administrator")
        for name, path in (("good", "/"), ("away", "/away")):
            services.add_webhook(
                system,
                name=name,
                address=f"http://127.0.0.1:{server.server_port}{path}",
                secret="0123456789abcdef",
            )
        matter = office.open()
        assert services.deliver() == 1
        server.shutdown()
    body, signature = received[0]
    assert signature == "sha256=" + hmac.new(b"0123456789abcdef", body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["number"], told["to"], told["kind"]) == (matter.number, "leader", "waiting")
    assert len(received) == 2
    assert Delivery.objects.get(address="away").error == "the webhook answered 302"


def test_copies_go_to_who_supervises_one_level_up_and_the_holder_is_told(office) -> None:
    matter = office.ordered()
    copies = Notification.objects.filter(matter=matter, kind="copy")
    assert set(copies.values_list("person__username", flat=True)) == {"upper"}
    assert matter.number in sentence(copies.get())
    # The holder is waited for and told once, not twice of the same step.
    assert names(matter=matter, person=office.holder) == {"holder"}
    assert Notification.objects.filter(matter=matter, person=office.holder).count() == 1


def test_escalation_of_a_merged_region_climbs_the_new_way(office, clock) -> None:
    other = office.county.person(
        "other-handler",
        "station_staff",
        organisation=office.outsider.organisation,
        region=office.county.other,
    )
    matter = office.act(office.open(actor=other, region=office.county.other), "take", other)
    clock.advance(DAY)
    place_region(office.county.other, office.county.county, TODAY + timedelta(days=1))
    row = matter.deadlines.get(code="verify")
    Notification.objects.all().delete()
    clock.set_wall(row.due + timedelta(seconds=1))
    services.escalate()
    assert names() == {"other-handler", "outsider"}
    clock.advance(2 * DAY)
    services.escalate()
    assert names(kind="escalated") == {"leader"}
    clock.advance(2 * DAY)
    services.escalate()
    assert names(kind="escalated") == {"leader", "upper"}
    matter = office.act(matter, "assign", office.leader, person=office.second.pk, note="并县")
    assert (matter.number, matter.assignee, matter.deadlines.get(code="verify").due) == (
        "核实〔2026〕990102-0001",
        office.second,
        row.due,
    )


def test_an_organisation_orders_and_filters_by_the_dates_it_may_know(client, office, clock) -> None:
    own = office.ordered(kind="order", days=60)
    between = office.ordered(days=40)
    recheck, rectify = (own.deadlines.get(code=code).due for code in ("covert-recheck", "rectify"))
    assert recheck < between.due < rectify

    def numbers(person, query: str) -> list[str]:
        client.force_login(person)
        page = client.get(f"/matters/?{query}").content.decode()
        return [
            one.number
            for one in sorted((own, between), key=lambda one: page.find(one.number))
            if one.number in page
        ]

    assert numbers(office.leader, "order=own_due") == [own.number, between.number]
    assert numbers(office.holder, "order=own_due") == [between.number, own.number]
    clock.set_wall(recheck + timedelta(hours=1))
    assert numbers(office.leader, "light=overdue") == [own.number]
    assert numbers(office.holder, "light=overdue") == []


def test_a_deadline_of_the_authority_alone_is_hidden_from_the_organisation(client, office, clock) -> None:
    again = office.ordered(kind="order", days=60)
    Notification.objects.all().delete()
    recheck = again.deadlines.get(code="covert-recheck")
    days = [
        one.due.astimezone(CHINA).strftime("%Y-%m-%d")
        for one in (recheck, again.deadlines.get(code="rectify"))
    ]
    assert again.due == recheck.due < again.deadlines.get(code="rectify").due
    for person, seen, hidden in ((office.leader, *days), (office.holder, *reversed(days))):
        client.force_login(person)
        for path in ("/matters/", "/governance/corrective-actions/"):
            page = client.get(path).content.decode()
            assert (seen in page, hidden in page) == (True, False), (person, path)
    assert days[1] in client.get("/").content.decode()
    clock.set_wall(recheck.due - timedelta(hours=1))
    services.remind()
    clock.advance(2 * 3600)
    services.escalate()
    about = Notification.objects.filter(deadline=recheck)
    assert {"due_soon", "overdue"} <= set(about.values_list("kind", flat=True))
    assert "handler" in set(about.values_list("person__username", flat=True))
    assert "holder" not in set(about.values_list("person__username", flat=True))
    title = "责令改正后复查"
    for person, seen in ((office.leader, True), (office.holder, False)):
        client.force_login(person)
        for path in (
            f"/matters/{again.pk}/?tab=deadlines",
            f"/matters/{again.pk}/?tab=all",
            f"/matters/{again.pk}/?tab=trail",
            "/matters/deadlines/",
            "/notifications/",
        ):
            assert (title in client.get(path).content.decode()) is seen, (person, path)


def test_whoever_a_void_matter_concerns_is_told(office) -> None:
    matter = office.ordered()
    office.act(matter, "void", office.leader, reason="重复立项")
    for person in (office.handler, office.holder):
        assert "重复立项" in sentence(person.notifications.get(kind="voided"))
    inside = office.act(
        office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="d", basis="b", days=5
    )
    office.act(inside, "void", office.leader, reason="登记错误")
    assert office.handler.notifications.filter(kind="voided", matter=inside).exists()
    assert not office.holder.notifications.filter(matter=inside).exists()

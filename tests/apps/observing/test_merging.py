"""Alerts that a person merges: one carries the others, and everybody sees who did it and why."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from tests.apps.conftest import NOW

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import merging, queries, recorded, services
from qingjian.apps.observing.models import Alert
from qingjian.apps.records.models import LedgerEvent
from qingjian.contracts.findings import Finding
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.stating import make_finding


def find(rule: str, subject: str, start=NOW, severity: str = "") -> None:
    log = SqliteFindingLog(settings.DATA_FOLDER.findings)
    found = make_finding(rule, subject, start, None, {}, NOW)
    if severity:
        found = Finding(**{**{name: getattr(found, name) for name in found.__slots__}, "severity": severity})
    log.append([found])
    log.close()
    services.consume_findings()


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def three(registry, staff) -> dict[str, Alert]:
    """A silent device, and what follows from it at the same point and at the holder's."""
    find("device-silent", "A1-D1")
    find("gap", "A1.a34004")
    find("gap", "W1.w01018")
    by = {(one.rule, one.subject): one for one in Alert.objects.all()}
    return {"silent": by["device-silent", "A1-D1"], "gap": by["gap", "A1"], "holder": by["gap", "W1"]}


def versions(*alerts: Alert) -> dict[int, int]:
    for one in alerts:
        one.refresh_from_db()
    return {one.pk: one.version for one in alerts}


def test_the_worst_carries_the_others_until_it_is_closed_with_them(three, staff, clock) -> None:
    silent, gap, holder = three.values()
    clock.advance(60)
    main = merging.merge(staff, versions(gap, silent, holder), "停电")
    assert main == silent
    assert list(queries.open_alerts(staff)) == [silent]
    clock.advance(30 * 86_400)
    services.escalate_overdue()
    assert [Alert.objects.get(pk=one.pk).escalation for one in (silent, gap, holder)] == [1, 0, 0]
    find("gap", "A1.a34004", NOW.replace(hour=1))
    gap.refresh_from_db()
    assert gap.findings_count == 2
    with pytest.raises(ValidationError):
        services.acknowledge(staff, gap, gap.version)
    silent.refresh_from_db()
    services.close(staff, silent, silent.version, "network", "已恢复供电")
    for one in (gap, holder):
        one.refresh_from_db()
        assert (one.state, one.cause) == ("closed", "network")
        step = recorded.closing_step(one)
        assert (step.author, step.note) == (staff, "已恢复供电")
    assert LedgerEvent.objects.filter(kind="alert.closed").count() == 3
    find("gap", "A1.a34004", NOW.replace(hour=3))
    assert Alert.objects.filter(rule="gap", subject="A1", state="open").exists()


def test_the_history_of_both_says_who_merged_them_and_why(three, staff) -> None:
    silent, gap, _holder = three.values()
    merging.merge(staff, versions(gap, silent), "停电")
    carried, main = gap.steps.last(), silent.steps.last()
    assert (carried.action, carried.author, carried.note) == ("merged-into", staff, f"{silent.pk} 停电")
    assert (main.action, main.author, main.note) == ("merged", staff, f"{gap.pk} 停电")


def test_a_merged_alert_is_split_off_while_it_is_open_and_climbs_again(three, staff, clock) -> None:
    silent, gap, holder = three.values()
    merging.merge(staff, versions(gap, silent, holder), "停电")
    gap.refresh_from_db()
    with pytest.raises(ValidationError):
        merging.split(staff, gap, gap.version, " ")
    merging.split(staff, gap, gap.version, "另有原因")
    assert set(queries.open_alerts(staff)) == {silent, gap}
    assert (gap.steps.last().action, silent.steps.last().action) == ("split-from", "split")
    clock.advance(services.ESCALATE_AFTER[gap.severity].total_seconds())
    services.escalate_overdue()
    gap.refresh_from_db()
    assert gap.escalation == 1
    silent.refresh_from_db()
    services.close(staff, silent, silent.version, "network", "恢复")
    gap.refresh_from_db()
    holder.refresh_from_db()
    assert (gap.state, holder.state) == ("open", "closed")
    with pytest.raises(ValidationError):
        merging.split(staff, holder, holder.version, "晚了")


def test_what_carried_others_hands_them_on(three, staff) -> None:
    silent, gap, holder = three.values()
    merging.merge(staff, versions(gap, holder), "同因")
    first = Alert.objects.get(merged_into__isnull=False).merged_into
    merging.merge(staff, versions(first, silent), "停电")
    assert set(Alert.objects.filter(merged_into=silent)) == {gap, holder}


def test_a_carried_alert_that_grows_worse_makes_the_other_worse(three, staff) -> None:
    silent, gap, _holder = three.values()
    merging.merge(staff, versions(gap, silent), "停电")
    find("gap", "A1.a34004", NOW.replace(hour=1), "critical")
    silent.refresh_from_db()
    assert silent.severity == "critical"
    assert silent.steps.last().action == "worsened"


@pytest.mark.parametrize("wrong", ["closed", "merged", "matter", "stale", "one", "no reason"])
def test_what_cannot_be_merged_is_said_and_nothing_changes(three, staff, wrong: str) -> None:
    silent, gap, holder = three.values()
    chosen, reason = versions(silent, gap), "停电"
    if wrong == "closed":
        services.close(staff, gap, gap.version, "network", "好")
        chosen = versions(silent, gap)
    elif wrong == "merged":
        merging.merge(staff, versions(gap, holder), "同因")
        chosen = versions(silent, gap, holder)
    elif wrong == "matter":
        services.hand_over(gap, "QJ-1")
        chosen = versions(silent, gap)
    elif wrong == "stale":
        services.comment(staff, gap, gap.version, "看过")
    elif wrong == "one":
        chosen = versions(silent)
    else:
        reason = "  "
    before = silent.steps.count()
    with pytest.raises(ValidationError):
        merging.merge(staff, chosen, reason)
    assert silent.steps.count() == before
    assert not Alert.objects.filter(merged_into=silent).exists()


def test_who_merges_splits_and_closes_may_handle_every_one(three, staff, registry, client) -> None:
    silent, gap, holder = three.values()
    unit = registry.person("unit", "permit_holder", organisation=registry.holder)
    with pytest.raises(PermissionDenied):
        merging.merge(unit, versions(holder, gap), "同因")
    client.force_login(unit)
    pairs = [f"{one.pk}:{one.version}" for one in (holder, gap)]
    assert client.post("/alerts/merge/", {"alert": pairs, "reason": "同因"}).status_code == 404
    network.install(
        [
            Proposal(
                "point",
                {
                    "code": "B1P",
                    "name": "乙县站",
                    "kind": "air_city",
                    "level": "county",
                    "region": "990102",
                    "organisation": "B1",
                },
            )
        ]
    )
    far = Point.objects.get(code="B1P")
    Alert.objects.filter(pk=gap.pk).update(point=far, region=far.region)
    city = registry.person("city", "station_staff", region=registry.city)
    merging.merge(city, versions(silent, gap), "同因")
    silent.refresh_from_db()
    gap.refresh_from_db()
    with pytest.raises(PermissionDenied):
        services.close(staff, silent, silent.version, "network", "好")
    with pytest.raises(PermissionDenied):
        merging.split(staff, gap, gap.version, "分开")
    services.close(city, silent, silent.version, "network", "好")


def test_alerts_are_chosen_in_the_list_merged_and_split_on_their_pages(three, staff, client) -> None:
    silent, gap, _holder = three.values()
    client.force_login(staff)
    page = client.get("/alerts/").content.decode()
    boxes = [f'value="{one.pk}:{one.version}"' for one in (silent, gap)]
    assert all(box in page for box in boxes)
    sent = {"alert": [f"{silent.pk}:{silent.version}", f"{gap.pk}:{gap.version}"], "reason": "停电"}
    answer = client.post("/alerts/merge/", sent)
    assert answer.url == f"/alerts/{silent.pk}/"
    carrying = client.get(answer.url).content.decode()
    assert 'id="members"' in carrying
    assert f"#{gap.pk}" in carrying
    carried = client.get(f"/alerts/{gap.pk}/").content.decode()
    assert f"/alerts/{gap.pk}/split/" in carried
    assert f"/alerts/{silent.pk}/" in carried
    assert boxes[1] not in client.get("/alerts/").content.decode()
    assert f"/alerts/{gap.pk}/" in client.get("/alerts/?merged=only").content.decode()
    assert client.get("/alerts/?merged=only&export=xlsx").status_code == 200
    gap.refresh_from_db()
    client.post(f"/alerts/{gap.pk}/split/", {"version": gap.version, "note": "另有原因"})
    gap.refresh_from_db()
    assert gap.merged_into is None
    assert client.post("/alerts/merge/", {"alert": ["x:1"], "reason": "停电"}).status_code == 404

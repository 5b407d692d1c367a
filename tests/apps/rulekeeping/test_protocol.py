"""Unconfirmed facts of HJ 212 on the page "rules to confirm": listed with source, confirmed, switched off and on."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from qingjian.apps.network import services as network
from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import protocol, queries, services
from qingjian.hj212 import profiles
from qingjian.rulebook import packaged

TD = "hj212:2025:mark:Td"
MARKS = "hj212:2025:mark"


@pytest.fixture
def manager(county):
    return county.person("m", "data_manager", region=county.city)


def confirmed(manager, fact: str) -> None:
    row = protocol.row_of(fact)
    services.confirm(manager, row.id, row.digest, "HJ 212-2025 表10 第21页")


def test_every_unconfirmed_fact_stands_among_the_rules_to_confirm(db) -> None:
    listed = queries.find(protocol.TABLE, "", "", "open")
    assert {row.values["fact"] for row in listed} == {one.id for one in profiles.facts()}
    assert all(row.source for row in listed)
    assert {row.id for row in listed} <= {row.id for row in queries.find("", "", "", "open")}
    group = queries.find(protocol.TABLE, "U", "", "open", MARKS)
    assert [row.values["code"] for row in group] == ["Td", "F", "S", "B"]


def test_facts_of_the_protocol_are_no_rules_values_are_judged_by(manager) -> None:
    confirmed(manager, TD)
    services.switch_off(manager, "hj212:2025:factor", "县里设备均为2017版")
    assert queries.rulebook().version == packaged().version


def test_what_is_switched_off_reaches_the_services_with_the_next_directory(
    manager, django_capture_on_commit_callbacks
) -> None:
    version = network.publish_directory().version
    with django_capture_on_commit_callbacks(execute=True):
        services.switch_off(manager, TD, "含义待厂家书面说明")
    directory = network.directory_store().current()
    assert directory is not None
    assert (directory.version, directory.without) == (version + 1, {TD})
    assert network.publish_changed_rulebook() is None
    with django_capture_on_commit_callbacks(execute=True):
        services.switch_on(manager, TD)
    assert network.directory_store().current().without == frozenset()
    events = LedgerEvent.objects.filter(kind__startswith="rule.local").order_by("pk")
    assert [one.kind for one in events] == ["rule.local", "rule.local.withdrawn"]


def test_a_fact_confirmed_here_stays_in_use_when_its_group_is_switched_off(manager) -> None:
    services.switch_off(manager, MARKS, "只用已核对的标记")
    assert protocol.off() == {MARKS}
    confirmed(manager, TD)
    assert protocol.off() == {f"{MARKS}:{one}" for one in "FSB"} == protocol.off_ids()
    services.switch_off(manager, TD, "仍不使用")
    assert TD in protocol.off_ids()
    (group,) = [one for one in protocol.groups() if one.selector == MARKS]
    assert (group.facts, group.unconfirmed, group.confirmed, group.off) == (9, 3, 1, 4)
    assert group.entry is not None


def test_switching_needs_the_right_a_reason_and_a_fact(county, manager) -> None:
    for person in (county.person("s", "station_staff"), county.person("c", "data_manager")):
        with pytest.raises(PermissionDenied):
            services.switch_off(person, TD, "说明理由")
    for selector, reason in (
        (TD, " "),
        ("hj212:2025:mark:Tx", "说明理由"),
        ("hj212:2017:mark:N", "说明理由"),
    ):
        with pytest.raises(ValidationError):
            services.switch_off(manager, selector, reason)
    with pytest.raises(ValidationError):
        services.switch_on(manager, TD)
    services.switch_off(manager, TD, "说明理由")
    with pytest.raises(ValidationError):
        services.switch_off(manager, TD, "说明理由")
    with pytest.raises(ValidationError):
        services.enter_local(manager, protocol.TABLE, f"fact\n{TD}\n", "HJ 212-2025")


def test_the_page_lists_the_groups_and_switches(client, manager) -> None:
    client.force_login(manager)
    page = client.get("/rules/?table=hj212_facts&state=all&group=hj212:2025:mark").content.decode()
    assert "HJ 212-2025 table 10; the name only is known" in page
    assert "/rules/switch/" in page
    client.post("/rules/switch/", {"fact": TD, "reason": "含义待厂家书面说明"})
    page = client.get("/rules/?table=hj212_facts&state=off").content.decode()
    assert TD in page
    assert "含义待厂家书面说明" in page
    assert "hj212:2025:mark:B" not in page
    client.post("/rules/switch/", {"fact": TD, "to": "on"})
    assert protocol.off() == frozenset()
    assert client.post("/rules/switch/", {"fact": "nonsense", "reason": "abcd"}).status_code == 302
    assert client.get("/rules/?table=hj212_facts&state=all&group=nonsense").status_code == 200
    assert client.get("/rules/?table=hj212_facts&export=xlsx").content[:2] == b"PK"

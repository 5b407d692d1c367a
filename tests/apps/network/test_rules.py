"""Who may propose and decide rows of every kind of the registry, by where the person is posted."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Region, RegionPlacement
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import files, models, queries, registered, rules, services
from qingjian.apps.network.services import Proposal, ProposalError

HERE, THERE, ALL = "county", "other county", "whole node"
DAY = "2026-01-01"
TARGET = {"code": "U1", "name": "省平台", "host": "10.0.0.1", "port": 9000}


def there() -> list[Proposal]:
    """Rows in the other county, installed for rows that reach from one county into the other."""
    return [
        Proposal("organisation", {"code": "B2", "name": "乙县局", "kind": "bureau", "region": "990102"}),
        Proposal("source", {"code": "S2", "name": "乙厂", "organisation": "B2", "region": "990102"}),
        Proposal("outlet", {"code": "S2-W1", "source": "S2", "name": "排口", "medium": "water"}),
        Proposal("permit", {"number": "XK2", "source": "S2"}),
        Proposal("permit", {"number": "XK1", "source": "S1"}),
        Proposal("point", POINT | {"code": "A9", "region": "990102", "organisation": "B2"}),
        Proposal("device", DEVICE | {"code": "A9-D1", "mn": "MN-A9", "point": "A9"}),
        Proposal("instrument", {"code": "I9", "point": "A9", "name": "分析仪"}),
        Proposal("series", SERIES | {"code": "A9.a34004", "point": "A9", "position": 1}),
        Proposal("region", {"code": "990199", "name": "未入列", "level": "township"}),
        Proposal("target", TARGET | {"code": "U9", "devices": ["region:990102"]}),
    ]


POINT = {
    "code": "A2",
    "name": "新站",
    "kind": "air_township",
    "level": "township",
    "region": "990101",
    "organisation": "B1",
}
DEVICE = {
    "code": "A1-D2",
    "mn": "MN-A2",
    "password": "123456",
    "name": "数采仪",
    "point": "A1",
    "system_code": "22",
}
SERIES = {
    "code": "A1.second",
    "point": "A1",
    "factor": "air.a34004",
    "unit": "µg/m³",
    "medium": "air",
    "position": 2,
}
LIMIT = {"outlet": "S1-W1", "factor": "waste_water.w01018", "averaging": "day", "upper": 50, "unit": "mg/L"}
ROUTE = {"device": "A1-D1", "wire_factor": "a34002", "series": "A1.a34004"}
SETTING = {"series": "A1.a34004", "name": "slope", "value": "1"}
FACTOR = {"code": "air.x", "medium": "air", "wire_code": "a99999", "name_zh": "新", "name_en": "new"}

TABLE = [
    ("region", {"code": "990103", "name": "新县", "level": "county"}, ALL),
    ("region", {"code": "990101", "name": "改名县", "level": "county"}, HERE),
    ("region", {"code": "990102", "name": "改名县", "level": "county"}, THERE),
    ("region", {"code": "990100", "name": "改名市", "level": "city"}, ALL),
    ("region", {"code": "990199", "name": "改名", "level": "township"}, ALL),
    ("placement", {"region": "990199", "parent": "990101", "valid_from": DAY}, ALL),
    ("placement", {"region": "990100", "parent": "990199", "valid_from": DAY}, ALL),
    ("placement", {"region": "990101", "parent": "990102", "valid_from": DAY}, ALL),
    ("organisation", {"code": "T1", "name": "镇政府", "kind": "government", "region": "990101"}, HERE),
    ("organisation", {"code": "B2", "name": "乙县局", "kind": "bureau", "region": "990101"}, ALL),
    ("factor", FACTOR, ALL),
    ("factor", FACTOR | {"code": "air.a34004", "wire_code": "a34004"}, ALL),
    ("source", {"code": "S3", "name": "新厂", "organisation": "H1", "region": "990101"}, HERE),
    ("source", {"code": "S2", "name": "乙厂", "organisation": "H1", "region": "990101"}, ALL),
    ("membership", {"source": "S1", "name": "key_water", "valid_from": DAY}, HERE),
    ("membership", {"source": "S2", "name": "key_water", "valid_from": DAY}, THERE),
    ("permit", {"number": "XK3", "source": "S1"}, HERE),
    ("permit", {"number": "XK2", "source": "S1"}, ALL),
    ("outlet", {"code": "S1-W2", "source": "S1", "name": "二", "medium": "water"}, HERE),
    ("outlet", {"code": "S2-W1", "source": "S1", "name": "二", "medium": "water"}, ALL),
    ("limit", LIMIT, HERE),
    ("limit", LIMIT | {"permit": "XK1"}, HERE),
    ("limit", LIMIT | {"permit": "XK2"}, ALL),
    ("limit", LIMIT | {"outlet": "S2-W1"}, THERE),
    ("facility", {"code": "F1", "source": "S1", "outlet": "S1-W1", "name": "池", "kind": "treatment"}, HERE),
    ("facility", {"code": "F1", "source": "S1", "outlet": "S2-W1", "name": "池", "kind": "treatment"}, ALL),
    ("point", POINT, HERE),
    ("point", POINT | {"region": "990102"}, THERE),
    ("point", POINT | {"outlet": "S2-W1"}, ALL),
    ("point", POINT | {"kind": "synthetic"}, ALL),
    ("duty", {"point": "A1", "kind": "monitor", "organisation": "B1"}, HERE),
    ("duty", {"point": "A9", "kind": "monitor", "organisation": "B1"}, THERE),
    ("device", DEVICE, HERE),
    ("device", DEVICE | {"code": "A9-D1"}, ALL),
    ("device", DEVICE | {"synthetic": True}, ALL),
    ("instrument", {"code": "I1", "point": "A1", "name": "分析仪"}, HERE),
    ("instrument", {"code": "I9", "point": "A1", "name": "分析仪"}, ALL),
    ("software", {"device": "A1-D1", "version": "1", "digest": "00112233"}, HERE),
    ("software", {"instrument": "I9", "version": "1", "digest": "00112233"}, THERE),
    ("series", SERIES, HERE),
    ("series", SERIES | {"device": "A9-D1"}, ALL),
    ("series", SERIES | {"flow_series": "A9.a34004"}, ALL),
    ("route", ROUTE, HERE),
    ("route", ROUTE | {"series": "A9.a34004"}, ALL),
    ("route", ROUTE | {"device": "A9-D1"}, ALL),
    ("setting", SETTING, HERE),
    ("setting", SETTING | {"series": "A9.a34004"}, THERE),
    ("setting", {"device": "A9-D1", "name": "hour_interval", "value": "1"}, THERE),
    ("target", TARGET | {"devices": ["MN-A1", "region:990101"]}, HERE),
    ("target", TARGET | {"devices": ["MN-A9"]}, THERE),
    ("target", TARGET | {"devices": ["MN-A1", "MN-A9"]}, ALL),
    ("target", TARGET | {"devices": ["region:990100"]}, ALL),
    ("target", TARGET | {"devices": ["*"]}, ALL),
    ("target", TARGET | {"devices": []}, ALL),
    ("target", TARGET | {"devices": ["MN-UNKNOWN"]}, ALL),
    ("target", TARGET | {"code": "U9", "devices": ["region:990101"]}, ALL),
]
"""Kind, fields, and whose row it is: one county's alone, or nobody's but the whole node's."""


@pytest.fixture
def people(registry):
    services.install(there())
    places = {HERE: registry.county, THERE: registry.other, ALL: registry.city}
    return {
        (name, part): registry.person(f"{part}-{region.code}", role, region=region)
        for name, region in places.items()
        for part, role in (("maker", "data_manager"), ("checker", "leader"))
    }


def may_propose(author, proposal: Proposal) -> bool:
    try:
        services.propose(author, "试", [proposal])
    except ProposalError as error:
        assert [one.row for one in error.rows] == [1]
        assert any(word in str(error) for word in ("任职", "posts", "post for the whole node"))
        return False
    return True


def may_decide(decider, change: models.ChangeRequest) -> bool:
    """Rejecting is tried as well as approving; the page's buttons say the same."""
    shown = rules.may_decide(decider, change)
    for act in (
        lambda: services.approve(decider, change, change.version),
        lambda: services.reject(decider, change, change.version, "不合适"),
    ):
        try:
            with services.transaction.atomic():
                act()
                services.transaction.set_rollback(True)
            done = True
        except PermissionDenied:
            done = False
        change.refresh_from_db()
        assert done == shown
    return shown


def test_every_kind_of_row_asks_for_a_right_where_it_lies_of_both_persons(people) -> None:
    assert {kind for kind, _fields, _whose in TABLE} == set(registered.KINDS)
    for kind, fields, whose in TABLE:
        proposal = Proposal(kind, fields)
        allowed = {whose, ALL}
        for place in (HERE, THERE, ALL):
            assert may_propose(people[place, "maker"], proposal) == (place in allowed), (kind, fields, place)
        change = models.ChangeRequest.objects.first()
        services.withdraw(change.author, change, change.version)
        change = services.propose(people[ALL, "maker"], "试", [proposal])
        for place in (HERE, THERE, ALL):
            assert may_decide(people[place, "checker"], change) == (place in allowed), (kind, fields, place)
        services.withdraw(change.author, change, change.version)


def test_what_belongs_to_the_whole_node_is_refused_on_the_pages_too(people, client) -> None:
    client.force_login(people[HERE, "maker"])
    kind = registered.KINDS["factor"]
    page = client.post(
        "/propose/factor/", {**dict.fromkeys(kind.fields, ""), **FACTOR, "decimals": 1, "reason": "试"}
    )
    assert page.status_code == 200
    assert not models.ChangeRequest.objects.exists()
    assert "整个节点" in page.content.decode()
    rows = files.read(kind, "f.csv", f"{','.join(FACTOR)},decimals\n{','.join(FACTOR.values())},1\n".encode())
    with pytest.raises(ProposalError):
        services.propose(people[HERE, "maker"], "试", rows)
    change = services.propose(people[ALL, "maker"], "试", rows)
    client.force_login(people[HERE, "checker"])
    assert 'value="approve"' not in client.get(f"/changes/{change.pk}/").content.decode()
    for decision in ("approve", "reject"):
        sent = {"decision": decision, "version": 0, "comment": "不合适"}
        assert client.post(f"/changes/{change.pk}/decide/", sent).status_code == 403
    change.refresh_from_db()
    assert change.state == "proposed"
    assert not models.Factor.objects.filter(code="air.x").exists()


def test_a_region_that_nobody_uses_yet_takes_no_right_from_anybody(people) -> None:
    assert account_rules.may_everywhere(people[ALL, "maker"], Capability.PROPOSE_REGISTRY)
    Organisation.objects.create(code="X1", name="局", kind="bureau", region=Region.objects.get(code="990199"))
    assert not account_rules.may_everywhere(people[ALL, "maker"], Capability.PROPOSE_REGISTRY)


def test_a_county_s_own_node_is_wholly_its_people_s(registry) -> None:
    maker = registry.person("m", "data_manager")
    assert not account_rules.may_everywhere(maker, Capability.PROPOSE_REGISTRY)
    RegionPlacement.objects.filter(region=registry.other).delete()
    assert account_rules.may_everywhere(maker, Capability.PROPOSE_REGISTRY)
    registry.person("upper", "upper_bureau", region=registry.city)
    assert account_rules.may_everywhere(maker, Capability.PROPOSE_REGISTRY)
    registry.person("city", "data_manager", region=registry.city)
    assert not account_rules.may_everywhere(maker, Capability.PROPOSE_REGISTRY)


def test_passwords_are_shown_where_a_person_may_change_them_only(people, client, registry) -> None:
    watcher = people[HERE, "maker"]
    registry.person("unused", "upper_bureau")
    services.accounts.place_post(
        watcher, "upper_bureau", registry.bureau, registry.city, services.now().date()
    )
    client.force_login(watcher)
    assert client.get("/propose/device/A9-D1/").status_code == 403
    own = client.get("/propose/device/A1-D1/")
    assert "123456" in own.content.decode()


def test_frames_are_sent_again_by_people_of_everything_a_target_gets(people) -> None:
    target = models.ForwardTarget.objects.get(code="U9")
    with pytest.raises(PermissionDenied):
        services.send_again(people[HERE, "maker"], target, services.now(), "补传")
    assert services.send_again(people[THERE, "maker"], target, services.now(), "补传") == 0


def test_an_upper_platform_is_shown_to_whoever_may_command_a_device_it_gets(people, client) -> None:
    assert [one.code for one in queries.targets_visible_to(people[HERE, "maker"])] == []
    assert [one.code for one in queries.targets_visible_to(people[THERE, "maker"])] == ["U9"]
    models.ForwardTarget.objects.create(code="U8", name="省平台", host="10.0.0.8", port=9000, devices=["*"])
    assert [one.code for one in queries.targets_visible_to(people[HERE, "maker"])] == ["U8"]
    assert {one.code for one in queries.targets_visible_to(people[ALL, "maker"])} == {"U8", "U9"}
    client.force_login(people[HERE, "maker"])
    page = client.get("/forwarding/").content.decode()
    assert "10.0.0.8" in page
    assert "10.0.0.1" not in page
    assert client.post("/forwarding/U9/again/", {}).status_code == 404

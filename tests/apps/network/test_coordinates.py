"""CGCS2000 is stored; what was read from a web map (GCJ-02) is converted once, and flagged."""

from __future__ import annotations

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.apps.network import comparison, models, services
from qingjian.apps.network.coordinates import from_gcj02, to_gcj02
from qingjian.apps.network.services import Proposal, ProposalError

METRES_PER_DEGREE = 111_320
POINT = {
    "code": "G1",
    "name": "新站",
    "kind": "air_city",
    "level": "county",
    "region": "990101",
    "organisation": "B1",
}


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * cos(radians(one[1]))
    return hypot(east, one[1] - other[1]) * METRES_PER_DEGREE


@pytest.mark.parametrize(
    ("true", "shown"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
    ids=["Shanghai", "Shenzhen", "Beijing"],
)
def test_published_pairs(true: tuple[float, float], shown: tuple[float, float]) -> None:
    assert metres(to_gcj02(*true), shown) < 0.01
    assert metres(from_gcj02(*shown), true) < 0.01


@given(st.floats(73, 136), st.floats(3, 54))
def test_going_back_finds_the_place_everywhere(longitude: float, latitude: float) -> None:
    true = longitude, latitude
    shown = to_gcj02(*true)
    assert metres(shown, true) < 2_000
    assert metres(from_gcj02(*shown), true) < 0.05


@pytest.fixture
def people(registry):
    return registry.person("maker", "data_manager"), registry.person("checker", "data_manager")


def put(people, **fields) -> models.Point:
    maker, checker = people
    change = services.propose(maker, "登记", [Proposal("point", {**POINT, **fields})])
    services.approve(checker, change, change.version)
    return models.Point.objects.get(code="G1")


def test_a_place_read_from_a_web_map_is_converted_once_and_flagged(people) -> None:
    shown = to_gcj02(115.2, 35.4)
    given_so = {"longitude": shown[0], "latitude": shown[1], "converted_from": "GCJ-02"}
    row = put(people, **given_so)
    assert (row.longitude, row.latitude, row.converted_from) == (115.2, 35.4, "GCJ-02")
    # The row comes back from a form or a workbook with another name: its place is converted already.
    row = put(people, longitude=115.2, latitude=35.4, converted_from="GCJ-02", name="改名")
    assert (row.longitude, row.latitude, row.name) == (115.2, 35.4, "改名")
    other = to_gcj02(115.3, 35.4)
    row = put(people, longitude=other[0], latitude=other[1], converted_from="GCJ-02", name="改名")
    assert (row.longitude, row.latitude) == (115.3, 35.4)
    row = put(people, longitude=115.25, latitude=35.45, converted_from="", name="改名")
    assert (row.longitude, row.latitude, row.converted_from) == (115.25, 35.45, "")


@pytest.mark.parametrize(
    "fields",
    [
        {"longitude": 115.2, "latitude": 35.4, "converted_from": "BD-09"},
        {"converted_from": "GCJ-02"},
        {"longitude": 15.2, "latitude": 35.4, "converted_from": "GCJ-02"},
    ],
)
def test_what_cannot_be_converted_is_refused(people, fields) -> None:
    with pytest.raises(ProposalError):
        put(people, **fields)


def test_the_form_offers_the_systems_and_the_page_says_what_was_converted(people, client) -> None:
    client.force_login(people[0])
    page = client.get("/propose/point/").content.decode()
    assert '<option value="GCJ-02">GCJ-02</option>' in page
    shown = to_gcj02(115.2, 35.4)
    put(people, longitude=shown[0], latitude=shown[1], converted_from="GCJ-02")
    assert "由 GCJ-02 换算" in client.get("/points/G1/").content.decode()


def test_the_place_of_a_source_is_converted_as_that_of_a_point(people, client) -> None:
    maker, checker = people
    shown = to_gcj02(115.2, 35.4)
    fields = {"code": "S9", "name": "新厂", "organisation": "H1", "region": "990101"}
    given_so = {"longitude": shown[0], "latitude": shown[1], "converted_from": "GCJ-02"}
    change = services.propose(maker, "登记", [Proposal("source", {**fields, **given_so})])
    services.approve(checker, change, change.version)
    row = models.Source.objects.get(code="S9")
    assert (row.longitude, row.latitude, row.converted_from) == (115.2, 35.4, "GCJ-02")
    client.force_login(maker)
    assert "由 GCJ-02 换算" in client.get("/sources/S9/").content.decode()
    assert 'name="converted_from"' in client.get("/propose/source/").content.decode()
    for wrong in ({"converted_from": "BD-09"}, {"converted_from": "GCJ-02"}):
        with pytest.raises(ProposalError):
            services.propose(maker, "登记", [Proposal("source", {**fields, "code": "S8", **wrong})])


def test_a_field_that_came_with_a_later_program_is_no_change_behind_its_back(registry) -> None:
    version = models.Version.objects.get(kind="source", key="S1")
    version.fields = {name: value for name, value in version.fields.items() if name != "converted_from"}
    version.save()
    assert list(comparison.differences()) == []
    models.Source.objects.filter(code="S1").update(converted_from="GCJ-02")
    (said,) = comparison.differences()
    assert "converted_from" in said

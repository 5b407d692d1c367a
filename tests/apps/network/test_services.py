from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from qingjian.apps.accounts import queries as account_queries
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import checking, files, models, queries, registered, services
from qingjian.apps.network.services import Proposal, ProposalError
from qingjian.contracts.clock import CHINA


def point(**changes: object) -> Proposal:
    fields = {
        "code": "A2",
        "name": "新站",
        "kind": "air_township",
        "level": "township",
        "region": "990101",
        "organisation": "B1",
        "longitude": "115.3",
        "latitude": "35.5",
    }
    return Proposal("point", {**fields, **changes})


@pytest.fixture
def maker(registry):
    return registry.person("maker", "data_manager")


@pytest.fixture
def checker(registry):
    return registry.person("checker", "data_manager")


def test_a_proposal_changes_nothing_until_a_second_person_approves(maker, checker) -> None:
    change = services.propose(maker, "新建乡镇站", [point()])
    assert not models.Point.objects.filter(code="A2").exists()
    with pytest.raises(PermissionDenied):
        services.approve(maker, change, change.version)
    before = services.directory_store().current().version
    services.approve(checker, change, change.version)
    assert models.Point.objects.get(code="A2").name == "新站"
    assert services.directory_store().current().version == before + 1
    assert queries.history("point", "A2").get().change == change


def test_rows_of_one_request_may_refer_to_each_other(maker, checker) -> None:
    device = Proposal(
        "device",
        {
            "code": "A2-D1",
            "mn": "MN-A2",
            "password": "123456",
            "name": "数采仪",
            "point": "A2",
            "system_code": "22",
        },
    )
    change = services.propose(maker, "新站与数采仪", [point(), device])
    assert not models.Device.objects.filter(code="A2-D1").exists()
    services.approve(checker, change, 0)
    assert services.directory_store().current().device("MN-A2", change.decided_at).point == "A2"


def test_two_deciders_at_once_one_wins_and_the_other_is_told(maker, checker, registry) -> None:
    third = registry.person("third", "data_manager")
    change = services.propose(maker, "新站", [point()])
    services.approve(checker, change, 0)
    with pytest.raises(ValidationError, match=r"meantime|已被"):
        services.reject(third, change, 0, "重复")


def test_a_request_based_on_an_older_state_is_refused(maker, checker) -> None:
    first = services.propose(maker, "改名", [point(code="A1", name="甲站", kind="air_city", level="county")])
    second = services.propose(
        maker, "又改名", [point(code="A1", name="乙站", kind="air_city", level="county")]
    )
    services.approve(checker, first, 0)
    with pytest.raises(ValidationError):
        services.approve(checker, second, 0)
    assert models.Point.objects.get(code="A1").name == "甲站"
    second.refresh_from_db()
    assert second.state == "proposed"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "spaceship"}, "kind"),
        ({"region": "000"}, "region"),
        ({"longitude": "3"}, "longitude"),
        ({"longitude": "abc"}, "longitude"),
        ({"valid_from": "2026-13-01"}, "valid_from"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "valid_to"),
        ({"code": ""}, "code"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_rows_are_named_by_row_and_field(maker, changes: dict, field: str) -> None:
    with pytest.raises(ProposalError) as caught:
        services.propose(maker, "试", [point(), point(**{"code": "A3", **changes})])
    kind = registered.KINDS["point"]
    title = kind.field_title(field) if field in kind.fields else field
    assert [(one.row, one.field) for one in caught.value.rows] == [(2, title)]
    assert not models.ChangeRequest.objects.exists()


def test_a_region_out_of_reach_is_refused(maker) -> None:
    with pytest.raises(ProposalError, match=r"posts|任职"):
        services.propose(maker, "他县", [point(region="990102")])


def theirs(registry, **fields: object) -> Proposal:
    return point(code="A1", kind="air_city", level="county", name="甲站", **fields)


def test_a_row_of_others_is_not_taken_over_by_naming_its_code(registry) -> None:
    other = registry.person("other", "data_manager", region=registry.other)
    holder = registry.person("holder", "permit_holder", organisation=registry.holder)
    for author, fields in ((other, {"region": "990102"}), (holder, {"organisation": "H1"})):
        with pytest.raises(ProposalError, match=r"posts|任职"):
            services.propose(author, "接管", [theirs(registry, **fields)])


def test_a_region_of_others_is_neither_placed_elsewhere_nor_renamed(registry) -> None:
    other = registry.person("other", "data_manager", region=registry.other)
    moved = {"region": "990101", "parent": "990102", "valid_from": "2026-12-01"}
    for proposal in (
        Proposal("placement", moved),
        Proposal("region", {"code": "990101", "name": "改名县", "level": "county"}),
    ):
        with pytest.raises(ProposalError, match=r"posts|任职"):
            services.propose(other, "调整", [proposal])


def test_who_approves_may_do_so_for_every_row_of_the_request(registry) -> None:
    city = registry.person("city", "data_manager", region=registry.city)
    rows = [point(code="A8", region="990102"), point(code="A9", region="990101")]
    change = services.propose(city, "两县新站", rows)
    county = registry.person("county", "data_manager")
    with pytest.raises(PermissionDenied):
        services.approve(county, change, 0)
    assert not models.Point.objects.filter(code__in=("A8", "A9")).exists()
    services.approve(registry.person("city2", "data_manager", region=registry.city), change, 0)
    assert models.Point.objects.filter(code__in=("A8", "A9")).count() == 2


def test_a_new_region_is_registered_placed_and_used_in_one_request(registry) -> None:
    city, second = (
        registry.person(name, "data_manager", region=registry.city) for name in ("city", "second")
    )
    rows = [
        Proposal("region", {"code": "990103", "name": "丙县", "level": "county"}),
        Proposal("placement", {"region": "990103", "parent": "990100", "valid_from": "2026-01-01"}),
        point(code="A8", region="990103"),
    ]
    change = services.propose(city, "新县", rows)
    services.approve(second, change, 0)
    assert models.Point.objects.get(code="A8").region.code == "990103"


SERIES = {
    "code": "A1.second",
    "point": "A1",
    "factor": "air.a34004",
    "unit": "µg/m³",
    "medium": "air",
    "expected": {"hour": 3600},
    "position": 2,
}


@pytest.mark.parametrize("averaging", ["mean", "算术平均", "Arithmetic"])
def test_an_averaging_nobody_can_do_is_refused(maker, averaging: str) -> None:
    with pytest.raises(ProposalError) as caught:
        services.propose(maker, "新序列", [Proposal("series", {**SERIES, "averaging": averaging})])
    assert len(caught.value.rows) == 1


def test_a_second_series_at_the_place_of_another_is_named_by_its_row(maker) -> None:
    for rows in ([{**SERIES, "position": 1}], [SERIES, {**SERIES, "code": "A1.third"}]):
        with pytest.raises(ProposalError, match=r"A1\.(a34004|second)") as caught:
            services.propose(maker, "新序列", [Proposal("series", one) for one in rows])
        assert [one.row for one in caught.value.rows] == [len(rows)]


@pytest.mark.parametrize("scale", ["1/1000", "0,001", "abc", "0", "NaN", "1" * 20])
def test_a_scale_that_is_no_number_is_refused(maker, scale: str) -> None:
    fields = {
        "device": "A1-D1",
        "wire_factor": "a34005",
        "series": "A1.a34004",
        "scale": scale,
        "valid_from": "2026-01-01",
    }
    with pytest.raises(ProposalError) as caught:
        services.propose(maker, "新路由", [Proposal("route", fields)])
    assert len(caught.value.rows) == 1


def test_keys_of_several_long_fields_are_kept_whole_on_both_databases(maker, checker) -> None:
    code = "W1-" + "x" * 37
    rows = [
        Proposal("outlet", {"code": code, "source": "S1", "name": "长", "medium": "water"}),
        Proposal(
            "limit",
            {
                "outlet": code,
                "factor": "waste_water.w01018",
                "averaging": "hour",
                "upper": "50",
                "unit": "mg/L",
                "valid_from": "2026-01-01",
            },
        ),
    ]
    change = services.propose(maker, "新排口", rows)
    services.approve(checker, change, 0)
    kept = models.Version.objects.get(key__startswith=code, kind="limit").key
    assert len(kept) > 80
    assert kept.startswith(f"{code}|waste_water.w01018|hour|")


def test_the_unit_of_a_series_never_changes(maker) -> None:
    fields = registered.plain(registered.KINDS["series"], models.Series.objects.get(code="A1.a34004"))
    with pytest.raises(ProposalError):
        services.propose(maker, "改单位", [Proposal("series", {**fields, "unit": "mg/m³"})])


def test_an_mn_belongs_to_one_device_at_a_time(maker, checker) -> None:
    fields = {
        "code": "A1-D2",
        "mn": "MN-A1",
        "password": "1",
        "name": "新数采仪",
        "point": "A1",
        "system_code": "22",
        "valid_from": "2026-12-01",
    }
    with pytest.raises(ProposalError):
        services.propose(maker, "换机", [Proposal("device", fields)])
    old = registered.plain(registered.KINDS["device"], models.Device.objects.get(code="A1-D1"))
    change = services.propose(
        maker, "换机", [Proposal("device", {**old, "valid_to": "2026-12-01"}), Proposal("device", fields)]
    )
    services.approve(checker, change, 0)
    assert models.Device.objects.filter(mn="MN-A1").count() == 2


def test_a_later_setting_takes_over_and_the_proposal_shows_the_end_of_the_earlier(maker, checker) -> None:
    def set_range(value: str, begins: str, ends: str = "") -> models.ChangeRequest:
        fields = {"series": "A1.a34004", "name": "range_upper", "value": value, "valid_from": begins}
        request = services.propose(maker, "range", [Proposal("setting", {**fields, "valid_to": ends})])
        return services.approve(checker, request, request.version)

    def in_force(month: int) -> str:
        found = (
            services.directory_store()
            .current()
            .setting("A1.a34004", "range_upper", datetime(2026, month, 1, tzinfo=UTC))
        )
        return found.value

    set_range("500", "2024-01-01")
    request = set_range("1000", "2026-06-01")
    ended, begun = request.lines.all()
    assert ended.before["valid_to"] is None
    assert ended.after == {**ended.before, "valid_to": begun.after["valid_from"]}
    set_range("2000", "2026-08-01", "2026-09-01")
    assert [in_force(month) for month in (5, 6, 8, 9, 11)] == ["500", "1000", "2000", "1000", "1000"]
    august = datetime(2026, 8, 2, tzinfo=UTC)
    assert [one.value for one in queries.settings_in_force(models.Setting.objects.all(), august)] == ["2000"]


def test_what_a_device_reports_neither_ends_nor_outweighs_what_is_registered(maker, checker) -> None:
    slope = {"series": "A1.a34004", "name": "slope"}
    rows = [
        {**slope, "value": "1.00", "valid_from": "2026-01-01"},
        {**slope, "value": "0.55", "valid_from": "2026-03-01", "origin": "device"},
        {**slope, "value": "0.60", "valid_from": "2026-04-01", "origin": "device"},
    ]
    request = services.propose(maker, "slope", [Proposal("setting", row) for row in rows])
    assert request.lines.count() == 4, "the earlier report ends, the registered value does not"
    services.approve(checker, request, request.version)
    services.register(
        [Proposal("setting", {**slope, "value": "0.65", "valid_from": "2026-05-01", "origin": "device"})]
    )
    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert services.directory_store().current().setting("A1.a34004", "slope", june).value == "1.00"
    every = models.Setting.objects.filter(name="slope")
    assert [one.value for one in queries.governing_settings(every, june)] == ["1.00"]
    assert [one.value for one in queries.settings_in_force(every, june)] == ["1.00", "0.65"]


def test_a_later_factor_route_takes_over(maker, checker) -> None:
    route = {"device": "A1-D1", "wire_factor": "a34004", "series": "A1.a34004"}
    services.register([Proposal("route", {**route, "scale": "1"})])
    changed = Proposal("route", {**route, "scale": "0.001", "valid_from": "2026-06-01"})
    request = services.propose(maker, "unit of the instrument", [changed])
    services.approve(checker, request, request.version)
    directory = services.directory_store().current()
    scales = [
        directory.route("MN-A1", "a34004", datetime(2026, month, 1, tzinfo=UTC)).scale for month in (5, 6, 11)
    ]
    assert scales == ["1", "0.001", "0.001"]


def test_installing_ends_with_the_first_change_request(maker, registry) -> None:
    services.propose(maker, "新站", [point()])
    with pytest.raises(PermissionDenied):
        services.install([point(code="A9")])


def test_what_a_person_sees_follows_region_owner_and_duty(registry) -> None:
    station, holder = (
        registry.person("s", "station_staff"),
        registry.person("h", "permit_holder", organisation=registry.holder),
    )
    stranger = registry.person("x", "station_staff", region=registry.other)
    assert {one.code for one in queries.points_visible_to(station)} == {"A1", "W1"}
    assert {one.code for one in queries.points_visible_to(holder)} == {"W1"}
    assert {one.code for one in queries.series_visible_to(holder)} == {"W1.w01018"}
    assert not queries.points_visible_to(stranger).exists()
    services.install([Proposal("duty", {"point": "A1", "kind": "maintain", "organisation": "H1"})])
    assert {one.code for one in queries.points_visible_to(holder)} == {"A1", "W1"}


@pytest.mark.parametrize("capability", [Capability.VIEW_REGISTRY, Capability.VIEW_DATA, Capability.MARK_DATA])
@pytest.mark.parametrize(
    ("begins", "ends", "seen"),
    [
        ("2024-01-01", "2024-07-01", False),  # ended more than two years ago
        ("2024-01-01", "2026-11-21", False),  # the end is not included
        ("2026-12-01", "", False),  # begins only next month
        ("2024-01-01", "", True),
        ("2024-01-01", "2026-11-22", True),
    ],
)
def test_a_duty_gives_rights_while_it_holds_only(registry, capability, begins, ends, seen) -> None:
    holder = registry.person("h", "permit_holder", organisation=registry.holder)
    duty = {"point": "A1", "kind": "maintain", "organisation": "H1", "valid_from": begins, "valid_to": ends}
    services.install([Proposal("duty", duty)])
    assert queries.points_visible_to(holder, capability).filter(code="A1").exists() is seen


def test_the_pages_of_a_point_close_with_the_contract(client, clock, registry) -> None:
    duty = {"point": "A1", "kind": "maintain", "organisation": "H1", "valid_to": "2026-12-01"}
    services.install([Proposal("duty", duty)])
    client.force_login(registry.person("h", "maintenance", organisation=registry.holder))
    assert client.get("/points/A1/").status_code == 200
    clock.advance(15 * 86_400)
    assert client.get("/points/A1/").status_code == 404


def _limit(maker, checker, **fields: str) -> models.ChangeRequest:
    row = {"outlet": "S1-W1", "factor": "waste_water.w01018", "averaging": "day", "unit": "mg/L", **fields}
    request = services.propose(maker, "permit", [Proposal("limit", row)])
    return services.approve(checker, request, request.version)


def _upper_in(month: int) -> list[int]:
    rows = queries.in_force(models.PermitLimit.objects.all(), datetime(2026, month, 15, tzinfo=UTC))
    return [int(one.upper) for one in rows]


def test_a_new_permit_limit_takes_over_and_the_proposal_shows_the_end_of_the_earlier(maker, checker) -> None:
    _limit(maker, checker, upper="50", yearly_amount_t="10", valid_from="2024-01-01")
    request = _limit(maker, checker, upper="100", yearly_amount_t="20", valid_from="2026-06-01")
    ended, begun = request.lines.all()
    assert ended.after == {**ended.before, "valid_to": begun.after["valid_from"]}
    assert [_upper_in(month) for month in (5, 6, 11)] == [[50], [100], [100]]
    held = queries.in_force(models.PermitLimit.objects.all())
    assert [int(one.yearly_amount_t) for one in held] == [20]


def test_a_limit_for_a_time_interrupts_the_lasting_one(maker, checker) -> None:
    _limit(maker, checker, upper="50", valid_from="2024-01-01")
    _limit(maker, checker, upper="100", valid_from="2026-06-01", valid_to="2026-08-01")
    assert [_upper_in(month) for month in (5, 6, 7, 8, 11)] == [[50], [100], [100], [50], [50]]


def test_a_limit_entered_late_ends_where_the_present_one_begins(maker, checker) -> None:
    _limit(maker, checker, upper="100", valid_from="2026-06-01")
    _limit(maker, checker, upper="50", valid_from="2024-01-01")
    assert [_upper_in(month) for month in (5, 6)] == [[50], [100]]


def test_a_limit_entered_late_stands_back_from_every_later_one_while_that_holds(maker, checker) -> None:
    _limit(maker, checker, upper="100", valid_from="2026-04-01", valid_to="2026-06-01")
    _limit(maker, checker, upper="80", valid_from="2026-08-01", valid_to="2026-10-01")
    request = _limit(maker, checker, upper="50", valid_from="2026-02-01", valid_to="2026-09-01")
    held = [[], [50], [100], [100], [50], [50], [80], [80], []]
    assert [_upper_in(month) for month in (1, 3, 4, 5, 6, 7, 8, 9, 10)] == held
    assert request.lines.count() == 2, "both stretches of it stand in the proposal"


def test_a_limit_without_a_beginning_stands_back_too(maker, checker) -> None:
    _limit(maker, checker, upper="100", valid_from="2026-04-01", valid_to="2026-06-01")
    _limit(maker, checker, upper="50")
    assert [_upper_in(month) for month in (1, 4, 5, 6, 11)] == [[50], [100], [100], [50], [50]]


def _begins_already(day: str | None) -> bool:
    """Whether a row of that beginning stands: entering it again changes that row."""
    moment = None if day is None else datetime.fromisoformat(day).replace(tzinfo=CHINA)
    return models.PermitLimit.objects.filter(valid_from=moment).exists()


MONTHS = [f"2026-{month:02d}-01" for month in range(1, 7)]
LATER = st.none() | st.sampled_from(MONTHS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(LATER, LATER), min_size=2, max_size=4))
def test_one_limit_holds_at_a_time_in_whatever_order_they_are_entered(registry, entered) -> None:
    """Of the limits that cover a month exactly one holds, and none where none covers it."""
    with transaction.atomic():
        covered = set()
        for number, (begins, ends) in enumerate(dict(entered).items()):
            if (begins and ends and begins >= ends) or _begins_already(begins):
                continue
            row = {"outlet": "S1-W1", "factor": "waste_water.w01018", "averaging": "day", "unit": "mg/L"}
            dates = {"valid_from": begins or "", "valid_to": ends or ""}
            services.register([Proposal("limit", {**row, "upper": str(number + 1), **dates})])
            covered |= {
                month
                for month in range(1, 7)
                if (begins or "") <= MONTHS[month - 1] and (ends is None or MONTHS[month - 1] < ends)
            }
        assert [len(_upper_in(month)) for month in range(1, 7)] == [month in covered for month in range(1, 7)]
        transaction.set_rollback(True)


def test_limits_of_other_periods_and_yearly_amounts_stay_beside_a_new_limit(maker, checker) -> None:
    _limit(maker, checker, upper="50", valid_from="2024-01-01")
    _limit(maker, checker, upper="80", averaging="hour", valid_from="2025-01-01")
    _limit(maker, checker, yearly_amount_t="10", valid_from="2026-01-01")
    held = queries.in_force(models.PermitLimit.objects.all())
    assert len(held) == 3
    assert not models.PermitLimit.objects.exclude(valid_to=None).exists()


def test_duties_show_gaps_and_overlaps(registry) -> None:
    services.install(
        [Proposal("duty", {"point": "A1", "kind": "monitor", "organisation": code}) for code in ("B1", "H1")]
    )
    report = queries.duty_report(registry.person("s", "station_staff"))
    assert [point.code for point, _kind, _duties in report["overlaps"]] == ["A1"]
    assert len(report["gaps"]) == 7


def test_coverage_counts_key_units_townships_zones_and_sections(registry) -> None:
    def point(code: str, kind: str, region: str = "990101", **more) -> Proposal:
        fields = {"code": code, "name": code, "kind": kind, "level": "county", "region": region}
        return Proposal("point", {**fields, "organisation": "B1", **more})

    def device(code: str, at: str, **more) -> Proposal:
        fields = {"code": code, "mn": f"MN-{code}", "password": "123456", "name": code, "point": at}
        return Proposal("device", {**fields, "system_code": "22", **more})

    services.install(
        [
            *(
                row
                for code in ("990101100", "990101101")
                for row in (
                    Proposal("region", {"code": code, "name": code, "level": "township"}),
                    Proposal("placement", {"region": code, "parent": "990101", "valid_from": "2024-01-01"}),
                )
            ),
            Proposal("membership", {"source": "S1", "name": "key_water", "valid_from": "2024-01-01"}),
            point("T1", "air_township", "990101100"),
            point("P1", "industrial_park"),
            point("P2", "industrial_park", status="planned"),
            point("P3", "industrial_park", status="removed"),
            point("X1", "water_section"),
            point("X2", "water_section"),
            device("P1-D1", "P1"),
            device("X1-D1", "X1", valid_to="2025-01-01"),
        ]
    )
    found = {
        one["name"]: (one["have"], one["of"])
        for one in queries.coverage(registry.person("s", "station_staff"))
    }
    assert found == {"key_units": (1, 1), "townships": (1, 2), "zones": (1, 2), "sections": (0, 2)}


def test_a_template_filled_in_comes_back_as_proposals(registry) -> None:
    kind = registered.KINDS["point"]
    book = Workbook()
    book.active.append(files.heads(kind))
    plain = registered.plain(kind, models.Point.objects.get(code="A1"))
    book.active.append([None if value in ({}, None) else value for value in plain.values()])
    buffer = io.BytesIO()
    book.save(buffer)
    (proposal,) = files.read(kind, "points.xlsx", buffer.getvalue())
    values, _existing, errors = checking.check(proposal, 1)
    assert errors == []
    assert values["code"] == "A1"


def test_csv_in_gb18030_is_read() -> None:
    kind = registered.KINDS["factor"]
    content = "code,medium,wire_code,name_zh,name_en,unit\nair.x,air,x,臭氧,Ozone,µg/m³\n".encode("gb18030")
    (proposal,) = files.read(kind, "factors.csv", content)
    assert proposal.fields["name_zh"] == "臭氧"


@given(content=st.binary(max_size=400), name=st.sampled_from(["a.xlsx", "a.csv", "a.xlsm", "noname"]))
def test_no_file_breaks_the_reader(content: bytes, name: str) -> None:
    try:
        found = files.read(registered.KINDS["point"], name, content)
    except ValidationError as error:
        assert error.messages
    else:
        assert all(isinstance(one, Proposal) for one in found)


@given(content=st.binary(min_size=1, max_size=200))
def test_a_damaged_workbook_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ValidationError):
        files.read(registered.KINDS["point"], "a.xlsx", b"PK\x03\x04" + content)


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_workbook_that_would_unpack_to_gigabytes_is_refused_before_it_is_read() -> None:
    buffer = io.BytesIO(workbook(["code", "name"]))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/filler", b"0" * (files.MOST_UNPACKED + 1))
    assert len(buffer.getvalue()) < 1_000_000
    with pytest.raises(ValidationError, match=r"100 MB"):
        files.read(registered.KINDS["point"], "a.xlsx", buffer.getvalue())


def test_a_cell_whose_value_is_not_in_the_file_is_no_empty_cell() -> None:
    """An empty cell takes the registered value away."""
    kind = registered.KINDS["point"]
    content = workbook(["code", "name", "address"], ["A2", "站", "=B2"])
    for language, said in (
        ("zh-hans", "第 2 行 C: 公式没有保存计算结果"),
        ("en", "row 2 C: a formula has no"),
    ):
        with override(language), pytest.raises(ValidationError, match=said):
            files.read(kind, "a.xlsx", content)
    book = load_workbook(io.BytesIO(workbook(["code", "name"], ["A2", "站"], ["A3", ""])))
    book.active.merge_cells("B2:B3")
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(ValidationError, match="B2:B3"):
        files.read(kind, "a.xlsx", buffer.getvalue())


@given(
    part=st.sampled_from(
        ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"]
    ),
    content=st.binary(max_size=60),
    cut=st.integers(0, 200),
)
def test_a_workbook_with_a_broken_part_is_read_or_refused_in_words(
    part: str, content: bytes, cut: int
) -> None:
    source = zipfile.ZipFile(io.BytesIO(workbook(["code", "name"], ["A2", "站"])))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in source.namelist():
            original = source.read(name)
            archive.writestr(name, original[:cut] + content + original[cut:] if name == part else original)
    try:
        files.read(registered.KINDS["point"], "a.xlsx", buffer.getvalue())
    except ValidationError as error:
        assert error.messages


def test_errors_name_the_row_the_person_sees_in_the_file(maker) -> None:
    kind = registered.KINDS["point"]
    content = "code,name,kind,level,region,organisation\n,,,,,\nA2,站,air_city,county,990101,B1\nA3,站,air_city,county,123,B1\nA2,站,air_city,county,990101,B1\n"
    with pytest.raises(ProposalError) as caught:
        services.propose(maker, "批量", files.read(kind, "p.csv", content.encode()))
    assert [one.row for one in caught.value.rows] == [4, 5]


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValidationError):
        files.read(registered.KINDS["factor"], "f.csv", b"code,medium,code\na,b,c\n")


@pytest.mark.parametrize(
    "text",
    ["code,name\nA1,1,234\n", "code,,name\nA1,x,y\n", "code,name,\nA1,y,x\n"],
    ids=["more cells than heads", "no head between", "no head at the end"],
)
def test_a_cell_under_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"2.*(234|x)"):
        files.read(registered.KINDS["point"], "f.csv", text.encode())
    (row,) = files.read(registered.KINDS["point"], "f.csv", b"code,name,,\nA1,y, ,\n")
    assert row.fields == {"code": "A1", "name": "y"}


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("point", {"name": "长" * 121}, "name"),
        ("point", {"name": "a\0b"}, "name"),
        ("point", {"attributes": ["river"]}, "attributes"),
        ("device", {"sm4_key_hex": "12"}, "sm4_key_hex"),
        ("device", {"policy": {"accept": ["no-such-code"]}}, "policy"),
        ("device", {"policy": "text"}, "policy"),
        ("device", {"addresses": ["10.1.0.0/16", "router"]}, "addresses"),
        ("device", {"silence_seconds": "-1"}, "silence_seconds"),
        ("device", {"silence_seconds": 0}, "silence_seconds"),
        ("device", {"silence_seconds": 99_999_999_999}, "silence_seconds"),
        ("device", {"valid_from": "2026-01-01 下午3点"}, "valid_from"),
        ("device", {"valid_from": "2026-01-01junk"}, "valid_from"),
        ("series", {"expected": {"hour": "3600"}}, "expected"),
        ("series", {"expected": {"often": 60}}, "expected"),
        ("series", {"expected": {"hour": 0}}, "expected"),
    ],
)
def test_values_the_services_could_not_use_are_refused(maker, kind: str, changes: dict, field: str) -> None:
    declared = registered.KINDS[kind]
    codes = {"point": "A1", "device": "A1-D1", "series": "A1.a34004"}
    fields = registered.plain(declared, declared.model.objects.get(code=codes[kind]))
    with pytest.raises(ProposalError) as caught:
        services.propose(maker, "试", [Proposal(kind, {**fields, **changes})])
    assert [one.field for one in caught.value.rows] == [declared.field_title(field)]


def test_a_port_no_network_has_is_refused(maker) -> None:
    fields = {"code": "U1", "name": "省平台", "host": "10.0.0.1", "port": 70_000, "devices": ["*"]}
    with pytest.raises(ProposalError):
        services.propose(maker, "上级", [Proposal("target", fields)])


def test_a_target_gets_the_devices_of_its_region_and_those_that_come_later(registry) -> None:
    maker, checker = (
        registry.person(name, "data_manager", region=registry.city) for name in ("city", "second")
    )

    def forwarded() -> set[str]:
        (target,) = services.directory_store().current().targets
        return set(target.devices)

    fields = {"code": "U1", "name": "省平台", "host": "10.0.0.1", "port": 9000}
    for wrong in (["region:000000"], [7], "MN-A1", [""]):
        with pytest.raises(ProposalError) as caught:
            services.propose(maker, "上级", [Proposal("target", {**fields, "devices": wrong})])
        assert [one.field for one in caught.value.rows] == [registered.KINDS["target"].field_title("devices")]
    city = services.propose(
        maker, "上级", [Proposal("target", {**fields, "devices": ["region:990100", "MN-X"]})]
    )
    services.approve(checker, city, 0)
    assert forwarded() == {"MN-X", "MN-A1", "MN-W1"}
    device = {
        "code": "A1-D2",
        "mn": "MN-A2",
        "password": "123456",
        "name": "二",
        "point": "A1",
        "system_code": "22",
        "valid_from": "2026-11-01",
    }
    services.approve(checker, services.propose(maker, "增设", [Proposal("device", device)]), 0)
    assert forwarded() == {"MN-X", "MN-A1", "MN-A2", "MN-W1"}
    other = services.propose(maker, "上级", [Proposal("target", {**fields, "devices": ["region:990102"]})])
    services.approve(checker, other, 0)
    assert forwarded() == set()


def test_an_empty_node_gets_its_regions_and_organisations_by_proposal(registry) -> None:
    maker, checker = (
        registry.person(name, "data_manager", region=registry.city) for name in ("city", "second")
    )
    change = services.propose(
        maker,
        "建镇",
        [
            Proposal("region", {"code": "990101101", "name": "东镇", "level": "township"}),
            Proposal("placement", {"region": "990101101", "parent": "990101", "valid_from": "2026-01-01"}),
            Proposal(
                "organisation",
                {"code": "T1", "name": "东镇人民政府", "kind": "government", "region": "990101101"},
            ),
        ],
    )
    services.approve(checker, change, 0)
    station = registry.person("s", "station_staff")
    assert "990101101" in {one.code for one in account_queries.regions_visible_to(station)}
    assert "T1" in {one.code for one in account_queries.organisations_visible_to(station)}


def test_a_region_moved_elsewhere_keeps_its_days_and_never_lies_below_itself(
    maker, checker, registry
) -> None:
    mayor = registry.person("city", "data_manager", region=registry.city)
    second = registry.person("city2", "data_manager", region=registry.city)
    move = Proposal("placement", {"region": "990102", "parent": "990101", "valid_from": "2026-12-01"})
    services.approve(second, services.propose(mayor, "区划调整", [move]), 0)
    placements = registry.other.placements.order_by("valid_from")
    assert [str(one.valid_to) for one in placements] == ["2026-12-01", "None"]
    circle = Proposal("placement", {"region": "990101", "parent": "990102", "valid_from": "2027-01-01"})
    with pytest.raises(ProposalError):
        services.propose(mayor, "区划调整", [circle])


def test_every_kind_has_a_template_that_opens(client, registry) -> None:
    client.force_login(registry.person("s", "data_manager"))
    for kind in registered.KINDS:
        response = client.get(f"/registry/template/{kind}/?rows=1")
        sheet = load_workbook(io.BytesIO(response.content)).active
        assert sheet.max_column == len(registered.KINDS[kind].fields)


def test_a_series_that_reports_minutes_gets_a_place_for_the_platform_s_own_hours(maker, checker) -> None:
    fields = registered.plain(registered.KINDS["series"], models.Series.objects.get(code="W1.w01018"))
    assert not models.Series.objects.filter(origin="platform").exists()
    change = services.propose(
        maker, "分钟数据", [Proposal("series", {**fields, "expected": {"minute": 600, "hour": 3600}})]
    )
    services.approve(checker, change, 0)
    own = models.Series.objects.get(origin="platform")
    assert (own.point.code, own.unit, own.expected) == ("W1", "mg/L", {})
    assert services.directory_store().current().series_by_code(own.code).id == own.pk


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "measured_state", "value": "perhaps"}, "value"),
        ({"name": "measured_basis", "value": ""}, "value"),
        ({"name": "reference_oxygen", "value": "21", "unit": "%"}, "value"),
        ({"name": "reference_oxygen", "value": "six", "unit": "%"}, "value"),
        ({"name": "atmospheric_pressure", "value": "101", "unit": "atm"}, "unit"),
        ({"name": "atmospheric_pressure", "value": "101", "unit": "Pa"}, "value"),
    ],
)
def test_settings_of_conversions_must_be_readable(registry, fields, field) -> None:
    series = models.Series.objects.first().code
    values, _existing, errors = checking.check(Proposal("setting", {"series": series, **fields}), 1)
    kind = registered.KINDS["setting"]
    assert values is None
    assert [one.field for one in errors] == [kind.field_title(field)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "range_upper", "value": "abc"}, "value"),
        ({"name": "range_upper", "value": "1,000", "unit": "µg/m³"}, "value"),
        ({"name": "range_upper", "value": "1000", "unit": "mg/m3"}, "unit"),
        ({"name": "range_upper", "value": "inf"}, "value"),
        ({"name": "constant_count", "value": "0"}, "value"),
        ({"name": "rang_upper", "value": "5"}, "name"),
        ({"name": "slope", "value": "x"}, "value"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(registry, fields: dict, field: str) -> None:
    title = registered.KINDS["setting"].field_title(field)
    values, _existing, errors = checking.check(Proposal("setting", {"series": "A1.a34004", **fields}), 1)
    assert values is None
    assert [one.field for one in errors] == [title]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "range_upper", "value": "1000", "unit": "µg/m³"},
        {"name": "constant_count", "value": "4", "unit": "次"},
        {"name": "slope", "value": "1.02"},
        {"name": "own_name", "value": "whatever"},
    ],
)
def test_a_setting_that_works_and_an_office_s_own_are_taken(registry, fields: dict) -> None:
    assert checking.check(Proposal("setting", {"series": "A1.a34004", **fields}), 1).errors == []


def test_a_setting_that_was_registered_without_effect_can_be_ended(maker, checker) -> None:
    series = models.Series.objects.get(code="A1.a34004")
    models.Setting.objects.create(series=series, name="range_upper", value="abc", unit="")
    good = {"series": "A1.a34004", "name": "range_upper", "value": "500", "valid_from": "2026-01-01"}
    change = services.propose(maker, "range", [Proposal("setting", good)])
    services.approve(checker, change, change.version)
    assert [one.value for one in queries.in_force(models.Setting.objects.all())] == ["500"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_file_with_fewer_columns_leaves_the_others_as_they_are(maker, checker, ending: str) -> None:
    kind = registered.KINDS["device"]
    models.Device.objects.filter(code="A1-D1").update(
        policy={"accept": ["length_wrong"]}, sm4_key_hex="0" * 32, addresses=["10.0.0.0/8"]
    )
    before = registered.plain(kind, models.Device.objects.get(code="A1-D1"))
    heads, row = ["code", "name", "silence_seconds"], ["A1-D1", "新名", ""]
    if ending == "csv":
        content = "\n".join(",".join(one) for one in (heads, row)).encode()
    else:
        book = Workbook()
        book.active.append(heads)
        book.active.append(row)
        held = io.BytesIO()
        book.save(held)
        content = held.getvalue()
    change = services.propose(maker, "name", files.read(kind, f"x.{ending}", content))
    services.approve(checker, change, change.version)
    after = registered.plain(kind, models.Device.objects.get(code="A1-D1"))
    default = models.Device._meta.get_field("silence_seconds").default
    assert after == {**before, "name": "新名", "silence_seconds": default}, "an empty cell empties"


def test_a_new_row_needs_what_is_required_all_the_same(maker) -> None:
    with pytest.raises(ProposalError) as refused:
        services.propose(maker, "x", [Proposal("device", {"code": "A9-D9", "name": "新"})])
    assert {registered.KINDS["device"].field_title(name) for name in ("mn", "point")} <= {
        one.field for one in refused.value.rows
    }


def test_what_a_series_measures_is_no_setting_of_its_device(registry) -> None:
    device = models.Device.objects.first().code
    fields = {"device": device, "name": "measured_state", "value": "actual"}
    assert checking.check(Proposal("setting", fields), 1).errors
    pressure = {"device": device, "name": "atmospheric_pressure", "value": "100.9", "unit": "kPa"}
    assert not checking.check(Proposal("setting", pressure), 1).errors


def test_a_flow_is_not_referred_to_an_oxygen_content(registry) -> None:
    factor = models.Factor.objects.create(
        code="flue_gas.a00000",
        medium="flue_gas",
        wire_code="a00000",
        name_zh="废气",
        name_en="flow",
        unit="m³/s",
        decimals=1,
    )
    point = models.Point.objects.get(code="W1")
    series = models.Series.objects.create(
        code="W1.a00000", point=point, factor=factor, unit="m³/s", medium="flue_gas"
    )
    fields = {"series": series.code, "name": "reference_oxygen", "value": "6", "unit": "%"}
    assert checking.check(Proposal("setting", fields), 1).errors
    fields = {"series": series.code, "name": "measured_state", "value": "actual"}
    assert not checking.check(Proposal("setting", fields), 1).errors


@pytest.mark.parametrize("number", [123456789012345680, 1.2345678901234567e23, 1e15])
def test_a_code_of_which_excel_lost_digits_is_refused(maker, number: float) -> None:
    book = Workbook()
    book.active.append(["code", "name", "kind", "region"])
    book.active.append([number, "单位", "holder", 990101])
    held = io.BytesIO()
    book.save(held)
    with pytest.raises(ProposalError) as refused:
        services.propose(maker, "x", files.read(registered.KINDS["organisation"], "x.xlsx", held.getvalue()))
    (error,) = refused.value.rows
    assert (error.row, error.field) == (2, registered.KINDS["organisation"].field_title("code"))
    assert "15" in error.message


def test_a_request_is_read_where_all_its_rows_lie(registry) -> None:
    author = registry.person("author", "data_manager", region=registry.city)
    rows = [point(code="A2"), point(code="B2", region="990102")]
    both = services.propose(author, "两县", rows)
    here = services.propose(author, "甲县", [point(code="A3")])
    seen = {
        who: set(queries.changes_visible_to(registry.person(who, "leader", region=region)))
        for who, region in (("city", registry.city), ("one", registry.county), ("two", registry.other))
    }
    assert seen["city"] == {both, here}
    assert seen["one"] == {here}
    assert seen["two"] == set()

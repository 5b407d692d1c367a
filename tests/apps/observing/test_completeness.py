from __future__ import annotations

import io
import re
import uuid
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from tests.apps.conftest import NOW

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point, Series
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import completeness, levels, services, stores
from qingjian.apps.observing.models import FindingRecord, Mark
from qingjian.contracts.clock import CHINA
from qingjian.contracts.commands import Command, CommandState

TODAY = NOW.astimezone(CHINA).date()
DAY = TODAY - timedelta(days=2)
MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=CHINA).astimezone(UTC)


def hours(count: int, flag: str = "N", first: int = 0) -> list[tuple[datetime, float, str]]:
    return [(MIDNIGHT + timedelta(hours=first + place), 10.0, flag) for place in range(count)]


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def manager(registry):
    return registry.person("manager", "data_manager")


@pytest.fixture
def holder(registry):
    return registry.person("holder", "permit_holder", organisation=registry.holder)


@pytest.fixture
def air(registry) -> Series:
    return Series.objects.select_related("point", "factor", "device").get(code="A1.a34004")


@pytest.fixture
def waste(registry) -> Series:
    return Series.objects.select_related("point", "factor", "device").get(code="W1.w01018")


def line_of(series, **more):
    return completeness.report([series], DAY, DAY, **more).lines[0]


def test_the_rates_of_a_day(air, put) -> None:
    put(air, "hour", hours(18) + hours(2, "D", first=18))
    line = line_of(air)
    assert (line.expected, line.received, line.valid, line.missing) == (24, 20, 18, 4)
    assert line.transmission == pytest.approx(20 / 24)
    assert line.valid_share == pytest.approx(18 / 20)
    assert line.rate == pytest.approx(18 / 24)


def test_a_day_without_anything_is_a_line_of_its_own(air) -> None:
    line = line_of(air)
    assert (line.received, line.transmission, line.valid_share, line.rate) == (0, 0.0, 0.0, 0.0)


def test_one_hour_of_waste_water_may_go_to_the_standard_check(waste, put) -> None:
    put(waste, "hour", hours(23))
    report = completeness.report([waste], DAY, DAY)
    assert report.lines[0].rate == 1.0
    assert report.row.confidence.value == "S"
    assert "23/24" in report.row["criterion"]


def test_the_allowance_of_one_day_does_not_help_another(waste, put) -> None:
    put(waste, "hour", hours(24) + hours(22, first=24))
    (month,) = completeness.report([waste], DAY, DAY + timedelta(days=1), "month").lines
    assert (month.days, month.expected, month.valid) == (2, 48, 46)
    assert month.rate == pytest.approx(45 / 46)


def test_stops_are_taken_out_and_marks_count_as_known_then(air, put, staff, clock) -> None:
    put(air, "hour", hours(24))
    before = clock.now()
    clock.advance(60)
    point = air.point
    services.set_mark(
        staff, point, [air.code], MIDNIGHT, MIDNIGHT + timedelta(hours=6), "stopped", "检修停产"
    )
    services.set_mark(
        staff,
        point,
        [air.code],
        MIDNIGHT + timedelta(hours=6),
        MIDNIGHT + timedelta(hours=9),
        "invalid",
        "漂移",
    )
    line = line_of(air)
    assert (line.stopped, line.received, line.valid) == (6, 18, 15)
    assert line_of(air, as_of=before).valid == 24


def test_when_nothing_was_due_there_is_no_rate(air, put, staff) -> None:
    services.set_mark(
        staff, air.point, [air.code], MIDNIGHT, MIDNIGHT + timedelta(hours=24), "stopped", "检修停产"
    )
    line = line_of(air)
    assert (line.transmission, line.valid_share, line.rate) == (None, None, None)


def test_only_whole_days_of_registration_count(registry, fine) -> None:
    network.install(
        [
            Proposal(
                "series",
                {
                    "code": "A1.a21026",
                    "point": "A1",
                    "factor": "air.a21026",
                    "device": "A1-D1",
                    "unit": "µg/m³",
                    "decimals": 1,
                    "medium": "air",
                    "expected": {"hour": 3600},
                    "valid_from": (MIDNIGHT + timedelta(hours=30)).isoformat(),
                },
            )
        ]
    )
    network.publish_directory()
    fine.refresh_from_db()
    days = completeness.report([fine], DAY - timedelta(days=3), TODAY - timedelta(days=1)).lines
    assert days == []


def test_the_window_holds_days_that_are_over(registry) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert completeness.window(None, None) == (yesterday - timedelta(days=29), yesterday)
    assert completeness.window(TODAY, TODAY + timedelta(days=9)) == (yesterday, yesterday)
    first, last = completeness.window(date(2010, 1, 1), None)
    assert (last - first).days == completeness.MOST_DAYS - 1


def gap(series: Series, missing: int, end: datetime | None) -> FindingRecord:
    return FindingRecord.objects.create(
        id=uuid.uuid4().hex,
        rule="gap",
        rule_version="1",
        subject=series.code,
        subject_kind="series",
        point=series.point,
        start=MIDNIGHT,
        end=end,
        severity="minor",
        evidence={"statistic": "hour", "periods": 5, "missing": missing, "filled": missing == 0},
        known_at=NOW,
    )


def ask(code: str, begin: str, end: str) -> Command:
    command = Command(
        id=uuid.uuid4().hex,
        mn="MN-A1",
        code=code,
        parameters={"BeginTime": begin, "EndTime": end},
        author="pipeline",
        authorisation="rule:gap@1",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=6),
    )
    stores.commands().put(command)
    return command


def test_a_gap_shows_what_was_asked_and_what_came(air, staff, client) -> None:
    gap(air, missing=2, end=MIDNIGHT + timedelta(hours=5))
    wire = MIDNIGHT.astimezone(CHINA).strftime("%Y%m%d%H%M%S")
    asked = ask("2061", wire, wire)
    ask("2051", wire, wire)
    ask("2061", "20250101000000", "20250101050000")
    ask("2061", "nonsense", "")
    owing = completeness.owing(staff)
    (found,) = completeness.gaps(owing, completeness.gap_records(owing, DAY, DAY))
    assert (found.periods, found.missing, found.came) == (5, 2, 3)
    assert [command.id for command in found.asked] == [asked.id]
    assert found.asked[0].state is CommandState.QUEUED
    client.force_login(staff)
    page = client.get(f"/completeness/?from={DAY}&to={DAY}").content.decode()
    assert "2061" in page
    assert not completeness.gap_records(owing, DAY - timedelta(days=9), DAY - timedelta(days=8)).exists()


def test_the_page_is_narrowed_to_what_a_person_may_see(air, waste, put, registry, client) -> None:
    put(air, "hour", hours(20))
    client.force_login(registry.person("h", "permit_holder", organisation=registry.holder))
    page = client.get("/completeness/?by=day").content.decode()
    assert "W1.w01018" in page
    assert "A1.a34004" not in page


def test_a_strip_shows_each_day_by_a_sign_and_adds_up_the_window(air, waste, put, staff, client) -> None:
    put(air, "hour", hours(20))
    put(air, "hour", [(MIDNIGHT - timedelta(hours=number + 1), 5.0, "N") for number in range(24)])
    client.force_login(staff)
    page = client.get(f"/completeness/?from={DAY - timedelta(days=2)}&to={DAY}&q=A1.a34004").content.decode()
    signs = re.findall(r'<span class="qj-cell-(\w+)" title="([^"]+)">(.)</span>', page)
    assert [(name, sign) for name, _title, sign in signs] == [("none", "□"), ("full", "■"), ("most", "◧")]
    assert signs[2][1] == f"{DAY} 83.3 % (20/24)"
    (strip,) = completeness.strips(
        completeness.report(
            list(completeness.owing(staff, text="A1.a34004")), DAY - timedelta(days=2), DAY
        ).lines,
        DAY - timedelta(days=2),
    )
    whole = completeness.report([strip.line.series], DAY - timedelta(days=2), DAY, "quarter").lines[0]
    for name in ("expected", "received", "valid", "missing", "transmission", "valid_share", "rate"):
        assert getattr(strip.line, name) == getattr(whole, name), name
    long = client.get(
        f"/completeness/?from={DAY - timedelta(days=200)}&to={DAY}&q=A1.a34004"
    ).content.decode()
    assert f'title="{DAY:%Y-%m} ' in long, "a long window is shown by month"


def test_only_series_with_gaps_and_the_gaps_in_pages(air, waste, staff, client) -> None:
    for number in range(25):
        record = gap(air, missing=2, end=MIDNIGHT + timedelta(hours=5))
        FindingRecord.objects.filter(pk=record.pk).update(start=MIDNIGHT + timedelta(minutes=number))
    client.force_login(staff)
    address = f"/completeness/?from={DAY}&to={DAY}"
    assert client.get(address).content.decode().count('qj-cell-none" title=') == 2
    narrowed = client.get(f"{address}&only=gaps").content.decode()
    assert narrowed.count('class="qj-strip"><span class="qj-cell-none" title=') == 1, "one series has gaps"
    assert narrowed.count("gap_page=2") == 1
    second = client.get(f"{address}&only=gaps&gap_page=2").content.decode()
    assert "gap_page=1" in second


@pytest.mark.parametrize("by", ["window", "day", "month", "quarter"])
def test_the_pages_open_with_every_filter(air, put, staff, registry, client, by) -> None:
    put(air, "hour", hours(20))
    client.force_login(staff)
    for query in (
        f"by={by}",
        f"by={by}&element=air&region={registry.county.pk}&q=A1",
        f"by={by}&element=soil",
    ):
        assert client.get(f"/completeness/?{query}").status_code == 200
    for query in ("by=year", "from=yesterday", "from=2026-13-45"):
        assert client.get(f"/completeness/?{query}").status_code == 400


def test_the_workbook_holds_every_line(air, waste, put, staff, client) -> None:
    put(air, "hour", hours(20))
    client.force_login(staff)
    answer = client.get(f"/completeness/?by=day&from={DAY}&to={DAY}&export=xlsx")
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
    assert len(rows) == 3
    by_series = {row[2]: row for row in rows[1:]}
    assert by_series["A1.a34004"][9:11] == (20, 20)
    assert by_series["W1.w01018"][17] == "S"


# -- levels --------------------------------------------------------------------------------------------------------

SPAN = (MIDNIGHT, MIDNIGHT + timedelta(days=1))


def test_station_data_are_verified_then_ratified_by_somebody_else(air, staff, manager) -> None:
    point = air.point
    with pytest.raises(ValidationError):
        services.set_mark(manager, point, [air.code], *SPAN, "ratified", "月审核")
    done, refused = services.set_levels(staff, [point], *SPAN, "verified", "日审核")
    assert (len(done), refused) == (1, [])
    assert services.set_levels(staff, [point], *SPAN, "ratified", "自审")[1]
    beyond = (SPAN[0], SPAN[1] + timedelta(hours=1))
    assert services.set_levels(manager, [point], *beyond, "ratified", "超出")[1]
    assert services.set_levels(manager, [point], *SPAN, "ratified", "月审核")[0]
    (overview,) = levels.overview([point], *SPAN)
    assert overview.shares == {"provisional": 0.0, "verified": 0.0, "ratified": 1.0}


def test_shares_of_levels_add_up(air, staff) -> None:
    half = (SPAN[0], SPAN[0] + timedelta(hours=12))
    services.set_levels(staff, [air.point], *half, "verified", "日审核")
    services.set_levels(staff, [air.point], half[0], half[0] + timedelta(hours=6), "verified", "再审")
    (overview,) = levels.overview([air.point], *SPAN)
    assert overview.shares == {"provisional": 0.5, "verified": 0.5, "ratified": 0.0}


def test_a_bureau_does_not_approve_source_data_and_the_holder_confirms(waste, staff, manager, holder) -> None:
    point = waste.point
    for person in (staff, manager):
        for kind in ("verified", "ratified", "confirmed"):
            assert services.set_levels(person, [point], *SPAN, kind, "x")[1], (person, kind)
    done, refused = services.set_levels(holder, [point], *SPAN, "confirmed", "自行确认")
    assert (len(done), refused) == (1, [])
    assert levels.overview([point], *SPAN)[0].shares == {"received": 0.0, "confirmed": 1.0}


def test_a_holder_confirms_nothing_of_others(air, holder, registry) -> None:
    assert services.set_levels(holder, [air.point], *SPAN, "confirmed", "x")[1]
    other = registry.person("other", "permit_holder", organisation=registry.bureau)
    assert services.set_levels(other, [Point.objects.get(code="W1")], *SPAN, "confirmed", "x")[1]


def test_what_is_not_over_cannot_be_raised(air, staff) -> None:
    assert services.set_levels(staff, [air.point], NOW, NOW + timedelta(hours=1), "verified", "x")[1]


def test_what_is_ratified_stays_verified_until_that_is_taken_back(air, staff, manager) -> None:
    services.set_levels(staff, [air.point], *SPAN, "verified", "日审核")
    services.set_levels(manager, [air.point], *SPAN, "ratified", "月审核")
    verified, ratified = (Mark.objects.get(kind=kind) for kind in ("verified", "ratified"))

    def take_back(mark):
        services.set_mark(
            manager,
            mark.point,
            mark.series,
            mark.start,
            mark.end,
            mark.kind,
            "误审",
            supersedes=mark,
            withdrawn=True,
        )

    with pytest.raises(ValidationError):
        take_back(verified)
    take_back(ratified)
    take_back(verified)
    assert levels.overview([air.point], *SPAN)[0].shares["provisional"] == 1.0


def test_a_wrong_level_is_refused(air, staff) -> None:
    with pytest.raises(ValidationError):
        services.set_levels(staff, [air.point], *SPAN, "fault", "x")


def test_the_page_of_levels_raises_several_points_at_once(
    air, waste, staff, holder, registry, client
) -> None:
    client.force_login(staff)
    path = f"/data-levels/?from={DAY}&to={DAY}"
    assert "verified" in client.get(path).content.decode()
    client.post(path, {"point": ["A1", "W1"], "kind": "verified", "reason": "日审核"})
    assert [(mark.kind, mark.point.code) for mark in Mark.objects.all()] == [("verified", "A1")]
    assert (Mark.objects.get().start, Mark.objects.get().end) == SPAN
    client.post(path, {"kind": "verified", "reason": "日审核"})
    assert Mark.objects.count() == 1
    client.force_login(holder)
    page = client.get(path).content.decode()
    assert 'value="confirmed"' in page
    assert 'value="verified"' not in page
    client.post(path, {"point": ["A1", "W1"], "kind": "confirmed", "reason": "自行确认"})
    assert Mark.objects.filter(kind="confirmed").get().point.code == "W1"
    client.force_login(registry.person("officer", "enforcement_officer"))
    assert client.get(path).status_code == 403

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from tests.apps.conftest import NOW

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Point
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import correcting, queries, services, statuses
from qingjian.apps.observing.models import Mark
from qingjian.apps.observing.values import newest_status, page_values
from qingjian.apps.rulekeeping import queries as rulekeeping_queries
from qingjian.apps.rulekeeping import services as rulekeeping
from qingjian.contracts.folders import DataFolder
from qingjian.contracts.latest import LatestValue
from qingjian.intake import ImportSource, import_table
from qingjian.lake import Lake
from qingjian.pipeline.corrections import corrected_observation, waiting_corrections
from qingjian.quality.facts import FactKind
from qingjian.rulebook import packaged

HOUR = timedelta(hours=1)
START = NOW - timedelta(hours=6)


@pytest.fixture
def staff(registry):
    return registry.person("staff", "station_staff")


@pytest.fixture
def manager(registry):
    return registry.person("manager", "data_manager", region=registry.city)


@pytest.fixture
def checker(registry):
    return registry.person("checker", "data_manager", region=registry.city)


def ten_minutes(start: datetime, values: list[float], flag: str = "N") -> list[tuple[datetime, float, str]]:
    return [(start + timedelta(minutes=10 * place), value, flag) for place, value in enumerate(values)]


def only(values):
    (row,) = values.rows(range(len(values)))
    return row


def mark(author, start, end, kind, reason="更换滤膜", **more):
    return services.set_mark(
        author, Point.objects.get(code="A1"), ["A1.a21026"], start, end, kind, reason, **more
    )


def test_an_own_hour_stands_beside_what_the_device_sent(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 12, 14, 16, 18, 20]))
    put(fine, "hour", [(START, 18.0, "N")])
    row = only(page_values(staff, [fine], "hour", START, START + HOUR))
    assert (row["value"], row["own"], row["sent"], row["difference"]) == (15.0, 15.0, 18.0, 3.0)
    assert row["differs"]
    assert (row["count"], row["due"], row["word"], row["from_own"]) == (6, 6, "ok", True)
    assert row["rule"].standard == "GB 3095"


def test_rounding_is_no_difference(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 12, 14, 16, 18, 20]))
    put(fine, "hour", [(START, 15.04, "N")])
    assert not only(page_values(staff, [fine], "hour", START, START + HOUR))["differs"]


def test_too_few_values_are_told_with_the_rule(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 12, 14]) + ten_minutes(START + HOUR / 2, [1, 1, 1], "D"))
    with translation.override("en"):
        row = only(page_values(staff, [fine], "hour", START, START + HOUR))
    assert (row["value"], row["word"]) == (12.0, "bad")
    assert "3 of 6" in row["reason"]
    assert "GB 3095" in row["reason"]
    assert row["rule"].confidence.value in row["reason"]


def test_a_period_that_is_not_over_is_not_called_invalid(fine, put, staff, clock) -> None:
    put(fine, "minute", ten_minutes(NOW, [10, 12]))
    with translation.override("en"):
        row = only(page_values(staff, [fine], "hour", NOW, NOW + HOUR))
    assert (row["word"], row["count"]) == ("look", 2)
    assert "not over" in row["reason"]


def test_what_the_device_sent_stands_where_finer_values_are_missing(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 12]))
    put(fine, "hour", [(START, 18.0, "N")])
    row = only(page_values(staff, [fine], "hour", START, START + HOUR))
    assert (row["value"], row["own"], row["from_own"], row["word"]) == (18.0, 11.0, False, "ok")
    assert not row["differs"], "an own mean of two values of six cannot be compared"


def test_a_mark_tells_who_and_why(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 12]))
    mark(staff, START, START + timedelta(minutes=10), "maintenance")
    with translation.override("en"):
        marked, free = page_values(staff, [fine], "minute", START, START + HOUR).rows([0, 1])
    assert (marked["word"], free["word"]) == ("bad", "ok")
    assert "staff" in marked["reason"]
    assert "更换滤膜" in marked["reason"]
    with translation.override("zh-hans"):
        marked = next(page_values(staff, [fine], "minute", START, START + HOUR).rows([0]))
    assert marked["reason"].startswith("无效")


def test_a_device_mark_is_explained_in_its_own_edition(fine, put, staff) -> None:
    network.install(
        [
            Proposal(
                "device",
                {
                    "code": "A1-D1",
                    "mn": "MN-A1",
                    "password": "123456",
                    "name": "数采仪",
                    "point": "A1",
                    "system_code": "22",
                    "edition": "2025",
                    "valid_from": "2024-01-01",
                },
            )
        ]
    )
    put(fine, "minute", [(START, 1.0, "Td")])
    before = only(page_values(staff, [fine], "minute", START, START + HOUR))
    network.publish_directory()
    after = only(page_values(staff, [fine], "minute", START, START + HOUR))
    assert "未知标记" in before["reason"]
    assert "低于测量下限" in after["reason"]


def test_marks_count_in_own_periods(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [10, 10, 10, 10, 10, 100]))
    mark(staff, START + timedelta(minutes=50), START + HOUR, "invalid")
    row = only(page_values(staff, [fine], "hour", START, START + HOUR))
    assert (row["value"], row["count"], row["word"]) == (10.0, 5, "ok")


@pytest.mark.parametrize(
    ("kind", "fact", "word"),
    [
        ("maintenance", FactKind.MARK, "bad"),
        ("calibration", FactKind.MARK, "bad"),
        ("fault", FactKind.MARK, "bad"),
        ("invalid", FactKind.MARK, "bad"),
        ("stopped", FactKind.STOP, "bad"),
        ("valid", FactKind.MARK, "ok"),
        ("verified", FactKind.LEVEL, "look"),
    ],
)
def test_every_kind_of_mark_becomes_a_fact(fine, put, staff, kind, fact, word) -> None:
    put(fine, "minute", [(START, 3.0, "T")])
    set_mark = mark(staff, START, START + HOUR, kind)
    (made,) = statuses.facts_of([set_mark], {"A1.a21026": fine.pk})
    assert made.kind is fact
    assert only(page_values(staff, [fine], "minute", START, START + HOUR))["word"] == word


def test_a_mark_taken_back_or_replaced_counts_no_more(fine, put, staff, clock) -> None:
    put(fine, "minute", [(START, 3.0, "N")])
    first = mark(staff, START, START + HOUR, "fault")
    clock.advance(60)
    # The replacing mark lies elsewhere, so only its reference takes the first away.
    second = mark(staff, START + HOUR, START + 2 * HOUR, "fault", supersedes=first)
    assert only(page_values(staff, [fine], "minute", START, START + HOUR))["word"] == "ok"
    put(fine, "minute", [(START + HOUR, 3.0, "N")])
    clock.advance(60)
    mark(staff, second.start, second.end, "fault", supersedes=second, withdrawn=True)
    assert only(page_values(staff, [fine], "minute", START + HOUR, START + 2 * HOUR))["word"] == "ok"


def test_a_level_holds_for_periods_it_covers_wholly(fine, put, staff) -> None:
    put(fine, "minute", ten_minutes(START, [1] * 12))
    mark(staff, START, START + timedelta(minutes=90), "verified")
    with translation.override("en"):
        rows = page_values(staff, [fine], "hour", START, START + 2 * HOUR).rows([0, 1])
        assert [str(row["level"]["text"]) for row in rows] == ["verified", "provisional"]


def test_first_levels_follow_the_kind_of_point(registry) -> None:
    assert statuses.first_level(Point.objects.get(code="A1")) == "provisional"
    assert statuses.first_level(Point.objects.get(code="W1")) == "received"


def test_the_newest_value_knows_the_marks(fine, staff) -> None:
    mark(staff, START, START + HOUR, "fault")
    value = LatestValue(
        series=fine.pk,
        statistic="minute",
        start=START,
        value=3.0,
        flag="N",
        known_at=NOW,
        journal="g",
        sequence=1,
    )
    assert newest_status([fine], {fine.pk: value})[fine.pk]["mark"] == "bad"


def test_strangers_get_nothing(fine, put, registry) -> None:
    put(fine, "minute", [(START, 3.0, "N")])
    stranger = registry.person("x", "station_staff", region=registry.other)
    assert len(page_values(stranger, [fine], "minute", START, START + HOUR)) == 0


# -- what was shown at T is what as_of=T gives ---------------------------------------------------------------------

MINUTES = st.integers(0, 17)
EVENTS = st.one_of(
    st.tuples(
        st.just("values"),
        st.sampled_from(["minute", "hour"]),
        st.lists(
            st.tuples(MINUTES, st.sampled_from([1.0, 5.0, 50.0]), st.sampled_from("NDTM")),
            min_size=1,
            max_size=6,
            unique_by=lambda row: row[0],
        ),
    ),
    st.tuples(st.just("mark"), st.sampled_from(Mark.Kind.values[:7]), st.tuples(MINUTES, st.integers(1, 12))),
    st.tuples(st.just("withdraw"), st.integers(0, 5), st.none()),
    st.tuples(st.just("directory"), st.sampled_from(["2005", "2017", "2025"]), st.integers(0, 3)),
    st.tuples(st.just("correction"), MINUTES, st.sampled_from(["3", "4.5"])),
    st.tuples(st.just("import"), MINUTES, st.sampled_from(["7", "<2", "ND"])),
    st.tuples(st.just("rule"), st.sampled_from([20, 45, 60]), st.booleans()),
)


def shown(staff, fine, as_of=None):
    found = {}
    for statistic in ("minute", "hour", "day"):
        values = page_values(staff, [fine], statistic, START, START + 4 * HOUR, as_of)
        rows = list(values.rows(range(len(values))))
        found[statistic] = [
            {
                **row,
                "rule": row["rule"] and row["rule"].id,
                "status": str(row["status"]),
                "level": str(row["level"]),
            }
            for row in rows
        ]
    return found


@profile(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(st.tuples(EVENTS, st.integers(1, 4000)), min_size=2, max_size=7))
@pytest.mark.any_database
def test_what_a_page_showed_is_what_as_of_gives(
    fine, put, staff, manager, checker, clock, tmp_path_factory, history
) -> None:
    """For any history of arrivals, imports, corrections, marks set and taken back, registry changes and rules."""
    before = settings.DATA_FOLDER
    folder = DataFolder(Path(tmp_path_factory.mktemp("data")))
    folder.make()
    settings.DATA_FOLDER = folder
    try:
        with transaction.atomic():
            network.publish_directory()
            _live_through(fine, put, staff, manager, checker, clock, history)
            transaction.set_rollback(True)
    finally:
        settings.DATA_FOLDER = before


def _correct(fine, staff, manager, clock, start, text) -> None:
    """A person corrects a value, a second one approves it, and the pipeline stores it; nothing where there is no value."""
    known = correcting.present(fine, "minute", start)
    if known is None:
        return
    try:
        row = correcting.propose(
            staff, fine, "minute", start, known.revision, {"value": text}, "与原始记录不符"
        )
    except ValidationError:  # the value is the corrected one already
        return
    correcting.approve(manager, row, row.version)
    clock.advance(1)
    correcting.tell_pipeline()
    with Lake(settings.DATA_FOLDER.lake, clock) as lake:
        for path, order in waiting_corrections(settings.DATA_FOLDER.corrections):
            batch = lake.next_batch()
            lake.append(batch, observations=corrected_observation(lake, order.to_json(), batch.known_at))
            path.unlink()


def _bring(fine, clock, start, text) -> None:
    """A file brings a ten-minute value; what a device sent it does not change."""
    table = pa.table(
        {"time": [start.isoformat()], "series": [fine.code], "value": [text], "统计": ["minute"]}
    )
    with Lake(settings.DATA_FOLDER.lake, clock) as lake:
        import_table(lake, queries.directory_at(), table, ImportSource(f"file of {start}: {text}"))


def _rule(manager, checker, minutes, *, confirmed) -> None:
    """The office decides anew how many minutes make a valid hour, or confirms a packaged row."""
    if confirmed:
        row = sorted(rulekeeping_queries.rulebook().rows_to_confirm(), key=lambda one: one.id)[minutes]
        rulekeeping.confirm(manager, row.id, row.digest, "GB 3095-2012 第5页")
    else:
        row = next(one for one in packaged().rows("data_validity", scope="1h") if one.edition == "2026")
        own = {**row.values, "rule": f">={minutes} min sampling"}
        if rulekeeping_queries.rulebook().row(row.id)["rule"] == own["rule"]:
            return
        text = rulekeeping.as_csv("data_validity", [own])
        change = rulekeeping.propose(manager, "data_validity", text, "地方规定")
        rulekeeping.approve(checker, change, change.version, "市规〔2026〕3号")
    network.publish_changed_rulebook()


def _live_through(fine, put, staff, manager, checker, clock, history) -> None:
    pages = []
    for (kind, what, detail), seconds in history:
        clock.advance(seconds)
        if kind == "values":
            step = timedelta(minutes=10) if what == "minute" else HOUR
            places = {row[0] if what == "minute" else row[0] % 4: row for row in detail}
            put(fine, what, [(START + place * step, row[1], row[2]) for place, row in places.items()])
        elif kind == "mark":
            begin = START + timedelta(minutes=10 * detail[0])
            mark(staff, begin, begin + timedelta(minutes=10 * detail[1]), what)
        elif kind == "withdraw":
            for one in Mark.objects.filter(withdrawn=False, superseded_by=None)[what : what + 1]:
                mark(staff, one.start, one.end, one.kind, supersedes=one, withdrawn=True)
        elif kind == "correction":
            _correct(fine, staff, manager, clock, START + timedelta(minutes=10 * what), detail)
        elif kind == "import":
            _bring(fine, clock, START + timedelta(minutes=10 * what), detail)
        elif kind == "rule":
            _rule(manager, checker, what, confirmed=detail)
        else:
            fields = {"code": "A1-D1", "mn": "MN-A1", "password": "123456", "name": "数采仪", "point": "A1"}
            network.install(
                [
                    Proposal(
                        "device", {**fields, "system_code": "22", "edition": what, "valid_from": "2024-01-01"}
                    ),
                ]
            )
            network.publish_directory()
        pages.append((clock.now(), shown(staff, fine)))
        clock.advance(1)
    for moment, page in pages:
        assert shown(staff, fine, as_of=moment) == page
        assert shown(staff, fine, as_of=moment.astimezone(UTC)) == page


def test_the_directory_of_a_moment_is_found(fine, clock) -> None:
    published = []
    for _ in range(5):
        clock.advance(3600)
        published.append(network.publish_directory())
    for one in published:
        assert queries.directory_at(one.published_at).version == one.version
        assert queries.directory_at(one.published_at + timedelta(minutes=59)).version == one.version
    assert queries.directory_at(NOW - timedelta(days=1)) is None

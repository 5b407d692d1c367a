"""Deadlines: worked examples from the texts, properties against a slow definition, recomputation."""

import doctest
from datetime import date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qingjian.workdays
from qingjian.rulebook import packaged
from qingjian.workdays import (
    CHINA,
    Deadline,
    Direction,
    Instrument,
    Pause,
    Reason,
    Unit,
    UnknownUnitError,
    YearTable,
    china_date,
    deadline,
    instrument,
    instrument_for,
    load,
    packaged_calendar,
    packaged_instruments,
    parse_unit,
    recompute,
)

CALENDAR = packaged_calendar()
PLAIN = instrument("as-written")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def last_day(start: str, limit: int, unit: Unit, rule: str, **more: object) -> date | None:
    return deadline(at(start), limit, unit, instrument(rule), CALENDAR, **more).last_day  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "start", "limit", "unit", "expected"),
    [
        # 行政处罚法 art. 85: 5 and 7 days are working days, 15 days natural days (rolled past the holiday)
        ("apl-2021", "2026-09-29T15:00", 5, Unit.DAY, date(2026, 10, 12)),
        ("apl-2021", "2026-09-29T15:00", 7, Unit.DAY, date(2026, 10, 14)),
        ("apl-2021", "2026-09-17T09:00", 15, Unit.DAY, date(2026, 10, 8)),
        # 行政强制法 art. 69: ten days are working days, eleven are not
        ("ael-2012", "2026-09-15T09:00", 10, Unit.DAY, date(2026, 9, 29)),
        ("ael-2012", "2026-09-15T09:00", 11, Unit.DAY, date(2026, 9, 28)),
        # 环环监〔2017〕17号 art. 38: natural days, the last one rolls: 10-03 -> 10-08
        ("transfer-2017", "2026-09-30T09:00", 3, Unit.DAY, date(2026, 10, 8)),
        ("transfer-2017", "2026-09-30T09:00", 3, Unit.WORKING_DAY, date(2026, 10, 10)),
        # 公治〔2014〕853号 art. 19: all working days
        ("detention-2014", "2026-09-30T09:00", 3, Unit.DAY, date(2026, 10, 10)),
        ("detention-2014", "2026-05-08T09:00", 1, Unit.DAY, date(2026, 5, 9)),
        ("as-written", "2026-09-30T09:00", 3, Unit.DAY, date(2026, 10, 3)),
        ("limit-2014", "2026-07-31T09:00", 3, Unit.MONTH, date(2026, 11, 2)),
        ("as-written", "2026-01-31T09:00", 1, Unit.MONTH, date(2026, 2, 28)),
        ("as-written", "2024-02-29T09:00", 1, Unit.YEAR, date(2025, 2, 28)),
        ("as-written", "2026-03-05T09:00", 12, Unit.OCLOCK_NEXT_DAY, date(2026, 3, 6)),
        ("as-written", "2025-03-05T09:00", 31, Unit.JANUARY_NEXT_YEAR, date(2026, 1, 31)),
    ],
)
def test_worked_examples(rule: str, start: str, limit: int, unit: Unit, expected: date) -> None:
    assert last_day(start, limit, unit, rule) == expected


def test_a_limit_counted_back_from_the_hearing() -> None:
    day = last_day("2026-10-13T09:00", 7, Unit.DAY, "apl-2021", direction=Direction.BEFORE)
    assert day == date(2026, 9, 28)  # 10-12, 10-10, 10-09, 10-08, 09-30, 09-29, 09-28


def test_hours_run_without_break_and_pauses_are_taken_out() -> None:
    rule = instrument("accident-2011")
    assert deadline(at("2026-10-01T22:30"), 4, Unit.HOUR, rule, CALENDAR).due == at("2026-10-02T02:30")
    pause = Pause(at("2026-10-01T23:30"), at("2026-10-02T01:30"), "取证", "局长", at("2026-10-01T23:00"))
    assert deadline(at("2026-10-01T22:30"), 4, Unit.HOUR, rule, CALENDAR, [pause]).due == at(
        "2026-10-02T04:30"
    )
    open_pause = Pause(at("2026-10-01T23:30"), None, "取证", "局长", at("2026-10-01T23:00"))
    stopped = deadline(at("2026-10-01T22:30"), 4, Unit.HOUR, rule, CALENDAR, [open_pause])
    assert stopped.due is None
    assert stopped.stopped
    assert stopped.counted == 1
    assert not stopped.overdue(at("2030-01-01T00:00"))


def test_hours_with_pauses_that_overlap_or_began_before() -> None:
    def pause(first: str, last: str) -> Pause:
        return Pause(at(first), at(last), "取证", "局长", at("2026-03-01T00:00"))

    rule = instrument("accident-2011")
    start = at("2026-03-02T10:00")
    before = [pause("2026-03-02T08:00", "2026-03-02T11:00")]
    assert deadline(start, 4, Unit.HOUR, rule, CALENDAR, before).due == at("2026-03-02T15:00")
    overlapping = [
        pause("2026-03-02T11:00", "2026-03-02T13:00"),
        pause("2026-03-02T12:00", "2026-03-02T14:00"),
    ]
    assert deadline(start, 4, Unit.HOUR, rule, CALENDAR, overlapping).due == at("2026-03-02T17:00")
    at_the_end = [pause("2026-03-02T14:00", "2026-03-02T16:00")]
    assert deadline(start, 4, Unit.HOUR, rule, CALENDAR, at_the_end).due == at("2026-03-02T14:00")


def test_only_an_approved_pause_stops_the_clock() -> None:
    asked = Pause(at("2026-03-10T09:00"), at("2026-03-20T09:00"), "检测", "", None)
    granted = Pause(at("2026-03-10T09:00"), at("2026-03-20T09:00"), "检测", "王局长", at("2026-03-09T17:00"))
    without = deadline(at("2026-03-02T09:00"), 90, Unit.NATURAL_DAY, PLAIN, CALENDAR, [asked])
    with_it = deadline(at("2026-03-02T09:00"), 90, Unit.NATURAL_DAY, PLAIN, CALENDAR, [granted])
    assert without.last_day == date(2026, 5, 31)
    assert with_it.last_day == date(2026, 6, 10)
    assert without.explanation[0].reason is Reason.PAUSE_NOT_APPROVED
    assert any("检测" in line for line in with_it.explain("zh"))


def test_months_are_extended_by_the_paused_days() -> None:
    pause = Pause(at("2026-03-10T09:00"), at("2026-03-20T09:00"), "鉴定", "王局长", at("2026-03-09T17:00"))
    result = deadline(at("2026-03-02T09:00"), 1, Unit.MONTH, PLAIN, CALENDAR, [pause])
    assert result.last_day == date(2026, 4, 12)
    still = Pause(at("2026-03-10T09:00"), None, "鉴定", "王局长", at("2026-03-09T17:00"))
    assert deadline(at("2026-03-02T09:00"), 1, Unit.MONTH, PLAIN, CALENDAR, [still]).due is None


def test_the_first_day_counts_where_the_instrument_says_so() -> None:
    rule = Instrument("x", "某规定", "Some rule", first_day_counted=True)
    assert deadline(date(2026, 3, 2), 3, Unit.NATURAL_DAY, rule, CALENDAR).last_day == date(2026, 3, 4)
    assert deadline(date(2026, 3, 2), 1, Unit.MONTH, rule, CALENDAR).last_day == date(2026, 4, 1)


def test_beyond_the_table_the_answer_is_provisional_and_says_why() -> None:
    result = deadline(date(2026, 12, 29), 5, Unit.WORKING_DAY, PLAIN, CALENDAR)
    assert result.provisional
    assert result.uncovered_years == (2027,)
    assert "2027" in result.explain("zh")[-1]
    assert "recompute" in result.explain("en")[-1]
    # natural days that do not roll need no calendar; those that roll do
    assert not deadline(date(2026, 12, 29), 30, Unit.NATURAL_DAY, PLAIN, CALENDAR).provisional
    assert deadline(date(2026, 12, 29), 30, Unit.NATURAL_DAY, instrument("civil-code"), CALENDAR).provisional


def test_a_corrected_calendar_gives_old_and_new() -> None:
    old = deadline(date(2026, 12, 29), 5, Unit.WORKING_DAY, PLAIN, CALENDAR)
    table = load(
        "# year: 2027\ndate,kind,name\n2027-01-01,holiday,元旦\n2027-01-02,holiday,元旦\n2027-01-03,work_in_lieu,元旦\n"
    )
    assert isinstance(table.table, YearTable)
    corrected = CALENDAR.replacing(table.table)
    result = recompute(old, corrected, CALENDAR)
    assert result.old is old
    assert result.changed
    assert not result.new.provisional
    assert old.last_day == date(2027, 1, 5)
    assert result.new.last_day == date(2027, 1, 5)
    assert date(2027, 1, 1) in [day.day for day in result.days]
    same = recompute(result.new, corrected, corrected)
    assert not same.changed
    assert same.days == ()
    with pytest.raises(ValueError, match="previous calendar"):
        recompute(old, corrected, corrected)


@given(
    start=st.dates(date(2010, 1, 1), date(2025, 6, 1)),
    limit=st.integers(0, 60),
    rule=st.sampled_from(packaged_instruments()),
)
def test_working_days_against_the_slow_definition(start: date, limit: int, rule: Instrument) -> None:
    result = deadline(start, limit, Unit.WORKING_DAY, rule, CALENDAR)
    assert result.last_day is not None
    between = [start + timedelta(n) for n in range(1, (result.last_day - start).days + 1)]
    assert sum(map(chinese_calendar.is_workday, between)) == limit
    assert limit == 0 or chinese_calendar.is_workday(result.last_day)
    listed = [step.day for step in result.explanation]
    assert listed == [start, *between]  # each day once, counted or skipped
    assert [step.number for step in result.explanation if step.counted] == list(range(1, limit + 1))
    assert not result.provisional


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31)).map(lambda m: m.replace(tzinfo=CHINA))  # noqa: DTZ001
PAUSES = st.lists(
    st.tuples(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40))).map(
        lambda pair: Pause(pair[0], pair[0] + pair[1], "检测", "某", pair[0])
    ),
    max_size=4,
)


@given(
    start=MOMENTS,
    limit=st.integers(0, 40),
    unit=st.sampled_from([Unit.HOUR, Unit.DAY, Unit.NATURAL_DAY, Unit.WORKING_DAY, Unit.MONTH]),
    rule=st.sampled_from(packaged_instruments()),
    pauses=PAUSES,
)
def test_pauses_never_bring_a_deadline_forward(
    start: datetime, limit: int, unit: Unit, rule: Instrument, pauses: list[Pause]
) -> None:
    without = deadline(start, limit, unit, rule, CALENDAR)
    with_them = deadline(start, limit, unit, rule, CALENDAR, pauses)
    longer = deadline(start, limit + 1, unit, PLAIN, CALENDAR, pauses)
    assert without.due is not None
    assert with_them.due is not None
    assert longer.due is not None
    assert start <= without.due <= with_them.due
    if unit is not Unit.DAY and not rule.last_day_rolls:
        assert with_them.due <= longer.due
    for language in ("zh", "en"):
        assert len(with_them.explain(language)) >= len(with_them.explanation) + 2


@given(start=MOMENTS, limit=st.integers(0, 30), pauses=PAUSES)
def test_natural_days_with_pauses_against_the_slow_definition(
    start: datetime, limit: int, pauses: list[Pause]
) -> None:
    result: Deadline = deadline(start, limit, Unit.NATURAL_DAY, PLAIN, CALENDAR, pauses)
    out = set()
    for pause in pauses:
        assert pause.end is not None
        length = (china_date(pause.end) - china_date(pause.start)).days
        out |= {china_date(pause.start) + timedelta(n) for n in range(1, length + 1)}
    day, left = china_date(start), limit
    while left:
        day += timedelta(1)
        left -= day not in out
    assert result.last_day == day


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("环保部令29号 第15条; 行政强制法第25条", "seizure-2014"),
        ("环保行政执法与刑事司法衔接工作办法(环环监〔2017〕17号) 第5条 (2017-01-25)", "transfer-2017"),
        ("公治〔2014〕853号 第12条/19条 (eff 2015-01-01)", "detention-2014"),
        ("行政处罚法(2021) 第56条/85条", "apl-2021"),
        ("法典第1054条; 行政处罚法第36条", "code-2026"),
        ("民法典第203条", "civil-code"),
        ("排污许可管理条例 第12条", "all-2019"),
        ("突发环境事件信息报告办法(部令17号) 第3条", "accident-2011"),
    ],
)
def test_the_source_of_a_rule_names_its_instrument(source: str, expected: str) -> None:
    found = instrument_for(source)
    assert found is not None
    assert found.id == expected


def test_an_unknown_source_has_no_instrument() -> None:
    assert instrument_for("local practice") is None
    with pytest.raises(KeyError):
        instrument("nothing")


def test_units_are_read_and_what_is_no_limit_is_refused() -> None:
    assert parse_unit("working day") is Unit.WORKING_DAY
    assert parse_unit("个工作日") is Unit.WORKING_DAY
    for text in ("percent/day", "per month", "rule", ""):
        with pytest.raises(UnknownUnitError):
            parse_unit(text)


@pytest.mark.parametrize(
    ("start", "limit", "unit", "more"),
    [
        (datetime(2026, 1, 1), 3, Unit.DAY, {}),  # noqa: DTZ001
        (date(2026, 1, 1), 3, Unit.HOUR, {}),
        (date(2026, 1, 1), -1, Unit.DAY, {}),
        (date(2026, 1, 1), 10**9, Unit.DAY, {}),
        (date(9999, 12, 31), 1, Unit.DAY, {}),
        (date(2026, 1, 1), 32, Unit.JANUARY_NEXT_YEAR, {}),
        (date(2026, 1, 1), 25, Unit.OCLOCK_NEXT_DAY, {}),
        (at("2026-01-01"), 3, Unit.HOUR, {"direction": Direction.BEFORE}),
    ],
)
def test_bad_input_is_refused(start: date, limit: int, unit: Unit, more: dict[str, Direction]) -> None:
    with pytest.raises(ValueError, match="/"):
        deadline(start, limit, unit, PLAIN, CALENDAR, **more)  # type: ignore[arg-type]


def test_every_deadline_of_the_rulebook_can_be_computed_or_is_known_not_to_be_one() -> None:
    """What the rulebook's table holds and what this room understands must not drift apart."""
    no_limit = {"immediate", "percent/day", "rule", "per month", "per quarter", "as soon as possible",
                "next day after completion", "real time", "with each sampling", "timely", "day after service"}  # fmt: skip
    computed = 0
    for row in packaged().rows("deadlines"):
        if row["unit"] in no_limit:
            continue
        unit = parse_unit(row["unit"])
        rule = instrument_for(row.source) or PLAIN
        for limit in row["limit"].split("/"):
            result = deadline(at("2026-03-02T09:00"), int(limit), unit, rule, CALENDAR)
            assert result.due is not None
            assert result.explain("en")
            computed += 1
    assert computed >= 60


def test_a_pause_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        Pause(at("2026-01-02"), at("2026-01-01"), "x")


def test_confidence_is_the_worst_of_the_rules_used() -> None:
    start = date(2026, 3, 2)
    assert deadline(start, 3, Unit.DAY, instrument("detention-2014"), CALENDAR).confidence == "V"
    assert deadline(start, 3, Unit.DAY, instrument("transfer-2017"), CALENDAR).confidence == "V"
    assert deadline(start, 15, Unit.DAY, instrument("apl-2021"), CALENDAR).confidence == "U"
    assert deadline(date(2024, 3, 4), 3, Unit.WORKING_DAY, PLAIN, CALENDAR).confidence == "S"


def test_the_example_in_the_readme() -> None:
    path = Path(qingjian.workdays.__file__).with_name("README.md")
    assert doctest.testfile(str(path), module_relative=False).failed == 0


@pytest.mark.parametrize("rule", packaged_instruments(), ids=lambda rule: rule.id)
def test_the_page_for_users_names_each_text_with_its_confidence(rule: Instrument) -> None:
    page = (Path(__file__).parents[2] / "docs" / "deadlines.md").read_text("utf-8")
    names = [alias.split(" ")[0] for alias in rule.aliases] or ["anything else"]
    lines = [
        line for line in page.splitlines() if line.startswith("|") and any(name in line for name in names)
    ]
    assert any(line.split("|")[3].strip() == rule.bare_day_confidence for line in lines), rule.id


def test_a_stop_that_begins_on_a_last_day_off_stops_the_clock() -> None:
    """30 natural days from 20 November end on Sunday 20 December and wait for Monday: a stop of that Sunday holds them."""
    start = date(2026, 11, 20)
    rule = instrument("civil-code")
    plain = deadline(start, 30, Unit.NATURAL_DAY, rule, packaged_calendar())
    assert plain.last_day == date(2026, 12, 21)
    began = datetime(2026, 12, 20, 10, tzinfo=CHINA)
    for end, last in ((None, None), (datetime(2026, 12, 22, 9, tzinfo=CHINA), date(2026, 12, 23))):
        stop = Pause(began, end, "检测", "局长", began)
        answer = deadline(start, 30, Unit.NATURAL_DAY, rule, packaged_calendar(), [stop])
        assert (answer.stopped, answer.last_day) == (end is None, last)
        assert any("检测" in line for line in answer.explain())

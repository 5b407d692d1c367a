"""Precision, muting, rule sets, trials, the funnel."""

from __future__ import annotations

import io
from datetime import date, timedelta

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.conftest import NOW
from tests.apps.integrity.conftest import UNTIL, found, scores

from qingjian.apps.accounts.models import Organisation
from qingjian.apps.integrity import funnel, judging
from qingjian.apps.integrity.models import Mute, RuleSet, ScoreMonth, Suspect, Trial
from qingjian.apps.integrity.precision import Precision, silenced, why
from qingjian.apps.integrity.services import muting, people, rulesets, trials
from qingjian.apps.integrity.words import EVERY
from qingjian.apps.matters.models import MatterLink, Notification
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing.models import Clue
from qingjian.screening.screen import MonthScore

WATER = ("W1", "waste_water.w01018")


@pytest.fixture
def manager(office):
    return office.county.person("manager", "data_manager", region=office.county.city)


@pytest.fixture
def second(office):
    return office.county.person("checker", "data_manager", region=office.county.city)


def closed(confirmed: int, dismissed: int, kind: str = "spray") -> None:
    point = Point.objects.get(code="A1")
    for k in range(confirmed + dismissed):
        state = "confirmed" if k < confirmed else "dismissed"
        Clue.objects.create(
            point=point,
            kind=kind,
            rule="screening-day",
            start=NOW,
            score=0.9,
            statement="…",
            opened_at=NOW,
            state=state,
        )


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_precision_lies_within_its_bounds(confirmed: int, dismissed: int) -> None:
    one = Precision(confirmed, confirmed + dismissed)
    if one.closed == 0:
        assert one.share is None
        assert one.few
    else:
        assert 0 <= one.low <= one.share <= one.high <= 1
        assert one.few == (one.closed < 10)


def test_reading_pages_writes_nothing_on_an_empty_node(client, office) -> None:
    client.force_login(office.handler)
    for page in ("/integrity/funnel/", "/integrity/rules/", "/integrity/rules/1/", "/clues/"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page).status_code == 200
        written = [one["sql"] for one in asked if 'INTO "integrity' in one["sql"] or "UPDATE" in one["sql"]]
        assert written == []


def test_a_node_has_its_first_rule_set_from_the_start(db) -> None:
    (first,) = RuleSet.objects.all()
    assert (first.version, first.author, first.activated_by) == (1, None, None)
    assert rulesets.active() == first
    call_command("migrate", verbosity=0)
    assert RuleSet.objects.count() == 1


def test_a_rule_under_its_floor_is_muted_with_its_reason(office, screened, manager, client) -> None:
    closed(1, 8)
    (clue,) = [one for one in screened(found("A1", "air.a34004", kind="spray")) if one.state == "open"]
    people.dismiss(office.handler, clue, clue.version, "洒水车")
    (mute,) = Mute.objects.all()
    assert (mute.rule, mute.kind, mute.author, mute.closed) == ("screening-day", "spray", None, 10)
    assert "1" in why(mute)
    assert "20" in why(mute)
    assert set(Notification.objects.values_list("person", "kind")) == {(manager.pk, "rule-muted")}
    client.force_login(manager)
    page = client.get("/notifications/").content.decode()
    assert "办结的 10 条线索中 1 条属实" in page
    assert 'href="/integrity/funnel/"' in page


def test_few_closed_clues_mute_nothing(office, screened) -> None:
    closed(0, 8)
    (clue,) = [one for one in screened(found("A1", "air.a34004", kind="spray")) if one.state == "open"]
    people.dismiss(office.handler, clue, clue.version, "洒水车")
    assert not Mute.objects.exists()


def test_what_a_muted_rule_finds_is_recorded_and_asks_nobody_until_a_person_lifts_it(
    office, screened, manager
) -> None:
    closed(0, 10)
    mute = muting.judge("screening-day", "spray")
    screened(found("A1", "air.a34004", kind="spray"))
    assert Suspect.objects.get().outcome == "muted"
    assert Clue.objects.filter(state="open").count() == 0
    with pytest.raises(PermissionDenied):
        muting.lift(office.handler, mute, "再看")
    with pytest.raises(ValidationError):
        muting.lift(manager, mute, " ")
    muting.lift(manager, mute, "阈值已调")
    assert muting.judge("screening-day", "spray") is None  # judged again only after as many new decisions
    assert len([one for one in screened(found("A1", "air.a34004", kind="spray")) if one.state == "open"]) == 1


def test_muting_by_hand_holds_once_a_second_person_agrees(office, manager, second, screened, client) -> None:
    asked = muting.mute(manager, "screening-day", "spray", "春季扬尘多")
    with pytest.raises(ValidationError):
        muting.mute(second, "screening-day", "spray", "再来")
    assert Notification.objects.get(kind="mute-asked").person == second
    with pytest.raises(PermissionDenied):
        muting.agree(manager, asked)
    client.force_login(second)
    screened(found("A1", "air.a34004", kind="spray"))
    assert Suspect.objects.get().outcome == "clue"
    assert "同意静音" in client.get("/integrity/funnel/").content.decode()
    client.post(f"/integrity/mutes/{asked.pk}/agree/")
    screened(found("A1", "air.a34004", date(2026, 11, 17), date(2026, 11, 18), kind="spray"))
    assert [one.outcome for one in Suspect.objects.order_by("first_day")] == ["clue", "muted"]
    assert why(Mute.objects.get()) == "春季扬尘多"
    with pytest.raises(ValidationError):
        muting.agree(second, asked)


def test_what_holds_for_the_whole_node_is_not_decided_in_one_county(office, manager) -> None:
    other = Organisation.objects.get(code="B2")
    away = office.county.person("away", "data_manager", organisation=other, region=office.county.other)
    mute = muting.mute(manager, "screening-day", "spray", "春季扬尘多")
    draft = rulesets.write(manager, settings(budget=2.0), "放宽")
    for act in (
        lambda: muting.mute(away, "screening-day", "scale", "乙县觉得"),
        lambda: muting.agree(away, mute),
        lambda: muting.lift(away, mute, "乙县觉得"),
        lambda: rulesets.write(away, settings(budget=3.0), "乙县觉得"),
        lambda: rulesets.switch_on(away, draft, "乙县觉得"),
        lambda: trials.run(away, draft),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_kinds_with_few_clues_are_judged_together_and_good_kinds_go_on_asking(office, screened) -> None:
    closed(10, 0, "constant")
    for kind in ("spray", "scale", "offset"):
        closed(0, 5, kind)
    assert muting.judge("screening-day", "spray") is None
    whole = muting.judge("screening-day", EVERY)
    assert (whole.confirmed, whole.closed) == (0, 15)
    held = silenced(rulesets.active())
    assert ("screening-day", "spray") in held
    assert ("screening-day", "smooth") in held
    assert ("screening-day", "constant") not in held
    screened(found("A1", "air.a34004", kind="smooth"), found())
    assert {one.kind: one.outcome for one in Suspect.objects.all()} == {"smooth": "muted", "constant": "clue"}


def test_the_last_decision_mutes_the_rule_as_a_whole(office, screened, manager, client) -> None:
    for kind in ("scale", "offset", "smooth"):
        closed(0, 3, kind)
    (clue,) = [one for one in screened(found("A1", "air.a34004", kind="spray")) if one.state == "open"]
    people.dismiss(office.handler, clue, clue.version, "洒水车")
    assert Mute.objects.get().kind == EVERY
    client.force_login(manager)
    page = client.get("/integrity/funnel/").content.decode()
    assert "办结线索少的各类" in page
    assert "解除静音" in page


def test_simulated_clues_mute_nothing(office) -> None:
    closed(0, 20)
    Clue.objects.update(simulated=True)
    assert muting.judge("screening-day", "spray") is None
    assert muting.judge("screening-day", EVERY) is None


def test_what_was_muted_before_still_says_why(office, manager, client) -> None:
    closed(0, 10)
    mute = muting.judge("screening-day", "spray")
    closed(3, 3)
    muting.lift(manager, mute, "阈值已调")
    assert (mute.closed, mute.lifted_closed) == (10, 16)
    client.force_login(manager)
    assert "已办结 10 条中属实 0 条" in client.get("/integrity/funnel/").content.decode()


def test_un_muting_a_whole_rule_un_mutes_its_kinds(office, manager) -> None:
    for kind in ("spray", "constant", "scale"):
        closed(0, 9, kind)
    muting.lift(manager, muting.judge("screening-day", EVERY), "规则改过")
    closed(0, 1, "spray")
    assert muting.judge("screening-day", "spray") is None
    assert muting.judge("screening-day", EVERY) is None
    closed(0, 9, "spray")
    assert muting.judge("screening-day", "spray").closed == 19


def test_a_refused_request_to_mute_keeps_no_floor_from_muting(office, manager) -> None:
    closed(1, 8)
    muting.lift(manager, muting.mute(manager, "screening-day", "spray", "先问问"), "算了")
    closed(0, 1)
    assert muting.judge("screening-day", "spray").closed == 10


@pytest.mark.parametrize("whose", ["W1 waste_water.w01018", "W1", None])
def test_job_and_trial_judge_a_lowered_month_alike(said, screened, manager, whose: str | None) -> None:
    said.notes = [] if whose is None else [f"{whose}：日变化整体推迟约 3 小时，分数已降低 / moved"]
    said.months = [MonthScore(*WATER, "2026-10", 0.895, "scale")]
    said.days = scores(*WATER, {date(2026, 10, 1) + timedelta(k): 0.5 for k in range(31)}, fault=0.1)
    screened()
    assert Suspect.objects.count() == (whose is not None)
    wide = rulesets.write(manager, settings(budget=2.0), "看看放宽")
    assert trials.run(manager, wide).result["present"]["clues"] == (whose is not None)


def settings(**changed):
    return {name: changed.get(name, getattr(rulesets.active(), name)) for name in RuleSet.SETTINGS}


def scored(said, screened) -> None:
    """Two clear days, one weak day, and a month: what rule sets are tried on."""
    days = {UNTIL - timedelta(days=k): 0.1 for k in range(50)}
    days |= {date(2026, 11, 3): 0.995, date(2026, 11, 4): 0.999, date(2026, 10, 20): 0.95}
    said.days = scores(*WATER, days)
    said.months = [MonthScore(*WATER, "2026-10", 0.5, "")]
    screened()


def test_a_trial_compares_two_rule_sets_on_the_same_scores(said, screened, manager) -> None:
    scored(said, screened)
    wide = rulesets.write(manager, settings(budget=2.0), "看看放宽")
    trial = trials.run(manager, wide)
    assert trial.against == rulesets.active()
    assert trial.rules == wide
    assert (trial.result["present"]["clues"], trial.result["tried"]["clues"]) == (1, 2)
    (only,) = trial.result["only_tried"]
    assert (only[0], only[7], only[8]) == ("W1.w01018", "2026-10-20", "2026-10-20")
    assert trial.result["only_present"] == []
    assert trial.result["values"] == 2 * 51 * 24  # of both series; one of them had no score
    strict = rulesets.write(manager, settings(least_days=3), "只看长的")
    assert trials.run(manager, strict).result["tried"]["clues"] == 0


def test_a_trial_tries_the_floor_too(said, screened, manager) -> None:
    scored(said, screened)
    strict = rulesets.write(manager, settings(precision_floor=95.0, least_closed=1), "高")
    closed(0, 3, "constant")
    result = trials.run(manager, strict).result
    assert (result["present"]["clues"], result["tried"]["clues"]) == (1, 0)
    assert ["muted", 1] in result["tried"]["outcomes"]


def test_one_lowered_month_makes_only_its_own_stretches_weak(said, screened, manager) -> None:
    scored(said, screened)
    series = Series.objects.get(code="W1.w01018")
    ScoreMonth.objects.create(
        series=series,
        month=date(2026, 3, 1),
        known_at=NOW,
        scores=[0.1] * 31,
        faults=[0.0] * 31,
        kinds=[""] * 31,
        lowered=True,
    )
    sure = rulesets.write(manager, settings(weak_as_clues=False), "只看可信的")
    assert trials.run(manager, sure).result["tried"]["clues"] == 1
    ScoreMonth.objects.filter(series=series, month=date(2026, 11, 1)).update(lowered=True)
    assert trials.run(manager, sure).result["tried"]["clues"] == 0


def test_a_trial_shows_findings_of_ones_own_regions_only(said, screened, manager, office, client) -> None:
    scored(said, screened)
    trials.run(manager, rulesets.write(manager, settings(budget=2.0), "看看放宽"))

    def said_to(person) -> tuple[str, str]:
        client.force_login(person)
        book = client.get("/integrity/rules/2/?export=xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
        cells = " ".join(str(cell) for row in sheet.values for cell in row)
        return client.get("/integrity/rules/2/").content.decode(), cells

    for text in said_to(office.handler):
        assert "化工厂总排口" in text
    for text in said_to(office.outsider):
        assert "化工厂总排口" not in text
        assert "W1.w01018" not in text


def test_a_trial_counts_what_it_would_find_of_decided_clues(said, screened, manager, office) -> None:
    scored(said, screened)
    (clue,) = screened(found(first=date(2026, 11, 3), last=date(2026, 11, 4)))
    people.dismiss(office.handler, clue, clue.version, "校准")
    strict = rulesets.write(manager, settings(kinds_off=["constant"]), "不看恒值")
    assert trials.run(manager, strict).result["decided"]["dismissed"] == [1, 1, 0]


def test_nothing_is_tried_before_anything_is_scored(manager) -> None:
    draft = rulesets.write(manager, settings(budget=2.0), "放宽")
    with pytest.raises(ValidationError):
        trials.run(manager, draft)
    assert not Trial.objects.exists()


def test_a_rule_set_is_switched_on_after_a_trial_by_a_second_person(
    said, screened, manager, second, office
) -> None:
    scored(said, screened)
    draft = rulesets.write(manager, settings(budget=2.0), "放宽")
    with pytest.raises(ValidationError):
        rulesets.switch_on(second, draft, "试试")
    trials.run(manager, draft)
    with pytest.raises(PermissionDenied):
        rulesets.switch_on(office.handler, draft, "试试")
    with pytest.raises(PermissionDenied, match="以外"):
        rulesets.switch_on(manager, draft, "自己写的自己启用")
    assert rulesets.active() != draft
    rulesets.switch_on(second, draft, "数量可以承受")
    assert rulesets.active() == draft
    assert (draft.author, draft.activated_by, draft.activation_reason) == (manager, second, "数量可以承受")
    assert rulesets.may_switch_on(manager, RuleSet.objects.get(version=1))  # as delivered: nobody's own
    with pytest.raises(ValidationError):
        rulesets.write(manager, settings(), "没有变化")


def test_the_job_and_the_trial_judge_alike(said, screened, manager) -> None:
    """The same scores give the same stretches whether the library or the trial cuts them."""
    from qingjian.screening.budget import alarm_score
    from qingjian.screening.findings import stretches

    scored(said, screened)
    rules = rulesets.active()
    rows = list(ScoreMonth.objects.all())
    limit = alarm_score(rules.budget, rows[0].measured)
    days = sorted((date.fromisoformat(one.day), one.score) for one in said.days)
    expected = [
        (days[a][0], days[b][0])
        for a, b in stretches(__import__("numpy").array([score >= limit for _day, score in days]))
    ]
    ours = [
        (one.first, one.last)
        for one in judging.suspects_of(rules, rows, days[0][0], days[-1][0])
        if one.rule == "screening-day"
    ]
    assert ours == expected


def test_the_funnel_counts_from_values_to_cases(office, screened) -> None:
    water, _air = sorted(
        screened(found(), found("A1", "air.a34004", kind="spray")),
        key=lambda one: one.point.code,
        reverse=True,
    )
    verification = office.open(origin=f"clue:{water.pk}", point=water.point)
    case = office.open()
    MatterLink.objects.create(source=case, target=verification, kind="follows", author=office.handler, at=NOW)
    people.close(office.handler, water, 0, "confirmed", "属实")
    whole = funnel.funnel(office.handler, funnel.Selection()).whole
    assert (whole.suspects, whole.clues, whole.closed, whole.confirmed, whole.cases) == (2, 2, 1, 1, 1)
    narrow = funnel.funnel(office.handler, funnel.Selection(kind="spray"))
    assert (narrow.whole.clues, narrow.whole.closed, narrow.whole.precision.share) == (1, 0, None)
    assert funnel.funnel(office.handler, funnel.Selection(county="990102")).whole.clues == 0
    assert funnel.funnel(office.handler, funnel.Selection(element="air")).whole.clues == 1
    assert funnel.funnel(office.handler, funnel.Selection(period="2026-10")).whole.clues == 0
    assert funnel.funnel(office.handler, funnel.Selection(simulated="1")).whole.clues == 0


def test_the_funnel_cuts_by_the_months_of_the_office_and_not_of_greenwich(office, screened) -> None:
    october = found(first=date(2026, 10, 31), last=date(2026, 10, 31))
    november = found("A1", "air.a34004", date(2026, 11, 1), date(2026, 11, 1), kind="spray")
    screened(october, november)
    verification = office.open(origin=f"clue:{Clue.objects.get(point__code='W1').pk}")
    MatterLink.objects.create(
        source=office.open(), target=verification, kind="follows", author=office.handler, at=NOW
    )
    for period in ("12", "all", "2026-10"):
        lines = funnel.funnel(office.handler, funnel.Selection(period=period)).by_month
        seen = {one.title: (one.suspects, one.clues, one.cases) for one in lines}
        assert seen["2026-10"] == (1, 1, 1)
        assert seen.get("2026-11", (1, 1, 0)) == (1, 1, 0)
        assert ("2026-11" in seen) == (period != "2026-10")


def test_a_case_declared_void_is_no_case(office, screened) -> None:
    (clue,) = screened(found())
    verification = office.open(origin=f"clue:{clue.pk}", point=clue.point)
    case = office.open()
    MatterLink.objects.create(source=case, target=verification, kind="follows", author=office.handler, at=NOW)
    assert funnel.funnel(office.handler, funnel.Selection()).whole.cases == 1
    office.act(case, "void", office.leader, reason="误立")
    assert funnel.funnel(office.handler, funnel.Selection()).whole.cases == 0


@pytest.mark.parametrize("period", ["9999-12", "0001-01", "2026-13", "12-2026"])
def test_a_period_that_cannot_be_is_said_to_be_wrong(client, office, period: str) -> None:
    client.force_login(office.handler)
    assert client.get(f"/integrity/funnel/?period={period}").status_code == 400


def test_the_funnel_leads_to_the_suspects_it_counts(client, office, screened) -> None:
    october = found(first=date(2026, 10, 5), last=date(2026, 10, 6))
    screened(october, found("A1", "air.a34004", date(2026, 11, 1), date(2026, 11, 1), kind="spray"))
    client.force_login(office.handler)
    page = client.get("/integrity/funnel/?period=2026-10&element=water_source&simulated=0").content.decode()
    assert "/integrity/suspects/?period=2026-10&amp;element=water_source&amp;simulated=0" in page
    for query, kept in (
        ("period=2026-10", "W1"),
        ("element=air", "A1"),
        ("county=990102", ""),
        ("simulated=1", ""),
        ("simulated=0&period=2026-11", "A1"),
    ):
        rows = client.get(f"/integrity/suspects/?{query}").context["page"].object_list
        codes = {one.series.point.code for one in rows}
        assert codes == ({kept} if kept else set()), query


def test_a_clue_ahead_of_the_day_is_counted_in_the_last_month(office, screened) -> None:
    screened(found())
    Clue.objects.update(start=NOW + timedelta(days=40))
    (line,) = (
        one for one in funnel.funnel(office.handler, funnel.Selection()).by_month if one.title == "2026-11"
    )
    assert line.clues == 1


def test_the_funnel_asks_the_database_as_often_for_many_clues_as_for_few(
    office, screened, django_assert_max_num_queries
) -> None:
    screened(found())
    with CaptureQueriesContext(connection) as few:
        funnel.funnel(office.handler, funnel.Selection())
    closed(3, 60)
    with django_assert_max_num_queries(len(few)):
        assert funnel.funnel(office.handler, funnel.Selection()).whole.clues == 64


def test_the_funnel_shows_nothing_of_other_counties_and_nothing_to_units(office, screened) -> None:
    screened(found())
    for person in (office.outsider, office.holder):
        whole = funnel.funnel(person, funnel.Selection(period="all")).whole
        assert (whole.records, whole.suspects, whole.clues) == (0, 0, 0)
    assert funnel.funnel(office.upper, funnel.Selection(period="all")).whole.clues == 1


def test_values_are_counted_once(office, said, screened) -> None:
    said.days = scores(*WATER, {UNTIL - timedelta(days=k): 0.1 for k in range(60)})
    screened()
    screened()
    assert (
        funnel.funnel(office.handler, funnel.Selection()).whole.records == 2 * 51 * 24
    )  # from the first of last month on; what lies before taught
    assert Series.objects.get(code="W1.w01018").score_months.count() == 2


def test_a_mute_whose_decisions_were_taken_back_holds_no_more(office, screened) -> None:
    closed(0, 9)
    (clue,) = [one for one in screened(found("A1", "air.a34004", kind="spray")) if one.state == "open"]
    people.dismiss(office.handler, clue, clue.version, "洒水车")
    assert Mute.objects.get(lifted_at=None).kind == "spray"
    clue.refresh_from_db()
    people.reopen(office.handler, clue, clue.version, "看错了")
    assert not Mute.objects.filter(lifted_at=None).exists()
    assert "撤销" in Mute.objects.get().lift_reason


def test_the_precision_of_the_funnel_is_that_of_measured_clues(client, office) -> None:
    def shown() -> Precision:
        return client.get("/integrity/funnel/?period=all").context["held_rules"][0]["line"].precision

    client.force_login(office.handler)
    closed(10, 0)
    Clue.objects.update(simulated=True)
    assert shown() == Precision(10, 10)
    closed(5, 5)
    assert shown() == Precision(5, 10)


def test_a_rule_set_says_every_time_it_was_switched_on(
    client, office, said, screened, manager, second
) -> None:
    scored(said, screened)
    for author, other, reason in ((manager, second, "第一次启用"), (second, manager, "换一套")):
        rules = rulesets.write(author, settings(budget=2.0 if author == manager else 3.0), reason)
        trials.run(author, rules)
        rulesets.switch_on(other, rules, f"试过了：{reason}")
    first = RuleSet.objects.get(reason="第一次启用")
    rulesets.switch_on(
        office.county.person("third", "data_manager", region=office.county.city), first, "又换回来"
    )
    client.force_login(manager)
    page = client.get(f"/integrity/rules/{first.version}/").content.decode()
    assert "又换回来" in page
    assert "试过了：第一次启用" in page

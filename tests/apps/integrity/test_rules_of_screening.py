"""Precision, muting, rule sets, trials, the funnel."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.conftest import NOW
from tests.apps.integrity.conftest import UNTIL, found, scores

from qingjian.apps.integrity import funnel, judging
from qingjian.apps.integrity.models import Mute, RuleSet, ScoreMonth, Suspect, Trial
from qingjian.apps.integrity.precision import Precision, why
from qingjian.apps.integrity.services import muting, people, rulesets, trials
from qingjian.apps.matters.models import MatterLink, Notification
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing.models import Clue
from qingjian.screening.screen import MonthScore

WATER = ("W1", "waste_water.w01018")


@pytest.fixture
def manager(office):
    return office.county.person("manager", "data_manager")


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


def test_muting_by_hand_once(office, manager, db) -> None:
    muting.mute(manager, "screening-day", "spray", "春季扬尘多")
    with pytest.raises(ValidationError):
        muting.mute(manager, "screening-day", "spray", "再来")
    assert why(Mute.objects.get()) == "春季扬尘多"


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
    assert trial.result["values"] == 51 * 24
    strict = rulesets.write(manager, settings(least_days=3), "只看长的")
    assert trials.run(manager, strict).result["tried"]["clues"] == 0


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


def test_a_rule_set_is_switched_on_after_a_trial_by_a_second_person(said, screened, manager, office) -> None:
    scored(said, screened)
    second = office.county.person("checker", "data_manager")
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
        funnel.funnel(office.handler, funnel.Selection()).whole.records == 51 * 24
    )  # from the first of last month on; what lies before taught
    assert Series.objects.get(code="W1.w01018").score_months.count() == 2

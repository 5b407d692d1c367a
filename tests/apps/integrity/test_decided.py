"""What was decided stays decided; what a finding says beyond it asks a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from tests.apps.integrity.conftest import UNTIL, found, scores

from qingjian.apps.integrity import panels, rules, screener
from qingjian.apps.integrity.models import Suspect
from qingjian.apps.integrity.processes import CLUE
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.integrity.services import people
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.screening.findings import Evidence
from qingjian.screening.screen import MonthScore

WATER = ("W1", "waste_water.w01018")
TWINS = {"kind": "copy_neighbour", "other": "A1"}


def november(day: int) -> date:
    return date(2026, 11, day)


def decide(office, clue: Clue, state: str = "dismissed") -> None:
    clue.refresh_from_db()
    observing.decide_clue(office.handler, clue, clue.version, state, "更换试剂")


def days_of(clue: Clue) -> tuple[date, date]:
    return clue.start.astimezone(CHINA).date(), (clue.end - timedelta(seconds=1)).astimezone(CHINA).date()


@pytest.mark.parametrize("state", ["dismissed", "confirmed"])
def test_what_goes_on_beyond_a_decided_clue_asks_about_the_rest(screened, office, state: str) -> None:
    (clue,) = screened(found(score=0.995))
    decide(office, clue, state)
    for _daily in range(2):
        screened(found(last=november(20), score=0.99999))
    rest = Clue.objects.get(state="open")
    assert days_of(rest) == (november(13), november(20))
    assert f"线索 {clue.pk}" in rest.evidence["notes"][0]
    assert Clue.objects.count() == 2
    assert [one.withdrawn for one in Suspect.objects.all()] == [False, False]
    clue.refresh_from_db()
    assert (clue.revision, days_of(clue)) == (1, (november(10), november(12)))


def test_the_rest_is_revised_and_when_decided_too_only_later_days_ask(screened, office) -> None:
    (clue,) = screened(found())
    decide(office, clue)
    screened(found(last=november(14)))
    screened(found(last=november(17)))
    rest = Clue.objects.get(state="open")
    assert days_of(rest) == (november(13), november(17))
    decide(office, rest)
    screened(found(last=november(18)))
    assert not Clue.objects.filter(state="open").exists()
    screened(found(last=november(20)))
    assert days_of(Clue.objects.get(state="open")) == (november(18), november(20))


def test_days_growing_one_by_one_are_not_decided_by_growing(screened, office, clock) -> None:
    (clue,) = screened(found())
    decide(office, clue)
    clock.advance(60)
    screened(found(last=november(13)))
    assert Clue.objects.count() == 1
    screened(found(last=november(14)))
    assert days_of(Clue.objects.get(state="open")) == (november(13), november(14))


@pytest.mark.parametrize(
    ("kind", "score", "asks"),
    [("copy_period", 0.99999, True), ("copy_period", 0.996, False), ("constant", 0.99999, False)],
)
def test_on_the_same_days_only_a_far_rarer_other_kind_asks_again(
    screened, office, kind: str, score: float, asks: bool
) -> None:
    (clue,) = screened(found(score=0.995))
    decide(office, clue)
    for _daily in range(2):
        screened(found(kind=kind, score=score))
    assert Clue.objects.filter(state="open").count() == asks
    assert Clue.objects.count() == 1 + asks


def test_a_finding_that_joined_a_decided_clue_is_not_silenced_where_it_goes_on(screened, office) -> None:
    day, twins = found(score=0.995), found(**TWINS, score=0.99999)
    (clue,) = screened(day, twins)
    decide(office, clue)
    screened(day, twins)
    assert not Clue.objects.filter(state="open").exists()
    screened(day, found(**TWINS, score=0.99999, first=date(2026, 10, 5), last=november(20)))
    assert Clue.objects.get(state="open").rule == "screening-twins"


def test_another_pair_of_monitors_is_another_finding(screened, office) -> None:
    (clue,) = screened(found(**TWINS))
    decide(office, clue)
    screened(found(kind="copy_neighbour", other="A2"))
    assert Clue.objects.get(state="open").evidence["other_station"] == "A2"


@pytest.mark.parametrize("again", [True, False])
def test_a_month_after_a_decided_month_is_another_finding(said, office, hours, again: bool) -> None:
    hours("W1.w01018", date(2026, 8, 1), date(2026, 9, 21))
    september = MonthScore(*WATER, "2026-09", 0.995, "scale")
    said.months = [september]
    screener.run(until=date(2026, 9, 30))
    decide(office, Clue.objects.get())
    said.months = [*([september] if again else []), MonthScore(*WATER, "2026-10", 0.999, "scale")]
    screener.run(until=date(2026, 10, 31))
    assert days_of(Clue.objects.get(state="dismissed")) == (date(2026, 9, 1), date(2026, 9, 30))
    assert days_of(Clue.objects.get(state="open")) == (date(2026, 10, 1), date(2026, 10, 31))


def test_an_open_month_keeps_its_days_when_the_next_one_is_found_too(said, hours) -> None:
    hours("W1.w01018", date(2026, 8, 1), date(2026, 9, 21))
    said.months = [MonthScore(*WATER, "2026-09", 0.995, "scale")]
    screener.run(until=date(2026, 9, 30))
    said.months.append(MonthScore(*WATER, "2026-10", 0.999, "scale"))
    screener.run(until=date(2026, 10, 31))
    assert sorted(map(days_of, Clue.objects.all())) == [
        (date(2026, 9, 1), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 10, 31)),
    ]


def test_a_stretch_beside_keeps_to_the_one_it_shares_days_with(screened) -> None:
    screened(found(score=0.995))
    screened(found(score=0.995), found(first=november(14), last=november(15), score=0.9999))
    assert {days_of(one): one.revision for one in Clue.objects.all()} == {
        (november(10), november(12)): 1,
        (november(14), november(15)): 1,
    }


def test_an_occasion_on_the_next_day_is_another_one(screened) -> None:
    def occasion(day: int):
        told = (Evidence("device.range", 1e-4, found().first_day),)
        return replace(found(first=november(day), last=november(day), kind="parameter"), evidence=told)

    screened(occasion(10))
    screened(occasion(11))
    assert [
        (one.rule, one.first_day.day, one.withdrawn) for one in Suspect.objects.order_by("first_day")
    ] == [
        ("device-record", 10, True),
        ("device-record", 11, False),
    ]


def taught() -> set[int]:
    """Return the days of November that teach what is normal."""
    group = next(one for one in panels.groups() if one.element == "water_source")
    past = panels.without_clues(group, panels.read(group, november(1), UNTIL))
    known = np.isfinite(past.values[0, 0]).reshape(past.days, -1).any(axis=1)
    return {day + 1 for day in range(past.days) if known[day]}


@pytest.mark.parametrize("another_kind", [False, True])
def test_days_of_a_confirmed_clue_never_teach_whatever_else_was_decided(
    screened, office, another_kind: bool
) -> None:
    (first,) = screened(found(last=november(17), score=0.99))
    decide(office, first)
    again = (
        found(last=november(17), kind="copy_period", score=0.9999)
        if another_kind
        else found(last=november(20), score=0.9999)
    )
    screened(again)
    confirmed = Clue.objects.get(state="open")
    decide(office, confirmed, "confirmed")
    begin, end = (one.day for one in days_of(confirmed))
    for _daily in range(2):
        screened(again)
        assert not taught() & set(range(begin, end + 1))
        assert not Suspect.objects.filter(clue=confirmed, withdrawn=True).exists()
    screened()
    assert not taught() & set(range(begin, end + 1))


@pytest.mark.parametrize(
    ("between", "first", "last"),
    [((), 13, 20), ((), 14, 20), ((found(last=november(13), score=0.995),), 13, 16)],
)
def test_days_beside_a_decided_clue_are_asked_about(
    screened, office, between: tuple, first: int, last: int
) -> None:
    (clue,) = screened(found(score=0.995))
    decide(office, clue)
    screened(*between)
    screened(found(first=november(first), last=november(last), kind="copy_period", score=0.99999))
    assert days_of(Clue.objects.get(state="open")) == (november(first), november(last))


def test_nobody_decides_what_was_not_read(client, office, screened) -> None:
    (clue,) = screened(found(score=0.995))
    client.force_login(office.handler)
    read = client.get(f"/clues/{clue.pk}/").context["dismiss_form"].initial["version"]
    screened(found(last=november(20), score=0.99999, kind="copy_period"))
    client.post(f"/clues/{clue.pk}/dismiss/", {"version": read, "reason": "更换试剂"})
    clue.refresh_from_db()
    assert clue.state == "open"
    read = client.get(f"/clues/{clue.pk}/").context["dismiss_form"].initial["version"]
    client.post(f"/clues/{clue.pk}/dismiss/", {"version": read, "reason": "更换试剂"})
    clue.refresh_from_db()
    assert clue.state == "dismissed"


def test_an_open_clue_keeps_what_was_said_of_the_month_before(said, hours) -> None:
    said.findings = [found(first=date(2026, 10, 20), last=november(5), score=0.9999)]
    screener.run(until=november(20))
    hours("W1.w01018", november(21), date(2026, 12, 10))
    said.findings = [found(first=november(1), last=november(7), score=0.995, kind="scale")]
    for _daily in range(2):
        screener.run(until=date(2026, 12, 10))
    clue = Clue.objects.get()
    assert days_of(clue) == (date(2026, 10, 20), november(7))
    assert (clue.kind, clue.score, clue.revision) == ("constant", 0.9999, 2)
    assert "2026-10-20 至 2026-11-07" in clue.statement
    assert {one["day"] for one in clue.evidence["tests"]} == {"2026-10-20", "2026-11-07"}
    chart = clue.evidence["chart"]
    assert (chart["start"], chart["first"]) == (
        panels.midnight(date(2026, 10, 13)).timestamp() * 1000,
        panels.midnight(date(2026, 10, 20)).timestamp() * 1000,
    )
    assert len({len(chart[name]) for name in ("values", "around", "expected") if chart[name]}) == 1


def test_what_only_touches_a_clue_of_the_month_before_is_another_one(said, hours) -> None:
    said.findings = [found(first=date(2026, 10, 10), last=date(2026, 10, 31), score=0.9999)]
    screener.run(until=november(20))
    hours("W1.w01018", november(21), date(2026, 12, 10))
    said.findings = [found(first=november(2), last=november(20), score=0.99, kind="scale")]
    screener.run(until=date(2026, 12, 10))
    assert sorted((*days_of(one), one.kind) for one in Clue.objects.all()) == [
        (date(2026, 10, 10), date(2026, 10, 31), "constant"),
        (november(2), november(20), "scale"),
    ]


def test_the_clue_about_the_rest_says_only_what_the_rest_shows(screened, said, office) -> None:
    (clue,) = screened(found(score=0.99999))
    decide(office, clue)
    said.days = scores(*WATER, {november(day): 0.99999 if day < 13 else 0.995 for day in range(10, 15)})
    screened(found(last=november(14), score=0.99999))
    rest = Clue.objects.get(state="open")
    assert "2026-11-13 至 2026-11-14" in rest.statement
    assert rest.score == 0.995
    assert [one["day"] for one in rest.evidence["tests"]] == ["2026-11-14"]


def test_a_dismissal_taken_back_does_not_take_the_rest_back(screened, office) -> None:
    (clue,) = screened(found(score=0.995))
    decide(office, clue)
    screened(found(last=november(20), score=0.9999))
    clue.refresh_from_db()
    people.reopen(office.handler, clue, clue.version, "错了")
    screened(found(last=november(20), score=0.9999))
    assert not Suspect.objects.filter(clue=clue, withdrawn=True).exists()


def test_a_finding_that_falls_in_two_on_dismissed_days_asks_nobody(screened, office) -> None:
    (clue,) = screened(found(last=november(16), score=0.995))
    decide(office, clue)
    screened(found(last=november(12), score=0.995), found(first=november(14), last=november(16), score=0.994))
    assert Clue.objects.count() == 1


def test_days_on_both_sides_of_decided_ones_are_two_clues(screened, office) -> None:
    (clue,) = screened(found(score=0.995))
    decide(office, clue)
    screened(found(first=november(6), last=november(16), score=0.9999))
    assert sorted(map(days_of, Clue.objects.filter(state="open"))) == [
        (november(6), november(9)),
        (november(13), november(16)),
    ]


def test_a_void_request_decides_nothing_whatever_is_written_by_hand(screened, office) -> None:
    (clue,) = screened(found())
    data = {"request": "说明数据", "wanted": "记录", "days": 5}
    origin = f"{CLUE}:{clue.pk}"
    matter = office.open(SELF_PROOF, subject=office.county.holder, point=clue.point, origin=origin, data=data)
    office.act(matter, "void", office.leader, reason="发错")
    people.dismiss(office.handler, clue, clue.version, f"{matter.number}: 发错，数据正常")
    clue.refresh_from_db()
    assert rules.answered_by(clue) is None
    assert rules.may_reopen(office.handler, clue)


@pytest.mark.parametrize("asked_again", [False, True])
def test_an_explanation_answers_the_days_the_unit_was_asked_about(
    screened, office, clock, asked_again: bool
) -> None:
    (clue,) = screened(found(score=0.995))
    data = {"request": "说明数据", "wanted": "记录", "days": 5}
    origin = f"{CLUE}:{clue.pk}"
    matter = office.open(SELF_PROOF, subject=office.county.holder, point=clue.point, origin=origin, data=data)
    matter = office.act(office.attach(matter, office.holder), "answer", office.holder, explanation="换药剂")
    matter = office.act(matter, "take", office.handler)
    clock.advance(60)
    longer = found(last=november(20), score=0.995)
    screened(longer)
    if asked_again:
        matter = office.act(matter, "ask_more", office.handler, missing="至 20 日的记录", days=3)
        matter = office.act(office.attach(matter, office.holder), "answer", office.holder, explanation="在此")
    matter = office.act(matter, "review", office.handler, opinion="explained", opinion_text="相符")
    office.act(matter, "accept", office.leader, decision="同意")
    clock.advance(60)
    screened(longer)
    rest = [days_of(one) for one in Clue.objects.filter(state="open")]
    assert rest == ([] if asked_again else [(november(13), november(20))])


@pytest.mark.parametrize(("strongest", "asks"), [(date(2026, 10, 5), False), (date(2026, 10, 20), True)])
def test_a_month_over_dismissed_days_asks_nobody(screened, said, office, strongest: date, asks: bool) -> None:
    (clue,) = screened(found(first=date(2026, 10, 5), last=date(2026, 10, 12), score=0.995))
    decide(office, clue)
    values = {date(2026, 10, day): 0.5 for day in range(1, 32)}
    values |= {strongest + timedelta(days=k): 0.98 for k in range(8)}
    said.days = scores(*WATER, values)
    said.months = [MonthScore(*WATER, "2026-10", 0.995, "scale")]
    for _daily in range(2):
        screened()
    month = Suspect.objects.get(rule="screening-month")
    assert month.outcome == ("clue" if asks else "decided")
    assert Clue.objects.filter(state="open").exists() is asks
    said_of_it = month.versions.get().record["notes"]
    assert any(f"线索 {clue.pk}" in note for note in said_of_it) is not asks

"""Unconfirmed facts: each has an id, can be switched off alone or with its group, and takes nothing else with it."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hj212.building import MN, frame, only

from qingjian.hj212 import profiles
from qingjian.hj212.content import parse_data
from qingjian.hj212.encoder import Sender
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy
from qingjian.hj212.profiles import Fact, facts, profile, switched_off, unknown_selectors
from qingjian.hj212.sessions import field, host
from qingjian.hj212.sessions.actions import Command, CommandFailed

FACTS = facts()
OF_2025 = [one for one in FACTS if one.edition == "2025"]
TABLE_OF_KIND = {
    "factor": ("factors",),
    "command": ("commands", "command_numbers"),
    "mark": ("marks",),
    "suffix": ("suffixes",),
    "parameter": ("parameters",),
    "system": ("systems",),
    "return": ("request_returns", "execution_returns"),
}
one_fact = st.sampled_from(FACTS)
HEAD = f"QN=20260801085857223;ST={{st}};CN=2011;PW=123456;MN={MN};Flag=9;"


def tables(of: profiles.Profile) -> dict[str, Any]:
    return {one.name: getattr(of, one.name) for one in fields(of) if one.name != "off"}


def read(factors: list[str], marks: list[str], system: str, without: frozenset[str]) -> Message:
    items = ";".join(f"{code}-Rtd=1.5,{code}-Flag={mark}" for code, mark in zip(factors, marks, strict=True))
    raw = frame(HEAD.format(st=system), f"DataTime=20260801085857;{items}")
    message = only(raw, Policy(without=without)).message
    assert message is not None
    return message


def test_what_nobody_has_read_in_the_standard_has_an_id_and_says_where_it_comes_from() -> None:
    assert len({one.id for one in FACTS}) == len(FACTS)
    assert all(profiles.is_selector(one.id) and one.source and one.confidence in "SU" for one in FACTS)
    assert {one.kind for one in OF_2025 if one.confidence == "U"} == {
        "factor", "command", "mark", "system", "return",
    }  # fmt: skip
    unread = [
        one for table in tables(profile("2025")).values() if isinstance(table, dict) for one in table.values()
    ]
    assert len(OF_2025) == sum(one.confidence != "V" for one in unread)


@given(one_fact)
def test_switching_one_fact_off_takes_that_row_away_and_no_other(fact: Fact) -> None:
    before, after = profile(fact.edition), profile(fact.edition, frozenset({fact.id}))
    assert after.off == {fact.id}
    for name, table in tables(before).items():
        if name not in TABLE_OF_KIND[fact.kind]:
            assert tables(after)[name] == table
    gone = []
    for name in TABLE_OF_KIND[fact.kind]:
        table, left = getattr(before, name), getattr(after, name)
        if isinstance(table, dict):
            assert {key: table[key] for key in left} == left
            gone += [table[key] for key in table.keys() - left.keys()]
    assert [one.name_zh for one in gone] == [fact.name_zh]
    for other in {"2005", "2017", "2025"} - {fact.edition}:
        assert profile(other, frozenset({fact.id})) is profile(other)


@given(
    one_fact,
    st.lists(st.sampled_from(sorted(profile("2025").factors)), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_switching_one_fact_off_changes_what_is_said_of_it_and_no_value(
    fact: Fact, factors: list[str], data: st.DataObject
) -> None:
    if fact.kind == "factor" and data.draw(st.booleans()):
        factors = list(dict.fromkeys([*factors, fact.code]))
    known = sorted(profile("2025").marks)
    marks = [data.draw(st.sampled_from(known)) for _ in factors]
    system = data.draw(st.sampled_from(sorted(profile("2025").systems)))
    before = read(factors, marks, system, frozenset())
    after = read(factors, marks, system, frozenset({fact.id}))
    assert after.items == before.items
    assert after.parameters == before.parameters
    said = set(after.deviations) - set(before.deviations)
    assert set(before.deviations) <= set(after.deviations)
    expected: set[tuple[str, str]] = set()
    if fact.edition == "2025" and fact.kind == "factor" and fact.code in factors:
        elsewhere = any(profile(one).factor(fact.code) for one in ("2005", "2017"))
        expected = {("factor_other_edition" if elsewhere else "factor_unknown", fact.code)}
    elif fact.edition == "2025" and fact.kind == "mark":
        expected = {
            ("mark_unknown", f"{code}-Flag={mark}")
            for code, mark in zip(factors, marks, strict=True)
            if mark == fact.code
        }
    elif fact.edition == "2025" and fact.kind == "system" and fact.code == system:
        expected = {("st_unknown", system)}
    elif fact.id == "hj212:2025:command:2011:down":
        expected = set()  # the number stays known: it is that of the upload too
    assert said == expected or (fact.id == "hj212:2025:command:2011:up" and said == set())


@pytest.mark.parametrize("kind", profiles.KINDS)
def test_a_group_switches_off_its_unconfirmed_facts_and_leaves_those_of_a_secondary_source(kind: str) -> None:
    group = f"hj212:2025:{kind}"
    off = switched_off("2025", {group})
    assert off == {one.id for one in OF_2025 if one.kind == kind and one.confidence == "U"}
    assert off <= switched_off("2025", {"hj212:2025"})
    assert switched_off("2017", {group}) == frozenset()


def test_however_much_is_switched_off_frames_are_read() -> None:
    everything = frozenset(one.id for one in FACTS)
    cp = b"DataTime=20260801085857;w01018-Rtd=1.5,w01018-Flag=N;SB1-RS=1"
    for _ in range(40):  # a pattern is made when a shape comes again and again
        data = parse_data(cp, "2025", "2011", everything)
    assert data.factors() == {"w01018": {"Rtd": "1.5", "Flag": "N"}, "SB1": {"RS": "1"}}
    assert ("mark_unknown", "w01018-Flag=N") in data.deviations
    assert parse_data(cp, "2025", "2011").deviations == ()


def test_a_command_that_is_switched_off_is_neither_sent_nor_carried_out() -> None:
    now = datetime(2026, 8, 1, tzinfo=UTC)
    policy = Policy(
        edition="2025", without=frozenset({"hj212:2025:command:3024:down", "hj212:2025:command:9015:up"})
    )
    state = host.new(MN, policy=policy)
    assert host.on_command(state, Command("1", "3024", ((("PolId", "w01018"),),)), now)[1] == [
        CommandFailed("1", "unknown_command", detail="3024 2025")
    ]
    device = field.new("2025", "32", "123456", MN, policy, heartbeat=timedelta(minutes=1))
    device, _ = field.on_connect(device, now)
    assert device.heartbeat is None
    raw = Sender("2025", "32", "123456", MN).request("3024", "20260801080000000", [(("PolId", "w01018"),)])
    request = only(raw, policy).message
    assert request is not None
    assert "cn_unknown" in {one.code for one in request.deviations}
    (refused,) = field.on_message(device, request, now)[1]
    assert b"QnRtn=8" in refused.data


def test_an_answer_code_that_is_switched_off_is_said_as_refused() -> None:
    now = datetime(2026, 8, 1, tzinfo=UTC)
    policy = Policy(edition="2025", without=frozenset({"hj212:2025:return:QnRtn:8"}))
    device = field.new("2025", "32", "123456", MN, policy)
    raw = Sender("2025", "32", "123456", MN).request("3099", "20260801080000000")
    request = only(raw).message
    assert request is not None
    (refused,) = field.on_message(device, request, now)[1]
    assert b"QnRtn=2" in refused.data


def test_a_policy_names_what_is_off_and_refuses_what_is_no_id() -> None:
    policy = Policy(without=frozenset({"hj212:2025:mark:Td", "hj212:2025:factor"}))
    assert Policy.from_json(policy.to_json()) == policy
    for wrong in ("Td", "hj212:2030:mark:Td", "hj212:2025:colour:Td", "hj212:2025:mark:"):
        with pytest.raises(ValueError, match="unconfirmed fact"):
            Policy(without=frozenset({wrong}))
    # A fact that was confirmed in a later edition of the tables is still a good id, and says nothing any more.
    assert profile("2025", frozenset({"hj212:2025:factor:x99999"})) is profile("2025")
    assert unknown_selectors({"hj212:2025:mark:Td", "hj212:2025", "hj212:2025:mark:Tx"}) == [
        "hj212:2025:mark:Tx"
    ]

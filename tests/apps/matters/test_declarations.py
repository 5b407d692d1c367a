from __future__ import annotations

from dataclasses import replace

import pytest

from qingjian.apps.accounts.roles import Capability
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters.checks import process_problems
from qingjian.apps.matters.declarations import Action, Limit, Process, State, Who, problems, register

WHO = Who(Capability.HANDLE_MATTERS)


def small(
    *actions: Action, states: tuple[State, ...] = (State("a", "A"), State("b", "B", final=True)), **fields
) -> Process:
    return Process("small", "Small", "小", states, "a", (), WHO, actions, **fields)


def test_the_shipped_processes_are_sound() -> None:
    assert list(process_problems(VERIFICATION)) == []
    assert list(process_problems(CORRECTIVE_ACTION)) == []
    assert problems(small(Action("go", "Go", ("a",), "b", WHO))) == []


@pytest.mark.parametrize(
    ("process", "text"),
    [
        (small(), "state b cannot be reached"),
        (small(), "state a has no way to an end"),
        (small(Action("go", "Go", ("a",), "c", WHO)), "state c is not declared"),
        (
            small(Action("go", "Go", ("a",), "b", WHO), Action("back", "Back", ("b",), "a", WHO)),
            "final state b has an action out of it",
        ),
        (small(Action("go", "Go", ("a",), "b", WHO, starts=(Limit("x", "X"),))), "needs exactly one of"),
        (small(Action("go", "Go", ("a",), "b", WHO, starts=(Limit("x", "X", days=3),))), "is never met"),
        (small(Action("go", "Go", ("a",), "b", WHO, stops=("y",))), "which never starts"),
        (small(Action("go", "Go", ("a",), "b", WHO, documents=("d",))), "document d is not declared"),
        (small(Action("go", "Go", ("a",), "b", WHO, sheet="s")), "sheet s is not declared"),
        (small(Action("go", "Go", ("a",), "b", WHO, recalls=("f",))), "f is recalled and no field"),
        (small(Action("go", "Go", ("a",), "b", WHO, assigns="who")), "who names no person"),
        (
            small(Action("go", "Go", ("a",), "b", Who(Capability.HANDLE_MATTERS, not_who_did=("fly",)))),
            "fly in the separation of duties",
        ),
        (small(Action("go", "Go", ("a",), "b", WHO), Action("go", "Go", ("a",), "b", WHO)), "declared twice"),
    ],
)
def test_a_wrong_declaration_is_named(process: Process, text: str) -> None:
    assert any(text in one for one in problems(process)), problems(process)


def test_rules_instruments_and_templates_are_checked_too() -> None:
    limit = Limit("x", "X", rule=("没有", "这一步"))
    go = Action("go", "Go", ("a",), "b", WHO, starts=(limit,), stops=("x",))
    assert any("has no row" in one for one in process_problems(small(go)))
    go = replace(go, starts=(replace(limit, rule=(), days=3, instrument="none"),))
    assert any("none" in one for one in process_problems(small(go)))
    gone = replace(CORRECTIVE_ACTION.documents[0], template="nowhere.docx")
    assert any(
        "no template" in one
        for one in process_problems(
            replace(CORRECTIVE_ACTION, documents=(gone, CORRECTIVE_ACTION.documents[1]))
        )
    )
    poor = replace(CORRECTIVE_ACTION.documents[0], fields={})
    assert any(
        "is not available" in one
        for one in process_problems(
            replace(CORRECTIVE_ACTION, documents=(poor, CORRECTIVE_ACTION.documents[1]))
        )
    )


def test_a_process_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        register(VERIFICATION)

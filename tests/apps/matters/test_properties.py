"""Whatever people try, in whatever order: no undeclared state, no missing evidence, no lost line, no double act."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.apps.matters.conftest import PASSWORD, Office, key, picture

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import queries, rules, services
from qingjian.apps.matters.declarations import VOID, FieldKind
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import LedgerEntry, Matter, Receipt, TrailEntry

PEOPLE = st.sampled_from(["leader", "handler", "second", "upper", "holder", "outsider"])
NAMES = sorted(
    {one.name for process in (VERIFICATION, CORRECTIVE_ACTION) for one in process.actions}
    | {"no-such-action"}
)
SMALL = st.sampled_from(
    [
        "withdraw-evidence",
        "comment",
        "assign",
        "request-stop",
        "approve-stop",
        "refuse-stop",
        "resume",
        "link",
        "void",
    ]
)


class Work(RuleBasedStateMachine):
    """A model of one verification and one corrective action beside the real ones."""

    office: Office

    @initialize(far=st.lists(st.sampled_from([0, 0, 1]), max_size=6), attached=st.booleans())
    def open_two(self, far: list[int], attached: bool) -> None:
        self.office.leader.refresh_from_db()
        self.matters = [self.office.open(), self.office.open(CORRECTIVE_ACTION)]
        self.lines = dict.fromkeys((one.pk for one in self.matters), 1)
        self.used: list[tuple[Any, ...]] = []
        if attached:
            for which in (0, 1):
                self.attach(which, "handler")
        for which in far:
            self.go_on(which, False)

    def _attempt(
        self, matter: Matter, action: str, person: Any, data: dict[str, Any], offset: int = 0
    ) -> bool:
        matter = Matter.objects.get(pk=matter.pk)
        before = (matter.state, matter.version, TrailEntry.objects.filter(matter=matter).count())
        once = key()
        try:
            # A savepoint, as the whole machine runs in the test's transaction.
            with transaction.atomic():
                done = services.act(matter, action, person, data, matter.version + offset, once)
        except (RefusedError, PermissionDenied):
            after = Matter.objects.get(pk=matter.pk)
            assert (after.state, after.version, TrailEntry.objects.filter(matter=matter).count()) == before
            assert not Receipt.objects.filter(key=once).exists()
            return False
        self._check_step(matter, action, person, done)
        self.used.append((matter, action, person, data, before[1] + offset, once))
        return True

    def _check_step(self, before: Matter, action: str, person: Any, done: Any) -> None:
        after = Matter.objects.get(pk=before.pk)
        assert rules.sees(rules.reaches(person), before)
        declared = before.declaration.action(action)
        steps = list(after.trail.filter(sequence__gt=self.lines[before.pk]))
        assert steps
        self.lines[before.pk] += len(steps)
        if declared is not None:
            assert before.state in declared.sources
            assert after.state == declared.target
            kinds = [one.kind for one in after.evidence.filter(withdrawn_at=None)]
            for need in declared.evidence:
                assert sum(not need.kinds or one in need.kinds for one in kinds) >= need.count
            for one in declared.fields:
                if one.required and one.kind is not FieldKind.YES_NO:
                    assert after.data[one.name] not in (None, "")
        for step in steps:
            taken = before.declaration.action(step.action)
            if taken is not None:
                assert (step.before in taken.sources, step.after) == (True, taken.target)
            elif step.action == "void":
                assert step.after == VOID
            else:
                assert step.before == step.after

    @rule(
        which=st.integers(0, 1),
        action=st.sampled_from(NAMES),
        person=PEOPLE,
        full=st.integers(0, 9),
        offset=st.sampled_from([0, 0, 0, 0, 0, -1, 1]),
    )
    def act(self, which: int, action: str, person: str, full: int, offset: int) -> None:
        matter, actor = self.matters[which], getattr(self.office, person)
        declared = matter.declaration.action(action)
        data = {one.name: self._value(one) for one in declared.fields} if declared and full else {}
        self._attempt(matter, action, actor, data, offset)

    @rule(which=st.integers(0, 1), backwards=st.booleans())
    def go_on(self, which: int, backwards: bool) -> None:
        """Let somebody take some action that is possible from here, all filled in: long walks are rare otherwise."""
        matter = Matter.objects.get(pk=self.matters[which].pk)
        actions = [
            one for one in matter.declaration.actions if matter.state in one.sources and not one.by_sheet
        ]
        for action in reversed(actions) if backwards else actions:
            data = {one.name: self._value(one) for one in action.fields}
            for name in ("handler", "leader", "holder"):
                if self._attempt(matter, action.name, getattr(self.office, name), data):
                    return

    def _value(self, field: Any) -> Any:
        match field.kind:
            case FieldKind.PERSON:
                return self.office.handler.pk
            case FieldKind.NUMBER:
                return 5
            case FieldKind.DATE:
                return "2026-11-20"
            case FieldKind.CHOICE:
                return field.choices[0][0]
        return "文字"

    @rule(which=st.integers(0, 1), person=PEOPLE)
    def attach(self, which: int, person: str) -> None:
        row, _inside = services.store(io.BytesIO(picture()), "p.jpg")
        self._attempt(
            self.matters[which],
            "attach",
            getattr(self.office, person),
            {"digest": row.digest, "name": "p.jpg", "kind": "photo", "capture": "live", "title": "t"},
        )

    @rule(
        which=st.integers(0, 1),
        person=PEOPLE,
        choice=st.sampled_from(["sign", "sign", "sign", "refuse"]),
        right=st.integers(0, 5),
    )
    def sign(self, which: int, person: str, choice: str, right: int) -> None:
        actor = getattr(self.office, person)
        actor.refresh_from_db()
        sheet = self.matters[which].sheets.filter(state="open").last()
        digest = sheet.digest if sheet and right else "0" * 64
        self._attempt(
            self.matters[which], choice, actor, {"digest": digest, "password": PASSWORD, "reason": "理由"}
        )

    @rule(which=st.integers(0, 1), action=SMALL, person=PEOPLE)
    def kernel(self, which: int, action: str, person: str) -> None:
        evidence = self.matters[which].evidence.filter(withdrawn_at=None).first()
        data = {
            "withdraw-evidence": {"evidence": evidence.pk if evidence else 0, "reason": "r"},
            "comment": {"note": "n"},
            "assign": {"person": self.office.second.pk, "note": "n"},
            "request-stop": {"reason": "r"},
            "approve-stop": {"note": "n"},
            "refuse-stop": {"note": "n"},
            "link": {"number": self.matters[1 - which].number},
            # Voiding ends everything; tried with an empty reason mostly, so that walks stay long.
            "void": {"reason": "" if self.lines[self.matters[which].pk] < 12 else "r"},
        }.get(action, {})
        self._attempt(self.matters[which], action, getattr(self.office, person), data)

    @rule(index=st.integers(0, 40))
    def repeat(self, index: int) -> None:
        """Send an earlier form again: nothing happens twice."""
        if not self.used:
            return
        matter, action, person, data, version, once = self.used[index % len(self.used)]
        count = TrailEntry.objects.count()
        done = services.act(matter, action, person, data, version, once)
        assert done.repeated
        with suppress(RefusedError):
            services.act(matter, "comment", person, {"note": "other"}, version, once)
            raise AssertionError("the same key was taken for something else")
        assert TrailEntry.objects.count() == count

    @invariant()
    def nothing_is_lost_or_undeclared(self) -> None:
        if not hasattr(self, "matters"):
            return
        for one in self.matters:
            row = Matter.objects.get(pk=one.pk)
            codes = {state.code for state in row.declaration.states} | {VOID}
            assert row.state in codes
            trail = list(row.trail.values_list("sequence", "after"))
            assert [number for number, _after in trail] == list(range(1, self.lines[one.pk] + 1))
            assert trail[-1][1] == row.state
            final = row.state == VOID or row.present.final
            assert final == (row.closed_at is not None)
            assert not (final and row.deadlines.filter(state__in=("running", "paused")).exists())
            running = row.deadlines.filter(state="running").order_by("due").first()
            assert row.due == (running.due if running else None)
            assert row.shared == (row.present.shared if row.state != VOID else row.shared)
            for person in (self.office.holder, self.office.outsider, self.office.second):
                assert queries.visible_to(person).filter(pk=row.pk).exists() == rules.sees(
                    rules.reaches(person), row
                )
            assert not queries.visible_to(self.office.outsider).filter(pk=row.pk).exists()
        assert LedgerEntry.objects.exclude(trail__matter__in=self.matters).count() == 0


@pytest.mark.timeout(600)
def test_no_sequence_of_calls_breaks_the_promises(office, request) -> None:
    class Bound(Work):
        pass

    Bound.office = office
    point = []

    def setup(self: Any) -> None:
        RuleBasedStateMachine.__init__(self)
        point.append(transaction.savepoint())

    def teardown(self: Any) -> None:
        transaction.savepoint_rollback(point.pop())

    Bound.__init__ = setup
    Bound.teardown = teardown
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=24,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )

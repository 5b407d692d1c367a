"""Whatever people try, in whatever order: no undeclared state, no missing evidence, no lost line, no double act.

Time passes, officers change posts, leave and stand in for each other meanwhile; nobody ever sees or hears of a matter that is
outside `visible_to` for them, and the ledger's events agree with the records at the end. What a step needs of evidence, what it
stands on afterwards, and who still stands in for whom are said here once more, without asking the rules under test.
"""

from __future__ import annotations

import io
import itertools
from contextlib import suppress
from datetime import timedelta
from typing import Any

import docx
import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.apps.conftest import NOW
from tests.apps.matters.conftest import PASSWORD, Office, key, picture

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.governance.handling import ALERT_HANDLING
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters import documents, queries, rules, services
from qingjian.apps.matters.declarations import VOID, FieldKind
from qingjian.apps.matters.errors import RefusedError
from qingjian.apps.matters.models import Delegation, Matter, Notification, Receipt, TrailEntry
from qingjian.apps.records import queries as records

NAMED = ("leader", "handler", "second", "upper", "holder", "outsider")
PEOPLE = st.sampled_from(NAMED)
NAMES = sorted(
    {
        one.name
        for process in (VERIFICATION, CORRECTIVE_ACTION, SELF_PROOF, ALERT_HANDLING)
        for one in process.actions
    }
    | {"no-such-action"}
)
WHICH = st.integers(0, 3)
GATES = {
    (VERIFICATION.code, "report"): ("bureau", {"open"}),
    (CORRECTIVE_ACTION.code, "serve"): ("bureau", {"order_approved"}),
    (CORRECTIVE_ACTION.code, "report"): ("subject", {"serve", "fail_recheck"}),
    (SELF_PROOF.code, "answer"): ("subject", {"open", "ask_more"}),
}
"""Which side must have added a piece of evidence, and since which steps, for a step to be taken."""
BACK = {
    (VERIFICATION.code, "report"): {"verifying"},
    (CORRECTIVE_ACTION.code, "serve"): {"approved"},
    (CORRECTIVE_ACTION.code, "report"): {"correcting"},
    (SELF_PROOF.code, "answer"): {"requested"},
}
"""Where a matter has come back to before the step: then nothing stands on its evidence any more."""
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
        "urge",
        "void",
    ]
)


def _word_file() -> bytes:
    buffer = io.BytesIO()
    docx.Document().save(buffer)
    return buffer.getvalue()


WORD_FILE = _word_file()


class Work(RuleBasedStateMachine):
    """A model of a verification, a corrective action, a self-proof and the handling of an alert beside the real ones."""

    office: Office
    clock: Any

    @initialize(
        far=st.lists(st.sampled_from([0, 0, 1, 2, 3]), max_size=6),
        attached=st.booleans(),
        confidentiality=st.sampled_from(["internal", "internal", "confidential"]),
    )
    def open_four(self, far: list[int], attached: bool, confidentiality: str) -> None:
        self.clock.set_wall(NOW)
        self.office.leader.refresh_from_db()
        city = self.office.county.city
        self.security = self.office.county.person("security", "security_administrator", region=city)
        self.home = {name: account_rules.posts_on(getattr(self.office, name))[0] for name in NAMED}
        self.places: dict[str, Any] = {
            name: (post.organisation_id, post.region_id) for name, post in self.home.items()
        }
        self.standing: list[tuple[str, str, Any, Any, Any, Any]] = []
        self.pieces: dict[int, dict[int, tuple[int, str]]] = {}
        self.touched: set[int] = set()
        self.heard = Notification.objects.count()
        self.turn = 0
        self.matters = [
            self.office.open(confidentiality=confidentiality),
            self.office.open(CORRECTIVE_ACTION, confidentiality=confidentiality),
            self.office.open(
                SELF_PROOF,
                confidentiality=confidentiality,
                subject=self.office.county.holder,
                point=self.office.county.county.point_set.get(code="W1"),
                data={"request": "说明数据", "wanted": "记录", "days": 5},
            ),
            self.office.open(
                ALERT_HANDLING,
                confidentiality=confidentiality,
                subject=self.office.county.holder,
                data={"severity": "major", "statement": "小时值超标"},
            ),
        ]
        self.lines = dict.fromkeys((one.pk for one in self.matters), 1)
        self.kept: dict[int, list[Any]] = {}
        self.used: list[tuple[Any, ...]] = []
        self.pieces = {one.pk: {} for one in self.matters}
        for which in far:
            self.go_on(which, False, attached)

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
        self.touched.add(matter.pk)
        if action == "attach":
            side = "subject" if person.username == "holder" else "bureau"
            self.pieces[matter.pk][done.trail.data["evidence"]] = (done.trail.sequence, side)
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
        which=WHICH,
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

    @rule(which=WHICH, backwards=st.booleans(), attached=st.booleans())
    def go_on(self, which: int, backwards: bool, attached: bool) -> None:
        """Let somebody take some action that is possible from here, all filled in: long walks are rare otherwise."""
        matter = Matter.objects.get(pk=self.matters[which].pk)
        if attached and (sheet := matter.sheets.filter(state="open").last()):
            data = {"digest": sheet.digest, "password": PASSWORD}
            for name in ("handler", "leader"):
                actor = getattr(self.office, name)
                actor.refresh_from_db()
                if self._attempt(matter, "sign", actor, data):
                    return
        actions = [
            one for one in matter.declaration.actions if matter.state in one.sources and not one.by_sheet
        ]
        # What leads on comes first: notes and samples can be sent for ever.
        actions.sort(key=lambda one: one.target == matter.state, reverse=backwards)
        for action in actions:
            data = {one.name: self._value(one) for one in action.fields}
            if attached and (gate := GATES.get((matter.kind, action.name))):
                self.attach(which, "holder" if gate[0] == "subject" else "handler")
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

    @rule(which=WHICH, person=PEOPLE)
    def attach(self, which: int, person: str) -> None:
        row, _inside = services.store(io.BytesIO(picture()), "p.jpg")
        self._attempt(
            self.matters[which],
            "attach",
            getattr(self.office, person),
            {"digest": row.digest, "name": "p.jpg", "kind": "photo", "capture": "live", "title": "t"},
        )

    @rule(
        which=WHICH,
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

    @rule(which=WHICH, person=st.sampled_from(["handler", "holder", "second"]), place=st.integers(0, 3))
    def withdraw(self, which: int, person: str, place: int) -> None:
        """Take evidence back, whenever: what a step stands on stays (see `nothing_is_lost_or_undeclared`)."""
        mine = self.matters[which].evidence.filter(withdrawn_at=None, added_by__username=person)
        pieces = list(mine.values_list("pk", flat=True))
        if pieces:
            data = {"evidence": pieces[place % len(pieces)], "reason": "r"}
            self._attempt(self.matters[which], "withdraw-evidence", getattr(self.office, person), data)

    @rule(which=WHICH, action=SMALL, person=PEOPLE)
    def kernel(self, which: int, action: str, person: str) -> None:
        evidence = self.matters[which].evidence.filter(withdrawn_at=None).first()
        data = {
            "withdraw-evidence": {"evidence": evidence.pk if evidence else 0, "reason": "r"},
            "comment": {"note": "n"},
            "assign": {"person": self.office.second.pk, "note": "n"},
            "request-stop": {"reason": "r"},
            "approve-stop": {"note": "n"},
            "refuse-stop": {"note": "n"},
            "link": {"number": self.matters[(which + 1) % len(self.matters)].number},
            "urge": {"note": "n"},
            # Voiding ends everything; tried with an empty reason mostly, so that walks stay long.
            "void": {"reason": "" if self.lines[self.matters[which].pk] < 12 else "r"},
        }.get(action, {})
        self._attempt(self.matters[which], action, getattr(self.office, person), data)

    @rule(hours=st.integers(1, 24 * 6))
    def time_passes(self, hours: int) -> None:
        """Reminders, escalation and the calendar run by themselves; only missed deadlines leave a line, in nobody's name."""
        self.clock.advance(hours * 3600)
        services.remind()
        services.escalate()
        services.recompute_deadlines()
        for one in self.matters:
            further = one.trail.filter(sequence__gt=self.lines[one.pk])
            assert set(further.values_list("action", "actor")) <= {("overdue", None)}
            self.lines[one.pk] += further.count()
            self.touched.add(one.pk)

    @rule(
        person=st.sampled_from(["handler", "second", "leader"]),
        where=st.sampled_from(["home", "away", "away", "nowhere"]),
    )
    def officer_is_transferred(self, person: str, where: str) -> None:
        """Move a person to the bureau of the other county, home again, or out of the service; the rights go along at once."""
        actor, today = getattr(self.office, person), account_rules.today()
        home = self.home[person]
        place = {
            "home": (home.organisation, home.region),
            "away": (self.office.outsider.organisation, self.office.county.other),
            "nowhere": None,
        }[where]
        here = account_rules.posts_on(actor)
        keys = place and (place[0].pk, place[1].pk)
        if keys == self.places[person] or (here and here[0].valid_from == today):
            return
        if here:
            accounts.end_post(self.security, here[0], today)
        if place:
            accounts.place_post(actor, home.role, *place, today)
        self.places[person] = keys

    @rule(person=PEOPLE, deputy=PEOPLE, days=st.integers(1, 9))
    def somebody_stands_in(self, person: str, deputy: str, days: int) -> None:
        actor, today = getattr(self.office, person), account_rules.today()
        with suppress(RefusedError, PermissionDenied), transaction.atomic():
            last = today + timedelta(days=days)
            services.delegate(actor, actor, getattr(self.office, deputy), today, last, "r")
            self.standing.append((person, deputy, self.places[person], self.places[deputy], today, last))

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
        for one in (one for one in self.matters if one.pk in self.touched):
            row = Matter.objects.get(pk=one.pk)
            codes = {state.code for state in row.declaration.states} | {VOID}
            assert row.state in codes
            trail = list(
                row.trail.values_list("sequence", "at", "actor", "action", "before", "after", "note")
            )
            assert [line[0] for line in trail] == list(range(1, self.lines[one.pk] + 1))
            assert trail[: len(self.kept.get(one.pk, []))] == self.kept.get(one.pk, [])
            self.kept[one.pk] = trail
            assert trail[-1][5] == row.state
            final = row.state == VOID or row.present.final
            assert final == (row.closed_at is not None)
            assert not (final and row.deadlines.filter(state__in=("running", "paused")).exists())
            running = row.deadlines.filter(state="running").order_by("due").first()
            assert row.due == (running.due if running else None)
            assert row.shared == (row.present.shared if row.state != VOID else row.shared)
            self.every_gate_is_still_shut_behind(row, trail)
        self.touched.clear()
        # One person after each step, in turn; all of them at the end.
        self.turn = (self.turn + 1) % len(NAMED)
        self.nobody_sees_or_hears_too_much(NAMED[self.turn : self.turn + 1])

    def every_gate_is_still_shut_behind(self, row: Matter, trail: list[Any]) -> None:
        """The evidence on which a step was taken, of the right side and round, is there until the matter has come back."""
        live = set(row.evidence.filter(withdrawn_at=None).values_list("pk", flat=True))
        for (kind, action), (side, since) in GATES.items():
            taken = (
                max((line[0] for line in trail if line[3] == action), default=0) if kind == row.kind else 0
            )
            back = BACK[kind, action]
            if not taken or any(line[0] > taken and line[4] != line[5] and line[5] in back for line in trail):
                continue
            begun = max(line[0] for line in trail if line[0] < taken and line[3] in since)
            standing = [
                pk
                for pk, (line, by) in self.pieces[row.pk].items()
                if pk in live and by == side and line > begun
            ]
            assert standing, (kind, action)

    def nobody_stands_in_from_elsewhere(self, name: str, reached: list[rules.Reach]) -> None:
        """Who stands in, and who is stood in for, still belong where they belonged when it was arranged."""
        today = account_rules.today()
        held = {
            person
            for person, deputy, theirs, own, first, last in self.standing
            if deputy == name
            and first <= today < last
            and all(
                before and now_at and (before[0] == now_at[0] or before[1] == now_at[1])
                for before, now_at in ((theirs, self.places[person]), (own, self.places[name]))
            )
        }
        assert {one.person.username for one in reached} - {name} <= held

    @account_rules.reading_once()
    def nobody_sees_or_hears_too_much(self, names: tuple[str, ...]) -> None:
        ours = {one.pk for one in self.matters}
        rows = list(Matter.objects.filter(pk__in=ours))
        for name in names:
            person = getattr(self.office, name)
            reached = rules.reaches(person)
            self.nobody_stands_in_from_elsewhere(name, reached)
            visible = set(queries.visible_to(person).filter(pk__in=ours).values_list("pk", flat=True))
            assert visible == {row.pk for row in rows if rules.sees(reached, row)}
            for narrower in (queries.inbox(person), queries.in_charge(person), queries.orphans(person)):
                assert ours & set(narrower.values_list("pk", flat=True)) <= visible
            shown = set(queries.documents_visible_to(person).values_list("matter", flat=True))
            assert (
                ours & (shown | set(queries.evidence_visible_to(person).values_list("matter", flat=True)))
                <= visible
            )
            for row in rows:
                if row.pk in visible and row.confidentiality == "confidential" and name == "second":
                    deciding = any(row.region_id in one.deciding for one in reached)
                    own = {one.person.pk for one in reached} & {row.assignee_id, row.opened_by_id}
                    assert deciding or own
        # Said without the rules under test: a stranger needs somebody to stand in for, a company only what is shared.
        if not Delegation.objects.filter(deputy=self.office.outsider).exists():
            assert not queries.visible_to(self.office.outsider).filter(pk__in=ours).exists()
        assert not queries.visible_to(self.office.holder).filter(pk__in=ours, shared=False).exists()
        fresh = Notification.objects.order_by("id")[self.heard :]
        for one in fresh.select_related("person", "matter"):
            if one.matter_id in ours:
                assert rules.sees(rules.reaches(one.person), one.matter), (one.kind, one.person.username)
        self.heard = Notification.objects.count()

    def end(self) -> None:
        """Compare the ledger's events with the records, once per walk."""
        if hasattr(self, "matters"):
            self.touched = {one.pk for one in self.matters}
            self.nothing_is_lost_or_undeclared()
            self.nobody_sees_or_hears_too_much(NAMED)
            numbers = [one.number for one in self.matters]
            assert not [text for text in records.differences() if any(one in text for one in numbers)]


@pytest.mark.timeout(1800)
def test_no_sequence_of_calls_breaks_the_promises(office, clock, monkeypatch) -> None:
    # Word files are made in test_files and test_outlines; here a new one each time is enough, and much quicker.
    number = itertools.count()
    monkeypatch.setattr(
        documents, "render", lambda _template, _values: WORD_FILE + str(next(number)).encode()
    )

    class Bound(Work):
        pass

    Bound.office, Bound.clock = office, clock
    point = []

    def setup(self: Any) -> None:
        RuleBasedStateMachine.__init__(self)
        point.append(transaction.savepoint())

    def teardown(self: Any) -> None:
        self.end()
        transaction.savepoint_rollback(point.pop())

    Bound.__init__ = setup
    Bound.teardown = teardown
    run_state_machine_as_test(
        Bound,
        settings=settings(
            # The second database doubles the time and shares the code: it gets half of the sequences.
            max_examples=10 if connection.vendor == "postgresql" else 20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )

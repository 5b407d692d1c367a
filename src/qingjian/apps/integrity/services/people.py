"""What people decide about clues without a process: dismissing one with a reason, taking that back, or confirming one that is plain."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.integrity import queries, rules
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.integrity.words import CLUE_REOPENED, PROOF_REOPENED
from qingjian.apps.matters import rules as matter_rules
from qingjian.apps.matters import services as matters
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now


def dismiss(author: Any, clue: Clue, version: int, reason: str) -> Clue:
    """Dismiss a clue with a reason; refused while a matter about it is open, which then gives the answer."""
    running = queries.running_matters(clue)
    if running:
        raise ValidationError(
            _("%(number)s about this clue is not finished; its result decides the clue.")
            % {"number": running[0].number}
        )
    return close(author, clue, version, Clue.State.DISMISSED, reason)


def reopen(author: Any, clue: Clue, version: int, reason: str) -> Clue:
    """Take a dismissal back with a reason; whoever gave it is told. A leader does so where a matter gave the answer.

    The unit whose explanation had dismissed the clue is told that it no longer suffices.
    """
    answer, author_before = rules.answered_by(clue), clue.decided_by
    with transaction.atomic():
        opened = observing.reopen_clue(author, clue, version, reason, rules.needed_to_reopen(clue))
        accounts.record(author, "integrity:clue:reopened", str(clue.pk), {"reason": reason.strip()[:300]})
        people = {one.pk: one for one in (author_before, answer.assignee if answer else None) if one}
        people.pop(author.pk, None)
        said = {"clue": clue.pk, "person": author.name, "reason": reason.strip()[:300]}
        matters.announce(people.values(), CLUE_REOPENED, said)
        if answer is not None and answer.kind == SELF_PROOF.code:
            # The unit holds a letter that says it has explained its data; the reason names what was found and stays inside.
            told = {
                "number": answer.number,
                "matter": answer.pk,
                "day": now().astimezone(CHINA).date().isoformat(),
            }
            matters.announce(matter_rules.people_of(answer.subject_id), PROOF_REOPENED, told)
    return opened


def close(author: Any, clue: Clue, version: int, state: str, reason: str) -> Clue:
    """Decide a clue."""
    with transaction.atomic():
        decided = observing.decide_clue(author, clue, version, state, reason)
        accounts.record(author, f"integrity:clue:{state}", str(clue.pk), {"reason": reason.strip()[:300]})
    return decided

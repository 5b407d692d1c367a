"""Who sees clues and who decides about rules."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as account_queries
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters import queries as matter_queries
from qingjian.apps.matters import rules as matters
from qingjian.apps.matters.declarations import VOID, Process
from qingjian.apps.matters.models import Matter
from qingjian.apps.observing.models import Clue


def may_see_clues(user: Any) -> bool:
    """Say whether any post of the person reaches a region: units see requests made to them, never clues."""
    return bool(account_rules.scope(user, Capability.VIEW_DATA).regions)


def require_clues(user: Any) -> None:
    """Raise PermissionDenied unless `may_see_clues`."""
    if not may_see_clues(user):
        raise PermissionDenied(
            _("Clues are seen by the bureau only. Requests to your unit stand among its matters.")
        )


def may_decide(user: Any, clue: Clue) -> bool:
    """Say whether a person may dismiss a clue."""
    return account_rules.may(user, Capability.HANDLE_ALERTS, region=clue.point.region)


def answered_by(clue: Clue) -> Matter | None:
    """Return the finished matter whose result decided a clue; None where one person did. A void one decides nothing."""
    rows = matter_queries.finished_from(f"{CLUE}:{clue.pk}").exclude(state=VOID)
    return next((one for one in rows if clue.reason.startswith(f"{one.number}: ")), None)


def needed_to_reopen(clue: Clue) -> Capability:
    """Return what taking a dismissal back needs: what two people stood for is not undone by one officer."""
    return Capability.HANDLE_ALERTS if answered_by(clue) is None else Capability.APPROVE_MATTERS


def may_reopen(user: Any, clue: Clue) -> bool:
    """Say whether a person may take the dismissal of a clue back."""
    return account_rules.may(user, needed_to_reopen(clue), region=clue.point.region)


def may_set_rules(user: Any) -> bool:
    """Say whether a person may write rule sets, switch them on, mute and un-mute: they hold for the whole node."""
    return account_rules.may_everywhere(user, Capability.CONFIRM_RULES)


def require_rules(user: Any) -> None:
    """Raise PermissionDenied unless `may_set_rules`."""
    if not may_set_rules(user):
        raise PermissionDenied(
            _(
                "Rules of screening hold for the whole node: this needs a post that reaches all of its regions."
            )
        )


def who_may_set_rules() -> list[Any]:
    """Return the people who may, for notices."""
    return [one for one in account_queries.people_with(Capability.CONFIRM_RULES) if may_set_rules(one)]


def may_open(user: Any, process: Process, clue: Clue) -> bool:
    """Say whether a person may open a verification or a request about a clue."""
    return clue.point.region_id in matters.reach(user).capabilities.get(
        process.who_opens.capability, frozenset()
    )


def may_verify(user: Any, clue: Clue) -> bool:
    return may_open(user, VERIFICATION, clue)


def may_ask_proof(user: Any, clue: Clue) -> bool:
    return may_open(user, SELF_PROOF, clue)

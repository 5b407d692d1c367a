"""Who sees clues and who decides about rules."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.integrity.self_proof import SELF_PROOF
from qingjian.apps.matters import rules as matters
from qingjian.apps.matters.declarations import Process
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


def may_set_rules(user: Any) -> bool:
    """Say whether a person may write rule sets, switch them on, mute and un-mute."""
    return account_rules.may(user, Capability.CONFIRM_RULES)


def may_open(user: Any, process: Process, clue: Clue) -> bool:
    """Say whether a person may open a verification or a request about a clue."""
    return clue.point.region_id in matters.reach(user).capabilities.get(
        process.who_opens.capability, frozenset()
    )


def may_verify(user: Any, clue: Clue) -> bool:
    return may_open(user, VERIFICATION, clue)


def may_ask_proof(user: Any, clue: Clue) -> bool:
    return may_open(user, SELF_PROOF, clue)

"""Who may change rules: what holds for the whole node needs a post that reaches all of it, what names a place that place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.rulekeeping import places
from qingjian.apps.rulekeeping.models import RuleProposal


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a person may propose, decide, enter and confirm rules."""

    everywhere: bool
    regions: frozenset[int]

    def table(self, table: str) -> bool:
        """Say whether some row of a table lies within the reach."""
        return self.everywhere or (places.column_of(table) is not None and bool(self.regions))

    def row(self, table: str, values: Mapping[str, str]) -> bool:
        """Say whether one row lies within the reach."""
        if self.everywhere:
            return True
        region = places.region_of(table, values)
        return region is not None and region.pk in self.regions


def reach(user: Any) -> Reach:
    """Return where a person may change rules."""
    return Reach(
        account_rules.may_everywhere(user, Capability.CONFIRM_RULES),
        account_rules.scope(user, Capability.CONFIRM_RULES).regions,
    )


def touched(change: RuleProposal) -> list[Mapping[str, str]]:
    """Return every row a proposal sets, replaces or takes back."""
    return [*change.rows, *change.before.values()]


def may_decide(user: Any, change: RuleProposal) -> bool:
    """Say whether a person may approve or reject a proposal: somebody else's, with the right for every row of it."""
    held = reach(user)
    return user.pk != change.author_id and all(held.row(change.table, one) for one in touched(change))


def require(user: Any, table: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Raise PermissionDenied with its reason unless every one of the rows lies within the person's reach."""
    if places.column_of(table) is None:
        account_rules.require_everywhere(user, Capability.CONFIRM_RULES)
        return
    account_rules.require(user, Capability.CONFIRM_RULES)
    held = reach(user)
    if not all(held.row(table, one) for one in rows):
        raise PermissionDenied(
            _(
                "A row names a place outside the region of your post. Ask the data manager of the region above."
            )
        )

"""Precision of a rule and kind from closed clues, and muting what falls below its floor."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.integrity.models import Mute, RuleSet
from qingjian.apps.observing.models import Clue
from qingjian.contracts.current import now

FEW = 10
"""Below so many closed clues a precision is said to rest on few."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Clues confirmed and closed, and what follows: the share, and where it lies with 95 % certainty (Wilson)."""

    confirmed: int
    closed: int

    @property
    def share(self) -> float | None:
        return self.confirmed / self.closed if self.closed else None

    @property
    def few(self) -> bool:
        return self.closed < FEW

    @property
    def low(self) -> float | None:
        return self._bound(-1)

    @property
    def high(self) -> float | None:
        return self._bound(1)

    def _bound(self, side: int) -> float | None:
        if not self.closed:
            return None
        n, p, z = self.closed, self.confirmed / self.closed, 1.96
        middle = p + z * z / (2 * n)
        reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        found = (middle + side * reach) / (1 + z * z / n)
        # The share itself lies within its bounds, whatever rounding does at 0 and 1.
        return max(p, min(1.0, found)) if side > 0 else min(p, max(0.0, found))


def precision_of(rule: str, kind: str) -> Precision:
    """Return the precision of a rule and kind over all regions of the node."""
    found = Clue.objects.filter(rule=rule, kind=kind).aggregate(
        confirmed=Count("pk", filter=Q(state=Clue.State.CONFIRMED)),
        closed=Count("pk", filter=~Q(state=Clue.State.OPEN)),
    )
    return Precision(found["confirmed"], found["closed"])


def in_force() -> dict[tuple[str, str], Mute]:
    """Return what is muted now, by rule and kind."""
    return {(one.rule, one.kind): one for one in Mute.objects.filter(lifted_at=None).select_related("author")}


def judge(rule: str, kind: str, rules: RuleSet | None = None) -> Mute | None:
    """Mute a rule and kind whose precision is below the floor; returns the new mute.

    After a person un-muted it, as many clues as the rule set asks for must be closed anew before it is judged again.
    """
    from qingjian.apps.integrity.services.rulesets import active

    rules = rules or active()
    found = precision_of(rule, kind)
    with transaction.atomic():
        last = Mute.objects.select_for_update().filter(rule=rule, kind=kind).first()
        if last is not None and last.lifted_at is None:
            return None
        fresh = found.closed - (last.closed if last is not None else 0)
        if fresh < rules.least_closed or found.share is None or 100 * found.share >= rules.precision_floor:
            return None
        return Mute.objects.create(
            rule=rule,
            kind=kind,
            since=now(),
            floor=rules.precision_floor,
            confirmed=found.confirmed,
            closed=found.closed,
        )


def why(muted: Mute) -> str:
    """Return why a rule was muted, in the person's language."""
    if muted.author_id is not None or muted.floor is None:
        return muted.reason
    return _("%(confirmed)d of %(closed)d closed clues were confirmed, below the floor of %(floor)g %%") % {
        "confirmed": muted.confirmed,
        "closed": muted.closed,
        "floor": muted.floor,
    }


def mute(author: Any, rule: str, kind: str, reason: str) -> Mute:
    """Mute a rule and kind by hand; findings are still recorded, but ask nobody."""
    _require(author, reason)
    found = precision_of(rule, kind)
    with transaction.atomic():
        if Mute.objects.filter(rule=rule, kind=kind, lifted_at=None).exists():
            raise ValidationError(_("This rule is muted already."))
        made = Mute.objects.create(
            rule=rule,
            kind=kind,
            since=now(),
            author=author,
            reason=reason.strip(),
            confirmed=found.confirmed,
            closed=found.closed,
        )
        accounts.record(author, "integrity:rule:muted", f"{rule} {kind}", {"reason": reason.strip()})
    return made


def lift(author: Any, muted: Mute, reason: str) -> Mute:
    """Un-mute a rule and kind; what it finds from the next screening on becomes clues again."""
    _require(author, reason)
    with transaction.atomic():
        changed = Mute.objects.filter(pk=muted.pk, lifted_at=None).update(
            lifted_at=now(),
            lifted_by=author,
            lift_reason=reason.strip(),
            closed=precision_of(muted.rule, muted.kind).closed,
        )
        if not changed:
            raise ValidationError(_("Somebody has un-muted this rule in the meantime. Reload the page."))
        accounts.record(
            author, "integrity:rule:unmuted", f"{muted.rule} {muted.kind}", {"reason": reason.strip()}
        )
    muted.refresh_from_db()
    return muted


def _require(author: Any, reason: str) -> None:
    account_rules.require(author, Capability.CONFIRM_RULES)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))

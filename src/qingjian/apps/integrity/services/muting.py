"""Muting: a rule and kind whose precision falls below the floor asks nobody until a person lifts it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import queries as account_queries
from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.integrity.models import Mute, RuleSet
from qingjian.apps.integrity.precision import precision_of
from qingjian.apps.integrity.services.rulesets import active
from qingjian.apps.integrity.words import RULE_MUTED
from qingjian.apps.matters import services as matters
from qingjian.apps.observing.models import Clue
from qingjian.contracts.current import now


def hear(clue: Clue, **_others: Any) -> None:
    """Judge the rule of a clue that was decided, whoever decided it and by which way."""
    judge(clue.rule, clue.kind)


def judge(rule: str, kind: str, rules: RuleSet | None = None) -> Mute | None:
    """Mute a rule and kind whose precision is below the floor and tell whoever may lift it; returns the new mute.

    After a person un-muted it, as many clues as the rule set asks for must be closed anew before it is judged again.
    """
    rules = rules or active()
    found = precision_of(rule, kind)
    with transaction.atomic():
        last = Mute.objects.select_for_update().filter(rule=rule, kind=kind).first()
        if last is not None and last.lifted_at is None:
            return None
        fresh = found.closed - (last.closed if last is not None else 0)
        if fresh < rules.least_closed or found.share is None or 100 * found.share >= rules.precision_floor:
            return None
        made = Mute.objects.create(
            rule=rule,
            kind=kind,
            since=now(),
            floor=rules.precision_floor,
            confirmed=found.confirmed,
            closed=found.closed,
        )
        matters.announce(
            account_queries.people_with(Capability.CONFIRM_RULES),
            RULE_MUTED,
            {"rule": rule, "kind": kind, "confirmed": found.confirmed, "closed": found.closed},
        )
    return made


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

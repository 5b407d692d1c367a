"""Muting: a rule and kind whose precision falls below the floor asks nobody until a person lifts it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.integrity import rules as rights
from qingjian.apps.integrity.models import Mute, RuleSet
from qingjian.apps.integrity.precision import AGREED, Precision, by_kind, judged_by, mutes_in_force
from qingjian.apps.integrity.services.rulesets import active
from qingjian.apps.integrity.words import EVERY, MUTE_ASKED, RULE_MUTED, RULES
from qingjian.apps.matters import services as matters
from qingjian.apps.observing.models import Clue
from qingjian.contracts.current import now


def hear(clue: Clue, **_others: Any) -> None:
    """Judge the rule of a clue that was decided, whoever decided it and by which way: its kind, and the rule as a whole."""
    for kind in (clue.kind, EVERY):
        if clue.state == Clue.State.OPEN:
            _taken_back(clue.rule, kind, active())
        judge(clue.rule, kind)


def judge(rule: str, kind: str, rules: RuleSet | None = None) -> Mute | None:
    """Mute a rule and kind whose precision is below the floor and tell whoever may lift it; returns the new mute.

    EVERY as kind judges all kinds together that have too few closed clues of their own. After a person un-muted it, as
    many clues as the rule set asks for must be closed anew before it is judged again.
    """
    rules = rules or active()
    with transaction.atomic():
        rows = Mute.objects.select_for_update().filter(rule=rule, kind=kind)
        found = _below_floor(rule, kind, rules)
        if found is None:
            return None
        # What somebody asked for has come by itself.
        rows.filter(lifted_at=None).update(lifted_at=now(), lift_reason=_("The precision floor muted it."))
        made = Mute.objects.create(
            rule=rule,
            kind=kind,
            since=now(),
            floor=rules.precision_floor,
            confirmed=found.confirmed,
            closed=found.closed,
        )
        matters.announce(
            rights.who_may_set_rules(),
            RULE_MUTED,
            {"rule": rule, "kind": kind, "confirmed": found.confirmed, "closed": found.closed},
        )
    return made


def below_floor(rules: RuleSet) -> set[tuple[str, str]]:
    """Return what a rule set would mute now that is not muted."""
    pairs = [(rule, kind) for rule in RULES for kind in (*by_kind(rule), EVERY)]
    return {(rule, kind) for rule, kind in pairs if _below_floor(rule, kind, rules) is not None}


def _below_floor(rule: str, kind: str, rules: RuleSet) -> Precision | None:
    """Return the precision for which a rule and kind is to be muted; None where it is not, or is muted already."""
    if (rule, kind) in mutes_in_force():
        return None
    found = judged_by(rule, kind, rules.least_closed)
    return found if _is_below(found, rules, _closed_before(rule, kind, rules.least_closed)) else None


def _is_below(found: Precision, rules: RuleSet, before: int = 0) -> bool:
    """Say whether a precision rests on enough clues closed after `before` of them, and lies below the floor."""
    few = found.closed - before < rules.least_closed
    return not few and found.share is not None and 100 * found.share < rules.precision_floor


def _taken_back(rule: str, kind: str, rules: RuleSet) -> None:
    """Lift what the precision floor muted where the decisions it rested on were taken back."""
    if not _is_below(judged_by(rule, kind, rules.least_closed), rules):
        Mute.objects.filter(rule=rule, kind=kind, author=None, lifted_at=None).update(
            lifted_at=now(), lift_reason=_("Decisions it rested on were taken back.")
        )


def _closed_before(rule: str, kind: str, least: int) -> int:
    """Return how many of the closed clues a rule and kind is judged by were closed when a person last un-muted it.

    To un-mute the whole rule un-mutes its kinds. A request that never held was no mute, and refusing it changes nothing.
    """
    lifted = Mute.objects.filter(rule=rule, kind__in={kind, EVERY}).exclude(lifted_closed=None)
    last = lifted.order_by("-lifted_at", "-pk").first()
    if last is None:
        return 0
    if not last.lifted_kinds:
        return last.lifted_closed if last.kind == kind else 0
    if kind != EVERY:
        return int(last.lifted_kinds.get(kind, 0))
    few = [name for name, one in by_kind(rule).items() if one.closed < least]
    return sum(int(last.lifted_kinds.get(name, 0)) for name in few)


def mute(author: Any, rule: str, kind: str, reason: str) -> Mute:
    """Ask for a rule and kind to be muted: once a second person agrees, findings are still recorded, but ask nobody."""
    _require(author, reason)
    found = judged_by(rule, kind, active().least_closed)
    with transaction.atomic():
        if Mute.objects.filter(rule=rule, kind=kind, lifted_at=None).exists():
            raise ValidationError(_("This rule is muted already, or somebody asks for it."))
        made = Mute.objects.create(
            rule=rule,
            kind=kind,
            since=now(),
            author=author,
            reason=reason.strip(),
            confirmed=found.confirmed,
            closed=found.closed,
        )
        accounts.record(author, "integrity:rule:mute-asked", f"{rule} {kind}", {"reason": reason.strip()})
        others = [one for one in rights.who_may_set_rules() if one.pk != author.pk]
        said = {"rule": rule, "kind": kind, "person": author.name, "reason": reason.strip()}
        matters.announce(others, MUTE_ASKED, said)
    return made


def agree(author: Any, asked: Mute) -> Mute:
    """Mute what another person asked for."""
    rights.require_rules(author)
    if asked.author_id == author.pk:
        raise PermissionDenied(_("Somebody else than the author decides."))
    with transaction.atomic():
        changed = Mute.objects.filter(pk=asked.pk, lifted_at=None, second=None).exclude(author=None)
        if not changed.update(second=author, agreed_at=now(), since=now()):
            raise ValidationError(_("This is decided already. Reload the page."))
        accounts.record(
            author, "integrity:rule:muted", f"{asked.rule} {asked.kind}", {"reason": asked.reason}
        )
    asked.refresh_from_db()
    return asked


def lift(author: Any, muted: Mute, reason: str) -> Mute:
    """Un-mute a rule and kind, or refuse what was asked for; what it finds from the next screening on becomes clues."""
    _require(author, reason)
    with transaction.atomic():
        rows = Mute.objects.select_for_update().filter(pk=muted.pk, lifted_at=None)
        held = rows.filter(AGREED).exists()
        counted = {name: one.closed for name, one in by_kind(muted.rule).items()} if held else {}
        closed = judged_by(muted.rule, muted.kind, active().least_closed).closed if held else None
        changed = rows.update(
            lifted_at=now(),
            lifted_by=author,
            lift_reason=reason.strip(),
            lifted_closed=closed,
            lifted_kinds=counted,
        )
        if not changed:
            raise ValidationError(_("Somebody has un-muted this rule in the meantime. Reload the page."))
        accounts.record(
            author, "integrity:rule:unmuted", f"{muted.rule} {muted.kind}", {"reason": reason.strip()}
        )
    muted.refresh_from_db()
    return muted


def _require(author: Any, reason: str) -> None:
    rights.require_rules(author)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))

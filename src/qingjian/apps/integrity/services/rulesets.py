"""Versions of the rule set: written by a person, tried on the past, switched on with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps as installed_apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.integrity import rules as rights
from qingjian.apps.integrity.models import RuleSet, Trial
from qingjian.contracts.current import now

DELIVERED = 1
"""Version of the rule set that comes with the program."""


def active() -> RuleSet:
    """Return the rule set in force: the one a person switched on last; before that, the delivered one."""
    chosen = RuleSet.objects.exclude(activated_by=None).order_by("-activated_at", "-version").first()
    return chosen or RuleSet.objects.get(version=DELIVERED)


def deliver(using: str, apps: Any = installed_apps, **_others: Any) -> None:
    """Give a node the delivered rule set after its tables are made; one that has it keeps it.

    `apps` are the models as they are at that moment, which may be before the table exists.
    """
    try:
        model = apps.get_model("integrity", "RuleSet")
    except LookupError:
        return
    moment = now()
    model.objects.using(using).get_or_create(
        version=DELIVERED, defaults={"reason": "", "created_at": moment, "activated_at": moment}
    )


def write(author: Any, settings: Mapping[str, Any], reason: str) -> RuleSet:
    """Write a new version; it is not in force before somebody has tried it and switched it on."""
    rights.require_rules(author)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    before = active()
    if all(getattr(before, name) == settings[name] for name in RuleSet.SETTINGS):
        raise ValidationError(_("Nothing differs from the rule set in force."))
    with transaction.atomic():
        number = (RuleSet.objects.aggregate(last=Max("version"))["last"] or 0) + 1
        made = RuleSet.objects.create(
            version=number,
            reason=reason.strip(),
            author=author,
            created_at=now(),
            **{name: settings[name] for name in RuleSet.SETTINGS},
        )
        accounts.record(author, "integrity:rules:written", str(number), _said(made, reason))
    return made


def switch_on(author: Any, rules: RuleSet, reason: str) -> RuleSet:
    """Put a rule set in force from the next screening on: tried on the past, and by a second person, not its author."""
    rights.require_rules(author)
    if not may_switch_on(author, rules):
        raise PermissionDenied(_("Somebody else than the author decides."))
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        if rules == active():
            raise ValidationError(_("This rule set is in force already."))
        if not Trial.objects.filter(rules=rules).exists() and rules.activated_at is None:
            raise ValidationError(_("Try the rule set on the past first."))
        RuleSet.objects.filter(pk=rules.pk).update(
            activated_at=now(), activated_by=author, activation_reason=reason.strip()
        )
        accounts.record(author, "integrity:rules:switched-on", str(rules.version), _said(rules, reason))
    rules.refresh_from_db()
    return rules


def _said(rules: RuleSet, reason: str) -> dict[str, Any]:
    return {"reason": reason.strip(), **{name: getattr(rules, name) for name in RuleSet.SETTINGS}}


def may_switch_on(person: Any, rules: RuleSet) -> bool:
    """Say whether a person who may set rules may put this one in force: what decides over others needs four eyes."""
    return rules.author_id is None or rules.author_id != person.pk

"""All writes of the rulebook."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping import queries, recorded
from qingjian.apps.rulekeeping.models import RuleConfirmation
from qingjian.contracts.current import now


def confirm(author: Any, row_id: str, digest: str, document: str) -> RuleConfirmation:
    """Record that a person compared a row with its document; the digest is of the content that was on the screen."""
    account_rules.require(author, Capability.CONFIRM_RULES)
    try:
        row = queries.rulebook().row(row_id)
    except KeyError as error:
        raise ValidationError(_("There is no such rule.")) from error
    if row.digest != digest:
        raise ValidationError(_("The rule has changed since you opened the page. Look at it again."))
    if len(document.strip()) < 4:
        raise ValidationError(_("Name the document you compared with: number, edition, page."))
    with transaction.atomic():
        confirmation, created = RuleConfirmation.objects.get_or_create(
            row_id=row_id,
            row_digest=digest,
            defaults={"document": document.strip(), "author": author, "at": now()},
        )
        if not created:
            raise ValidationError(_("This rule is confirmed already."))
        accounts.record(author, "rule:row:confirmed", row_id, {"document": document.strip()})
        records.commit("rule.confirmed", confirmation.pk, recorded.rule_confirmed(confirmation))
    return confirmation

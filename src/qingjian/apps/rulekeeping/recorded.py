"""What of the rulebook goes into the ledger."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.records import kinds
from qingjian.apps.rulekeeping.models import RuleConfirmation


def rule_confirmed(confirmation: RuleConfirmation) -> dict[str, Any]:
    return {
        **named("actor", confirmation.author),
        "rule": confirmation.row_id,
        "digest": confirmation.row_digest,
        "document": confirmation.document,
    }


def _reread(identifier: str) -> dict[str, Any] | None:
    row = RuleConfirmation.objects.filter(pk=identifier).first()
    return rule_confirmed(row) if row else None


def _made() -> list[str]:
    return [str(pk) for pk in RuleConfirmation.objects.values_list("pk", flat=True)]


kinds.register(
    "rule.confirmed",
    _("Rule confirmed"),
    "规则确认",
    {"actor", "rule", "digest", "document"},
    _reread,
    _made,
)

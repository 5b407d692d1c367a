"""What of the rulebook goes into the ledger."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.recorded import named
from qingjian.apps.records import kinds
from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation, RuleProposal
from qingjian.rulebook import Row


def rule_confirmed(confirmation: RuleConfirmation) -> dict[str, Any]:
    return {
        **named("actor", confirmation.author),
        "rule": confirmation.row_id,
        "digest": confirmation.row_digest,
        "document": confirmation.document,
    }


def local_rule(row: LocalRow) -> dict[str, Any]:
    return {
        **named("actor", row.author),
        "rule": row.row_id,
        "table": row.table,
        "values": row.values,
        "document": row.document,
    }


def _reread_local(identifier: str) -> dict[str, Any] | None:
    row = LocalRow.objects.filter(pk=identifier).first()
    return local_rule(row) if row else None


def _made_local() -> list[str]:
    return [str(pk) for pk in LocalRow.objects.values_list("pk", flat=True)]


def _reread(identifier: str) -> dict[str, Any] | None:
    row = RuleConfirmation.objects.filter(pk=identifier).first()
    return rule_confirmed(row) if row else None


def _made() -> list[str]:
    return [str(pk) for pk in RuleConfirmation.objects.values_list("pk", flat=True)]


def rule_changed(change: RuleProposal) -> dict[str, Any]:
    rows = [Row.from_values(change.table, values, override=True) for values in change.rows]
    return {
        **named("actor", change.decided_by),
        "change": change.pk,
        "table": change.table,
        "rows": {row.id: row.digest for row in rows},
        "taken_back": list(change.taken_back),
        "document": change.document,
    }


def _reread_change(identifier: str) -> dict[str, Any] | None:
    change = RuleProposal.objects.select_related("decided_by").filter(pk=identifier).first()
    return rule_changed(change) if change else None


def _approved() -> list[str]:
    approved = RuleProposal.objects.filter(state=RuleProposal.State.APPROVED)
    return [str(pk) for pk in approved.values_list("pk", flat=True)]


kinds.register(
    "rule.confirmed",
    _("Rule confirmed"),
    "规则确认",
    {"actor", "rule", "digest", "document"},
    _reread,
    _made,
)
kinds.register(
    "rule.local",
    _("Local rule entered"),
    "本地规则录入",
    {"actor", "rule", "table", "values", "document"},
    _reread_local,
    _made_local,
)


def local_rule_withdrawn(row: LocalRow) -> dict[str, Any]:
    return {
        **named("actor", row.withdrawn_by),
        "rule": row.row_id,
        "table": row.table,
        "at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
    }


def _reread_withdrawn(identifier: str) -> dict[str, Any] | None:
    row = LocalRow.objects.select_related("withdrawn_by").filter(pk=identifier).first()
    return local_rule_withdrawn(row) if row and row.withdrawn_at else None


def _made_withdrawn() -> list[str]:
    return [str(pk) for pk in LocalRow.objects.exclude(withdrawn_at=None).values_list("pk", flat=True)]


kinds.register(
    "rule.local.withdrawn",
    _("Local rule withdrawn"),
    "本地规则停用",
    {"actor", "rule", "table", "at"},
    _reread_withdrawn,
    _made_withdrawn,
)
kinds.register(
    "rule.changed",
    _("Rules of the office changed"),
    "规则变更",
    {"actor", "change", "table", "rows", "taken_back", "document"},
    _reread_change,
    _approved,
)

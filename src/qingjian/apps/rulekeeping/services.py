"""All writes of the rulebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping import queries, recorded
from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation
from qingjian.contracts.current import now
from qingjian.quality.rules import RuleTextError, check_text
from qingjian.rulebook import Row, RowError, load_csv
from qingjian.rulebook.tables import TABLES

rulebook_changed = Signal()
"""Sent after a change is stored; whoever publishes the rulebook listens (the worker looks again by itself)."""


def _announce() -> None:
    transaction.on_commit(lambda: rulebook_changed.send_robust(sender=None), robust=True)


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
        _announce()
    return confirmation


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a file: rows now in force, and what is wrong with which line (then nothing was stored)."""

    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]


def enter_local(author: Any, table: str, text: str, document: str) -> Entered:
    """Take this office's own rows of one table from CSV text: all lines or none.

    A row for the key of an earlier one takes its place; a packaged row of the same key is replaced.
    """
    account_rules.require(author, Capability.CONFIRM_RULES)
    if table not in TABLES:
        raise ValidationError(_("Choose a table."))
    if len(document.strip()) < 4:
        raise ValidationError(_("Name the document the rows come from: number, edition, page."))
    rows, errors = load_csv(text, table)
    errors = (*errors, *_unreadable(rows))
    if errors:
        return Entered((), errors)
    if not rows:
        raise ValidationError(_("The file holds no row."))
    with transaction.atomic():
        for row in rows:
            _withdraw(author, row.id)
            made = LocalRow.objects.create(
                row_id=row.id,
                table=table,
                values=dict(row.values),
                document=document.strip(),
                author=author,
                at=now(),
            )
            accounts.record(author, "rule:local:entered", row.id, {"document": document.strip()})
            records.commit("rule.local", made.pk, recorded.local_rule(made))
        _announce()
    return Entered(rows, ())


def _unreadable(rows: Sequence[Row]) -> tuple[RowError, ...]:
    """Rows whose number the computation would look for in vain."""
    errors = []
    for line, row in enumerate(rows, start=2):
        try:
            check_text(row)
        except RuleTextError as error:
            zh, _slash, en = str(error).partition(" / ")
            errors.append(RowError(line, "rule", zh, en))
    return tuple(errors)


def withdraw_local(author: Any, row_id: str) -> None:
    """Take an own row out of force; what was packaged under its key holds again."""
    account_rules.require(author, Capability.CONFIRM_RULES)
    with transaction.atomic():
        if not _withdraw(author, row_id):
            raise ValidationError(_("There is no such rule."))
        accounts.record(author, "rule:local:withdrawn", row_id)
        _announce()


def _withdraw(author: Any, row_id: str) -> int:
    """Take the row in force out of it, in the caller's transaction; returns how many there were."""
    in_force = list(LocalRow.objects.filter(row_id=row_id, withdrawn_at=None))
    for row in in_force:
        row.withdrawn_at, row.withdrawn_by = now(), author
        row.save(update_fields=("withdrawn_at", "withdrawn_by"))
        records.commit("rule.local.withdrawn", row.pk, recorded.local_rule_withdrawn(row))
    return len(in_force)

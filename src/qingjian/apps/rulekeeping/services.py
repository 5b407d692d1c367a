"""All writes of the rulebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.records import services as records
from qingjian.apps.rulekeeping import places, protocol, queries, recorded, rules
from qingjian.apps.rulekeeping.models import LocalRow, RuleConfirmation, RuleProposal
from qingjian.contracts.current import now
from qingjian.hj212.profiles import unknown_selectors
from qingjian.quality.rules import RuleTextError, check_text
from qingjian.rulebook import Row, RowError, Rulebook, load_csv, load_lines, packaged
from qingjian.rulebook.tables import TABLES
from qingjian.standards import assignments, ecology_tree, proposals, readable, regional_targets, symbols
from qingjian.standards.air import local as local_air
from qingjian.standards.explanation import Text

SHORTEST_DOCUMENT = 4
rulebook_changed = Signal()
"""Sent after a change is stored; whoever publishes the rulebook listens (the worker looks again by itself)."""


def _announce() -> None:
    transaction.on_commit(lambda: rulebook_changed.send_robust(sender=None), robust=True)


def confirm(author: Any, row_id: str, digest: str, document: str) -> RuleConfirmation:
    """Record that a person compared a row with its document; the digest is of the content that was on the screen."""
    account_rules.require(author, Capability.CONFIRM_RULES)
    try:
        row = queries.row(row_id)
    except KeyError as error:
        raise ValidationError(_("There is no such rule.")) from error
    rules.require(author, row.table, [row.values])
    if row.digest != digest:
        raise ValidationError(_("The rule has changed since you opened the page. Look at it again."))
    if len(document.strip()) < SHORTEST_DOCUMENT:
        raise ValidationError(_("Name the document you compared with: number, edition, page."))
    with transaction.atomic():
        confirmation, created = _confirmed(author, row, document.strip())
        if not created:
            raise ValidationError(_("This rule is confirmed already."))
    return confirmation


def _confirmed(author: Any, row: Row, document: str) -> tuple[RuleConfirmation, bool]:
    confirmation, created = RuleConfirmation.objects.get_or_create(
        row_id=row.id,
        row_digest=row.digest,
        defaults={"document": document, "author": author, "at": now()},
    )
    if created:
        accounts.record(author, "rule:row:confirmed", row.id, {"document": document})
        records.commit("rule.confirmed", confirmation.pk, recorded.rule_confirmed(confirmation))
        _announce()
    return confirmation, created


# -- limits and other rows that need a second person ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong in which line (0 = the whole) and column."""

    line: int
    column: str
    message: str


class RowsRefusedError(ValidationError):
    """Line-by-line problems; nothing of the proposal was stored."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__([f"{one.line} {one.column} {one.message}" for one in problems])


def checked(table: str, text: str) -> list[Row]:
    """Return the rows of a CSV text; RowsRefusedError lists every wrong line.

    A row of this office must say where it comes from and since when it holds: without these nobody could judge it.
    """
    if table not in queries.LIMIT_TABLES:
        raise ValidationError(_("Rows of this table are not kept on this page."))
    given, errors = load_lines(text, table)
    book = _assignable(table)
    lines = [(line, _completed(row, book)) for line, row in given]
    errors = (*errors, *_unreadable(lines))
    english = (get_language() or "").startswith("en")
    problems = [
        RowProblem(one.line, one.column, one.message_en if english else one.message_zh) for one in errors
    ]
    factors = _factors(table)
    seen: set[str] = set()
    for place, row in lines:
        if row.id in seen:
            problems.append(RowProblem(place, "", _("An earlier line says the same.")))
        seen.add(row.id)
        problems += [
            RowProblem(place, name, _("is required"))
            for name in queries.needed_columns(table)
            if not row.values.get(name, "").strip()
        ]
        problems += [
            RowProblem(place, column, text.en if english else text.zh)
            for column, text in _problems_of(row, factors, book)
        ]
    problems += _nowhere(table, lines)
    if problems:
        raise RowsRefusedError(sorted(problems, key=lambda one: one.line))
    return [row for _line, row in lines]


def _assignable(table: str) -> Rulebook:
    """Return the rulebook whose emission limits an outlet may be assigned to; no other table asks for this office's rows."""
    return queries.rulebook() if table == assignments.TABLE else packaged()


def _completed(row: Row, book: Rulebook) -> Row:
    """A row as its table writes it, where only one thing can be meant."""
    return regional_targets.completed(assignments.completed(proposals.completed(row), book))


def _problems_of(row: Row, factors: Collection[str], book: Rulebook) -> list[tuple[str, Text]]:
    """(column, what is wrong) for a row that nothing would read, or otherwise than it says."""
    return [
        *proposals.problems_of(row, factors),
        *assignments.problems(row, book),
        *regional_targets.problems(row),
    ]


@dataclass(frozen=True, slots=True)
class Correction:
    """What was written in which line and column, and how the tables write it."""

    line: int
    column: str
    given: str
    written: str


def corrections(table: str, text: str) -> list[Correction]:
    """Return what of a file is stored in another spelling than it was typed."""
    given, _errors = load_lines(text, table)
    book = _assignable(table)
    return [
        Correction(line, name, row.values.get(name, ""), value)
        for line, row in given
        for name, value in _completed(row, book).values.items()
        if value != row.values.get(name, "")
    ]


def _factors(table: str) -> frozenset[str]:
    """Return the names of this office's own factors, where a table has limits of them."""
    return places.factor_names() if table == symbols.EMISSIONS else frozenset()


def _nowhere(table: str, rows: Sequence[tuple[int, Row]]) -> list[RowProblem]:
    """Rows that name a region or outlet nobody has registered: they would silently bind nothing."""
    column = places.column_of(table)
    if column is None:
        return []
    return [
        RowProblem(line, column, _("Nothing is registered under this code."))
        for line, row in rows
        if row.values.get(column, "").strip() and places.region_of(table, row.values) is None
    ]


def as_csv(table: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the text of a file of their table."""
    names = queries.columns(table)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n", extrasaction="ignore", restval="")
    writer.writeheader()
    for row in rows:
        if row:
            writer.writerow({name: "" if row.get(name) is None else str(row[name]) for name in names})
        else:  # stays a line, so that the lines after it keep their numbers
            buffer.write("\n")
    return buffer.getvalue()


def propose(
    author: Any,
    table: str,
    text: str,
    reason: str,
    *,
    taken_back: Sequence[str] = (),
    file_name: str = "",
) -> RuleProposal:
    """Store proposed rows of a table from CSV text, and local rows to take back; nothing changes before approval."""
    account_rules.require(author, Capability.CONFIRM_RULES)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    if table not in queries.LIMIT_TABLES:
        raise ValidationError(_("Rows of this table are not kept on this page."))
    rows = checked(table, text) if text.strip() else []
    book = queries.rulebook()
    own = {row.id: row for row in book.local_rows() if row.table == table}
    if any(row_id not in own for row_id in taken_back):
        raise ValidationError(_("Only rows of this office can be taken back."))
    before: dict[str, dict[str, str]] = {row_id: dict(own[row_id].values) for row_id in taken_back}
    kept = []
    for row in rows:
        try:
            held = book.row(row.id)
        except KeyError:
            held = None
        if held is not None and held.digest == row.digest:
            continue
        if held is not None:
            before[row.id] = dict(held.values)
        kept.append(dict(row.values))
    rules.require(author, table, [*kept, *before.values()])
    if not kept and not taken_back:
        raise ValidationError(_("Nothing would change."))
    _refuse_broken(table, kept, taken_back)
    with transaction.atomic():
        change = RuleProposal.objects.create(
            table=table,
            rows=kept,
            taken_back=list(taken_back),
            before=before,
            received=text if file_name else "",
            file_name=file_name[:200],
            reason=reason.strip(),
            author=author,
            created_at=now(),
        )
        accounts.record(author, "rule:change:proposed", str(change.pk), {"table": table, "rows": len(kept)})
    return change


def _refuse_broken(table: str, rows: Sequence[Mapping[str, str]], taken_back: Sequence[str]) -> None:
    """Refuse rows that would leave a tree or ladder broken beside what holds now, or that no evaluation could read."""
    _refuse_unfound(table, rows)
    _refuse_broken_tree(table, rows, taken_back)
    _refuse_broken_ladder(table, rows, taken_back)
    _refuse_unreadable(table, rows, taken_back)


def _refuse_unfound(table: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Refuse limits that no evaluation would find: a proposal of an earlier release may wait for its approval."""
    english = (get_language() or "").startswith("en")
    factors, book = _factors(table), _assignable(table)
    problems = dict.fromkeys(
        text.en if english else text.zh
        for values in rows
        for _column, text in _problems_of(Row.from_values(table, values, override=True), factors, book)
    )
    if problems:
        raise ValidationError(list(problems))


def _refuse_unreadable(table: str, rows: Sequence[Mapping[str, str]], taken_back: Sequence[str]) -> None:
    """Refuse rows with which results that can be worked out now could not any more: a gap, a text, a number that is none."""
    book = queries.rulebook()
    own = [Row.from_values(table, values, override=True) for values in rows]
    gone = [book.row(row_id) for row_id in taken_back]
    problems = readable.unreadable(book, queries.with_changes(taken_back, own), own, gone)
    if problems:
        english = (get_language() or "").startswith("en")
        raise ValidationError([one.en if english else one.zh for one in problems])


def _refuse_broken_tree(table: str, rows: Sequence[Mapping[str, str]], taken_back: Sequence[str]) -> None:
    """Refuse indicators of the ecological index that would not be a tree on a day on which one of them begins or ends."""
    if table != ecology_tree.TABLE:
        return
    book = queries.rulebook().without_rows(taken_back)
    book = book.with_rows(Row.from_values(table, values, override=True) for values in rows)
    held = book.rows(table)
    days = {row.valid_from for row in held if row.valid_from}
    days |= {row.valid_to + timedelta(days=1) for row in held if row.valid_to}
    english = (get_language() or "").startswith("en")
    problems = dict.fromkeys(
        f"{day}: {one.en if english else one.zh}"
        for day in sorted(days)
        for one in ecology_tree.tree_problems(book.rows(table, day))
    )
    if problems:
        raise ValidationError(list(problems))


def _refuse_broken_ladder(table: str, rows: Sequence[Mapping[str, str]], taken_back: Sequence[str]) -> None:
    """Refuse rows after which an item would not have one limit for each class, and limits of a place that judge nothing."""
    if table not in (*proposals.LADDERS, local_air.TABLE):
        return
    own = [Row.from_values(table, values, override=True) for values in rows]
    book = queries.rulebook()
    gone = [book.row(row_id) for row_id in taken_back]
    after = queries.with_changes(taken_back, own)
    english = (get_language() or "").startswith("en")
    problems = local_air.problems(after, own) + proposals.ladder_problems(
        after,
        [
            *own,
            *(
                row
                for row in gone
                if after.rows(table, standard=row.standard, pollutant_cn=row["pollutant_cn"])
            ),
        ],
    )
    if problems:
        raise ValidationError([one.en if english else one.zh for one in problems])


def approve(
    author: Any, change: RuleProposal, version: int, document: str, comment: str = ""
) -> RuleProposal:
    """Put a change into force: a second person has compared the rows with the document named.

    The rows count as confirmed by that person. What they touch in the past is evaluated again by the regular job.
    """
    rules.require(author, change.table, rules.touched(change))
    if author.pk == change.author_id:
        raise PermissionDenied(_("Somebody else than the author decides."))
    if len(document.strip()) < SHORTEST_DOCUMENT:
        raise ValidationError(_("Name the document you compared with: number, edition, page."))
    with transaction.atomic():
        present = queries.rulebook()
        _refuse_if_moved(change, {row.id: dict(row.values) for row in present.rows(change.table)})
        # What was right when it was proposed may not be beside what was approved since.
        _refuse_broken(change.table, change.rows, change.taken_back)
        accounts.decide(
            author,
            change,
            version,
            RuleProposal.State.APPROVED,
            document=document.strip(),
            comment=comment.strip(),
        )
        for row_id in change.taken_back:
            _withdraw(author, row_id)
        for values in change.rows:
            row = Row.from_values(change.table, values, override=True)
            _entered(change.author, row, document.strip(), change)
            _confirmed(author, row, document.strip())
        _announce()
        accounts.record(
            author, "rule:change:approved", str(change.pk), {"table": change.table, "rows": len(change.rows)}
        )
        records.commit("rule.changed", change.pk, recorded.rule_changed(change))
    return change


def _refuse_if_moved(change: RuleProposal, held: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a proposal whose rows are not any more what they were when it was made."""
    for row_id in [*change.taken_back, *(Row.from_values(change.table, one).id for one in change.rows)]:
        if held.get(row_id) != change.before.get(row_id):
            raise ValidationError(_("The rules have changed since this was proposed. Propose it again."))


def reject(author: Any, change: RuleProposal, version: int, comment: str) -> RuleProposal:
    """Refuse a change with a reason."""
    rules.require(author, change.table, rules.touched(change))
    if author.pk == change.author_id:
        raise PermissionDenied(_("Somebody else than the author decides."))
    if not comment.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        accounts.decide(author, change, version, RuleProposal.State.REJECTED, comment=comment.strip())
        accounts.record(author, "rule:change:rejected", str(change.pk), {})
    return change


def withdraw(author: Any, change: RuleProposal, version: int) -> RuleProposal:
    """Take one's own proposal back."""
    if author.pk != change.author_id:
        raise PermissionDenied
    with transaction.atomic():
        accounts.decide(author, change, version, RuleProposal.State.WITHDRAWN)
        accounts.record(author, "rule:change:withdrawn", str(change.pk), {})
    return change


# -- rows entered by one person ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a file: rows now in force, and what is wrong with which line (then nothing was stored)."""

    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]


def enter_local(author: Any, table: str, text: str, document: str) -> Entered:
    """Take this office's own rows of one table from CSV text: all lines or none.

    A row for the key of an earlier one takes its place; a packaged row of the same key is replaced.
    """
    account_rules.require_everywhere(author, Capability.CONFIRM_RULES)
    if table not in TABLES:
        raise ValidationError(_("Choose a table."))
    _refuse_limits(table)
    if table == queries.PERMIT_TABLE:
        raise ValidationError(
            _("Limits of permits are kept in the registry: import them there, a second person decides.")
        )
    if len(document.strip()) < SHORTEST_DOCUMENT:
        raise ValidationError(_("Name the document the rows come from: number, edition, page."))
    rows, errors = load_csv(text, table)
    if errors:
        return Entered((), errors)
    if not rows:
        raise ValidationError(_("The file holds no row."))
    with transaction.atomic():
        for row in rows:
            _entered(author, row, document.strip(), None)
        _announce()
    return Entered(rows, ())


def _refuse_limits(table: str) -> None:
    """What decides results needs a second person. Facts of HJ 212 have their switches."""
    if table == protocol.TABLE:
        raise ValidationError(_("Rows of this table are not kept on this page."))
    if table in queries.LIMIT_TABLES:
        raise ValidationError(
            _("Rows of this table need a second person: propose them on the page “Limits”.")
        )


def _entered(author: Any, row: Row, document: str, change: RuleProposal | None) -> None:
    _withdraw(author, row.id)
    made = LocalRow.objects.create(
        row_id=row.id,
        table=row.table,
        values=dict(row.values),
        document=document,
        change=change,
        author=author,
        at=now(),
    )
    accounts.record(author, "rule:local:entered", row.id, {"document": document})
    records.commit("rule.local", made.pk, recorded.local_rule(made))


def _unreadable(rows: Sequence[tuple[int, Row]]) -> tuple[RowError, ...]:
    """Rows whose number the computation would look for in vain."""
    errors = []
    for line, row in rows:
        try:
            check_text(row)
        except RuleTextError as error:
            zh, _slash, en = str(error).partition(" / ")
            errors.append(RowError(line, "rule", zh, en))
    return tuple(errors)


def withdraw_local(author: Any, row_id: str) -> None:
    """Take an own row out of force; what was packaged under its key holds again."""
    account_rules.require_everywhere(author, Capability.CONFIRM_RULES)
    _refuse_limits(row_id.rsplit("-", 1)[0])
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


# -- unconfirmed facts of HJ 212 ----------------------------------------------------------------------------------------


def switch_off(author: Any, selector: str, reason: str) -> LocalRow:
    """Take a fact of HJ 212, or the unconfirmed ones of a group, out of use on the whole node."""
    _may_switch(author, selector)
    if len(reason.strip()) < SHORTEST_DOCUMENT:
        raise ValidationError(_("Say why, or name the document you compared with."))
    row = protocol.row_of(selector)
    with transaction.atomic():
        if LocalRow.objects.filter(row_id=row.id, withdrawn_at=None).exists():
            raise ValidationError(_("This is switched off already."))
        _entered(author, row, reason.strip(), None)
        _announce()
    return LocalRow.objects.get(row_id=row.id, withdrawn_at=None)


def switch_on(author: Any, selector: str) -> None:
    """Use a fact, or a group, again."""
    _may_switch(author, selector)
    with transaction.atomic():
        row_id = protocol.row_of(selector).id
        if not _withdraw(author, row_id):
            raise ValidationError(_("This is not switched off."))
        accounts.record(author, "rule:local:withdrawn", row_id)
        _announce()


def _may_switch(author: Any, selector: str) -> None:
    rules.require(author, protocol.TABLE, [])
    if unknown_selectors([selector]):
        raise ValidationError(_("There is no such rule."))

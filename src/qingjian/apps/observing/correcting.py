"""All writes of corrections: proposed by one person, decided by another, stored by the pipeline as a new revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.network.models import Series
from qingjian.apps.observing import own, recorded, rules, stores
from qingjian.apps.observing.models import Correction
from qingjian.apps.records import queries as record_queries
from qingjian.apps.records import services as records
from qingjian.contracts.current import now
from qingjian.lake import NUMBERS, as_text
from qingjian.lake.numbers import decimal_of
from qingjian.pipeline.corrections import CorrectionOrder, order_correction, source_of, waiting_corrections

MOST_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Present:
    """A value as it is stored now: its newest revision and the numbers of it as decimal text."""

    revision: int
    numbers: dict[str, str]


def present(series: Series, statistic: str, start: datetime) -> Present | None:
    """Return the newest revision of a value, None when there is no value."""
    rows = stores.lake().observation_history(series.pk, statistic, start).to_pylist()
    return Present(rows[-1]["revision"], numbers_of(rows[-1])) if rows else None


def numbers_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the numbers of a stored row as the decimal text they came as, by name."""
    return {
        name: f"{row[name]:.{max(row[f'{name}_decimals'] or 0, 0)}f}"
        for name in NUMBERS
        if row[name] is not None
    }


def require_correctable(series: Series, statistic: str) -> None:
    """Raise ValidationError unless values of this kind are corrected: as received, not as computed."""
    rules.require_correctable(series)
    finer = own.finest(series.expected, statistic) if statistic in own.TARGETS else None
    if finer is not None:
        raise ValidationError(
            _("This period is computed from finer values: correct those, and it follows by itself.")
        )


def is_correctable(series: Series, statistic: str) -> bool:
    """Say whether `require_correctable` lets it pass."""
    try:
        require_correctable(series, statistic)
    except ValidationError:
        return False
    return True


def propose(
    author: Any,
    series: Series,
    statistic: str,
    start: datetime,
    revision: int,
    numbers: Mapping[str, str],
    reason: str,
) -> Correction:
    """Propose other numbers for a value; ValidationError says what is wrong, PermissionDenied when out of reach."""
    if not rules.may_propose_correction(author, series.point):
        raise PermissionDenied
    require_correctable(series, statistic)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    known = present(series, statistic, start)
    if known is None:
        raise ValidationError(_("There is no such value."))
    if known.revision != revision:
        raise ValidationError(_("The value has changed in the meantime. Look at it again."))
    after = _changed(known.numbers, numbers)
    try:
        with transaction.atomic():
            row = Correction.objects.create(
                series=series,
                statistic=statistic,
                start=start,
                revision=revision,
                before=known.numbers,
                after=after,
                reason=reason.strip(),
                author=author,
                created_at=now(),
            )
            accounts.record(author, "data:correction:proposed", series.code, {"correction": row.pk})
    except IntegrityError as error:
        raise ValidationError(_("A correction of this value is proposed already.")) from error
    return row


def _changed(before: Mapping[str, str], numbers: Mapping[str, str]) -> dict[str, str]:
    """Return the numbers that differ, as plain decimal text."""
    after = {}
    for name, text in numbers.items():
        if name not in NUMBERS or (name not in before and name != "value"):
            raise ValidationError(_("The value has no such number."))
        plain = _plain(text)
        if name not in before or Decimal(plain) != Decimal(before[name]):
            after[name] = plain
    if not after:
        raise ValidationError(_("Nothing would change."))
    whole = {name: Decimal(text) for name, text in {**before, **after}.items()}
    low, value, high = (whole.get(name) for name in ("min", "value", "max"))
    if value is not None and ((low is not None and low > value) or (high is not None and high < value)):
        raise ValidationError(_("The value must lie between minimum and maximum: correct them too."))
    return after


def _plain(text: str) -> str:
    try:
        mantissa, decimals = decimal_of(text.strip())
    except ValueError as error:
        raise ValidationError(_("is not a number")) from error
    if not -MOST_DECIMALS <= decimals <= MOST_DECIMALS:
        raise ValidationError(_("is not a number"))
    return as_text(mantissa, decimals)


def approve(author: Any, row: Correction, version: int, comment: str = "") -> Correction:
    """Put a correction into force; its author cannot, and a value that has changed since must be looked at again."""
    _require_decider(author, row)
    known = present(row.series, row.statistic, row.start)
    if known is None or known.revision != row.revision:
        raise ValidationError(
            _("The value has changed since this was proposed. Reject the correction and propose it again.")
        )
    return _decide(author, row, version, Correction.State.APPROVED, comment.strip())


def reject(author: Any, row: Correction, version: int, comment: str) -> Correction:
    """Turn a correction down with a reason."""
    _require_decider(author, row)
    if not comment.strip():
        raise ValidationError(_("Say why, so that the author can correct it."))
    return _decide(author, row, version, Correction.State.REJECTED, comment.strip())


def withdraw(author: Any, row: Correction, version: int) -> Correction:
    """Take back one's own proposal."""
    if author.pk != row.author_id:
        raise PermissionDenied
    return _decide(author, row, version, Correction.State.WITHDRAWN, "")


def _require_decider(author: Any, row: Correction) -> None:
    if author.pk == row.author_id:
        raise PermissionDenied(_("A second person approves what you proposed."))
    if not rules.may_decide_correction(author, row):
        raise PermissionDenied


def _decide(author: Any, row: Correction, version: int, state: str, comment: str) -> Correction:
    with transaction.atomic():
        accounts.decide(author, row, version, state, comment=comment)
        accounts.record(author, f"data:correction:{state}", row.series.code, {"correction": row.pk})
        if state != Correction.State.WITHDRAWN:
            records.commit(f"correction.{state}", row.pk, recorded.correction(row))
        if state == Correction.State.APPROVED:
            transaction.on_commit(lambda: _hand_over(row), robust=True)
    return row


def _hand_over(row: Correction) -> None:
    order_correction(
        settings.DATA_FOLDER.corrections,
        CorrectionOrder(row.pk, row.series_id, row.statistic, row.start.isoformat(), row.after),
    )


def tell_pipeline() -> int:
    """Hand over approved corrections that are not in the lake; returns how many were not.

    Each is handed over when it is approved; the worker looks again, so that none is lost when a process dies in
    between. One that was approved in the database only, without its event, is never handed over.
    """
    open_rows = Correction.objects.filter(state=Correction.State.APPROVED, stored=False)
    waiting: set[int] | None = None
    missing = 0
    for row in open_rows.select_related("series__point", "author", "decided_by").order_by("pk"):
        if waiting is None:
            waiting = {order.number for _path, order in waiting_corrections(settings.DATA_FOLDER.corrections)}
        if row.pk in waiting:
            missing += 1
        elif not _is_entered(row):
            continue  # the check of the ledger names it
        elif is_stored(row):
            Correction.objects.filter(pk=row.pk).update(stored=True)
        else:
            _hand_over(row)
            missing += 1
    return missing


def _is_entered(row: Correction) -> bool:
    """Say whether an event that holds says of an approved correction what its record says."""
    event = record_queries.events_about("correction.approved", [row.pk]).first()
    if event is None or not record_queries.holds(event):
        return False
    said = record_queries.content(event)
    wanted = recorded.correction(row)
    return all(said.get(name) == value for name, value in wanted.items() if not name.endswith("_name"))


def is_stored(row: Correction) -> bool:
    """Say whether the lake has the revision of a correction, or holds its numbers anyway."""
    history = stores.lake().observation_history(row.series_id, row.statistic, row.start).to_pylist()
    if any(one["source"] == source_of(row.pk) for one in history):
        return True
    return bool(history) and _same(row.after, history[-1])


def _same(after: Mapping[str, str], row: Mapping[str, Any]) -> bool:
    return all(row[name] is not None and row[name] == float(text) for name, text in after.items())

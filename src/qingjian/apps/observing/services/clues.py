"""Clues of screening: opened, revised, decided, reopened."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.dispatch import Signal
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Point
from qingjian.apps.observing import recorded
from qingjian.apps.observing.models import (
    Clue,
)
from qingjian.apps.records import services as records
from qingjian.contracts.current import now

clue_decided = Signal()
"""Sent with `clue` in the transaction that decides it: what follows from the decision is stored with it or not at all."""


@dataclasses.dataclass(frozen=True, slots=True)
class ClueStatement:
    """What the machine states of a clue: series, period, how unusual, in both languages, with its evidence."""

    series_id: int | None
    start: datetime
    end: datetime
    score: float
    statement: str
    statement_en: str
    evidence: dict[str, Any]
    confidence: str
    simulated: bool


def open_clue(point: Point, rule: str, kind: str, statement: ClueStatement) -> Clue:
    """Open a clue with what screening states; people verify or dismiss it."""
    return Clue.objects.create(
        point=point, rule=rule, kind=kind, opened_at=now(), **dataclasses.asdict(statement)
    )


def open_clue_at(point: Point, start: datetime, end: datetime, *, simulated: bool) -> Clue | None:
    """Return the open clue about a point whose days overlap an interval, made by screening; None when there is none.

    Measured and simulated data never answer for each other.
    """
    days = Clue.objects.filter(point=point, start__lt=end, end__gt=start)
    return (
        days.filter(state=Clue.State.OPEN, simulated=simulated)
        .exclude(series=None)
        .order_by("opened_at", "id")
        .first()
    )


def revise_clue(clue: Clue, kind: str, statement: ClueStatement) -> bool:
    """Replace what the machine states of an open clue; False when people have decided it in the meantime.

    Who read the statement before reads it again before deciding: the version moves on too.
    """
    changed = Clue.objects.filter(pk=clue.pk, state=Clue.State.OPEN).update(
        kind=kind, revision=F("revision") + 1, version=F("version") + 1, **dataclasses.asdict(statement)
    )
    return bool(changed)


def decide_clue(author: Any, clue: Clue, version: int, state: str, reason: str) -> Clue:
    """Confirm or dismiss a clue with a reason; the precision of its rule follows from these decisions."""
    account_rules.require(author, Capability.HANDLE_ALERTS, region=clue.point.region)
    if state not in (Clue.State.CONFIRMED, Clue.State.DISMISSED):
        raise ValidationError(_("Choose whether the clue is confirmed or dismissed."))
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = Clue.objects.filter(pk=clue.pk, version=version, state=Clue.State.OPEN).update(
            state=state, reason=reason.strip(), decided_by=author, decided_at=now(), version=version + 1
        )
        if not changed:
            raise ValidationError(
                _("This clue was decided, or what it states has changed. Reload the page and read it again.")
            )
        clue.refresh_from_db()
        _announce(clue)
    return clue


def conclude_clue(author: Any, clue: Clue, state: str, reason: str, over: bool = False) -> bool:
    """Carry the answer of a finished matter to its clue, whose process has checked who may; False when decided before.

    `over`: two people signed the answer, and it takes the place of another one that was given before.
    """
    open_to_it = ~Q(state=state) if over else Q(state=Clue.State.OPEN)
    with transaction.atomic():
        changed = Clue.objects.filter(open_to_it, pk=clue.pk).update(
            state=Clue.State(state),
            reason=reason[:300],
            decided_by=author,
            decided_at=now(),
            version=F("version") + 1,
        )
        if changed:
            clue.refresh_from_db()
            _announce(clue)
    return bool(changed)


def reopen_clue(
    author: Any, clue: Clue, version: int, reason: str, needed: Capability = Capability.HANDLE_ALERTS
) -> Clue:
    """Take a dismissal back with a reason: the clue waits for an answer again, and the precision no longer counts it.

    `needed` is what the author must be allowed in the region of the point.
    """
    account_rules.require(author, needed, region=clue.point.region)
    if not reason.strip():
        raise ValidationError(_("Give a reason: it stays in the history."))
    with transaction.atomic():
        changed = Clue.objects.filter(pk=clue.pk, version=version, state=Clue.State.DISMISSED).update(
            state=Clue.State.OPEN,
            reason=reason.strip()[:300],
            decided_by=author,
            decided_at=now(),
            version=version + 1,
        )
        if not changed:
            raise ValidationError(_("This clue is not dismissed any more. Reload the page."))
        clue.refresh_from_db()
        _announce(clue)
    return clue


def _announce(clue: Clue) -> None:
    records.commit("clue.decided", clue.pk, recorded.clue_decided(clue))
    clue_decided.send(sender=Clue, clue=clue)

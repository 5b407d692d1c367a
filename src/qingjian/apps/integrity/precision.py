"""Precision of a rule and kind from closed clues, and what is muted for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from qingjian.apps.integrity.models import Mute, RuleSet
from qingjian.apps.integrity.words import EVERY
from qingjian.apps.observing.models import Clue
from qingjian.screening.wording import KINDS

AGREED = Q(author=None) | ~Q(second=None)
"""Mutes that hold: by the precision floor, or of two persons."""
FEW = 10
"""Below so many closed clues a precision is said to rest on few."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Clues confirmed and closed, and what follows: the share, and where it lies with 95 % certainty (Wilson)."""

    confirmed: int
    closed: int

    @property
    def share(self) -> float | None:
        return self.confirmed / self.closed if self.closed else None

    @property
    def few(self) -> bool:
        return self.closed < FEW

    @property
    def low(self) -> float | None:
        return self._bound(-1)

    @property
    def high(self) -> float | None:
        return self._bound(1)

    def _bound(self, side: int) -> float | None:
        if not self.closed:
            return None
        n, p, z = self.closed, self.confirmed / self.closed, 1.96
        middle = p + z * z / (2 * n)
        reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        found = (middle + side * reach) / (1 + z * z / n)
        # The share itself lies within its bounds, whatever rounding does at 0 and 1.
        return max(p, min(1.0, found)) if side > 0 else min(p, max(0.0, found))


def precision_of(rule: str, kind: str, simulated: bool = False) -> Precision:
    """Return the precision of a rule and kind over all regions of the node, of measured or of simulated series."""
    return by_kind(rule, simulated).get(kind, Precision(0, 0))


def by_kind(rule: str, simulated: bool = False) -> dict[str, Precision]:
    """Return the precision of a rule by kind."""
    rows = Clue.objects.order_by().filter(rule=rule, simulated=simulated).values("kind")
    counted = rows.annotate(
        confirmed=Count("pk", filter=Q(state=Clue.State.CONFIRMED)),
        closed=Count("pk", filter=~Q(state=Clue.State.OPEN)),
    )
    return {one["kind"]: Precision(one["confirmed"], one["closed"]) for one in counted}


def judged_by(rule: str, kind: str, least: int) -> Precision:
    """Return the precision a rule and kind is judged by; EVERY stands for all kinds with fewer than `least` closed clues.

    Simulated clues judge nothing: what is staged says nothing of honest data.
    """
    found = by_kind(rule)
    if kind != EVERY:
        return found.get(kind, Precision(0, 0))
    few = [one for one in found.values() if one.closed < least]
    return Precision(sum(one.confirmed for one in few), sum(one.closed for one in few))


def silenced(rules: RuleSet, more: Iterable[tuple[str, str]] = ()) -> set[tuple[str, str]]:
    """Return every rule and kind that asks nobody: muted, and `more` as if it were.

    A rule muted as a whole still asks with the kinds that have enough closed clues to be judged alone.
    """
    held = {*mutes_in_force(), *more}
    whole = {rule for rule, kind in held if kind == EVERY}
    found = {(rule, kind) for rule, kind in held if kind != EVERY}
    for rule in whole:
        alone = {kind for kind, one in by_kind(rule).items() if one.closed >= rules.least_closed}
        found |= {(rule, kind) for kind in {*KINDS, *by_kind(rule)} - alone}
    return found


def mutes_in_force() -> dict[tuple[str, str], Mute]:
    """Return what is muted now, by rule and kind (EVERY: the whole rule)."""
    rows = Mute.objects.filter(AGREED, lifted_at=None).select_related("author", "second")
    return {(one.rule, one.kind): one for one in rows}


def mutes_asked_for() -> dict[tuple[str, str], Mute]:
    """Return what a person wants muted and a second one has not agreed to yet."""
    rows = Mute.objects.exclude(AGREED).filter(lifted_at=None).select_related("author")
    return {(one.rule, one.kind): one for one in rows}


def why(muted: Mute) -> str:
    """Return why a rule was muted, in the person's language."""
    if muted.author_id is not None or muted.floor is None:
        return muted.reason
    return _("%(confirmed)d of %(closed)d closed clues were confirmed, below the floor of %(floor)g %%") % {
        "confirmed": muted.confirmed,
        "closed": muted.closed,
        "floor": muted.floor,
    }

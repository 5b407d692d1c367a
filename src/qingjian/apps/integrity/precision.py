"""Precision of a rule and kind from closed clues, and what is muted for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from qingjian.apps.integrity.models import Mute
from qingjian.apps.observing.models import Clue

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


def precision_of(rule: str, kind: str) -> Precision:
    """Return the precision of a rule and kind over all regions of the node."""
    found = Clue.objects.filter(rule=rule, kind=kind).aggregate(
        confirmed=Count("pk", filter=Q(state=Clue.State.CONFIRMED)),
        closed=Count("pk", filter=~Q(state=Clue.State.OPEN)),
    )
    return Precision(found["confirmed"], found["closed"])


def mutes_in_force() -> dict[tuple[str, str], Mute]:
    """Return what is muted now, by rule and kind."""
    return {(one.rule, one.kind): one for one in Mute.objects.filter(lifted_at=None).select_related("author")}


def why(muted: Mute) -> str:
    """Return why a rule was muted, in the person's language."""
    if muted.author_id is not None or muted.floor is None:
        return muted.reason
    return _("%(confirmed)d of %(closed)d closed clues were confirmed, below the floor of %(floor)g %%") % {
        "confirmed": muted.confirmed,
        "closed": muted.closed,
        "floor": muted.floor,
    }

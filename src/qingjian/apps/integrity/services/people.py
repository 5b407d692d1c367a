"""What people decide about clues without a process: dismissing one with a reason, or confirming one that is plain."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from qingjian.apps.accounts import services as accounts
from qingjian.apps.integrity import queries
from qingjian.apps.observing import services as observing
from qingjian.apps.observing.models import Clue


def dismiss(author: Any, clue: Clue, version: int, reason: str) -> Clue:
    """Dismiss a clue with a reason; refused while a matter about it is open, which then gives the answer."""
    running = queries.running_matters(clue)
    if running:
        raise ValidationError(
            _("%(number)s about this clue is not finished; its result decides the clue.")
            % {"number": running[0].number}
        )
    return close(author, clue, version, Clue.State.DISMISSED, reason)


def close(author: Any, clue: Clue, version: int, state: str, reason: str) -> Clue:
    """Decide a clue."""
    with transaction.atomic():
        decided = observing.decide_clue(author, clue, version, state, reason)
        accounts.record(author, f"integrity:clue:{state}", str(clue.pk), {"reason": reason.strip()[:300]})
    return decided

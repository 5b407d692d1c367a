"""Reads of data integrity."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters.models import Matter
from qingjian.apps.observing.models import Clue


def verifications_visible_to(user: Any) -> QuerySet[Matter]:
    return matters.listed(matters.visible_to(user).filter(kind=VERIFICATION.code))


def verification_of(user: Any, clue: Clue) -> Matter | None:
    """Return the newest verification of a clue that is not void, if the person may see it."""
    return (
        matters.visible_to(user)
        .filter(kind=VERIFICATION.code, origin=f"{CLUE}:{clue.pk}")
        .exclude(state="void")
        .first()
    )

"""Reads of governance."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters.models import Matter


def corrective_actions_visible_to(user: Any) -> QuerySet[Matter]:
    return matters.listed(matters.visible_to(user).filter(kind=CORRECTIVE_ACTION.code))

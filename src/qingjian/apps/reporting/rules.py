"""Who may make reports and sign them off."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability

MAKING = (Capability.MARK_DATA, Capability.APPROVE_MATTERS)
SIGNING = (Capability.CONFIRM_RULES, Capability.APPROVE_MATTERS)


def may_make(user: Any, region: Region) -> bool:
    """Whoever works with the data of the whole region may have a report made."""
    return any(region.pk in account_rules.scope(user, one).regions for one in MAKING)


def may_sign(user: Any, region: Region) -> bool:
    return any(region.pk in account_rules.scope(user, one).regions for one in SIGNING)


def require(allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied(
            _("Your present posts do not allow this. Ask the security administrator of your bureau.")
        )

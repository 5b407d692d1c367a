"""Who may handle alerts and data."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.observing.models import Alert, Mark

BUREAU_MARKS = (Mark.Kind.VERIFIED, Mark.Kind.RATIFIED)
"""Levels of ambient and water-quality data; the holder of a source confirms its own data in another way."""


def may_handle(user: Any, alert: Alert) -> bool:
    """Say whether a person may acknowledge and close an alert."""
    if alert.region_id is None:
        return account_rules.may(user, Capability.RUN_SYSTEM) or account_rules.may(
            user, Capability.HANDLE_ALERTS
        )
    return account_rules.may(
        user, Capability.HANDLE_ALERTS, region=alert.region, organisation_id=alert.organisation_id
    )


def require_handling(user: Any, alert: Alert) -> None:
    """Raise PermissionDenied unless `may_handle`."""
    if not may_handle(user, alert):
        raise PermissionDenied(_("Your present posts do not allow handling this alert."))

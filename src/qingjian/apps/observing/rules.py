"""Who may handle alerts and data."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing.models import Alert, Correction, Mark
from qingjian.apps.observing.statuses import first_level, is_source

BUREAU_MARKS = (Mark.Kind.VERIFIED, Mark.Kind.RATIFIED)
"""Levels of station data; the holder of a source confirms its own data, which no bureau approves."""
LEVEL_MARKS = (*BUREAU_MARKS, Mark.Kind.CONFIRMED)


def may_set_level(user: Any, point: Point, kind: str) -> bool:
    """Say whether a person may raise data of a point to a level."""
    return kind in levels_within(account_rules.scope(user, Capability.MARK_DATA), point)


def levels_within(reach: account_rules.Scope, point: Point) -> list[Mark.Kind]:
    """Return the levels that a reach of marking data opens for a point."""
    if is_source(point):
        return [Mark.Kind.CONFIRMED] if point.organisation_id in reach.organisations else []
    if first_level(point) == "provisional" and point.region_id in reach.regions:
        return list(BUREAU_MARKS)
    return []


def require_level(user: Any, point: Point, kind: str) -> None:
    """Raise ValidationError with the reason unless `may_set_level`."""
    if may_set_level(user, point, kind):
        return
    if kind == Mark.Kind.CONFIRMED:
        raise ValidationError(
            _("Data of a source are confirmed by its permit holder, those of stations are not.")
        )
    if is_source(point):
        raise ValidationError(
            _("Data of a source are not approved by a bureau; the permit holder confirms them.")
        )
    raise ValidationError(_("Verifying and ratifying is done by the monitoring station."))


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


AUTOMATIC = (Series.Origin.DEVICE, Series.Origin.UPSTREAM, Series.Origin.SIMULATED)
"""Origins whose values a machine measured and sent."""


def may_propose_correction(user: Any, point: Point) -> bool:
    """Say whether a person may propose corrections of values of a point."""
    return account_rules.may(
        user, Capability.MARK_DATA, region=point.region, organisation_id=point.organisation_id
    )


def require_correctable(series: Series) -> None:
    """Raise ValidationError for a series whose values are never corrected, with what to do instead."""
    if series.origin == Series.Origin.PLATFORM:
        raise ValidationError(
            _("What the platform computed is not corrected: correct or mark the values it was made from.")
        )
    if is_source(series.point) and series.origin in AUTOMATIC:
        raise ValidationError(
            _(
                "Values that an automatic monitor of a source sent are never changed: mark them, and let what "
                "replaces them stand in a series of its own."
            )
        )


def may_decide_correction(user: Any, correction: Correction) -> bool:
    """Say whether a person may approve or reject a correction: with the right in the region, and not its author."""
    return correction.author_id != user.pk and correction.series.point.region_id in (
        account_rules.scope(user, Capability.APPROVE_DATA).regions
    )

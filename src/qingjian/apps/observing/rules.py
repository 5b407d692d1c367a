"""Who may handle alerts and data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Point, Series
from qingjian.apps.observing import queries
from qingjian.apps.observing.models import Alert, Correction, Mark
from qingjian.apps.observing.statuses import first_level, is_source
from qingjian.contracts.current import now


def may_see_frame(user: Any, mn: str, received_at: datetime) -> bool:
    """Say whether a person may read a frame: the data of its device of that time, or of the one that has the MN now.

    A frame holds measured values, so that seeing its device in the register is not enough.
    """
    code = queries.owner_of_mn(queries.directory_then(received_at), mn, received_at)
    devices = network.devices_visible_to(user, Capability.VIEW_DATA)
    return bool((devices.filter(code=code) if code else devices.filter(mn=mn)).exists())


def may_see_samples(user: Any, mn: str) -> bool:
    """Say whether a person may look at what came under an MN and was not accepted.

    What names no registered device lies in no place: that takes a right to command at every place of the node.
    """
    if account_rules.may_everywhere(user, Capability.SEND_COMMANDS):
        return True
    devices = network.devices_visible_to(user).filter(mn=mn) if mn else ()
    return any(account_rules.may(user, Capability.SEND_COMMANDS, region=one.point.region) for one in devices)


def may_see_sample(user: Any, mn: str, received_at: datetime) -> bool:
    """Say whether a sample that came under an MN is one a person may look at: an MN can have been another's then."""
    if account_rules.may_everywhere(user, Capability.SEND_COMMANDS):
        return True
    return may_see_samples(user, mn) and may_see_frame(user, mn, received_at)


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


TECHNICAL = (
    "device-silent",
    "flag-not-normal",
    "gap",
    "clock-drift",
    "sub-packets-missing",
    "frame-unread",
    "series-not-computed",
)
"""Rules about the technical side, whose alerts the organisation concerned may close itself; all others the authority closes."""


def may_close(user: Any, alert: Alert) -> bool:
    """Say whether a person may close an alert: nobody closes what the platform states about his own data."""
    return may_handle(user, alert) and (of_the_authority(user, alert) or alert.rule in TECHNICAL)


def of_the_authority(user: Any, alert: Alert) -> bool:
    """Say whether a person who may handle an alert does so for the authority, not for the organisation concerned."""
    return alert.region_id is None or account_rules.may(user, Capability.HANDLE_ALERTS, region=alert.region)


def may_take_over(user: Any, alert: Alert) -> bool:
    """Say whether there is something to take over for a person: what the unit has taken over still waits for the authority."""
    if alert.state == Alert.State.OPEN:
        return may_handle(user, alert)
    waits = alert.state == Alert.State.ACKNOWLEDGED and alert.escalate_at is not None
    return waits and may_handle(user, alert) and of_the_authority(user, alert)


def require_closing(user: Any, alert: Alert) -> None:
    """Raise PermissionDenied unless `may_close`."""
    require_handling(user, alert)
    if not may_close(user, alert):
        raise PermissionDenied(
            _(
                "This alert concerns your own data: the authority closes it. Take it over and write a note saying what"
                " happened."
            )
        )


AHEAD = {
    Mark.Kind.MAINTENANCE: timedelta(days=31),
    Mark.Kind.CALIBRATION: timedelta(days=31),
    Mark.Kind.STOPPED: timedelta(days=31),
}
"""How far ahead what is planned may be marked; the other kinds judge what was measured."""
JUDGED_AHEAD = timedelta(days=1)


def require_mark(
    user: Any,
    point: Point,
    series: Iterable[str],
    start: datetime,
    end: datetime,
    kind: str,
    supersedes: Mark | None,
) -> None:
    """Raise ValidationError where a mark would reach too far ahead, or undo what the authority has marked.

    Who marks as the organisation concerned leaves the authority's marks as they are: neither takes them back nor marks
    the same data in another way.
    """
    if supersedes is None and end > now() + AHEAD.get(Mark.Kind(kind), JUDGED_AHEAD):
        raise ValidationError(
            _("What is planned is marked at most 31 days ahead, everything else when it has happened.")
        )
    if point.region_id in account_rules.scope(user, Capability.MARK_DATA).regions:
        return
    wanted = set(series)
    touched = (
        [supersedes]
        if supersedes is not None
        else [
            mark
            for mark in queries.marks_in_force(point, start, end)
            if wanted & set(mark.series) and kind not in LEVEL_MARKS and mark.kind not in LEVEL_MARKS
        ]
    )
    for mark in touched:
        if (
            point.region_id
            in account_rules.scope_then(mark.author, Capability.MARK_DATA, mark.known_at).regions
        ):
            raise ValidationError(
                _(
                    "%(author)s has marked these data as “%(mark)s” for the authority. Ask the authority to take the"
                    " mark back, or mark what lies outside it."
                )
                % {"author": mark.author.organisation, "mark": mark.get_kind_display()}
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

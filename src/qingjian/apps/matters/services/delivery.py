"""Carry notifications over their channels; network work, therefore outside every transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import channels
from qingjian.apps.matters.models import Delivery, Notification, WebhookTarget
from qingjian.contracts.current import now

log = structlog.get_logger("qingjian.matters")
RETRIES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)
AT_ONCE = 100


def deliver() -> int:
    """Send what is waiting; a failure is tried again later and given up after the last retry."""
    sent = 0
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=now()).select_related(
        "notification__person", "notification__matter"
    )
    for one in waiting[:AT_ONCE]:
        channel = channels.channel(one.channel)
        try:
            if channel is None:
                raise OSError("there is no such channel")
            channel.send(one)
        except Exception as error:
            # A channel of another package may fail in any way; the others go on.
            if not isinstance(error, OSError):
                log.exception("a notification channel failed", channel=one.channel)
            one.attempts += 1
            one.error = (str(error) or type(error).__name__)[:300]
            if one.attempts > len(RETRIES):
                one.state = Delivery.State.FAILED
            else:
                one.next_at = now() + RETRIES[one.attempts - 1]
        else:
            one.attempts += 1
            one.state, one.error = Delivery.State.SENT, ""
            sent += 1
        one.save()
    return sent


def mark_read(person: Any, pk: int | None = None) -> int:
    """Mark one of a person's notifications, or all, as read."""
    rows = Notification.objects.filter(person=person, read_at=None)
    return (rows if pk is None else rows.filter(pk=pk)).update(read_at=now())


def add_webhook(author: Any, *, name: str, address: str, secret: str, enabled: bool = True) -> WebhookTarget:
    """Add an address that gets every notification as signed JSON."""
    account_rules.require(author, Capability.RUN_SYSTEM)
    if len(secret) < 16:
        raise ValidationError({"secret": _("At least 16 characters.")})
    if not address.startswith(("http://", "https://")):
        raise ValidationError({"address": _("The address must begin with http:// or https://.")})
    target = WebhookTarget.objects.create(name=name, address=address, secret=secret, enabled=enabled)
    accounts.record(author, "system:webhook:added", name, {"address": address})
    return target


def switch_webhook(author: Any, target: WebhookTarget, enabled: bool) -> None:
    """Take a webhook out of use or into use again; what it got stays in the list of deliveries."""
    account_rules.require(author, Capability.RUN_SYSTEM)
    WebhookTarget.objects.filter(pk=target.pk).update(enabled=enabled)
    accounts.record(author, "system:webhook:switched", target.name, {"enabled": enabled})

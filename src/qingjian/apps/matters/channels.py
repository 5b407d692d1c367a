"""Channels outside the pages that carry notifications: plug-ins with a name, addresses and a way to send."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import override

if TYPE_CHECKING:
    from qingjian.apps.matters.models import Delivery, Notification

log = structlog.get_logger("qingjian.matters")
SECONDS = 10


class Channel(Protocol):
    """A way to reach people. `send` raises OSError when it should be tried again later."""

    name: str

    def addresses(self, notification: Notification) -> Iterable[str]:
        """Return the addresses a notification goes to over this channel; none when it is not configured."""

    def send(self, delivery: Delivery) -> None:
        """Send one delivery."""


class Email:
    """E-mail, when a mail server is configured and the person has an address."""

    name = "email"

    def addresses(self, notification: Notification) -> Iterable[str]:
        return [notification.person.email] if settings.EMAIL_HOST and notification.person.email else []

    def send(self, delivery: Delivery) -> None:
        from qingjian.apps.matters import wording

        notification = delivery.notification
        with override(notification.person.language or settings.LANGUAGE_CODE):
            text = body = wording.outside(notification)
            address = settings.CONFIGURATION.public_address
            if address and notification.matter_id:
                body = f"{text}\n\n{address}/matters/{notification.matter_id}/"
            send_mail(
                f"[清鉴] {text[:120]}",
                body,
                settings.DEFAULT_FROM_EMAIL or None,
                [delivery.address],
            )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Webhook:
    """Signed JSON to the addresses the system administrator entered."""

    name = "webhook"

    def addresses(self, notification: Notification) -> Iterable[str]:
        from qingjian.apps.matters.models import WebhookTarget

        return list(WebhookTarget.objects.filter(enabled=True).values_list("name", flat=True))

    def send(self, delivery: Delivery) -> None:
        from qingjian.apps.matters import wording
        from qingjian.apps.matters.models import WebhookTarget

        target = WebhookTarget.objects.filter(name=delivery.address, enabled=True).first()
        if target is None or urlsplit(target.address).scheme not in ("http", "https"):
            raise OSError("the webhook is no longer in use")
        notification = delivery.notification
        with override(settings.LANGUAGE_CODE):
            body = json.dumps(
                {
                    "id": notification.pk,
                    "at": notification.at.isoformat(),
                    "kind": notification.kind,
                    "to": notification.person.username,
                    "number": notification.matter.number if notification.matter else "",
                    "text": wording.outside(notification),
                },
                ensure_ascii=False,
            ).encode()
        signature = hmac.new(target.secret.encode(), body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            target.address,
            body,
            {"Content-Type": "application/json", "X-Qingjian-Signature": f"sha256={signature}"},
        )
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
                answer.read(1024)
        except urllib.error.HTTPError as error:
            raise OSError(f"the webhook answered {error.code}") from error


PLUGINS = "qingjian.notification_channels"
"""Entry points of other packages: each loads a class without arguments that is a Channel."""
_channels: dict[str, Channel] = {}


def register(channel: Channel) -> None:
    """Add a channel; the same name replaces the earlier one."""
    _channels[channel.name] = channel


def load_plugins() -> None:
    """Add the channels of installed packages; one that does not load is named in the log and leaves the others alone."""
    for entry in entry_points(group=PLUGINS):
        try:
            register(entry.load()())
        except Exception:
            log.exception("a notification channel does not load", name=entry.name)


def channels() -> list[Channel]:
    return list(_channels.values())


def channel(name: str) -> Channel | None:
    return _channels.get(name)


register(Email())
register(Webhook())

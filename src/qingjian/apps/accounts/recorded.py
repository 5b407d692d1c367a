"""What of accounts goes into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts.models import AuditEvent, Post, User
from qingjian.apps.records import kinds

INSTALLER = "installer"
"""Stands for the person who set the node up, before anybody had an account."""


def named(part: str, user: Any) -> dict[str, str]:
    """Return how an event names a person: the login, which stays, and the name of that day."""
    if not isinstance(user, User):
        return {part: INSTALLER}
    return {part: user.username, f"{part}_name": user.name}


def post_given(post: Post) -> dict[str, Any]:
    """Return the facts of a post that never change; its end may be set later."""
    return {
        **named("person", post.user),
        "role": post.role,
        "organisation": post.organisation.code,
        "region": post.region.code,
        "from": post.valid_from.isoformat(),
    }


def post_ended(post: Post) -> dict[str, Any]:
    return {**post_given(post), "to": post.valid_to.isoformat() if post.valid_to else None}


SETTINGS = frozenset(
    {
        "account:user:added",
        "account:user:opened",
        "account:user:closed",
        "account:password:reset",
        "account:second-factor:reset",
        "account:token:made",
        "account:token:revoked",
        "integrity:rule:muted",
        "integrity:rule:unmuted",
        "integrity:rules:switched-on",
        "integrity:rules:written",
        "matters:certificate:entered",
        "matters:certificate:revoked",
        "matters:delegation:given",
        "matters:delegation:ended",
        "matters:template:offered",
        "matters:template:approved",
        "matters:template:withdrawn",
        "rule:calendar:imported",
        "system:webhook:added",
        "system:webhook:switched",
    }
)
"""Lines of the access trail that say a setting was changed, or who may act, and have no event of their own."""


def setting_changed(row: AuditEvent) -> dict[str, Any]:
    """Return a line of the trail; its detail binds what was set."""
    return {
        **named("actor", row.user),
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
        "at": row.at.isoformat(),
    }


def _lines() -> Any:
    return AuditEvent.objects.select_related("user").filter(action__in=SETTINGS)


def _reread_settings(identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {str(row.pk): setting_changed(row) for row in _lines().filter(pk__in=identifiers)}


def _post(identifier: str) -> Post | None:
    return Post.objects.select_related("user", "organisation", "region").filter(pk=identifier).first()


def _posts_given() -> list[str]:
    return [str(pk) for pk in Post.objects.values_list("pk", flat=True)]


kinds.register(
    "post.given",
    _("Post given"),
    "任职",
    {"actor", "person", "role"},
    lambda identifier: post_given(post) if (post := _post(identifier)) else None,
    _posts_given,
)
kinds.register(
    "post.ended",
    _("Post ended"),
    "任职终止",
    {"actor", "person", "role", "to"},
    lambda identifier: post_ended(post) if (post := _post(identifier)) else None,
)
kinds.register(
    "setting.changed",
    _("Setting changed"),
    "设置变更",
    {"actor", "action", "subject", "detail"},
    lambda identifier: _reread_settings([identifier]).get(identifier),
    lambda: [str(pk) for pk in _lines().values_list("pk", flat=True)],
    _reread_settings,
)

"""All writes of accounts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qingjian.apps.accounts import recorded, rules
from qingjian.apps.accounts.models import AuditEvent, Organisation, Post, Region, RegionPlacement, User
from qingjian.apps.accounts.roles import ROLES, Capability
from qingjian.apps.records import services as records
from qingjian.contracts.current import now

FAILURES_BEFORE_LOCK = 5
LOCK_TIME = timedelta(minutes=15)


def record(
    user: Any, action: str, subject: str = "", detail: dict[str, Any] | None = None, address: str = ""
) -> AuditEvent:
    """Add a line to the access trail."""
    person = user if isinstance(user, User) else None
    return AuditEvent.objects.create(
        at=now(), user=person, action=action, subject=subject, detail=detail or {}, address=address
    )


def sign_in_failed(username: str, address: str) -> None:
    """Count a failed sign-in and lock the account after several."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=username).first()
        if user is None:
            record(None, "session:user:unknown", username[:60], address=address)
            return
        User.objects.filter(pk=user.pk).update(failed_sign_ins=F("failed_sign_ins") + 1)
        user.refresh_from_db()
        if user.failed_sign_ins >= FAILURES_BEFORE_LOCK:
            User.objects.filter(pk=user.pk).update(failed_sign_ins=0, locked_until=now() + LOCK_TIME)
            record(user, "session:user:locked", user.username, address=address)
        else:
            record(user, "session:user:refused", user.username, address=address)


def signed_in(user: User, address: str) -> None:
    """Reset the failure counter and note the sign-in."""
    User.objects.filter(pk=user.pk).update(failed_sign_ins=0, locked_until=None)
    record(user, "session:user:signed-in", user.username, address=address)


def choose_language(user: User, language: str) -> None:
    """Keep the language a person reads pages in; one that is not offered changes nothing."""
    if language in dict(settings.LANGUAGES):
        user.language = language
        user.save(update_fields=("language",))


def change_password(user: User, new: str) -> None:
    """Set a person's own password after checking its strength."""
    password_validation.validate_password(new, user)
    user.set_password(new)
    user.must_change_password = False
    user.save(update_fields=("password", "must_change_password"))
    record(user, "account:password:changed", user.username)


@transaction.atomic
def add_user(
    author: Any, *, username: str, name: str, organisation: Organisation, password: str, **fields: Any
) -> User:
    """Create an account; posts are given separately by the security administrator."""
    rules.require(author, Capability.MANAGE_USERS)
    if User.objects.filter(username=username).exists():
        raise ValidationError({"username": _("This login name is taken.")})
    password_validation.validate_password(password)
    user = User.objects.create_user(
        username, name, password, organisation=organisation, must_change_password=True, **fields
    )
    record(author, "account:user:added", username)
    return user


@transaction.atomic
def set_active(author: Any, user: User, active: bool) -> None:
    """Open or close an account; rows are never deleted."""
    rules.require(author, Capability.MANAGE_USERS)
    if author == user:
        raise ValidationError(_("Nobody opens or closes their own account."))
    User.objects.filter(pk=user.pk).update(is_active=active, locked_until=None, failed_sign_ins=0)
    record(author, "account:user:opened" if active else "account:user:closed", user.username)


@transaction.atomic
def give_post(
    author: Any,
    user: User,
    role: str,
    organisation: Organisation,
    region: Region,
    valid_from: date,
    valid_to: date | None = None,
) -> Post:
    """Give a role to a person; the three administrators stay separate."""
    rules.require(author, Capability.MANAGE_POSTS)
    if author == user:
        raise ValidationError(_("Nobody gives a post to themselves."))
    return place_post(user, role, organisation, region, valid_from, valid_to, author)


def place_post(
    user: User,
    role: str,
    organisation: Organisation,
    region: Region,
    valid_from: date,
    valid_to: date | None = None,
    author: Any = None,
) -> Post:
    """Store a post after the checks that hold for everybody, the installer included."""
    if role not in ROLES:
        raise ValidationError({"role": _("Unknown role.")})
    if valid_to is not None and valid_to <= valid_from:
        raise ValidationError({"valid_to": _("The end must lie after the beginning.")})
    overlapping = {
        post.role
        for post in Post.objects.filter(user=user)
        if (post.valid_to is None or post.valid_to > valid_from)
        and (valid_to is None or post.valid_from < valid_to)
    }
    if rules.conflicting_roles(overlapping, role):
        raise ValidationError(
            {
                "role": _(
                    "System, security and audit administrators must be three different people without other roles."
                )
            }
        )
    with transaction.atomic():
        post = Post.objects.create(
            user=user,
            role=role,
            organisation=organisation,
            region=region,
            valid_from=valid_from,
            valid_to=valid_to,
        )
        record(author, "account:post:given", user.username, {"role": role, "region": region.code})
        content = {
            **recorded.named("actor", author),
            **recorded.post_given(post),
            "to": valid_to.isoformat() if valid_to else None,
        }
        records.commit("post.given", post.pk, content)
    return post


@transaction.atomic
def end_post(author: Any, post: Post, last_day_excluded: date) -> None:
    """End a post from a day on."""
    rules.require(author, Capability.MANAGE_POSTS)
    if last_day_excluded <= post.valid_from:
        raise ValidationError(_("The end must lie after the beginning."))
    Post.objects.filter(pk=post.pk).update(valid_to=last_day_excluded)
    record(author, "account:post:ended", post.user.username, {"role": post.role})
    post.refresh_from_db()
    records.commit("post.ended", post.pk, {**recorded.named("actor", author), **recorded.post_ended(post)})


@transaction.atomic
def place_region(region: Region, parent: Region, valid_from: date) -> RegionPlacement:
    """Move a region below another from a day on; earlier placements keep their days."""
    if parent.pk in rules.subtree({region.pk}, valid_from):
        raise ValidationError(_("A region cannot lie below itself."))
    RegionPlacement.objects.filter(region=region, valid_to=None, valid_from__lt=valid_from).update(
        valid_to=valid_from
    )
    return RegionPlacement.objects.create(region=region, parent=parent, valid_from=valid_from)

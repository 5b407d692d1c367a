"""All reads of accounts."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from qingjian.apps.accounts import rules
from qingjian.apps.accounts.models import (
    AccessToken,
    AdministratorReset,
    AuditEvent,
    Organisation,
    Post,
    RecoveryCode,
    Region,
    SecondFactor,
    User,
)
from qingjian.apps.accounts.roles import ROLES, Capability


def users_visible_to(user: Any) -> QuerySet[User]:
    """Return the accounts a person may see: administrators all, others their own organisation."""
    rows = User.objects.select_related("organisation__region", "second_factor")
    if rules.capabilities(user) & {Capability.MANAGE_USERS, Capability.MANAGE_POSTS, Capability.READ_AUDIT}:
        return rows
    return rows.filter(organisation_id=user.organisation_id)


def people_with(capability: Capability) -> list[User]:
    """Return the active people of the node whose posts of today give a capability somewhere."""
    day = rules.today()
    roles = [code for code, role in ROLES.items() if capability in role.capabilities]
    held = Post.objects.filter(Q(valid_to=None) | Q(valid_to__gt=day), role__in=roles, valid_from__lte=day)
    return list(User.objects.filter(pk__in=held.values("user"), is_active=True).order_by("pk"))


def second_factor_of(user: User) -> SecondFactor | None:
    """Return a person's authenticator once it is in use."""
    return SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def tokens_visible_to(reader: Any, user: User) -> QuerySet[AccessToken]:
    """Return the access tokens of a person: for that person, and for who administers the account."""
    rows = AccessToken.objects.filter(user=user).select_related("user", "revoked_by")
    return rows if rules.may_revoke_tokens(reader, user) else rows.none()


def posts_of(user: User) -> QuerySet[Post]:
    return Post.objects.filter(user=user).select_related("organisation", "region").order_by("-valid_from")


def regions_visible_to(user: Any) -> QuerySet[Region]:
    """Return the regions a person's posts reach."""
    return Region.objects.filter(pk__in=rules.scope(user, Capability.VIEW_REGISTRY).regions)


def organisations_visible_to(user: Any) -> QuerySet[Organisation]:
    """Return organisations in reach, always including one's own."""
    reach = rules.scope(user, Capability.VIEW_REGISTRY)
    return Organisation.objects.select_related("region").filter(
        Q(region_id__in=reach.regions) | Q(pk__in=reach.organisations) | Q(pk=user.organisation_id)
    )


def done_to(action: str, subject: str) -> QuerySet[AuditEvent]:
    """Return every time an action was taken on something, oldest first, for the page of that thing."""
    return (
        AuditEvent.objects.filter(action=action, subject=subject).select_related("user").order_by("at", "pk")
    )


def audit_trail(user: Any) -> QuerySet[AuditEvent]:
    """Return the access trail for the audit administrator; others get nothing."""
    if not rules.may(user, Capability.READ_AUDIT):
        return AuditEvent.objects.none()
    return AuditEvent.objects.select_related("user")


def waiting_resets(user: Any) -> QuerySet[AdministratorReset]:
    """Return the resets of administrators that wait for a second one; administrators see them."""
    rows = AdministratorReset.objects.filter(state=AdministratorReset.State.PROPOSED)
    if not rules.is_administrator(user):
        return rows.none()
    return rows.select_related("user", "author")


def resets_to_decide(user: Any) -> list[AdministratorReset]:
    """Return the resets of administrators of which a person is the second administrator."""
    return [one for one in waiting_resets(user) if rules.may_decide_reset(user, one)]

"""Who may do what, where: the only source of permission for every app.

`scope(user)` gives the regions and organisations a capability reaches; apps turn it into their `visible_to(user)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import AdministratorReset, Organisation, Post, Region, RegionPlacement
from qingjian.apps.accounts.roles import ADMINISTRATORS, ROLES, Capability
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now


@dataclass(frozen=True, slots=True)
class Scope:
    """Reach of one capability: whole region subtrees, and single organisations."""

    regions: frozenset[int]
    """Primary keys of regions, subtrees already expanded."""
    organisations: frozenset[int]
    """Organisations whose own things are reached wherever they lie (permit holders, agencies …)."""

    @property
    def empty(self) -> bool:
        return not self.regions and not self.organisations

    def reaches(self, region_id: int | None, organisation_id: int | None = None) -> bool:
        """Say whether something in a region or owned by an organisation is within the scope."""
        return region_id in self.regions or (
            organisation_id is not None and organisation_id in self.organisations
        )


def today() -> date:
    """Return the natural day (UTC+08:00)."""
    return now().astimezone(CHINA).date()


_kept: ContextVar[dict[Any, list[Any]] | None] = ContextVar("rows kept while one page is read", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Read each person's posts and the places of the regions once within the block, which must not change them.

    A page asks a dozen times what its reader may do; without this every question is a query.
    """
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def _rows(key: Any, rows: QuerySet[Any]) -> list[Any]:
    kept = _kept.get()
    if kept is None:
        return list(rows)
    if key not in kept:
        kept[key] = list(rows)
    return kept[key]


def posts_on(user: Any, day: date | None = None) -> list[Post]:
    """Return the posts a person holds on a day (today when None)."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return []
    return _posts_then(user, day or today())


def _posts_then(user: Any, day: date) -> list[Post]:
    held = Post.objects.filter(user=user).select_related("organisation", "region")
    return [
        post
        for post in _rows(("posts", user.pk), held)
        if post.valid_from <= day and (post.valid_to is None or day < post.valid_to)
    ]


def capabilities(user: Any, day: date | None = None) -> frozenset[Capability]:
    """Return everything a person may do somewhere."""
    found: set[Capability] = set()
    for post in posts_on(user, day):
        found |= ROLES[post.role].capabilities
    return frozenset(found)


def subtree(region_ids: set[int], day: date | None = None) -> frozenset[int]:
    """Return the regions and all that lay below them on a day."""
    day = day or today()
    below: dict[int, list[int]] = {}
    for placement in _rows("placements", RegionPlacement.objects.all()):
        if placement.valid_from <= day and (placement.valid_to is None or day < placement.valid_to):
            below.setdefault(placement.parent_id, []).append(placement.region_id)
    reached: set[int] = set()
    waiting = list(region_ids)
    while waiting:
        region = waiting.pop()
        if region not in reached:
            reached.add(region)
            waiting.extend(below.get(region, ()))
    return frozenset(reached)


def lies_below(parent: int, region: int, begins: date, ends: date | None = None) -> bool:
    """Say whether a region would lie below itself on any day in [begins, ends) if it were placed below `parent` then."""
    moves = (one.valid_from for one in _rows("placements", RegionPlacement.objects.all()))
    days = {begins, *(day for day in moves if begins < day and (ends is None or day < ends))}
    return any(parent in subtree({region}, day) for day in days)


def directly_above(day: date | None = None) -> dict[int, Region]:
    """Return the region each region lay in on a day, by the number of the lower one."""
    day = day or today()
    rows = RegionPlacement.objects.select_related("parent")
    return {
        one.region_id: one.parent
        for one in _rows("placements with parents", rows)
        if one.valid_from <= day and (one.valid_to is None or day < one.valid_to)
    }


def above(region_ids: Iterable[int], day: date | None = None) -> frozenset[int]:
    """Return the regions and all they lay in on a day."""
    parents = directly_above(day)
    reached: set[int] = set()
    waiting = list(region_ids)
    while waiting:
        region = waiting.pop()
        if region not in reached:
            reached.add(region)
            if region in parents:
                waiting.append(parents[region].pk)
    return frozenset(reached)


def scope(user: Any, capability: Capability, day: date | None = None) -> Scope:
    """Return where a person holds a capability on a day."""
    return _reach(posts_on(user, day), capability, day)


def scope_then(user: Any, capability: Capability, moment: datetime) -> Scope:
    """Return where a person held a capability at a moment, also when the account has been closed since."""
    day = moment.astimezone(CHINA).date()
    return _reach(_posts_then(user, day), capability, day)


def _reach(posts: Iterable[Post], capability: Capability, day: date | None) -> Scope:
    regions: set[int] = set()
    organisations: set[int] = set()
    for post in posts:
        role = ROLES[post.role]
        if capability not in role.capabilities:
            continue
        if role.own_organisation_only:
            organisations.add(post.organisation_id)
        else:
            regions.add(post.region_id)
    return Scope(subtree(regions, day) if regions else frozenset(), frozenset(organisations))


def may(
    user: Any, capability: Capability, *, region: Region | None = None, organisation_id: int | None = None
) -> bool:
    """Say whether a person holds a capability at all, or for a given region or organisation."""
    if region is None and organisation_id is None:
        return capability in capabilities(user)
    return scope(user, capability).reaches(region.pk if region else None, organisation_id)


def require(
    user: Any, capability: Capability, *, region: Region | None = None, organisation_id: int | None = None
) -> None:
    """Raise PermissionDenied with a sentence a person understands unless `may` holds."""
    if not may(user, capability, region=region, organisation_id=organisation_id):
        raise PermissionDenied(
            _("Your present posts do not allow this. Ask the security administrator of your bureau.")
        )


def may_everywhere(user: Any, capability: Capability) -> bool:
    """Say whether a person holds a capability for the whole node: what lies in no single region asks for that.

    Every region in use must be reached. Only a region above those reached may be missing, while nobody holds the
    capability there: a county's node knows its city, which has no people on it.
    """
    reached = scope(user, capability).regions
    if not reached:
        return False
    day = today()
    in_use: set[int] = set(Organisation.objects.values_list("region_id", flat=True))
    above: dict[int, set[int]] = {}
    for placement in _rows("placements", RegionPlacement.objects.all()):
        in_use |= {placement.region_id, placement.parent_id}
        if placement.valid_from <= day and (placement.valid_to is None or day < placement.valid_to):
            above.setdefault(placement.region_id, set()).add(placement.parent_id)
    able = [code for code, role in ROLES.items() if capability in role.capabilities]
    held = set(
        Post.objects.filter(Q(valid_to=None) | Q(valid_to__gt=day), role__in=able, user__is_active=True)
        .filter(valid_from__lte=day)
        .values_list("region_id", flat=True)
    )
    in_use |= held
    ancestors: set[int] = set()
    waiting = list(reached)
    while waiting:
        for parent in above.get(waiting.pop(), ()):
            if parent not in reached and parent not in ancestors:
                ancestors.add(parent)
                waiting.append(parent)
    return in_use - reached <= ancestors - held


def require_everywhere(user: Any, capability: Capability) -> None:
    """Raise PermissionDenied unless a person holds a capability for the whole node."""
    require(user, capability)
    if not may_everywhere(user, capability):
        raise PermissionDenied(
            _("This holds for the whole node: it needs a post that reaches all of its regions.")
        )


def reaches_all(user: Any, capability: Capability, region_ids: Iterable[int]) -> bool:
    """Say whether a person holds a capability in every one of the regions, or for the whole node."""
    return set(region_ids) <= scope(user, capability).regions or may_everywhere(user, capability)


def require_in(user: Any, capability: Capability, region_ids: Iterable[int]) -> None:
    """Raise PermissionDenied unless a person holds a capability in every one of the regions, or for the whole node."""
    require(user, capability)
    if not reaches_all(user, capability, region_ids):
        raise PermissionDenied(
            _("This lies outside the region of your post. Ask the administrator of the region above.")
        )


def post_regions(role: str, organisation: Organisation, region_id: int) -> set[int]:
    """Return the regions somebody must reach who gives or ends a post.

    A post for the own organisation reaches what that organisation has, so the organisation's region counts too.
    """
    own = ROLES[role].own_organisation_only
    return {region_id, organisation.region_id} if own else {region_id}


def regions_to_give(user: Any) -> QuerySet[Region]:
    """Return the regions for which a person may give posts."""
    if may_everywhere(user, Capability.MANAGE_POSTS):
        return Region.objects.all()
    return Region.objects.filter(pk__in=scope(user, Capability.MANAGE_POSTS).regions)


def coming_posts(user: Any) -> list[Post]:
    """Return the posts a person holds today or will hold."""
    day = today()
    rows = Post.objects.filter(Q(valid_to=None) | Q(valid_to__gt=day), user=user)
    return list(rows.exclude(valid_to=F("valid_from")).select_related("organisation"))


def may_manage(author: Any, user: Any) -> bool:
    """Say whether an administrator of accounts reaches every region in which a person holds a post."""
    regions = {post.region_id for post in coming_posts(user)}
    return may(author, Capability.MANAGE_USERS) and reaches_all(author, Capability.MANAGE_USERS, regions)


def require_manage(author: Any, user: Any) -> None:
    """Raise PermissionDenied unless `may_manage` holds: who sets a password can act with its posts."""
    require_in(author, Capability.MANAGE_USERS, {post.region_id for post in coming_posts(user)})


def may_revoke_tokens(author: Any, user: Any) -> bool:
    """Say whether a person may see and revoke access tokens: their own, or as system or security administrator in reach."""
    if author.pk == user.pk:
        return True
    regions = {post.region_id for post in coming_posts(user)}
    administers = (Capability.MANAGE_USERS, Capability.MANAGE_POSTS)
    return any(may(author, one) and reaches_all(author, one, regions) for one in administers)


def is_administrator(user: Any) -> bool:
    """Say whether a person is one of the three administrators, or will be."""
    return any(post.role in ADMINISTRATORS for post in coming_posts(user))


def may_decide_reset(person: Any, reset: AdministratorReset) -> bool:
    """Say whether a person is the second administrator: neither who asked nor who is concerned, and in reach."""
    if person.pk in (reset.author_id, reset.user_id):
        return False
    regions = {post.region_id for post in coming_posts(reset.user)}
    administers = (Capability.MANAGE_USERS, Capability.MANAGE_POSTS, Capability.READ_AUDIT)
    return any(may(person, one) and reaches_all(person, one, regions) for one in administers)


def must_have_second_factor(user: Any) -> bool:
    """Say whether the node's policy asks this person for a second factor."""
    if settings.SECOND_FACTOR == "everyone":
        return True
    return settings.SECOND_FACTOR == "administrators" and any(
        post.role in ADMINISTRATORS for post in posts_on(user)
    )


def conflicting_roles(existing: set[str], added: str) -> bool:
    """Say whether a further role would break the separation of the three administrators."""
    together = existing | {added}
    administrators = together & ADMINISTRATORS
    return len(administrators) > 1 or (bool(administrators) and len(together) > 1)


def is_own_organisation_only(user: Any) -> bool:
    """Say whether every post of a person reaches the own organisation only (permit holders, agencies …)."""
    posts = posts_on(user)
    return bool(posts) and all(ROLES[post.role].own_organisation_only for post in posts)

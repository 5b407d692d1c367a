"""Who may do what, where: the only source of permission for every app.

`scope(user)` gives the regions and organisations a capability reaches; apps turn it into their `visible_to(user)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from qingjian.apps.accounts.models import Post, Region, RegionPlacement
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
    day = day or today()
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


def scope(user: Any, capability: Capability, day: date | None = None) -> Scope:
    """Return where a person holds a capability on a day."""
    regions: set[int] = set()
    organisations: set[int] = set()
    for post in posts_on(user, day):
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

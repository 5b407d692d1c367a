"""Who may see a matter and who may do what with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Post, User
from qingjian.apps.accounts.roles import ROLES, Capability
from qingjian.apps.matters.declarations import Action, Party, Who
from qingjian.apps.matters.models import Certificate, Delegation, Matter, TrailEntry
from qingjian.apps.matters.words import ORGANISATION_CERTIFICATES, PERSONAL_CERTIFICATES

SCOPE_MARKS = re.compile(r"[、，,;；:：\n]")
SERVING = (Organisation.Kind.AGENCY, Organisation.Kind.MAINTENANCE)
"""Agencies and maintenance companies work in many regions: every bureau enters and sees their certificates."""
SEEING = (Capability.HANDLE_MATTERS, Capability.APPROVE_MATTERS, Capability.SUPERVISE)
DECIDING = (Capability.APPROVE_MATTERS, Capability.SUPERVISE)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one person's own posts reach for matters."""

    person: User
    seeing: frozenset[int]
    """Regions whose matters are seen."""
    deciding: frozenset[int]
    """Regions whose confidential matters are seen."""
    organisations: frozenset[int]
    capabilities: dict[Capability, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may act, for whom, and if not, why."""

    allowed: bool
    on_behalf_of: User | None = None
    reason: str = ""
    certificate: str = ""


def principals(user: Any, day: date | None = None) -> list[User]:
    """Return the person and those the person stands in for on a day."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return []
    return [user, *(one.person for one in standing_in(day).filter(deputy=user) if holds(one, day))]


def standing_in(day: date | None = None) -> QuerySet[Delegation]:
    """Return the delegations given for a day and not ended; whether each still holds, `holds` says."""
    day = day or account_rules.today()
    return Delegation.objects.filter(valid_from__lte=day, valid_to__gt=day, ended_at=None).select_related(
        "person", "deputy"
    )


def held_posts(person: User, day: date | None = None) -> list[dict[str, Any]]:
    """Return organisation, region and side of the posts a person holds on a day, as a delegation keeps them."""
    return [
        {
            "organisation": post.organisation_id,
            "region": post.region_id,
            "own": ROLES[post.role].own_organisation_only,
        }
        for post in account_rules.posts_on(person, day)
    ]


def holds(row: Delegation, day: date | None = None) -> bool:
    """Say whether both people still stand where they stood when the delegation was given.

    Each needs a present post of the same side: in the same organisation, or for an authority in the same region. Whoever
    left the service or was moved away neither stands in nor is stood in for; the delegation is given anew there.
    """
    return all(
        _still_there(row.posts.get(name, ()), held_posts(one, day))
        for name, one in (("person", row.person), ("deputy", row.deputy))
    )


def _still_there(before: Iterable[dict[str, Any]], today: Iterable[dict[str, Any]]) -> bool:
    return any(
        old["own"] == new["own"]
        and (
            old["organisation"] == new["organisation"] or (not old["own"] and old["region"] == new["region"])
        )
        for old in before
        for new in today
    )


def reach(person: User) -> Reach:
    """Return the reach of one person's own posts today."""
    below: dict[int, frozenset[int]] = {}
    regions: dict[Capability, set[int]] = {one: set() for one in SEEING}
    organisations: set[int] = set()
    for post in account_rules.posts_on(person):
        role = ROLES[post.role]
        held = role.capabilities & regions.keys()
        if held and role.own_organisation_only:
            organisations.add(post.organisation_id)
        elif held:
            if post.region_id not in below:
                below[post.region_id] = account_rules.subtree({post.region_id})
            for capability in held:
                regions[capability] |= below[post.region_id]
    return Reach(
        person,
        frozenset().union(*regions.values()),
        frozenset().union(*(regions[one] for one in DECIDING)),
        frozenset(organisations),
        {capability: frozenset(found) for capability, found in regions.items()},
    )


def still_reached(people: Iterable[int]) -> dict[int, tuple[set[int], set[int]]]:
    """Return for many people at once the regions and organisations where they may handle matters today."""
    day = account_rules.today()
    found: dict[int, tuple[set[int], set[int]]] = {one: (set(), set()) for one in people}
    below: dict[int, frozenset[int]] = {}
    for post in Post.objects.filter(user__in=found, user__is_active=True, valid_from__lte=day):
        role = ROLES[post.role]
        if Capability.HANDLE_MATTERS not in role.capabilities or (
            post.valid_to is not None and post.valid_to <= day
        ):
            continue
        if role.own_organisation_only:
            found[post.user_id][1].add(post.organisation_id)
            continue
        if post.region_id not in below:
            below[post.region_id] = account_rules.subtree({post.region_id})
        found[post.user_id][0].update(below[post.region_id])
    return found


def reaches(user: Any) -> list[Reach]:
    """Return the reach of a person and of everybody the person stands in for."""
    return [reach(one) for one in principals(user)]


def visible(reached: Sequence[Reach]) -> Q:
    """Return the condition under which a matter is seen; `sees` says the same of one matter.

    Region subtree × confidentiality for the bureaus; the organisation concerned sees what is shared with it.
    """
    condition = Q(pk__in=())
    for one in reached:
        # Said so that who decides everywhere asks for regions alone, which an index answers by itself.
        if one.deciding:
            condition |= Q(region_id__in=one.deciding)
        if rest := one.seeing - one.deciding:
            own = Q(assignee=one.person) | Q(opened_by=one.person)
            condition |= Q(region_id__in=rest) & (~Q(confidentiality="confidential") | own)
        if one.organisations:
            condition |= Q(subject_id__in=one.organisations, shared=True)
    return condition


def whole_regions(reached: Sequence[Reach]) -> frozenset[int] | None:
    """Return the regions that alone decide what is seen, of somebody who sees every matter there; None for others."""
    if any(one.organisations or one.seeing - one.deciding for one in reached):
        return None
    return frozenset().union(*(one.deciding for one in reached))


def sees(reached: Sequence[Reach], matter: Matter) -> bool:
    """Say of one matter what `visible` says of all."""
    for one in reached:
        if matter.region_id in one.seeing and (
            matter.confidentiality != "confidential"
            or one.person.pk in (matter.assignee_id, matter.opened_by_id)
            or matter.region_id in one.deciding
        ):
            return True
        if matter.shared and matter.subject_id in one.organisations:
            return True
    return False


def is_inside(reached: Sequence[Reach], matter: Matter) -> bool:
    """Say whether somebody who sees a matter belongs to the authority, not only to the organisation it is about."""
    return any(matter.region_id in one.seeing for one in reached)


def _certificates(person: User, kind: str) -> QuerySet[Certificate]:
    """Return the certificates of a kind under which a person acts: the own, or the organisation's where it holds them."""
    held = Q(pk__in=())
    if kind in PERSONAL_CERTIFICATES:
        held |= Q(person=person)
    if kind in ORGANISATION_CERTIFICATES:
        held |= Q(organisation_id=person.organisation_id)
    return Certificate.objects.filter(held, kind=kind).order_by("-valid_to")


def covers(scope: str, wanted: str) -> bool:
    """Say whether a scope, a list like “水和废水：化学需氧量、氨氮”, names something as one of its items."""
    return not wanted or wanted.strip() in {item.strip() for item in SCOPE_MARKS.split(scope)}


def valid_certificate(
    person: User, kind: str, day: date | None = None, scope: str = ""
) -> Certificate | None:
    """Return a certificate under which a person acts, valid on a day and for what is wanted."""
    day = day or account_rules.today()
    valid = _certificates(person, kind).filter(valid_from__lte=day, valid_to__gte=day, revoked_at=None)
    return next((one for one in valid if covers(one.scope, scope)), None)


def certificate_problem(person: User, kind: str, scope: str = "") -> str:
    """Return why a person has no valid certificate of a kind."""
    if scope and (held := valid_certificate(person, kind)) is not None:
        return _("Your certificate %(number)s does not cover: %(scope)s.") % {
            "number": held.number,
            "scope": scope,
        }
    title = dict(Certificate._meta.get_field("kind").choices).get(kind, kind)
    held_at_all = _certificates(person, kind)
    last = held_at_all.filter(revoked_at=None).first() or held_at_all.first()
    if last is None:
        return _("This needs a certificate you do not have in the register: %(kind)s.") % {"kind": title}
    if last.revoked_at:
        return _("Your certificate %(number)s was revoked.") % {"number": last.number}
    if last.valid_from > account_rules.today():
        return _("Your certificate %(number)s is not valid today: it begins on %(day)s.") % {
            "number": last.number,
            "day": last.valid_from,
        }
    return _("Your certificate %(number)s is not valid today: it ended on %(day)s.") % {
        "number": last.number,
        "day": last.valid_to,
    }


def stands_on(who: Who, one: Reach, matter: Matter) -> bool:
    """Say whether a person's posts put them on the side and give the capability that is asked for."""
    if who.party is Party.SUBJECT:
        if matter.subject_id is None or not matter.shared:
            return False
        return (
            account_rules.scope(one.person, who.capability).reaches(None, matter.subject_id)
            and matter.subject_id in one.organisations
        )
    return matter.region_id in one.capabilities.get(who.capability, frozenset())


def may(
    user: Any, who: Who, matter: Matter, reached: Sequence[Reach] | None = None, personal: bool = False
) -> Verdict:
    """Say whether a person may do what `who` allows; `personal` forbids standing in (signatures).

    Everybody who did an excluded action, themselves or through a deputy, is excluded.
    """
    reached = reaches(user) if reached is None else reached
    if not sees(reached, matter):
        return Verdict(False, reason=_("This matter is outside your posts."))
    reason = _("Your present posts do not allow this. Ask the security administrator of your bureau.")
    for one in reached[:1] if personal else reached:
        if not stands_on(who, one, matter):
            continue
        if who.assignee_only and matter.assignee_id is not None and matter.assignee_id != one.person.pk:
            reason = _("Only the person in charge may do this: %(name)s.") % {"name": matter.assignee}
            continue
        if who.not_who_did and (done := _did(matter, who.not_who_did, {user.pk, one.person.pk})):
            reason = _("Separation of duties: %(name)s took an earlier step of this matter.") % {"name": done}
            continue
        number = ""
        if who.certificate:
            scope = str(matter.data.get(who.scope_field) or "") if who.scope_field else ""
            held = valid_certificate(user, who.certificate, scope=scope)
            if held is None:
                reason = certificate_problem(user, who.certificate, scope)
                continue
            number = held.number
        return Verdict(True, None if one.person.pk == user.pk else one.person, "", number)
    return Verdict(False, reason=reason)


def _did(matter: Matter, actions: tuple[str, ...], people: set[int]) -> User | None:
    for entry in TrailEntry.objects.filter(matter=matter, action__in=actions).select_related(
        "actor", "on_behalf_of"
    ):
        for person in (entry.actor, entry.on_behalf_of):
            if person is not None and person.pk in people:
                return person
    return None


def open_actions(user: Any, matter: Matter) -> list[tuple[Action, Verdict]]:
    """Return the actions possible from the present state, with who may and why not."""
    reached = reaches(user)
    return [
        (one, may(user, one.who, matter, reached))
        for one in matter.declaration.actions
        if matter.state in one.sources and not one.by_sheet
    ]


def role_at(person: User, capability: Capability, matter: Matter) -> str:
    """Return the role through which a person holds a capability for a matter today."""
    for post in account_rules.posts_on(person):
        role = ROLES[post.role]
        if capability in role.capabilities and (
            (role.own_organisation_only and post.organisation_id == matter.subject_id)
            or (
                not role.own_organisation_only and matter.region_id in account_rules.subtree({post.region_id})
            )
        ):
            return post.role
    return ""


def levels_with(capability: Capability, region_id: int) -> list[list[User]]:
    """Return active people whose bureau posts give a capability for a region, nearest level first."""
    day = account_rules.today()
    above = ancestors(region_id, day)
    found: dict[int, list[User]] = {}
    roles = [
        code
        for code, role in ROLES.items()
        if capability in role.capabilities and not role.own_organisation_only
    ]
    for post in Post.objects.filter(
        role__in=roles, region_id__in=above, valid_from__lte=day, user__is_active=True
    ).select_related("user"):
        if post.valid_to is None or day < post.valid_to:
            found.setdefault(above.index(post.region_id), []).append(post.user)
    return [found[distance] for distance in sorted(found)]


def people_with(capability: Capability, region_id: int, level: int | None = None) -> list[User]:
    """Return the same people in one list; `level` 0 only the nearest holders, 1 the next above, or the nearest if nobody is."""
    people = levels_with(capability, region_id)
    if level is not None:
        people = [people[min(level, len(people) - 1)]] if people else []
    return list({one.pk: one for group in people for one in group}.values())


def people_of(organisation_id: int | None) -> list[User]:
    """Return the active people of an organisation who handle matters."""
    if organisation_id is None:
        return []
    day = account_rules.today()
    roles = [code for code, role in ROLES.items() if Capability.HANDLE_MATTERS in role.capabilities]
    posts = Post.objects.filter(
        organisation_id=organisation_id, role__in=roles, valid_from__lte=day, user__is_active=True
    ).select_related("user")
    return list(
        {post.user_id: post.user for post in posts if post.valid_to is None or day < post.valid_to}.values()
    )


def ancestors(region_id: int, day: date | None = None) -> list[int]:
    """Return a region and those it lies below on a day, nearest first."""
    day = day or account_rules.today()
    parents: dict[int, int] = {}
    for placement in account_rules.RegionPlacement.objects.all():
        if placement.valid_from <= day and (placement.valid_to is None or day < placement.valid_to):
            parents[placement.region_id] = placement.parent_id
    chain = [region_id]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain


def handlers(matter: Matter) -> list[User]:
    """Return whom the matter may be handed to."""
    people = people_with(Capability.HANDLE_MATTERS, matter.region_id)
    return [one for one in people if sees([reach(one)], matter) or matter.confidentiality == "confidential"]

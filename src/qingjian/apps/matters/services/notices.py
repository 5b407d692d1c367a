"""Who is told what. A notification is a row; channels outside the pages get a delivery each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qingjian.apps.accounts.models import User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import channels, rules
from qingjian.apps.matters.declarations import Action, Party
from qingjian.apps.matters.models import Deadline, Delivery, Matter, Notification
from qingjian.contracts.current import now


def tell(
    matter: Matter | None,
    people: Iterable[User],
    kind: str,
    values: Mapping[str, Any] | None = None,
    deadline: Deadline | None = None,
    except_for: Any = None,
) -> set[int]:
    """Write a notification for each person and for whoever stands in; return whom.

    Nobody hears of a matter that is outside `visible_to` for them, whatever list they came from, and the organisation
    concerned never of a deadline that is the authority's own.
    """
    moment = now()
    told: set[int] = set()
    own = deadline is not None and matter is not None and deadline.code in matter.declaration.inside_clocks()
    for person in _with_deputies(people):
        if person.pk in told or (except_for is not None and person.pk == except_for.pk):
            continue
        if matter is not None:
            reached = rules.reaches(person)
            if not rules.sees(reached, matter) or (own and not rules.is_inside(reached, matter)):
                continue
        told.add(person.pk)
        notification = Notification.objects.create(
            person=person, matter=matter, deadline=deadline, kind=kind, values=dict(values or {}), at=moment
        )
        for channel in channels.channels():
            for address in channel.addresses(notification):
                Delivery.objects.create(
                    notification=notification, channel=channel.name, address=address, next_at=moment
                )
    return told


def announce(people: Iterable[User], kind: str, values: Mapping[str, Any]) -> set[int]:
    """Tell people of something that is no matter, in words another app has registered; return whom."""
    return tell(None, people, kind, values)


def _with_deputies(people: Iterable[User]) -> list[User]:
    own = list(people)
    return [*own, *(one.deputy for one in rules.standing_in().filter(person__in=own) if rules.holds(one))]


def waited_for(matter: Matter) -> list[User]:
    """Return the people the matter waits for."""
    if matter.waiting == "":
        return []
    if matter.waiting == "subject":
        return rules.people_of(matter.subject_id) if matter.shared else []
    if matter.waiting == "assignee":
        if matter.assignee_id is not None:
            return [User.objects.get(pk=matter.assignee_id)]
        return rules.people_with(Capability.APPROVE_MATTERS, matter.region_id, 0)
    return rules.people_with(Capability(matter.waiting), matter.region_id, 0)


def in_charge(matter: Matter) -> list[User]:
    """Return the person in charge, or the people waited for."""
    return [User.objects.get(pk=matter.assignee_id)] if matter.assignee_id else waited_for(matter)


def concerned(matter: Matter) -> list[User]:
    """Return the person in charge and the people waited for: those whose date it is."""
    return list({one.pk: one for one in [*in_charge(matter), *waited_for(matter)]}.values())


def tell_approvers(matter: Matter, kind: str, actor: Any) -> None:
    """Tell the nearest people who approve matters of the region."""
    tell(matter, rules.people_with(Capability.APPROVE_MATTERS, matter.region_id, 0), kind, except_for=actor)


def tell_waiting(matter: Matter, actor: Any) -> set[int]:
    """Tell the people the matter now waits for."""
    if not matter.waiting:
        return set()
    return tell(matter, waited_for(matter), "waiting", {"state": matter.state}, except_for=actor)


def tell_step(matter: Matter, action: Action, actor: Any, told: set[int]) -> None:
    """Tell the sides and the holders of copies an action names."""
    values = {"action": action.name, "state": matter.state}
    people: list[User] = []
    if Party.SUBJECT in action.notify and matter.shared:
        people.extend(rules.people_of(matter.subject_id))
    if Party.BUREAU in action.notify:
        people.extend(in_charge(matter))
    told |= tell(matter, [one for one in people if one.pk not in told], "told", values, except_for=actor)
    for capability in action.copies:
        tell(
            matter,
            [one for one in rules.people_with(capability, matter.region_id, 1) if one.pk not in told],
            "copy",
            values,
            except_for=actor,
        )

"""What the clock does by itself: reminders before and after, escalation, work without an owner."""

from __future__ import annotations

from django.db import transaction

from qingjian.apps.accounts.models import User
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.matters import queries, rules
from qingjian.apps.matters.models import Deadline, Matter, Notification
from qingjian.apps.matters.services import notices
from qingjian.apps.matters.services.trail import add_system_trail
from qingjian.contracts.current import now

HIGHEST = 3
"""Levels: 1 the person in charge and the nearest approvers, 2 the nearest supervisors above them, 3 the next above those."""
AT_ONCE = 500


def remind() -> int:
    """Tell those in charge that a deadline is near; once per deadline."""
    told = 0
    for pk in Deadline.objects.filter(remind_at__lte=now(), state=Deadline.State.RUNNING).values_list(
        "pk", flat=True
    )[:AT_ONCE]:
        with transaction.atomic():
            clock = Deadline.objects.select_for_update().get(pk=pk)
            if clock.remind_at is None or clock.state != Deadline.State.RUNNING:
                continue
            matter = clock.matter
            values = {"deadline": clock.code, "due": clock.due.isoformat()}
            told += len(notices.tell(matter, notices.concerned(matter), "due_soon", values, clock))
            Deadline.objects.filter(pk=pk).update(remind_at=None)
    return told


def escalate() -> int:
    """Raise overdue deadlines by one level, each a line of trail; from the highest on remind again and again."""
    raised = 0
    for pk, matter_pk in Deadline.objects.filter(
        escalate_at__lte=now(), state=Deadline.State.RUNNING
    ).values_list("pk", "matter_id")[:AT_ONCE]:
        with transaction.atomic():
            matter = Matter.objects.select_for_update().get(pk=matter_pk)
            clock = Deadline.objects.select_for_update().get(pk=pk)
            if (
                clock.escalate_at is None
                or clock.escalate_at > now()
                or clock.state != Deadline.State.RUNNING
            ):
                continue
            values = {"deadline": clock.code, "due": clock.due.isoformat()}
            if clock.escalation < HIGHEST:
                level = clock.escalation + 1
                values["level"] = level
                kind = "overdue" if level == 1 else "escalated"
                told = notices.tell(matter, told_at(matter, level), kind, values, clock)
                add_system_trail(matter, "overdue", {**values, "told": sorted(told)})
                raised += 1
            else:
                level = HIGHEST
                notices.tell(matter, notices.concerned(matter), "overdue", values, clock)
            # After a long silence of this program the next level follows at once, later ones at their distance.
            following = max(clock.escalate_at + clock.escalate_every, now())
            Deadline.objects.filter(pk=pk).update(escalation=level, escalate_at=following)
    return raised


def told_at(matter: Matter, level: int) -> list[User]:
    """Return whom a level of escalation reaches: from the second on only people no lower level has told."""
    first = {
        one.pk: one
        for one in [
            *notices.concerned(matter),
            *rules.people_with(Capability.APPROVE_MATTERS, matter.region_id, 0),
        ]
    }
    if level == 1:
        return list(first.values())
    groups = [
        further
        for group in rules.levels_with(Capability.SUPERVISE, matter.region_id)
        if (further := [one for one in group if one.pk not in first])
    ]
    # Where nobody is above, the last who could be told is told again.
    return groups[min(level - 2, len(groups) - 1)] if groups else list(first.values())


def report_orphans() -> int:
    """Tell approvers about open matters whose person in charge lost the post or the account; once a day per matter."""
    told = 0
    people = {
        one.pk: one
        for region in Matter.objects.filter(closed_at=None)
        .exclude(assignee=None)
        .order_by()
        .values_list("region_id", flat=True)
        .distinct()
        for one in rules.people_with(Capability.APPROVE_MATTERS, region, 0)
    }
    for person in people.values():
        for matter in queries.orphans(person)[:AT_ONCE]:
            with transaction.atomic():
                if Notification.objects.filter(
                    person=person, matter=matter, kind="orphaned", read_at=None
                ).exists():
                    continue
                told += len(notices.tell(matter, [person], "orphaned", {"person": matter.assignee.name}))
    return told

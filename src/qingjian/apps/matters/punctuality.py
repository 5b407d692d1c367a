"""Figures of punctuality: how many deadlines were met in time, by kind of matter and by whose they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Organisation, Region, User
from qingjian.apps.matters.declarations import Party
from qingjian.apps.matters.models import Deadline
from qingjian.apps.matters.queries import clocks_in_reach
from qingjian.contracts.current import now

COUNTED_BY = ("region", "person", "organisation")
"""What punctuality is counted by. A person is who was in charge when the clock ended, or is now; or the organisation, where
it had to meet the deadline."""
COUNTS = ("met", "late", "running", "overdue", "escalated")
Group = tuple[type[Region | User | Organisation], int | None]


def countable_by(user: Any) -> tuple[str, ...]:
    """Return by what a person may count punctuality: a company does not read which officer was late."""
    if account_rules.is_own_organisation_only(user):
        return tuple(one for one in COUNTED_BY if one != "person")
    return COUNTED_BY


def figures(user: Any, begin: datetime, end: datetime, by: str = "region") -> list[dict[str, Any]]:
    """Return per process, `group` and deadline: met in time, too late, running, overdue; ended or due in a period."""
    if by not in countable_by(user):
        raise PermissionDenied
    counted: dict[tuple[str, Group, str], list[int]] = defaultdict(lambda: [0] * len(COUNTS))
    for kind, group, code, numbers in _counted(clocks_in_reach(user), begin, end, by):
        row = counted[kind, group, code]
        row[:] = map(sum, zip(row, numbers, strict=True))
    names = _names({group for _kind, group, _code in counted})
    found = []
    for (kind, group, code), row in counted.items():
        if any(row):
            numbers = dict(zip(COUNTS, row, strict=True))
            finished = numbers["met"] + numbers["late"] + numbers["overdue"]
            rate = round(100 * numbers["met"] / finished, 1) if finished else None
            found.append({"kind": kind, "group": names.get(group), "code": code, **numbers, "rate": rate})
    return sorted(found, key=lambda one: (one["kind"], one["group"] or "", one["code"]))


def _counted(
    rows: QuerySet[Deadline], begin: datetime, end: datetime, by: str
) -> Iterable[tuple[str, Group, str, list[int]]]:
    """Count clocks by kind, group and code; some groups come in several parts.

    Grouped by numbers, in the order of an index that holds all of it: names and matters would be looked up for each clock.
    """
    if by == "region":
        for region, kind, code, *numbers in _grouped(rows, begin, end):
            yield kind, (Region, region), code, numbers
    elif by == "organisation":
        for _region, kind, code, subject, *numbers in _grouped(rows, begin, end, "subject_id"):
            yield kind, (Organisation, subject), code, numbers
    else:
        in_charge = ("subject_id", "party", "responsible_id")
        for _region, kind, code, subject, party, person, *numbers in _grouped(rows, begin, end, *in_charge):
            if party == Party.SUBJECT.value:
                yield kind, (Organisation, subject), code, numbers
            elif person is not None:
                yield kind, (User, person), code, numbers
        nobody_yet = rows.filter(responsible=None).exclude(party=Party.SUBJECT.value)
        for _region, kind, code, person, *numbers in _grouped(nobody_yet, begin, end, "matter__assignee_id"):
            yield kind, (User, person), code, numbers


def _grouped(
    rows: QuerySet[Deadline], begin: datetime, end: datetime, *more: str
) -> Iterable[tuple[Any, ...]]:
    """Return region, kind, code, what more is asked for, and the counts. The period is asked of the counts, not of the
    rows: an index of times would be taken, and then the table be read clock by clock. The cheapest condition that most
    clocks do not meet stands first in each count, moments last: so counting takes half as long."""
    moment = now()
    ended = Q(ended_at__gte=begin) & Q(ended_at__lt=end)
    running = Q(state="running")
    open_ = running & Q(ended_at=None) & Q(due__lt=end)
    return (
        rows.values_list("region_id", "kind", "code", *more)
        .annotate(
            met=Count("pk", filter=Q(state="met") & ended),
            late=Count("pk", filter=Q(state="missed") & ended),
            running=Count("pk", filter=open_ & Q(due__gte=moment)),
            overdue=Count("pk", filter=open_ & Q(due__lt=moment)),
            escalated=Count(
                "pk", filter=Q(escalation__gt=0) & (Q(state__in=("met", "missed")) & ended | open_)
            ),
        )
        .order_by("region_id", "kind", "code", *(F(one).asc() for one in more))
    )


def _names(groups: Iterable[Group]) -> dict[Group, str]:
    asked: dict[type, set[int]] = defaultdict(set)
    for model, number in groups:
        if number is not None:
            asked[model].add(number)
    return {
        (model, row.pk): row.name
        for model, numbers in asked.items()
        for row in model.objects.filter(pk__in=numbers)
    }

"""Who carries the handling of alerts further than their own buttons; an app above says so here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from qingjian.apps.observing.models import Alert
from qingjian.ui.newest import Newest, newest


@dataclass(frozen=True, slots=True)
class Handling:
    """The matter of an alert: where it is, for whom it waits, and until when."""

    number: str
    address: str
    state: str
    state_colour: str
    deadline: str
    due: datetime | None
    light: str
    light_colour: str
    escalation: int
    """How many levels its deadline has been escalated."""


Carrier = Callable[[object, list[Alert]], Mapping[int, Handling]]
_carriers: list[Carrier] = []


def register(carrier: Carrier) -> None:
    """Name a function that returns, for a person and alerts, the handling by primary key of those it carries."""
    if carrier not in _carriers:
        _carriers.append(carrier)


def of(user: object, alerts: Iterable[Alert]) -> dict[int, Handling]:
    """Return the handling of alerts by primary key, as far as the person may see it."""
    handed = [one for one in alerts if one.handled_as]
    return (
        {pk: found for carrier in _carriers for pk, found in carrier(user, handed).items()} if handed else {}
    )


def shown(user: object, alerts: QuerySet[Alert], most: int) -> Newest:
    """Return the first alerts of a query, each with its `handling`, and how many more there are."""
    found = newest(alerts, most)
    return Newest(attach(user, found), found.more)


def attach(user: object, alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts, each with its `handling` or None."""
    held = list(alerts)
    found = of(user, held)
    for one in held:
        one.handling = found.get(one.pk)
    return held

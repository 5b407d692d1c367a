"""All reads of observation, narrowed to what a person may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db.models import Q, QuerySet

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import queries as network
from qingjian.apps.network.models import Device, Point, Series
from qingjian.apps.network.registered import Kind
from qingjian.apps.observing import stores
from qingjian.apps.observing.log_books import (
    BOOKS,
    Filing,
    MaterialUse,
    RemoteSession,
    SoftwareReading,
)
from qingjian.apps.observing.models import Alert, Clue, Correction, Heartbeat, Mark
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts.directory import Directory
from qingjian.contracts.latest import LatestValue
from qingjian.rulebook import Rulebook


def alerts_visible_to(user: Any) -> QuerySet[Alert]:
    """Return alerts of points in reach; those without a point are for whoever runs the system, and leaders see them."""
    reach = account_rules.scope(user, Capability.VIEW_DATA)
    condition = Q(point__in=network.points_visible_to(user, Capability.VIEW_DATA)) | Q(
        region_id__in=reach.regions
    )
    if account_rules.capabilities(user) & {Capability.RUN_SYSTEM, Capability.SUPERVISE}:
        condition |= Q(point=None)
    return Alert.objects.select_related("point", "region").filter(condition)


def open_alerts(user: Any) -> QuerySet[Alert]:
    """Return what waits for somebody; what a person has merged into another alert waits with that one."""
    rows = alerts_visible_to(user).exclude(state=Alert.State.CLOSED)
    return rows.filter(synthetic=False, merged_into=None)


def earlier_alerts(user: Any, alert: Alert) -> QuerySet[Alert]:
    """Return the earlier alerts of the same rule and subject, as far as the person may see them, newest first."""
    rows = alerts_visible_to(user).filter(rule=alert.rule, subject=alert.subject, pk__lt=alert.pk)
    return rows.order_by("-pk")


def clues_visible_to(user: Any) -> QuerySet[Clue]:
    """Return the clues in the person's regions; a unit never sees what is suspected of its own data."""
    return Clue.objects.select_related("point__region", "point__organisation", "series__factor").filter(
        point__in=points_of_clues(user)
    )


def points_of_clues(user: Any) -> QuerySet[Point]:
    """Return the points whose clues a person may see: those of the regions, never the own unit's alone."""
    return Point.objects.filter(region_id__in=account_rules.scope(user, Capability.VIEW_DATA).regions)


def open_clues() -> QuerySet[Clue]:
    """Return every open clue of the node, for jobs; pages ask `clues_visible_to`."""
    return Clue.objects.filter(state=Clue.State.OPEN)


def corrections_visible_to(user: Any) -> QuerySet[Correction]:
    """Return the corrections of values that a person may see."""
    rows = Correction.objects.select_related(
        "series__point__region", "series__factor", "author", "decided_by"
    )
    return rows.filter(series__in=network.series_visible_to(user))


def corrections_to_decide(user: Any) -> QuerySet[Correction]:
    """Return the proposed corrections that wait for a person: in reach, and not the own ones."""
    reach = account_rules.scope(user, Capability.APPROVE_DATA)
    return (
        corrections_visible_to(user)
        .filter(state=Correction.State.PROPOSED, series__point__region_id__in=reach.regions)
        .exclude(author=user)
    )


def corrections_known(
    series: Iterable[int], statistic: str, start: datetime, end: datetime
) -> list[Correction]:
    """Return the decided corrections of values whose periods begin in [start, end), oldest first."""
    rows = Correction.objects.select_related("series__point", "author", "decided_by").filter(
        series_id__in=list(series),
        statistic=statistic,
        start__gte=start,
        start__lt=end,
        state__in=(Correction.State.APPROVED, Correction.State.REJECTED),
    )
    return list(rows.order_by("id"))


def corrections_numbered(numbers: Iterable[int]) -> dict[int, Correction]:
    """Return approved corrections by number."""
    rows = Correction.objects.select_related("author", "decided_by")
    return rows.filter(state=Correction.State.APPROVED).in_bulk(list(numbers))


def entries_visible_to(user: Any, book: Kind) -> QuerySet[Any]:
    """Return the entries of a log book about points, or outlets of sources, whose data a person may see."""
    points = network.points_visible_to(user, Capability.VIEW_DATA)
    if book.model is MaterialUse:
        reach = account_rules.scope(user, Capability.VIEW_DATA)
        return MaterialUse.objects.select_related("outlet__source", "filing__author", "struck_by").filter(
            Q(outlet__source__region_id__in=reach.regions)
            | Q(outlet__source__organisation_id__in=reach.organisations)
            | Q(outlet__in=points.exclude(outlet=None).values("outlet"))
        )
    if book.model is RemoteSession:
        rows = RemoteSession.objects.select_related("device__point", "filing__author", "struck_by")
        return rows.filter(device__point__in=points)
    return software_readings().filter(Q(device__point__in=points) | Q(instrument__point__in=points))


def software_readings() -> QuerySet[SoftwareReading]:
    """Return all readings of software, with what they are held against."""
    return SoftwareReading.objects.select_related(
        "device__point", "instrument__point", "filing__author", "struck_by"
    ).prefetch_related("device__software", "instrument__software")


def entries_of(filing: Filing) -> QuerySet[Any]:
    """Return the entries that were filed at once."""
    return BOOKS[filing.book].model._default_manager.filter(filing=filing)


def sessions_known(points: Iterable[int], start: datetime, end: datetime) -> list[RemoteSession]:
    """Return the remote sessions on devices of some points that began in [start, end), oldest first."""
    rows = RemoteSession.objects.select_related("device__point", "filing__author")
    return list(
        rows.filter(device__point__in=list(points), struck_at=None, start__gte=start, start__lt=end).order_by(
            "start", "id"
        )
    )


def software_known(points: Iterable[int], end: datetime, newest: int | None = None) -> list[SoftwareReading]:
    """Return what software was found at some points before a moment, oldest first; the `newest` of them, or all."""
    wanted = list(points)
    rows = software_readings().filter(Q(device__point__in=wanted) | Q(instrument__point__in=wanted))
    return list(rows.filter(struck_at=None, read_at__lt=end).order_by("-read_at", "-id")[:newest])[::-1]


def materials_known(outlets: Iterable[int], first: date, last: date) -> list[MaterialUse]:
    """Return what was used for some outlets in periods that touch [first, last], oldest first."""
    rows = MaterialUse.objects.select_related("outlet", "filing__author")
    return list(
        rows.filter(
            outlet__in=list(outlets), struck_at=None, first_day__lte=last, last_day__gte=first
        ).order_by("first_day", "id")
    )


def marks_of(point: Point) -> QuerySet[Mark]:
    """Return the marks of a point, those in force and those superseded."""
    return Mark.objects.filter(point=point).select_related("author", "supersedes")


def marks_known(
    points: Iterable[int], start: datetime, end: datetime, as_of: datetime | None = None
) -> list[Mark]:
    """Return every mark of some points that can say something about an interval, as known at a moment.

    Marks that replace or take back one that touches the interval are among them, wherever they lie themselves.
    """
    touching = Q(start__lt=end, end__gt=start)
    known = Mark.objects.filter(
        touching | Q(supersedes__start__lt=end, supersedes__end__gt=start), point_id__in=list(points)
    )
    if as_of is not None:
        known = known.filter(known_at__lte=as_of)
    return list(known.select_related("author").order_by("known_at", "id"))


def directory_at(as_of: datetime | None = None) -> Directory | None:
    """Return the directory the services had at a moment (now when None), or None before the first."""
    store = stores.directory()
    current = store.current()
    if current is None or as_of is None or current.published_at <= as_of:
        return current
    low, high = 0, current.version
    while high - low > 1:
        middle = (low + high) // 2
        one = _version(str(settings.DATA_FOLDER.directory), middle)
        if one is not None and one.published_at <= as_of:
            low = middle
        else:
            high = middle
    return _version(str(settings.DATA_FOLDER.directory), low) if low else None


def directory_numbered(number: int) -> Directory | None:
    """Return the directory with a version number, None when there is none."""
    current = stores.directory().current()
    if current is not None and current.version == number:
        return current
    return _version(str(settings.DATA_FOLDER.directory), number) if number else None


def owner_of_mn(directory: Directory | None, mn: str, at: datetime) -> str:
    """Return the code of the device that had an MN by a directory at a moment, empty when none had."""
    device = directory.device(mn, at) if directory is not None else None
    return device.code if device is not None else ""


def directory_then(moment: datetime) -> Directory | None:
    """Return the directory of a moment; before the first, the first: nobody else was ever registered then."""
    return directory_at(moment) or directory_numbered(1)


def received_from(device: Device, mn: str, at: datetime) -> bool:
    """Say whether what came under an MN at a moment came from a device.

    An MN can be given to another device later; what nobody was registered for belongs to the one that has it now.
    """
    owner = owner_of_mn(directory_then(at), mn, at)
    return owner == device.code if owner else device.mn == mn


def rulebook_at(as_of: datetime | None = None) -> Rulebook:
    """Return the rulebook this office had at a moment (now when None)."""
    if as_of is None:
        return rulekeeping.rulebook()
    directory = directory_at(as_of)
    try:
        return stores.rulebooks().read(directory.rulebook_version if directory else "")
    except FileNotFoundError:  # a folder restored without its older rulebooks
        return rulekeeping.rulebook()


@lru_cache(maxsize=8)
def _version(_folder: str, number: int) -> Directory | None:
    return stores.directory().version(number)


def marks_in_force(point: Point, start: datetime, end: datetime, as_of: datetime | None = None) -> list[Mark]:
    """Return the marks that touch an interval and are not superseded (as known at a moment)."""
    known = Mark.objects.filter(point=point)
    if as_of is not None:
        known = known.filter(known_at__lte=as_of)
    superseded = set(known.exclude(supersedes=None).values_list("supersedes_id", flat=True))
    return [
        mark
        for mark in known.filter(start__lt=end, end__gt=start)
        .select_related("author__organisation")
        .order_by("known_at", "id")
        if mark.pk not in superseded and not mark.withdrawn
    ]


def readable(user: Any, series: Sequence[Series]) -> list[Series]:
    """Return those of some series whose data a person may read, in the same order."""
    allowed = set(
        network.series_visible_to(user).filter(pk__in=[one.pk for one in series]).values_list("pk", flat=True)
    )
    return [one for one in series if one.pk in allowed]


def observations(
    user: Any,
    series: Sequence[Series],
    statistic: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> pa.Table:
    """Return lake rows of series a person may read; series outside the person's reach are left out."""
    allowed = {one.pk for one in readable(user, series)}
    columns = (
        "series",
        "start",
        "revision",
        "value",
        "value_decimals",
        "min",
        "max",
        "total",
        "converted",
        "flag",
        "qualifier",
        "journal",
        "sequence",
        "source",
        "known_at",
    )
    return stores.lake().series(
        [one.pk for one in series if one.pk in allowed], statistic, start, end, as_of=as_of, columns=columns
    )


def latest_of(user: Any, series: Sequence[int] | None = None) -> list[LatestValue]:
    """Return the latest values a person may read."""
    allowed = network.series_visible_to(user)
    if series is not None:
        allowed = allowed.filter(pk__in=series)
    return list(stores.latest().read(list(allowed.values_list("pk", flat=True))))


def last_heartbeat() -> Heartbeat | None:
    return Heartbeat.objects.first()


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How the daily self-test of alerting stands."""

    state: str
    """proved, running, waiting (not begun yet), failed, overdue, or missing: no synthetic device is registered."""
    device: str = ""
    """Code of the synthetic device."""
    sent_at: datetime | None = None
    """When it spoke last."""
    proved_at: datetime | None = None
    """When its silence last raised an alert."""

    @property
    def overdue(self) -> bool:
        return self.state in ("failed", "overdue", "missing")


LONGEST_WITHOUT_PROOF = timedelta(hours=36)


def self_test(moment: datetime) -> SelfTest:
    """Return how the self-test of alerting stands; without a proof for a day and a half it is overdue."""
    held = network.synthetic_device()
    newest = last_heartbeat()
    proved = Heartbeat.objects.exclude(proved_at=None).first()
    failed = Heartbeat.objects.filter(failed=True).first()
    if held is None:
        state = "missing"
    elif failed is not None and (proved is None or failed.sent_at > proved.sent_at):
        state = "failed"
    else:
        since = proved.sent_at if proved else held[1]
        if since is not None and moment - since > LONGEST_WITHOUT_PROOF:
            state = "overdue"
        elif newest is None:
            state = "waiting"
        else:
            state = "running" if newest.proved_at is None else "proved"
    return SelfTest(
        state,
        held[0].code if held else "",
        newest.sent_at if newest else None,
        proved.proved_at if proved else None,
    )

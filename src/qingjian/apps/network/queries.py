"""All reads of the registry, narrowed to what a person may see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.models import Region
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import models
from qingjian.contracts.current import now
from qingjian.quality import configured, flue_gas
from qingjian.ui.newest import Newest, newest


def points_visible_to(user: Any, capability: Capability = Capability.VIEW_REGISTRY) -> QuerySet[models.Point]:
    """Return the points in the person's regions, or owned by or run for the person's organisation.

    A duty gives rights while it holds: not after a contract has ended, nor before one begins.
    """
    reach = account_rules.scope(user, capability)
    duties = only_in_force(models.Duty.objects.filter(organisation_id__in=reach.organisations))
    return models.Point.objects.select_related("region", "organisation", "outlet__source").filter(
        Q(region_id__in=reach.regions)
        | Q(organisation_id__in=reach.organisations)
        | Q(pk__in=duties.values("point_id"))
    )


def sources_visible_to(user: Any) -> QuerySet[models.Source]:
    reach = account_rules.scope(user, Capability.VIEW_REGISTRY)
    return models.Source.objects.select_related("region", "organisation").filter(
        Q(region_id__in=reach.regions) | Q(organisation_id__in=reach.organisations)
    )


def outlets_visible_to(user: Any) -> QuerySet[models.Outlet]:
    return models.Outlet.objects.select_related("source__region").filter(source__in=sources_visible_to(user))


def region_of_outlet(code: str) -> Region | None:
    """Return the region of an outlet for whoever asks by its code; None when there is no such outlet."""
    outlet = models.Outlet.objects.select_related("source__region").filter(code=code).first()
    return outlet.source.region if outlet else None


def devices_visible_to(
    user: Any, capability: Capability = Capability.VIEW_REGISTRY
) -> QuerySet[models.Device]:
    points = points_visible_to(user, capability)
    return models.Device.objects.select_related("point__region").filter(point__in=points)


def targets_visible_to(user: Any) -> list[models.ForwardTarget]:
    """Return the upper platforms that get frames of a device a person may command; who may at all sees every one."""
    targets = list(models.ForwardTarget.objects.all())
    if account_rules.may_everywhere(user, Capability.SEND_COMMANDS):
        return targets
    own = set(devices_visible_to(user, Capability.SEND_COMMANDS).values_list("mn", flat=True))
    if not own:
        return []
    return [one for one in targets if models.EVERY_DEVICE in one.devices or own & set(forwarded_mns(one))]


def forwarded_mns(target: models.ForwardTarget) -> tuple[str, ...]:
    """Return the MNs a target gets: those named, and those at the points of a named region and all below it."""
    codes = [one.removeprefix(models.REGION) for one in target.devices if one.startswith(models.REGION)]
    named = [one for one in target.devices if not one.startswith(models.REGION)]
    if codes:
        inside = account_rules.subtree(
            set(Region.objects.filter(code__in=codes).values_list("pk", flat=True))
        )
        devices = models.Device.objects.filter(point__region__in=inside, synthetic=False)
        named += devices.order_by("mn").values_list("mn", flat=True)
    return tuple(dict.fromkeys(named))


def registered_mns(mns: Iterable[str]) -> set[str]:
    """Return those of some MNs that stand in the register, whoever may see their devices."""
    return set(models.Device.objects.filter(mn__in=set(mns)).values_list("mn", flat=True))


def instruments_visible_to(user: Any) -> QuerySet[models.Instrument]:
    return models.Instrument.objects.select_related("point__region").filter(point__in=points_visible_to(user))


def series_visible_to(user: Any) -> QuerySet[models.Series]:
    """Return the series whose data a person may read; lake reads and live streams ask this function."""
    return models.Series.objects.select_related("point", "factor", "device").filter(
        point__in=points_visible_to(user, Capability.VIEW_DATA)
    )


def settings_visible_to(user: Any) -> QuerySet[models.Setting]:
    """Return the settings of series and devices at points whose registry a person sees."""
    points = points_visible_to(user)
    return models.Setting.objects.select_related(
        "series__point", "series__factor", "series__device", "device__point"
    ).filter(Q(series__point__in=points) | Q(device__point__in=points))


def settings_changed(point: models.Point, start: datetime, end: datetime) -> list[models.Setting]:
    """Return the settings of a point's series and devices that began to hold in [start, end), oldest first."""
    rows = models.Setting.objects.select_related("series__factor", "device").filter(
        Q(series__point=point) | Q(device__point=point), valid_from__gte=start, valid_from__lt=end
    )
    return list(rows.order_by("valid_from", "id"))


def software_visible_to(user: Any) -> QuerySet[models.Software]:
    """Return the software registered for devices and instruments at points whose registry a person sees."""
    points = points_visible_to(user)
    return models.Software.objects.select_related("device__point", "instrument__point").filter(
        Q(device__point__in=points) | Q(instrument__point__in=points)
    )


def changes_visible_to(user: Any) -> QuerySet[models.ChangeRequest]:
    """Return one's own requests and those whose rows all lie in the regions where one sees the registry."""
    reach = account_rules.scope(user, Capability.VIEW_REGISTRY)
    requests = models.ChangeRequest.objects.select_related("author", "region", "decided_by")
    own = Q(author=user) | Q(organisation_id__in=reach.organisations)
    elsewhere = set(Region.objects.exclude(pk__in=reach.regions).values_list("code", flat=True))
    near = requests.filter(region_id__in=reach.regions)
    further = [pk for pk, places in near.values_list("pk", "places") if not elsewhere.isdisjoint(places)]
    return requests.filter(own | (Q(region_id__in=reach.regions) & ~Q(pk__in=further)))


ATTRIBUTES = {
    "river": gettext_lazy("River"),
    "target_class": gettext_lazy("Target class"),
    "water_body": gettext_lazy("Kind of water body"),
    "assessed": gettext_lazy("Counts for the assessment of the region"),
    "noise_zone": gettext_lazy("Acoustic zone class"),
}


def attributes_of(point: models.Point) -> list[tuple[str, Any]]:
    """Return (title, value) of a point's further attributes; one without a name here keeps its own."""
    words = {"lake": _("Lake or reservoir"), "river": _("River")}
    return [
        (str(ATTRIBUTES.get(name, name)), words.get(value, value) if name == "water_body" else value)
        for name, value in point.attributes.items()
    ]


SETTINGS = {
    "slope": gettext_lazy("Slope"),
    "intercept": gettext_lazy("Intercept"),
    "sampling_cycle": gettext_lazy("Sampling cycle"),
    "realtime_interval": gettext_lazy("Interval of real-time data"),
    "minute_interval": gettext_lazy("Interval of minute data"),
    "hour_interval": gettext_lazy("Interval of hour data"),
    "day_interval": gettext_lazy("Interval of day data"),
}
"""Settings that no check and no conversion reads, with their titles."""


def setting_title(name: str) -> str:
    """Return the title of a setting in the reader's language, its own name where it has none."""
    titles = configured.SETTING_NAMES.get(name) or flue_gas.SETTING_NAMES.get(name)
    if titles is not None:
        english = (get_language() or "").startswith("en")
        return titles[1][:1].upper() + titles[1][1:] if english else titles[0]
    return str(SETTINGS.get(name, name))


def history(kind: str, key: str) -> QuerySet[models.Version]:
    return models.Version.objects.select_related("change__author", "change__decided_by").filter(
        kind=kind, key=key
    )


HISTORY_SHOWN = 20
HISTORY_AT_MOST = 2_000


def history_shown(kind: str, key: str, *, whole: bool) -> Newest:
    """Return the newest versions for a page, or (`whole`) all of them."""
    return newest(history(kind, key), HISTORY_AT_MOST if whole else HISTORY_SHOWN)


def stops_of(codes: Iterable[str]) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """Return from when until when points did not run, by the history of the registry; None as the end: not running now.

    What came before a point was first called running is no stop: points that never ran are left out.
    """
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    running: set[str] = set()
    points = models.Version.objects.filter(kind="point")
    # Few points ever stop: only their versions are read.
    halted = set(points.exclude(fields__status="running").values_list("key", flat=True)) & set(codes)
    versions = points.filter(key__in=sorted(halted)).order_by("pk")
    for code, moment, fields in versions.values_list("key", "recorded_at", "fields"):
        if fields.get("status", "running") == "running":
            own = found.get(code, [])
            if code not in running and own:
                own[-1] = (own[-1][0], moment)
            running.add(code)
        elif code in running:
            running.remove(code)
            found.setdefault(code, []).append((moment, None))
    return found


def synthetic_device() -> tuple[models.Device, datetime | None] | None:
    """Return the synthetic device in force and when it was registered first, None when the node has none."""
    held = in_force(models.Device.objects.filter(synthetic=True))
    if not held:
        return None
    first = models.Version.objects.filter(kind="device", key=held[0].code).order_by("pk").first()
    return held[0], first.recorded_at if first else None


def in_force(rows: Iterable[Any], at: Any = None) -> list[Any]:
    """Keep the dated rows that hold at a moment (now when None)."""
    at = at or now()
    return [
        row
        for row in rows
        if (row.valid_from is None or row.valid_from <= at) and (row.valid_to is None or at < row.valid_to)
    ]


def settings_in_force(rows: Iterable[models.Setting], at: Any = None) -> list[models.Setting]:
    """Keep one setting for each subject, name and source: of two that hold the one that began later."""
    found = {}
    for row in sorted(in_force(rows, at), key=lambda one: (one.valid_from is not None, one.valid_from or 0)):
        found[row.series_id, row.device_id, row.name, row.origin] = row
    return list(found.values())


def governing_settings(rows: Iterable[models.Setting], at: Any = None) -> list[models.Setting]:
    """Keep one setting for each subject and name, as the directory does: what the register says before what a device reports."""
    found = {}
    for row in sorted(settings_in_force(rows, at), key=lambda one: one.origin == "register"):
        found[row.series_id, row.device_id, row.name] = row
    return list(found.values())


def only_in_force(rows: QuerySet[Any], at: Any = None) -> QuerySet[Any]:
    """As `in_force`, asked of the database: for many rows of which few columns are wanted."""
    at = at or now()
    return rows.filter(Q(valid_from=None) | Q(valid_from__lte=at), Q(valid_to=None) | Q(valid_to__gt=at))


def point_of_subject(kind: str, subject: str) -> models.Point | None:
    """Return the point a finding is about: its subject is a device, series or point code."""
    if kind == "device":
        device = (
            models.Device.objects.select_related("point__region", "point__organisation")
            .filter(Q(code=subject) | Q(mn=subject))
            .first()
        )
        return device.point if device else None
    if kind == "series":
        series = (
            models.Series.objects.select_related("point__region", "point__organisation")
            .filter(code=subject)
            .first()
        )
        return series.point if series else None
    if kind == "point":
        return models.Point.objects.select_related("region", "organisation").filter(code=subject).first()
    return None


def factors_of_subjects(subjects: Iterable[str]) -> dict[str, str]:
    """Return the factor by the code of its series; what is no code of a series is left out."""
    rows = models.Series.objects.select_related("factor").filter(code__in=set(subjects))
    return {row.code: str(row.factor) for row in rows}


def factor_names() -> frozenset[str]:
    """Return the Chinese names of the registered factors of outlets."""
    rows = models.Factor.objects.filter(medium__in=("waste_water", "flue_gas"))
    return frozenset(rows.values_list("name_zh", flat=True))


def duty_report(user: Any) -> dict[str, Any]:
    """Return gaps (a duty nobody has), overlaps (two organisations at once) and coverage rates of running points."""
    points = list(points_visible_to(user).filter(status="running").exclude(kind="synthetic"))
    held: dict[int, dict[str, list[models.Duty]]] = {}
    for duty in in_force(models.Duty.objects.select_related("organisation").filter(point__in=points)):
        held.setdefault(duty.point_id, {}).setdefault(duty.kind, []).append(duty)
    gaps, overlaps, rows = [], [], []
    for point in points:
        own = held.get(point.pk, {})
        rows.append((point, [(kind, own.get(kind.value, [])) for kind in models.Duty.Kind]))
        gaps.extend((point, kind.label) for kind in models.Duty.Kind if not own.get(kind.value))
        overlaps.extend(
            (point, models.Duty.Kind(kind).label, duties) for kind, duties in own.items() if len(duties) > 1
        )
    return {"rows": rows, "gaps": gaps, "overlaps": overlaps, "coverage": coverage(user)}


def coverage(user: Any) -> list[dict[str, Any]]:
    """Return how much of what should be watched is: key units, parks and zones, sections online; townships with an air station.

    Online is what has a device registered now. A park or section that is planned counts among what should be watched.
    """
    with_device = only_in_force(models.Device.objects.filter(synthetic=False)).values("point")
    key_units = sources_visible_to(user).filter(
        pk__in=only_in_force(models.ListMembership.objects.all()).values("source")
    )
    online = key_units.filter(outlets__points__in=with_device).distinct()
    reach = account_rules.scope(user, Capability.VIEW_REGISTRY)
    townships = account_rules.Region.objects.filter(pk__in=reach.regions, level="township")
    with_air = townships.filter(
        point__kind__in=("air_city", "air_township"), point__status="running"
    ).distinct()
    points = points_visible_to(user).exclude(status="removed")
    found = [
        {"name": "key_units", "have": online.count(), "of": key_units.count()},
        {"name": "townships", "have": with_air.count(), "of": townships.count()},
    ]
    for name, kinds in (
        ("zones", ("industrial_park",)),
        ("sections", ("water_section", "water_station", "water_inbound")),
    ):
        watched = points.filter(kind__in=kinds)
        found.append(
            {"name": name, "have": watched.filter(pk__in=with_device).count(), "of": watched.count()}
        )
    return found

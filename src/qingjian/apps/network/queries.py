"""All reads of the registry, narrowed to what a person may see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts.roles import Capability
from qingjian.apps.network import models
from qingjian.contracts.current import now
from qingjian.quality import configured, flue_gas


def points_visible_to(user: Any, capability: Capability = Capability.VIEW_REGISTRY) -> QuerySet[models.Point]:
    """Return the points in the person's regions, or owned by or run for the person's organisation."""
    reach = account_rules.scope(user, capability)
    return models.Point.objects.select_related("region", "organisation", "outlet__source").filter(
        Q(region_id__in=reach.regions)
        | Q(organisation_id__in=reach.organisations)
        | Q(pk__in=models.Duty.objects.filter(organisation_id__in=reach.organisations).values("point_id"))
    )


def sources_visible_to(user: Any) -> QuerySet[models.Source]:
    reach = account_rules.scope(user, Capability.VIEW_REGISTRY)
    return models.Source.objects.select_related("region", "organisation").filter(
        Q(region_id__in=reach.regions) | Q(organisation_id__in=reach.organisations)
    )


def outlets_visible_to(user: Any) -> QuerySet[models.Outlet]:
    return models.Outlet.objects.select_related("source__region").filter(source__in=sources_visible_to(user))


def devices_visible_to(user: Any) -> QuerySet[models.Device]:
    return models.Device.objects.select_related("point__region").filter(point__in=points_visible_to(user))


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
    """Return one's own requests and those in the regions where one sees the registry."""
    reach = account_rules.scope(user, Capability.VIEW_REGISTRY)
    return models.ChangeRequest.objects.select_related("author", "region", "decided_by").filter(
        Q(author=user) | Q(region_id__in=reach.regions) | Q(organisation_id__in=reach.organisations)
    )


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


def in_force(rows: Iterable[Any], at: Any = None) -> list[Any]:
    """Keep the dated rows that hold at a moment (now when None)."""
    at = at or now()
    return [
        row
        for row in rows
        if (row.valid_from is None or row.valid_from <= at) and (row.valid_to is None or at < row.valid_to)
    ]


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

"""Lists of the registry."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.network import models
from qingjian.apps.network.kinds import ELEMENTS, KINDS, kinds_of
from qingjian.ui.listing import Choice, Column, Listing, Search
from qingjian.ui.templatetags.kit import own_language

STATUS_COLOURS = {
    "running": "green",
    "planned": "blue",
    "stopped": "orange",
    "removed": "secondary",
    "closed": "secondary",
}
STATE_COLOURS = {"proposed": "blue", "approved": "green", "rejected": "red", "withdrawn": "secondary"}


def _of_element(rows: QuerySet[Any], element: str) -> QuerySet[Any]:
    return rows.filter(kind__in=kinds_of(element))


class PointListing(Listing):
    title = _("Monitoring points")
    name = "points"
    model = models.Point
    columns = (
        Column("name", _("Name"), link=lambda row: reverse("point", args=(row.code,))),
        Column("code", _("Point code")),
        Column("kind", _("Kind"), value=lambda row: row.get_kind_display(), order="kind"),
        Column("element", _("Element"), value=lambda row: ELEMENTS[row.element]),
        Column("level", _("Level"), value=lambda row: row.get_level_display(), order="level"),
        Column("region", _("Region"), order="region__code"),
        Column("organisation", _("Owner"), order="organisation__name"),
        Column(
            "status",
            _("State"),
            value=lambda row: row.get_status_display(),
            order="status",
            badge=lambda row: STATUS_COLOURS[row.status],
        ),
    )
    filters = (
        Search(("name", "code", "organisation__name")),
        Choice("element", _("Element"), lambda: ELEMENTS.items(), use=_of_element),
        Choice("kind", _("Kind"), lambda: [(kind.code, kind.name) for kind in KINDS.values()]),
        Choice("level", _("Level"), models.Point.Level.choices),
        Choice("status", _("State"), lambda: models.Point._meta.get_field("status").choices),
    )
    empty_text = _("No monitoring point lies within your posts.")


class SourceListing(Listing):
    title = _("Pollution sources")
    name = "sources"
    model = models.Source
    columns = (
        Column("name", _("Name"), link=lambda row: reverse("source", args=(row.code,))),
        Column("code", _("Source code")),
        Column("industry", _("Industry")),
        Column(
            "management",
            _("Permit management"),
            value=lambda row: row.get_management_display(),
            order="management",
        ),
        Column("region", _("Region"), order="region__code"),
        Column(
            "status",
            _("State"),
            value=lambda row: row.get_status_display(),
            order="status",
            badge=lambda row: STATUS_COLOURS[row.status],
        ),
    )
    filters = (
        Search(("name", "code", "industry")),
        Choice("list", _("List"), models.ListMembership.List.choices, field="memberships__name"),
        Choice("management", _("Permit management"), models.Source.Management.choices),
    )
    empty_text = _("No pollution source lies within your posts.")


class DeviceListing(Listing):
    title = _("Devices")
    name = "devices"
    model = models.Device
    template = "network/devices.html"
    columns = (
        Column("name", _("Name"), link=lambda row: reverse("device", args=(row.code,))),
        Column("mn", _("MN")),
        Column("point", _("Monitoring point"), order="point__name"),
        Column("edition", _("HJ 212 edition"), value=lambda row: row.get_edition_display(), order="edition"),
        Column("system_code", _("System code (ST)")),
        Column(
            "online",
            _("Connection"),
            value=lambda row: row.connection_text,
            badge=lambda row: row.connection_colour,
            order="",
        ),
        Column("last_frame", _("Last frame"), value=lambda row: row.last_frame_at, order=""),
        Column("accepted", _("Accepted"), value=lambda row: row.accepted, numeric=True, order=""),
        Column("refused", _("Refused"), value=lambda row: row.refused, numeric=True, order=""),
    )
    filters = (
        Search(("name", "mn", "code", "point__name")),
        Choice("edition", _("HJ 212 edition"), lambda: models.Device._meta.get_field("edition").choices),
    )
    empty_text = _("No device lies within your posts.")


class SeriesListing(Listing):
    title = _("Series")
    name = "series"
    model = models.Series
    columns = (
        Column(
            "code",
            _("Series code"),
            link=lambda row: f"{reverse('point', args=(row.point.code,))}?series={row.code}",
        ),
        Column("point", _("Monitoring point"), order="point__name"),
        Column("factor", _("Factor"), order="factor__code"),
        Column("unit", _("Unit")),
        Column(
            "origin",
            _("Origin"),
            value=lambda row: row.get_origin_display(),
            order="origin",
            badge=lambda row: "orange" if row.origin == "simulated" else "teal",
        ),
        Column(
            "device",
            _("Device"),
            value=lambda row: row.device.name if row.device else "",
            order="device__name",
        ),
        Column("notice", _("Notice"), value=lambda row: own_language(row.notice), order=""),
    )
    filters = (
        Search(("code", "point__name", "factor__name_zh", "factor__name_en")),
        Choice("origin", _("Origin"), models.Series.Origin.choices),
    )


class ChangeListing(Listing):
    title = _("Changes of the registry")
    name = "changes"
    model = models.ChangeRequest
    columns = (
        Column("reason", _("Reason"), link=lambda row: reverse("change", args=(row.pk,))),
        Column("author", _("Proposed by"), order="author__name"),
        Column("created_at", _("Proposed at")),
        Column("region", _("Region"), order="region__code"),
        Column(
            "state",
            _("State"),
            value=lambda row: row.get_state_display(),
            order="state",
            badge=lambda row: STATE_COLOURS[row.state],
        ),
        Column("decided_by", _("Decided by"), order="decided_by__name"),
        Column("decided_at", _("Decided at")),
    )
    filters = (
        Search(("reason", "author__name")),
        Choice("state", _("State"), models.ChangeRequest.State.choices),
    )
    empty_text = _("No change has been proposed yet. Open a point or use the import to propose one.")

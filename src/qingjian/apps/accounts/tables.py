"""Lists of accounts."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.accounts import trail
from qingjian.apps.accounts.models import AuditEvent, Organisation, Region, User
from qingjian.ui.listing import Choice, Column, Listing, Search


def _has_second_factor(row: User) -> bool:
    factor = getattr(row, "second_factor", None)
    return factor is not None and factor.confirmed_at is not None


class UserListing(Listing):
    title = _("People")
    name = "people"
    columns = (
        Column("username", _("Login name"), link=lambda row: reverse("user", args=(row.pk,))),
        Column("name", _("Name")),
        Column("organisation", _("Organisation"), order="organisation__name"),
        Column("email", _("E-mail")),
        Column(
            "is_active",
            _("State"),
            value=lambda row: _("In use") if row.is_active else _("Closed"),
            badge=lambda row: "green" if row.is_active else "secondary",
        ),
        Column(
            "second_factor",
            _("Second factor"),
            value=lambda row: _("In use") if _has_second_factor(row) else "",
            badge=lambda row: "green" if _has_second_factor(row) else None,
            order="",
        ),
        Column("last_login", _("Last sign-in")),
    )
    filters = (
        Search(("username", "name", "organisation__name")),
        Choice("is_active", _("State"), ((True, _("In use")), (False, _("Closed")))),
    )
    model = User
    add_url = "user-add"


class OrganisationListing(Listing):
    title = _("Organisations")
    name = "organisations"
    columns = (
        Column("name", _("Name")),
        Column("code", _("Unified social credit code")),
        Column("get_kind_display", _("Kind"), order="kind"),
        Column("region", _("Region"), order="region__code"),
    )
    filters = (Search(("name", "code")), Choice("kind", _("Kind"), Organisation.Kind.choices))
    model = Organisation


class RegionListing(Listing):
    title = _("Regions")
    name = "regions"
    columns = (
        Column("code", _("Region code")),
        Column("name", _("Name")),
        Column("get_level_display", _("Level"), order="level"),
    )
    filters = (Search(("name", "code")), Choice("level", _("Level"), Region.Level.choices))
    model = Region


class AuditListing(Listing):
    title = _("Access trail")
    name = "audit"
    columns = (
        Column("at", _("Time")),
        Column("user", _("User"), order="user__name"),
        Column("action", _("Action"), value=lambda row: trail.title(row.action), order="action"),
        Column("subject", _("Subject")),
        Column("address", _("Address")),
    )
    filters = (
        Search(("subject", "user__name", "address")),
        Choice("action", _("Action"), lambda: trail.ACTIONS.items()),
    )
    model = AuditEvent

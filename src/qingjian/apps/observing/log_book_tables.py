"""Lists of the log books."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from qingjian.apps.observing.log_books import MaterialUse, RemoteSession, SoftwareReading
from qingjian.ui.listing import Choice, Column, Listing, Search

HELD = (("0", _("Counts")), ("1", _("Struck out")))
ANNOUNCED = (("1", _("announced")), ("0", _("not announced")))


def _of_state(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    return rows.exclude(struck_at=None) if text == "1" else rows.filter(struck_at=None)


def remark(row: Any) -> Any:
    """Return what has to be said of an entry at first sight."""
    if row.struck_at is not None:
        return _("struck out")
    return _("simulation") if row.simulated else ""


REMARK = Column(
    "remark",
    _("Remark"),
    value=remark,
    order="",
    badge=lambda row: "secondary" if row.struck_at else "orange" if row.simulated else None,
)
FILED = (
    Column("author", _("Entered by"), value=lambda row: row.filing.author, order="filing__author__name"),
    Column("at", _("Entered"), value=lambda row: row.filing.at, order="filing__at"),
)
STATE = Choice("struck", _("State"), HELD, use=_of_state)


def _entry(book: str) -> Any:
    return lambda row: reverse("log-book-entry", args=(book, row.pk))


class SessionListing(Listing):
    title = _("Remote sessions")
    name = "remote-sessions"
    model = RemoteSession
    template = "observing/log_book.html"
    columns = (
        Column("start", _("Began"), link=_entry("remote-sessions")),
        Column("end", _("Ended")),
        Column("device", _("Device"), value=lambda row: row.device.name, order="device__name"),
        Column("point", _("Monitoring point"), order="device__point__name"),
        Column("person", _("Who")),
        Column("address", _("From address")),
        Column("purpose", _("What for")),
        Column(
            "notice",
            _("Maintenance notice"),
            value=lambda row: row.notice or _("not announced"),
            order="notice",
            badge=lambda row: None if row.notice else "orange",
        ),
        REMARK,
        *FILED,
    )
    filters = (
        Search(
            (
                "device__name",
                "device__code",
                "device__mn",
                "device__point__name",
                "person",
                "address",
                "purpose",
            )
        ),
        Choice(
            "announced",
            _("Maintenance notice"),
            ANNOUNCED,
            use=lambda rows, text: rows.exclude(notice="") if text == "1" else rows.filter(notice=""),
        ),
        STATE,
    )
    empty_text = _("No remote session is entered. Enter one, or import the access log of a device.")


class SoftwareListing(Listing):
    title = _("Software found")
    name = "software-found"
    model = SoftwareReading
    template = "observing/log_book.html"
    columns = (
        Column("read_at", _("Read"), link=_entry("software-found")),
        Column(
            "subject", _("Device or instrument"), value=lambda row: row.device or row.instrument, order=""
        ),
        Column("point", _("Monitoring point"), order=""),
        Column("version", _("Software version")),
        Column("digest", _("Hash"), value=lambda row: row.digest[:16]),
        Column(
            "against",
            _("Against the register"),
            value=lambda row: AGAINST[row.against][0],
            order="",
            badge=lambda row: AGAINST[row.against][1],
        ),
        Column("reader", _("Read by")),
        Column("way", _("How"), value=lambda row: row.get_way_display(), order="way"),
        REMARK,
        *FILED,
    )
    filters = (
        Search(
            (
                "device__name",
                "device__code",
                "device__mn",
                "device__point__name",
                "instrument__name",
                "instrument__code",
                "instrument__point__name",
                "version",
                "digest",
                "reader",
            )
        ),
        Choice("way", _("How"), SoftwareReading.Way.choices),
        STATE,
    )
    empty_text = _("No software was read yet. Enter what an inspection found: version and hash.")


AGAINST = {
    "equal": (_("as registered"), "green"),
    "differs": (_("hash differs"), "red"),
    "unknown": (_("version not registered"), "orange"),
    "nothing": (_("nothing registered"), "secondary"),
}
"""What a reading is against the register, with its colour."""


class MaterialListing(Listing):
    title = _("Materials used")
    name = "materials"
    model = MaterialUse
    template = "observing/log_book.html"
    columns = (
        Column("outlet", _("Outlet"), link=_entry("materials"), order="outlet__code"),
        Column("source", _("Source"), value=lambda row: row.outlet.source.name, order="outlet__source__name"),
        Column("material", _("Material"), value=lambda row: row.get_material_display(), order="material"),
        Column("first_day", _("First day")),
        Column("last_day", _("Last day (included)")),
        Column(
            "amount",
            _("Amount"),
            value=lambda row: f"{row.amount.normalize():f} {row.get_unit_display()}",
            numeric=True,
            order="amount",
        ),
        Column("document", _("Document")),
        REMARK,
        *FILED,
    )
    filters = (
        Search(("outlet__name", "outlet__code", "outlet__source__name", "document")),
        Choice("material", _("Material"), MaterialUse.Material.choices),
        STATE,
    )
    empty_text = _("No material is entered. Import what was burnt, put in or drawn in a period.")


LISTINGS: dict[str, type[Listing]] = {
    one.name: one for one in (SessionListing, SoftwareListing, MaterialListing)
}
HELP = {
    "remote-sessions": _(
        "Who was on a device from afar, from where, when and what for. A change of a setting within two hours of a session "
        "that nobody announced becomes evidence of the screening."
    ),
    "software-found": _(
        "Version and hash of the software as found on a device or instrument, beside what the register says. A difference "
        "becomes evidence of the screening."
    ),
    "materials": _(
        "Fuel, raw material, water and chemicals used for an outlet in a period. Fuel, raw material and water are held against "
        "the emission reported: a month far below its usual share becomes evidence of the screening."
    ),
}
